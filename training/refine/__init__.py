"""Refinement (paper, section 3.4): the photos' own detail, solved into the colors of a static map. ALGORITHM.md has
every formula.

`transpose` draws colors and does the transpose of it; `views` says what a photo knows of each texel; `colors` solves;
`spread` decides what becomes of texels that no photo shows; `refine` puts them together; `portraits` prepares photos.

Measured beside it and not used by it (evaluate/levels.py, training/EXPERIMENTS.md): `geometry` moves the avatar and the
cameras, `warp` the photo, and `parameters` is the paper's own refinement."""
