"""The paper's equations stand by themselves, and say what they say."""

import ast
import math
import re
from pathlib import Path

import pytest
import torch

from training.models import paper
from training.models.avatar import Avatar, build_decoder
from training.models.config import DecoderConfig, ModelConfig

SOURCE = Path(paper.__file__)


def test_the_paper_imports_nothing_of_ours():
    imported = {node.module for node in ast.walk(ast.parse(SOURCE.read_text())) if isinstance(node, ast.ImportFrom)}
    assert imported == {"pathlib", "torch", "torch.nn", "blocks", "config", "dino_vit", "dino_checkpoint"}


def test_the_index_leads_from_every_equation_to_its_code():
    found = dict(re.findall(r"\((\d)\) +([A-Za-z_]+(?:\.\w+)?)", paper.__doc__))
    assert sorted(found) == list("123456789")
    for name in found.values():
        owner, _, part = name.partition(".")
        assert hasattr(getattr(paper, owner), part or "__doc__"), name


def test_fusion_is_self_attention_then_what_the_head_query_tokens_find():
    """Equations 2 to 4 one by one give what the module gives; photos only through the tokens."""
    torch.manual_seed(0)
    fusion = paper.Fusion(dim=16, heads=2, mlp_ratio=2, self_layers=1, cross_layers=2, query_grid=3).eval()
    tokens = torch.rand(2, 3, 4, 16)
    aggregated = fusion.self_attention(tokens.flatten(1, 2))
    found = fusion.cross_attention(fusion.head_query_tokens.expand(2, -1, -1), aggregated)
    assert aggregated.shape == (2, 12, 16) and found.shape == (2, 9, 16)
    features, by_photo = fusion(tokens)
    assert torch.equal(by_photo.flatten(1, 2), aggregated)
    assert torch.equal(features.flatten(2).transpose(1, 2), fusion.norm(found))
    assert "queries" in dict(fusion.named_parameters()), "files of weights know the head query tokens by this name"


def test_the_driver_reads_identity_and_position_map_side_by_side():
    identity, position = torch.rand(1, 4, 16, 16), torch.rand(1, 3, 16, 16)
    joined = paper.driver_input(identity, position)
    assert torch.equal(joined[:, :4], identity) and torch.equal(joined[:, 4:], position)
    unet = paper.UNet(4, (4, 4, 4, 4, 4)).eval()
    torch.nn.init.normal_(unet.out.weight)
    assert unet(identity, position).shape == (1, 14, 16, 16)
    assert (unet(identity, position) - unet(identity, position + 1)).abs().max() > 1e-3


def test_a_delta_changes_only_what_the_dynamic_mask_marks():
    static, delta = torch.full((2, 14), 1.0), torch.full((2, 14), 0.25)
    moved = paper.dynamic_gaussians(static, delta, torch.tensor([[1.0], [0.0]]))
    assert (moved[0] == 1.25).all() and (moved[1] == 1).all()


def test_skinning_moves_positions_and_rotations():
    """A quarter turn about z and 1 m along x: x becomes y."""
    c, s = math.cos(math.pi / 2), math.sin(math.pi / 2)
    quarter = torch.tensor([[[c, -s, 0], [s, c, 0], [0, 0, 1]]])
    at, turned = paper.linear_blend_skinning(
        torch.tensor([[2.0, 0, 0]]), torch.eye(3)[None], quarter, torch.tensor([[1.0, 0, 0]]), quarter
    )
    assert torch.allclose(at, torch.tensor([[1.0, 2.0, 0]]), atol=1e-6)
    assert torch.allclose(turned, quarter)


def test_only_the_paper_model_is_made_of_the_papers_decoder_and_driver():
    with torch.device("meta"):
        avatars = {name: Avatar(ModelConfig.load(name)) for name in ("paper-400", "nano-128", "web-256")}
    for name, avatar in avatars.items():
        assert (
            isinstance(avatar.decoder, paper.Decoder) == isinstance(avatar.driver, paper.UNet) == (name == "paper-400")
        )
    with pytest.raises(ValueError, match="two towers"):
        build_decoder(DecoderConfig(two_towers=True))
