"""Write tests/fixtures/bust.json: two drawn photos of the open head with long hair, and the page filled from them, for
the browser's twin; and outline.json: how the head is drawn in to a matte.

    python -m training.bust.write_fixture

The page is taken at half its map size. Smooth inputs are waves that the test makes again; classes and matte are kept in
steps of 1/15. Of the filled map every fifth texel is kept. Renew it when the head model, the second page or
ALGORITHM.md changes."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..headmodel.model import HeadModel
from ..synth.cameras import rotation
from ..synth.crop import Crop
from . import back as backs
from . import hair as hairs
from . import torso as torsos
from .fill import FAR_SIDE, OFF, Filled, cloth_guess, fill
from .head import SOLID, Head, depth_picture, view_axes
from .neck import neck_color
from .outline import drawn_in
from .page import Page
from .photo import Photo, box
from .picture import Painter
from .sides import side_color
from .tone import toned

PATH = Path(__file__).resolve().parents[2] / "tests/fixtures/bust.json"
HEAD_SIZE, PAGE_SIZE = 64, 104
WIDTH, HEIGHT = 90, 104
EVERY = 5
#: per channel of the head's map: mean and height of the waves mean + height sin((0.7 + 0.31 channel) texel + channel)
STATIC = [(0, 0.0015)] * 3 + [(2.0, 1.0)] + [(0.45, 0.2)] * 3
BACKGROUND, HAIR, SKIN, CLOTHES = [0.2, 0.25, 0.3], [0.25, 0.1, 0.02], [0.6, 0.4, 0.3], [0.05, 0.2, 0.5]
#: the waves on a photo: height sin(a x + b y + channel)
GRAIN = [0.08, 1.3, 0.35]
PHOTOS = (
    {"yaw": 10, "pitch": 4, "crop": [44, 38, 52, 0.14], "focal": 2.4, "distance": 0.82},
    {"yaw": -42, "pitch": 0, "crop": [46, 40, 50, -0.04], "focal": 2.2, "distance": 0.74},
)
#: from behind; the crop that is given is off by 4 and -3 pixels and 8 % too large
BACK = {"yaw": 180, "pitch": 0, "crop": [45, 40, 52, 0.0], "focal": 2.4, "distance": 0.82}
ROUGH = [49, 37, 56, 0.0]
OUTLINE_PATH = PATH.with_name("outline.json")
#: camera of the crop, its edge in pixels and the first column that the photo shows, and half axes, height and shift (m)
#: of an ellipse in the plane through the head's middle: the person
OUTLINE = {
    **{"yaw": 10, "pitch": 4, "focal": 2.4, "t": [0.003, 0.02, -0.82]},
    **{"size": 96, "first": 22, "ellipse": [0.076, 0.12, 0.01, 0.002]},
}
SIGMAS = np.log([0.0006, 0.02])


def pack(values: np.ndarray, kind: str) -> str:
    """Base64 of `values`, rounded, as little-endian numbers."""
    return base64.b64encode(np.round(np.ascontiguousarray(values)).astype(kind).tobytes()).decode()


def static_map() -> np.ndarray:
    """Of the head [14, HEAD_SIZE, HEAD_SIZE]; scales and rotations do not count here."""
    texel = np.arange(HEAD_SIZE**2)
    out = np.zeros((14, HEAD_SIZE**2))
    for c, (mean, height) in enumerate(STATIC):
        out[c] = mean + height * np.sin((0.7 + 0.31 * c) * texel + c)
    return out.reshape(14, HEAD_SIZE, HEAD_SIZE).astype(np.float32)


def half_page() -> Page:
    page = Page.load()
    bands = {name: [low // 2, high // 2] for name, (low, high) in page.meta["bands"].items()}
    page.meta = {**page.meta, "mapSize": PAGE_SIZE, "bands": bands}
    return page


def drawn(photo: dict) -> Photo:
    """A person drawn on the plane through the origin that faces the camera: long hair, the neck, and one shoulder
    higher than the other."""
    x, y, side, roll = photo["crop"]
    crop = Crop(np.array([x, y], float), float(side), roll)
    R = rotation(np.radians(photo["yaw"]), np.radians(photo["pitch"]), 0)
    t = np.array([0.003, 0.02, -photo["distance"]])
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    at = (crop.to_crop(np.stack([columns.ravel(), rows.ravel()], 1)) - 0.5) * photo["distance"] / photo["focal"] - [
        t[0],
        -t[1],
    ]
    x, y = at[:, 0].reshape(HEIGHT, WIDTH), -at[:, 1].reshape(HEIGHT, WIDTH)
    head = (x / 0.076) ** 2 + ((y - 0.005) / 0.12) ** 2 < 1
    neck = (np.abs(x) < 0.058) & (y < 0) & (y > -0.19)
    body = (np.abs(x) < 0.2) & (y < -0.15 + 0.1 * x - 0.3 * np.maximum(0, np.abs(x) - 0.06))
    long = ((x / 0.115) ** 2 + ((y - 0.03) / 0.13) ** 2 < 1) & (y > -0.02) | (np.abs(x + 0.004) < 0.112) & (
        y < 0.02
    ) & (y > -0.2 + 0.4 * x)
    from_behind = photo["yaw"] == 180  # hair over face and neck
    locks = long & ~(~from_behind & (((x / 0.066) ** 2 + ((y + 0.02) / 0.1) ** 2 < 1) | neck & (np.abs(x) < 0.055)))
    collar = neck & (x > photo.get("collar", 1.0)) & (y < -0.085)
    neck, body = neck & ~collar, body | collar
    skin, clothes = (head & ~collar | neck) & ~locks, body & ~locks & ~neck & (~head | collar)
    parts = np.stack([locks, skin, clothes], -1).astype(float)
    soft = lambda part: np.round(15 * box(part, 1)) / 15
    classes = np.stack([soft(part) for part in np.moveaxis(parts, -1, 0)], -1)
    matte = soft(parts.max(-1))
    if photo.get("scarce"):  # hardly any clothes, at the lower edge alone, of which nothing is sure
        dressed = classes[..., 2] > 0.5
        low = dressed & (rows[:, :1] > HEIGHT - 2)
        matte = np.where(dressed, low * 12 / 15, matte)
        classes[..., 2] = low * 6 / 15
    height, across, down = GRAIN
    color = classes @ np.array([HAIR, SKIN, CLOTHES]) + (1 - matte)[..., None] * BACKGROUND
    image = color + height * np.sin(across * columns[..., None] + down * rows[..., None] + np.arange(3))
    image = np.round(255 * image.clip(0, 1)) / 255
    return Photo(image, matte, classes, crop, R, t, photo["focal"])


def from_behind() -> Photo:
    return replace(drawn(BACK), crop=Crop(np.array(ROUGH[:2], float), float(ROUGH[2]), 0.0))


def back_content(page: Page, head: Head, photos: list[Photo]) -> dict:
    back = from_behind()
    filled = fill(page, head, photos, back=back)
    front = photos[0].cleaned()
    layer = hairs.surface(page, head, front, torsos.TorsoReach(page, filled.torso))
    shown = [part.points[part.shown > 0.5] for part in (filled.torso, layer)]
    placed, overlap = backs.placed(back, front, head, shown)
    assert placed is not None
    seen = backs.sorted_out(placed, head)
    return {
        "photo": camera(back, {**BACK, "crop": ROUGH}),
        "overlap": overlap,
        "crop": [*placed.crop.center.tolist(), placed.crop.side],
        "R": placed.R.flatten().tolist(),
        "t": placed.t.tolist(),
        "classes": seen.classes.mean((0, 1)).tolist(),
        "ends": backs.hair_ends(seen),
        "count": filled.count,
        **{name: value for name, value in texels(filled).items() if name in ("opacity", "color")},
    }


def collar_content(page: Page, head: Head) -> dict:
    """One side of the neck under a collar, which the head's skin takes the place of; and so much of it that the collar
    stands, and stays."""
    out = {}
    for name, inner, stands in (("open", 0.012, False), ("standing", -0.05, True)):
        photo = drawn({**PHOTOS[0], "collar": inner})
        cleaned = photo.cleaned()
        depth, collar = depth_picture(head, cleaned), np.zeros(len(head.color))
        neck = neck_color(page, head, cleaned, depth)
        assert (neck is not None) == stands
        dressed = head
        if neck is not None:
            dressed, collar = replace(head, color=neck[0]), neck[1]
        color = side_color(dressed, [cleaned], [depth], collar, None, np.array(page.meta["hair"]["dome"]))
        assert np.abs(color - head.color).max() > 0.1
        out[name] = {"photo": camera(photo, PHOTOS[0]), "color": pack(255 * color.ravel()[::EVERY], "u1")}
    return out


def short_content(head: Head, page: Page, photos: list[Photo]) -> str:
    """Colors as if all hair were on the head's own page."""
    cleaned = toned([photo.cleaned() for photo in photos], head)
    depths = [depth_picture(head, photo) for photo in cleaned]
    color = side_color(head, cleaned, depths, np.zeros(len(head.color)), None, np.array(page.meta["hair"]["dome"]))
    assert np.abs(color - head.color)[head.scalp].max() > 0.1
    return pack(255 * color.ravel()[::EVERY], "u1")


def scarce_content(page: Page, head: Head) -> dict:
    """Colors of a person of whose clothes nothing is sure."""
    photo = drawn({**PHOTOS[0], "scarce": True})
    filled = fill(page, head, [photo])
    assert cloth_guess([photo.cleaned()]) is not None
    return {"photo": camera(photo, PHOTOS[0]), "color": pack(255 * filled.map.reshape(14, -1)[4:7, ::EVERY], "u1")}


def turned_content(page: Page, head: Head, photo: Photo) -> str:
    """Colors of one photo of a head that is turned so far that its far side looks as the near one."""
    filled = fill(page, head, [photo])
    assert filled.hair is not None and filled.hair.curtain and abs(photo.yaw) > FAR_SIDE[1]
    return pack(255 * filled.map.reshape(14, -1)[4:7, ::EVERY], "u1")


def made() -> tuple[Page, Head, list[Photo], Filled]:
    page = half_page()
    head = Painter(HeadModel.load(), page, HEAD_SIZE).head(static_map())
    photos = [drawn(photo) for photo in PHOTOS]
    return page, head, photos, fill(page, head, photos)


def camera(photo: Photo, shape: dict) -> dict:
    fifteenths = np.round(15 * np.concatenate([photo.matte[..., None], photo.classes], -1)).astype(int)
    return {
        "crop": shape["crop"],
        "R": photo.R.flatten().tolist(),
        "t": photo.t.tolist(),
        "focal": photo.focal,
        # matte and hair, skin and clothes: two in a byte, the first in the higher half
        "classes": pack(16 * fifteenths[..., [0, 2]] + fifteenths[..., [1, 3]], "u1"),
    }


def texels(filled: Filled) -> dict:
    """Every fifth texel of the map that is not empty elsewhere either: what the channels mean, in whole numbers."""
    m = filled.map.reshape(14, -1)[:, ::EVERY].astype(float)
    return {
        "places": pack(m[:3] * 50000, "<i2"),  # steps of 0.02 mm
        "opacity": pack(255 / (1 + np.exp(-m[3])), "u1"),
        "color": pack(255 * m[4:7], "u1"),
        "sigma": pack(255 * (m[7:10] - SIGMAS[0]) / (SIGMAS[1] - SIGMAS[0]), "u1"),
        "rotation": pack(127 * m[10:14], "i1"),
    }


def content() -> dict:
    page, head, photos, filled = made()
    torso, layer = filled.torso, filled.hair
    assert layer is not None and layer.curtain, "this case is one with long hair"
    cleaned = photos[0].cleaned()
    view = hairs.HairView(page, cleaned)
    elevation, height = hairs.hair_rows(page.coordinates("hair")[0])
    sides = hairs.measure_sides(view, height[elevation <= 1e-6] - view.center[1])
    short = lambda values: np.round(np.asarray(values, float), 6).tolist()
    bald = fill(page, head, photos[:1], hair=False)
    return {
        "headSize": HEAD_SIZE,
        "pageSize": PAGE_SIZE,
        "width": WIDTH,
        "height": HEIGHT,
        "every": EVERY,
        "static": STATIC,
        "palette": [BACKGROUND, HAIR, SKIN, CLOTHES],
        "grain": GRAIN,
        "photos": [camera(*both) for both in zip(photos, PHOTOS)],
        "axes": short(view_axes(cleaned.yaw).flatten()),
        "torso": {"height": torso.height, "slope": torso.slope, "known": torso.known},
        "reach": short(torsos.TorsoReach(page, torso)(layer.points[::9, ::9])),
        "excess": short(hairs.measure_rim(view, head)[1]),
        "inner": short(sides.inner),
        "outer": short(sides.outer),
        "known": short(sides.known),
        "lowest": short(sides.lowest),
        "lengths": short(layer.lengths),
        "theta": pack(layer.theta.ravel()[::EVERY] * 20000, "<u2"),
        "shown": pack(255 * layer.shown.ravel()[::EVERY], "u1"),  # before the photos carve
        "count": filled.count,
        "back": back_content(page, head, photos),
        "headColor": pack(255 * filled.head_color.ravel()[::EVERY], "u1"),
        "collar": collar_content(page, head),
        "short": short_content(head, page, photos),
        "scarce": scarce_content(page, head),
        "turned": turned_content(page, head, photos[1]),
        "bustCount": int((bald.map[3] > OFF + 1).sum()),
        **texels(filled),
    }


def outline_content() -> dict:
    head = Painter(HeadModel.load(), half_page(), HEAD_SIZE).head(static_map())
    size, f, t = OUTLINE["size"], OUTLINE["focal"], np.array(OUTLINE["t"])
    R = rotation(np.radians(OUTLINE["yaw"]), np.radians(OUTLINE["pitch"]), 0)
    row, column = np.mgrid[:size, :size] + 0.5
    across, up, height, shift = OUTLINE["ellipse"]
    x, y = (column / size - 0.5) * -t[2] / f - t[0], (0.5 - row / size) * -t[2] / f - t[1]
    matte = np.clip(0.5 + 10 * (1 - np.hypot((x - shift) / across, (y - height) / up)), 0, 1)
    inside = (column > OUTLINE["first"]).astype(float)
    moves = drawn_in(head.means, head.opacity > SOLID, matte, inside, R, t, f)
    assert 0.004 < np.linalg.norm(moves, axis=1).max() < 0.015
    return {**OUTLINE, "R": R.flatten().tolist(), "every": EVERY, "moves": pack(moves[::EVERY] * 100000, "<i2")}


def main() -> None:
    for path, values in ((PATH, content()), (OUTLINE_PATH, outline_content())):
        path.write_text(json.dumps(values, separators=(",", ":")) + "\n")
        print(f"{path.name} {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
