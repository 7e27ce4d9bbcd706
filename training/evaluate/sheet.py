"""A sheet of refined portraits to look at: photo, before, after, turned 45° to either side, smile, blink, jaw.

    # of one's own photos, and of people of our generator, as the page shows them
    python -m training.evaluate.sheet mine/*.jpg --out out/sheet.png
    python -m training.evaluate.sheet --out docs/images/refinement-24.jpg

Own photos need the observers (`python -m training.evaluate --install`). The sheet is written again after each person,
so that a run can be stopped; what is written of photos of real people belongs in a folder that git ignores (`out`).
Generated people: seeds that no study uses; every third smiles, every fourth wears glasses; hats are not known to the
generator. Their cameras and expressions are the true ones."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from ..headmodel.model import HeadModel
from ..models.landmarks import Landmarks
from ..native import CACHE
from ..refine.portraits import prepared
from ..refine.views import View
from ..synth.cameras import rotation
from ..synth.generator import Generator
from ..synth.glasses import sample_glare, sample_glasses
from ..synth.picture import NOTHING, Worn
from . import metrics
from .captures import SITTER_SEED, Sitter
from .observers import Observers
from .puppets import Puppet, Puppeteer
from .refined import SHADE, SIZE, Refiner, Seat, tensor

HEADINGS = ("photo", "before", "after", "+45°", "-45°", "smile", "blink", "jaw")
TURN = 45
FACES = {
    "smile": {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0, "cheekSquintLeft": 0.5, "cheekSquintRight": 0.5},
    "blink": {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
    "jaw": {"jawOpen": 0.7},
}
FIRST = SITTER_SEED + 9000
YAWS = (0, 12, -8, 20, -15, 5)  # degrees, of the generated photos in turn
SMILE = {"mouthSmile": 0.7, "cheekSquint": 0.3}
BAND = 14  # pixels of the headings


def small(picture: np.ndarray, size: int) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.LANCZOS))


def cells(refiner: Refiner, puppet: Puppet, view: View, size: int) -> np.ndarray:
    """u8 [size, 8 size, 3]"""
    before, after = tensor(puppet.static), refiner.refine(puppet, [view]).static

    def shown(static: torch.Tensor, turn: float = 0, face: dict[str, float] | None = None) -> np.ndarray:
        expression, delta = view.expression, view.delta
        if face is not None:
            expression = refiner.model.head.expression_vector(**face)
            delta = refiner.delta(puppet, expression)
        R = view.R.double().numpy() @ rotation(np.radians(turn), 0, 0)
        skin = refiner.splatter.skin(expression, np.zeros(15))
        drawn = refiner.splatter.picture(
            static, delta, skin, tensor(R), view.t, 2 * view.focal * size, 2 * size, torch.full((3,), SHADE)
        )  # twice as large, against jagged edges
        return small(metrics.to_bytes(drawn[:3].numpy()), size)

    row = [
        small(metrics.to_bytes(view.image.numpy()), size),
        shown(before),
        shown(after),
        shown(after, TURN),
        shown(after, -TURN),
    ]
    return np.concatenate([*row, *(shown(after, face=face) for face in FACES.values())], 1)


def of_photos(refiner: Refiner, files: list[Path], size: int, keep: Path) -> Iterator[np.ndarray]:
    observers = Observers()
    if missing := observers.missing.keys() & {"tracker", "fit"}:
        raise SystemExit(f"own photos need {', '.join(sorted(missing))}: python -m training.evaluate --install")
    for portrait in prepared(files, observers, refiner.model.avatar.config.anchor_size, keep):
        puppet = refiner.of_portrait(portrait)
        yield cells(refiner, puppet, refiner.view(puppet, portrait, SIZE), size)


def of_people(refiner: Refiner, count: int, size: int) -> Iterator[np.ndarray]:
    generator, landmarks = Generator(refiner.model.head, photo_size=SIZE), Landmarks(refiner.model.head)
    for index in range(count):
        sitter = Sitter(generator, FIRST + index)
        worn = glasses_of(sitter) if index % 4 == 3 else NOTHING
        weights = SMILE if index % 3 == 1 else {}
        photo, anchors, rest = Seat(sitter, landmarks).photo(YAWS[index % len(YAWS)], weights, worn)
        half = photo.reshape(3, SIZE // 2, 2, SIZE // 2, 2).mean((2, 4))
        puppet = refiner.model.make(half[None], anchors[None], sitter.prior)
        view = View(image=tensor(photo), delta=refiner.delta(puppet, rest["expression"]), **rest)
        yield cells(refiner, puppet, view, size)


def glasses_of(sitter: Sitter) -> Worn:
    g = sitter.generator
    glasses = sample_glasses(
        sitter.rng, g.fitting.measure(g.rig.template + sitter.person.skin_offset, sitter.person.joints)
    )
    return Worn(None, glasses.worn(np.eye(3, 4)), sample_glare(sitter.rng, sitter.light))


def assemble(rows: list[np.ndarray], columns: int) -> Image.Image:
    """Rows below one another in blocks side by side, with headings."""
    height, width = rows[0].shape[:2]
    lines = -(-len(rows) // columns)
    sheet = Image.new("RGB", (columns * width, BAND + lines * height), (40, 40, 40))
    draw = ImageDraw.Draw(sheet)
    for column in range(columns):
        for place, heading in enumerate(HEADINGS):
            draw.text((column * width + place * height + 4, 1), heading, fill=(255, 255, 255))
    for index, row in enumerate(rows):
        sheet.paste(Image.fromarray(row), (index // lines * width, BAND + index % lines * height))
    return sheet


def main() -> None:
    from .__main__ import ROOT, load_model

    parser = argparse.ArgumentParser(description="Draw a sheet of refined portraits.")
    parser.add_argument("photos", type=Path, nargs="*", help="default: people of the generator")
    parser.add_argument("--people", type=int, default=24)
    parser.add_argument("--size", type=int, default=112, help="pixels of a picture")
    parser.add_argument("--columns", type=int, default=2, help="blocks side by side")
    parser.add_argument("--out", type=Path, default=ROOT / "out/refinement-sheet.jpg")
    a = parser.parse_args()
    torch.set_num_threads(1)
    config = json.loads((ROOT / "assets/models/models.json").read_text())["default"]
    refiner = Refiner(Puppeteer(load_model(config, None)[0], HeadModel.load()))
    a.out.parent.mkdir(parents=True, exist_ok=True)
    drawn = (
        of_photos(refiner, a.photos, a.size, CACHE / "refined") if a.photos else of_people(refiner, a.people, a.size)
    )
    rows: list[np.ndarray] = []
    for row in drawn:
        rows.append(row)
        assemble(rows, a.columns).save(a.out, quality=80)
        print(f"{len(rows)} of {len(a.photos) or a.people}", flush=True)


if __name__ == "__main__":
    main()
