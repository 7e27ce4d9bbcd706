"""Read released fp16 weights back into a trainable model: the committed files are the resume point."""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from ..models.avatar import Avatar
from ..models.blocks import ConvBn

PARTS = ("encoder", "reconstructor_n1", "driver")


def released_state(folder: Path) -> dict[str, Tensor]:
    """All weights of the graphs in `folder`, by state-dict name, fp32."""
    state = {}
    for part in PARTS:
        for tensor in onnx.load(str(folder / f"{part}.onnx")).graph.initializer:
            if tensor.name.endswith(".f16"):
                state[tensor.name.removesuffix(".f16")] = torch.from_numpy(
                    numpy_helper.to_array(tensor).astype(np.float32)
                )
    return state


def load_released(avatar: Avatar, folder: Path, may_lack: bool = False) -> None:
    """Set `avatar` to the released weights. Folded batch norms become identities with the folded bias; then see
    `unfold_batch_norm`.

    Raises KeyError when a weight of the model is missing in the files, and RuntimeError when a shape differs. With
    `may_lack`, weights of layers that the files do not know yet keep their fresh values.
    """
    released = released_state(folder)
    state = avatar.state_dict()
    for name, module in avatar.named_modules():
        if isinstance(module, ConvBn):
            if may_lack and f"{name}.conv.bias" not in released:
                continue
            state[f"{name}.bn.bias"] = released.pop(f"{name}.conv.bias")
            state[f"{name}.bn.weight"] = torch.ones_like(state[f"{name}.bn.bias"])
            state[f"{name}.bn.running_mean"] = torch.zeros_like(state[f"{name}.bn.bias"])
            state[f"{name}.bn.running_var"] = torch.full_like(state[f"{name}.bn.bias"], 1 - module.bn.eps)
    expected = {k for k in state if ".bn." not in k}
    missing = expected - set(released)
    if missing and not may_lack:
        raise KeyError(
            f"{folder} lacks {sorted(missing)[:4]} and {max(0, len(missing) - 4)} more: the config does not match the "
            "files"
        )
    avatar.load_state_dict({**state, **released})


@torch.no_grad()
def unfold_batch_norm(avatar: Avatar, run: callable) -> None:
    """Give every identity norm the statistics that `run()` (a forward pass) produces, without changing the function in
    evaluation mode.

    In evaluation mode a layer's output does not depend on how scale and statistics share the work, so one pass measures
    all layers at once.
    """
    statistics: dict[ConvBn, tuple[Tensor, Tensor]] = {}
    hooks = []
    for module in avatar.modules():
        if isinstance(module, ConvBn):

            def measure(_: nn.Module, __: tuple, output: Tensor, module: ConvBn = module) -> None:
                statistics[module] = output.mean((0, 2, 3)), output.var((0, 2, 3), unbiased=False)

            hooks.append(module.conv.register_forward_hook(measure))
    training = avatar.training
    avatar.eval()
    run()
    avatar.train(training)
    for hook in hooks:
        hook.remove()
    for module, (mean, variance) in statistics.items():
        norm = module.bn
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        norm.bias.add_(scale * (mean - norm.running_mean))
        norm.weight.copy_(scale * (variance + norm.eps).sqrt())
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
