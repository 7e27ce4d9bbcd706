"""Differentiable splatting of Gaussians, for image-space losses.

`project` (autograd) gives ellipses on the screen, `tiles` sorts them into 16x16 tiles, `rasterize` blends them in C++,
CUDA or gsplat. `reference` is the same in plain PyTorch, for tests. `avatar_splatter` goes from maps to pictures."""
