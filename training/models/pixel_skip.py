"""Pixel-anchored colors (ours, not in the paper; off in paper-400): where is each UV texel seen in each photo, and what
color is there.

Own coordinates are a soft-argmax of query·token over the photo's token grid (direct regression did not learn), blended
with the landmark fit's anchors, corrected by a small residual and by a second look (alignment.py); the photo is then
sampled there, blended over photos, and refined by a few convolutions.
Before that, each photo gets a gain per color so that photos agree where they show the same texels (least squares,
closed form). Texels that no photo shows may take the color of their mirror image: the atlas is symmetric about its
middle column. Every operation treats photos alike and only sums over them, so photo order does not matter."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .alignment import METERS, Alignment
from .blocks import AttentionLayer, ConvBn, Linear, grid_centres, sample_bilinear, space_to_depth, upsample
from .driver import hourglass, light_levels
from .push_pull import push_pull

CARRIED = 3  # parts of the head within which colors are carried
ENOUGH = 200.0  # one texel in so many of the atlas seen of a part says all about it


@dataclass(frozen=True)
class PixelSkipConfig:
    dim: int = 128  # token width
    token_grid: int = 16
    match_channels: int = 96  # channels of the UV features that form the match queries (coarse stage)
    match_dim: int = 64
    value_dim: int = 16  # token content carried to each texel
    cross_mlp_ratio: int = 0  # > 0: queries first attend to each photo's own tokens (web-256)
    fine_channels: int = 32  # channels of the UV features at anchor size
    hidden: int = 32
    match_upsample: int = 2  # match grid to anchor grid
    color_upsample: int = 4  # anchor grid to map size
    refine_width: int = 16
    align_widths: tuple[int, ...] = ()  # levels of the second look's UNet; empty = none
    inpaint_widths: tuple[int, ...] = ()  # levels of a UNet that carries seen colors to unseen texels; empty = none


def photo_gains(colors: Tensor, weight: Tensor, rounds: int = 8, ridge: float = 0.01) -> Tensor:
    """Gains [b, n, 3, 1, 1] of n photos of one person: least squares on the logarithms of what two photos show of the
    same texel.

    colors [b, n, 3, a, a] at shared texels, weight [b, n, 1, a, a] how surely a texel is seen. The product of the gains
    is 1, and each is 1 for photos that share no texel. Half sure is not seen: what a photo from behind half shows of a
    face is hair. Damped Jacobi rounds on the n x n normal equations: static, and the same for any order of photos.
    """
    b, n = colors.shape[:2]
    area = colors.shape[-1] * colors.shape[-2]
    w = torch.relu(2 * weight.reshape(b, n, area) - 1)
    logs = colors.clamp(min=0.02).log().reshape(b, n, 3, area)
    shared = w @ w.transpose(1, 2) / area  # b n n
    # b 3 n n: sum of w_i w_j l_i
    own = (logs * w.unsqueeze(2)).transpose(1, 2) @ w.reshape(b, 1, n, area).transpose(2, 3) / area
    difference = (own - own.transpose(2, 3)).sum(dim=3).transpose(1, 2)  # b n 3: sum over j of w_i w_j (l_i - l_j)
    other = shared * torch.tensor([[float(i != j) for j in range(n)] for i in range(n)], device=w.device)
    degree = other.sum(dim=2, keepdim=True) + ridge
    gain = torch.zeros_like(difference)
    for _ in range(rounds):
        gain = 0.5 * gain + 0.5 * (other @ gain - difference) / degree
    gain = gain - gain.sum(dim=1, keepdim=True) / n
    return gain.clamp(-0.7, 0.7).exp().reshape(b, n, 3, 1, 1)


class Inpaint(nn.Module):
    """Seen colors to unseen texels at anchor size: skin tone, hair color, what the other half of the face shows.

    A UNet guesses, and push-pull carries what is seen of the same part of the head, so that a hair color that few
    people have reaches the back of the head too; the UNet says which of the two a texel takes. `parts` [CARRIED, 1, a,
    a]: texels of scalp, face and neck, set from the head model (base_maps.py)."""

    def __init__(self, config: PixelSkipConfig, anchor_size: int):
        super().__init__()
        widths = config.inpaint_widths
        self.register_buffer("parts", torch.zeros(CARRIED, 1, anchor_size, anchor_size))
        self.enter_carried = nn.Conv2d(4, widths[0], 3, padding=1)
        self.take = nn.Conv2d(widths[0], 1, 3, padding=1)
        for layer in (self.enter_carried, self.take):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.enter = ConvBn(11 + config.value_dim, widths[0])
        self.first, self.down, self.level, self.up = light_levels(widths)
        self.out = nn.Conv2d(widths[0], 3, 3, padding=1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def carried(self, known: Tensor) -> tuple[Tensor, Tensor]:
        """known [b, 8, a, a]: (seen - 0.5) * confidence, confidence, the same of the mirror image -> color - 0.5 [b, 3,
        a, a] carried from texels of the same part, and whether any is seen, 0..1 [b, 1, a, a]"""
        b, _, a, _ = known.shape
        sure = known[:, 3:4]
        evidence = known[:, :4] * sure + known[:, 4:] * known[:, 7:] * (1 - sure) * 0.25
        evidence = evidence.reshape(b, 1, 4, a, a) * self.parts
        filled = push_pull(
            evidence[:, :, :3].reshape(b * CARRIED, 3, a, a), evidence[:, :, 3:].reshape(b * CARRIED, 1, a, a)
        )
        any_seen = (evidence[:, :, 3:].sum((3, 4), keepdim=True) * (ENOUGH / (a * a))).clamp(max=1)
        color = (filled.reshape(b, CARRIED, 3, a, a) * self.parts).sum(1)
        return color, (any_seen * self.parts).sum(1)

    def forward(
        self,
        seen: Tensor,
        confidence: Tensor,
        across: Tensor,
        across_confidence: Tensor,
        predicted: Tensor,
        narrow: Tensor,
    ) -> Tensor:
        """seen, across, predicted colors [b, 3, H, W], confidences [b, 1, H, W], narrow UV features [b, value_dim, a,
        a] -> color where no photo is looked at [b, 3, H, W]"""
        factor = int(predicted.shape[-1]) // int(narrow.shape[-1])
        known = [
            (seen - 0.5) * confidence,
            confidence,
            (across - 0.5) * across_confidence,
            across_confidence,
            predicted - 0.5,
        ]
        known = F.avg_pool2d(torch.cat(known, dim=1), factor)
        color, any_seen = self.carried(known[:, :8])
        x = self.enter(torch.cat([known, narrow], dim=1)) + self.enter_carried(
            torch.cat([color - known[:, 8:], any_seen], dim=1)
        )
        x = hourglass(x, self.first, self.down, self.level, self.up)
        guess = predicted + upsample(self.out(x), factor)
        return guess + upsample(torch.sigmoid(self.take(x) - 2) * any_seen, factor) * (
            upsample(color, factor) + 0.5 - guess
        )


class PixelSkip(nn.Module):
    def __init__(self, config: PixelSkipConfig, map_size: int, anchor_size: int):
        super().__init__()
        self.config = config
        # where the head's mirror image lies in the mirrored column; set from the head model (base_maps.py)
        self.register_buffer("mirrored", torch.zeros(1, 1, map_size, map_size))
        self.register_buffer("columns_reversed", torch.arange(map_size - 1, -1, -1), persistent=False)
        self.cross = (
            AttentionLayer(config.match_channels, 4, config.cross_mlp_ratio, cross=True)
            if config.cross_mlp_ratio
            else None
        )
        self.query = Linear(config.match_channels, config.match_dim)
        self.key = Linear(config.dim, config.match_dim)
        self.value = Linear(config.dim, config.value_dim)
        self.temperature = nn.Parameter(torch.tensor(math.log(2 / math.sqrt(config.match_dim))))
        self.register_buffer("centres", grid_centres(config.token_grid))
        self.fine = ConvBn(config.fine_channels, config.value_dim, 1)
        self.residual = ConvBn(2 * config.value_dim + 7, config.hidden, 3)
        self.coordinates = nn.Conv2d(config.hidden, 4, 3, padding=1)
        nn.init.normal_(self.coordinates.weight, std=1e-3)
        with torch.no_grad():
            self.coordinates.bias.copy_(torch.tensor([0.0, 0.0, 0.0, 2.0]))  # trust anchors at first
        self.offset = nn.Conv2d(config.hidden, 3, 3, padding=1)
        nn.init.zeros_(self.offset.weight)
        nn.init.zeros_(self.offset.bias)
        self.refine = nn.ModuleList([ConvBn(35, config.refine_width), ConvBn(config.refine_width, config.refine_width)])
        self.color = nn.Conv2d(config.refine_width, 20, 3, padding=1)
        nn.init.zeros_(self.color.weight)
        nn.init.zeros_(self.color.bias)
        self.inpaint = Inpaint(config, anchor_size) if config.inpaint_widths else None
        self.align = (
            Alignment(config.align_widths, config.value_dim, config.value_dim, anchor_size)
            if config.align_widths
            else None
        )

    def locate(
        self, photos: Tensor, position: Tensor, coarse: Tensor, fine: Tensor, tokens: Tensor, anchors: Tensor
    ) -> tuple[Tensor, ...]:
        """Photo coordinates of every texel of the anchor grid.

        photos [b, n, 3, S, S], position [b, 3, H, W] (offset from the mean head, m) as far as it is known without this,
        coarse [b, Cc, m, m], fine [b, Cf, a, a], tokens [b, n, L, D], anchors [b, n, 3, a, a] (x, y, confidence)
        -> own soft-argmax x, y [b, n, 2, m, m]; final x, y [b, n, 2, a, a]; visibility logit [b, n, 1, a, a];
        narrow UV features [b, value_dim, a, a]; change of the position [b, 3, a, a] (m): how far hair and what the
        landmark fit does not know lie from the prior shows where a texel is seen
        """
        b, n, length, dim = tokens.shape
        m, a = coarse.shape[-1], fine.shape[-1]
        per_photo = tokens.reshape(b * n, length, dim)
        queries = coarse.flatten(2).transpose(1, 2)  # b (m m) Cc
        queries = queries.reshape(b, 1, m * m, -1).expand(b, n, m * m, -1).reshape(b * n, m * m, -1)
        if self.cross is not None:
            queries = self.cross(queries, per_photo)
        scores = self.query(queries) @ self.key(per_photo).transpose(1, 2) * self.temperature.exp()
        weights = torch.softmax(scores, dim=-1)  # bn (m m) L
        own = (weights @ self.centres).transpose(1, 2).reshape(b * n, 2, m, m)
        content = (weights @ self.value(per_photo)).transpose(1, 2).reshape(b * n, -1, m, m)

        anchors = anchors.reshape(b * n, 3, a, a)
        given, confidence = anchors[:, :2], anchors[:, 2:]
        moved = upsample(own, self.config.match_upsample)
        narrow = self.fine(fine)
        shared = narrow.reshape(b, 1, -1, a, a).expand(b, n, -1, a, a).reshape(b * n, -1, a, a)
        toward = (given - moved) * confidence
        content = upsample(content, self.config.match_upsample)
        x = torch.cat([shared, content, moved, toward * 8, confidence, given * confidence], dim=1)
        hidden = self.residual(x)
        x = self.coordinates(hidden)
        xy = moved + toward * torch.sigmoid(x[:, 3:4]) + x[:, :2] * 0.1
        split = lambda t: t.reshape(b, n, *t.shape[1:])
        logit = split(x[:, 2:3] + confidence * 2)
        offset = (split(self.offset(hidden)) * torch.softmax(logit, dim=1)).sum(dim=1) * METERS
        if self.align is not None:
            position = F.avg_pool2d(position, position.shape[-1] // a) + offset
            logit, toward = logit.flatten(0, 1), (given - xy) * confidence
            xy, logit, further = self.align(photos, position, xy, logit, toward, confidence, shared, content)
            logit, offset = split(logit), offset + further
        return split(own), split(xy), logit, narrow, offset

    def paint(
        self, photos: Tensor, xy: Tensor, visibility: Tensor, predicted: Tensor, narrow: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Sample, blend over photos, refine. What no photo shows is first looked for on the other half of the face.

        photos [b, n, 3, S, S], xy [b, n, 2, a, a], visibility logit [b, n, 1, a, a], predicted color [b, 3, H, W],
        narrow UV features [b, value_dim, a, a] -> color [b, 3, H, W], color without the photo's own pixels [b, 3, H,
        W], what the photos show [b, 4, H, W]: (color - 0.5) * confidence, confidence
        """
        b, n = photos.shape[:2]
        factor = self.config.color_upsample
        fine_xy = upsample(xy.flatten(0, 1), factor)
        logit = upsample(visibility.flatten(0, 1), factor)
        size = fine_xy.shape[-1]
        samples = sample_bilinear(photos.flatten(0, 1), fine_xy).reshape(b, n, 3, size, size)
        if n > 1:
            pool = lambda x: F.avg_pool2d(x.flatten(0, 1), factor).reshape(b, n, -1, size // factor, size // factor)
            with torch.no_grad():
                gains = photo_gains(
                    pool(samples), torch.sigmoid(visibility) * F.avg_pool2d(self.mirrored, factor).unsqueeze(1)
                )
            samples = samples * gains
        logit = logit.reshape(b, n, 1, size, size)
        weight = torch.softmax(logit, dim=1)
        sample = (samples * weight).sum(dim=1)
        confidence = (torch.sigmoid(logit) * weight).sum(dim=1)
        across = sample.index_select(3, self.columns_reversed) * self.mirrored
        across_confidence = confidence.index_select(3, self.columns_reversed) * self.mirrored
        if self.inpaint is not None:
            predicted = self.inpaint(sample, confidence, across, across_confidence, predicted, narrow)
        seen = [space_to_depth(sample, 2), F.avg_pool2d(predicted, 2), space_to_depth(confidence, 2)]
        x = torch.cat([*seen, space_to_depth(across, 2), space_to_depth(across_confidence, 2)], dim=1)
        for conv in self.refine:
            x = conv(x)
        x = F.pixel_shuffle(self.color(x), 2)  # b 5 H W
        gate = torch.sigmoid(x[:, 3:4] + confidence * 8 - 4)
        gate_across = torch.sigmoid(x[:, 4:] + across_confidence * 8 - 5) * self.mirrored
        unseen = predicted + gate_across * (across - predicted)
        shown = torch.cat([(sample - 0.5) * confidence, confidence], dim=1)
        return unseen + gate * (sample - unseen) + x[:, :3] * 0.25, predicted, shown
