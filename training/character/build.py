"""Build samples/assets/character.glb: `python -m training.character.build`.

A dressed adult with the 53 bones of MakeHuman's game engine rig and an idle clip. Y up, meters, feet at y = 0, facing
+Z. Clothes are the body's own surface, pushed out and colored by the bone that moves it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from ..headmodel.mesh import split_quads, vertex_normals
from ..headmodel.source import BaseMesh, data_folder, face_unit, target
from .glb import Glb

OUTPUT = Path(__file__).resolve().parents[2] / "samples" / "assets" / "character.glb"
CLIP_SECONDS = 6.0
# sRGB colors and how far the surface is pushed out, meters
LOOK = {
    "skin": ((205, 158, 132), 0.0),
    "shirt": ((58, 92, 128), 0.010),
    "trousers": ((62, 60, 66), 0.012),
    "shoes": ((38, 30, 28), 0.010),
    "hair": ((52, 38, 30), 0.011),
    "lips": ((168, 98, 90), 0.0),
    "eye": ((236, 234, 230), 0.0),
    "iris": ((70, 52, 40), 0.0),
}


def body_shape(base: BaseMesh) -> np.ndarray:
    """Vertices [19158,3] in meters: a young man of medium build, feet on the ground."""
    vertices = base.vertices + target("macrodetails/universal-male-young-averagemuscle-averageweight")
    for people in ("caucasian", "asian", "african"):
        vertices = vertices + target(f"macrodetails/{people}-male-young") / 3
    vertices = vertices * 0.1
    return vertices - [0, vertices[base.groups["body"], 1].min() - LOOK["shoes"][1], 0]


def rig(base: BaseMesh, vertices: np.ndarray) -> tuple[list[str], list[int], np.ndarray, dict[str, np.ndarray]]:
    """Bone names (parents first), parent indices (-1 at the root), joint positions [n,3], weights per bone [k,2]
    (vertex, weight)."""
    folder = data_folder() / "mpfb2" / "rigs" / "standard"
    bones = json.loads((folder / "rig.game_engine.json").read_text())
    weights = json.loads((folder / "weights.game_engine.json").read_text())["weights"]
    names: list[str] = []
    while len(names) < len(bones):
        names += [
            name
            for name, bone in bones.items()
            if name not in names and (not bone["parent"] or bone["parent"] in names)
        ]
    positions = []
    for name in names:
        head = bones[name]["head"]
        if head["strategy"] == "CUBE":
            positions.append(base.joint(head["cube_name"].removeprefix("joint-"), vertices))
        elif head["strategy"] == "MEAN":
            positions.append(vertices[head["vertex_indices"]].mean(0))
        else:
            positions.append(vertices[head["vertex_index"]])
    parents = [names.index(bones[name]["parent"]) if bones[name]["parent"] else -1 for name in names]
    return names, parents, np.array(positions), {name: np.array(weights.get(name, [])).reshape(-1, 2) for name in names}


def four_weights(table: dict[str, np.ndarray], names: list[str], count: int) -> tuple[np.ndarray, np.ndarray]:
    """The four strongest bones [count,4] u8 of each vertex and their weights [count,4] u8, rows sum to 255."""
    dense = np.zeros((count, len(names)))
    for index, name in enumerate(names):
        entries = table[name]
        dense[entries[:, 0].astype(int), index] = entries[:, 1]
    dense[dense.sum(1) == 0, names.index("head")] = 1
    bones = np.argsort(-dense, axis=1, kind="stable")[:, :4]
    weight = np.take_along_axis(dense, bones, 1)
    weight = np.floor(weight / weight.sum(1, keepdims=True) * 255).astype(int)
    weight[:, 0] += 255 - weight.sum(1)
    bones[weight == 0] = 0
    return bones.astype(np.uint8), weight.astype(np.uint8)


def dress(base: BaseMesh, vertices: np.ndarray, names: list[str], bones: np.ndarray) -> np.ndarray:
    """What each vertex [19158] shows, a key of LOOK."""
    strongest = np.array(names)[bones[:, 0]]
    look = np.full(len(vertices), "skin", dtype=object)
    eye = base.joint("l-eye", vertices)
    for index, name in enumerate(strongest):
        if name.startswith(("spine", "clavicle", "upperarm", "lowerarm", "breast")):
            look[index] = "shirt"
        elif name.startswith(("pelvis", "thigh", "calf", "Root")):
            look[index] = "trousers"
        elif name.startswith(("foot", "ball")):
            look[index] = "shoes"
    x, y, z = vertices.T
    wrist, ankle = base.joint("l-hand", vertices), base.joint("l-ankle", vertices)
    look[(look == "shirt") & (np.abs(x) > wrist[0] - 0.02)] = "skin"
    look[(look == "trousers") & (y < ankle[1] + 0.01)] = "shoes"
    look[(look == "trousers") & (y > base.joint("spine-3", vertices)[1] + 0.0)] = "shirt"
    on_head = strongest == "head"
    height = y - eye[1]
    look[
        on_head
        & (height > 0.072 - 0.95 * np.clip(eye[2] - 0.01 - z, 0, 0.11))
        & (z < eye[2] + 0.022)
        & (np.abs(x) < 0.079)
    ] = "hair"
    look[on_head & (z < eye[2] - 0.10) & (height > -0.05)] = "hair"
    lips = np.linalg.norm(face_unit("mouthRollLower") + face_unit("mouthRollUpper"), axis=1)
    look[on_head & (lips > 0.72 * lips.max())] = "lips"
    for side, sign in (("l", 1), ("r", -1)):
        ball = np.unique(base.groups[f"helper-{side}-eye"])
        look[ball] = "eye"
        out = vertices[ball] - base.joint(f"{side}-eye", vertices)
        look[ball[(out @ [0.0 * sign, 0.0, 1.0]) / np.linalg.norm(out, axis=1) > 0.86]] = "iris"
    return look


def quaternion(axis: tuple[float, float, float], angle: np.ndarray) -> np.ndarray:
    """x, y, z, w [n,4] of turns by `angle` [n] about a unit axis."""
    return np.concatenate([np.sin(angle / 2)[:, None] * np.array(axis), np.cos(angle / 2)[:, None]], 1).astype(
        np.float32
    )


def multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Quaternion product a * b, x, y, z, w."""
    ax, ay, az, aw = a.T
    bx, by, bz, bw = b.T
    rows = [
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    ]
    return np.stack(rows, 1).astype(np.float32)


def idle(names: list[str], positions: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """Times [t], rotations per bone [t,4] and the pelvis offset [t,3]: two breaths and one slow shift of weight; the
    ends meet."""
    time = np.linspace(0, CLIP_SECONDS, 49).astype(np.float32)
    turn = 2 * np.pi * time / CLIP_SECONDS
    breath, sway = np.sin(2 * turn), np.sin(turn)
    leg = float(positions[names.index("thigh_l"), 1] - positions[names.index("foot_l"), 1])
    shift = 0.009 * sway
    lean = np.arctan2(shift, leg)
    x, y, z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
    rotations = {
        "spine_01": quaternion(z, 0.6 * lean),
        "spine_02": quaternion(x, -0.012 * breath),
        "spine_03": quaternion(x, -0.016 * breath),
        "neck_01": quaternion(x, 0.018 * breath),
        "head": multiply(quaternion(y, 0.06 * np.sin(turn + 0.8)), quaternion(x, 0.02 * np.cos(turn))),
    }
    for side, sign in (("l", 1.0), ("r", -1.0)):
        hang = positions[names.index(f"hand_{side}")] - positions[names.index(f"upperarm_{side}")]
        # the rest pose holds the arms out; leave them a little off the body
        down = np.arctan2(abs(hang[0]), -hang[1]) - 0.16
        rotations[f"clavicle_{side}"] = quaternion(z, sign * 0.02 * breath)
        rotations[f"upperarm_{side}"] = quaternion(z, -sign * (down + 0.012 * breath))
        rest = np.arctan2(abs(hang[0]), -hang[1])
        # turns "forward" towards the arm's own direction
        straighten = (float(np.cos(rest)), sign * float(np.sin(rest)), 0.0)
        rotations[f"lowerarm_{side}"] = quaternion(straighten, 0.32 - 0.02 * np.sin(turn + 0.5))
        rotations[f"thigh_{side}"] = quaternion(z, -lean)
        rotations[f"foot_{side}"] = quaternion(z, lean)
    offset = np.stack([shift, 0.002 * (np.cos(2 * turn) - 1), np.zeros_like(shift)], 1).astype(np.float32)
    return time, rotations, offset


def linear(color: np.ndarray) -> np.ndarray:
    """Linear 0..1 of sRGB 0..255 (glTF vertex colors are linear)."""
    c = color / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def build(path: Path = OUTPUT) -> int:
    """Build and write the character; returns its size in bytes."""
    base = BaseMesh()
    vertices = body_shape(base)
    names, parents, positions, table = rig(base, vertices)
    bones, weights = four_weights(table, names, len(vertices))
    look = dress(base, vertices, names, bones)
    quads = np.concatenate([base.groups["body"], base.groups["helper-l-eye"], base.groups["helper-r-eye"]])
    faces = split_quads(quads, np.zeros(len(vertices)))
    used, local = np.unique(faces, return_inverse=True)
    faces = local.reshape(-1, 3)
    push = np.array([LOOK[name][1] for name in look[used]])
    color = np.array([LOOK[name][0] for name in look[used]], float)
    place = vertices[used]
    # soften hems: the push is averaged with the neighbours', so that cloth ends in a slope and not in a spike
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    total, number = np.zeros(len(used)), np.zeros(len(used))
    np.add.at(total, ends[:, 0], push[ends[:, 1]])
    np.add.at(number, ends[:, 0], 1)
    push = np.where(push > 0, 0.5 * push + 0.5 * total / number, 0)
    place = place + vertex_normals(place, faces) * push[:, None]
    normals = vertex_normals(place, faces)

    glb = Glb()
    root = {"name": "character", "children": [1, 2]}
    first = 2
    nodes = [root, {"name": "body", "mesh": 0, "skin": 0}]
    for index, name in enumerate(names):
        offset = positions[index] - (positions[parents[index]] if parents[index] >= 0 else 0)
        node = {"name": name, "translation": np.round(offset, 6).tolist()}
        children = [first + k for k, parent in enumerate(parents) if parent == index]
        nodes.append(node | ({"children": children} if children else {}))
    bind = np.tile(np.eye(4, dtype=np.float32), (len(names), 1, 1))
    bind[:, 3, :3] = -positions  # column-major: the translation is the last column
    attributes = {
        "POSITION": glb.accessor(place.astype(np.float32), bounds=True, target=34962),
        "NORMAL": glb.accessor(
            np.concatenate([np.round(normals * 127), np.zeros((len(normals), 1))], 1)
            .astype(np.int8)[:, :3]
            .astype(np.float32)
            / np.float32(127),
            target=34962,
        ),
        "COLOR_0": glb.accessor(
            np.round(np.concatenate([linear(color), np.ones((len(color), 1))], 1) * 255).astype(np.uint8),
            normalized=True,
            target=34962,
        ),
        "JOINTS_0": glb.accessor(bones[used], target=34962),
        "WEIGHTS_0": glb.accessor(weights[used], normalized=True, target=34962),
    }
    indices = glb.accessor(faces.astype(np.uint16).reshape(-1), target=34963)
    material = {
        "name": "body",
        "pbrMetallicRoughness": {"metallicFactor": 0, "roughnessFactor": 0.8},
        "doubleSided": True,
    }
    time, rotations, offset = idle(names, positions)
    clock = glb.accessor(time, bounds=True)
    samplers, channels = [], []
    for name, values in rotations.items():
        channels.append({"sampler": len(samplers), "target": {"node": first + names.index(name), "path": "rotation"}})
        samplers.append({"input": clock, "output": glb.accessor(values), "interpolation": "LINEAR"})
    pelvis = names.index("pelvis")
    rest = np.array(nodes[first + pelvis]["translation"])
    channels.append({"sampler": len(samplers), "target": {"node": first + pelvis, "path": "translation"}})
    samplers.append(
        {"input": clock, "output": glb.accessor((rest + offset).astype(np.float32)), "interpolation": "LINEAR"}
    )
    glb.json |= {
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": nodes,
        "meshes": [{"name": "body", "primitives": [{"attributes": attributes, "indices": indices, "material": 0}]}],
        "materials": [material],
        "skins": [
            {
                "name": "rig",
                "skeleton": first,
                "joints": [first + k for k in range(len(names))],
                "inverseBindMatrices": glb.accessor(bind),
            }
        ],
        "animations": [{"name": "Idle", "samplers": samplers, "channels": channels}],
    }
    glb.json["asset"]["copyright"] = "CC0-1.0 (MakeHuman assets); see docs/licences.md"
    size = glb.write(path)
    print(f"{path.name}: {len(place)} vertices, {len(faces)} triangles, {len(names)} joints, {size / 1e6:.2f} MB")
    return size


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    build(parser.parse_args().output)
