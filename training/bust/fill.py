"""The second static map of a person from one to four photos (ALGORITHM.md)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..headmodel.page2 import hair_angle
from . import back as backs
from . import hair as hairs
from . import torso as torsos
from .grain import hair_grain
from .grids import blur, closed, frames, mean_where, push_pull, quaternions, ramp, smooth_step, wrapped_push_pull
from .head import Head, depth_of, depth_picture, hidden_by
from .neck import neck_color
from .page import Page
from .photo import CLOTHES, HAIR, SKIN, Photo, bilinear
from .scalp import scalp_color
from .sides import side_color
from .tone import tinted, toned

LEAST_OPACITY = 0.02  # texels below it carry no Gaussian
LEAST_HAIR = 1000  # texels of a dome below which it is flakes, and no hair
# a head has hair that stands out where so much of what is rather hair than not, is surely hair: a bald one shines
RATHER, SURELY, SURE_SHARE = 0.5, 0.85, 0.3
OFF = -12.0  # opacity logit of an empty texel
OPAQUE = 0.995  # opacity of what is wholly shown: the nearer to 1, the fewer Gaussians close the shell
RIM = np.radians(68)  # the photo's colors are believed up to this angle from the camera
RIM_BEHIND = (0.35, 0.65)  # cosines to a camera behind, up to which and from which on its photo is believed
DETAIL = (0.72, 1.38)  # strands that are carried behind are no darker or lighter than this
LOCK_COLUMNS = 6.0  # what is wider than so many columns is tone, not strands
STRAND_ROWS, STRAIGHT = (
    12.0,
    (0.032, 0.06),
)  # rows that strands are drawn out over; shares of variance that then remain in curls and in straight hair
CURLS = 0.6  # of the spread of curls that is carried behind: what repeats must not be seen to
HAIR_LIGHT_UP, HAIR_LIGHT_FRONT = 1.5, 0.3  # meters: where light comes from that falls on hair that no photo shows
HAIR_AMBIENT, HAIR_WRAP = 0.6, 0.4  # what of it comes from everywhere, and how far it reaches around
CALM, FAR_UP = 5.0, 100.0  # rows and columns over which the surface is smoothed for that; a light straight above (m)
LIGHT_LIMITS = (0.85, 1.08)  # least and most of it, against what the photo shows
# hair shines where its surface rises so steeply (sine), about so much; what is brighter than the last does not
SHINE_AT, SHINE_WIDE, SHINE, DULL = 0.45, 0.22, 0.09, 0.8
EDGE_BLUR = (1.5, 0), (0.6, 1)  # rows and columns over which the edges that photos carve are smoothed
SLIT = (3, 2)  # half widths, rows and columns, of slits and spots of other classes in the middle of hair: closed
BODILY = (0.2, 0.4)  # of skin or clothes: from there on a photo shows them and not the background
SINK_BLUR = (2, 0), (2, 1)  # rows and columns over which is smoothed how a dome sinks that photos show to be too wide
SINKING = (0.2, 0.02)  # share of the way down from which, up to which, a photo's colors are no longer believed there
# of the crop's side: hair that is so deep inside the matte tells the color of the rest, the rim hardly
DEEP, RIM_SHARE = 0.025, 0.03
# rows by which strands move from one run over the photo's columns to the next, and where in a run that begins to show;
# the lowest rows do not move: the hair's edge is not its middle
RUN_ROWS, RUN_END, EDGE_ROWS = 17, 0.7, 8
# radians that a head is turned from which, up to which, its far side looks as the near one; and angles from the camera
# from which, up to which, also where the photo shows it
FAR_SIDE, FAR_RIM, FAR_SEAM = (np.radians(15), np.radians(25)), (0.6, 1.0), 0.15
LYING = (0.012, 0.004)  # meters that hair was moved out of the bust
LOWER_EDGE = 0.07  # of the crop's side: so near to the photo's lower edge its hair fades into its continuation
STRAND_FADE = 0.93  # of a strand's color from row to row, below which it is continued
BUST_SLACK, BUST_WIDER = (
    0.02,
    2.0,
)  # meters behind the bust from which it hides hair; sides of the crop in which it does
INNER_DEPTH, INNER_DARK = 0.012, 0.62
COLLAR = (-0.006, -0.022)  # meters over the neck's ring: where a garment begins that no photo shows
FAINT, FAINT_COLLAR = 0.004, 0.08  # how much the guessed color of clothes, and that edge, count beside what photos show
SPECKS, SPECK_SHARE = 1.5, (0.35, 0.75)  # a texel is believed as far as those around it are
BUST_RIM = (0.2, 0.45)  # cosines to the camera, up to which and from which on a photo is believed
BUST_CALM = (2, 5)  # rows and columns over which its surface is smoothed for light: creases are no shadows
EDGE_COLUMNS = 4  # over which the edge of a garment is smoothed
PLAIN = (0.27, 0.28, 0.31)  # color of clothes of whom no photo shows any
RIB, RIB_DARKER = -0.028, 0.2  # such clothes have a collar that ends so far below the ring (m), in a darker line
LEAST_SEEN = 0.0004  # of the crops: clothes of which so little is seen have no color
LIGHT_UP, LIGHT_FRONT = 1.2, 0.8  # meters: where light comes from that falls on what no photo shows
AMBIENT, WRAP = 0.65, 0.3  # what of it comes from everywhere, and how far it reaches around
USUAL_LIGHT, USUAL_COUNT = 0.88, 100  # texels of usual light that count beside those that a photo shows


@dataclass(frozen=True)
class Filled:
    """map f32 [14,size,size]; the parts that it was made of."""

    map: np.ndarray
    torso: torsos.Torso
    hair: hairs.Hair | None
    head_color: np.ndarray | None  # [n,3] of the head, with a clean neck and a scalp like the hair; None where it stays
    back_overlap: float | None = None  # of the outlines from behind, where a photo from there was given

    @property
    def count(self) -> int:
        """Gaussians that are not empty."""
        return int((self.map[3] > OFF + 1).sum())


def fill(
    page: Page, head: Head, photos: list[Photo], bust: bool = True, hair: bool = True, back: Photo | None = None
) -> Filled:
    """See the module. The first photo makes the shape; all give colors and carve. `back`: one from behind, whose crop
    says about where the head is."""
    photos = toned([photo.cleaned() for photo in photos], head)
    depths = [depth_picture(head, photo) for photo in photos]
    standing = neck_color(page, head, photos[0], depths[0])
    collar = np.zeros(len(head.color))
    if standing is not None:
        head, collar = replace(head, color=standing[0]), standing[1]
    torso = torsos.fit(page, head, photos[0].torso)
    reach = torsos.TorsoReach(page, torso)
    layer = hairs.surface(page, head, photos[0], reach, others=photos[1:]) if hair else None
    overlap = None
    if back is not None:
        shown = [part.points[part.shown > 0.5] for part in (torso, layer) if part is not None]
        placed, overlap = backs.placed(back, photos[0], head, shown)
        if placed is not None:
            photos.append(tinted(backs.sorted_out(placed, head), photos[0]))
            depths.append(depth_picture(head, photos[-1]))
            if hair:
                ends = backs.hair_ends(photos[-1])
                layer = hairs.surface(page, head, photos[0], reach, ends, photos[1:], cap=True)
    front = [photo for photo in photos if not photo.from_behind]
    covers = None
    if layer is not None:
        points, locks, shown = hair_color(page, layer, torso, photos, depths)
        if (
            layer.curtain
            or len(front) < len(photos)
            or ((shown > 0.5).sum() >= LEAST_HAIR and any(map(is_sure_of_hair, front)))
        ):
            sunk = replace(layer, points=points)
            covers = [depth_of(points[shown > 0.5], photo) for photo in front]
        else:
            layer = None
    center = np.array(page.meta["hair"]["dome"])
    head_color = side_color(head, front, depths[: len(front)], collar, covers, center)
    head = replace(head, color=head_color)
    out = np.zeros((14, page.size, page.size))
    out[3], out[7:10], out[13] = OFF, np.log(0.001), 1
    if bust:
        color = bust_color(page, head, torso, [photo.torso for photo in photos], depths)
        write(out, page, "bust", torso.points, color, torso.shown * OPAQUE, 1, (0.68, 0.68, 0.0015))
    if layer is not None:
        head_color = scalp_color(page, head, sunk, locks, photos[0])
        write(out, page, "hair", sunk.points, locks, shown * OPAQUE, -1, (0.68, 0.72, 0.0012))
        points, color, shown = inner_layer(page, sunk, locks, shown)
        write(out, page, "hairInner", points, color, shown * 0.98, -1, (0.7, 0.6, 0.002))
    return Filled(out.astype(np.float32), torso, layer, head_color, overlap)


def is_sure_of_hair(photo: Photo) -> bool:
    hair = photo.classes[..., HAIR] * photo.matte
    return bool((hair > SURELY).sum() > SURE_SHARE * (hair > RATHER).sum())


def write(
    out: np.ndarray,
    page: Page,
    island: str,
    points: np.ndarray,
    color: np.ndarray,
    opacity: np.ndarray,
    turn: int,
    share,
) -> None:
    """Points, colors and opacity of a grid into its band. `turn` -1 where columns run against the outside; `share`:
    sigma in steps of the grid across and along, and in meters outwards."""
    band = page.rows(island)
    axes, width, length = frames(points)
    if turn < 0:
        axes = axes * np.array([1.0, 1.0, -1.0]) * np.array([-1.0, 1.0, 1.0])
    on = opacity >= LEAST_OPACITY
    shown = np.clip(opacity, LEAST_OPACITY, OPAQUE)
    out[:3, band] = np.moveaxis(points - page.base[band], -1, 0)
    out[3, band] = np.where(on, np.log(shown / (1 - shown)), OFF)
    out[4:7, band] = np.moveaxis(np.clip(color, 0, 1), -1, 0)
    sigma = np.stack([width * share[0], length * share[1], np.full(width.shape, share[2])])
    out[7:10, band] = np.log(np.clip(sigma, 0.0006, 0.02))
    out[10:14, band] = np.moveaxis(quaternions(axes), -1, 0)


def facing(points: np.ndarray, photo: Photo, turn: int) -> np.ndarray:
    """Cosine between the outward normal and the direction to the camera."""
    return toward(points, photo.eye, turn)


def toward(points: np.ndarray, place: np.ndarray, turn: int) -> np.ndarray:
    """Cosine between the outward normal and the direction to a place."""
    normal = frames(points)[0][..., 2] * turn
    to = place - points
    return (normal * to).sum(-1) / np.linalg.norm(to, axis=-1)


def bust_color(
    page: Page, head: Head, torso: torsos.Torso, photos: list[Photo], depths: list[np.ndarray]
) -> np.ndarray:
    """Photo where clothes or skin are seen, the mirrored half, then push-pull, in which skin counts little beside
    clothes."""
    total, weight, dressed = np.zeros((*torso.points.shape[:2], 3)), 0.0, 0.0
    for photo, depth in zip(photos, depths):
        px, _ = photo.project(torso.points)
        classes, matte = bilinear(photo.classes, px), bilinear(photo.sure, px)
        garment, skin = bilinear(photo.garment, px), classes[..., SKIN]
        trust = (
            ramp(np.maximum(garment, skin), 0.5, 0.8)
            * ramp(bilinear(photo.hairless, px), 0.6, 0.9)
            * ramp(matte, 0.6, 0.9)
        )
        rim = RIM_BEHIND if photo.from_behind else BUST_RIM
        trust = trust * ramp(facing(torso.points, photo, 1), *rim) * photo.inside(px, 3)
        trust = trust * ~hidden_by(torso.points, depth, photo, 0.012)
        total += bilinear(photo.image, px) * trust[..., None]
        weight, dressed = weight + trust, dressed + trust * (garment > skin)
    known = np.minimum(weight, 1)
    calm = ramp(blur(blur(known, SPECKS, 0), SPECKS, 1, True), *SPECK_SHARE)
    color = total / np.maximum(weight, 1e-6)[..., None]
    known, dressed = known * calm, np.minimum(dressed, 1) * calm
    mirrored = np.maximum(0, 0.8 * known[:, ::-1] - known)
    all_known = np.minimum(known + mirrored, 1)
    color = (color * known[..., None] + color[:, ::-1] * mirrored[..., None]) / np.maximum(known + mirrored, 1e-6)[
        ..., None
    ]
    # skin and clothes spread apart, and where one ends and the other begins spreads by itself: a garment has an edge
    share = dressed + np.maximum(0, 0.8 * dressed[:, ::-1] - known)
    share = np.minimum(share / np.maximum(all_known, 1e-6), 1)
    ring = page.meta["bust"]["ring"]
    base = page.base[page.rows("bust")]
    above = base[..., 1] - (ring[0] - ring[1] * base[..., 2])
    own = own_neck_color(head, torso.points, ring)
    at_neck = np.zeros(known.shape) if own is None else 0.5 * ramp(above, -0.012, 0.004)
    skin = spread(color, all_known * (1 - share), own, at_neck * (1 - all_known))
    guess = cloth_guess(photos)
    plain = np.array(PLAIN) if guess is None else guess
    cloth = spread(color, all_known * share, plain, FAINT * (all_known < 0.5))
    collar = spread(share[..., None], all_known, smooth_step(above, *COLLAR)[..., None], FAINT_COLLAR * (1 - all_known))
    edge = smooth_step(blur(collar, EDGE_COLUMNS, 1, True), 0.35, 0.65)
    rib = 0 if guess is not None else RIB_DARKER
    line = smooth_step(above, RIB + 0.004, RIB) * smooth_step(above, RIB - 0.007, RIB - 0.003)
    light = light_on(torso.points, photos[0].yaw)
    usual = ((known * light).sum() + USUAL_LIGHT * USUAL_COUNT) / (known.sum() + USUAL_COUNT)
    filled = (skin * (1 - edge) + cloth * edge * (1 - rib * line)[..., None]) * (light / usual)[..., None]
    return color * all_known[..., None] + filled * (1 - all_known[..., None])


def light_on(points: np.ndarray, yaw: float) -> np.ndarray:
    """[rows,columns] 0..1: light from above the camera."""
    place = np.array([LIGHT_FRONT * np.sin(yaw), LIGHT_UP, LIGHT_FRONT * np.cos(yaw)])
    calm = blur(blur(points, BUST_CALM[0], 0), BUST_CALM[1], 1, True)
    return AMBIENT + (1 - AMBIENT) * np.maximum(0, (toward(calm, place, 1) + WRAP) / (1 + WRAP))


def spread(color: np.ndarray, weight: np.ndarray, other: np.ndarray | None, faint: np.ndarray) -> np.ndarray:
    """Push-pull around the bust of `color` [rows,columns,k] by `weight`, with an `other` that counts `faint`
    [rows,columns]."""
    if other is not None:
        total = weight + faint
        color = (color * weight[..., None] + other * faint[..., None]) / np.maximum(total, 1e-9)[..., None]
        weight = total
    return wrapped_push_pull(color, np.minimum(weight, 1))


def cloth_guess(photos: list[Photo]) -> np.ndarray | None:
    """Median color [3] of the photos' clothes, or else of what may be clothes; None where hardly any are seen."""
    surely = lambda p: (p.garment > 0.5) & (p.hairless > 0.8)
    perhaps = lambda p: (p.garment > 0.3) & (p.classes[..., HAIR] < 0.4) & p.below_head
    for kind in (surely, perhaps):
        pixels = np.concatenate([p.image[kind(p) & (p.matte > 0.7)] for p in photos])
        if len(pixels) > sum(LEAST_SEEN * p.crop.side**2 for p in photos):
            return np.median(pixels, 0)
    return None


def own_neck_color(head: Head, points: np.ndarray, ring: list[float]) -> np.ndarray | None:
    """Color [rows,columns,3] of the person's own neck a little above the ring, by azimuth."""
    p = head.means - torsos.NECK_AXIS
    above = head.means[:, 1] - (ring[0] - ring[1] * head.means[:, 2])
    use = head.neck & (above > 0.004) & (above < 0.03) & (head.opacity > 0.4)
    if use.sum() < 50:
        return None
    bins = 24
    column = np.floor(np.arctan2(p[use, 0], p[use, 2]) / (2 * np.pi) * bins).astype(int) % bins
    total, count = np.zeros((bins, 3)), np.zeros(bins)
    np.add.at(total, column, head.color[use])
    np.add.at(count, column, 1)
    known = np.repeat((count > 0)[:, None], 3, 1).astype(float)
    mean = blur(mean_where(total / np.maximum(count, 1)[:, None], known, 1.0, 0, True), 1.0, 0, True)
    off = points - torsos.NECK_AXIS
    at = np.arctan2(off[..., 0], off[..., 2]) / (2 * np.pi) * bins - 0.5
    c0 = np.floor(at).astype(int)
    share = (at - c0)[..., None]
    return mean[c0 % bins] * (1 - share) + mean[(c0 + 1) % bins] * share


def hair_color(
    page: Page, layer: hairs.Hair, torso: torsos.Torso, photos: list[Photo], depths: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points [rows,columns,3] that sank onto the head where photos show the background, colors [rows,columns,3], and
    where hair remains after every photo has carved away what would cover face, clothes or background."""
    points, shown = layer.points, layer.shown
    total, weight, deep = np.zeros((*shown.shape, 3)), np.zeros(shown.shape), np.zeros(shown.shape)
    # what the background leaves, and what remains where hair that lies on the head sinks and is not carved by it
    kept, through, firm = np.ones((3, *shown.shape))
    for k, (photo, depth) in enumerate(zip(photos, depths)):
        posed = photo.posed(points, page.joint_shares[page.rows("hair")][..., 0])
        px, _ = photo.project(posed)
        inside = photo.inside(px, 2)
        classes, matte = bilinear(photo.classes, px), bilinear(photo.matte, px)
        mask, body = classes[..., HAIR], np.maximum(classes[..., SKIN], classes[..., CLOTHES])
        hidden = hidden_by(posed, depth, photo, 0.012)
        if k > 0:
            bust = depth_of(torso.points[torso.shown > 0.5], photo.torso, BUST_WIDER)
            hidden |= hidden_by(posed, bust, photo, BUST_SLACK, BUST_WIDER)
        toward = facing(posed, photo, -1)
        front = layer.theta < np.radians(95) if k == 0 else toward > 0
        carve = np.where(front, ramp(mask * matte, 0.3, 0.6), ramp(matte, 0.35, 0.65))
        # its camera is about right: it tells nothing of the rim
        carves = ramp(toward, *RIM_BEHIND) if photo.from_behind else 1
        carved = np.where(inside & ~hidden, carves * (1 - carve), 0)
        kept = kept * (1 - carved)
        through = through * np.where(inside & ~hidden, 1 - carves * (1 - ramp(matte, 0.35, 0.65)), 1)
        firm = firm * (1 - carved * (1 - layer.lies * (1 - ramp(body, *BODILY))))
        # the first photo made the surface: there the angle from the camera says how far its colors may be believed
        believed = ramp(layer.theta, RIM + 0.15, RIM) * front if k == 0 else ramp(toward, 0.3, 0.6)
        # towards the photo's lower edge the strands give way to what goes on below it
        believed = believed * ramp(photo.lower_edge(px) / photo.crop.side, 0, LOWER_EDGE)
        trust = believed * inside * ~hidden * ramp(mask, 0.6, 0.9) * ramp(bilinear(photo.sure, px), 0.5, 0.9)
        trust = trust * (1 - np.minimum(weight, 1))
        total += bilinear(photo.image, px) * trust[..., None]
        weight, deep = weight + trust, deep + trust * deep_inside(photo, px)
    edges, firm = soft_edges(kept, through), soft_edges(firm, 1 - (1 - through) * (1 - layer.lies))
    sinks = blur(blur(firm - edges, *SINK_BLUR[0]), *SINK_BLUR[1])
    out = points - np.array(page.meta["hair"]["dome"])
    points = points - (layer.above * sinks / np.maximum(np.linalg.norm(out, axis=-1), 1e-6))[..., None] * out
    trust = np.minimum(weight, 1) * ramp(sinks, *SINKING)
    color = total / np.maximum(weight, 1e-6)[..., None]
    color = hung_down(push_pull(color, trust), trust)
    return points, behind(page, replace(layer, points=points), color, trust, deep), shown * firm


def deep_inside(photo: Photo, px: np.ndarray) -> np.ndarray:
    """0..1 how sure it is that the person is seen around pixels [...,2]."""
    around = [bilinear(photo.sure, px + DEEP * photo.crop.side * step) for step in np.array([*np.eye(2), *-np.eye(2)])]
    return ramp(np.minimum.reduce(around), 0.5, 0.9)


def soft_edges(kept: np.ndarray, through: np.ndarray) -> np.ndarray:
    """What remains of hair [rows,columns]: a lock's edge is no stair, and no slit unless one sees through it."""
    kept = closed(kept, *SLIT) * through
    return np.minimum(ramp(blur(blur(kept, *EDGE_BLUR[0]), *EDGE_BLUR[1]), 0.25, 0.55), 4 * kept)


def hung_down(color: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """Colors [rows,columns,3] in which what hangs below all that is trusted goes on in the mean color of the strand
    above it."""
    total, weight, out = np.zeros(color.shape[1:]), np.zeros(color.shape[1]), color.copy()
    below = np.cumsum(trust[::-1], 0)[::-1] < 0.5
    for row in range(len(color)):
        total = STRAND_FADE * total + trust[row][:, None] * color[row]
        weight = STRAND_FADE * weight + trust[row]
        wide = blur(np.concatenate([total, weight[:, None]], 1), 1.5, 0)
        share = below[row] * ramp(wide[:, 3], 0.2, 1)
        mean = wide[:, :3] / np.maximum(wide[:, 3:], 1e-6)
        out[row] += (share * (1 - trust[row]))[:, None] * (mean - color[row])
        # what hangs on keeps the color of where the photo ended
        total = np.where(below[row][:, None], total / STRAND_FADE, total)
        weight = np.where(below[row], weight / STRAND_FADE, weight)
    return out


def behind(page: Page, layer: hairs.Hair, color: np.ndarray, trust: np.ndarray, deep: np.ndarray) -> np.ndarray:
    """Colors [rows,columns,3] with those that no photo shows: the sides' smooth color carried around the back, times
    the photo's own strands, which go back and forth over the columns that are seen and run down them."""
    rows, columns = trust.shape
    signed = hair_angle(page.coordinates("hair")[1])
    q = np.abs(signed)
    weight = np.maximum(blur(blur(trust, 2.0, 0), LOCK_COLUMNS, 1), 1e-3)[..., None]
    smooth = blur(blur(color * trust[..., None], 2.0, 0), LOCK_COLUMNS, 1) / weight
    detail = np.where(trust[..., None] > 0.05, np.clip((color + 0.02) / (smooth + 0.02), *DETAIL), 1)
    detail = combed(1 + (detail - 1) * trust[..., None], trust)
    mean, least, most = np.zeros((2, rows, 3)), np.zeros((2, rows)), np.zeros((2, rows))
    seen_rows = [np.zeros(0, int)] * 2
    for k in (0, 1):
        own = (signed > 0) == (k == 1)
        near = (RIM_SHARE * trust + (1 - RIM_SHARE) * deep) * own * ramp(layer.theta, RIM - 0.9, RIM - 0.2)
        weight = near.sum(1)
        value = (color * near[..., None]).sum(1) / np.maximum(weight, 1e-6)[:, None]
        mean[k] = mean_where(value, np.repeat(np.minimum(weight / 6, 1)[:, None], 3, 1), 5.0, 0)
        seen = own & (trust > 0.3) & (layer.theta < RIM)
        any_seen = seen.any(1).astype(float)
        seen_rows[k] = np.flatnonzero(any_seen)
        last = np.where(seen, layer.theta, -np.inf).max(1)
        first = np.where(seen, layer.theta, np.inf).min(1)
        most[k] = RIM if not any_seen.any() else mean_where(np.where(any_seen > 0, last, 0), any_seen, 1.5, 0)
        least[k] = RIM if not any_seen.any() else mean_where(np.where(any_seen > 0, first, 0), any_seen, 1.5, 0)
        if not weight.sum():
            mean[k] = np.nan
    for k in (0, 1):
        mean[k] = np.where(
            np.isfinite(mean[k]),
            mean[k],
            np.where(np.isfinite(mean[1 - k]), mean[1 - k], color[trust > 0.3].mean(0) if (trust > 0.3).any() else 0.3),
        )
    # the far side of a turned head is a rim of loose hair, through which the background shines
    far = 1 if layer.view.photo.yaw < 0 else 0
    turned = ramp(abs(layer.view.photo.yaw), *FAR_SIDE) if layer.curtain else 0.0
    mean[far] += turned * (mean[1 - far] - mean[far])
    side = layer.side
    edge = most[side].T
    # strands run down the columns: one place per side says where the photo's knowledge ends, and one how far it goes
    share_at = lambda angles, c: np.median(q[c] * (np.pi - angles) / (np.pi - layer.theta[:, c]))
    last = np.array([share_at(most[k], k * (columns - 1)) for k in (0, 1)])
    span = np.maximum(np.array([share_at(least[k], k * (columns - 1)) for k in (0, 1)]) - last - 0.03, 0.05)

    def strands(of: np.ndarray) -> np.ndarray:
        """Detail from the side `of` [columns] 0 or 1."""
        # 0 where the photo's knowledge ends, up to its span, and back
        beyond = np.maximum(last[of] - q, 0)
        turn = span[of] - np.abs(beyond % (2 * span[of]) - span[of])
        fine = np.linspace(0, 1, 513)
        s = np.interp(np.minimum(last[of] + turn, 1), hair_angle(fine), fine) * np.where(of == 1, 1.0, -1.0)
        c = np.clip((s + 1) / 2 * columns - 0.5, 0, columns - 1.001)
        c0 = c.astype(int)
        run = np.floor(beyond / span[of]).astype(int)
        until = smooth_step(beyond / span[of] - run, RUN_END, 1)
        out = 0.0
        for index, weight in ((0, 1 - until), (1, until)):
            r = np.stack([moved_rows(rows, RUN_ROWS * (n + index), seen_rows[k]) for n, k in zip(run, of)], 1)
            value = detail[r, c0] * (1 - (c - c0))[:, None] + detail[r, c0 + 1] * (c - c0)[:, None]
            out = out + weight[:, None] * value
        return out

    cross = (0.5 * (1 - smooth_step(q, 0.0, 0.15)))[None, :, None]
    fine = strands(side) * (1 - cross) + strands(1 - side) * cross
    across = (0.5 * (1 - smooth_step(q, 0.0, 0.6)))[None, :, None]
    base = np.moveaxis(mean[side], 0, 1) * (1 - across) + np.moveaxis(mean[1 - side], 0, 1) * across
    light, shine = light_on_hair(layer, trust)
    lit = base * light[..., None] + shine[..., None] * np.maximum(0, DULL - base)
    share = (ramp(layer.theta, edge - 0.15, edge + 0.05) * np.where(layer.theta > RIM + 0.2, 1 - trust, 1))[..., None]
    if not layer.curtain:  # short hair, which has no strands that hang down, goes on with the scalp's grain
        grain = hair_grain(
            layer.points.reshape(-1, 3), np.array(page.meta["hair"]["dome"]), color.reshape(-1, 3), trust.ravel()
        )
        fine = np.exp(grain).reshape(rows, columns, 1)
    out = color * (1 - share) + lit * fine * share
    hidden = np.maximum(1 - trust, smooth_step(layer.theta, *FAR_RIM)) * smooth_step(q, 0, FAR_SEAM)
    hidden = turned * hidden * (side == far)
    near = out[moved_rows(rows, RUN_ROWS, seen_rows[1 - far]), ::-1]
    return out + hidden[..., None] * (near - out)


def moved_rows(rows: int, shift: int, seen: np.ndarray) -> np.ndarray:
    """Rows [rows] moved down within those that are seen, and back up at their ends."""
    row = np.arange(rows)
    first, last = (seen[0], seen[-1] - EDGE_ROWS) if len(seen) else (0, 0)
    n = last - first
    if n < 1:
        return row
    return np.where((row < first) | (row > last), row, first + n - np.abs((row - first + shift) % (2 * n) - n))


def light_on_hair(layer: hairs.Hair, trust: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What falls on hair that no photo shows: factors of its color, and what shines beside that, [rows,columns]."""
    calm, yaw = blur(blur(layer.points, CALM, 0), CALM, 1), layer.view.photo.yaw
    place = np.array([HAIR_LIGHT_FRONT * np.sin(yaw), HAIR_LIGHT_UP, HAIR_LIGHT_FRONT * np.cos(yaw)])
    light = np.maximum(0, (toward(calm, place, -1) + HAIR_WRAP) / (1 + HAIR_WRAP))
    light = HAIR_AMBIENT + (1 - HAIR_AMBIENT) * light
    seen = trust.sum()
    light = np.clip(light * seen / (trust * light).sum(), *LIGHT_LIMITS) if seen > 0 else np.ones(trust.shape)
    rise = toward(calm, np.array([0, FAR_UP, 0]), -1)
    return light, SHINE * np.exp(-(((rise - SHINE_AT) / SHINE_WIDE) ** 2))


def combed(detail: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """Detail (factors of color) drawn out down the columns, as strands hang, with the spread it had; less so the
    curlier the hair is."""
    log = np.log(detail)
    down = blur(log, STRAND_ROWS, 0)
    seen = trust > 0.5
    if seen.sum() < 50:
        return detail
    own, drawn = log[seen].std(), down[seen].std()
    straight = ramp(drawn**2 / max(own**2, 1e-8), *STRAIGHT)
    return np.exp(straight * down * min(own / max(drawn, 1e-4), 1.6) + (1 - straight) * CURLS * log)


def inner_layer(
    page: Page, layer: hairs.Hair, color: np.ndarray, shown: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same surface a little inside, darker and without detail."""
    normal = -frames(layer.points)[0][..., 2]
    soft = blur(blur(normal, 3, 0), 3, 1)
    soft /= np.maximum(np.linalg.norm(soft, axis=-1, keepdims=True), 1e-9)
    points = layer.points - INNER_DEPTH * soft
    v, _ = page.coordinates("hairInner")
    rows = v * len(points) - 0.5
    low = np.clip(rows.astype(int), 0, len(points) - 2)
    share = (rows - low)[:, None]
    take = lambda x: x[low] * (1 - share[..., None]) + x[low + 1] * share[..., None]
    calm = blur(blur(color, 2, 0), 4, 1) * INNER_DARK
    # it ends before the outer layer does
    whole = np.minimum.reduce([np.roll(shown, (r, c), (0, 1)) for r in (-3, 0, 3) for c in (-4, 0, 4)])
    whole = whole * ramp(layer.moved, *LYING)  # what lies on the bust has no inside
    return take(points), take(calm), take(whole[..., None])[..., 0]
