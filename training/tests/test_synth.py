"""The synthetic generator: contract, determinism, geometry that closes, and the reference rasteriser against a closed
form."""

import time

import numpy as np
import pytest

from training.headmodel.model import HeadModel
from training.headmodel.texels import build_texel_table, position_map
from training.synth import mesh
from training.synth.cameras import Camera, crop_camera, rotation
from training.synth.crop import crop_from_landmarks, crop_from_points
from training.synth.generator import Generator
from training.synth.raster import render_maps, splat

SEED = 7


@pytest.fixture(scope="module")
def generator() -> Generator:
    return Generator(HeadModel.load())


@pytest.fixture(scope="module")
def sample(generator) -> dict:
    return generator.sample(SEED, 2, 2)


def project(points: np.ndarray, R: np.ndarray, t: np.ndarray, f: float, size: int) -> np.ndarray:
    """The formula of docs/conventions.md, written out again. Points [n,3] -> pixels [n,2]."""
    x, y, z = R.astype(np.float64) @ points.T.astype(np.float64) + t.astype(np.float64)[:, None]
    return np.stack([size / 2 + f * x / -z, size / 2 - f * y / -z], 1)


def test_every_array_has_the_shape_and_range_of_the_contract(generator, sample):
    E = generator.rig.expression_count
    shapes = {
        "photos": (2, 3, 256, 256),
        "anchors_true": (2, 3, 64, 64),
        "anchors_in": (2, 3, 64, 64),
        "prior_in": (4, 64, 64),
        "static": (14, 256, 256),
        "valid": (256, 256),
        "seen": (256, 256),
        "position_maps": (2, 3, 128, 128),
        "deltas": (2, 14, 256, 256),
        "targets": (2, 3, 256, 256),
        "target_masks": (2, 256, 256),
        "expressions": (2, E),
        "poses": (2, 15),
    }
    for key, shape in shapes.items():
        assert sample[key].shape == shape and sample[key].dtype == np.float32, key
        assert np.isfinite(sample[key]).all(), key
    for key in ("photos", "targets", "target_masks", "valid", "seen", "expressions"):
        assert 0 <= sample[key].min() and sample[key].max() <= 1, key
    assert (
        sample["cameras"]["R"].shape == (2, 3, 3)
        and sample["cameras"]["t"].shape == (2, 3)
        and sample["cameras"]["f"].shape == (2,)
    )


def test_the_same_seed_gives_the_same_sample_and_another_seed_another_person(generator, sample):
    again, other = generator.sample(SEED, 2, 2), generator.sample(SEED + 1, 2, 2)
    for key, value in sample.items():
        if not isinstance(value, dict):
            assert np.array_equal(value, again[key]), key
    assert np.abs(sample["static"][4:7] - other["static"][4:7]).mean() > 0.01


def test_truths_are_zero_outside_the_valid_and_the_dynamic_texels(generator, sample):
    table = build_texel_table(generator.rig.model, 256)
    assert np.array_equal(sample["valid"] > 0, table.valid_mask())
    assert not sample["static"][:, ~table.valid_mask()].any()
    assert not sample["deltas"][:, :, ~table.dynamic_mask()].any()
    assert np.abs(sample["deltas"]).max() > 0.01


def test_static_surfels_are_unit_quaternions_on_the_side_of_the_template(generator, sample):
    t = generator.texels
    quat = sample["static"][10:14].reshape(4, -1)[:, t.index].T
    base = mesh.surfels(
        t.face, generator.rig.faces, generator.rig.uv_faces, generator.rig.uv, generator.rig.template, 256
    )[1]
    assert np.allclose(np.linalg.norm(quat, axis=1), 1, atol=1e-4)
    assert (base[:, 3] >= 0).all() and ((quat * base).sum(1) >= 0).all()
    log_scale = sample["static"][7:10, sample["valid"] > 0]
    assert np.log(1e-5) - 1e-4 <= log_scale.min() and log_scale.max() <= np.log(0.02) + 1e-4


def test_the_surfel_normal_is_the_triangle_normal(generator):
    rig, t = generator.rig, generator.texels
    pick = np.arange(0, len(t.index), 997)
    x, y, z, w = mesh.surfels(t.face[pick], rig.faces, rig.uv_faces, rig.uv, rig.template, 256)[1].T
    third = np.stack([2 * (x * z + y * w), 2 * (y * z - x * w), 1 - 2 * (x * x + y * y)], 1)
    a, b, c = (rig.template[rig.faces[t.face[pick], k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    assert ((third * normal).sum(1) / np.linalg.norm(normal, axis=1)).min() > 0.999


def test_position_maps_are_those_of_the_head_model(generator, sample):
    model = generator.rig.model
    table = build_texel_table(model, 128)
    for k in range(2):
        assert (
            np.abs(
                position_map(model, table, sample["expressions"][k], sample["poses"][k]) - sample["position_maps"][k]
            ).max()
            < 1e-4
        )


def test_anchors_are_the_projection_of_the_truth(generator):
    """Static offset + LBS + the photo's camera, in a photo with no expression, land on the true anchors to a thousandth
    of the picture."""
    rig, coarse = generator.rig, generator.coarse
    rng = np.random.default_rng(SEED)
    person = generator.person(rng)
    face = generator.face(person, np.zeros(rig.expression_count, np.float32), np.zeros(15))
    camera = crop_camera(*rig.crop_points(face.skin), 0.4, -0.1, 2.4, 256)
    depth = generator.render(person, face, camera, *_plain_light(generator, person, face)).depth
    xy, _, visible = generator._see(coarse, face.posed, face.posed_normals, camera, depth)
    expected = project(rig.bake(coarse, rig.template + person.offset), camera.R, camera.t, camera.f, 256)
    assert np.abs(xy - expected).max() < 0.05
    # the three crop points land where the crop rule puts them
    points = project(rig.crop_points(face.skin), camera.R, camera.t, camera.f, 256)
    crop = crop_from_points(*points)
    assert np.allclose(crop.center, 128, atol=0.2) and abs(crop.side - 256) < 0.5 and abs(crop.roll) < 1e-3
    # visibility: a face turned to its left (picture right) shows its right cheek and hides its left ear; nothing behind
    # is seen
    c = generator.coarse_canvas
    assert visible[c.is_region["face"] & (c.p[:, 2] > 0.08)].mean() > 0.9
    assert (
        visible[c.is_region["ears"] & (c.p[:, 0] < 0)].mean()
        > 2 * visible[c.is_region["ears"] & (c.p[:, 0] > 0)].mean()
    )
    assert not visible[c.is_region["scalp"] & (c.normal @ camera.R[2] < -0.5)].any()
    assert not visible[c.is_region["mouthInterior"] & (c.p[:, 2] < c.p[:, 2].max() - 0.03)].any()


def _plain_light(generator, person, face):
    from training.synth.lighting import Light, Tone

    light = Light(
        np.r_[np.ones((1, 3)), np.zeros((8, 3))].astype(np.float32),
        np.array([[0, 0, 1]], np.float32),
        np.full((1, 3), 0.5, np.float32),
    )
    return (
        light,
        Tone(1.0, np.ones(3, np.float32), 1.0),
        generator.occlusion_of(person, face, generator.occlusion.lit(light)),
    )


def test_a_single_gaussian_matches_the_closed_form():
    """Isotropic Gaussian on the axis: alpha(d) = o exp(-d^2 / (2 (f s / z)^2 + 0.6)), cut where it falls below
    1/255."""
    size, f, z, s, o = 65, 200.0, 0.8, 0.02, 0.7
    color, background = np.array([[0.9, 0.2, 0.4]]), np.array([0.1, 0.3, 0.5])
    image = splat(
        np.array([[0.0, 0, 0]]),
        np.array([[0.3, 0.1, -0.2, 0.9]]),
        np.full((1, 3), s),
        np.array([o]),
        color,
        np.eye(3),
        np.array([0, 0, -z]),
        f,
        size,
        background,
    )
    v, u = np.mgrid[:size, :size] + 0.5 - size / 2
    alpha = o * np.exp(-0.5 * (u**2 + v**2) / ((f * s / z) ** 2 + 0.3))
    alpha[alpha < 1 / 255] = 0
    expected = background[:, None, None] * (1 - alpha) + color[0][:, None, None] * alpha
    edge = np.abs(alpha - 1 / 255) < 2e-5  # rounding decides which side of the cut
    assert np.abs(image - expected)[:, ~edge].max() < 2e-6


def test_a_turned_flat_gaussian_has_the_covariance_of_its_rotation():
    """Second moments of the picture against R S S^T R^T projected by hand (orthographic limit: far camera, long
    lens)."""
    size, z = 129, 40.0
    f = 500.0 * z
    q = np.array([0.2, -0.3, 0.4, 0.84])
    q /= np.linalg.norm(q)
    x, y, s, w = q
    M = np.array(
        [
            [1 - 2 * (y * y + s * s), 2 * (x * y - s * w), 2 * (x * s + y * w)],
            [2 * (x * y + s * w), 1 - 2 * (x * x + s * s), 2 * (y * s - x * w)],
            [2 * (x * s - y * w), 2 * (y * s + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    scale = np.array([0.02, 0.008, 0.002])
    image = splat(
        np.zeros((1, 3)),
        q[None],
        scale[None],
        np.array([0.2]),
        np.ones((1, 3)),
        np.eye(3),
        np.array([0, 0, -z]),
        f,
        size,
        0.0,
    )[0].astype(np.float64)
    v, u = np.mgrid[:size, :size] + 0.5 - size / 2
    total = image.sum()
    measured = np.array([(u * u * image).sum(), (u * v * image).sum(), (v * v * image).sum()]) / total
    cov = 500.0**2 * (M * scale**2) @ M.T
    expected = np.array([cov[0, 0] + 0.3, -cov[0, 1], cov[1, 1] + 0.3])
    # the cut at 1/255 takes the same share of every moment, so ratios are compared; pixels at the cut's rim leave 0.2 %
    assert np.allclose(measured / measured[0], expected / expected[0], atol=5e-3)


def test_nearer_gaussians_cover_farther_ones():
    means, quats = np.array([[0, 0, 0.1], [0, 0, -0.1]]), np.array([[0, 0, 0, 1.0]] * 2)
    image = splat(
        means,
        quats,
        np.full((2, 3), 0.05),
        np.array([0.99, 0.99]),
        np.array([[1.0, 0, 0], [0, 1, 0]]),
        np.eye(3),
        np.array([0, 0, -1.0]),
        100,
        33,
        0.0,
    )
    assert image[0, 16, 16] > 0.95 and image[1, 16, 16] < 0.05


def test_splatting_the_truth_maps_gives_the_mesh_picture(generator, sample):
    """The ceiling of the whole method: at least 25 dB inside the masks (without highlights, which maps cannot hold)."""
    squared, count = 0.0, 0
    for seed in range(4):
        s = generator.sample(SEED + seed, 1, 2)
        for k in range(2):
            c = s["cameras"]
            image = render_maps(
                generator.rig.model,
                s["static"],
                s["deltas"][k],
                s["expressions"][k],
                s["poses"][k],
                c["R"][k],
                c["t"][k],
                float(c["f"][k]),
                256,
            )
            inside = s["target_masks"][k] > 0.5
            squared += ((image - s["targets"][k])[:, inside] ** 2).sum()
            count += 3 * inside.sum()
    psnr = -10 * np.log10(squared / count)
    print(f"truth maps, splatted, against the mesh: {psnr:.1f} dB")
    assert psnr >= 25


def test_the_inside_of_the_neck_has_the_color_of_its_outside_as_a_gaussian_has():
    """One glossy triangle under light from its front, seen from its front, from behind, and from behind as cloth."""
    corners = np.float32([[0, 0, 0], [1, 0, 0], [0, 1, 0]])
    one, normals = np.arange(3)[None], np.tile(np.float32([0, 0, 1]), (3, 1))
    texture = np.tile(np.float32([0.6, 0.4, 0.3, 0.5, 20, 0, 0, 0]), (4, 4, 1))
    sky = np.zeros((9, 3), np.float32)
    sky[0], sky[3] = 0.5, 0.3
    light = sky, np.float32([[0, 0.6, 0.8]]), np.ones((1, 3), np.float32)
    surface = (
        np.zeros(1, int),
        np.float32([[0.3, 0.3]]),
        one,
        one,
        corners[:, :2],
        texture,
        corners,
        normals,
        np.ones((3, 2)),
        light,
    )
    matte, front = mesh.shade(*surface), mesh.shade(*surface, np.float32([0.3, 0.3, 3]))
    behind, cloth = (mesh.shade(*surface, np.float32([0.3, 0.3, -3]), two_sided=two) for two in (False, True))
    assert (front > matte + 0.01).all(), "no highlight"
    assert np.allclose(behind, matte, atol=1e-6)
    assert (cloth < 0.5 * matte).all()


@pytest.mark.parametrize("neck", [0.0, 0.15])
def test_the_position_delta_makes_the_posed_gaussians_lie_on_the_mesh(generator, neck):
    """Gaussian centres from maps, against the mesh the pictures show: within 0.3 mm for 99 % of the texels."""
    from training.synth.raster import gaussians

    rig = generator.rig
    person = generator.person(np.random.default_rng(3))
    expression = generator.rig.model.expression_vector(
        jawOpen=0.5, eyeLookOutLeft=0.8, eyeLookInRight=0.8, mouthSmileLeft=0.7
    )
    face = generator.face(person, expression, np.r_[np.zeros(3), 0.7 * neck, neck, 0, np.zeros(9)])
    t = generator.texels
    static, delta = np.zeros((14, 256, 256), np.float32), np.zeros((14, 256, 256), np.float32)
    static[:3], delta[:3], static[13] = t.to_map(rig.bake(t, person.offset)), t.to_map(rig.bake(t, face.delta)), 1
    g = gaussians(rig.model, build_texel_table(rig.model, 256), static, delta, expression, face.pose)
    error = np.linalg.norm(g["means"] - rig.bake(t, face.posed), axis=1)
    assert np.quantile(error, 0.99) < 3e-4, f"99 % within {1000 * np.quantile(error, 0.99):.2f} mm"


def test_eyes_turn_about_the_persons_own_centres(generator):
    """The eyeball is a sphere that keeps its centre when it looks aside, though the template's joint lies elsewhere."""

    def centre(points: np.ndarray) -> np.ndarray:
        return np.linalg.lstsq(np.c_[2 * points, np.ones(len(points))], (points**2).sum(1), rcond=None)[0][:3]

    person = generator.person(np.random.default_rng(3))
    ball = np.unique(generator.rig.faces[generator.rig.face_region == generator.rig.regions.index("eyeLeft")])
    rest = generator.face(person, generator.rig.model.expression_vector(), np.zeros(15))
    aside = generator.face(person, generator.rig.model.expression_vector(eyeLookOutLeft=0.9), np.zeros(15))
    own = centre(rest.posed[ball].astype(np.float64))
    assert np.linalg.norm(own - generator.frame.eyes[0]) > 0.001, "the test needs an eye away from the template's"
    assert np.linalg.norm(aside.posed[ball] - rest.posed[ball], axis=1).max() > 0.003
    assert np.linalg.norm(centre(aside.posed[ball].astype(np.float64)) - own) < 2e-4


def test_the_crop_of_known_landmarks():
    """Numbers that the TypeScript twin must reproduce (docs/conventions.md, "Crop")."""
    landmarks = np.zeros((478, 2))
    for index, point in {
        33: (100, 200),
        133: (140, 204),
        362: (200, 210),
        263: (240, 214),
        61: (140, 300),
        291: (190, 305),
    }.items():
        landmarks[index] = point
    crop = crop_from_landmarks(landmarks)
    e, d = np.array([100.0, 10.0]), np.array([165.0, 302.5]) - np.array([170.0, 207.0])
    side = max(5.2 * np.hypot(*e), 4.8 * np.hypot(*d))
    assert crop.roll == pytest.approx(np.arctan2(10, 100)) and crop.side == pytest.approx(side)
    assert crop.side == pytest.approx(522.5935, abs=1e-3)
    assert crop.center == pytest.approx([168.9600, 217.4000], abs=1e-3)
    inside = crop.to_crop(landmarks[[33, 133, 362, 263]], 256)
    right, left = inside[:2].mean(0), inside[2:].mean(0)
    assert right[1] == pytest.approx(left[1]) and right[1] == pytest.approx(128 - 0.02 * 256)
    profile = crop_from_points(np.array([100.0, 200]), np.array([110.0, 190]), np.array([125.0, 280]))
    assert profile.roll == pytest.approx(np.arctan2(-20, 85)) and profile.side == pytest.approx(4.8 * np.hypot(20, 85))


def test_cameras_are_rotations_and_yaw_turns_the_face_to_its_left():
    R = rotation(0.5, 0.2, -0.1)
    assert np.allclose(R @ R.T, np.eye(3)) and np.linalg.det(R) == pytest.approx(1)
    nose = Camera(rotation(0.5, 0, 0), np.array([0, 0, -0.8]), 600, 256).project(np.array([[0, 0, 0.1]], np.float32))[0]
    assert nose[0] > 128


def test_identities_per_second(generator):
    start = time.perf_counter()
    for seed in range(8):
        generator.sample(100 + seed, 1 + seed % 2, 2, render_targets=False)
    print(f"{8 / (time.perf_counter() - start):.1f} identities per second on this machine, one process")


def test_teeth_are_lit_when_the_mouth_opens_and_closed_lids_like_the_skin_around(generator):
    from training.synth.lighting import Light

    rig = generator.rig
    light = Light(
        np.r_[np.ones((1, 3)), np.zeros((8, 3))].astype(np.float32),
        np.zeros((0, 3), np.float32),
        np.zeros((0, 3), np.float32),
    )
    person, lit = generator.person(np.random.default_rng(3)), generator.occlusion.lit(light)
    vector = rig.model.expression_vector
    bared = {
        f"{name}{side}": 0.8 for name in ("mouthSmile", "mouthUpperUp", "mouthLowerDown") for side in ("Left", "Right")
    }

    def share(**weights):
        face = generator.face(person, vector(**weights), np.zeros(15))
        return generator.occlusion.blend(lit, face.still, weights.get("jawOpen", 0.0), person.gaps)[:, 0]

    front = lambda name: rig.faces[rig.face_region == rig.regions.index(name)]
    teeth = np.unique(front("teethUpper"))
    teeth = teeth[rig.template[teeth, 2] > np.quantile(rig.template[teeth, 2], 0.8)]
    shut, smile, wide = share(), share(**bared), share(jawOpen=0.7)
    assert smile[teeth].mean() > 1.8 * shut[teeth].mean() and wide[teeth].mean() > 1.3 * shut[teeth].mean()
    assert np.abs(share(jawOpen=0.35) - share(jawOpen=0.36)).max() < 0.03, "no steps between the tables"
    closed = generator.face(person, vector(eyeBlinkLeft=1, eyeBlinkRight=1), np.zeros(15))
    camera = crop_camera(*rig.crop_points(closed.skin), 0.0, 0.0, 2.4, 512)
    depth = mesh.raster(camera.to_camera(closed.still), rig.faces, camera.f, 512)[2]
    shown = mesh.visibility(
        camera.to_camera(closed.still), mesh.rigid(closed.normals, camera.R), camera.f, depth, 0.0015, 0.2
    )[2]
    lids = np.intersect1d(np.unique(front("lids")), np.flatnonzero(shown))
    cheek = np.intersect1d(np.unique(front("face")), np.flatnonzero(shown))
    assert len(lids) > 15
    blink = share(eyeBlinkLeft=1, eyeBlinkRight=1)
    assert np.median(blink[lids]) > 0.75 * np.median(blink[cheek])
    sides = [lids[rig.template[lids, 0] * sign > 0.01] for sign in (1, -1)]
    left = share(eyeBlinkLeft=1) - shut
    assert np.abs(left[sides[0]]).max() > 0.05 and np.abs(left[sides[1]]).max() < 0.02, (
        "one eye's lid is one eye's business"
    )


def test_tones_can_be_undone_and_their_mean_has_no_order():
    from training.synth.lighting import Tone, another_tone, mean_tone

    tone = Tone(1.3, np.array([1.05, 1, 0.9], np.float32), 1.1)
    color = np.random.default_rng(0).uniform(0.02, 0.6, (50, 3)).astype(np.float32)
    assert np.abs(tone.decode(tone.encode(color)) / color - 1).max() < 2e-3
    rng = np.random.default_rng(1)
    values = np.stack([another_tone(rng, tone).values() for _ in range(4)])
    assert np.allclose(mean_tone(values), mean_tone(values[::-1])) and np.allclose(mean_tone(values[:1]), values[0])
    assert np.allclose(Tone.of(values[0]).encode(color), Tone(1.0, values[0][:3], float(values[0][3])).encode(color))


def test_four_photos_see_much_more_of_a_head_than_one(generator):
    one, four, behind = [], [], 0
    for seed in range(12):
        sample = generator.sample(seed, 4, 0)
        seen = sample["anchors_true"][:, 2]
        one.append(seen[0].sum())
        four.append(seen.max(0).sum())
        R = sample["photo_cameras"]["R"]
        behind += (R[:, 2, 2] < -0.5).any()
    assert np.mean(four) > 1.4 * np.mean(one)
    assert behind >= 3, "some people are photographed from behind"


@pytest.mark.parametrize("narrow", [0.8, 1.0])
def test_bare_shoulders_fit_the_neck_and_continue_its_color(generator, narrow):
    """Also a painted collar: photos must not show skin where the truth has cloth."""
    from training.synth.torso import ANGLES, sample_torso

    rim = generator.rig.template[generator.rim] * [narrow, 1, narrow]
    cloth, collar = np.array([0.1, 0.2, 0.6], np.float32), np.array([0.5, 0.1, 0.1], np.float32)
    torso = sample_torso(np.random.default_rng(0), rim, cloth, collar, None, generator.frame.head)
    assert np.allclose(torso.texture[0, :, :3], collar)
    inside, around = torso.vertices.reshape(-1, ANGLES + 1, 3)[:2]
    across = np.ptp(rim[:, 0])
    assert np.ptp(inside[:, 0]) < 0.9 * across < across < np.ptp(around[:, 0]) < 1.1 * across


def test_the_texels_above_the_rim_are_throat(generator):
    canvas = generator.canvas
    on = canvas.p[generator.above_rim]
    assert len(on) > 100 and canvas.skin[generator.above_rim].all()
    assert on[:, 1].max() < generator.frame.rim + 0.06
