"""The shipped network as one that can be trained further: `load_shipped`. Its batch norms were folded away when it was
written; they come back with the statistics of the pictures that training draws."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from .network import ClassNetwork, Config
from .person import ASSET

PREFIX = "network."  # what the exported module has before the names of ours


def stored_parameters(path: Path) -> dict[str, Tensor]:
    """f32 by the names of the folded network, as `export.to_bytes` left them: bytes with scales, halves or singles."""
    arrays = {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
    out = {}
    for name, values in arrays.items():
        if not name.startswith(PREFIX) or name.endswith("_scale"):
            continue
        own = name.removeprefix(PREFIX)
        if own.endswith("_bytes"):
            own = own.removesuffix("_bytes")
            values = values.astype(np.float32) * arrays[f"{PREFIX}{own}_scale"]
        out[own.removesuffix("_half")] = torch.from_numpy(np.array(values, np.float32))
    return out


def pairs(network: nn.Module) -> list[tuple[str, nn.Conv2d, nn.BatchNorm2d]]:
    """Every convolution that has a batch norm behind it, with its name."""
    return [
        (f"{name}.{k}", module[k], module[k + 1])
        for name, module in network.named_modules()
        if isinstance(module, nn.Sequential)
        for k in range(len(module) - 1)
        if isinstance(module[k], nn.Conv2d) and isinstance(module[k + 1], nn.BatchNorm2d)
    ]


@torch.no_grad()
def widened(network: ClassNetwork, config: Config) -> ClassNetwork:
    """A network with more channels per level that answers as `network` does: what its old channels take from the new
    ones has weight zero, the new ones take from all."""
    wide = ClassNetwork(config)
    if network.config.detail != config.detail:
        raise ValueError("the channels at the picture's own size are joined side by side and cannot be widened")
    old = network.state_dict()
    for name, values in wide.state_dict().items():
        part = tuple(slice(n) for n in old[name].shape)
        if values.ndim == 4 and values.shape[1] > old[name].shape[1]:
            values[: old[name].shape[0]] = 0
        values[part] = old[name]
    return wide.eval()


@torch.no_grad()
def load_shipped(images: Iterable[Tensor], path: Path = ASSET) -> ClassNetwork:
    """`images` f32 [B,3,S,S] 0..1, some batches: what the statistics are taken from. In evaluation the network answers
    as the file does."""
    network, stored = ClassNetwork().eval(), stored_parameters(path)
    normed = pairs(network)
    for name, conv, norm in normed:
        conv.weight.copy_(stored.pop(f"{name}.weight"))
        norm.running_mean.zero_(), norm.running_var.fill_(1 - norm.eps), norm.weight.fill_(1)
        norm.bias.copy_(stored.pop(f"{name}.bias"))
    network.load_state_dict({**network.state_dict(), **stored})
    sums = {name: torch.zeros(3, norm.num_features, dtype=torch.float64) for name, _, norm in normed}

    def count(name: str):
        def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            x = inputs[0].double()
            sums[name] += torch.stack([torch.ones_like(x[0, :, 0, 0]), x.mean((0, 2, 3)), x.square().mean((0, 2, 3))])

        return hook

    hooks = [norm.register_forward_pre_hook(count(name)) for name, _, norm in normed]
    for image in images:
        network(image)
    for hook in hooks:
        hook.remove()
    for name, _, norm in normed:
        batches, mean, square = sums[name]
        mean, square = mean / batches, square / batches
        spread = (square - mean.square()).clamp(min=1e-6)
        norm.running_mean.copy_(mean), norm.running_var.copy_(spread)
        norm.bias.add_(mean), norm.weight.copy_((spread + norm.eps).sqrt())
    return network
