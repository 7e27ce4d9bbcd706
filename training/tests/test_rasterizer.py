"""The kernels against the plain PyTorch definition, and pictures against the generator's reference splatter."""

import ctypes
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from training.rasterizer import rasterize as blending
from training.rasterizer.project import project, rotation_matrices
from training.rasterizer.rasterize import rasterize
from training.rasterizer.reference import rasterize_reference

CUDA = pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"))
CAMERA = torch.eye(3), torch.tensor([0.0, 0.0, -0.8]), 90.0


def random_gaussians(count: int = 240, device: str = "cpu", opacity: float = 0.98) -> list[torch.Tensor]:
    """Mean [n, 3], quaternion [n, 4], scale [n, 3], opacity [n], color [n, 3]: leaves that want gradients."""
    generator = torch.Generator().manual_seed(3)
    normal = lambda *shape: torch.randn(shape, generator=generator)
    uniform = lambda *shape: torch.rand(shape, generator=generator)
    parts = [
        0.12 * normal(count, 3),
        normal(count, 4),
        0.004 + 0.03 * uniform(count, 3),
        opacity * (0.03 + 0.97 * uniform(count)),
        uniform(count, 3),
    ]
    return [p.to(device).requires_grad_() for p in parts]


def ellipses_of(parts: list[torch.Tensor], size: int):
    mean, quaternion, scale, opacity, color = parts
    R, t, f = CAMERA
    return project(mean, rotation_matrices(quaternion), scale, opacity, color, R.to(mean), t.to(mean), f, size)


def picture_and_gradients(backend: str, size: int = 50, device: str = "cpu", **of_gaussians) -> list[torch.Tensor]:
    parts = random_gaussians(device=device, **of_gaussians)
    background = torch.tensor([0.2, 0.5, 0.7], device=device)
    ellipses = ellipses_of(parts, size)
    picture = (
        rasterize_reference(ellipses, size, size, background)
        if backend == "reference"
        else rasterize(ellipses, size, size, background, backend)
    )
    weights = torch.randn(picture.shape, generator=torch.Generator().manual_seed(5)).to(device)
    (weights * picture).sum().backward()
    return [p.detach().cpu() for p in (picture, *(part.grad for part in parts))]


@pytest.mark.parametrize("backend", ["cpu", CUDA])
def test_backend_agrees_with_reference(backend):
    truth, ours = picture_and_gradients("reference"), picture_and_gradients(backend, device=backend)
    assert (truth[0] - ours[0]).abs().max() < 1e-4
    assert truth[0][3].max() > 0.9  # something is to be seen
    for wanted, got in zip(truth[1:], ours[1:]):
        assert (wanted - got).abs().max() < 1e-3 * wanted.abs().max()


@pytest.fixture(scope="module")
def cuda_kernels(tmp_path_factory) -> ctypes.CDLL:
    """rasterizer/tiles.cu, compiled for the processor by means of cuda_on_cpu.h."""
    source = (Path(blending.__file__).parent / "tiles.cu").read_text()
    source, headers = re.subn(r"#include <cuda_runtime.h>", '#include "cuda_on_cpu.h"', source)
    source, launches = re.subn(
        r"(\w+)<<<(.+?), (\w+), 0, stream>>>\((.+?)\);",
        r"cuda_on_cpu::launch(\2, \3, [=] { \1(\4); });",
        source,
        flags=re.S,
    )
    assert headers == 1 and launches == 2
    folder = tmp_path_factory.mktemp("cuda")
    (folder / "tiles.cpp").write_text(source)
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
    flags = ["-O2", "-std=c++17", "-shared", "-fPIC", "-I", str(Path(__file__).parent)]
    subprocess.run([compiler, *flags, str(folder / "tiles.cpp"), "-o", str(folder / "tiles.so")], check=True)
    return ctypes.CDLL(str(folder / "tiles.so"))


def test_cuda_kernels_agree_with_reference_on_an_emulated_device(cuda_kernels, monkeypatch):
    def call(name: str, width: int, height: int, *tensors: torch.Tensor) -> None:
        pointers = [ctypes.c_void_p(t.data_ptr()) for t in (*tensors, torch.empty(0))]
        assert getattr(cuda_kernels, name)(ctypes.c_int(width), ctypes.c_int(height), *pointers) == 0

    # a tile with more ellipses than a block has threads, which still let light through, and tiles that stand over the
    # edge
    size, faint = 40, {"count": 720, "opacity": 0.1}
    truth = picture_and_gradients("reference", size, **faint)
    monkeypatch.setattr(blending, "_call", call)
    ours = picture_and_gradients("cpu", size, **faint)
    _, start = blending.sort_into_tiles(ellipses_of(random_gaussians(**faint), size), size, size)
    assert start.diff().max() > 256
    assert (truth[0] - ours[0]).abs().max() < 1e-4
    for wanted, got in zip(truth[1:], ours[1:]):
        assert (wanted - got).abs().max() < 1e-3 * wanted.abs().max()


def test_picture_agrees_with_generator():
    from training.synth.raster import splat

    parts = random_gaussians()
    size = 64
    picture = rasterize(ellipses_of(parts, size), size, size, torch.full((3,), 0.5))
    arrays = [p.detach().numpy() for p in parts]
    truth = splat(*arrays, CAMERA[0].numpy(), CAMERA[1].numpy(), CAMERA[2], size)
    assert np.abs(picture[:3].detach().numpy() - truth).max() < 1e-4


def test_behind_the_camera_and_off_screen_draw_nothing():
    parts = random_gaussians(4)
    with torch.no_grad():
        parts[0][:2, 2] = 2.0
        parts[0][2:, 0] = 40.0
    picture = rasterize(ellipses_of(parts, 32), 32, 32, torch.zeros(3))
    assert picture.abs().max() == 0
    picture.sum().backward()
    assert all(torch.isfinite(part.grad).all() for part in parts)


def test_unknown_backend_is_an_error():
    with pytest.raises(ValueError, match="wanted auto"):
        rasterize(ellipses_of(random_gaussians(2), 16), 16, 16, torch.zeros(3), "metal")


def test_avatar_splatter_agrees_with_generator():
    from training.headmodel.model import HeadModel
    from training.models.base_maps import head_texels
    from training.rasterizer.avatar_splatter import AvatarSplatter
    from training.synth.raster import render_maps

    head, _ = head_texels(64)
    assert isinstance(head, HeadModel)
    rng = np.random.default_rng(2)
    static = rng.normal(0, 0.3, (14, 64, 64)).astype(np.float32)
    static[:3] *= 0.01
    static[3] += 2
    static[7:10] = static[7:10] * 0.2 + np.log(0.003)
    static[13] += 2
    delta = 0.1 * rng.normal(0, 0.3, (14, 64, 64)).astype(np.float32)
    delta[:3] *= 0.1
    expression = head.expression_vector(jawOpen=0.6, eyeBlinkLeft=1.0)
    pose = np.zeros(15)
    pose[3:6] = 0.2, 0.4, -0.1
    R, t, f = np.eye(3, dtype=np.float32), np.float32([0, 0, -0.77]), 160.0
    truth = render_maps(head, static, delta, expression, pose, R, t, f, 72, 0.5)
    splatter = AvatarSplatter(head, 64)
    maps = torch.tensor(static, requires_grad=True)
    camera = torch.from_numpy(R), torch.from_numpy(t), f
    picture = splatter.picture(
        maps, torch.tensor(delta), splatter.skin(expression, pose), *camera, 72, torch.full((3,), 0.5)
    )
    assert np.abs(picture[:3].detach().numpy() - truth).max() < 1e-3
    picture[:4].sum().backward()
    assert all(maps.grad[c].abs().max() > 0 for c in range(14))
    assert picture[4].max() > 0.3 and picture[4].mean() < 0.2  # the mouth is somewhere, and small


def test_fixture_of_the_browser_is_ours():
    import base64
    import json

    from training.rasterizer.write_fixture import PATH, picture

    kept = np.frombuffer(base64.b64decode(json.loads(PATH.read_text())["picture"]), "<u2").reshape(4, 48, 48) / 65535
    assert np.abs(picture() - kept).max() < 1e-4
