"""Colors of the head that no photo shows well: the sides of the face, ears and neck. The networks paint them like
whatever lies behind the person; they go on from what is seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .atlas_grid import AtlasGrid
from .grain import LUMA, hair_grain
from .grids import ramp, smooth_step
from .head import Head, hidden_by
from .photo import HAIR, SKIN, Photo, bilinear

RIM = (0.12, 0.37)  # cosines to the camera, up to which and from which on a photo is believed
SCALP_RIM = (0.05, 0.25)  # the same for hair on the scalp, whose surface is rough
LOOSE = (0.1, 0.35)  # the same for what is darker than skin: a beard, a temple's hair, glasses
BELOW = (0.02, 0.0)  # meters: face below it under other hair is skin
COVERED = 0.004  # meters behind the other hair from which a point lies below it
NOTHING = (0.3, 0.6)  # of all classes: what none wants, up to the first, is a beard before the neck
SLACK = 0.012  # meters behind the head's surface from which it hides a point
AGREE, ALL_AGREE = (0.4, 0.9), (0.7, 1.0)  # of the Gaussians around that must be believed too
SOLID = (0.5, 1.0)  # trust, up to which and from which on a color goes on to others
UNKNOWN = 0.3  # how much a guess counts beside what photos show
LOCKS = (0.7, 0.95)  # share of hair, up to which and from which on its color goes on
AMID = (0.5, 0.95)  # share of seen hair around, up to which and from which on it is amid hair
LEAST_HAIR = 100  # Gaussians of seen hair below which it has no color
APART = 0.12  # distance of both colors below which they cannot be told apart
LIKE = (0.45, 0.65)  # a color is hair's where it is so much nearer to it than to skin, of both distances
CLOSE = (0.35, 0.25)  # such a distance to hair, from which and up to which on it is hair below the ears
UPPER = (0.0, 0.02)  # meters: unseen hair grows on the face above it
# what is left of the networks' light and shade, against the color that goes on: of skin, where it may be a beard, and
# of hair; the same for detail of skin, ears and hair
LIGHT, DARK, HAIR_LIGHT = (0.45, 1.0), 0.2, (0.4, 1.2)
STRANGE_LIGHT = 0.8  # least of it where a photo shows background or clothes, which the networks took for the face
# the same for hair on the scalp, which the networks color like the background, and what is left of their tint there:
# what is seen of short hair has much of the skin's
SCALP_LIGHT, SCALP_TINT = (0.6, 1.0), 0.75
RAGGED = 0.5  # how much a strand moves the edge of hair that no photo shows
SKIN_FINE, EAR_FINE, HAIR_FINE = (0.92, 1.06), (0.6, 1.2), (0.75, 1.25)
TINT, EAR_TINT = 0.04, 0.08  # and what is left of their tint, of skin and of ears
BRIGHTEST, BRIGHTEST_HAIR = 0.75, 0.7  # skin and hair that go on are not brighter than this share of what is seen


@dataclass(frozen=True)
class Seen:
    """What photos show of the head's Gaussians, [n] each: `trust` in their colors; `loose`, whether they are seen at
    least aside; `bare` and `hairy`, whether a photo shows skin, or hair before them; `grown`, whether hair is what is
    seen; `other`, whether background or clothes are seen in their place."""

    trust: np.ndarray
    loose: np.ndarray
    bare: np.ndarray
    hairy: np.ndarray
    grown: np.ndarray
    other: np.ndarray


def look(
    head: Head, grid: AtlasGrid, photos: list[Photo], depths: list[np.ndarray], covers: list[np.ndarray] | None
) -> Seen:
    """The best of all photos. `covers`: depth pictures of hair that is not the head's own."""
    p = head.means
    best = np.zeros((6, len(p)))
    around = lambda share, agree: np.minimum(share, ramp(grid.smooth(share[:, None])[:, 0], *agree))
    low = (p[:, 1] < 0) & ~head.scalp
    below = np.where(head.scalp | head.ears, 0, ramp(p[:, 1], *BELOW))
    for photo, depth, cover in zip(photos, depths, covers or [None] * len(photos)):
        px, _ = photo.project(p)
        classes, to = bilinear(photo.classes, px), photo.eye - p
        facing = (head.normals * to).sum(1) / np.linalg.norm(to, axis=1)
        inside = photo.inside(px, 2) * ramp(bilinear(photo.sure, px), 0.5, 0.9)
        hair = ramp(classes[:, HAIR], 0.3, 0.6)
        # hair does not grow on the neck, and under other hair there is a face
        beneath = head.neck.astype(float)
        if cover is not None:
            beneath = np.maximum(beneath, below * hidden_by(p, cover, photo, COVERED))
        seen = inside * ~hidden_by(p, depth, photo, SLACK) * (1 - beneath * hair)
        dressed = low * ramp(bilinear(photo.garment, px), 0.2, 0.5)
        dressed = np.where(head.neck, np.maximum(dressed, 1 - ramp(classes.sum(1), *NOTHING)), dressed)
        seen = seen * (1 - dressed)
        sure = ramp(bilinear(photo.sure, px), 0.5, 0.9)
        other = photo.inside(px, 2) * ~hidden_by(p, depth, photo, SLACK) * np.maximum(1 - sure, dressed)
        rim = ramp(facing, *RIM)
        if cover is None:
            rim = np.where(head.scalp, ramp(facing, *SCALP_RIM), rim)
        shown = (
            around(seen * rim, AGREE),
            around(seen * ramp(facing, *LOOSE), ALL_AGREE),
            seen * ramp(classes[:, SKIN], 0.5, 0.8) * ramp(facing, 0, 0.2),
            # a collar beside the jaw may be half hair to the network for classes
            inside * hair * (1 - beneath) * (1 - dressed) * ramp(facing, -0.5, -0.2),
            seen * ramp(classes[:, HAIR], *LOCKS),
            other * ramp(facing, -0.4, 0),
        )
        best = np.maximum(best, shown)
    return Seen(*best)


def side_color(
    head: Head,
    photos: list[Photo],
    depths: list[np.ndarray],
    collar: np.ndarray,
    covers: list[np.ndarray] | None,
    center: np.ndarray,
) -> np.ndarray:
    """The head's colors [n,3]; its scalp stays as it is where there is other hair. `collar` [n]: part that is a
    standing collar; it stays too. `covers`: depth pictures of that other hair; None where there is none. `center` [3]
    of the head."""
    grid, own = AtlasGrid(head.place), head.color
    seen = look(head, grid, photos, depths, covers)
    light = lambda color: color @ LUMA + 0.02
    solid = ramp(seen.trust, *SOLID)
    is_skin, is_hair = solid * seen.bare * (1 - seen.hairy), solid * seen.grown * (1 - seen.bare)
    # where hair meets skin or background it has their color
    deep = np.minimum(is_hair, ramp(grid.smooth(is_hair[:, None])[:, 0], *AMID))
    locks = deep if deep.sum() > LEAST_HAIR else is_hair
    skin = grid.spread(own, is_skin)

    def dim(colors: np.ndarray, of: np.ndarray, rank: float) -> np.ndarray:
        """Colors that go on no brighter than most of what is seen of them: the rim of a face may shine."""
        ranked = np.sort(light(own[of > 0.5]))
        return (
            colors * np.minimum(1, ranked[int(rank * len(ranked))] / light(colors))[:, None] if len(ranked) else colors
        )

    skin = dim(skin, is_skin, BRIGHTEST)
    low = grid.smooth(own, 1 - seen.trust + 1e-3)
    has_hair = is_hair.sum() > LEAST_HAIR
    is_hairy = has_hair and is_hair[head.scalp].sum() > LEAST_HAIR / 2  # and not only bearded
    hair, like, grain, close = skin, np.zeros(len(own)), np.zeros(len(own)), np.ones(len(own))
    if has_hair:
        hair = grid.spread(own, locks)
    if is_hairy and covers is None:
        hair = dim(hair, locks, BRIGHTEST_HAIR)
        on = head.scalp | head.neck
        grain[on] = hair_grain(head.means[on], center, own[on], locks[on])
    if has_hair:
        off = lambda color: np.linalg.norm(low - color, axis=1)
        like = ramp(off(skin) / np.maximum(off(skin) + off(hair), 1e-6), *LIKE)
        like = like * ramp(np.linalg.norm(hair - skin, axis=1), APART, 2 * APART)
        close = ramp(off(hair), *CLOSE)
    # what is hair, and what is skin
    above = ramp(head.means[:, 1], *UPPER)
    upper = np.where(head.ears, 1, above * ~head.neck)
    guess = np.where(head.scalp, 1, upper * like)
    # below the ears it is a beard, or clothes that the network for classes takes for hair
    believed = np.where(head.scalp, 1, np.maximum(above, close))
    hairy = seen.hairy * believed * np.where(head.ears, like, 1)
    # a lock before the head's outline is no skin of the scalp
    bald = np.where(head.scalp, np.minimum(seen.bare, solid), seen.bare)
    known = np.maximum(hairy, bald)
    weight = known + (1 - known) * UNKNOWN
    share = (known * hairy / np.maximum(hairy + bald, 1e-9) + (1 - known) * UNKNOWN * guess) / weight
    part = lambda of: grid.smooth(share[:, None], weight * of)
    # skin of the face says nothing of the scalp beside it
    kind = np.where(head.scalp[:, None], part(head.scalp | head.neck), part(~head.ears))
    kind = np.where(head.ears[:, None], part(head.ears), kind) + RAGGED * grain[:, None]
    share = smooth_step(kind, 0.35, 0.65) * np.where(head.scalp, is_hairy, has_hair)[:, None]
    # of the networks' light and shade, detail and tint stays what can be believed
    shade, fine = light(low) / light(skin), light(own) / light(low)
    tint = low - shade[:, None] * skin
    most = np.where(head.ears, EAR_TINT, TINT)
    tint = tint * np.minimum(1, most / np.maximum(np.linalg.norm(tint, axis=1), 1e-9))[:, None]
    dark = np.maximum(seen.loose, grid.smooth(head.scalp[:, None].astype(float))[:, 0])
    relief = np.where(head.ears, np.clip(fine, *EAR_FINE), np.clip(fine, *SKIN_FINE))
    least = np.maximum(LIGHT[0] - DARK * dark, STRANGE_LIGHT * grid.smooth(seen.other[:, None])[:, 0])
    bare = (np.clip(shade, least, LIGHT[1])[:, None] * skin + tint) * relief[:, None]
    lit = light(low) / light(hair)
    lit_hair = np.where(head.scalp, np.clip(lit, *SCALP_LIGHT), np.clip(lit, *HAIR_LIGHT))
    tinted = hair + SCALP_TINT * head.scalp[:, None] * (low / lit[:, None] - hair)
    strands = (lit_hair * np.clip(fine, *HAIR_FINE))[:, None] * tinted
    kept = (np.where(head.scalp, 0, np.maximum(seen.grown, like)) if covers is None else np.ones(len(own)))[:, None]
    strands = (strands + kept * (own - strands)) * np.exp(grain)[:, None]
    use = (1 - collar) * (1 - seen.trust) * (1 if covers is None else ~head.scalp)
    return own + use[:, None] * (bare + share * (strands - bare) - own)
