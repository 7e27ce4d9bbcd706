"""What the camera's follower learns: squares, views, mirrors, the network and its graph."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from scipy.spatial.transform import Rotation

from training.camera import frames, landmarks, train, views
from training.evaluate import film


def points_of_a_face(roll: float) -> np.ndarray:
    """478 points of which four tell: outer corners of the eyes 40 apart, from 40 above to 60 below."""
    c, s = np.cos(roll), np.sin(roll)
    points = np.zeros((478, 2))
    points[[33, 263, 10, 152]] = [[-20, 0], [20, 0], [0, -40], [0, 60]]
    return points @ np.array([[c, s], [-s, c]]) + [200, 100]


def test_square_is_half_as_large_again_with_level_eyes():
    square = landmarks.square_around(points_of_a_face(0.3))
    assert (square.edge, square.turn) == pytest.approx((150, 0.3))
    assert (square.x, square.y) == pytest.approx((200 - np.sin(0.3) * 10, 100 + np.cos(0.3) * 10))


def test_square_is_sampled_with_its_turn_and_black_beyond():
    picture = np.zeros((80, 100, 3), np.uint8)
    picture[20:60, 30:70, 0] = 255
    whole = landmarks.sample_square(picture, landmarks.Square(50, 40, 40, np.pi / 2), 40)
    assert whole[0].min() > 0.45 and whole[1:].max() == 0
    assert landmarks.sample_square(picture, landmarks.Square(-200, 40, 40, 0.0), 8).max() == 0


def test_view_looks_at_the_square_and_rolls_with_it():
    squares = np.array([[film.WIDTH / 2, film.HEIGHT / 2, 200, 0], [500, 100, 200, 0.4]])
    middle, corner = views.view_of(squares)
    assert middle == pytest.approx(np.eye(3))
    assert corner @ corner.T == pytest.approx(np.eye(3))
    x, y = (500 - film.WIDTH / 2) / film.HEIGHT, -(100 - film.HEIGHT / 2) / film.HEIGHT
    ahead = corner @ [0, 0, -1]
    assert ahead[:2] / -ahead[2] == pytest.approx(np.array([x, y]) / views.FOCAL)
    # the twin's test has the same numbers (tests/unit/runtime/camera/viewOfSquare.spec.ts)
    assert corner.ravel()[:4] == pytest.approx([0.907721, 0.320367, -0.270937, -0.380674], abs=1e-5)


def test_partner_is_the_other_side():
    assert [frames.partner(name) for name in ("eyeLookInLeft", "jawRight", "jawOpen")] == [
        "eyeLookInRight",
        "jawLeft",
        "jawOpen",
    ]


def some_frames(rng: np.random.Generator, count: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """Features that depend on 5 expressions and a turn, bent a little: 16 deep ones with all but the first expression,
    and three maps of 2 channels in 4 places with the first as well."""
    truth = np.c_[rng.random((count, 5)), train.TURN_SCALE * rng.normal(0, 0.15, (count, 3))].astype(np.float32)
    weights = rng.normal(0, 1, (8, 40)).astype(np.float32)
    weights[0, :16] = 0
    mixed = truth @ weights
    return (mixed + 0.1 * mixed**2 + rng.normal(0, 0.02, mixed.shape)).astype(np.float16), truth


def test_network_learns_and_its_graph_computes_the_same():
    inputs, truths = some_frames(np.random.default_rng(5))
    network = train.train(inputs[:500], truths[:500], epochs=80, maps=(3, 2, 4))
    given = inputs[500:].astype(np.float32)
    answer = network(torch.tensor(given) / network.scale).detach().numpy()
    assert all(np.corrcoef(answer[:, k], truths[500:, k])[0, 1] > 0.95 for k in range(8))
    model = train.to_onnx(network, 5)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for row, wanted in zip(given[:20], answer):
        expressions, turn = session.run(["expressions", "turn"], {"change": row[None]})
        assert expressions[0] == pytest.approx(wanted[:5].clip(0, 1), abs=0.02)
        assert turn[0] == pytest.approx(wanted[5:] / train.TURN_SCALE, abs=0.01)


def test_committed_network_is_small_and_says_nothing_at_rest():
    model = onnx.load(train.ASSET)
    assert train.ASSET.stat().st_size <= 400_000
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    rest = np.zeros((1, landmarks.FEATURES), np.float32)
    assert max(np.abs(part).max() for part in session.run(None, {"change": rest})) < 2e-3


def test_turns_are_read_from_rest_as_the_square_sees_them(tmp_path):
    """A head that turns by 0.3 about its own axis, before a camera that is tilted, at the frame's edge."""
    squares = np.array([[320, 240, 200, 0], [330, 240, 200, 0], [500, 150, 200, 0.1]], np.float32)
    still, turn = Rotation.from_rotvec([0.1, 0.05, 0]), Rotation.from_rotvec([0, 0.3, 0])
    seen = views.view_of(squares) @ np.stack([r.as_matrix() for r in (still, still, still * turn)])
    features = np.zeros((3, landmarks.FEATURES), np.float32)
    features[2] = 1
    np.savez(
        tmp_path / "000000-0.npz",
        features=features,
        square=squares,
        rotation=seen.reshape(3, 9),
        rest=np.array([1, 1, 0]),
        expression=np.zeros((3, 52), np.float32),
    )
    inputs, truths = train.read(tmp_path)
    assert inputs.shape == (1, landmarks.FEATURES) and (inputs == 1).all()
    assert truths[0, 52:] == pytest.approx([0, 0.3 * train.TURN_SCALE, 0], abs=1e-5)
