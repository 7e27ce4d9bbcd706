"""The open head as shipped: what must be true of any head model, and of this one's atlas, lids and names."""

import numpy as np
import pytest

from training.headmodel.asset_file import read
from training.headmodel.expressions import mirrored_name
from training.headmodel.model import DEFAULT_PATH, HeadModel
from training.headmodel.raster import depth_buffer
from training.headmodel.texels import build_texel_table, morton_code, position_map, sample_to_uv


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return HeadModel.load()


def region_vertices(model: HeadModel, *names: str) -> np.ndarray:
    wanted = [model.regions.index(name) for name in names]
    return np.unique(model.faces[np.isin(model.face_region, wanted)])


def visible_pixels(
    model: HeadModel, vertices: np.ndarray, region: str, centre: np.ndarray, yaw: float = 0.0, span: float = 0.06
) -> int:
    """Visible pixels (0.1 mm) of a region in an orthographic view, in a square of `span` meters about `centre` [3]."""
    size = round(span / 0.0001)
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    place = (vertices - centre) @ turn.T
    pixel = np.stack([size / 2 + place[:, 0] / span * size, size / 2 - place[:, 1] / span * size, -place[:, 2]], 1)
    face, _ = depth_buffer(pixel, model.faces, size, size)
    return int(((face >= 0) & (model.face_region[face] == model.regions.index(region))).sum())


def eyeball_pixels(model: HeadModel, vertices: np.ndarray, side: int, yaw: float) -> int:
    """The same of the eyeball of joint `side` (3 left, 4 right)."""
    return visible_pixels(model, vertices, "eyeLeft" if side == 3 else "eyeRight", model.joints[side], yaw)


def test_the_asset_is_small_and_finite():
    assert DEFAULT_PATH.stat().st_size < 3_000_000
    meta, arrays = read(DEFAULT_PATH)
    assert meta["license"] == "CC0-1.0"
    for name, array in arrays.items():
        assert np.isfinite(array).all(), name
    assert len(arrays["shapeScale"]) >= 40 and len(meta["expressions"]) == 52
    assert arrays["faces"].max() < len(arrays["template"]) and arrays["uvFaces"].max() < len(arrays["uv"])


def test_a_cut_file_is_refused(tmp_path):
    cut = tmp_path / "cut.bin"
    cut.write_bytes(DEFAULT_PATH.read_bytes()[:-5000])
    with pytest.raises(ValueError, match="past the end"):
        HeadModel.load(cut)


def test_skin_weights_sum_to_255():
    _, arrays = read(DEFAULT_PATH)
    assert (arrays["weights"].astype(int).sum(1) == 255).all()


def test_the_rest_pose_returns_the_template(model):
    np.testing.assert_allclose(model.posed(), model.template, atol=1e-7)


def test_a_global_turn_is_rigid(model):
    pose = np.zeros(15)
    pose[:3] = [0.3, -0.7, 0.2]
    moved = model.posed(None, None, pose)
    edges = model.faces[:, :2]
    before = np.linalg.norm(np.diff(model.template[edges], axis=1)[:, 0], axis=1)
    after = np.linalg.norm(np.diff(moved[edges], axis=1)[:, 0], axis=1)
    np.testing.assert_allclose(after, before, atol=1e-6)


def test_joint_regressor_gives_the_rest_joints(model):
    np.testing.assert_allclose(model.joint_regressor @ model.template, model.joints, atol=2e-5)
    moved = model.template + [0.01, -0.02, 0.03]
    np.testing.assert_allclose(model.joint_regressor @ moved, model.joints + [0.01, -0.02, 0.03], atol=2e-5)


def test_template_is_mirrored_and_so_is_the_expression_set(model):
    from scipy.spatial import cKDTree

    distance, mirror = cKDTree(model.template).query(model.template * [-1, 1, 1])
    assert distance.max() < 1e-6
    for index, name in enumerate(model.expressions):
        other = model.expressions.index(mirrored_name(name))
        reflected = model.expression_dirs[other][mirror] * [-1, 1, 1]
        limit = 2e-6 + 2e-4 * np.abs(model.expression_dirs[index]).max()
        assert np.abs(model.expression_dirs[index] - reflected).max() < limit, name


def test_left_is_left(model):
    for name in ("eyeBlinkLeft", "browDownLeft", "mouthSmileLeft", "cheekSquintLeft"):
        size = np.linalg.norm(model.expression_dirs[model.expressions.index(name)], axis=1)
        assert (size @ model.template[:, 0]) / size.sum() > 0.01, name
    for name, sign in (("jawLeft", 1), ("jawRight", -1), ("mouthLeft", 1), ("mouthRight", -1)):
        lips = region_vertices(model, "lips")
        assert sign * model.expression_dirs[model.expressions.index(name)][lips, 0].mean() > 0.001, name


@pytest.mark.parametrize(("name", "axis", "sign"), [("Up", 1, 1), ("Down", 1, -1), ("Out", 0, 1), ("In", 0, -1)])
def test_eyes_look_where_the_name_says(model, name, axis, sign):
    for side, joint, mirror in (("Left", 3, 1), ("Right", 4, -1)):
        ball = region_vertices(model, "eyeLeft" if joint == 3 else "eyeRight")
        front = ball[model.template[ball, 2].argmax()]
        expression = model.expression_vector(**{f"eyeLook{name}{side}": 1.0})
        moved = model.posed(None, expression)[front] - model.template[front]
        assert moved[axis] * sign * (mirror if axis == 0 else 1) > 0.004
        radius = np.linalg.norm(model.posed(None, expression)[ball] - model.joints[joint], axis=1)
        np.testing.assert_allclose(
            radius, np.linalg.norm(model.template[ball] - model.joints[joint], axis=1), atol=2e-6
        )


@pytest.mark.parametrize(("side", "joint"), [("Left", 3), ("Right", 4)])
def test_a_blink_hides_the_eyeball_from_every_side(model, side, joint):
    open_eye = eyeball_pixels(model, model.template, joint, 0)
    assert open_eye > 5000
    closed = model.posed(None, model.expression_vector(**{f"eyeBlink{side}": 1.0}))
    assert [eyeball_pixels(model, closed, joint, yaw) for yaw in (-0.6, 0.0, 0.6)] == [0, 0, 0]
    half = model.posed(None, model.expression_vector(**{f"eyeBlink{side}": 0.5}))
    assert 0.1 * open_eye < eyeball_pixels(model, half, joint, 0) < 0.8 * open_eye


def test_jaw_open_moves_lower_teeth_and_tongue_and_keeps_the_upper_teeth(model):
    moved = model.posed(None, model.expression_vector(jawOpen=1.0)) - model.template
    assert moved[region_vertices(model, "teethLower"), 1].max() < -0.005
    assert moved[region_vertices(model, "tongue"), 1].mean() < -0.005
    assert np.abs(moved[region_vertices(model, "teethUpper")]).max() < 0.001
    tongue = model.posed(None, model.expression_vector(tongueOut=1.0)) - model.template
    assert tongue[region_vertices(model, "tongue"), 2].max() > 0.01


def test_a_parted_mouth_shows_upper_teeth_and_shut_lips_hide_them(model):
    def incisors(**weights: float) -> float:
        """Square millimeters; the corners, where lips stand open by a hair, are outside."""
        lips = model.template[region_vertices(model, "lips")].mean(0)
        vertices = model.posed(None, model.expression_vector(**weights))
        return visible_pixels(model, vertices, "teethUpper", lips, span=0.03) / 100

    assert incisors(jawOpen=0.3) > 80 and incisors(jawOpen=0.15, mouthSmileLeft=0.8, mouthSmileRight=0.8) > 80
    for shut in (
        {},
        {"mouthRollUpper": 1, "mouthRollLower": 1},
        {"mouthPressLeft": 1, "mouthPressRight": 1},
        {"mouthPucker": 1},
    ):
        assert incisors(**shut) == 0, shut


def test_no_mouth_shape_pushes_the_lips_through_the_teeth(model):
    lips, rest = region_vertices(model, "lips"), model.template
    teeth = np.concatenate([region_vertices(model, name) for name in ("teethUpper", "teethLower")])

    def front(x: float, vertices: np.ndarray) -> float:
        near = teeth[np.abs(rest[teeth, 0] - x) < 0.003]
        return vertices[near, 2].max() if len(near) else -np.inf

    before = [v for v in lips if rest[v, 2] > front(rest[v, 0], rest)]
    assert len(before) > 100
    for name in (name for name in model.expressions if name.startswith("mouth")):
        moved = model.posed(None, model.expression_vector(**{name: 1.0}))
        assert max(front(moved[v, 0], moved) - moved[v, 2] for v in before) < 0.001, name


def test_mouth_close_closes_an_open_jaw(model):
    inner = [13, 14]  # MediaPipe: middle of the inner upper and lower lip

    def gap(**weights: float) -> float:
        points = model.media_pipe_landmarks(model.posed(None, model.expression_vector(**weights)))[inner]
        return float(np.linalg.norm(points[0] - points[1]))

    assert gap(jawOpen=1.0) > 0.02
    assert gap(jawOpen=1.0, mouthClose=1.0) < gap() + 0.002


def test_no_uv_triangle_is_flipped_and_the_atlas_is_full(model):
    corner = model.uv[model.uv_faces].astype(float)
    first, second = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    assert (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]).min() > 0
    assert model.uv.min() >= 0 and model.uv.max() <= 1
    table = build_texel_table(model, 256)
    assert table.count / 256**2 >= 0.85
    share = np.bincount(table.region, minlength=len(model.regions)) / 256**2
    face = sum(share[model.regions.index(name)] for name in ("face", "lids", "lips"))
    assert 0.45 <= face <= 0.56


@pytest.mark.parametrize("size", [1, 31, 64, 100])
def test_texel_table_follows_the_rule_face_by_face(model, size):
    table = build_texel_table(model, size)
    owner = {}
    uv = model.uv.astype(np.float64)
    for face, corners in enumerate(model.uv_faces):  # the rule of docs/conventions.md, in plain loops
        (ax, ay), (bx, by), (cx, cy) = uv[corners]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        for column in range(max(0, int(min(ax, bx, cx) * size) - 1), min(size, int(max(ax, bx, cx) * size) + 2)):
            for row in range(
                max(0, int((1 - max(ay, by, cy)) * size) - 1), min(size, int((1 - min(ay, by, cy)) * size) + 2)
            ):
                x, y = (column + 0.5) / size, 1 - (row + 0.5) / size
                a = ((bx - x) * (cy - y) - (cx - x) * (by - y)) / area
                b = ((cx - x) * (ay - y) - (ax - x) * (cy - y)) / area
                c = ((ax - x) * (by - y) - (bx - x) * (ay - y)) / area
                if a >= 0 and b >= 0 and c >= 0:
                    owner.setdefault(row * size + column, face)
    assert dict(zip(table.texel.tolist(), table.face.tolist(), strict=True)) == owner
    code = morton_code(table.texel // size, table.texel % size)
    assert (np.diff(code) > 0).all()
    np.testing.assert_allclose(table.bary.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(table.weights.sum(1), 1, atol=1e-5)


def test_uv_sampling_returns_the_surface(model):
    table = build_texel_table(model, 64)
    uv_map = sample_to_uv(table, model.template)
    row, column = np.divmod(table.texel, 64)
    surface = np.einsum("nk,nkc->nc", table.bary, model.template[model.faces[table.face]])
    np.testing.assert_allclose(uv_map[:, row, column].T, surface, atol=1e-6)
    assert (uv_map[:, ~table.valid_mask()] == 0).all()


def test_position_map_ignores_global_and_neck(model):
    table = build_texel_table(model, 32)
    pose = np.zeros(15)
    pose[:6] = 0.4
    np.testing.assert_array_equal(position_map(model, table, None, pose), position_map(model, table))
    opened = position_map(model, table, model.expression_vector(jawOpen=1.0))
    assert np.abs(opened - position_map(model, table)).max() > 0.1
    assert np.abs(opened).max() < 2.5


def test_landmarks_lie_where_their_names_say(model):
    points = model.media_pipe_landmarks(model.template)
    assert np.isfinite(points).all()
    assert points[33, 0] < points[133, 0] < 0 < points[362, 0] < points[263, 0]
    assert points[61, 0] < 0 < points[291, 0]
    assert points[10, 1] > points[1, 1] > points[152, 1]
    assert (
        np.linalg.norm(points[468] - model.joints[4]) < 0.017 and np.linalg.norm(points[473] - model.joints[3]) < 0.017
    )
    assert np.linalg.norm(points[1] - points[np.argmax(points[:, 2])]) < 0.006
    old = model.landmarks68(model.template)
    assert old[36, 0] < old[39, 0] < 0 < old[42, 0] < old[45, 0] and old[8, 1] == old[:, 1].min()
