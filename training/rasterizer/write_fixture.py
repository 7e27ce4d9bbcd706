"""Write tests/fixtures/picture.json: an avatar as the training rasteriser draws it, which the browser's pictures are
measured against.

    python -m training.rasterizer.write_fixture

Maps are waves that the test makes again; the picture is kept. Renew it when the head model or the rasteriser
changes."""

import base64
import json
from pathlib import Path

import numpy as np
import torch

from ..headmodel.model import HeadModel
from ..models.base_maps import head_texels
from .avatar_splatter import AvatarSplatter

PATH = Path(__file__).resolve().parents[2] / "tests/fixtures/picture.json"
MAP_SIZE = 64
EDGE = 48  # px
DISTANCE, FOCAL = 0.77, 2.4 * EDGE  # meters, px
EXPRESSION = {"jawOpen": 0.6, "eyeBlinkLeft": 1.0, "mouthSmileRight": 0.5}
POSE = {3: 0.2, 4: 0.4, 5: -0.1, 9: 0.1}
#: per channel of the maps: mean and height of the waves
STATIC = [(0, 0.002)] * 3 + [(1.5, 2)] + [(0.5, 0.4)] * 3 + [(-5.4, 0.6)] * 3 + [(0, 0.6)] * 3 + [(1, 0.3)]
DELTA = [(0, 0.001)] * 3 + [(0, 0.3)] + [(0, 0.1)] * 3 + [(0, 0.1)] * 7


def waves(channels: list[tuple[float, float]]) -> np.ndarray:
    """-> [14, MAP_SIZE, MAP_SIZE]"""
    texel = np.arange(MAP_SIZE**2)
    rows = [mean + height * np.sin((0.7 + 0.31 * c) * texel + c) for c, (mean, height) in enumerate(channels)]
    return np.stack(rows).reshape(-1, MAP_SIZE, MAP_SIZE).astype(np.float32)


def picture() -> np.ndarray:
    """[4, EDGE, EDGE]: color over grey 0.5 and coverage, 0..1."""
    head: HeadModel = head_texels(MAP_SIZE)[0]
    pose = np.zeros(15)
    pose[list(POSE)] = list(POSE.values())
    splatter = AvatarSplatter(head, MAP_SIZE)
    skin = splatter.skin(head.expression_vector(**EXPRESSION), pose)
    camera = torch.eye(3), torch.tensor([0.0, 0.0, -DISTANCE]), FOCAL
    maps = torch.tensor(waves(STATIC)), torch.tensor(waves(DELTA))
    return splatter.picture(*maps, skin, *camera, EDGE, torch.full((3,), 0.5))[:4].numpy()


def main() -> None:
    pixels = np.round(65535 * picture().clip(0, 1)).astype("<u2")
    settings = {
        "mapSize": MAP_SIZE,
        "edge": EDGE,
        "distance": DISTANCE,
        "focal": FOCAL,
        "expression": EXPRESSION,
        "pose": POSE,
    }
    content = {**settings, "static": STATIC, "delta": DELTA, "picture": base64.b64encode(pixels.tobytes()).decode()}
    PATH.write_text(json.dumps(content, separators=(",", ":")) + "\n")
    print(f"{PATH.name} {PATH.stat().st_size} bytes")


if __name__ == "__main__":
    main()
