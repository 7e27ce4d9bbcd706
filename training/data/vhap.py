"""Folders in the format that VHAP exports and GaussianAvatars reads (NeRSemble and own captures).

<subject>/transforms.json (or transforms_train.json) lists frames: fl_x, fl_y, cx, cy, transform_matrix (world from
camera, OpenGL axes), timestep_index, camera_index, file_path, fg_mask_path, flame_param_path; flame_param/*.npz hold
translation, rotation, neck_pose, jaw_pose, eyes_pose, expr. Tracked shape and offsets are not read: a user's photos
have none."""

import json
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from .frames import Frame

INDEX_NAMES = ("transforms.json", "transforms_train.json")


def read_folder(folder: Path) -> list[Frame]:
    """All frames of one subject. Raises FileNotFoundError without an index, KeyError when a frame lacks a field."""
    index = next((folder / name for name in INDEX_NAMES if (folder / name).exists()), None)
    if index is None:
        raise FileNotFoundError(f"{folder} has none of {', '.join(INDEX_NAMES)}")
    return [_frame(folder, entry) for entry in json.loads(index.read_text())["frames"]]


def _frame(folder: Path, entry: dict) -> Frame:
    tracked = _tracked(folder / entry["flame_param_path"])
    camera_from_world = np.linalg.inv(np.asarray(entry["transform_matrix"], np.float64))
    R = camera_from_world[:3, :3]
    return Frame(
        subject=folder.name,
        timestep=int(entry["timestep_index"]),
        view=int(entry["camera_index"]),
        load=lambda: _pictures(folder, entry),
        intrinsics=np.array([entry["fl_x"], entry["fl_y"], entry["cx"], entry["cy"]], np.float64),
        R=R,
        t=R @ tracked["translation"] + camera_from_world[:3, 3],
        expression=tracked["expr"].astype(np.float32),
        pose=np.concatenate([tracked[name] for name in ("rotation", "neck_pose", "jaw_pose", "eyes_pose")]),
    )


@cache
def _tracked(file: Path) -> dict[str, np.ndarray]:
    with np.load(file) as stored:
        return {name: stored[name].astype(np.float64).ravel() for name in stored.files}


def _pictures(folder: Path, entry: dict) -> tuple[Image.Image, Image.Image]:
    picture = Image.open(folder / entry["file_path"])
    if "fg_mask_path" in entry:
        mask = Image.open(folder / entry["fg_mask_path"]).convert("L")
    else:  # some exports keep the mask in the picture's alpha channel
        mask = picture.convert("RGBA").getchannel("A")
    return picture.convert("RGB"), mask
