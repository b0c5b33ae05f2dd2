"""Whisper's encoder against torch's own Transformer layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from pipeline.networks.whisper_encoder import WhisperEncoder, sinusoids

SHAPE = {"bands": 6, "width": 16, "layers": 3, "heads": 4, "positions": 40}


@pytest.fixture
def network() -> WhisperEncoder:
    torch.manual_seed(0)
    made = WhisperEncoder(**SHAPE).eval()
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.4)
    return made


def of_torch(block: nn.Module) -> nn.TransformerEncoderLayer:
    """Return torch's layer with the weights of one of our blocks."""
    made = nn.TransformerEncoderLayer(16, 4, 64, activation="gelu", batch_first=True, norm_first=True)
    own = block.state_dict()
    theirs = {
        "self_attn.in_proj_": "projections.", "self_attn.out_proj.": "attended.", "norm1.": "attention_norm.",
        "norm2.": "dense_norm.", "linear1.": "dense1.", "linear2.": "dense2.",
    }  # fmt: skip
    made.load_state_dict({f"{a}{p}": own[f"{b}{p}"] for a, b in theirs.items() for p in ("weight", "bias")})
    return made.eval()


@pytest.mark.parametrize("frames", [1, 2, 7, 80])
@torch.inference_mode()
def test_it_is_made_of_torchs_layers(network, frames):
    mel = torch.randn(2, 6, frames)
    rows = nn.functional.gelu(network.conv2(nn.functional.gelu(network.conv1(mel)))).transpose(1, 2)
    rows = rows + sinusoids(40, 16)[: rows.shape[1]]
    assert rows.shape == (2, (frames + 1) // 2, 16)
    for number, block in enumerate(network.blocks, 1):
        rows = of_torch(block)(rows)
        network.stop = number
        torch.testing.assert_close(network(mel), rows, rtol=1e-4, atol=1e-4)
    network.stop = None
    found = network(mel)
    torch.testing.assert_close(found, network.norm(rows), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(network.features(mel[0]), found[0], rtol=1e-4, atol=1e-4)


def test_positions_are_sines_of_falling_rates():
    found = sinusoids(100, 8)
    assert found.shape == (100, 8)
    torch.testing.assert_close(found[:, 0], torch.arange(100.0).sin())
    torch.testing.assert_close(found[:, 7], (torch.arange(100.0) / 10_000).cos())
    torch.testing.assert_close(found[:, 1], (torch.arange(100.0) / 10_000 ** (1 / 3)).sin(), rtol=0, atol=1e-5)
