"""What the networks of a painter compute, as nodes of a graph: looking, and a step.

The same as `networks.features` and `feedforward.network.Step`; the tests compare them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from gramarye.graphs.writing import Array, Graph

Tensors = Mapping[str, Array]  # float32, by their names in a weights file
PADS = {"zeros": "constant", "reflect": "reflect", "replicate": "edge"}
POOLS = {"max": "MaxPool", "avg": "AveragePool"}


@final
@dataclass(frozen=True)
class Seer:
    """The network a painter sees by: a chain of 3 x 3 convolutions in blocks, a pool after each."""

    tensors: Tensors
    padding: str
    pooling: str

    def steps(self) -> list[str]:
        """conv1_1, conv1_2, pool1, conv2_1 ..."""
        found, block = [], 1
        while f"conv{block}_1.weight" in self.tensors:
            depth = 1
            while f"conv{block}_{depth}.weight" in self.tensors:
                found.append(f"conv{block}_{depth}")
                depth += 1
            found.append(f"pool{block}")
            block += 1
        return found

    def channels(self, layer: str) -> int:
        return int(self.tensors[f"{conv_of(layer)}.weight"].shape[0])


@final
@dataclass(frozen=True)
class StepShape:
    """A step's layers, deep ones first, and its residual blocks at each."""

    start: str  # of its tensors' names
    layers: tuple[str, ...]
    blocks: tuple[int, ...]


@final
@dataclass(frozen=True)
class Carry:
    """The names of what carries a layer's features over: a move, and how they are scaled."""

    matrix: str  # (C, C)
    offset: str  # (C, 1)
    unit: str  # (), features are divided by the style's size
    amount: str  # (), how far they are to go


def conv_of(layer: str) -> str:
    return layer.replace("relu", "conv")


def look(graph: Graph, image: str, seer: Seer, layers: Sequence[str]) -> dict[str, str]:
    """The features (1, C, h, w) of an image (1, 3, H, W) by layer."""
    found: dict[str, str] = {}
    x = image
    for step in seer.steps():
        if step.startswith("pool"):
            x = graph.add(POOLS[seer.pooling], x, kernel_shape=[2, 2], strides=[2, 2])
            continue
        x = graph.add("Relu", bordered(graph, x, seer.tensors, step, PADS[seer.padding]))
        layer = step.replace("conv", "relu")
        if layer in layers:
            found[layer] = x
        if len(found) == len(layers):
            break
    return found


def bordered(graph: Graph, x: str, tensors: Tensors, name: str, mode: str = "reflect") -> str:
    """A 3 x 3 convolution over a border of one pixel."""
    pads = shared(graph, "one_pixel", [0, 0, 1, 1, 0, 0, 1, 1])
    return convolved(graph, graph.add("Pad", x, pads, mode=mode), tensors, name)


def convolved(graph: Graph, x: str, tensors: Tensors, name: str, **attributes: Any) -> str:
    weight = kept(graph, f"{name}.weight", tensors)
    return graph.add("Conv", x, weight, kept(graph, f"{name}.bias", tensors), **attributes)


def kept(graph: Graph, name: str, tensors: Tensors) -> str:
    """A network's tensor in the graph, once, however often it is used."""
    if name not in graph.known:
        graph.known.add(name)
        graph.constant(tensors[name], name)
    return name


def shared(graph: Graph, name: str, numbers: Sequence[int]) -> str:
    if name not in graph.known:
        graph.known.add(name)
        graph.constant(numbers, name)
    return name


def step(
    graph: Graph,
    image: str,
    features: Mapping[str, str],
    carries: Mapping[str, Carry],
    tensors: Tensors,
    shape: StepShape,
) -> str:
    """The next image (1, 3, H, W)."""
    x, start = "", shape.start
    for layer, blocks in zip(shape.layers, shape.blocks, strict=True):
        here = heard(graph, features[layer], carries[layer], tensors, shape.start, layer)
        if x:
            rise = convolved(graph, x, tensors, f"{start}rise.{layer}")
            here = graph.add("Add", here, doubled(graph, rise))
        x = graph.add("Relu", here)
        for block in range(blocks):
            name = f"{start}blocks.{layer}.{block}"
            inside = graph.add("Relu", bordered(graph, x, tensors, f"{name}.first"))
            x = graph.add("Add", x, bordered(graph, inside, tensors, f"{name}.last"))
    return graph.add("Add", image, bordered(graph, x, tensors, f"{start}finish"))


def heard(
    graph: Graph, features: str, carry: Carry, tensors: Tensors, start: str, layer: str
) -> str:
    """What a step takes in at a layer (1, width, h, w): features, and what they miss.

    Where f are the features in the style's units, and g those that are wanted, it is H f +
    a W (g - f) = (H - a W) f + a W g.
    """
    size = graph.add("Shape", features)
    flat = graph.add("Reshape", features, shared(graph, "rows", [0, 0, -1]))  # (1, C, N)
    wanted = graph.add("Add", graph.add("MatMul", carry.matrix, flat), carry.offset)
    wanted = graph.add("Relu", wanted)  # as what a rectifier lets through
    matrices = (
        graph.add(
            "Div",
            graph.add(
                "Squeeze",
                kept(graph, f"{start}{part}.{layer}.weight", tensors),
                shared(graph, "last_two", [2, 3]),
            ),
            carry.unit,
        )
        for part in ("here", "wanted")
    )
    own, told = matrices  # (width, C)
    told = graph.add("Mul", told, carry.amount)
    own = graph.add("Sub", own, told)
    x = graph.add("Add", graph.add("MatMul", own, flat), graph.add("MatMul", told, wanted))
    biases = (kept(graph, f"{start}{part}.{layer}.bias", tensors) for part in ("here", "wanted"))
    bias = graph.add("Unsqueeze", graph.add("Add", *biases), shared(graph, "second", [1]))
    x = graph.add("Add", x, bias)
    sides = graph.add(
        "Slice", size, shared(graph, "two", [2]), shared(graph, "four", [4])
    )  # (h, w)
    channels = shared(graph, "all_channels", [1, -1])
    return graph.add("Reshape", x, graph.add("Concat", channels, sides, axis=0))


def doubled(graph: Graph, x: str) -> str:
    """Twice the size, bilinear."""
    if "doubled" not in graph.known:
        graph.known.add("doubled")
        graph.constant(np.array([1, 1, 2, 2], np.float32), "doubled")
    return graph.add(
        "Resize", x, "", "doubled", mode="linear", coordinate_transformation_mode="half_pixel"
    )
