"""Write tests/fixtures/refinement.json: two photos of the open head, the steps of their refinement, for the browser's
twin.

    python -m training.refine.write_fixture

Smooth inputs are waves that the test makes again; pictures and rotations are kept as bytes. Renew it when the head
model, the rasteriser or ALGORITHM.md changes."""

import base64
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..models.base_maps import head_texels, rest_map
from ..rasterizer.avatar_splatter import AvatarSplatter
from ..synth.cameras import rotation
from .atlas import Atlas
from .refine import COLOR, Refined, refine
from .settings import RefineSettings
from .transpose import LinearPicture
from .views import Seen, View

PATH = Path(__file__).resolve().parents[2] / "tests/fixtures/refinement.json"
MAP_SIZE, EDGE = 64, 48
DISTANCE, FOCAL = 0.77, 2.2  # meters, crop sides
SETTINGS = replace(RefineSettings(), rounds=4)
#: per channel of the maps: mean and height of the waves mean + height sin((0.7 + 0.31 channel) texel + channel); texel
# row-major
STATIC = [(0, 0.001)] * 3 + [(2.0, 1.0)] + [(0.5, 0.25)] * 3 + [(-5.2, 0.2)] * 2 + [(-6.6, 0.2)]
DELTA = [(0, 0.001)] * 3 + [(0, 0.3)] + [(0, 0.05)] * 3 + [(0, 0.1)] * 7
PHOTOS = (
    {"yaw": 0, "expression": {}, "tone": [1.0, 1.0, 1.0]},
    {
        "yaw": 35,
        "expression": {"jawOpen": 0.4, "mouthSmileLeft": 0.7, "mouthSmileRight": 0.7},
        "tone": [1.15, 1.0, 0.85],
    },
)
MOST_SEEN = 2000.0  # pixels of a crop of 512 that `seen` of the fixture can hold
LOST_ROWS = 5  # of the crop, below the photo


def waves(channels: list[tuple[float, float]]) -> np.ndarray:
    """-> [channels, MAP_SIZE, MAP_SIZE]"""
    texel = np.arange(MAP_SIZE**2)
    rows = [mean + height * np.sin((0.7 + 0.31 * c) * texel + c) for c, (mean, height) in enumerate(channels)]
    return np.stack(rows).reshape(-1, MAP_SIZE, MAP_SIZE).astype(np.float32)


def pack(values: np.ndarray, kind: str) -> str:
    """Base64 of `values` as little-endian numbers."""
    return base64.b64encode(np.ascontiguousarray(values).astype(kind).tobytes()).decode()


def shorts(values: Tensor | np.ndarray) -> str:
    """0..1 in steps of 1/65535."""
    return pack(np.round(65535 * np.asarray(values).clip(0, 1)), "<u2")


def rotations() -> np.ndarray:
    """int8 [4, MAP_SIZE, MAP_SIZE]: quaternions of the head at rest, times 127."""
    return np.round(127 * rest_map(MAP_SIZE)[3:].numpy()).astype(np.int8)


def static_map() -> Tensor:
    return torch.from_numpy(np.concatenate([waves(STATIC), rotations().astype(np.float32) / 127]))


def photos(splatter: AvatarSplatter, static: Tensor) -> list[View]:
    """The head in other colors before two cameras, as bytes: image and matte."""
    head, delta = splatter.head, torch.from_numpy(waves(DELTA))
    rows, columns = torch.meshgrid(torch.linspace(0, 6, MAP_SIZE), torch.linspace(0, 6, MAP_SIZE), indexing="ij")
    true = static.clone()
    true[COLOR] = (static[COLOR] * 0.6 + 0.15 + 0.1 * torch.sin(rows) * torch.cos(columns)).clamp(0, 1)
    views = []
    for photo in PHOTOS:
        expression = head.expression_vector(**photo["expression"])
        points = head.media_pipe_landmarks(head.posed(None, expression))
        middle = np.nanmean(points, 0) - [0, 0, 0.06]
        R = rotation(np.radians(photo["yaw"]), 0, 0)
        t = np.array([0, 0, -DISTANCE]) - R @ middle
        camera = torch.from_numpy(R.astype(np.float32)), torch.from_numpy(t.astype(np.float32)), FOCAL
        at = points @ R.T + t
        landmarks = np.nan_to_num(
            np.stack([0.5 - FOCAL * at[:, 0] / at[:, 2], 0.5 + FOCAL * at[:, 1] / at[:, 2]], 1)
        ).astype(np.float32)
        skin = splatter.skin(expression, np.zeros(15))
        drawn = splatter.picture(true, delta, skin, *camera[:2], FOCAL * EDGE, EDGE, torch.full((3,), 0.3))
        image = (drawn[:3] * torch.tensor(photo["tone"])[:, None, None]).clamp(0, 1)
        inside = torch.ones(EDGE, EDGE)
        inside[EDGE - LOST_ROWS :] = 0
        byte = lambda x: torch.round(255 * x.clamp(0, 1)) / 255
        views.append(View(byte(image), byte(drawn[3]), inside, landmarks, *camera, expression, delta))
    return views


def made() -> tuple[AvatarSplatter, Tensor, list[View], Refined]:
    head, _ = head_texels(MAP_SIZE)
    splatter = AvatarSplatter(head, MAP_SIZE)
    static = static_map()
    views = photos(splatter, static)
    return splatter, static, views, refine(splatter, static, views, SETTINGS)


def content() -> dict:
    splatter, static, views, refined = made()
    atlas = Atlas(splatter.head, splatter.table, SETTINGS)
    entries = []
    for photo, view, gain, trust in zip(PHOTOS, views, refined.solution.gains, refined.trusts):
        seen = Seen(splatter, static, view, SETTINGS)
        picture: LinearPicture = seen.picture
        entries.append(
            {
                "expression": photo["expression"],
                "R": view.R.double().flatten().tolist(),
                "t": view.t.double().tolist(),
                "focal": view.focal,
                "image": pack(255 * view.image.numpy() + 0.25, "u1"),
                "matte": pack(255 * view.matte.numpy() + 0.25, "u1"),
                "landmarks": pack(view.landmarks, "<f4"),
                # [4,S,S] before the first round
                "drawn": shorts(picture.draw((atlas.to_list(static[COLOR]) + seen.change).clamp(0, 1))),
                "seen": shorts(seen.seen / MOST_SEEN),  # per Gaussian, as all below
                "trust": shorts(seen.trust),  # step 3
                "smoothTrust": shorts(trust),  # step 5
                "gain": gain.double().tolist(),
            }
        )
    settings = {"mapSize": MAP_SIZE, "edge": EDGE, "insideRows": EDGE - LOST_ROWS, "static": STATIC, "delta": DELTA}
    return {
        **settings,
        "rotations": pack(rotations(), "i1"),
        "settings": asdict(SETTINGS),
        "photos": entries,
        "mostSeen": MOST_SEEN,
        "firstRound": shorts(refined.solution.rounds[0].T),  # [3, n]
        "lastRound": shorts(refined.solution.rounds[-1].T),
        "trust": shorts(refined.trust),  # [U, U]
        "color": shorts(refined.static[COLOR]),  # [3, U, U]
    }


def main() -> None:
    PATH.write_text(json.dumps(content(), separators=(",", ":")) + "\n")
    print(f"{PATH.name} {PATH.stat().st_size} bytes")


if __name__ == "__main__":
    main()
