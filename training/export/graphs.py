"""The graphs of one model as modules with the exact inputs and outputs of docs/formats.md, "Networks"."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..models.avatar import Avatar
from ..models.blocks import fold_batch_norm
from ..models.config import ModelConfig


class EncoderGraph(nn.Module):
    def __init__(self, avatar: Avatar):
        super().__init__()
        self.avatar = avatar

    def forward(self, photo: Tensor) -> Tensor:
        """photo [1, 3, S, S] -> tokens [1, L, D]"""
        return self.avatar.encode(photo)


class ReconstructorGraph(nn.Module):
    def __init__(self, avatar: Avatar):
        super().__init__()
        self.avatar = avatar

    def forward(self, tokens: Tensor, photos: Tensor, anchors: Tensor, prior: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """tokens [N, L, D], photos [N, 3, S, S], anchors [N, 3, A, A], prior [1, 4, A, A] -> static map, identity
        features, coordinates"""
        r = self.avatar.reconstruct(tokens[None], photos[None], anchors[None], prior)
        return r.static_map, r.identity_features, r.photo_coordinates[0]


class PaperReconstructorGraph(nn.Module):
    """Without photos' pixels, anchors and prior: equations 2 to 5 and no more."""

    def __init__(self, avatar: Avatar):
        super().__init__()
        self.avatar = avatar

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """tokens [N, L, D] -> static map, identity features"""
        r = self.avatar.reconstruct(tokens[None], None)
        return r.static_map, r.identity_features


class DriverGraph(nn.Module):
    def __init__(self, avatar: Avatar):
        super().__init__()
        self.avatar = avatar

    def forward(self, identity_features: Tensor, position_map: Tensor) -> Tensor:
        """identity features [1, C, h, w], position map [1, 3, P, P] -> delta map [1, 14, H, W]"""
        return self.avatar.drive(identity_features, position_map)


@dataclass(frozen=True)
class GraphSpec:
    name: str  # encoder, reconstructor_n1 .., driver
    part: str  # graphs of one part share one data file
    module: nn.Module
    inputs: dict[str, tuple[int, ...]]
    outputs: tuple[str, ...]


def release_copy(avatar: Avatar) -> Avatar:
    """A copy for release: evaluation mode, batch norm folded, every weight rounded to fp16 and kept in fp32."""
    released = fold_batch_norm(copy.deepcopy(avatar).eval()).requires_grad_(False)
    for module in released.modules():
        # Tables that checkpoints leave out belong into the data file.
        for name in list(module._non_persistent_buffers_set):
            if module._buffers[name].is_floating_point():
                module._non_persistent_buffers_set.discard(name)
    for tensor in released.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(tensor.half().float())
    return released


def graph_specs(avatar: Avatar) -> list[GraphSpec]:
    """All graphs of a released model. The driver's feature shape is read from a dry run, not assumed."""
    config: ModelConfig = avatar.config
    photo, anchor = config.encoder.photo_size, config.anchor_size
    tokens = (config.encoder.token_grid**2, config.encoder.dim)
    with torch.no_grad():
        zeros = (torch.zeros(1, 1, *tokens), torch.zeros(1, 1, 3, photo, photo))
        hints = (torch.zeros(1, 1, 3, anchor, anchor), torch.zeros(1, 4, anchor, anchor)) if anchor else ()
        dry = avatar.reconstruct(*zeros, *hints)
    specs = [GraphSpec("encoder", "encoder", EncoderGraph(avatar), {"photo": (1, 3, photo, photo)}, ("tokens",))]
    for n in range(1, config.max_photos + 1):
        if not anchor:
            module, outputs = PaperReconstructorGraph(avatar), ("static_map", "identity_features")
            specs.append(GraphSpec(f"reconstructor_n{n}", "reconstructor", module, {"tokens": (n, *tokens)}, outputs))
            continue
        inputs = {"tokens": (n, *tokens), "photos": (n, 3, photo, photo)}
        inputs |= {"anchors": (n, 3, anchor, anchor), "prior": (1, 4, anchor, anchor)}
        outputs = ("static_map", "identity_features", "photo_coordinates")
        specs.append(GraphSpec(f"reconstructor_n{n}", "reconstructor", ReconstructorGraph(avatar), inputs, outputs))
    size = config.position_map_size
    inputs = {"identity_features": tuple(dry.identity_features.shape), "position_map": (1, 3, size, size)}
    specs.append(GraphSpec("driver", "driver", DriverGraph(avatar), inputs, ("delta_map",)))
    return specs
