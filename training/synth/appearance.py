"""Paints one person: skin, lips, brows, beard, eyes, mouth, hair and clothes, on the template's UV atlas."""

from dataclasses import dataclass

import numpy as np

from .canvas import Canvas, step
from .lighting import linear

SKIN = (
    np.array(
        [
            [238, 196, 172],
            [228, 178, 148],
            [212, 156, 122],
            [190, 130, 96],
            [160, 104, 74],
            [128, 80, 56],
            [96, 59, 42],
            [66, 42, 32],
        ]
    )
    / 255
)
HAIR = {
    "black": (0.055, 0.048, 0.045),
    "dark brown": (0.13, 0.09, 0.065),
    "brown": (0.24, 0.16, 0.10),
    "light brown": (0.38, 0.27, 0.17),
    "blond": (0.63, 0.49, 0.31),
    "platinum": (0.80, 0.72, 0.57),
    "auburn": (0.31, 0.13, 0.07),
    "red": (0.50, 0.23, 0.10),
    "grey": (0.50, 0.49, 0.48),
    "white": (0.80, 0.79, 0.77),
}
HAIR_WEIGHT = {"light": [2, 3, 4, 3, 3, 1, 1, 1, 1.5, 1], "dark": [9, 3, 0.6, 0, 0.1, 0.1, 0.1, 0, 1.2, 0.5]}
IRIS = [
    (0.23, 0.13, 0.07),
    (0.30, 0.19, 0.10),
    (0.38, 0.27, 0.13),
    (0.33, 0.36, 0.22),
    (0.30, 0.42, 0.52),
    (0.42, 0.50, 0.55),
    (0.25, 0.35, 0.50),
    (0.10, 0.06, 0.04),
]
# Hairline: height over the eyes (meters) by azimuth (degrees)
AZIMUTH = np.array([0, 20, 38, 50, 60, 70, 80, 88, 96, 108, 125, 150, 180.0])
HAIRLINE = {
    "short": np.array([66, 66, 62, 50, 34, 6, -22, -4, 14, 10, -30, -62, -72.0]) / 1000,
    "long": np.array([66, 66, 62, 50, 34, 2, -40, -300, -300, -300, -300, -300, -300.0]) / 1000,
    "fringe": np.array([26, 27, 28, 26, 22, 2, -30, -4, 14, 10, -30, -65, -75.0]) / 1000,
    "bob": np.array([28, 30, 32, 28, 16, -40, -75, -85, -90, -90, -90, -95, -95.0]) / 1000,
}


@dataclass
class Look:
    """What was drawn for one person: linear albedo etc. at the texels and hair thickness at the vertices."""

    texture: np.ndarray  # [n,8] linear rgb, specular, gloss, normal detail xyz
    thickness: np.ndarray  # [V] meters along the normal
    hair: np.ndarray  # [n] 0..1
    hair_color: np.ndarray  # [3] linear
    cloth: np.ndarray  # [3] linear
    skin_color: np.ndarray  # [3] linear
    wrinkles: float
    long: bool  # hair that falls below the head


def any_cloth(rng: np.random.Generator) -> np.ndarray:
    """Linear color [3] of clothes."""
    return linear(rng.random() ** 1.3 + (rng.random(3) - 0.5) * rng.beta(1, 2.5)).clip(0.01, 0.85).astype(np.float32)


class Painter:
    """Paints on a texel canvas and a vertex canvas. skins [k,n,3]: log ratios of photographed skins to their own tone
    (may be empty)."""

    def __init__(self, texels: Canvas, vertices: Canvas, skins: np.ndarray):
        self.texels, self.vertices, self.skins = texels, vertices, skins

    def paint(self, rng: np.random.Generator) -> Look:
        c = self.texels
        n = len(c.p)
        dark = rng.random() ** 1.15 * (len(SKIN) - 1)
        k = min(int(dark), len(SKIN) - 2)
        tone_srgb = SKIN[k] + (dark - k) * (SKIN[k + 1] - SKIN[k]) + rng.normal(0, 0.012, 3)
        skin_color = linear(np.clip(tone_srgb * np.exp(rng.normal(0, 0.03, 3)), 0.03, 0.98)).astype(np.float32)
        hair_color = self._hair_color(rng, dark)
        age, male = rng.random() ** 1.6, rng.random() < 0.5
        albedo = self._skin(rng, skin_color, dark / (len(SKIN) - 1), age)
        specular = np.full(n, rng.uniform(0.012, 0.05), np.float32) * (1 + 0.25 * c.smooth(rng, 2)[0])
        gloss = np.full(n, rng.uniform(10, 26), np.float32)
        detail = np.zeros((n, 3), np.float32)
        self._lips(rng, albedo, specular, dark, male)
        thickness = np.zeros(len(self.vertices.p), np.float32)
        beard = self._beard(rng, albedo, thickness, hair_color, male)
        self._brows(rng, albedo, hair_color, male)
        if not male and rng.random() < 0.35 or rng.random() < 0.02:
            self._makeup(rng, albedo)
        self._lashes(rng, albedo, male)
        hair, long = self._hair(rng, albedo, specular, gloss, detail, thickness, hair_color, male, age)
        detail += np.float32(0.05) * beard[:, None] * c.across * c.strands[2][0][:, None]
        self._eyes(rng, albedo, specular, gloss, dark)
        self._mouth(rng, albedo, specular, gloss)
        cloth = any_cloth(rng)
        if rng.random() < 0.6:
            rim = (
                c.frame.rim
                + rng.uniform(0.0, 0.03)
                + 0.25 * rng.uniform(-0.1, 0.5) * -c.p[:, 2]
                + 0.002 * c.smooth(rng, 1)[0]
            )
            m = step(c.p[:, 1], rim + 0.0015, rim - 0.0015) * (c.skin & (c.height < -0.11))
            albedo += m[:, None] * (cloth * (1 + 0.1 * c.smooth(rng, 3)[0])[:, None] - albedo)
            specular *= 1 - 0.8 * m
        texture = np.concatenate(
            [np.clip(albedo, 0.002, 0.98), np.maximum(specular, 0)[:, None], gloss[:, None], detail], 1
        )
        return Look(texture.astype(np.float32), thickness, hair, hair_color, cloth, skin_color, 0.3 + 0.7 * age, long)

    def _hair_color(self, rng, dark: float) -> np.ndarray:
        weights = np.array(HAIR_WEIGHT["light" if dark < 3.2 else "dark"])
        color = np.array(list(HAIR.values())[rng.choice(len(HAIR), p=weights / weights.sum())])
        if rng.random() < 0.025:  # dyed
            hue = rng.random() * 6
            color = 0.15 + 0.55 * np.clip(np.abs((hue + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
        return linear(np.clip(color * np.exp(rng.normal(0, 0.12)) * np.exp(rng.normal(0, 0.03, 3)), 0.03, 0.95)).astype(
            np.float32
        )

    def _skin(self, rng, tone: np.ndarray, dark: float, age: float) -> np.ndarray:
        c = self.texels
        log = np.zeros((len(c.p), 3), np.float32)
        photographed = len(self.skins) and rng.random() < 0.8
        if photographed:
            a, b = rng.choice(len(self.skins), 2, replace=len(self.skins) < 2)
            mix = rng.uniform(0.6, 1.0)
            ratio = mix * self.skins[a] + (1 - mix) * self.skins[b]
            strength = np.where(c.is_region["scalp"], rng.uniform(0.1, 0.6), rng.uniform(0.7, 1.15)).astype(np.float32)
            log += ratio * strength[:, None]
        weaker = 0.35 if photographed else 1.0
        blush = rng.gamma(2, 0.05) * (1.2 - dark)
        red = np.array([0.25, -0.55, -0.5], np.float32)  # more blood: green and blue fall
        log += (blush * (c.cheeks + 0.9 * c.nose + 0.5 * c.chin + 1.0 * c.is_region["ears"]) * weaker)[:, None] * red
        log += (0.10 * weaker * c.smooth(rng, 1)[0] + 0.05 * c.smooth(rng, 2)[0])[:, None] * red * rng.uniform(0.4, 1.3)
        melanin = np.array([-0.5, -0.8, -1.0], np.float32)
        log += ((0.06 * c.smooth(rng, 0)[0] + 0.05 * c.smooth(rng, 1)[0]) * rng.uniform(0.3, 1.2))[:, None] * melanin
        log += (rng.gamma(1.5, 0.09) * (0.5 + age) * c.under_eye)[:, None] * np.array([-0.7, -0.8, -0.6], np.float32)
        near_lid = np.exp(-0.5 * (c.lid / 0.005) ** 2) * c.skin
        log += (rng.uniform(0.03, 0.18) * near_lid)[:, None] * np.array([-0.6, -0.9, -0.8], np.float32)
        log -= (0.06 * rng.uniform(0.3, 1.5) * c.forehead)[:, None] * melanin * 0.5
        log -= (age * rng.uniform(0.1, 0.35) * c.nasolabial)[:, None]
        log -= (
            age**2
            * rng.uniform(0, 0.22)
            * c.wrinkle_forehead
            * np.maximum(0, np.sin(c.p[:, 1] / 0.0085 * 2 * np.pi + 1.2 * c.noise[0, 0]) - 0.4)
        )[:, None]
        if rng.random() < 0.22:  # freckles
            spots = step(c.smooth(rng, 3)[0], 1.0, 1.7) * np.clip(c.cheeks + c.nose * 1.2 + 0.25, 0, 1) * c.skin
            log += (rng.uniform(0.1, 0.5) * (1.1 - dark) * spots)[:, None] * melanin
        for _ in range(rng.poisson(2)):  # moles
            at = c.p[rng.integers(len(c.p))]
            log += (rng.uniform(0.3, 1.2) * np.exp(-0.5 * ((c.p - at) ** 2).sum(1) / rng.uniform(0.0008, 0.0016) ** 2))[
                :, None
            ] * melanin
        grain = rng.standard_normal(len(c.p), np.float32) * rng.uniform(0.01, 0.045) + 0.03 * c.smooth(rng, 3)[0]
        log += (grain * c.skin)[:, None]
        return tone * np.exp(np.clip(log, -2.5, 1.2))

    def _lips(self, rng, albedo, specular, dark: float, male: bool) -> None:
        c = self.texels
        m = step(c.lip, -0.0015, 0.0012) * rng.uniform(0.55, 1.0)
        tint = np.array([-0.06, -0.50, -0.42]) * rng.uniform(0.5, 1.2) * (0.45 if dark > 4.5 else 1)
        if not male and rng.random() < 0.3:
            color = linear(
                np.array([[0.70, 0.12, 0.16], [0.78, 0.35, 0.38], [0.45, 0.12, 0.22], [0.80, 0.42, 0.36]])[
                    rng.integers(4)
                ]
            )
            painted = color * (1 + 0.06 * c.noise[3, 1])[:, None]
            albedo += (m * rng.uniform(0.4, 0.9))[:, None] * (painted - albedo)
        else:
            albedo *= np.exp(m[:, None] * tint * (1 + 0.15 * c.noise[3, 1][:, None]))
        line = np.exp(-0.5 * (c.lip_line / 0.0012) ** 2) * (c.lip > -0.002)
        albedo *= 1 - 0.45 * line[:, None]
        specular *= 1 + 1.2 * m * rng.random()

    def _beard(self, rng, albedo, thickness, hair_color, male: bool) -> np.ndarray:
        c, v = self.texels, self.vertices
        kind = (
            rng.choice(
                ["none", "shadow", "stubble", "full", "moustache", "goatee"], p=[0.34, 0.2, 0.17, 0.15, 0.06, 0.08]
            )
            if male
            else "none"
        )
        if kind == "none":
            return np.zeros(len(c.p), np.float32)
        jitter = 0.25 * c.smooth(rng, 2)[0]

        def field(canvas):
            m = np.maximum(canvas.moustache, canvas.beard)
            if kind == "moustache":
                m = canvas.moustache
            if kind == "goatee":
                m = np.maximum(canvas.moustache * 0.8, np.clip(canvas.goatee * 1.6, 0, 1))
            return m * step(canvas.lip, 0.0, -0.003)

        m = np.clip(field(c) * (1 + jitter), 0, 1)
        strand = c.strands[0][2] * 0.5 + c.strands[2][1] * 0.5 + rng.standard_normal(len(c.p), np.float32) * 0.5
        color = hair_color * rng.uniform(0.7, 1.1)
        cover = {"shadow": rng.uniform(0.12, 0.3), "stubble": rng.uniform(0.3, 0.55)}.get(kind, rng.uniform(0.75, 0.95))
        a = np.clip(m * cover * (1 + (0.35 if cover < 0.6 else 0.12) * strand), 0, 1)
        albedo += a[:, None] * (color * np.exp(0.2 * strand)[:, None] - albedo)
        if cover > 0.7:
            thickness += field(v) * rng.uniform(0.002, 0.010) * (0.6 + 0.4 * np.clip(v.below_mouth / 0.04, 0, 1))
        return (m * (cover > 0.5)).astype(np.float32)

    def _brows(self, rng, albedo, hair_color, male: bool) -> None:
        c = self.texels
        color = np.minimum(hair_color * rng.uniform(0.35, 0.9), 0.25)
        height, width, lift, arch = (
            rng.uniform(0.0022, 0.0048) * (1.15 if male else 0.9),
            rng.uniform(0.85, 1.05),
            rng.normal(0.001, 0.0018),
            rng.normal(0, 0.0012),
        )
        cover = rng.uniform(0.45, 0.95)
        for s, d in c.brows:
            center = lift + arch * np.sin(np.pi * s)
            half = height * step(s, -0.02, 0.12) ** 0.5 * (1 - 0.75 * s**2)
            strand = np.sin(s * 140 + d * 900 + 2.0 * c.noise[3, 2]) * 0.25 + c.noise[3, 3] * 0.2
            m = (
                step(np.abs(d - center) / np.maximum(half, 4e-4), 1.25, 0.55)
                * step(s, width, width - 0.12)
                * step(s, 0.0, 0.06)
            )
            m = np.clip(m * cover * (1 + strand), 0, 1) * c.skin
            albedo += m[:, None] * (color - albedo)

    def _makeup(self, rng, albedo) -> None:
        c = self.texels
        color = linear(np.clip(np.array([0.35, 0.22, 0.2]) * np.exp(rng.normal(0, 0.35, 3)), 0, 1))
        m = rng.uniform(0.15, 0.6) * np.exp(-0.5 * (c.lid / 0.006) ** 2) * c.lid_up * c.skin
        albedo += m[:, None] * (color - albedo)

    def _lashes(self, rng, albedo, male: bool) -> None:
        c = self.texels
        m = (
            (rng.uniform(0.1, 0.4) if male else rng.uniform(0.35, 0.9))
            * np.exp(-0.5 * (c.lid / 0.0013) ** 2)
            * (0.45 + 0.55 * c.lid_up)
            * c.skin
        )
        albedo *= 1 - 0.85 * m[:, None]

    def _hair(
        self, rng, albedo, specular, gloss, detail, thickness, color, male: bool, age: float
    ) -> tuple[np.ndarray, bool]:
        c, v = self.texels, self.vertices
        weights = (
            {"bald": 0.06, "buzz": 0.14, "short": 0.5, "medium": 0.25, "long": 0.05}
            if male
            else {"bald": 0.01, "buzz": 0.04, "short": 0.25, "medium": 0.25, "long": 0.45}
        )
        kind = rng.choice(list(weights), p=list(weights.values()))
        if kind == "bald":
            return np.zeros(len(c.p), np.float32), False
        name = "short"
        if kind == "long":
            name = "bob" if rng.random() < 0.35 else "long"
        elif kind == "medium":
            name = "fringe" if rng.random() < 0.45 else "short"
        line = HAIRLINE[name].copy()
        line[:5] += (
            rng.normal(0.0, 0.006)
            + (rng.random() < 0.35) * male * age * np.array([0.0, 0.012, 0.035, 0.03, 0.015]) * rng.random()
        )
        line[5:7] += rng.normal(0, 0.008)
        slant, peak = rng.normal(0, 0.010) if name == "fringe" else rng.normal(0, 0.002), rng.normal(0, 0.003)
        covers_ears = name in ("long", "bob") and rng.random() < 0.75
        top = {"buzz": (0.001, 0.004), "short": (0.006, 0.022), "medium": (0.015, 0.035), "long": (0.012, 0.030)}[kind]
        top, sides = rng.uniform(*top), rng.uniform(0.35, 1.0)
        lift, bumps = rng.uniform(-0.3, 0.6), rng.uniform(0.05, 0.3)
        state = rng.bit_generator.state

        def cover(canvas):
            """Signed distance over the hairline (meters)."""
            local = np.random.default_rng()
            local.bit_generator.state = state  # the same noise for texels and vertices
            x = canvas.p[:, 0]
            edge = (
                np.interp(canvas.azimuth, AZIMUTH, line)
                + slant * x / 0.05
                + peak * np.cos(x / 0.012) * (canvas.azimuth < 30)
            )
            d = canvas.height - edge + 0.003 * canvas.smooth(local, 2)[0] + 0.003 * canvas.smooth(local, 1)[0]
            ok = canvas.skin & ((canvas.height > -0.01) | (canvas.azimuth > 62)) & (canvas.lip < -0.01)
            if not covers_ears:
                ok &= ~canvas.is_region["ears"]
            d = np.where(ok, d, -0.05)
            return d, local

        d, _ = cover(c)
        flow = rng.choice(3, p=[0.5, 0.22, 0.28]) if kind != "buzz" else 2
        w = rng.uniform(0.2, 0.5, len(c.strands[flow])) * rng.choice([-1, 1], len(c.strands[flow]))
        strand = w @ c.strands[flow] / 0.7
        fine = rng.standard_normal(len(c.p), np.float32)
        soft = rng.uniform(0.003, 0.012)
        m = step(d + 0.004 * strand, -soft * 0.4, soft)
        cap = rng.uniform(0.55, 0.9) if kind == "buzz" else 1.0
        gradient = 0.3 * np.clip(-c.height / 0.1, -0.3, 1) * rng.normal(0, 0.5)
        root = color * np.exp(rng.uniform(0.18, 0.5) * strand + 0.07 * fine + gradient)[:, None]
        if rng.random() < 0.15:  # streaks, grey hair among the rest
            root = root + (step(strand, 0.4, 1.8) * rng.uniform(0.1, 0.35))[:, None] * (
                linear(np.array([0.72, 0.68, 0.6])) - root
            )
        albedo += (m * cap)[:, None] * (root - albedo)
        specular += m * (rng.uniform(0.005, 0.05) * (0.4 + color.mean()) * np.exp(0.5 * strand) - specular)
        gloss += m * (rng.uniform(8, 22) - gloss)
        detail += (m * strand * rng.uniform(0.05, 0.3))[:, None] * c.across
        dv, local = cover(v)
        ramp = step(dv, 0.0, rng.uniform(0.012, 0.03))
        overall = sides + (1 - sides) * step(v.height, 0.03, 0.08) + lift * np.clip(v.up[:, 1], 0, 1) * 0.5
        t = (
            top
            * ramp
            * np.clip(overall * (1 + bumps * v.smooth(local, 0)[0] + 0.5 * bumps * v.smooth(local, 1)[0]), 0.25, 1.6)
        )
        if covers_ears:  # hair lies over the ear: the ear itself keeps its place, the hair before and behind it rises
            t = np.where(v.is_region["ears"], np.minimum(t, 0.006), t)
        np.maximum(thickness, np.minimum(t, 0.035), out=thickness)
        return m.astype(np.float32), name == "long"

    def _eyes(self, rng, albedo, specular, gloss, dark: float) -> None:
        c = self.texels
        m = c.eye_angle < 4
        a, around = c.eye_angle[m], c.eye_around[m]
        iris = np.array(
            IRIS[
                rng.integers(4)
                if dark < 3.5 and rng.random() < 0.35
                else rng.integers(len(IRIS))
                if dark < 3.5
                else rng.choice([0, 1, 7])
            ]
        )
        iris = linear(np.clip(iris * np.exp(rng.normal(0, 0.15)), 0.02, 0.9))
        r = np.arcsin(min(0.9, 0.0060 / c.frame.eye_radius)) * rng.uniform(0.95, 1.06)
        pupil = r * rng.uniform(0.28, 0.5)
        fibers = (
            0.35 * np.sin(around * 23 + rng.uniform(0, 6)) * np.sin(around * 9 + rng.uniform(0, 6))
            + 0.15 * c.noise[3, 4][m]
        )
        ring = step(a, pupil, pupil + 0.45 * (r - pupil))
        color = iris * np.exp(fibers * 0.8 + 0.35 * (1 - ring))[:, None] * (1 - 0.55 * step(a, 0.8 * r, r))[:, None]
        color = color * step(a, pupil * 0.88, pupil * 1.12)[:, None] + 0.004
        white = linear(np.array([0.72, 0.68, 0.66]) * np.exp(rng.normal(0, 0.03)))
        veins = np.clip(c.noise[3, 5][m] - 0.9, 0, 1) * rng.uniform(0, 0.5) * step(a, r, 1.1)
        sclera = white * np.exp(-0.5 * step(a, r, 1.2)[:, None]) * np.exp(veins[:, None] * np.array([-0.1, -0.7, -0.7]))
        inside = step(a, r * 1.06, r * 0.97)[:, None]
        albedo[m] = sclera + inside * (color - sclera)
        specular[m], gloss[m] = rng.uniform(0.04, 0.1), 120

    def _mouth(self, rng, albedo, specular, gloss) -> None:
        c = self.texels
        tooth = linear(np.array([0.86, 0.82, 0.74]) * np.exp(rng.normal(0, [0.05, 0.05, 0.08]))) * rng.uniform(
            0.75, 1.05
        )
        gum = linear(np.array([0.72, 0.38, 0.38]) * np.exp(rng.normal(0, 0.1)))
        teeth = c.is_region["teethUpper"] | c.is_region["teethLower"]
        gap = np.clip(1 - np.abs((np.abs(c.teeth_x) / 0.0078 + 0.0) % 1.0 - 0.0) / 0.12, 0, 1)
        t = tooth * (1 - 0.35 * gap)[:, None]
        t = t + c.gum[:, None] * (gum - t)
        albedo[teeth] = t[teeth]
        inner = c.is_region["mouthInterior"]
        albedo[inner] = (
            linear(np.array([0.55, 0.22, 0.22])) * np.exp(rng.normal(0, 0.15) - 1.2 * c.depth_in_mouth)[:, None]
        )[inner]
        tongue = c.is_region["tongue"]
        albedo[tongue] = (
            linear(np.array([0.74, 0.40, 0.40]))
            * np.exp(rng.normal(0, 0.12) + 0.08 * c.noise[3, 6] - 0.8 * c.depth_in_mouth)[:, None]
        )[tongue]
        wet = teeth | inner | tongue
        specular[wet], gloss[wet] = rng.uniform(0.02, 0.06), 40
