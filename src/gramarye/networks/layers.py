"""The names of the networks' layers, and the blocks those of the VGGs follow from.

A layer can also be one of the image at a part of its size: `relu4_1/2` is relu4_1 of the image at
half its size. What it sees of a picture is twice as large (Snelgrove, *High-Resolution Multi-Scale
Neural Texture Synthesis*, 2017, compares Gram matrices in a pyramid).

Nothing here needs PyTorch: a wrong layer name is reported before that is imported.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from gramarye.errors import LayerError, likeness
from gramarye.units import show_value
from gramarye.validation import listed

SHRINKS = (2, 4, 8)  # the parts of its size the image can be looked at

# VGG: the channels of every convolution, block by block.
Blocks = Sequence[Sequence[int]]
VGG19_BLOCKS: Blocks = ((64,) * 2, (128,) * 2, (256,) * 4, (512,) * 4, (512,) * 4)
VGG16_BLOCKS: Blocks = ((64,) * 2, (128,) * 2, (256,) * 3, (512,) * 3, (512,) * 3)

# The others' layers, in the order of their steps.
ALEXNET_LAYERS = (
    "conv1", "relu1", "pool1", "conv2", "relu2", "pool2", "conv3", "relu3", "conv4", "relu4",
    "conv5", "relu5", "pool5",
)  # fmt: skip
GOOGLENET_LAYERS = (
    "conv1", "relu1", "pool1", "conv2", "relu2", "conv3", "relu3", "pool2",
    "inception3a", "inception3b", "pool3",
    "inception4a", "inception4b", "inception4c", "inception4d", "inception4e", "pool4",
    "inception5a", "inception5b",
)  # fmt: skip
SQUEEZENET_LAYERS = {
    "1.0": (
        "conv1", "relu1", "pool1", "fire2", "fire3", "fire4", "pool2", "fire5", "fire6", "fire7",
        "fire8", "pool3", "fire9",
    ),
    "1.1": (
        "conv1", "relu1", "pool1", "fire2", "fire3", "pool2", "fire4", "fire5", "pool3", "fire6",
        "fire7", "fire8", "fire9",
    ),
}  # fmt: skip


def vgg_layers(blocks: Blocks) -> tuple[str, ...]:
    """conv1_1, relu1_1, ..., pool1, conv2_1, ... of a VGG with these blocks."""
    names = []
    for b, widths in enumerate(blocks, start=1):
        for d in range(1, len(widths) + 1):
            names += [f"conv{b}_{d}", f"relu{b}_{d}"]
        names.append(f"pool{b}")
    return tuple(names)


def split_layer(layer: str) -> tuple[str, int]:
    """A layer's name in its network, and how many times smaller the image is that it looks at.

    `relu4_1/2` is ("relu4_1", 2), `relu4_1` is ("relu4_1", 1); what is no part of the size there
    is, belongs to the name.
    """
    name, _, shrink = layer.rpartition("/")
    return (name, int(shrink)) if shrink in map(str, SHRINKS) else (layer, 1)


def by_shrink(layers: Iterable[str]) -> dict[int, list[str]]:
    """The layers' names in their network, by how many times smaller the image they look at is."""
    found: dict[int, list[str]] = {}
    for name, shrink in sorted(map(split_layer, layers)):
        found.setdefault(shrink, []).append(name)
    return dict(sorted(found.items()))


def joined(layer: str, shrink: int) -> str:
    """What `split_layer` splits."""
    return layer if shrink == 1 else f"{layer}/{shrink}"


def check_known(network: str, known: Collection[str], layers: Iterable[str]) -> None:
    """Raise LayerError for a layer that is not among those the network has."""
    for text in map(str, layers):
        if split_layer(text)[0] in known:
            continue
        plain, slash, _ = text.partition("/")
        if slash and plain in known:
            parts = listed([f"/{shrink}" for shrink in SHRINKS])
            raise LayerError(
                f"unknown layer {show_value(text)}: after {plain} can be {parts}, the part of its "
                "size at which the image is looked at"
            )
        names = list(known)
        best = sorted(names, key=lambda name: (likeness(text, name), name), reverse=True)
        raise LayerError(
            f"unknown layer {show_value(text)}: {network} has {len(names)}, from {names[0]} "
            f"to {names[-1]}; did you mean {listed(map(repr, best[:3]))}?"
        )
