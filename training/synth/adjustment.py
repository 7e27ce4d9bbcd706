"""The paper's distribution adjustment (§3.2, Fig. 5c and 10): rare, strong expressions as often as common, weak ones.

Anchors are the expressions of a large library that lie farthest from one another; every person then shows, of the
expressions recorded of them, the one most like each anchor and a few random ones."""

import numpy as np

ANCHORS, RANDOM = 20, 6  # per person: 26 timesteps
LIBRARY, RECORDED = 3000, 200


def farthest_points(points: np.ndarray, count: int) -> np.ndarray:
    """Indices [count] of points [n,d]: the one farthest from the mean, then always the one farthest from all before."""
    chosen = [int(((points - points.mean(0)) ** 2).sum(1).argmax())]
    nearest = ((points - points[chosen[0]]) ** 2).sum(1)
    while len(chosen) < count:
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, ((points - points[chosen[-1]]) ** 2).sum(1))
    return np.array(chosen)


def most_similar(anchors: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Index [a] of the frame [n,d] with the largest cosine similarity to each anchor [a,d]; a zero vector is similar to
    nothing."""
    unit = lambda x: x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)
    return (unit(anchors) @ unit(frames).T).argmax(1)


class Adjustment:
    """`draw(rng)` makes one random expression [E]; the library of them is the same for every instance."""

    def __init__(self, draw, library: int = LIBRARY):
        rng = np.random.default_rng(5)
        self.drawn = np.stack([draw(rng) for _ in range(library)])
        self.anchors = self.drawn[farthest_points(self.drawn, ANCHORS)]

    def timesteps(self, rng: np.random.Generator) -> np.ndarray:
        """The expressions [26,E] of one person: 20 like the anchors, 6 random, out of 200 recorded ones."""
        recorded = self.drawn[rng.choice(len(self.drawn), min(RECORDED, len(self.drawn)), replace=False)]
        return recorded[np.r_[most_similar(self.anchors, recorded), rng.integers(len(recorded), size=RANDOM)]]
