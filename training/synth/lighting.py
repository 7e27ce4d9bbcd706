"""Light, which sky each vertex sees, tone and the flaws of a camera."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from . import mesh

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True)
class Light:
    """sh [9,3] irradiance polynomial over the normal; directions [L,3] towards the lights and their linear colors
    [L,3], in head axes."""

    sh: np.ndarray
    directions: np.ndarray
    colors: np.ndarray

    def __iter__(self):
        return iter((self.sh, self.directions, self.colors))


@dataclass(frozen=True)
class Tone:
    """Exposure, white balance [3] and contrast of a camera."""

    exposure: float
    balance: np.ndarray
    contrast: float

    def encode(self, linear: np.ndarray) -> np.ndarray:
        """Linear RGB [...,3] -> sRGB-encoded 0..1: soft shoulder, then contrast around middle grey."""
        x = np.maximum(linear * (self.exposure * self.balance), 0).astype(np.float32)
        # shoulder: highlights roll off instead of clipping
        x = np.where(x < 0.7, x, 1 - 0.3 * np.exp(-(np.maximum(x, 0.7) - 0.7) / 0.3))
        x = srgb(x)
        return np.clip(0.5 + (x - 0.5) * self.contrast, 0, 1).astype(np.float32)

    def decode(self, encoded: np.ndarray) -> np.ndarray:
        """Inverse of `encode` for [...,3]; what it clipped stays at the end of the range."""
        x = linear(np.clip((np.asarray(encoded, np.float32) - 0.5) / self.contrast + 0.5, 0, 0.9995))
        x = np.where(x < 0.7, x, 0.7 - 0.3 * np.log(np.maximum(1 - x, 1e-6) / 0.3))
        return x / (self.exposure * self.balance)

    def values(self) -> np.ndarray:
        """Gains of red, green, blue (exposure times balance) and contrast, [4]."""
        return np.r_[self.exposure * self.balance, self.contrast].astype(np.float32)

    @staticmethod
    def of(values: np.ndarray) -> "Tone":
        """Inverse of `values`."""
        return Tone(1.0, np.asarray(values[:3], np.float32), float(values[3]))


def mean_tone(values: np.ndarray) -> np.ndarray:
    """The tone [4] between the tones [n,4] of photos: does not depend on their order."""
    return np.exp(np.log(values).mean(0)).astype(np.float32)


def srgb(x: np.ndarray) -> np.ndarray:
    """Linear 0..1 -> sRGB-encoded."""
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-6) ** (1 / 2.4) - 0.055)


def linear(x: np.ndarray) -> np.ndarray:
    """sRGB-encoded 0..1 -> linear."""
    return np.where(x <= 0.04045, x / 12.92, ((np.maximum(x, 0) + 0.055) / 1.055) ** 2.4)


def directions(count: int) -> np.ndarray:
    """Even directions on the sphere [count,3] (golden spiral)."""
    k = np.arange(count) + 0.5
    y, phi = 1 - 2 * k / count, np.pi * (1 + 5**0.5) * k
    r = np.sqrt(1 - y * y)
    return np.stack([r * np.cos(phi), y, r * np.sin(phi)], 1)


def sky_visibility(
    vertices: np.ndarray, faces: np.ndarray, count: int = 96, size: int = 192, bias: float = 0.004
) -> np.ndarray:
    """Which of `directions(count)` each vertex sees: [V,count] bool, by shadow pictures from a far camera."""
    normals, middle = mesh.vertex_normals(vertices, faces), (vertices.max(0) + vertices.min(0)) / 2
    radius = np.linalg.norm(vertices - middle, axis=1).max() * 1.02
    far, out = 20 * radius, np.zeros((len(vertices), count), bool)
    for i, d in enumerate(directions(count)):
        side = np.cross(d, [0.3, 0.9, 0.2])
        side /= np.linalg.norm(side)
        R = np.stack([side, np.cross(d, side), d])
        camera = ((vertices - middle) @ R.T + [0, 0, -far]).astype(np.float32)
        f = 0.5 * size * (far - radius) / radius
        depth = mesh.raster(camera, faces, f, size)[2]
        out[:, i] = mesh.visibility(camera, normals @ R.T, f, depth, bias, 0.0)[2]
    return out


def sample_light(rng: np.random.Generator) -> Light:
    """A sky with a gradient and a tint, and one to three lamps; mean brightness about 1."""
    kind = rng.random()
    ambient = rng.uniform(0.55, 1.0) if kind < 0.45 else rng.uniform(0.2, 0.6)
    warm = rng.normal(0.01, 0.05)
    tint = np.array([1 + warm, 1 + rng.normal(0, 0.015), 1 - warm])
    sh = np.zeros((9, 3))
    sh[0] = ambient * tint
    # brighter from above
    sh[1] = ambient * rng.uniform(0.0, 0.45) * np.array([1, 1, 1]) + ambient * rng.normal(0, 0.03, 3)
    sh[2] = ambient * rng.normal(0.1, 0.18) + ambient * rng.normal(0, 0.02, 3)
    sh[3] = ambient * rng.normal(0, 0.2) + ambient * rng.normal(0, 0.03, 3)
    sh[4:] = ambient * rng.normal(0, 0.05, (5, 1)) + ambient * rng.normal(0, 0.01, (5, 3))
    count = 1 + (rng.random() < 0.6) + (rng.random() < 0.25)
    dirs, colors = [], []
    for i in range(count):
        az, el = (
            (rng.normal(0, 0.9), rng.normal(0.55, 0.35))
            if i == 0
            else (rng.uniform(-np.pi, np.pi), rng.normal(0.3, 0.45))
        )
        el = np.clip(el, -0.4, 1.45)
        dirs.append([np.sin(az) * np.cos(el), np.sin(el), np.cos(az) * np.cos(el)])
        warm = rng.normal(0.02, 0.07)
        colors.append((rng.uniform(0.2, 1.1) if i == 0 else rng.uniform(0.05, 0.6)) * np.array([1 + warm, 1, 1 - warm]))
    return Light(sh.astype(np.float32), np.array(dirs, np.float32), np.array(colors, np.float32))


def sample_tone(rng: np.random.Generator, face_luminance: float) -> Tone:
    """A camera that roughly exposes for the face: darker skins stay darker, as photographers leave them."""
    target = np.clip(0.27 * (face_luminance / 0.40) ** 0.6, 0.05, 0.42) * np.exp(
        np.clip(rng.normal(0, 0.22), -0.5, 0.35)
    )
    balance = np.exp(rng.normal([0.02, 0, -0.02], [0.03, 0.01, 0.035]))
    return Tone(float(target / max(face_luminance, 1e-4)), balance.astype(np.float32), float(rng.uniform(0.9, 1.15)))


def another_tone(rng: np.random.Generator, tone: Tone) -> Tone:
    """The same scene as another picture of the same session shows it; one in five comes from quite another camera."""
    far = 3.0 if rng.random() < 0.2 else 1.0
    exposure = tone.exposure * np.exp(np.clip(rng.normal(0, 0.12 * far), -0.7, 0.5))
    return Tone(
        float(exposure),
        (tone.balance * np.exp(rng.normal(0, [0.025 * far, 0.008 * far, 0.03 * far]))).astype(np.float32),
        tone.contrast,
    )


def box_down(image: np.ndarray, factor: int) -> np.ndarray:
    """Mean over factor x factor blocks of [H,W,C]."""
    return sum(image[r::factor, c::factor] for r in range(factor) for c in range(factor)) / np.float32(factor * factor)


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of [H,W,C] with edge padding."""
    if sigma < 0.15:
        return image
    radius = int(np.ceil(2.5 * sigma))
    k = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2).astype(np.float32)
    k /= k.sum()
    for axis in (0, 1):
        pad = [(radius, radius) if a == axis else (0, 0) for a in range(3)]
        padded, n = np.pad(image, pad, mode="edge"), image.shape[axis]
        image = sum(k[i] * (padded[i : i + n] if axis == 0 else padded[:, i : i + n]) for i in range(2 * radius + 1))
    return image


def camera_flaws(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Blur, low resolution, noise and JPEG blocks on an sRGB-encoded picture [H,W,3]."""
    size = image.shape[0]
    picture = Image.fromarray((np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8))
    if rng.random() < 0.35:  # a small face in the original photo
        small = int(size * rng.uniform(0.35, 0.9))
        picture = picture.resize(
            (small, small), Image.Resampling.BOX if rng.random() < 0.5 else Image.Resampling.BICUBIC
        )
    noise = min(rng.gamma(1.5, 0.005), 0.03)
    a = np.asarray(picture, np.float32) / 255
    grain = rng.standard_normal(a.shape, np.float32)
    grain = 0.6 * grain + 0.6 * grain.mean(2, keepdims=True)
    a = a + noise * grain * (1.3 - 0.6 * a)
    picture = Image.fromarray((np.clip(a, 0, 1) * 255 + 0.5).astype(np.uint8))
    if rng.random() < 0.75:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=int(rng.integers(35, 97)))
        picture = Image.open(buffer)
    if picture.size[0] != size:
        picture = picture.resize((size, size), Image.Resampling.BICUBIC)
    a = np.asarray(picture, np.float32) / 255
    return blur(a, rng.uniform(0.3, 1.0)) if rng.random() < 0.3 else a
