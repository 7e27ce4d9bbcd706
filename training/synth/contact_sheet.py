"""Writes docs/images/synthetic-people.jpg: 64 random people as the trainer sees them, one photo each.

python -m training.synth.contact_sheet [--seed 5000] [--out docs/images/synthetic-people.jpg]
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from ..headmodel.model import HeadModel
from .generator import Generator

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(description="Contact sheet of synthetic heads.")
    parser.add_argument("--seed", type=int, default=5000)
    parser.add_argument("--side", type=int, default=8)
    parser.add_argument("--cell", type=int, default=192)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "synthetic-people.jpg")
    arguments = parser.parse_args()
    generator = Generator(HeadModel.load())
    side, cell = arguments.side, arguments.cell
    sheet = Image.new("RGB", (side * cell, side * cell))
    for i in range(side * side):
        photo = generator.sample(arguments.seed + i, 1, 0)["photos"][0]
        picture = Image.fromarray((photo.transpose(1, 2, 0) * 255 + 0.5).astype(np.uint8)).resize(
            (cell, cell), Image.Resampling.LANCZOS
        )
        sheet.paste(picture, (i % side * cell, i // side * cell))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(arguments.out, quality=85, optimize=True)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
