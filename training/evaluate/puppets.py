"""A model's avatars: made from photos, driven, and drawn like the true pictures."""

from dataclasses import dataclass

import numpy as np
import torch

from ..headmodel.model import HeadModel
from ..models.avatar import Avatar
from ..synth.raster import render_maps
from .captures import Capture, Shot
from .metrics import to_bytes


@dataclass(frozen=True)
class Puppet:
    """What a reconstruction gives: static map [14,H,W], identity features [1,C,h,w], photo coordinates [n,3,a,a] or
    None."""

    static: np.ndarray
    identity: torch.Tensor
    coordinates: np.ndarray | None


class Puppeteer:
    """One model in evaluation mode."""

    def __init__(self, avatar: Avatar, head: HeadModel):
        self.avatar, self.head = avatar.eval(), head

    @torch.no_grad()
    def make(self, photos: np.ndarray, anchors: np.ndarray, prior: np.ndarray) -> Puppet:
        """photos [n,3,S,S], anchors [n,3,A,A], prior [4,A,A]; all-zero anchors and prior mean that no fit is known."""
        tensor = lambda x: torch.from_numpy(np.ascontiguousarray(x, np.float32))[None]
        r = self.avatar(tensor(photos), tensor(anchors), tensor(prior))
        coordinates = None if r.photo_coordinates is None else r.photo_coordinates[0].numpy()
        return Puppet(r.static_map[0].numpy(), r.identity_features, coordinates)

    def of(self, capture: Capture, photos: int | list[int] = 1, anchored: bool = True) -> Puppet:
        """From the first photos of a capture, or from those at the given places."""
        pick = list(range(photos)) if isinstance(photos, int) else photos
        anchors, prior = capture.anchors[pick], capture.prior
        if not anchored:
            anchors, prior = np.zeros_like(anchors), np.zeros_like(prior)
        return self.make(capture.photos[pick], anchors, prior)

    @torch.no_grad()
    def delta(self, puppet: Puppet, position_map: np.ndarray) -> np.ndarray:
        """[14,H,W]"""
        return self.avatar.drive(
            puppet.identity, torch.from_numpy(np.ascontiguousarray(position_map, np.float32))[None]
        )[0].numpy()

    def draw(self, puppet: Puppet, shot: Shot, driven: bool = True) -> np.ndarray:
        """Picture u8 [s,s,3] of the puppet where and as the shot shows its person; `driven` False: moved by skinning
        alone."""
        return self.splat(puppet.static, self.delta(puppet, shot.position_map) if driven else None, shot)

    def oracle(self, capture: Capture, shot: Shot) -> np.ndarray:
        """The true maps, splatted: the most that this atlas can give."""
        return self.splat(capture.static, self.true_delta(capture, shot), shot)

    def true_delta(self, capture: Capture, shot: Shot) -> np.ndarray:
        """The driver's truth at the size of the static map [14,H,W]."""
        factor = capture.static.shape[-1] // shot.delta.shape[-1]
        return shot.delta.repeat(factor, -2).repeat(factor, -1)

    def splat(self, static: np.ndarray, delta: np.ndarray | None, shot: Shot) -> np.ndarray:
        size = len(shot.picture)
        return to_bytes(render_maps(self.head, static, delta, shot.expression, shot.pose, shot.R, shot.t, shot.f, size))
