"""The file of a trained Johnson network, and whichever trained network a file holds."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save

from gramarye.feedforward.files import load_painter
from gramarye.feedforward.metadata import KEY
from gramarye.feedforward.network import Painter
from gramarye.feedforward.settings import OPTIMIZER, SHIPPED
from gramarye.files import user_path
from gramarye.johnson.metadata import (
    FORMAT,
    STYLES,
    JohnsonMetadata,
    is_johnson,
    metadata_of,
    unreadable,
)
from gramarye.johnson.network import Johnson
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.weights_file import WeightsFile, open_weights, state_of

__all__ = [
    "FORMAT",
    "STYLES",
    "JohnsonMetadata",
    "is_johnson",
    "load_johnson",
    "load_trained",
    "metadata_of",
    "packed_johnson",
    "read_johnson",
]


def packed_johnson(network: Johnson, styles: tuple[str, ...], steps: int) -> bytes:
    """The content of a Johnson network's file: kernels in float16, all else in float32."""
    tensors = {
        name: (value.half() if value.ndim == 4 else value.float()).contiguous()
        for name, value in network.state_dict().items()
    }
    about = {
        "format": FORMAT,
        "network": network.config.model_dump(mode="json"),
        "styles": styles,
        "steps": steps,
    }
    return save(tensors, {KEY: json.dumps(about)})


def read_johnson(path: Path) -> JohnsonMetadata | None:
    """What a Johnson network's file says of itself; None for another file, or none.

    WeightsError for one that cannot be read at all.
    """
    if str(path) in (SHIPPED, OPTIMIZER):
        return None
    file = open_weights(user_path(path))
    return metadata_of(file) if is_johnson(file) else None


def load_trained(source: str | Path, network: PerceptualNetwork) -> Painter | Johnson:
    """The network in a file that gramarye has trained, or the one that comes with it ("instant").

    `network` is what a Painter sees by. WeightsError says what is wrong with a file.
    """
    if str(source) == SHIPPED:
        return load_painter(SHIPPED, network)
    path = user_path(source)
    file = open_weights(path)
    return load_johnson(file) if is_johnson(file) else load_painter(path, network)


def load_johnson(file: WeightsFile) -> Johnson:
    about = metadata_of(file)
    with torch.device("meta"):
        made = Johnson(about.network, len(about.styles))
    found = state_of(file, made, partial(unreadable, file))
    made.load_state_dict(found, assign=True)
    made.requires_grad_(False)
    made.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return made.eval()
