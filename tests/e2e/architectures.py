"""Transformers as PyTorch's exporters write them, with weights from a seed."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers


@dataclass(frozen=True)
class Architecture:
    """A network, what it is fed (2 of everything, each feed by name), and the exporters that can write it."""

    make: Callable[[int], torch.nn.Module]
    feeds: Callable[[int, int], dict[str, torch.Tensor]]
    exporters: tuple[str, ...] = ("dynamo", "script")


VOCABULARY = 100


def _sizes(width: int) -> dict[str, Any]:
    layers = 2 if width < 256 else 4
    return {"hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": 4, "intermediate_size": 2 * width}


def _tokens(batch: int, length: int) -> torch.Tensor:
    return torch.randint(0, VOCABULARY, (batch, length))


def _text(batch: int, length: int) -> dict[str, torch.Tensor]:
    mask = torch.ones((batch, length), dtype=torch.int64)
    mask[0, length - 2 :] = 0
    return {"input_ids": _tokens(batch, length), "attention_mask": mask}


def _bert(width: int) -> torch.nn.Module:
    config = transformers.BertConfig(vocab_size=VOCABULARY, max_position_embeddings=256, **_sizes(width))
    return transformers.BertModel(config)


def _gpt2(width: int) -> torch.nn.Module:
    layers = _sizes(width)["num_hidden_layers"]
    config = transformers.GPT2Config(vocab_size=VOCABULARY, n_positions=256, n_embd=width, n_layer=layers, n_head=4)
    return transformers.GPT2LMHeadModel(config)


def _llama(width: int) -> torch.nn.Module:
    config = transformers.LlamaConfig(
        vocab_size=VOCABULARY, max_position_embeddings=256, num_key_value_heads=2, **_sizes(width)
    )
    return transformers.LlamaForCausalLM(config)


def _t5(width: int) -> torch.nn.Module:
    layers = _sizes(width)["num_hidden_layers"]
    config = transformers.T5Config(
        vocab_size=VOCABULARY, d_model=width, d_kv=width // 4, d_ff=2 * width, num_layers=layers, num_heads=4
    )
    return transformers.T5ForConditionalGeneration(config)


def _vit(width: int) -> torch.nn.Module:
    return transformers.ViTModel(transformers.ViTConfig(image_size=32, patch_size=8, **_sizes(width)))


def _whisper(width: int) -> torch.nn.Module:
    layers = _sizes(width)["num_hidden_layers"]
    config = transformers.WhisperConfig(
        vocab_size=VOCABULARY, d_model=width, encoder_layers=layers, decoder_layers=layers, encoder_attention_heads=4,
        decoder_attention_heads=4, encoder_ffn_dim=2 * width, decoder_ffn_dim=2 * width, num_mel_bins=16, max_source_positions=30,
        max_target_positions=256, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1,
    )  # fmt: skip
    return transformers.WhisperForConditionalGeneration(config)


ARCHITECTURES = {
    "bert": Architecture(_bert, _text),
    "gpt2": Architecture(_gpt2, _text),
    "llama": Architecture(_llama, _text),
    "t5": Architecture(_t5, lambda b, n: {**_text(b, n), "decoder_input_ids": _tokens(b, n - 2)}, ("script",)),
    "vit": Architecture(_vit, lambda b, n: {"pixel_values": torch.randn(b, 3, 32, 32)}),
    "whisper": Architecture(
        _whisper,
        lambda b, n: {"input_features": torch.randn(b, 16, 60), "decoder_input_ids": _tokens(b, n)},
        ("dynamo",),
    ),
}
"""PyTorch 2.13's dynamo exporter can't write T5 (it doesn't decompose a view of a transposed tensor), its older one not Whisper (it
has no aten::diff).
"""


class _Positional(torch.nn.Module):
    """The network with its feeds by position and its first output alone, as exporters want it."""

    def __init__(self, network: torch.nn.Module, names: list[str]) -> None:
        super().__init__()
        self.network, self.names = network, names

    def forward(self, *feeds: torch.Tensor) -> torch.Tensor:
        cache = {"use_cache": False} if hasattr(self.network.config, "use_cache") else {}
        return self.network(**dict(zip(self.names, feeds, strict=True)), return_dict=True, **cache)[0]


def _unsettled(network: torch.nn.Module) -> torch.nn.Module:
    """Vectors away from the zeros and ones that they start as: a bias that is lost shows, and none is left out as trained ones can't be."""
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() == 1:
                parameter.add_(0.1 * torch.randn_like(parameter))
    return network


@dataclass(frozen=True)
class Export:
    """An ONNX file, feeds for it, and what PyTorch makes of them; the same with other sizes of what is dynamic."""

    path: Path
    feeds: dict[str, np.ndarray]
    expected: np.ndarray
    other_feeds: dict[str, np.ndarray]
    other_expected: np.ndarray


def export(name: str, exporter: str, folder: Path, *, width: int = 64, batch: int = 2, length: int = 7) -> Export:
    """Write the architecture ``name``; the batch and the lengths of texts are dynamic."""
    architecture = ARCHITECTURES[name]
    torch.manual_seed(0)
    network = _unsettled(architecture.make(width)).eval()
    feeds = architecture.feeds(batch, length)
    model = _Positional(network, list(feeds)).eval()
    path = folder / f"{name}-{exporter}.onnx"
    tensors = tuple(feeds.values())
    dynamic = [
        {0: "batch", 1: "out_length" if "decoder" in key else "length"} if value.dtype == torch.int64 else {0: "batch"}
        for key, value in feeds.items()
    ]
    names: dict[str, Any] = {"input_names": list(feeds), "output_names": ["y"]}
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if exporter == "dynamo":
                shapes = {"feeds": tuple(dynamic)}
                torch.onnx.export(model, tensors, dynamo=True, dynamic_shapes=shapes, verbose=False, **names).save(path)
            else:
                axes = dict(zip(feeds, dynamic, strict=True))
                torch.onnx.export(model, tensors, path, dynamo=False, dynamic_axes=axes, opset_version=17, **names)
    finally:
        logging.disable(logging.NOTSET)
    others = architecture.feeds(batch + 1, length + 4)
    with torch.no_grad():
        expected, other = model(*tensors).numpy(), model(*others.values()).numpy()
    arrays = [{key: value.numpy() for key, value in each.items()} for each in (feeds, others)]
    return Export(path, arrays[0], expected, arrays[1], other)
