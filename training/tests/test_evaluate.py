"""Metrics against closed forms and direct sums; what they are given (landmarks, chips, boxes); targets."""

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.transform import Rotation
from torch import nn

from training.evaluate import metrics, results
from training.evaluate.held_out import HeldOut, means
from training.evaluate.observers import Face, Observers, face_chip
from training.evaluate.real_photos import cut_out, disturbed, draw_crop, mouth_light, mouth_opening, teeth_light
from training.evaluate.studies import ORACLE
from training.headmodel.model import HeadModel
from training.models.base_maps import head_texels
from training.models.landmarks import INNER_LIPS, Landmarks, project
from training.synth.crop import Crop, from_crop


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return HeadModel.load()


def picture(seed: int = 0, size: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)


def face(points: np.ndarray, blendshapes: float = 0.2, yaw: float = 0.0) -> Face:
    turned = Rotation.from_euler("yxz", [yaw, 0, 0], degrees=True).as_matrix()
    unit = np.ones(4) / 2
    return Face(points, np.full(51, blendshapes), turned, {"one": unit, "two": unit})


def test_held_out_scores_are_means_over_identities_and_empty_where_none_is_left():
    assert means([{"psnr": 20.0, "mm": 1.0}, {"psnr": 23.0, "mm": 2.0}]) == {"psnr": 21.5, "mm": 1.5}
    behind = np.diag([-1.0, 1.0, -1.0])  # half a turn about the vertical
    sample = {"prior_in": np.zeros((4, 2, 2)), "photo_cameras_R": np.eye(3)[None], "cameras_R": behind[None]}
    held_out = HeldOut.__new__(HeldOut)
    held_out.samples = [sample]
    assert held_out.evaluate(nn.Identity(), max_yaw=60) == {}, "its only new view is from behind"
    assert held_out.evaluate(nn.Identity(), with_fit_only=True) == {}, "it has no landmark fit"


def test_psnr_of_a_constant_difference():
    truth = np.full((16, 16, 3), 100, np.uint8)
    assert metrics.psnr(truth + 5, truth) == pytest.approx(20 * np.log10(255 / 5), abs=1e-3)
    half = np.zeros((16, 16), bool)
    half[:8] = True
    mixed = truth.copy()
    mixed[8:] += 50
    assert metrics.psnr(mixed, truth, half) == pytest.approx(100), "what lies outside the mask does not count"
    mixed[:8] += 5
    assert metrics.psnr(mixed, truth, half) == pytest.approx(20 * np.log10(255 / 5), abs=1e-3)


def test_ssim_of_flat_pictures_is_the_luminance_term():
    a, b = 0.2, 0.6
    flat = lambda v: np.full((20, 20, 3), round(v * 255), np.uint8)
    assert metrics.ssim(flat(a), flat(b)) == pytest.approx((2 * a * b + 1e-4) / (a * a + b * b + 1e-4), abs=1e-6)


def test_ssim_agrees_with_direct_window_sums():
    p, t = picture(1), np.clip(picture(1).astype(int) + picture(2) // 8, 0, 255).astype(np.uint8)
    window = np.exp(-0.5 * ((np.arange(11) - 5) / 1.5) ** 2)
    window = np.outer(window, window) / np.outer(window, window).sum()
    values = []
    for c in range(3):
        x, y = p[..., c] / 255, t[..., c] / 255
        for r in range(5, 27):
            for k in range(5, 27):
                a, b = x[r - 5 : r + 6, k - 5 : k + 6], y[r - 5 : r + 6, k - 5 : k + 6]
                ma, mb = (window * a).sum(), (window * b).sum()
                va, vb = (window * (a - ma) ** 2).sum(), (window * (b - mb) ** 2).sum()
                cov = (window * (a - ma) * (b - mb)).sum()
                values.append((2 * ma * mb + 1e-4) * (2 * cov + 9e-4) / ((ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4)))
    assert metrics.ssim(p, t) == pytest.approx(np.mean(values), abs=1e-6)
    assert metrics.ssim(p, p) == pytest.approx(1)


def test_face_metrics_of_known_changes():
    points = np.random.default_rng(0).uniform(60, 200, (478, 2))
    points[[33, 133]], points[[362, 263]] = [80, 100], [140, 100]  # 60 px between the eyes
    wanted, seen = face(points), face(points + [3, 4], blendshapes=0.3, yaw=12)
    got = metrics.faces(seen, wanted, 256)
    assert got["akd"] == pytest.approx(5 * 512 / 256)
    assert got["akd_percent"] == pytest.approx(100 * 5 / 60)
    assert got["aed_l1mean"] == pytest.approx(0.1)
    assert got["aed_l2"] == pytest.approx(0.1 * np.sqrt(51))
    assert got["apd_degrees"] == pytest.approx(12 / 3)
    assert metrics.csim(seen, wanted) == pytest.approx({"csim_one": 1, "csim_two": 1})


def test_motion_error_of_a_still_picture_is_the_motion_it_misses():
    truth = np.stack([np.full((8, 8, 3), v, np.uint8) for v in (10, 20, 35)])
    everywhere = np.ones((3, 8, 8), bool)
    assert metrics.motion_error(truth, truth, everywhere) == 0
    assert metrics.motion_error(truth[[0, 0, 0]], truth, everywhere) == pytest.approx((10 + 15) / 2)
    assert metrics.motion_error(truth + 7, truth, everywhere) == 0, "a constant error is no flicker"


def test_face_box_and_mouth_mask():
    keypoints = np.array([[100, 100], [140, 100], [120, 120], [105, 140], [135, 140]], float)
    left, top, side = metrics.face_box(keypoints, 256)
    assert (left, top, side) == (60, 60, 120)
    assert metrics.face_box(keypoints - 90, 256)[:2] == (0, 0)
    mask = metrics.polygon_mask(np.array([[20, 20], [40, 20], [40, 30], [20, 30]], float), 64, 4)
    assert mask[25, 30] and mask[25, 44] and not mask[25, 46] and not mask[35, 30] and mask[34, 30]


def test_light_of_the_teeth_is_that_between_open_lips():
    points = np.full((478, 2), 100.0)
    points[[33, 133]], points[[362, 263]] = [70, 60], [130, 60]
    around = np.linspace(np.pi, 3 * np.pi, len(INNER_LIPS), endpoint=False)
    points[INNER_LIPS] = np.stack([100 + 20 * np.cos(around), 120 + 10 * np.sin(around)], 1)
    seen = face(points)
    assert mouth_opening(seen) == pytest.approx(20 / 60)
    photo = np.full((200, 200, 3), 30, np.uint8)
    photo[108:118, 60:140] = 220  # teeth in the upper half
    avatar = np.where(photo == 220, 150, photo).astype(np.uint8)
    linear = lambda v: ((v / 255 + 0.055) / 1.055) ** 2.4
    assert mouth_light(photo, seen) == pytest.approx(linear(220), rel=1e-4)
    dimmer = 100 * linear(150) / linear(220)
    assert teeth_light([avatar, avatar], [seen, None], [photo, photo], [seen, seen]) == pytest.approx(
        [dimmer], rel=1e-4
    )
    for dark in (20, 32):  # darker than the face, and a tenth brighter
        assert teeth_light([avatar], [seen], [np.where(photo == 220, dark, photo)], [seen]) == [], (
            "a dark mouth shows none"
        )
    shut = points.copy()
    shut[INNER_LIPS, 1] = 120 + 0.1 * (points[INNER_LIPS, 1] - 120)
    assert teeth_light([avatar], [seen], [photo], [face(shut)]) == [], "shut lips show none"


def test_landmarks_without_offsets_are_those_of_the_head_model(head):
    at = Landmarks(head)
    expression, pose = head.expression_vector(jawOpen=0.6, mouthSmileLeft=0.4), np.r_[0, 0, 0, 0.1, 0.2, 0, np.zeros(9)]
    nothing = np.zeros((3, 256, 256), np.float32)
    matrices = head.joint_matrices(head.pose(expression, pose))
    wanted = head.media_pipe_landmarks(head.lbs(head.vertices(None, expression), head.pose(expression, pose)))
    got = at.points(nothing, expression, pose)
    assert np.abs(matrices[2] - np.eye(4)).max() > 0.01, "the jaw moved"
    assert np.abs(got - wanted)[at.mapped].max() < 3e-4  # blending weights per landmark or per vertex
    moved = at.points(nothing + 0.01, expression, np.zeros(15)) - at.points(nothing, expression, np.zeros(15))
    jaw = at.weights[:, 2] > 0.01
    assert np.allclose(moved[at.mapped & ~jaw], 0.01, atol=1e-3), "offsets carry over"


@pytest.mark.parametrize(("size", "texels"), [(64, 1e-3), (16, 0.5)])
def test_maps_are_read_where_the_landmarks_lie(head, size, texels):
    at = Landmarks(head)
    _, table = head_texels(size)
    rows, columns = np.divmod(np.arange(size * size), size)
    place = np.stack([(columns + 0.5) / size, 1 - (rows + 0.5) / size]).reshape(2, size, size)
    place[:, ~table.valid_mask()] = 50  # texels without a face must not be read
    assert np.abs(at.sample(place) - at.uv)[at.mapped].max() < texels / size


def test_projection_is_the_crop_camera():
    xy = project(np.array([[0.1, 0.2, 0.0]]), np.eye(3), np.array([0, 0, -0.5]), 100, 64)
    assert np.allclose(xy, [[32 + 100 * 0.1 / 0.5, 32 - 100 * 0.2 / 0.5]])


def test_chip_of_a_turned_photo_is_the_same():
    smooth = np.asarray(Image.fromarray(picture(3, 12)).resize((200, 200), Image.Resampling.BICUBIC))
    points = np.full((478, 2), 100.0)
    points[[33, 133]], points[[362, 263]], points[[61, 291]] = [80, 90], [120, 90], [100, 130]
    quarter = np.stack([200 - points[:, 1], points[:, 0]], 1)  # 90 degrees clockwise
    straight = face_chip(smooth, points, 64, 0.45, 0.43).astype(int)
    turned = face_chip(np.rot90(smooth, -1).copy(), quarter, 64, 0.45, 0.43).astype(int)
    assert np.abs(straight - turned).mean() < 1
    assert np.abs(straight - picture(4, 64)).mean() > 30


def test_crop_is_drawn_where_its_coordinates_say():
    photo = np.zeros((200, 300, 3), np.uint8)
    photo[90:110, 190:210] = 255
    crop = Crop(np.array([180.0, 90.0]), 100.0, 0.3)
    drawn = draw_crop(photo, crop, 128)
    x, y = crop.to_crop(np.array([[200.0, 100.0]]), 128)[0]
    assert drawn[int(y), int(x)].min() > 250
    bright = np.argwhere(drawn[..., 0] > 128).mean(0)[::-1] + 0.5
    assert np.abs(bright - [x, y]).max() < 1
    assert np.allclose(from_crop(crop.to_crop(np.array([[200.0, 100.0]])), crop), [[200, 100]])
    photo[-1, 150:200] = 200
    beyond = draw_crop(photo, Crop(np.array([175.0, 190.0]), 100.0, 0.0), 100)
    assert (beyond[62:98, 27:73] == 200).all(), "the photo's last row goes on below it"
    assert (draw_crop(photo, Crop(np.array([290.0, 10.0]), 100.0, 0.0), 100)[[5, 45], [50, 95]] == 128).all(), (
        "grey above and beside"
    )


def test_matte_is_soft_only_at_its_rim():
    mask = np.zeros((64, 64), np.float32)
    mask[16:48, 16:48] = 1
    grey = np.full((3, 128, 128), 0.4, np.float32)  # colors say nothing, so the mask decides
    matte, image = cut_out(grey, mask)
    assert matte.shape == (128, 128) and matte[64, 64] == 1 and matte[8, 8] == 0 and 0 < matte[64, 32] < 1
    assert np.abs(image - grey).max() < 1e-4
    assert disturbed(picture(5, 100)).shape == (int(0.6 * 94), int(0.6 * 95), 3)


def test_shipped_fit_finds_a_known_camera(head):
    observers = Observers()
    if "fit" in observers.missing:
        pytest.skip(observers.missing["fit"])
    R = Rotation.from_euler("y", 20, degrees=True).as_matrix()
    points = head.media_pipe_landmarks(head.template.astype(np.float64))
    seen = project(np.nan_to_num(points), R, np.array([0.0, 0.0, -0.77]), 2.4, 1)
    fit = observers.fit(seen[None], 64)[0]
    assert fit["residual"][0] < 1
    assert np.degrees(np.arccos((np.trace(fit["rotation"] @ R.T) - 1) / 2)) < 2
    coordinates = Landmarks(head).sample(fit["anchors"][:2])
    frontal = np.isin(np.arange(478), [1, 61, 291, 33, 263, 133, 362, 168])
    assert np.abs(coordinates - seen)[frontal].max() < 0.02, "anchors are where the landmarks were seen"
    other = project(np.nan_to_num(points), np.eye(3), np.array([0.0, 0.0, -0.77]), 2.4, 1) * [1.03, 1]
    alone, both = (observers.fit(np.stack([seen, other]), 64, together) for together in (1, 2))
    assert np.array_equal(alone[0]["prior"], fit["prior"]) and not np.array_equal(alone[0]["prior"], alone[1]["prior"])
    assert np.array_equal(both[0]["prior"], both[1]["prior"]), "photos of one person share an identity"
    assert not np.array_equal(both[0]["anchors"], both[1]["anchors"])


def test_targets_know_which_way_is_better():
    row = lambda **values: {name: {"mean": v, "ci95": 0.0, "n": 2} for name, v in values.items()}
    draws = {
        "rows": {"1 photo": row(psnr_masked=23.0)},
        "over skinning alone": {"1 photo": row(mouth_psnr=0.5), ORACLE: row(mouth_psnr=0.9)},
        "over 1 photo": {"4 photos": row(psnr_masked=1.5)},
    }
    sweep = {
        f"4 photos @ {yaw}": row(psnr_masked=24.0 if yaw in results.FRONT else 21.5)
        for yaw in results.FRONT + results.BACK
    }
    real = {"1 photo": row(landmark_error_percent=5.0, way_to_same_person_percent_net=70.0)}
    measured = {
        "draws": {"held-out": draws},
        "studies": {"yaw sweep": sweep},
        "real_photos": real,
        "permutation": {"static_map": 1e-6},
    }
    found = {t["name"]: t for t in results.targets(measured)}
    verdicts = [(t["value"], t["met_cpu"], t["met_gpu"]) for t in found.values()]
    wanted = [(23.0, True, False), (0.5, False, False), (1.5, True, True), (2.5, True, False)]
    wanted += [(5.0, True, False), (70.0, True, False), (1e-6, True, True)]
    assert verdicts == wanted
    assert found["mouth over skinning alone (held-out)"]["truth"] == 0.9
    empty = results.targets({"draws": {}, "studies": {}, "real_photos": None, "permutation": {"static_map": 1.0}})
    assert empty[0]["value"] is None and empty[0]["met_cpu"] is None and empty[-1]["met_cpu"] is False


def test_state_file_is_read_as_a_table():
    rows = results.state_rows("# State\n\n| | |\n|---|---|\n| model | nano |\n| data | 4,066 identities |\n")
    assert rows == {"model": "nano", "data": "4,066 identities"}
