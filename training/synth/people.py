"""People registered to the open head as a source of identities: VALID people, their blends, ICT-FaceKit's identity
modes.

Reads training/cache/people (written by `python -m training.registration.build` from shared/data; never committed).
Without it the generator uses the open head alone and says so once. The people in HELD_OUT and their skins, wigs and
hair never enter a training sample.
"""

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..headmodel.model import DEFAULT_PATH
from . import mesh
from .appearance import Look, Painter, any_cloth
from .hair_shape import reshaped
from .lighting import LUMA, linear
from .native import CACHE
from .rig import Rig

FOLDER = CACHE / "people"
# two women and two men of four groups, whose skins correlate least with all others (VALID reuses skins)
HELD_OUT = ("MENA_F_2", "White_F_3", "Asian_M_2", "Black_M_3")
SHAPES = {"person": 0.35, "blend": 0.25, "modes": 0.22, "mixture": 0.18}  # ours: how a face shape is made
OWN_HAIR, WORN_HAIR = 0.4, 0.35  # ours: the person's own hairstyle, another person's; else bald or procedural hair
STRANDS = 0.9  # ours: limit of the log contrast of strands
BARE, DYED = 0.4, 0.35  # ours: clothes of a photographed skin taken off, in another color; else as they are
LIDS = {"eyeBlinkRight": ((37, 41), (38, 40)), "eyeBlinkLeft": ((43, 47), (44, 46))}  # Multi-PIE points over each other
_said = False


@dataclass
class Identity:
    """A registered person before painting. V vertices, E expressions."""

    offset: np.ndarray  # [V,3] from the template, without hair
    own: np.ndarray | None  # [E,3V] what this person adds to the shared expressions, meters
    gains: np.ndarray  # [E] how much stronger the person makes each expression
    male: bool
    skin: int | None  # VALID person whose skin is worn
    blend: tuple[int, float] | None  # another skin and its share
    style: int | None  # hairstyle
    styling: np.random.Generator | None = None  # draws another shape of the hair and other clothes; None: as registered


class People:
    """Registered people at the texels of one map size. Use `load`, which answers None when there is no cache."""

    def __init__(self, rig: Rig, painter: Painter, texel: np.ndarray, size: int, folder: Path = FOLDER):
        valid, ict = np.load(folder / "valid.npz"), np.load(folder / "ict.npz")
        self.rig, self.names, self.outward = rig, [str(n) for n in valid["names"]], valid["outward"]
        self.male = valid["gender"] == "M"
        self.offsets, self.own = valid["offsets"], valid["own"].reshape(len(self.names), rig.expression_count, -1)
        self.mode_mean, self.modes = ict["mean"], ict["modes"].reshape(len(ict["modes"]), -1)
        self.held_out = np.array([self.names.index(n) for n in HELD_OUT])
        self.train = np.setdiff1d(np.arange(len(self.names)), self.held_out)
        self.style_person, self.thickness = valid["style_person"], valid["style_thickness"]
        self.train_styles = np.flatnonzero(np.isin(self.style_person, self.train))
        look_up = _Resample(valid["texel"], int(valid["size"]), texel, size)
        self._skins(valid, look_up, painter.texels)
        self._styles(valid, look_up)
        self.painter = RegisteredPainter(painter, self)

    @staticmethod
    def load(rig: Rig, painter: Painter, texel: np.ndarray, size: int, folder: Path = FOLDER) -> "People | None":
        """People of the cache; None (said once) if there is none for the present head."""
        global _said
        stamp = hashlib.sha256(DEFAULT_PATH.read_bytes()).hexdigest()
        files = [folder / "valid.npz", folder / "ict.npz"]
        if all(f.exists() and str(np.load(f)["head"]) == stamp for f in files):
            return People(rig, painter, texel, size, folder)
        if not _said:
            print(
                "synthetic heads: no registered people (python -m training.registration.build makes them), open head "
                "alone",
                file=sys.stderr,
            )
            _said = True
        return None

    def _skins(self, valid, look_up: "_Resample", canvas) -> None:
        """Log ratios of the skins to their own cheeks [P,n,3], clothes apart."""
        count, n = len(self.names), len(canvas.p)
        self.ratio = np.zeros((count, n, 3), np.float32)
        self.dressed, self.cloth = np.zeros((count, n), np.float32), np.full((count, 3), np.nan)
        self.tone = np.zeros((count, 3))
        cheeks, rim = canvas.cheeks > 0.6, (canvas.height < -0.105) & canvas.skin
        for p in range(count):
            color = linear(look_up(valid["skins"][p].astype(np.float32) / 255)).astype(np.float32)
            self.tone[p] = np.median(color[cheeks], 0)
            ratio = np.clip(np.log(np.maximum(color, 0.003)) - np.log(self.tone[p]), -2.6, 1.5)
            hue = ratio - ratio.mean(1, keepdims=True)
            strange = rim & ((np.linalg.norm(hue, axis=1) > 0.30) | (np.abs(ratio.mean(1)) > 0.9))
            self.dressed[p] = strange
            if strange[rim].mean() > 0.2:
                self.cloth[p] = np.median(color[strange], 0)
            self.ratio[p] = ratio * canvas.skin[:, None]
        clean = 1e-3 + (1 - self.dressed[self.train])[..., None]
        self.bare = (self.ratio[self.train] * clean).sum(0) / clean.sum(0)  # [n,3], a neck without a collar

    def _styles(self, valid, look_up: "_Resample") -> None:
        """Hairstyles: cover [H,n], log ratio of the strands to the style's own color [H,n,3], that color [H,3]
        linear."""
        count, n = len(self.style_person), self.ratio.shape[1]
        self.style_cover, self.style_ratio = np.zeros((count, n), np.float32), np.zeros((count, n, 3), np.float32)
        self.style_color = np.zeros((count, 3))
        for h in range(count):
            self.style_cover[h] = look_up(valid["style_cover"][h].astype(np.float32)[:, None] / 255)[:, 0]
            color = linear(look_up(valid["style_color"][h].astype(np.float32) / 255))
            inside = self.style_cover[h] > 0.9
            self.style_color[h] = np.maximum(np.exp(np.log(np.maximum(color[inside], 0.004)).mean(0)), 0.006)
            ratio = np.log(np.maximum(color, 0.004)) - np.log(self.style_color[h])
            # highlights painted into a wig's picture are too strong
            spread = max(float(ratio[inside].mean(1).std()), 0.05)
            self.style_ratio[h] = STRANDS * np.tanh(min(1.0, 0.4 / spread) * ratio / STRANDS)

    # ------------------------------------------------------------------------------------------------ sampling
    def sample(self, rng: np.random.Generator) -> Identity:
        """A random identity that has nothing of the held-out people. Hair shape and clothes come from a stream of their
        own."""
        (styling,) = rng.spawn(1)
        male = bool(rng.random() < 0.5)
        same = self.train[self.male[self.train] == male]
        kind = rng.choice(list(SHAPES), p=list(SHAPES.values()))
        own, lead = None, int(rng.choice(same))
        if kind == "person":
            mean = self.offsets[self.train].mean(0)
            offset = mean + rng.uniform(0.9, 1.12) * (self.offsets[lead] - mean)
            own = self.own[lead].astype(np.float32)
        elif kind == "blend":
            offset, own, lead = self._blend(rng, male)
        elif kind == "modes":
            offset = self._modes(rng)
        else:
            share = rng.uniform(0.25, 0.75)
            blended, own, lead = self._blend(rng, male)
            offset, own = share * blended + (1 - share) * self._modes(rng), np.float32(share) * own
        beta = rng.standard_normal(self.rig.shape_count) * rng.uniform(0.05, 0.45)
        offset = (offset + mesh.mix(beta, self.rig.shape_dirs).reshape(-1, 3)).astype(np.float32)
        skin = lead if rng.random() < 0.6 else int(rng.choice(same if rng.random() < 0.8 else self.train))
        blend = (self.similar(rng, skin, 0.4), float(rng.uniform(0.1, 0.5))) if rng.random() < 0.5 else None
        style = self._style(rng, lead, same, self.train)
        return Identity(offset, own, self._gains(rng, offset), male, skin, blend, style, styling)

    def similar(self, rng: np.random.Generator, skin: int, reach: float) -> int:
        """A person of the training pool whose skin tone is within `reach` (natural log) of that of `skin`."""
        light = np.log(self.tone @ LUMA)
        return int(rng.choice(self.train[np.abs(light[self.train] - light[skin]) <= reach]))

    def sample_held_out(self, rng: np.random.Generator, person: int, variant: int = 0) -> Identity:
        """One of the four held-out people (0 to 3): variant 0 as they are, 1 with the hair of another of the four, 2
        with drawn hair."""
        lead = int(self.held_out[person])
        style = None
        if variant < 2:
            wearers = [lead] if variant == 0 else [p for p in self.held_out if p != lead]
            styles = np.flatnonzero(np.isin(self.style_person, wearers))
            style = int(rng.choice(styles)) if len(styles) else None
        offset = self.offsets[lead]
        return Identity(
            offset,
            self.own[lead].astype(np.float32),
            self._gains(rng, offset),
            bool(self.male[lead]),
            lead,
            None,
            style,
        )

    def _blend(self, rng: np.random.Generator, male: bool) -> tuple[np.ndarray, np.ndarray, int]:
        pool = self.train if rng.random() < 0.2 else self.train[self.male[self.train] == male]
        chosen = rng.choice(pool, 3, replace=False)
        weight = rng.dirichlet([1.2, 1.2, 0.6])
        mean = self.offsets[self.train].mean(0)
        spread = min(1.35, rng.uniform(0.8, 1.2) / np.linalg.norm(weight))  # blending shrinks what is special
        offset = mean + spread * np.tensordot(weight, self.offsets[chosen] - mean, 1)
        own = sum(np.float32(w) * self.own[p].astype(np.float32) for w, p in zip(weight, chosen))
        return offset, own, int(chosen[weight.argmax()])

    def _modes(self, rng: np.random.Generator) -> np.ndarray:
        beta = np.clip(rng.standard_normal(len(self.modes)), -2.5, 2.5) * rng.uniform(0.75, 1.1)
        return self.mode_mean + mesh.mix(beta, self.modes).reshape(-1, 3)

    def _style(self, rng: np.random.Generator, lead: int, same: np.ndarray, pool: np.ndarray) -> int | None:
        draw = rng.random()
        wearers = [lead] if draw < OWN_HAIR else same if draw < OWN_HAIR + 0.85 * WORN_HAIR else pool
        if draw >= OWN_HAIR + WORN_HAIR:
            return None
        styles = np.flatnonzero(np.isin(self.style_person, wearers))
        return int(rng.choice(styles)) if len(styles) else None

    def _gains(self, rng: np.random.Generator, offset: np.ndarray) -> np.ndarray:
        """Small habits, and blinks as wide as this person's eyes are open."""
        rig = self.rig
        gains = rng.normal(0, 0.04, rig.expression_count)
        face, bary = rig.model.landmark68
        rest = rig.landmarks(rig.template, face, bary)
        mine = rig.landmarks(rig.template + offset, face, bary)
        for name, pairs in LIDS.items():
            gap = [sum(np.linalg.norm(points[a] - points[b]) for a, b in pairs) for points in (mine, rest)]
            gains[rig.expressions.index(name)] = np.clip(gap[0] / gap[1] - 1, -0.5, 0.8)
        return gains.astype(np.float32)


class _Resample:
    """Values [n,k] at the texels of the cache's atlas -> values at the texels of another map size; averages whole
    blocks of texels."""

    def __init__(self, texel: np.ndarray, size: int, wanted: np.ndarray, wanted_size: int):
        row, column = (wanted // wanted_size + 0.5) / wanted_size, (wanted % wanted_size + 0.5) / wanted_size
        step = max(1, size // wanted_size)
        slot = np.full(size * size, -1)
        slot[texel] = np.arange(len(texel))
        shift = (np.arange(step) - (step - 1) / 2) / size
        picks = [
            slot[
                np.clip(((row + a) * size).astype(int), 0, size - 1) * size
                + np.clip(((column + b) * size).astype(int), 0, size - 1)
            ]
            for a in shift
            for b in shift
        ]
        self.pick = np.stack(picks, 1)
        self.share = (self.pick >= 0) / np.maximum((self.pick >= 0).sum(1, keepdims=True), 1).astype(np.float32)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        return np.einsum("nk,nkc->nc", self.share, values[self.pick]).astype(np.float32)


class RegisteredPainter(Painter):
    """Paints a registered identity: photographed skin and hair where there are some, the generator's own eyes, mouth
    and beards."""

    def __init__(self, painter: Painter, people: People):
        super().__init__(painter.texels, painter.vertices, painter.skins)
        self.people = people

    def paint_identity(self, rng: np.random.Generator, who: Identity) -> Look:
        """Look of the identity; its hair thickness is along `People.outward`."""
        c, people = self.texels, self.people
        n, skin = len(c.p), who.skin
        tone = people.tone[skin] * np.exp(rng.normal(0, 0.12) + rng.normal(0, 0.03, 3))
        if rng.random() < 0.15:  # a tone of somebody not too different
            tone = people.tone[people.similar(rng, skin, 0.5)] * np.exp(rng.normal(0, 0.1))
        tone = np.clip(tone, 0.01, 0.9).astype(np.float32)
        dark = float(np.interp(-(tone @ LUMA), [-0.55, -0.35, -0.2, -0.1, -0.03], [0, 2, 4, 5.5, 7]))
        worn, cloth = self._clothes(who.styling, skin, tone)
        albedo = self._registered_skin(rng, who, tone, worn)
        age = rng.random() ** 1.6
        specular = np.full(n, rng.uniform(0.012, 0.045), np.float32) * (1 + 0.25 * c.smooth(rng, 2)[0])
        gloss = np.full(n, rng.uniform(10, 26), np.float32)
        detail, thickness = np.zeros((n, 3), np.float32), np.zeros(len(self.vertices.p), np.float32)
        hair_color = self._registered_color(rng, who, dark)
        if not who.male and rng.random() < 0.25:
            self._lips(rng, albedo, specular, dark, False)
        beard = self._beard(rng, albedo, thickness, hair_color, who.male and rng.random() < 0.45)
        if not who.male and rng.random() < 0.2:
            self._makeup(rng, albedo)
        self._lashes(rng, albedo, who.male)
        if who.style is None:
            hair, long = self._hair(rng, albedo, specular, gloss, detail, thickness, hair_color, who.male, age)
        else:
            hair, long = self._wear(rng, who.style, albedo, specular, gloss, detail, thickness, hair_color)
        detail += np.float32(0.05) * beard[:, None] * c.across * c.strands[2][0][:, None]
        self._eyes(rng, albedo, specular, gloss, dark)
        eyes = c.eye_angle < 4
        # a photo exposed for dark skin would burn the whites out
        albedo[eyes] *= np.clip((tone @ LUMA / 0.25) ** 0.3, 0.5, 1.0)
        self._mouth(rng, albedo, specular, gloss)
        if np.isnan(people.cloth[skin]).any():
            cloth = any_cloth(rng)
        specular *= 1 - 0.8 * people.dressed[skin] * (1 - hair)
        if who.styling is not None:
            thickness = reshaped(who.styling, thickness, self.vertices, people.thickness[people.train_styles])
        texture = np.concatenate(
            [np.clip(albedo, 0.002, 0.98), np.maximum(specular, 0)[:, None], gloss[:, None], detail], 1
        )
        return Look(texture.astype(np.float32), thickness, hair, hair_color, cloth, tone, 0.3 + 0.7 * age, long)

    def _clothes(self, rng: np.random.Generator | None, skin: int, tone: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log ratios [n,3] of a photographed skin to its cheeks, worn with linear color `tone` [3], with its clothes
        kept, dyed or taken off, and the clothes' linear color [3]."""
        people, draw = self.people, 1.0 if rng is None else rng.random()
        ratio, dressed, cloth = people.ratio[skin], people.dressed[skin][:, None], people.cloth[skin]
        if draw < BARE:
            return ratio + dressed * (people.bare - ratio), any_cloth(rng)
        if draw < BARE + DYED and not np.isnan(cloth).any():
            dye = any_cloth(rng)
            folds = np.clip(
                (ratio + np.log(people.tone[skin] / np.maximum(cloth, 0.004))).mean(1, keepdims=True), -1, 1
            )
            return ratio + dressed * (np.log(dye / tone) + 0.7 * folds - ratio), dye
        return ratio, cloth.astype(np.float32)

    def _registered_skin(
        self, rng: np.random.Generator, who: Identity, tone: np.ndarray, log: np.ndarray
    ) -> np.ndarray:
        """Albedo [n,3]: one photographed skin, whose log ratios to its cheeks are `log` [n,3], or two, small random
        change."""
        c, people, p = self.texels, self.people, who.skin
        if who.blend is not None:
            q, share = who.blend
            other = people.ratio[q] * (1 - people.dressed[q])[:, None]
            weight = share * (1 - people.dressed[p])[:, None]
            log = log + weight * (other - log)
        log = log * np.where(people.dressed[p] > 0.5, 1.0, rng.uniform(0.85, 1.1))[:, None]
        red, melanin = np.array([0.25, -0.55, -0.5], np.float32), np.array([-0.5, -0.8, -1.0], np.float32)
        log = log + (0.05 * rng.uniform(0, 1.5) * c.smooth(rng, 1)[0])[:, None] * red
        log = log + (0.04 * rng.uniform(0, 1.5) * c.smooth(rng, 0)[0])[:, None] * melanin
        log = log + (rng.standard_normal(len(c.p), np.float32) * rng.uniform(0.005, 0.03) * c.skin)[:, None]
        if rng.random() < 0.15:  # freckles
            spots = (
                np.clip((c.smooth(rng, 3)[0] - 1.0) / 0.7, 0, 1)
                * np.clip(c.cheeks + c.nose * 1.2 + 0.25, 0, 1)
                * c.skin
            )
            log = log + (rng.uniform(0.1, 0.4) * spots)[:, None] * melanin
        return (tone * np.exp(np.clip(log, -2.6, 1.5))).astype(np.float32)

    def _registered_color(self, rng: np.random.Generator, who: Identity, dark: float) -> np.ndarray:
        """Linear hair color: the style's own, or a drawn one."""
        if who.style is not None and rng.random() < 0.55:
            return np.clip(self.people.style_color[who.style] * np.exp(rng.normal(0, 0.2)), 0.004, 0.9).astype(
                np.float32
            )
        return self._hair_color(rng, dark)

    def _wear(self, rng, style: int, albedo, specular, gloss, detail, thickness, color) -> tuple[np.ndarray, bool]:
        """Put a registered hairstyle on; returns cover [n] and whether it falls below the head."""
        c, people = self.texels, self.people
        cover, ratio = people.style_cover[style], people.style_ratio[style]
        lighter = np.clip(np.log(color.mean() / people.style_color[style].mean()), 0, 3)
        contrast = rng.uniform(0.7, 1.0) / (1 + 0.35 * lighter)  # black strands differ more in the log than blond ones
        strand = ratio.mean(1)
        log = contrast * (strand[:, None] + 0.3 * (ratio - strand[:, None]))
        root = color * np.exp(log + rng.uniform(0, 0.06) * rng.standard_normal(len(c.p), np.float32)[:, None])
        albedo += cover[:, None] * (root - albedo)
        specular += cover * (
            rng.uniform(0.005, 0.05) * (0.4 + color.mean()) * np.exp(0.5 * contrast * strand) - specular
        )
        gloss += cover * (rng.uniform(8, 22) - gloss)
        detail += (cover * contrast * strand * rng.uniform(0.05, 0.25))[:, None] * c.across
        np.maximum(thickness, people.thickness[style] * rng.uniform(0.8, 1.05), out=thickness)
        neck = (c.height < -0.06) & c.skin
        return cover, bool(cover[neck].mean() > 0.3)
