"""The perceptual networks by name: files, addresses, hashes and the layers a style asks for.

Nothing here needs torch, so that `gramarye networks list` answers at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gramarye.errors import SettingsError, did_you_mean
from gramarye.networks.layers import (
    VGG16_BLOCKS,
    VGG19_BLOCKS,
    alexnet_layers,
    check_known,
    googlenet_layers,
    squeezenet_layers,
    vgg_layers,
)

VGG19_LAYERS = vgg_layers(VGG19_BLOCKS)
VGG_STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
FIRE_LAYERS = ("relu1", "fire2", "fire4", "fire6", "fire9")

TORCHVISION = "https://download.pytorch.org/models/"
TORCHVISION_LICENSE = "BSD-3-Clause (torchvision)"


@dataclass(frozen=True)
class NetworkInfo:
    """One perceptual network: what it is, and the file that holds its weights."""

    name: str
    about: str
    file: str
    url: str  # empty: the file is part of the package
    sha256: str  # the file's SHA-256, or the first 8 digits where no more was published
    megabytes: float  # 1e6 bytes
    license: str
    source: str
    layers: tuple[str, ...]  # all of them, from the image inwards
    style_layers: tuple[str, ...]  # the layers of the style loss, unless others are named
    content_layer: str

    @property
    def embedded(self) -> bool:
        """Whether the weights are part of the package."""
        return not self.url


def torchvision(
    name: str, about: str, sha256: str, file: str, megabytes: float, paper: str,
    layers: tuple[str, ...], style_layers: tuple[str, ...], content_layer: str,
) -> NetworkInfo:  # fmt: skip
    """A network whose file torchvision publishes."""
    return NetworkInfo(
        name=name,
        about=about,
        file=file,
        url=TORCHVISION + file,
        sha256=sha256,
        megabytes=megabytes,
        license=TORCHVISION_LICENSE,
        source=paper,
        layers=layers,
        style_layers=style_layers,
        content_layer=content_layer,
    )


# Full hashes and sizes: as published by several users of these very files; where only torchvision's
# own file name vouches for a file, its eight digits.
_ALL = (
    NetworkInfo(
        name="vgg19-lite",
        about="VGG-19 at a fourteenth of the arithmetic, distilled; part of the package",
        file="vgg19_lite.safetensors",
        url="",
        sha256="58661a61ce7d1c7f9b604da70df0c29283d7b5d7d5999d9668e9d3e7baa3a9e2",
        megabytes=2.3,
        license="MIT (Gramarye)",
        source="distilled by Gramarye",
        layers=VGG19_LAYERS[: VGG19_LAYERS.index("relu5_1") + 1],
        style_layers=VGG_STYLE_LAYERS,
        content_layer="relu4_2",
    ),
    torchvision(
        "vgg19",
        "VGG-19, trained by torchvision",
        "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
        "vgg19-dcbb9e9d.pth",
        574.7,
        "Simonyan and Zisserman, 2015",
        VGG19_LAYERS,
        VGG_STYLE_LAYERS,
        "relu4_2",
    ),
    NetworkInfo(
        name="vgg19-caffe",
        about="VGG-19 as its authors trained it, which the papers' code used",
        file="vgg19-d01eb7cb.pth",
        url="https://web.eecs.umich.edu/~justincj/models/vgg19-d01eb7cb.pth",
        sha256="d01eb7cb",
        megabytes=574.7,
        license="CC-BY-4.0 (Visual Geometry Group)",
        source="Simonyan and Zisserman, 2015; converted by J. Johnson",
        layers=VGG19_LAYERS,
        style_layers=VGG_STYLE_LAYERS,
        content_layer="relu4_2",
    ),
    torchvision(
        "vgg16",
        "VGG-16, trained by torchvision",
        "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        "vgg16-397923af.pth",
        553.4,
        "Simonyan and Zisserman, 2015",
        vgg_layers(VGG16_BLOCKS),
        VGG_STYLE_LAYERS,
        "relu4_2",
    ),
    torchvision(
        "alexnet",
        "AlexNet with one tower",
        "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
        "alexnet-owt-7be5be79.pth",
        244.4,
        "Krizhevsky, 2014",
        alexnet_layers(),
        ("relu1", "relu2", "relu3", "relu4", "relu5"),
        "relu3",
    ),
    torchvision(
        "googlenet",
        "GoogLeNet (Inception v1) with batch normalization",
        "1378be20",
        "googlenet-1378be20.pth",
        52.1,
        "Szegedy et al., 2015; converted from TensorFlow",
        googlenet_layers(),
        ("relu1", "relu3", "inception3b", "inception4b", "inception4e"),
        "inception4b",
    ),
    torchvision(
        "squeezenet1_0",
        "SqueezeNet 1.0",
        "b66bff10",
        "squeezenet1_0-b66bff10.pth",
        5.0,
        "Iandola et al., 2016",
        squeezenet_layers("1.0"),
        FIRE_LAYERS,
        "fire5",
    ),
    torchvision(
        "squeezenet1_1",
        "SqueezeNet 1.1, at less than half the arithmetic of 1.0",
        "b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b",
        "squeezenet1_1-b8a52dc0.pth",
        5.0,
        "Iandola et al., 2016",
        squeezenet_layers("1.1"),
        FIRE_LAYERS,
        "fire5",
    ),
)

NETWORKS: dict[str, NetworkInfo] = {info.name: info for info in _ALL}
ALIASES: dict[str, str] = {"squeezenet": "squeezenet1_1"}


def find_network(name: str) -> NetworkInfo:
    """The network of that name or alias; SettingsError lists them if there is none."""
    info = NETWORKS.get(ALIASES.get(name, name))
    if info is None:
        hint = did_you_mean(name, [*NETWORKS, *ALIASES])
        raise SettingsError(f"unknown network {name!r}: there are {', '.join(NETWORKS)}{hint}")
    return info


def check_layers(info: NetworkInfo, layers: Iterable[str]) -> None:
    """Raise LayerError for a layer that the network, as it was published, does not have.

    A file of vgg19-lite's kind may be deeper or shallower, which shows when it is loaded.
    """
    check_known(info.name, info.layers, layers)
