"""A perceptual network by its name: defined, truncated, filled with its published weights."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, cast

import torch

from gramarye.errors import WeightsError
from gramarye.files import file_sha256
from gramarye.networks import download
from gramarye.networks.alexnet import alexnet_steps
from gramarye.networks.catalog import ALIASES, NETWORKS, NetworkInfo, find_network
from gramarye.networks.features import Padding, PerceptualNetwork, Pooling, Step
from gramarye.networks.googlenet import googlenet_steps
from gramarye.networks.layers import VGG16_BLOCKS, VGG19_BLOCKS
from gramarye.networks.normalization import normalize_to_unit_activation, sample_images
from gramarye.networks.squeezenet import squeezenet_steps
from gramarye.networks.vgg import vgg_steps
from gramarye.networks.weights import (
    SafetensorsState,
    State,
    damage_reported,
    existing,
    fill,
    open_weights,
)

__all__ = ["ALIASES", "NETWORKS", "NetworkInfo", "find_network", "load_lite", "load_network"]


IMAGENET = PerceptualNetwork  # by default a network reads what torchvision's do
CAFFE = partial(
    PerceptualNetwork, mean=(103.939, 116.779, 123.68), std=(1, 1, 1), scale=255, bgr=True
)
TENSORFLOW = partial(PerceptualNetwork, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))  # [-1, 1]
AS_IT_IS = partial(PerceptualNetwork, mean=(0, 0, 0), std=(1, 1, 1))

# The steps of each network, and the numbers it was trained on.
DEFINITIONS: dict[
    str, tuple[Callable[[Pooling, Padding], list[Step]], Callable[..., PerceptualNetwork]]
] = {
    "vgg19": (partial(vgg_steps, VGG19_BLOCKS), IMAGENET),
    "vgg19-caffe": (partial(vgg_steps, VGG19_BLOCKS), CAFFE),
    "vgg16": (partial(vgg_steps, VGG16_BLOCKS), IMAGENET),
    "alexnet": (alexnet_steps, IMAGENET),
    "googlenet": (googlenet_steps, TENSORFLOW),
    "squeezenet1_0": (partial(squeezenet_steps, "1.0"), IMAGENET),
    "squeezenet1_1": (partial(squeezenet_steps, "1.1"), IMAGENET),
}


def load_network(
    name: str,
    *,
    weights: str | Path | None = None,
    layers: Iterable[str] | None = None,
    pooling: Pooling | Literal["default"] = "default",
    padding: Padding | Literal["default"] = "default",
    normalize_weights: bool = False,
    fetch: Callable[[NetworkInfo], Path] = download.fetch,
) -> PerceptualNetwork:
    """A network with its weights, no deeper than the deepest of `layers` (all, if None).

    `weights` names a local file; without it the published one is used, and `fetch` brings it if it
    is not in the cache. By default a network pools and pads as it was trained: max and zeros,
    except vgg19-lite, whose file says. `normalize_weights` rescales it to unit mean activation.
    Unknown names raise before anything is read or downloaded.
    """
    info = find_network(name)
    wanted = None if layers is None else tuple(layers)
    if info.embedded:
        path = download.weights_path(info) if weights is None else Path(weights).expanduser()
        network = load_lite(path, layers=wanted, pooling=pooling, padding=padding)
    else:
        network = define(
            info.name,
            "max" if pooling == "default" else pooling,
            "zeros" if padding == "default" else padding,
        )
        published = network.steps
        if wanted is not None:
            network.truncate(wanted)
        if weights is None:
            path = fetch(info)
            network.weights_sha256 = download.check_sha256(info, path)
        else:
            path = existing(Path(weights).expanduser())
            network.weights_sha256 = checked_owner(info, path)
        with damage_reported(path):
            fill(network, open_weights(path), path, published)
    if normalize_weights:
        normalize_to_unit_activation(network, sample_images())
    return network


def define(name: str, pooling: Pooling, padding: Padding) -> PerceptualNetwork:
    """A network without weights: its parameters have shapes only, on the device "meta"."""
    build, network = DEFINITIONS[name]
    with torch.device("meta"):  # no memory, no random numbers
        return network(name, build(pooling, padding))


def load_lite(
    path: Path,
    *,
    layers: Sequence[str] | None = None,
    pooling: Pooling | Literal["default"] = "default",
    padding: Padding | Literal["default"] = "default",
) -> PerceptualNetwork:
    """A distilled VGG-19 from its safetensors file.

    Tensors: `conv1_1.weight` ... `conv5_1.bias`, whose shapes say how wide it is, and per style
    layer its metric head, `head.relu1_1` (C + 1, C + 1). Metadata: `padding`, `pooling`, and
    `head_widths`, the channels each head's layer has in VGG-19 (JSON). The first convolution reads
    sRGB in [0, 1] as it is.
    """
    state = open_weights(path)
    metadata = state.metadata if isinstance(state, SafetensorsState) else {}
    if not {"padding", "pooling"} <= metadata.keys():
        raise WeightsError(
            f"{path} is not made for vgg19-lite: it should be a safetensors file whose metadata "
            "names padding and pooling; name the network it belongs to, or another file"
        )
    padding = cast(Padding, metadata["padding"]) if padding == "default" else padding
    pooling = cast(Pooling, metadata["pooling"]) if pooling == "default" else pooling
    with torch.device("meta"):
        steps = vgg_steps(block_widths(state), pooling, padding)[:-1]
        network = AS_IT_IS("vgg19-lite", steps)
    published = network.steps
    if layers is not None:
        network.truncate(layers)
    with damage_reported(path):
        fill(network, state, path, published)
        heads = {
            layer: state[f"head.{layer}"] for layer in network.layers if f"head.{layer}" in state
        }
    network.heads = {layer: head.float() for layer, head in heads.items()}
    widths: dict[str, int] = json.loads(metadata.get("head_widths", "{}"))
    network.widths = {layer: widths[layer] for layer in heads if layer in widths}
    network.weights_sha256 = file_sha256(path)
    return network


def block_widths(state: State) -> list[list[int]]:
    """The channels of the convolutions conv1_1, conv1_2, ..., conv2_1, ... a file holds."""
    blocks: list[list[int]] = []
    while f"conv{len(blocks) + 1}_1.weight" in state:
        block = len(blocks) + 1
        keys = (f"conv{block}_{depth}.weight" for depth in itertools.count(1))
        blocks.append([len(state[key]) for key in itertools.takewhile(state.__contains__, keys)])
    return blocks


def checked_owner(info: NetworkInfo, path: Path) -> str:
    """The SHA-256 of a local file; WeightsError if it is known as another network's."""
    found = file_sha256(path)
    for other in NETWORKS.values():
        if other.sha256 and found.startswith(other.sha256) and other.name != info.name:
            raise WeightsError(f"{path} holds the weights of {other.name}, not of {info.name}")
    return found
