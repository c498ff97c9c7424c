"""A Johnson network as one graph: content and mix of styles to picture.

The same as `johnson.network.Johnson` outside training. Norms are arithmetic on means: what programs
make of InstanceNormalization differs (pytorch/pytorch#99140).
"""

from __future__ import annotations

import numpy as np

from gramarye.graphs.layers import Tensors, convolved, kept
from gramarye.graphs.whole import image_size, integers, padded
from gramarye.graphs.writing import Graph
from gramarye.johnson.settings import EPSILON, LOST, STRIDE, JohnsonConfig


def johnson_graph(config: JohnsonConfig, tensors: Tensors, styles: int) -> Graph:
    """`content` (1, 3, height, width) and `mix` (1, styles), whose sum is one, to `picture`."""
    graph = Graph("johnson")
    content = graph.input("content", [1, 3, "height", "width"])
    mix = graph.input("mix", [1, styles])
    size = image_size(graph, content)
    x = padded(graph, content, size, STRIDE)
    doubled = graph.add("Mul", x, graph.constant(2.0))
    x = graph.add("Sub", doubled, graph.constant(1.0))
    everywhere, around = config.border == "everywhere", config.kernel // 2
    if not everywhere:
        x = reflected(graph, x, LOST * config.blocks)

    def norm(x: str, name: str) -> str:
        return normalized(graph, x, tensors, name, mix)

    x = layer(graph, x, tensors, "first", around, everywhere)
    x = graph.add("Relu", norm(x, "norms.0"))
    for number in range(2):
        x = layer(graph, x, tensors, f"down.{number}", 1, everywhere, stride=2)
        x = graph.add("Relu", norm(x, f"norms.{1 + number}"))
    for number in range(config.blocks):
        x = residual(graph, x, tensors, f"blocks.{number}", mix, everywhere)
    for number in range(2):
        if config.upsampling == "nearest":
            x = graph.add(
                "Resize",
                x,
                "",
                graph.constant(np.array([1, 1, 2, 2], np.float32)),
                mode="nearest",
                coordinate_transformation_mode="asymmetric",
                nearest_mode="floor",
            )
            x = layer(graph, x, tensors, f"up.{number}", 1, everywhere)
        else:
            x = graph.add(
                "ConvTranspose",
                x,
                kept(graph, f"up.{number}.weight", tensors),
                kept(graph, f"up.{number}.bias", tensors),
                strides=[2, 2],
                pads=[1, 1, 1, 1],
                output_padding=[1, 1],
            )
        x = graph.add("Relu", norm(x, f"norms.{3 + number}"))
    x = graph.add("Tanh", layer(graph, x, tensors, "last", around, everywhere))
    x = graph.add("Mul", graph.add("Add", x, graph.constant(1.0)), graph.constant(0.5))
    x = graph.add("Slice", x, integers(graph, [0, 0]), size, integers(graph, [2, 3]))
    graph.output(x, "picture", [1, 3, "height", "width"])
    return graph


def layer(
    graph: Graph,
    x: str,
    tensors: Tensors,
    name: str,
    border: int,
    everywhere: bool,
    stride: int = 1,
) -> str:
    """A convolution over a border that mirrors what lies inside, or of zeros."""
    if everywhere:
        return convolved(graph, reflected(graph, x, border), tensors, name, strides=[stride] * 2)
    return convolved(graph, x, tensors, name, strides=[stride] * 2, pads=[border] * 4)


def residual(graph: Graph, x: str, tensors: Tensors, name: str, mix: str, everywhere: bool) -> str:
    """Two convolutions whose result is added; without a border, two positions smaller a side."""
    border = int(everywhere)
    found = convolved(graph, reflected(graph, x, border), tensors, f"{name}.first")
    found = graph.add("Relu", normalized(graph, found, tensors, f"{name}.first_norm", mix))
    found = convolved(graph, reflected(graph, found, border), tensors, f"{name}.last")
    found = normalized(graph, found, tensors, f"{name}.last_norm", mix)
    if not everywhere:
        axes = integers(graph, [2, 3])
        x = graph.add("Slice", x, integers(graph, [2, 2]), integers(graph, [-2, -2]), axes)
    return graph.add("Add", x, found)


def reflected(graph: Graph, x: str, amount: int) -> str:
    if not amount:
        return x
    pads = integers(graph, [0, 0, amount, amount, 0, 0, amount, amount])
    return graph.add("Pad", x, pads, mode="reflect")


def normalized(graph: Graph, x: str, tensors: Tensors, name: str, mix: str) -> str:
    """Channels by their means and variances, with the gain and the shift of the styles' mix."""
    sides = integers(graph, [2, 3])
    if f"{name}.mean" in tensors:  # batch norm's running statistics
        mean, variance = (
            graph.constant(tensors[f"{name}.{part}"][None, :, None, None])
            for part in ("mean", "variance")
        )
        centered = graph.add("Sub", x, mean)
    else:
        centered = graph.add("Sub", x, graph.add("ReduceMean", x, sides, keepdims=1))
        square = graph.add("Mul", centered, centered)
        variance = graph.add("ReduceMean", square, sides, keepdims=1)
    deviation = graph.add("Sqrt", graph.add("Add", variance, graph.constant(EPSILON)))
    gain, shift = (
        graph.add(
            "Unsqueeze", graph.add("MatMul", mix, kept(graph, f"{name}.{part}", tensors)), sides
        )
        for part in ("gain", "shift")
    )
    scaled = graph.add("Mul", graph.add("Div", centered, deviation), gain)
    return graph.add("Add", scaled, shift)
