"""The sample that the trainer stores: see training/samples.py for the fields."""

from functools import lru_cache

import numpy as np

from ..headmodel.model import HeadModel
from .generator import Generator

PHOTOS, EXPRESSIONS = 3, 2
HELD_OUT_SEED = 10_000_000  # from here on samples carry target pictures


@lru_cache(1)
def generator() -> Generator:
    return Generator(HeadModel.load())


def halve(maps: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Mean of the valid texels of 2x2 blocks: maps [K,C,H,W], valid [H,W] -> [K,C,H/2,W/2]."""
    corners = [(r, c) for r in (0, 1) for c in (0, 1)]
    total = sum(maps[:, :, r::2, c::2] * valid[r::2, c::2] for r, c in corners)
    return total / np.maximum(sum(valid[r::2, c::2] for r, c in corners), 1)


def make_sample(seed: int) -> dict[str, np.ndarray]:
    """One identity, cameras flattened to cameras_R, cameras_t, cameras_f and deltas at half the map size."""
    sample = generator().sample(seed, PHOTOS, EXPRESSIONS, render_targets=seed >= HELD_OUT_SEED)
    cameras = sample.pop("cameras")
    sample.pop("photo_cameras")
    sample.update({f"cameras_{key}": value for key, value in cameras.items()})
    sample["deltas"] = halve(sample["deltas"], sample["valid"])
    return sample
