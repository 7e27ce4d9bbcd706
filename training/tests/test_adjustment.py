"""Distribution adjustment: anchors are extremes, retrieval is by angle, and rare expressions become frequent."""

import numpy as np

from training.synth.adjustment import ANCHORS, RANDOM, Adjustment, farthest_points, most_similar


def test_farthest_points_are_the_corners():
    rng = np.random.default_rng(0)
    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1.0]])
    points = np.concatenate([rng.uniform(0.3, 0.7, (50, 2)), corners])
    assert sorted(farthest_points(points, 4)) == [50, 51, 52, 53]


def test_similarity_is_the_angle_and_zero_is_similar_to_nothing():
    frames = np.array([[0, 0], [0.1, 0.01], [3, 3], [0, 0.2]])
    assert most_similar(np.array([[9.0, 0], [0, 5.0], [1, 1.0]]), frames).tolist() == [1, 3, 2]


def test_a_person_shows_26_expressions_and_rare_ones_often():
    """One expression in forty is strong: at least a third of the adjusted ones are."""

    def draw(rng):
        strong = rng.random() < 0.025
        return rng.standard_normal(6) * (1.0 if strong else 0.02)

    adjustment = Adjustment(draw, library=2000)
    assert len(adjustment.anchors) == ANCHORS
    rng = np.random.default_rng(1)
    shown = [adjustment.timesteps(rng) for _ in range(20)]
    assert all(s.shape == (ANCHORS + RANDOM, 6) for s in shown)
    strength = np.linalg.norm(np.concatenate(shown), axis=1) > 0.5
    before = np.linalg.norm(adjustment.drawn, axis=1) > 0.5
    assert before.mean() < 0.04 and strength.mean() > 3 * before.mean()


def test_the_library_is_the_same_every_time():
    draw = lambda rng: rng.random(4)
    assert np.array_equal(Adjustment(draw, 100).anchors, Adjustment(draw, 100).anchors)
