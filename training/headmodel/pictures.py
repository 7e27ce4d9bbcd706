"""Pictures of the open head for the docs: `python -m training.headmodel.pictures`."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from .model import HeadModel
from .raster import depth_buffer, shade

REGION_COLOR = {
    "face": (226, 184, 156), "lids": (240, 128, 128), "lips": (200, 70, 84), "mouthInterior": (122, 28, 38),
    "eyeLeft": (240, 240, 244), "eyeRight": (226, 232, 244), "scalp": (98, 80, 70),
    "neck": (168, 190, 222), "ears": (178, 212, 150), "teethUpper": (252, 250, 232),
    "teethLower": (240, 238, 214), "tongue": (222, 100, 116),
}  # fmt: skip
SKIN_COLOR = REGION_COLOR | {
    "lids": (222, 176, 150),
    "neck": (226, 184, 156),
    "ears": (226, 184, 156),
    "scalp": (226, 184, 156),
}


def face_colors(model: HeadModel, table: dict) -> np.ndarray:
    """Color [F,3] of every face; the front of the eyeballs gets an iris and a pupil."""
    color = np.array([table[name] for name in model.regions], float)[model.face_region]
    for side, name in ((3, "eyeLeft"), (4, "eyeRight")):
        centre = model.template[model.faces].mean(1) - model.joints[side]
        angle = np.arccos(np.clip(centre[:, 2] / np.linalg.norm(centre, axis=1), -1, 1))
        ball = model.face_region == model.regions.index(name)
        color[ball & (angle < 0.47)] = (90, 120, 150)
        color[ball & (angle < 0.2)] = (20, 20, 24)
    return color


def atlas_picture(model: HeadModel, size: int) -> Image.Image:
    """Regions in their colors, triangle edges darker, openings black."""
    pixels = np.concatenate([model.uv * [size, -size] + [0, size], np.zeros((len(model.uv), 1))], 1)
    face, bary = depth_buffer(pixels, model.uv_faces, size, size)
    picture = np.zeros((size, size, 3))
    hit = face >= 0
    picture[hit] = np.array([REGION_COLOR[name] for name in model.regions], float)[model.face_region[face[hit]]]
    picture[hit & (bary.min(-1) < 0.07)] *= 0.7
    return Image.fromarray(picture.astype(np.uint8))


def poses(model: HeadModel) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """(label, expression [E], pose [15]) of every cell of the sheet."""
    rest, still = np.zeros(len(model.expressions)), np.zeros(15)
    cells = [("neutral", rest, still)]
    for index, name in enumerate(model.expressions):
        weights = np.eye(len(model.expressions))[index]
        if name == "mouthClose":  # by ARKit's definition it closes the lips of an open jaw and is never used without
            name, weights = "mouthClose + jawOpen", weights + model.expression_vector(jawOpen=1)
        cells.append((name, weights, still))
    for label, at, value in (
        ("neck yaw +", 4, 0.5), ("neck yaw -", 4, -0.5), ("neck pitch +", 3, 0.35), ("neck pitch -", 3, -0.35),
        ("neck roll +", 5, 0.3), ("jaw 0.3", 6, 0.3), ("eyeL yaw +", 10, 0.4), ("eyeR yaw +", 13, 0.4),
        ("eyeL pitch +", 9, 0.3), ("eyeR pitch -", 12, -0.3),
    ):  # fmt: skip
        pose = still.copy()
        pose[at] = value
        cells.append((label, rest, pose))
    cells.append(
        (
            "smile, blink",
            model.expression_vector(mouthSmileLeft=1, mouthSmileRight=1, eyeBlinkLeft=1, eyeBlinkRight=1),
            still,
        )
    )
    return cells


def arkit_cells(model: HeadModel) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """The face at rest and each expression at full strength."""
    return poses(model)[: 1 + len(model.expressions)]


def sheet(
    model: HeadModel, cell: int, columns: int, cells: list | None = None, fine: int = 1, **view: float
) -> Image.Image:
    """Contact sheet of poses; the subject's left is on the right. `fine` draws cells larger and scales them down."""
    cells = poses(model) if cells is None else cells
    color = face_colors(model, SKIN_COLOR)
    two_sided = np.isin(model.face_region, [model.regions.index(name) for name in model.meta["twoSidedRegions"]])
    rows = -(-len(cells) // columns)
    picture = Image.new("RGB", (columns * cell, rows * (cell + 14)), "white")
    draw = ImageDraw.Draw(picture)
    settings = {"span": 0.21, "centre": (0.0, -0.01, 0.0), "two_sided": two_sided} | view
    for k, (label, expression, pose) in enumerate(cells):
        left, top = k % columns * cell, k // columns * (cell + 14)
        drawn = Image.fromarray(shade(model.posed(None, expression, pose), model.faces, color, fine * cell, **settings))
        picture.paste(drawn.resize((cell, cell), Image.Resampling.BOX), (left, top + 14))
        draw.text((left + 3, top + 1), label, fill="black")
    return picture


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parents[2] / "docs" / "images")
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    open_head = HeadModel.load()
    atlas_picture(open_head, 1024).save(folder / "open-head-atlas.png", optimize=True)
    sheet(open_head, 150, 10).quantize(128).save(folder / "open-head-expressions.png", optimize=True)
    # Close to the face, so that brows and lids can be seen.
    faces = sheet(open_head, 150, 9, arkit_cells(open_head), fine=2, span=0.16, centre=(0.0, -0.014, 0.0))
    faces.quantize(128).save(folder / "arkit-expressions.png", optimize=True)
