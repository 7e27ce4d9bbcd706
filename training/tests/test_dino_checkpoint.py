"""Checkpoints with the names and shapes of Hugging Face's DINOv2 and DINOv3, made of random numbers.

Where transformers is installed (it is no dependency), its features are compared with ours: equal with version
4.57.1."""

import pytest
import torch

from training.models.dino_checkpoint import load_dino, resized_positions
from training.models.dino_vit import DinoVit

WIDTH, LAYERS, HEADS, GRID = 64, 2, 4, 4


def hugging_face_state(
    version: int, layers: int = LAYERS, registers: int = 4, grid: int = GRID
) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(version)
    new = lambda *shape: 0.3 * torch.randn(shape, generator=generator)
    patch = 14 if version == 2 else 16
    state = {
        "embeddings.cls_token": new(1, 1, WIDTH),
        "embeddings.mask_token": new(*(1, WIDTH) if version == 2 else (1, 1, WIDTH)),
    }
    if registers:
        state["embeddings.register_tokens"] = new(1, registers, WIDTH)
    stem = "embeddings.patch_embeddings.projection" if version == 2 else "embeddings.patch_embeddings"
    state |= {f"{stem}.weight": new(WIDTH, 3, patch, patch), f"{stem}.bias": new(WIDTH)}
    if version == 2:
        state["embeddings.position_embeddings"] = new(1, 1 + grid * grid, WIDTH)
    attention = (
        ("attention.query", "attention.key", "attention.value", "output.dense")
        if version == 2
        else ("q_proj", "k_proj", "v_proj", "o_proj")
    )
    up, down = ("fc1", "fc2") if version == 2 else ("up_proj", "down_proj")
    for i in range(layers):
        layer = f"encoder.layer.{i}" if version == 2 else f"layer.{i}"
        for name in attention:
            state[f"{layer}.attention.{name}.weight"] = new(WIDTH, WIDTH)
            if name != "k_proj":
                state[f"{layer}.attention.{name}.bias"] = new(WIDTH)
        state |= {f"{layer}.mlp.{up}.weight": new(4 * WIDTH, WIDTH), f"{layer}.mlp.{up}.bias": new(4 * WIDTH)}
        state |= {f"{layer}.mlp.{down}.weight": new(WIDTH, 4 * WIDTH), f"{layer}.mlp.{down}.bias": new(WIDTH)}
        for n in (1, 2):
            state |= {
                f"{layer}.norm{n}.weight": 1 + new(WIDTH),
                f"{layer}.norm{n}.bias": new(WIDTH),
                f"{layer}.layer_scale{n}.lambda1": new(WIDTH),
            }
    last = "layernorm" if version == 2 else "norm"
    return state | {f"{last}.weight": 1 + new(WIDTH), f"{last}.bias": new(WIDTH)}


def our_vit(version: int, registers: int = 4, grid: int = GRID) -> DinoVit:
    positions = "learned" if version == 2 else "rotary"
    return DinoVit(WIDTH, LAYERS, HEADS, 14 if version == 2 else 16, grid, (0, 1), positions, registers).eval()


def theirs(version: int, registers: int):
    """The real implementation with the same numbers."""
    transformers = pytest.importorskip("transformers")
    common = dict(
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        image_size=GRID * (14 if version == 2 else 16),
    )
    if version == 3:
        model = transformers.DINOv3ViTModel(
            transformers.DINOv3ViTConfig(intermediate_size=4 * WIDTH, num_register_tokens=registers, **common)
        )
    elif registers:
        model = transformers.Dinov2WithRegistersModel(
            transformers.Dinov2WithRegistersConfig(num_register_tokens=registers, patch_size=14, **common)
        )
    else:
        model = transformers.Dinov2Model(transformers.Dinov2Config(patch_size=14, **common))
    model.load_state_dict(hugging_face_state(version, registers=registers))
    return model.eval()


@pytest.mark.parametrize(("version", "registers"), [(2, 0), (2, 4), (3, 4)])
def test_features_agree_with_transformers(version, registers, tmp_path):
    model = theirs(version, registers)
    torch.save(hugging_face_state(version, registers=registers), tmp_path / "pytorch_model.bin")
    vit = our_vit(version, registers)
    load_dino(vit, tmp_path)
    picture = torch.randn(2, 3, *[GRID * (14 if version == 2 else 16)] * 2)
    with torch.no_grad():
        wanted = model(picture).last_hidden_state[:, 1 + registers :]
        assert (vit(picture)[-1] - wanted).abs().max() < 1e-4


@pytest.mark.parametrize(("version", "registers"), [(2, 0), (2, 4), (3, 4)])
def test_every_weight_is_taken(version, registers, tmp_path):
    """Each number of the checkpoint but the mask token has an influence on the features."""
    state = hugging_face_state(version, registers=registers)
    picture = torch.randn(1, 3, *[GRID * (14 if version == 2 else 16)] * 2, generator=torch.Generator().manual_seed(0))

    def features(weights: dict[str, torch.Tensor]) -> torch.Tensor:
        torch.save(weights, tmp_path / "weights.bin")
        vit = our_vit(version, registers)
        load_dino(vit, tmp_path / "weights.bin")
        with torch.no_grad():
            return torch.cat(vit(picture))

    before = features(state)
    for name in state:
        # a bias shared by all keys does not change attention
        if name != "embeddings.mask_token" and not name.endswith("key.bias"):
            assert (
                features({**state, name: state[name] + 0.5 * torch.randn(state[name].shape)}) - before
            ).abs().max() > 1e-5, name


def test_safetensors(tmp_path):
    save_file = pytest.importorskip("safetensors.torch").save_file
    save_file(hugging_face_state(3), tmp_path / "model.safetensors")
    vit = our_vit(3)
    load_dino(vit, tmp_path)
    assert torch.equal(vit.cls_token, hugging_face_state(3)["embeddings.cls_token"])


def test_other_checkpoints_are_refused(tmp_path):
    torch.save(hugging_face_state(2), tmp_path / "two.bin")
    torch.save(hugging_face_state(3, layers=3), tmp_path / "deep.bin")
    torch.save({"embeddings.cls_token": torch.zeros(1, 1, WIDTH)}, tmp_path / "other.bin")
    with pytest.raises(ValueError, match="DINOv2"):
        load_dino(our_vit(3), tmp_path / "two.bin")
    with pytest.raises(ValueError, match="2 layers"):
        load_dino(our_vit(3), tmp_path / "deep.bin")
    with pytest.raises(ValueError, match="not a DINO checkpoint"):
        load_dino(our_vit(3), tmp_path / "other.bin")
    with pytest.raises(FileNotFoundError, match="safetensors"):
        load_dino(our_vit(3), tmp_path)


def test_learned_positions_are_resized_to_the_token_grid(tmp_path):
    rows = torch.linspace(-1, 1, 8)[:, None].expand(8, 8)
    positions = torch.cat([torch.zeros(1, 1, 1), rows.reshape(1, 64, 1)], dim=1)
    small = resized_positions(positions, 16)
    assert small.shape == (1, 17, 1) and torch.allclose(
        small[0, 1:, 0].reshape(4, 4)[:, 0], small[0, 1:, 0].reshape(4, 4)[:, 3], atol=1e-5
    )
    assert small[0, 1, 0] < small[0, 5, 0] < small[0, 9, 0]
    torch.save(hugging_face_state(2, grid=8), tmp_path / "eight.bin")
    load_dino(our_vit(2), tmp_path / "eight.bin")
