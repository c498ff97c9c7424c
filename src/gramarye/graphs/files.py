"""Networks' files read into arrays; no PyTorch here.

A file in which anything is unusual is left to PyTorch's readers (`networks.weights_file`), which
know what to say of it: there is one sentence for one mistake.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from safetensors import SafetensorError, safe_open

from gramarye.errors import WeightsError
from gramarye.feedforward.metadata import painter_path, read_metadata
from gramarye.graphs.layers import PADS, POOLS, Seer, Tensors
from gramarye.graphs.painting import Network
from gramarye.networks.cache import weights_path
from gramarye.networks.catalog import find_network
from gramarye.networks.settings import NetworkSettings

DAMAGE = (SafetensorError, OSError, ValueError, TypeError, KeyError, RuntimeError)


@final
@dataclass(frozen=True)
class ArraysFile:
    """A safetensors file's arrays in float32, and its metadata."""

    path: Path
    tensors: Tensors
    metadata: Mapping[str, str]


def open_arrays(path: Path, last: str = "") -> ArraysFile | None:
    """A file's arrays; None for anything but sound safetensors of float16 and float32.

    Where there is a `last` layer, those of the network behind it, and its heads, are not read.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = dict(file.metadata() or {})
            tensors = {
                name: file.get_tensor(name) for name in list(file.keys()) if not behind(name, last)
            }
    except DAMAGE:
        return None
    if any(tensor.dtype not in (np.float16, np.float32) for tensor in tensors.values()):
        return None
    tensors = {name: tensor.astype(np.float32) for name, tensor in tensors.items()}
    if not all(np.isfinite(tensor).all() for tensor in tensors.values()):
        return None
    return ArraysFile(path, tensors, metadata)


def behind(name: str, last: str) -> bool:
    return bool(last) and (name.startswith("head.") or name.partition(".")[0] > last)


def open_network(painter: str | Path) -> Network | None:
    """A painter with what it sees by; None where its graphs cannot be made of its file."""
    file, seer = open_arrays(painter_path(painter)), open_seer()
    if file is None or seer is None:
        return None
    try:
        config = read_metadata(file).network
    except WeightsError:
        return None
    known = {step.replace("conv", "relu") for step in seer.steps()}
    network = Network(config, file.tensors, seer)
    for part in dict.fromkeys(config.parts):
        if not set(network.shape(part).layers) <= known or not is_step(network, part):
            return None
    return network


def open_seer() -> Seer | None:
    file = open_arrays(weights_path(find_network(NetworkSettings().name)), "conv4_4")
    if file is None:
        return None
    padding, pooling = (file.metadata.get(key, "") for key in ("padding", "pooling"))
    if padding not in PADS or pooling not in POOLS:
        return None
    return Seer(file.tensors, padding, pooling)


def is_step(network: Network, part: int) -> bool:
    """Whether a step has all of its tensors, in their shapes, from deep layers to shallow ones."""
    config, tensors, start = network.step_config(part), network.painter, network.shape(part).start
    if [layer[4] for layer in config.layers] != [
        str(block) for block in range(len(config.layers), 0, -1)
    ]:
        return False  # not each of twice the size of the last
    wanted: dict[str, tuple[int, ...]] = {}
    before = 0
    for layer, width, blocks in zip(config.layers, config.widths, config.blocks, strict=True):
        given = network.seer.channels(layer)
        for part_of in ("here", "wanted"):
            wanted[f"{part_of}.{layer}.weight"] = (width, given, 1, 1)
        if before:
            wanted[f"rise.{layer}.weight"] = (width, before, 1, 1)
        for block in range(blocks):
            for turn in ("first", "last"):
                wanted[f"blocks.{layer}.{block}.{turn}.weight"] = (width, width, 3, 3)
        before = width
    wanted["finish.weight"] = (3, before, 3, 3)
    wanted |= {name.replace(".weight", ".bias"): shape[:1] for name, shape in wanted.items()}
    return all(
        start + name in tensors and tensors[start + name].shape == shape
        for name, shape in wanted.items()
    )
