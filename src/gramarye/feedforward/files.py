"""A trained network's file: safetensors, whose metadata say what shape it has."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save

from gramarye.errors import LayerError
from gramarye.feedforward.metadata import (
    FORMAT,
    KEY,
    not_a_painter,
    painter_path,
    painter_sha256,
    read_metadata,
)
from gramarye.feedforward.network import Painter
from gramarye.feedforward.settings import PainterConfig, StepConfig
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.weights_file import WeightsFile, open_weights, state_of
from gramarye.units import show_text

__all__ = [
    "FORMAT",
    "KEY",
    "load_painter",
    "make_painter",
    "packed",
    "painter_path",
    "painter_sha256",
    "read_metadata",
]


def packed(painter: Painter, steps: int, styles: Sequence[str] = ()) -> bytes:
    """The content of a painter's file, its numbers in float16."""
    tensors = {k: v.half().contiguous() for k, v in painter.state_dict().items()}
    config = painter.config.model_dump(mode="json")
    about: dict[str, object] = {"format": FORMAT, "network": config, "steps": steps}
    if styles:
        about["styles"] = list(styles)
    return save(tensors, {KEY: json.dumps(about)})


def make_painter(config: PainterConfig, network: PerceptualNetwork) -> Painter:
    """An untrained painter that sees by a perceptual network."""
    layers = {*config.coarse.layers, *config.fine.layers}
    return Painter(config, {layer: network.geometry(layer).channels for layer in layers})


def load_painter(source: str | Path, network: PerceptualNetwork) -> Painter:
    """The painter in a file, or the one that comes with gramarye ("instant"), in float32.

    WeightsError says what is wrong with a file.
    """
    file = open_weights(painter_path(source))
    config = read_metadata(file).network
    for step in (config.coarse, config.fine):
        check_layers(file, step, network)
    with torch.device("meta"):
        painter = make_painter(config, network)
    painter.load_state_dict(state_of(file, painter, partial(not_a_painter, file)), assign=True)
    painter.requires_grad_(False)
    painter.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return painter.eval()


def check_layers(file: WeightsFile, step: StepConfig, network: PerceptualNetwork) -> None:
    """Raise WeightsError for layers of which not each has twice the size of the last."""
    try:
        strides = [network.geometry(layer).stride for layer in step.layers]
    except LayerError as error:
        raise not_a_painter(file, f"in its metadata, {show_text(str(error))}") from error
    if strides != [2**power for power in reversed(range(len(strides)))]:
        raise not_a_painter(
            file,
            "in its metadata, the layers of a step are not each of twice the size of the last, "
            "up to the picture's own",
        )
