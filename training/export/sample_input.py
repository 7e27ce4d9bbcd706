"""Inputs that Python and TypeScript can both make, so that a fixture needs to hold outputs only."""

import numpy as np

FORMULA = (
    "state = seed; per value, row-major: state = (state * 1664525 + 1013904223) mod 2^32; value = (state >>> 8) / 2^24"
)


def lcg_values(seed: int, count: int) -> np.ndarray:
    """`count` float32 values in [0, 1) of the 32-bit linear congruential generator above (exact in every language with
    uint32)."""
    # jump table: state_k = a^k s + c (a^k - 1) / (a - 1), evaluated with wrapping uint32 products
    multiplier, increment = np.uint32(1664525), np.uint32(1013904223)
    with np.errstate(over="ignore"):
        powers = np.multiply.accumulate(np.full(count, multiplier, np.uint32), dtype=np.uint32)
        sums = np.concatenate([[np.uint32(1)], np.uint32(1) + np.add.accumulate(powers[:-1], dtype=np.uint32)]).astype(
            np.uint32
        )
        state = powers * np.uint32(seed) + sums * increment
    return ((state >> np.uint32(8)).astype(np.float32) / np.float32(2**24)).astype(np.float32)
