"""The names of the networks' layers, and the blocks those of the VGGs follow from.

Nothing here needs PyTorch: a wrong layer name is reported before that is imported.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from gramarye.errors import LayerError, likeness
from gramarye.units import show_value
from gramarye.validation import listed

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


def check_known(network: str, known: Collection[str], layers: Iterable[str]) -> None:
    """Raise LayerError for a layer that is not among those the network has."""
    for layer in layers:
        if str(layer) not in known:
            names, text = list(known), str(layer)
            best = sorted(names, key=lambda name: (likeness(text, name), name), reverse=True)
            raise LayerError(
                f"unknown layer {show_value(layer)}: {network} has {len(names)}, from {names[0]} "
                f"to {names[-1]}; did you mean {listed(map(repr, best[:3]))}?"
            )
