"""The sample character as shipped: a valid skinned glTF that stands on the ground."""

import json
import struct
from pathlib import Path

import numpy as np

from training.character.build import OUTPUT, build


def load(path: Path = OUTPUT) -> tuple[dict, bytes]:
    content = path.read_bytes()
    magic, version, total, length, kind = struct.unpack("<4sIII4s", content[:20])
    assert magic == b"glTF" and version == 2 and total == len(content) and kind == b"JSON"
    return json.loads(content[20 : 20 + length]), content[28 + length :]


def values(document: dict, body: bytes, index: int) -> np.ndarray:
    entry = document["accessors"][index]
    dtype = {5126: "<f4", 5121: "u1", 5123: "<u2"}[entry["componentType"]]
    width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}[entry["type"]]
    start = document["bufferViews"][entry["bufferView"]]["byteOffset"]
    return np.frombuffer(body, dtype, entry["count"] * width, start).reshape(entry["count"], width)


def test_the_character_is_small_stands_on_the_ground_and_is_skinned():
    document, body = load()
    assert OUTPUT.stat().st_size < 1_500_000
    primitive = document["meshes"][0]["primitives"][0]
    place = values(document, body, primitive["attributes"]["POSITION"])
    assert abs(place[:, 1].min()) < 0.005 and 1.6 < place[:, 1].max() < 1.9
    assert values(document, body, primitive["indices"]).max() < len(place)
    weights = values(document, body, primitive["attributes"]["WEIGHTS_0"]).astype(int)
    assert (weights.sum(1) == 255).all()
    joints = document["skins"][0]["joints"]
    assert 20 <= len(joints) <= 55
    assert values(document, body, primitive["attributes"]["JOINTS_0"]).max() < len(joints)


def test_inverse_bind_matrices_undo_the_rest_pose():
    document, body = load()
    parent = {child: index for index, node in enumerate(document["nodes"]) for child in node.get("children", [])}
    bind = values(document, body, document["skins"][0]["inverseBindMatrices"]).reshape(-1, 4, 4)
    for matrix, joint in zip(bind, document["skins"][0]["joints"], strict=True):
        place, node = np.zeros(3), joint
        while node is not None:
            place = place + document["nodes"][node].get("translation", [0, 0, 0])
            node = parent.get(node)
        np.testing.assert_allclose(matrix[3, :3], -place, atol=1e-4)


def test_the_idle_clip_closes():
    document, body = load()
    for sampler in document["animations"][0]["samplers"]:
        track = values(document, body, sampler["output"])
        assert np.isfinite(track).all()
        np.testing.assert_allclose(track[0], track[-1], atol=1e-5)
        if track.shape[1] == 4:
            np.testing.assert_allclose(np.linalg.norm(track, axis=1), 1, atol=1e-5)


def test_the_build_gives_the_committed_character(tmp_path):
    build(tmp_path / "character.glb")
    (document, body), (shipped, shipped_body) = load(tmp_path / "character.glb"), load()
    assert document == shipped
    for index in range(len(document["accessors"])):  # processors differ in the last bit of a sine
        np.testing.assert_allclose(
            values(document, body, index), values(shipped, shipped_body, index), rtol=0, atol=1e-6
        )
