"""Shoulders and hanging hair for the photos: real crops show them, the head model has neither. Never part of any
truth."""

import numpy as np

from . import mesh
from .canvas import step
from .prop import Prop

ANGLES, TEXTURE = 32, 64
# rings from the neck outwards: half width, half depth, height over the neck's rim, forward shift (meters)
INNER = np.array([0.84, 1.03])  # the first two, inside the neck and around it, are these shares of the person's own rim
RINGS = np.array(
    [
        [0.0, 0.0, 0.016, 0.0],
        [0.0, 0.0, 0.002, 0.0],
        [0.082, 0.075, -0.014, -0.004],
        [0.130, 0.085, -0.034, -0.008],
        [0.182, 0.095, -0.058, -0.010],
        [0.208, 0.108, -0.105, -0.006],
        [0.215, 0.125, -0.22, 0.0],
        [0.20, 0.13, -0.40, 0.0],
    ]
)


def _faces() -> np.ndarray:
    k, a = np.meshgrid(np.arange(len(RINGS) - 1), np.arange(ANGLES), indexing="ij")
    p, q = (k * (ANGLES + 1) + a).ravel(), ((k + 1) * (ANGLES + 1) + a).ravel()
    return np.concatenate([np.stack([p, q, p + 1], 1), np.stack([q, q + 1, p + 1], 1)]).astype(np.int32)


FACES = _faces()


def sample_torso(
    rng: np.random.Generator,
    rim: np.ndarray,
    cloth: np.ndarray,
    neck: np.ndarray,
    hair: np.ndarray | None,
    head: np.ndarray,
) -> Prop:
    """Shoulders under the neck's rim [k,3], linear cloth color and that of the neck above the rim [3], which bare
    shoulders continue (a turtleneck continues as cloth); with a `hair` color long hair hangs from the head [3]."""
    size = np.exp(rng.normal(0, 0.08)) * np.array([1, 1, 1])
    theta = np.linspace(0, 2 * np.pi, ANGLES + 1)
    ring = RINGS[:, None] * 1.0
    ring[:2, 0, :2] = INNER[:, None] * np.ptp(rim, axis=0)[[0, 2]] / 2
    grow = np.where(np.arange(len(RINGS)) < 2, 1.0, size[0])[:, None]
    fall = rng.uniform(0.7, 1.4)
    x = ring[..., 0] * grow * np.sin(theta) * (1 + 0.06 * np.cos(2 * theta) ** 2)
    z = ring[..., 1] * grow * np.cos(theta) + ring[..., 3]
    tilt = np.clip((np.arange(len(RINGS)) - 1) / 3, 0, 1)[:, None]
    y = ring[..., 2] * np.where(ring[..., 2] < 0, fall, 1) - 0.022 * tilt * np.cos(theta) - 0.014 * np.cos(theta)
    vertices = (np.stack([x, y + 0 * x, z], -1).reshape(-1, 3) + rim.mean(0)).astype(np.float32)
    v, u = np.meshgrid(np.linspace(1, 0, len(RINGS)), np.linspace(0, 1, ANGLES + 1), indexing="ij")
    rows, columns = np.meshgrid(
        (np.arange(TEXTURE) + 0.5) / TEXTURE, (np.arange(TEXTURE) + 0.5) / TEXTURE, indexing="ij"
    )
    front = np.cos(2 * np.pi * columns)
    collar = rng.uniform(0.12, 0.30) + rng.uniform(0, 0.3) * np.maximum(front, 0) ** rng.choice([2, 12])
    pattern = np.ones_like(rows)
    kind = rng.random()
    if kind < 0.25:
        pattern += rng.uniform(-0.5, 0.5) * (np.sin(rows * rng.uniform(40, 160)) > 0)
    elif kind < 0.4:
        pattern += rng.uniform(-0.3, 0.3) * (np.sin(columns * rng.uniform(60, 250)) > 0)
    folds = np.exp(
        0.25 * np.sin(rng.uniform(2, 6) * 2 * np.pi * columns + rng.uniform(0, 6) + 6 * rows) * rows
        + rng.normal(0, 0.05, rows.shape)
    )
    color = cloth * (pattern * folds)[..., None]
    if rng.random() < 0.3:  # an open jacket over a shirt
        shirt = np.array(cloth)[::-1] * 0.3 + 0.5 * rng.random()
        color = np.where((front > rng.uniform(0.75, 0.95))[..., None], shirt, color)
    bare = step(collar - rows, -0.01, 0.01)[..., None]
    color = color * (1 - bare) + neck * bare
    body = Prop(
        vertices,
        mesh.vertex_normals(vertices, FACES),
        FACES,
        np.stack([u.ravel(), v.ravel()], 1).astype(np.float32),
        _texture(color, 0.01, 8),
    )
    return body if hair is None else _join(body, _hanging_hair(rng, hair, head))


def _texture(color: np.ndarray, specular: float, gloss: float) -> np.ndarray:
    texture = np.zeros((TEXTURE, TEXTURE, 8), np.float32)
    texture[..., :3], texture[..., 3], texture[..., 4] = np.clip(color, 0.005, 0.95), specular, gloss
    return texture


def _hanging_hair(rng: np.random.Generator, hair: np.ndarray, head: np.ndarray) -> Prop:
    """An open sleeve around the back of the head and neck, from the temples' height down."""
    rows, half = 7, np.radians(rng.uniform(95, 125))
    length, wide = rng.uniform(0.12, 0.30), rng.uniform(0.075, 0.092)
    k, theta = np.meshgrid(np.linspace(0, 1, rows), np.linspace(np.pi - half, np.pi + half, ANGLES + 1), indexing="ij")
    wave = 0.006 * np.sin(theta * rng.integers(3, 9) + 5 * k + rng.uniform(0, 6))
    radius = wide + 0.03 * k * rng.uniform(0.2, 1.2) + wave
    p = (
        np.stack(
            [radius * np.sin(theta), 0.02 - length * k * (1 + 0.1 * np.sin(3 * theta)), 1.05 * radius * np.cos(theta)],
            -1,
        )
        + head
    )
    vertices = p.reshape(-1, 3).astype(np.float32)
    faces = FACES[(FACES < rows * (ANGLES + 1)).all(1)]
    columns = (np.arange(TEXTURE) + 0.5) / TEXTURE
    strand = (
        sum(
            np.sin(2 * np.pi * f * (columns[None] + 0.02 * np.sin(6 * columns[:, None])) + rng.uniform(0, 6))
            for f in (5, 11, 17, 23)
        )
        / 2
    )
    texture = _texture(hair * np.exp(0.3 * strand + 0.1 * rng.standard_normal(strand.shape))[..., None], 0.02, 12)
    uv = np.stack([(theta - theta.min()) / np.ptp(theta), 1 - k], -1).reshape(-1, 2).astype(np.float32)
    normals = mesh.vertex_normals(vertices, faces)
    return Prop(
        vertices,
        normals * np.sign((normals * (vertices - head)).sum(1, keepdims=True)).astype(np.float32),
        faces,
        uv,
        texture,
    )


def _join(a: Prop, b: Prop) -> Prop:
    """Both in one, side by side in a texture of twice the size."""
    texture = np.zeros((2 * TEXTURE, 2 * TEXTURE, 8), np.float32)
    texture[:TEXTURE, :TEXTURE], texture[:TEXTURE, TEXTURE:] = a.texture, b.texture
    uv = np.concatenate([a.uv * [0.49, 0.49] + [0.005, 0.505], b.uv * [0.49, 0.49] + [0.505, 0.505]]).astype(np.float32)
    return Prop(
        np.concatenate([a.vertices, b.vertices]),
        np.concatenate([a.normals, b.normals]),
        np.concatenate([a.faces, b.faces + len(a.vertices)]),
        uv,
        texture,
    )
