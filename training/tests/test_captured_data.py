"""A recording made by our own splatter, written in the format of the real ones, must come back as it was."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.data.capture import CapturedPerson
from training.data.frames import head_view
from training.data.shards import read_shard, shards_of_rank, write_shard
from training.data.vhap import read_folder
from training.headmodel.model import HeadModel, rotations
from training.models.base_maps import head_texels
from training.synth.raster import render_maps

SIZE, MAP = (200, 160), 64  # width, height of the recorded pictures; texels of the drawn maps


def colored_maps() -> np.ndarray:
    """Static map [14, MAP, MAP] whose color tells the place on the head."""
    maps = np.zeros((14, MAP, MAP), np.float32)
    maps[3] = 5
    rows, columns = np.mgrid[:MAP, :MAP] / MAP
    maps[4:7] = 0.5 + 0.5 * np.sin(np.stack([25 * rows, 25 * columns, 15 * (rows + columns)]))
    maps[7:10] = np.log(0.004)
    maps[13] = 1
    return maps


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return head_texels(MAP)[0]


@pytest.fixture(scope="module")
def recording(tmp_path_factory, head) -> Path:
    """3 times x 2 views of one person, off-centre cameras with different focal lengths."""
    folder = tmp_path_factory.mktemp("subject_007")
    for part in ("images", "fg_masks", "flame_param"):
        (folder / part).mkdir()
    rng, frames = np.random.default_rng(0), []
    names = ("rotation", "neck_pose", "jaw_pose", "eyes_pose")
    for time in range(3):
        pose = rng.normal(0, 0.1, 15)
        expression = np.clip(rng.normal(0, 0.3, len(head.expressions)), 0, 1)
        translation = rng.normal(0, 0.03, 3)
        parts = dict(zip(names, np.split(pose, [3, 6, 9])))
        np.savez(
            folder / f"flame_param/{time:05d}.npz",
            translation=translation[None],
            expr=expression[None],
            **{k: v[None] for k, v in parts.items()},
        )
        for view in range(2):
            R = rotations(np.array([0.1, -0.4 + 0.8 * view, 0.05]))
            t = np.array([0.03, -0.02 - 0.02 * view, -0.9])
            world_from_camera = np.eye(4)
            world_from_camera[:3, :3], world_from_camera[:3, 3] = R.T, -R.T @ t
            f, cx, cy = 260.0 + 40 * view, 90.0, 85.0
            # our splatter has a central principal point: draw large and cut the window whose centre makes it (cx, cy)
            big, (w, h) = 400, SIZE
            picture, cover = render_maps(
                head, colored_maps(), None, expression, pose, R, R @ translation + t, f, big, with_coverage=True
            )
            x, y = int(big / 2 - cx), int(big / 2 - cy)
            color = (picture.transpose(1, 2, 0)[y : y + h, x : x + w].clip(0, 1) * 255).round().astype(np.uint8)
            stem = f"{time:05d}_{view:02d}"
            Image.fromarray(color).save(folder / f"images/{stem}.png")
            Image.fromarray((cover[y : y + h, x : x + w] * 255).round().astype(np.uint8)).save(
                folder / f"fg_masks/{stem}.png"
            )
            entry = {
                "timestep_index": time,
                "camera_index": view,
                "fl_x": f,
                "fl_y": f,
                "cx": cx,
                "cy": cy,
                "w": w,
                "h": h,
            }
            entry |= {"transform_matrix": world_from_camera.tolist(), "file_path": f"images/{stem}.png"}
            frames.append(
                entry | {"fg_mask_path": f"fg_masks/{stem}.png", "flame_param_path": f"flame_param/{time:05d}.npz"}
            )
    (folder / "transforms.json").write_text(json.dumps({"frames": frames}))
    return folder


def test_head_view_shows_what_its_camera_sees(recording, head):
    for frame in read_folder(recording)[:4]:
        view = head_view(frame, head, 128)
        truth, cover = render_maps(
            head, colored_maps(), None, frame.expression, frame.pose, view.R, view.t, view.f, 128, with_coverage=True
        )
        inside = (cover > 0.98) & (view.mask > 0.98)
        assert inside.mean() > 0.15
        assert np.abs(view.picture - truth)[:, inside].mean() < 0.03  # resampled 8 bit pictures
        rows, columns = np.nonzero(cover > 0.5)
        assert abs(columns.mean() - 64) < 24 and abs(rows.mean() - 64) < 24  # the head is in the middle


def test_wrong_camera_would_be_noticed(recording, head):
    frame = read_folder(recording)[0]
    view = head_view(frame, head, 128)
    turned = rotations(np.array([0, 0.1, 0])) @ view.R
    truth = render_maps(head, colored_maps(), None, frame.expression, frame.pose, turned, view.t, view.f, 128)
    assert np.abs(view.picture - truth)[:, view.mask > 0.98].mean() > 0.06


def test_shards_keep_frames(recording, head, tmp_path):
    frames = read_folder(recording)
    assert write_shard(tmp_path / "0.tar", frames) == 6
    again = list(read_shard(tmp_path / "0.tar"))
    for a, b in zip(frames, again, strict=True):
        assert (a.timestep, a.view) == (b.timestep, b.view)
        for name in ("intrinsics", "R", "t", "expression", "pose"):
            assert np.allclose(getattr(a, name), getattr(b, name), atol=1e-6)
        assert np.abs(np.asarray(a.load()[0], float) - np.asarray(b.load()[0], float)).mean() < 4
        assert (np.asarray(a.load()[1]) == np.asarray(b.load()[1])).all()


def test_incomplete_shard_is_an_error(recording, tmp_path):
    import tarfile

    write_shard(tmp_path / "a.tar", read_folder(recording)[:2])
    with tarfile.open(tmp_path / "a.tar") as source, tarfile.open(tmp_path / "b.tar", "w") as target:
        for member in source.getmembers()[:-2]:
            target.addfile(member, source.extractfile(member))
    with pytest.raises(ValueError, match="has only jpg"):
        list(read_shard(tmp_path / "b.tar"))


def test_ranks_share_all_shards():
    paths = [Path(f"{i}.tar") for i in range(11)]
    shared = [shards_of_rank(paths, rank, 3, epoch=2) for rank in range(3)]
    assert sorted(sum(shared, [])) == sorted(paths)
    assert shards_of_rank(paths, 1, 3, 2, done=2) == shared[1][2:]
    assert shards_of_rank(paths, 1, 3, 3) != shared[1]


def test_sample_of_captured_person(recording, head):
    person = CapturedPerson(read_folder(recording), head, photo_size=128, position_map_size=32)
    sample = person.sample(np.random.default_rng(1), photo_count=3)
    assert sample["photos"].shape == (3, 3, 128, 128) and sample["targets"].shape == (4, 3, 128, 128)
    assert sample["position_maps"].shape == (4, 3, 32, 32) and np.abs(sample["position_maps"]).max() > 0.1
    # targets and their cameras belong together
    truth = render_maps(
        head,
        colored_maps(),
        None,
        sample["expressions"][0],
        sample["poses"][0],
        *(sample[f"cameras_{k}"][0] for k in "Rtf"),
        128,
    )
    assert np.abs(sample["targets"][0] - truth)[:, sample["target_masks"][0] > 0.98].mean() < 0.03


def test_other_head_models_are_refused(recording, head):
    frames = read_folder(recording)
    with pytest.raises(ValueError, match="expressions"):
        CapturedPerson([frame.__class__(**{**frame.__dict__, "expression": np.zeros(100)}) for frame in frames], head)
