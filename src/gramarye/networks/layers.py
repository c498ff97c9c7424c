"""The networks' tables, block by block, and the names of the layers that follow from them.

Nothing here needs PyTorch: a wrong layer name is reported before that is imported.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from gramarye.errors import LayerError, did_you_mean

# VGG: the channels of every convolution, block by block.
Blocks = Sequence[Sequence[int]]
VGG19_BLOCKS: Blocks = ((64,) * 2, (128,) * 2, (256,) * 4, (512,) * 4, (512,) * 4)
VGG16_BLOCKS: Blocks = ((64,) * 2, (128,) * 2, (256,) * 3, (512,) * 3, (512,) * 3)

# AlexNet: channels, kernel, stride, padding, whether a pooling follows.
ALEXNET_CONVS = (
    (64, 11, 4, 2, True),
    (192, 5, 1, 2, True),
    (384, 3, 1, 1, False),
    (256, 3, 1, 1, False),
    (256, 3, 1, 1, True),
)

# GoogLeNet: name, channels, kernel and stride of the convolutions, or kernel of the pooling.
GOOGLENET_STEM = (
    ("conv", "1", 64, 7, 2),
    ("pool", "1", 0, 3, 2),
    ("conv", "2", 64, 1, 1),
    ("conv", "3", 192, 3, 1),
    ("pool", "2", 0, 3, 2),
)
# Channels: 1x1; 3x3 reduced and 3x3; "5x5" reduced and "5x5"; projection after the pooling.
INCEPTIONS = {
    "inception3a": (64, 96, 128, 16, 32, 32),
    "inception3b": (128, 128, 192, 32, 96, 64),
    "inception4a": (192, 96, 208, 16, 48, 64),
    "inception4b": (160, 112, 224, 24, 64, 64),
    "inception4c": (128, 128, 256, 24, 64, 64),
    "inception4d": (112, 144, 288, 32, 64, 64),
    "inception4e": (256, 160, 320, 32, 128, 128),
    "inception5a": (256, 160, 320, 32, 128, 128),
    "inception5b": (384, 192, 384, 48, 128, 128),
}
# The pooling before a module: its name and kernel.
INCEPTION_POOLS = {"inception4a": ("pool3", 3), "inception5a": ("pool4", 2)}

# SqueezeNet: channels of the fire modules fire2 ... fire9: (squeeze, each of the two expansions).
FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))
# Version: (channels and kernel of conv1, the layers a pooling follows).
SQUEEZENETS = {
    "1.0": (96, 7, ("relu1", "fire4", "fire8")),
    "1.1": (64, 3, ("relu1", "fire3", "fire5")),
}


def vgg_layers(blocks: Blocks) -> tuple[str, ...]:
    """conv1_1, relu1_1, ..., pool1, conv2_1, ... of a VGG with these blocks."""
    names = []
    for b, widths in enumerate(blocks, start=1):
        for d in range(1, len(widths) + 1):
            names += [f"conv{b}_{d}", f"relu{b}_{d}"]
        names.append(f"pool{b}")
    return tuple(names)


def alexnet_layers() -> tuple[str, ...]:
    names = []
    for i, (*_, pooled) in enumerate(ALEXNET_CONVS, start=1):
        names += [f"conv{i}", f"relu{i}"]
        if pooled:
            names.append(f"pool{i}")
    return tuple(names)


def googlenet_layers() -> tuple[str, ...]:
    names = []
    for kind, number, *_ in GOOGLENET_STEM:
        names += [f"conv{number}", f"relu{number}"] if kind == "conv" else [f"pool{number}"]
    for module in INCEPTIONS:
        if module in INCEPTION_POOLS:
            names.append(INCEPTION_POOLS[module][0])
        names.append(module)
    return tuple(names)


def squeezenet_layers(version: str) -> tuple[str, ...]:
    pooled = SQUEEZENETS[version][2]
    names = []
    for name in ("conv1", "relu1", *(f"fire{i}" for i in range(2, 2 + len(FIRES)))):
        names.append(name)
        if name in pooled:
            names.append(f"pool{pooled.index(name) + 1}")
    return tuple(names)


def check_known(network: str, known: Collection[str], layers: Iterable[str]) -> None:
    """Raise LayerError for a layer that is not among those the network has."""
    for layer in layers:
        if layer not in known:
            hint = did_you_mean(layer, known)
            raise LayerError(f"unknown layer {layer!r}: {network} has {', '.join(known)}{hint}")
