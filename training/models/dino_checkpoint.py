"""Loads a user's own DINOv2 or DINOv3 weights (Hugging Face layout: model.safetensors or pytorch_model.bin) into
`DinoVit`.

No weights are fetched: DINOv3's licence asks each user to agree to it."""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from .dino_vit import DinoVit

FILES = ("model.safetensors", "pytorch_model.bin")
DINO_V2 = {"query": "attention.attention.query", "key": "attention.attention.key", "value": "attention.attention.value"}
DINO_V2 |= {"proj": "attention.output.dense", "fc1": "mlp.fc1", "fc2": "mlp.fc2"}
DINO_V3 = {"query": "attention.q_proj", "key": "attention.k_proj", "value": "attention.v_proj"}
DINO_V3 |= {"proj": "attention.o_proj", "fc1": "mlp.up_proj", "fc2": "mlp.down_proj"}


def load_dino(vit: DinoVit, path: Path) -> None:
    """Raises FileNotFoundError, or ValueError when the checkpoint is of another family or size than `vit`."""
    given = read_checkpoint(path)
    try:
        state = renamed(given, len(vit.blocks), vit.position_embed is not None)
    except KeyError as missing:
        raise ValueError(
            f"{path} is not a DINO checkpoint of {len(vit.blocks)} layers: it has no {missing}"
        ) from missing
    if vit.position_embed is not None:
        state["position_embed"] = resized_positions(state["position_embed"], vit.position_embed.shape[1] - 1)
    wrong = [f"{k} {tuple(v.shape)}" for k, v in state.items() if v.shape != vit.state_dict()[k].shape]
    if wrong:
        raise ValueError(f"{path} does not fit the configured ViT: {', '.join(wrong[:4])}")
    vit.load_state_dict(state)


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """State dict of a file, or of the known file in a folder."""
    if path.is_dir():
        file = next((path / name for name in FILES if (path / name).exists()), None)
        if file is None:
            raise FileNotFoundError(f"{path} has none of {', '.join(FILES)}")
        path = file
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    return torch.load(path, weights_only=True, map_location="cpu")


def renamed(given: dict[str, Tensor], layers: int, learned_positions: bool) -> dict[str, Tensor]:
    """Their names to ours. Raises KeyError for the first name that is missing."""
    given = {name.removeprefix("model."): value.float() for name, value in given.items()}
    v2 = "embeddings.patch_embeddings.projection.weight" in given
    if v2 != learned_positions:
        raise KeyError("embeddings.position_embeddings" if learned_positions else "rotary positions (it is DINOv2)")
    names, prefix, patch = (DINO_V2, "encoder.layer", "projection.") if v2 else (DINO_V3, "layer", "")
    width = given["embeddings.cls_token"].shape[-1]
    state = {
        "patch_embed.weight": given[f"embeddings.patch_embeddings.{patch}weight"],
        "patch_embed.bias": given[f"embeddings.patch_embeddings.{patch}bias"],
        "cls_token": given["embeddings.cls_token"],
        "register_tokens": given.get("embeddings.register_tokens", torch.zeros(1, 0, width)),
        "norm.weight": given["layernorm.weight" if v2 else "norm.weight"],
        "norm.bias": given["layernorm.bias" if v2 else "norm.bias"],
    }
    if v2:
        state["position_embed"] = given["embeddings.position_embeddings"]
    if f"{prefix}.{layers}.norm1.weight" in given:
        raise KeyError(f"end after {layers} layers")
    for i in range(layers):
        theirs = f"{prefix}.{i}."
        for part in ("weight", "bias"):
            # DINOv3's keys have no bias
            qkv = [
                given.get(f"{theirs}{names['key']}.bias", torch.zeros(width))
                if (part, n) == ("bias", "key")
                else given[f"{theirs}{names[n]}.{part}"]
                for n in ("query", "key", "value")
            ]
            state[f"blocks.{i}.qkv.{part}"] = torch.cat(qkv)
            for name in ("proj", "fc1", "fc2"):
                state[f"blocks.{i}.{name}.{part}"] = given[f"{theirs}{names[name]}.{part}"]
            for name in ("norm1", "norm2"):
                state[f"blocks.{i}.{name}.{part}"] = given[f"{theirs}{name}.{part}"]
        for n in (1, 2):
            state[f"blocks.{i}.scale{n}"] = given[f"{theirs}layer_scale{n}.lambda1"]
    return state


def resized_positions(positions: Tensor, patches: int) -> Tensor:
    """Learned positions [1, 1 + g², d] of a square grid -> [1, 1 + patches, d], bicubic; the class token's stay."""
    grid, wanted = int((positions.shape[1] - 1) ** 0.5), int(patches**0.5)
    if grid == wanted:
        return positions
    table = positions[:, 1:].reshape(1, grid, grid, -1).permute(0, 3, 1, 2)
    table = F.interpolate(table, size=(wanted, wanted), mode="bicubic", antialias=True, align_corners=False)
    return torch.cat([positions[:, :1], table.permute(0, 2, 3, 1).reshape(1, patches, -1)], dim=1)
