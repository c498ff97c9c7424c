"""A perceptual network by its name: defined, truncated, filled with its published weights."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import torch
from pydantic import BaseModel, Json, PositiveInt, ValidationError
from torch import Tensor

from gramarye.errors import SettingsError, WeightsError
from gramarye.files import file_sha256, user_path
from gramarye.networks import download
from gramarye.networks.alexnet import alexnet_steps
from gramarye.networks.cache import check_sha256, weights_path
from gramarye.networks.catalog import NETWORKS, NetworkInfo, find_network
from gramarye.networks.features import Padding, PerceptualNetwork, Pooling, Step
from gramarye.networks.googlenet import googlenet_steps
from gramarye.networks.layers import VGG16_BLOCKS, VGG19_BLOCKS
from gramarye.networks.normalization import normalize_to_unit_activation, sample_images
from gramarye.networks.settings import NetworkSettings
from gramarye.networks.squeezenet import squeezenet_steps
from gramarye.networks.vgg import vgg_steps
from gramarye.networks.weights import fill
from gramarye.networks.weights_file import WeightsFile, check_path, open_weights
from gramarye.surroundings import plain_torch
from gramarye.units import show_text, show_value
from gramarye.validation import allowed, check_kind, first_problem

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


@plain_torch()
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

    `weights` names a local file; without it the published one is used, and `fetch` downloads it if
    it is not in the cache. By default a network pools and pads as it was trained: max and zeros,
    except vgg19-lite, whose file says. `normalize_weights` rescales it to unit mean activation.
    Unknown names raise before anything is read or downloaded.
    """
    info = find_network(name)
    if weights is not None:
        check_kind("weights", weights, (str, Path), "the path of a weights file")
    for setting, given in (("pooling", pooling), ("padding", padding)):
        field = NetworkSettings.model_fields[setting]
        if str(given) not in get_args(field.annotation):
            text = f"{setting} is {show_value(given)}: give {allowed(field.annotation)}"
            raise SettingsError(text, setting=setting)
    if layers is not None:
        check_kind("layers", layers, Iterable, "a list of layers' names")
    wanted = None if layers is None else tuple(layers)
    for layer in wanted or ():
        check_kind("a layer", layer, str, "the layers by their names")
    if info.embedded:
        path = weights_path(info) if weights is None else user_path(weights)
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
        path = fetch(info) if weights is None else user_path(weights)
        checked = check_sha256 if weights is None else checked_owner
        network.weights_sha256 = checked(info, path)
        fill(network, open_weights(path), published)
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
    file = open_weights(path)
    metadata = read_metadata(file)
    padding = metadata.padding if padding == "default" else padding
    pooling = metadata.pooling if pooling == "default" else pooling
    with torch.device("meta"):
        steps = vgg_steps(block_widths(file), pooling, padding)[:-1]
        network = AS_IT_IS("vgg19-lite", steps)
    published = network.steps
    if layers is not None:
        network.truncate(layers)
    fill(network, file, published)
    for layer in network.layers:
        if f"head.{layer}" in file:
            network.heads[layer] = read_head(file, layer, network.geometry(layer).channels)
            if layer not in metadata.head_widths:
                raise not_lite(file, f"its metadata names no head_widths for {layer}")
            network.widths[layer] = metadata.head_widths[layer]
    network.weights_sha256 = file_sha256(path)
    return network


class LiteMetadata(BaseModel, frozen=True):
    """What the file of a distilled network says of itself, besides its tensors."""

    padding: Padding
    pooling: Pooling
    head_widths: Json[dict[str, PositiveInt]] = {}


def read_metadata(file: WeightsFile) -> LiteMetadata:
    if not file.metadata:
        raise not_lite(file, "it has no metadata, where padding and pooling should be named")
    try:
        return LiteMetadata.model_validate(file.metadata)
    except ValidationError as error:
        problem = first_problem(error, LiteMetadata)
        name = show_text(".".join(map(str, problem.path)))
        raise not_lite(file, f"in its metadata, {problem.of_file(name)}") from error


def read_head(file: WeightsFile, layer: str, channels: int) -> Tensor:
    shape = tuple(file[f"head.{layer}"].shape)
    if shape != (channels + 1, channels + 1):
        raise not_lite(file, f"head.{layer} has shape {shape} for {channels} channels")
    return file.floats(f"head.{layer}")


def block_widths(file: WeightsFile) -> list[list[int]]:
    """The channels of the convolutions conv1_1, conv1_2, ..., conv2_1, ... a file holds."""
    blocks: list[list[int]] = []
    while f"conv{len(blocks) + 1}_1.weight" in file:
        block = len(blocks) + 1
        keys = (f"conv{block}_{depth}.weight" for depth in itertools.count(1))
        blocks.append([channels(file, key) for key in itertools.takewhile(file.__contains__, keys)])
    if not blocks:
        raise not_lite(file, "it has no conv1_1.weight")
    return blocks


def channels(file: WeightsFile, key: str) -> int:
    shape = tuple(file[key].shape)
    if len(shape) != 4 or 0 in shape:
        raise not_lite(file, f"{key} has shape {shape}, which is no convolution's")
    return shape[0]


def not_lite(file: WeightsFile, reason: str) -> WeightsError:
    return WeightsError(
        f"{file.path} is not made for vgg19-lite ({reason}): name a file that gramarye distill "
        "wrote, or the network it belongs to"
    )


def checked_owner(info: NetworkInfo, path: Path) -> str:
    """The SHA-256 of a local file; WeightsError if it is known as another network's."""
    check_path(path)
    found = file_sha256(path)
    for other in NETWORKS.values():
        if other.sha256 and found.startswith(other.sha256) and other.name != info.name:
            raise WeightsError(f"{path} holds the weights of {other.name}, not of {info.name}")
    return found
