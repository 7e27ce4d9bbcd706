"""Detail for close-ups: pictures with and without it, and that it is found again."""

import numpy as np
import torch

from training.headmodel.model import HeadModel
from training.rasterizer.avatar_splatter import AvatarSplatter
from training.refine.atlas import Atlas
from training.refine.close_up import REGIONS, TexturedPicture, mip_levels, mirrored, without_mean
from training.refine.settings import RefineSettings
from training.refine.transpose import LinearPicture
from training.refine.views import View

MAP, EDGE, SIZE = 64, 256, 256


def scene() -> tuple[Atlas, TexturedPicture, torch.Tensor]:
    """An even grey head seen from the front."""
    head = HeadModel.load()
    splatter = AvatarSplatter(head, MAP)
    static = torch.zeros(14, MAP, MAP)
    static[3], static[4:7], static[7:9], static[9], static[13] = 5, 0.5, np.log(0.0022), np.log(0.0005), 1
    zero = torch.zeros(SIZE, SIZE)
    camera = torch.eye(3), torch.tensor([0.0, -0.02, -0.77]), 3.0
    view = View(
        zero.expand(3, -1, -1),
        zero,
        zero,
        np.zeros((478, 2)),
        *camera,
        np.zeros(len(head.expressions)),
        torch.zeros(14, MAP, MAP),
    )
    atlas = Atlas(head, splatter.table, RefineSettings())
    return (
        atlas,
        TexturedPicture(splatter, static, view, atlas.is_region(*REGIONS)),
        torch.full((splatter.table.count, 3), 0.5),
    )


def test_without_shades_it_is_the_ordinary_picture():
    _, picture, color = scene()
    expected = LinearPicture(picture.ellipses, SIZE).draw(color)
    assert (picture.draw(color, mip_levels(torch.zeros(EDGE, EDGE))) - expected).abs().max() < 2e-4


def test_shades_move_the_color_by_as_much_and_are_read_where_they_lie():
    atlas, picture, color = scene()
    plain = picture.draw(color, mip_levels(torch.zeros(EDGE, EDGE)))
    even = picture.draw(color, mip_levels(torch.full((EDGE, EDGE), 0.1))) - plain
    believed = torch.ones(len(color))
    seen, known = picture.gather(atlas, even[:1], believed, EDGE)
    front = known > 0.99
    assert front.sum() > 5000
    assert abs(float(seen[0][front].median()) - 0.1) < 5e-3
    # waves that are longer than a Gaussian come back where they were put
    at = torch.arange(EDGE)
    waves = 0.1 * torch.sin(0.5 * at)[:, None] * torch.sin(0.4 * at)[None]
    drawn = picture.draw(color, mip_levels(waves)) - plain
    seen, _ = picture.gather(atlas, drawn[:1], believed, EDGE)
    middle = front.clone()
    middle[:, : EDGE // 3] = middle[:, -EDGE // 3 :] = False
    assert np.corrcoef(seen[0][middle], waves[middle])[0, 1] > 0.9


def test_shades_have_no_mean_and_the_other_side_is_filled():
    weight = torch.zeros(64, 64)
    weight[:, :32] = 1
    shades = torch.rand(64, 64, generator=torch.Generator().manual_seed(1)) * weight
    flat = without_mean(shades, weight, 3)
    inside = torch.nn.functional.avg_pool2d(flat[None, None], 7, 1)[0, 0][:, 3:20]
    assert inside.abs().mean() < 0.03 and float(shades[:, 5:20].mean()) > 0.4
    assert (flat * (1 - weight) == 0).all()
    filled = mirrored(flat, weight, 0.8)
    assert (
        torch.allclose(filled[:50, 32:], 0.8 * flat.flip(-1)[:50, 32:])
        and (filled[:, :32] == 0).all()
        and (filled[56:] == 0).all()
    )
