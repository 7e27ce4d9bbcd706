"""Constants of refinement, in one place; ALGORITHM.md explains each. Lengths in the photo are parts of the crop's
side."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RefineSettings:
    rounds: int = 10
    damping: float = 0.1  # epsilon of the preconditioner, in pixels of a crop of 512
    # a texel without trust still takes this part of a step, so that its neighbours need not make up for it
    least_weight: float = 0.02
    sharpness: float = 3.0  # power of trust by which photos share a texel
    gain_limit: float = 2.0  # a photo's tone is changed by this factor at the most
    erosion: float = 0.008  # of matte and photo
    # cosine between normal and direction to the camera: no trust, full trust
    facing: tuple[float, float] = (0.12, 0.40)
    seen_px: float = 0.12  # pixels (of a crop of 512) that a texel must fill for full trust
    allowed: tuple[float, float] = (0.6, 0.9)  # part of them that the mask allows
    depth: tuple[float, float] = (0.004, 0.010)  # meters behind the drawn surface: full trust, no trust
    strain: tuple[float, float] = (0.35, 0.9)  # |ln(area in the photo / area at rest)|
    least_strained: float = 0.3  # trust left where the surface is strained most
    contour: float = 0.002  # width of the ramps at the contours of eyes and inner lips
    open_eye: tuple[float, float] = (0.10, 0.20)  # height of an eye over its width: closed, open
    teeth: tuple[float, float] = (0.6, 0.9)  # luminance of an open mouth's teeth over the face's: none shown, shown
    unlike: tuple[float, float] = (0.20, 0.45)  # difference to the avatar in the low band: full trust, no trust
    oblique: float = 0.4  # that limit where a surface is seen from the side
    low_box: int = 4  # texels at a map of 256 on either side of a box; the low band is two box means
    fade: float = 0.5  # of the low band per level of the pyramid
    mirror: float = 0.8  # of the high band of the other side
    side: tuple[float, float] = (0.6, 0.8)  # how much a resting normal points sideways: front, side of the face
    # texels at a map of 256 on either side of a box: how far from believed texels their colors go on the sides
    near_box: int = 8
    near: float = 2.5  # one over the share of believed texels around that counts as near
    # ln(area with closed eyes / area at rest): shown by open eyes, hidden in a fold
    lids: tuple[float, float] = (0.4, 1.2)
    # luminance over that around: brow or shadow, skin whose color lids may take
    lid_light: tuple[float, float] = (0.6, 0.95)
    light_box: int = 12  # texels at a map of 256 on either side of a box; what is around is two box means
    last_rounds: int = 3  # after spreading, for what is believed alone
    # luminance above the local base that stays; part of the rest that is taken away
    highlight: tuple[float, float] = (0.12, 0.4)
