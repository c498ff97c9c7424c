"""The perceptual networks by name: files, addresses, hashes and the layers a style asks for.

Nothing here needs torch, so that `gramarye networks list` answers at once. The licenses of the
weights are in docs/networks.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gramarye.errors import SettingsError, did_you_mean
from gramarye.networks.layers import (
    ALEXNET_LAYERS,
    GOOGLENET_LAYERS,
    SQUEEZENET_LAYERS,
    VGG16_BLOCKS,
    VGG19_BLOCKS,
    check_known,
    vgg_layers,
)
from gramarye.units import show_value

VGG19_LAYERS = vgg_layers(VGG19_BLOCKS)
VGG_STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
FIRE_LAYERS = ("relu1", "fire2", "fire4", "fire6", "fire9")

TORCHVISION = "https://download.pytorch.org/models/"


@dataclass(frozen=True, kw_only=True)
class NetworkInfo:
    """One perceptual network: what it is, and the file that holds its weights."""

    name: str
    about: str
    file: str
    url: str  # empty: the file is part of the package
    sha256: str  # the file's SHA-256, or the first 8 digits where no more was published
    megabytes: float  # 1e6 bytes
    layers: tuple[str, ...]  # all of them, from the image inwards
    style_layers: tuple[str, ...] = VGG_STYLE_LAYERS  # of the style loss, unless others are named
    content_layer: str = "relu4_2"

    @property
    def embedded(self) -> bool:
        """Whether the weights are part of the package."""
        return not self.url


# Full hashes and sizes: as published by several users of these very files; where only torchvision's
# own file name vouches for a file, its eight digits.
_ALL = (
    NetworkInfo(
        name="vgg19-lite",
        about="VGG-19 at a twelfth of the arithmetic, distilled; part of the package",
        file="vgg19_lite.safetensors",
        url="",
        sha256="9d2afe66508cb9efabd58ce54fd2a44a57b9b78d9ef0b77d8bb9f5014f93bbf0",
        megabytes=2.7,
        layers=VGG19_LAYERS[: VGG19_LAYERS.index("relu5_1") + 1],
    ),
    NetworkInfo(
        name="vgg19",
        about="VGG-19, trained by torchvision",
        file="vgg19-dcbb9e9d.pth",
        url=TORCHVISION + "vgg19-dcbb9e9d.pth",
        sha256="dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
        megabytes=574.7,
        layers=VGG19_LAYERS,
    ),
    NetworkInfo(
        name="vgg19-caffe",
        about="VGG-19 as its authors trained it, which the papers' code used",
        file="vgg19-d01eb7cb.pth",
        url="https://web.eecs.umich.edu/~justincj/models/vgg19-d01eb7cb.pth",
        sha256="d01eb7cb",
        megabytes=574.7,
        layers=VGG19_LAYERS,
    ),
    NetworkInfo(
        name="vgg16",
        about="VGG-16, trained by torchvision",
        file="vgg16-397923af.pth",
        url=TORCHVISION + "vgg16-397923af.pth",
        sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        megabytes=553.4,
        layers=vgg_layers(VGG16_BLOCKS),
    ),
    NetworkInfo(
        name="alexnet",
        about="AlexNet with one tower",
        file="alexnet-owt-7be5be79.pth",
        url=TORCHVISION + "alexnet-owt-7be5be79.pth",
        sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
        megabytes=244.4,
        layers=ALEXNET_LAYERS,
        style_layers=("relu1", "relu2", "relu3", "relu4", "relu5"),
        content_layer="relu3",
    ),
    NetworkInfo(
        name="googlenet",
        about="GoogLeNet (Inception v1) with batch normalization",
        file="googlenet-1378be20.pth",
        url=TORCHVISION + "googlenet-1378be20.pth",
        sha256="1378be20",
        megabytes=52.1,
        layers=GOOGLENET_LAYERS,
        style_layers=("relu1", "relu3", "inception3b", "inception4b", "inception4e"),
        content_layer="inception4b",
    ),
    NetworkInfo(
        name="squeezenet1_0",
        about="SqueezeNet 1.0",
        file="squeezenet1_0-b66bff10.pth",
        url=TORCHVISION + "squeezenet1_0-b66bff10.pth",
        sha256="b66bff10",
        megabytes=5.0,
        layers=SQUEEZENET_LAYERS["1.0"],
        style_layers=FIRE_LAYERS,
        content_layer="fire5",
    ),
    NetworkInfo(
        name="squeezenet1_1",
        about="SqueezeNet 1.1, at less than half the arithmetic of 1.0",
        file="squeezenet1_1-b8a52dc0.pth",
        url=TORCHVISION + "squeezenet1_1-b8a52dc0.pth",
        sha256="b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b",
        megabytes=5.0,
        layers=SQUEEZENET_LAYERS["1.1"],
        style_layers=FIRE_LAYERS,
        content_layer="fire5",
    ),
)

NETWORKS: dict[str, NetworkInfo] = {info.name: info for info in _ALL}
ALIASES: dict[str, str] = {"squeezenet": "squeezenet1_1"}


def find_network(name: str) -> NetworkInfo:
    """The network of that name or alias; SettingsError lists them if there is none."""
    text = str(name)  # of what is no name, too
    info = NETWORKS.get(ALIASES.get(text, text))
    if info is None:
        hint = did_you_mean(text, [*NETWORKS, *ALIASES])
        raise SettingsError(
            f"unknown network {show_value(name)}: there are {', '.join(NETWORKS)}{hint}"
        )
    return info


def check_layers(info: NetworkInfo, layers: Iterable[str]) -> None:
    """Raise LayerError for a layer that the network, as it was published, does not have.

    A file of vgg19-lite's kind may be deeper or shallower, which shows when it is loaded.
    """
    check_known(info.name, info.layers, layers)
