"""Samples of the four registered people that no training sample contains: `python -m training.synth.held_out_people
[--per-person 45]`.

Writes training/cache/held-out-people: per person as they are, with another's hair, with drawn hair; four photos, two
targets each.
"""

import argparse
from pathlib import Path

import numpy as np

from ..headmodel.model import DEFAULT_PATH, HeadModel
from ..samples import claim, write_sample
from .generator import Generator, Person
from .native import CACHE
from .people import HELD_OUT

FIRST_SEED = 20_000_000
VARIANTS = 3
PER_PERSON = 45  # with 9 the gain of the mouth was known within 0.35 dB only


class HeldOutGenerator(Generator):
    """A generator whose person is always one of the four; set `choice` to (person 0..3, variant 0..2) first."""

    choice = (0, 0)

    def person(self, rng: np.random.Generator) -> Person:
        if self.people is None:
            raise RuntimeError(
                "no registered people: run `python -m training.registration.build` with shared/data at hand first"
            )
        return self.registered_person(rng, self.people.sample_held_out(rng, *self.choice))


def produce(folder: Path, per_person: int, photos: int = 4) -> None:
    """Write per_person samples of each of the four, skipping those already there."""
    claim(folder, DEFAULT_PATH)
    generator = HeldOutGenerator(HeadModel.load(), adjusted=False)
    for variant in range(per_person):
        for person, name in enumerate(HELD_OUT):
            path = folder / f"{FIRST_SEED + variant * len(HELD_OUT) + person:08d}_n{photos}.npz"
            if not path.exists():
                generator.choice = (person, variant % VARIANTS)
                write_sample(path, generator.sample(FIRST_SEED + variant * len(HELD_OUT) + person, photos, 2, True))
                print(path.name, name, "variant", variant % VARIANTS, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Samples of the held-out registered people.")
    parser.add_argument("--per-person", type=int, default=PER_PERSON)
    parser.add_argument("--out", type=Path, default=CACHE / "held-out-people")
    arguments = parser.parse_args()
    produce(arguments.out, arguments.per_person)


if __name__ == "__main__":
    main()
