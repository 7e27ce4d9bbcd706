"""Detail for close-ups: maps of twice the edge against textured splats, on the same people and photos.

    python -m training.evaluate.close_up                          # a table on standard output
    python -m training.evaluate.close_up --portraits 1 --people 1

Rows: `feed-forward`; `refined`, colors solved at 640²; `A`, the maps resampled to twice the edge with Gaussians as
large as before (four per texel) and solved at the photo's own resolution; `B`, `refined` with shades for close-ups
(training/refine/close_up.py), in the eight bits of a file. Portraits: even photos of shared/data/photos whose crop has
at least 704 pixels, in their own view at that resolution. Synthetic people: seeds that the report does not use, exact
cameras, 1024²; the photo's view and two that no photo shows. Face only: PSNR, fine contrast, LoG correlation, as in
refined.py."""

import argparse
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor
from torch.nn import functional as F

from ..headmodel.model import HeadModel
from ..models.landmarks import Landmarks
from ..rasterizer.avatar_splatter import AvatarSplatter
from ..refine.atlas import Atlas
from ..refine.close_up import EDGE, REGIONS, SHADE_REACH, TexturedPicture, mip_levels, solve
from ..refine.portraits import prepare
from ..refine.refine import Refined, refine
from ..refine.transpose import LinearPicture
from ..refine.views import View
from ..synth.generator import Generator
from . import metrics
from .captures import SITTER_SEED, Sitter
from .observers import Observers
from .puppets import Puppet, Puppeteer
from .refined import ROOT, SHADE, Refiner, Seat, detail, face_mask, tensor

COLOR_PX, LEAST_PX = 640, 704
FIRST_SITTER = SITTER_SEED + 7100
LEFT_OUT = {
    "photo's view": (0, 2, {}),
    "+30°, smile": (30, 0, {"mouthSmile": 0.8, "cheekSquint": 0.4}),
    "-30°": (-30, 0, {}),
}


def at_size(view: View, size: int) -> View:
    scale = lambda x: F.interpolate(x[None], size=(size, size), mode="bilinear", antialias=True, align_corners=False)[0]
    inside = (scale(view.inside[None])[0] > 0.999).float()
    return View(
        scale(view.image),
        scale(view.matte[None])[0],
        inside,
        view.landmarks,
        view.R,
        view.t,
        view.focal,
        view.expression,
        view.delta,
    )


class Contenders:
    """All rows of one person. `draw` gives pictures [4, S, S] over black."""

    def __init__(self, refiner: Refiner, twice: AvatarSplatter, puppet: Puppet, view: View):
        self.splatter, self.twice = refiner.splatter, twice
        self.atlas = Atlas(refiner.model.head, self.splatter.table, refiner.settings)
        self.static = tensor(puppet.static)
        small = at_size(view, COLOR_PX)
        self.refined: Refined = refine(self.splatter, self.static, [small])
        shades = solve(self.splatter, self.atlas, self.static, [view], self.refined.solution, self.refined.trusts)
        self.steps = torch.round(127 * shades / SHADE_REACH)
        large = View(
            view.image,
            view.matte,
            view.inside,
            view.landmarks,
            view.R,
            view.t,
            view.focal,
            view.expression,
            self.resampled(view.delta),
        )
        self.large = refine(twice, self.resampled(self.static), [large]).static

    def resampled(self, maps: Tensor) -> Tensor:
        """[14, U, U] -> [14, 2U, 2U]; texels without a Gaussian take the nearest one's first."""
        has = self.atlas.to_map(torch.ones(self.splatter.table.count, 1))[0].numpy() > 0
        rows, columns = distance_transform_edt(~has, return_indices=True)[1]
        return F.interpolate(maps[:, rows, columns][None], scale_factor=2, mode="bilinear", align_corners=False)[0]

    def draw(self, view: View) -> Iterator[tuple[str, Tensor]]:
        picture = TexturedPicture(self.splatter, self.static, view, self.atlas.is_region(*REGIONS))
        change = (view.delta.flatten(1)[:, self.splatter.texel].T * self.splatter.dynamic)[:, 4:7]
        color = lambda static: self.atlas.to_list(static[4:7]) + change
        none = mip_levels(torch.zeros(EDGE, EDGE))
        yield "feed-forward", picture.draw(color(self.static), none)
        yield "refined", picture.draw(color(self.refined.static), none)
        skin = self.twice.skin(view.expression, np.zeros(15))
        black = torch.zeros(3)
        camera = view.R, view.t, view.focal * view.size, view.size
        yield (
            "A: maps of twice the edge",
            self.twice.picture(self.large, self.resampled(view.delta), skin, *camera, black)[:4],
        )
        yield "B: textured splats", picture.draw(color(self.refined.static), mip_levels(self.steps * SHADE_REACH / 127))

    def face(self, view: View) -> np.ndarray:
        """bool [S, S]: where the face's Gaussians are what is seen."""
        picture = TexturedPicture(self.splatter, self.static, view, self.atlas.is_region(*REGIONS))
        marked = self.atlas.is_region(*REGIONS).float()[:, None].expand(-1, 3)
        return LinearPicture(picture.ellipses, view.size).draw(marked)[0].numpy() > 0.8

    def bytes_packed(self) -> int:
        """Of the shades in a file, about: runs of zeros are as short there as here."""
        return len(zlib.compress(self.steps.to(torch.int8).numpy().tobytes(), 1))


def over_grey(picture: Tensor) -> np.ndarray:
    return metrics.to_bytes((picture[:3] + (1 - picture[3:]) * SHADE).numpy())


class Table:
    def __init__(self):
        self.values: dict[tuple[str, str], list[dict[str, float]]] = {}

    def add(self, group: str, row: str, picture: Tensor, photo: np.ndarray, mask: np.ndarray) -> None:
        self.values.setdefault((group, row), []).append(detail(over_grey(picture), photo, mask))

    def show(self) -> None:
        print(f"| {'':28} | {'':26} | n | PSNR dB | fine contrast | LoG correlation |\n|---|---|---|---|---|---|")
        for (group, row), found in self.values.items():
            means = [np.mean([f[name] for f in found]) for name in ("face_psnr", "fine_contrast", "log_correlation")]
            print(
                f"| {group:28} | {row:26} | {len(found)} | {means[0]:.2f} | {means[1]:.3f} | {means[2]:.3f} |",
                flush=True,
            )


def portraits(refiner: Refiner, twice: AvatarSplatter, files: list[Path], count: int, table: Table) -> None:
    model = refiner.model
    for portrait in prepare(files, Observers(), model.avatar.config.anchor_size):
        size = portrait.image.shape[-1]
        if size < LEAST_PX or count <= 0:
            continue
        count -= 1
        puppet = refiner.of_portrait(portrait)
        view = refiner.view(puppet, portrait, size)
        contenders = Contenders(refiner, twice, puppet, view)
        mask, photo = face_mask(portrait, view), metrics.to_bytes(view.image.numpy())
        for row, picture in contenders.draw(view):
            table.add("portraits, photo's view", row, picture, photo, mask)
        print(f"{portrait.name}: {size} px, {contenders.bytes_packed()} bytes of shades", flush=True)


def people(refiner: Refiner, twice: AvatarSplatter, count: int, table: Table) -> None:
    model = refiner.model
    generator, landmarks = Generator(model.head, photo_size=1024), Landmarks(model.head)
    for i in range(count):
        sitter = Sitter(generator, FIRST_SITTER + i)
        photo, anchors, rest = Seat(sitter, landmarks).photo(0, {})
        small = photo.reshape(3, 256, 4, 256, 4).mean((2, 4))
        puppet = model.make(small[None], anchors[None], sitter.prior)
        taken = View(image=tensor(photo), delta=refiner.delta(puppet, rest["expression"]), **rest)
        contenders = Contenders(refiner, twice, puppet, taken)
        for name, (yaw, pitch, weights) in LEFT_OUT.items():
            shot = sitter.shot(yaw, pitch, sitter.expression(**weights))
            camera = tensor(shot.R), tensor(shot.t), shot.f / 1024
            delta = tensor(model.delta(puppet, shot.position_map))
            view = View(taken.image, taken.matte, taken.inside, taken.landmarks, *camera, shot.expression, delta)
            mask = contenders.face(view) & shot.mask
            for row, picture in contenders.draw(view):
                table.add(f"synthetic, {name}", row, picture, shot.picture, mask)
        print(sitter.name, flush=True)


def main() -> None:
    from ..synth.skins import default_data_root
    from .__main__ import load_model

    parser = argparse.ArgumentParser(description="Measure two ways to show detail in close-ups.")
    parser.add_argument("--portraits", type=int, default=8)
    parser.add_argument("--people", type=int, default=4)
    a = parser.parse_args()
    torch.set_num_threads(1)
    avatar, _ = load_model(json.loads((ROOT / "assets/models/models.json").read_text())["default"], None)
    refiner = Refiner(Puppeteer(avatar, HeadModel.load()))
    twice = AvatarSplatter(refiner.model.head, 2 * refiner.splatter.table.map_size)
    table = Table()
    root = default_data_root()
    if root and a.portraits:
        portraits(refiner, twice, sorted((root / "photos").glob("*.jpg"))[::2], a.portraits, table)
    people(refiner, twice, a.people, table)
    table.show()


if __name__ == "__main__":
    main()
