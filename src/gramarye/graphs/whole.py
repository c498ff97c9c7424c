"""A painter as two graphs for other programs: style to code, and content and code to picture.

All that `painted.Painting` does of a picture in one piece is in them, its colors matched, too. The
code are the means of a style and the roots of its covariances, of its colors first and then layer
by layer of each part. Roots, since their squares are covariances however they are rounded, which
rounded covariances need not be. The weighted mean of several codes is one style between theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from gramarye.feedforward.settings import LARGEST, LEAST, MULTIPLE, RIDGE, ROUNDING
from gramarye.graphs.images import LEVEL
from gramarye.graphs.layers import Carry, look, step
from gramarye.graphs.matrices import at_least, at_most, identity, number, roots
from gramarye.graphs.painting import Network
from gramarye.graphs.writing import Graph

CUBIC: dict[str, Any] = {
    "mode": "cubic",
    "antialias": 1,
    "cubic_coeff_a": -0.5,
    "coordinate_transformation_mode": "half_pixel",
    "exclude_outside": 1,
}
LITTLE = 1e-12  # of the mean variance, added before a root is taken: zero has no inverse


@final
@dataclass(frozen=True)
class Place:
    """Where a layer is in the code: the root of its covariance from `start`, then its mean."""

    part: int  # 0 is the colors'
    layer: str
    channels: int
    start: int

    @property
    def end(self) -> int:
        return self.start + self.channels**2 + self.channels


def places(network: Network) -> Iterator[Place]:
    place = Place(0, "color", 3, 0)
    yield place
    for part in dict.fromkeys(network.config.parts):
        for layer in network.shape(part).layers:
            place = Place(part, layer, network.seer.channels(layer), place.end)
            yield place


def code_length(network: Network) -> int:
    return max(place.end for place in places(network))


def style_graph(network: Network) -> Graph:
    """`style` (1, 3, height, width) to `code` (1, N)."""
    graph = Graph("style")
    style = graph.input("style", [1, 3, "height", "width"])
    pieces = list(root_and_mean(graph, style, 3))
    for part in dict.fromkeys(network.config.parts):
        here = clipped(graph, at_part(graph, style, part)) if part > 1 else style
        layers = network.shape(part).layers
        seen = look(graph, here, network.seer, layers)
        for layer in layers:
            pieces += root_and_mean(graph, seen[layer], network.seer.channels(layer))
    flat = (
        graph.add("Cast", graph.add("Reshape", piece, integers(graph, [1, -1])), to=1)
        for piece in pieces
    )
    graph.output(graph.add("Concat", *flat, axis=1), "code", [1, code_length(network)])
    return graph


def picture_graph(network: Network) -> Graph:
    """`content` (1, 3, height, width), `code` (1, N), `noise` (M) and `strength` () to `picture`.

    The noise is uniform in [0, 1]: for each part of the size, from coarse to fine and but for the
    whole, three numbers for each of its pixels, in one row.
    """
    graph = Graph("picture")
    content = graph.input("content", [1, 3, "height", "width"])
    code = graph.input("code", [1, code_length(network)])
    noise = graph.input("noise", ["numbers"])
    strength = graph.input("strength", [])
    size = image_size(graph, content)
    amount = reach(graph, strength)
    known = {(place.part, place.layer): place for place in places(network)}
    colored = matched(graph, content, code, known[0, "color"])
    colored = padded(graph, colored, size)
    image, drawn, before = "", integers(graph, [0]), 0
    for part in network.config.parts:
        here = clipped(graph, at_part(graph, colored, part)) if part > 1 else colored
        if before == part:
            here = image
        elif image:
            back = resized_like(graph, resized_like(graph, here, image), here)
            finer = graph.add("Sub", here, back)
            share = graph.constant(float(network.config.detail))
            finer = graph.add("Mul", finer, share)
            here = graph.add("Add", resized_like(graph, image, here), finer)
        if part > 1 and before != part:
            here, drawn = grained(graph, here, noise, drawn, network.config.grain)
        seen = look(graph, here, network.seer, network.shape(part).layers)
        carries = {
            layer: carry(graph, seen[layer], code, known[part, layer], amount) for layer in seen
        }
        image = step(graph, here, seen, carries, network.painter, network.shape(part))
        before = part
    zeros = integers(graph, [0, 0])
    image = graph.add("Slice", clipped(graph, image), zeros, size, integers(graph, [2, 3]))
    graph.output(image, "picture", [1, 3, "height", "width"])
    return graph


def root_and_mean(graph: Graph, features: str, channels: int) -> tuple[str, str]:
    """The root of the covariance (C, C) and the mean (C, 1) of features (1, C, h, w)."""
    covariance, mean = moments(graph, features, channels)
    return roots(graph, raised(graph, covariance, channels), channels)[0], mean


def moments(graph: Graph, features: str, channels: int) -> tuple[str, str]:
    """The covariance (C, C) and the mean (C, 1) of features (1, C, h, w), in float64."""
    rows = graph.add("Reshape", wide(graph, features), integers(graph, [channels, -1]))
    mean = graph.add("ReduceMean", rows, integers(graph, [1]), keepdims=1)
    rows = graph.add("Sub", rows, mean)
    second = graph.add("MatMul", rows, graph.add("Transpose", rows, perm=[1, 0]))
    sides = graph.add("Slice", graph.add("Shape", rows), integers(graph, [1]), integers(graph, [2]))
    return graph.add("Div", second, graph.add("Cast", sides, to=11)), mean


def of_code(graph: Graph, code: str, place: Place) -> tuple[str, str]:
    """The root of a covariance (C, C) and a mean (C, 1) of the code, in float64."""
    split = place.start + place.channels**2
    found = []
    for first, last, columns in (
        (place.start, split, place.channels),
        (split, place.end, 1),
    ):
        axis = integers(graph, [1])
        part = graph.add("Slice", code, integers(graph, [first]), integers(graph, [last]), axis)
        shape = integers(graph, [place.channels, columns])
        found.append(wide(graph, graph.add("Reshape", part, shape)))
    return found[0], found[1]


def carry(graph: Graph, features: str, code: str, place: Place, amount: str) -> Carry:
    """What carries features over to the code's: `moments.transport`, by products alone."""
    size = place.channels
    sigma, mean = moments(graph, features, size)
    root, wanted = of_code(graph, code, place)
    goal = graph.add("MatMul", root, graph.add("Transpose", root, perm=[1, 0]))
    variance, square = mean_variance(graph, sigma, size), mean_square(graph, mean, size)
    ridge = graph.add("Mul", variance, number(graph, np.float64(RIDGE + ROUNDING)))
    more = graph.add("Mul", square, number(graph, np.float64(ROUNDING)))
    ridge = graph.add("Add", graph.add("Add", ridge, more), number(graph, np.float64(1e-12)))
    matrix = at_most(
        graph, nearest(graph, ridged(graph, sigma, ridge, size), goal, size), size, LARGEST
    )
    offset = graph.add("Sub", wanted, graph.add("MatMul", matrix, mean))
    style = graph.add("Add", mean_variance(graph, goal, size), mean_square(graph, wanted, size))
    unit = graph.add("Sqrt", graph.add("Max", style, number(graph, np.float64(1e-12))))
    narrow = [graph.add("Cast", x, to=1) for x in (matrix, offset, unit)]
    return Carry(narrow[0], narrow[1], narrow[2], amount)


def nearest(graph: Graph, sigma: str, goal: str, size: int) -> str:
    """The map from S to G that moves least: S^-1/2 (S^1/2 G S^1/2)^1/2 S^-1/2."""
    root, inverse = roots(graph, sigma, size)
    between = product(graph, root, goal, root)
    half, _ = roots(graph, raised(graph, between, size), size)
    return product(graph, inverse, half, inverse)


def product(graph: Graph, left: str, middle: str, right: str) -> str:
    """Of symmetric matrices, and symmetric itself, but for rounding, which is taken out."""
    found = graph.add("MatMul", graph.add("MatMul", left, middle), right)
    both = graph.add("Add", found, graph.add("Transpose", found, perm=[1, 0]))
    return graph.add("Mul", both, number(graph, np.float64(0.5)))


def raised(graph: Graph, matrix: str, size: int) -> str:
    """The matrix (C, C) with a little more of variance: its root then has an inverse."""
    variance = mean_variance(graph, matrix, size)
    little = graph.add("Mul", variance, number(graph, np.float64(LITTLE)))
    little = graph.add("Add", little, number(graph, np.float64(1e-24)))
    return ridged(graph, matrix, little, size)


def ridged(graph: Graph, matrix: str, ridge: str, size: int) -> str:
    more = graph.add("Mul", identity(graph, size), ridge)
    return graph.add("Add", matrix, more)


def mean_variance(graph: Graph, matrix: str, size: int) -> str:
    """The mean of a matrix's diagonal."""
    diagonal = graph.add("Mul", matrix, identity(graph, size))
    total = graph.add("ReduceSum", diagonal, keepdims=0)
    return graph.add("Div", total, number(graph, np.float64(size)))


def mean_square(graph: Graph, mean: str, size: int) -> str:
    square = graph.add("ReduceSum", graph.add("Mul", mean, mean), keepdims=0)
    return graph.add("Div", square, number(graph, np.float64(size)))


def matched(graph: Graph, content: str, code: str, place: Place) -> str:
    """The content (1, 3, H, W) in the style's colors."""
    own, mean = moments(graph, content, 3)
    goal, wanted = of_code(graph, code, place)
    goal = graph.add("MatMul", goal, graph.add("Transpose", goal, perm=[1, 0]))
    matrix = nearest(graph, at_least(graph, own, 3, LEVEL), at_least(graph, goal, 3, LEVEL), 3)
    shift = graph.add("Sub", wanted, graph.add("MatMul", matrix, mean))
    rows = graph.add("Reshape", content, integers(graph, [0, 0, -1]))
    moved = graph.add("MatMul", graph.add("Cast", matrix, to=1), rows)
    moved = graph.add("Add", moved, graph.add("Cast", shift, to=1))
    return clipped(graph, graph.add("Reshape", moved, graph.add("Shape", content)))


def padded(graph: Graph, image: str, size: str, multiple: int = MULTIPLE) -> str:
    """The image, mirrored at its far sides up to the next multiple of pixels."""
    # The remainder has the sign of the multiple.
    missing = graph.add("Mod", graph.add("Neg", size), integers(graph, [multiple]))
    pads = graph.add("Concat", integers(graph, [0] * 6), missing, axis=0)
    return graph.add("Pad", image, pads, mode="reflect")


def at_part(graph: Graph, image: str, part: int) -> str:
    """The image (1, 3, H, W) at a part of its size, in whole pixels and not too few."""
    size = image_size(graph, image)
    up = graph.add("Add", size, integers(graph, [part - 1]))
    smaller = graph.add(
        "Max", graph.add("Div", up, integers(graph, [part])), integers(graph, [LEAST])
    )
    return resized(graph, image, graph.add("Concat", integers(graph, [1, 3]), smaller, axis=0))


def resized_like(graph: Graph, image: str, like: str) -> str:
    return resized(graph, image, graph.add("Shape", like))


def resized(graph: Graph, image: str, shape: str) -> str:
    return graph.add("Resize", image, "", "", shape, **CUBIC)


def grained(graph: Graph, image: str, noise: str, drawn: str, grain: float) -> tuple[str, str]:
    """The image with noise, and how many numbers of it have been drawn."""
    shape = graph.add("Shape", image)
    count = graph.add("ReduceProd", shape, keepdims=1)
    end = graph.add("Add", drawn, count)
    taken = graph.add("Reshape", graph.add("Slice", noise, drawn, end), shape)
    centered = graph.add("Sub", taken, graph.constant(0.5))
    more = graph.add("Mul", centered, graph.constant(12**0.5 * grain))
    return graph.add("Add", image, more), end


def reach(graph: Graph, strength: str) -> str:
    """`feedforward.settings.reach` of a strength."""
    return graph.add("Mul", strength, graph.constant(2.0))


def clipped(graph: Graph, image: str) -> str:
    return graph.add("Clip", image, graph.constant(0.0), graph.constant(1.0))


def wide(graph: Graph, numbers: str) -> str:
    return graph.add("Cast", numbers, to=11)  # float64


def image_size(graph: Graph, image: str) -> str:
    """The height and width of an image (1, C, H, W)."""
    return graph.add("Slice", graph.add("Shape", image), integers(graph, [2]), integers(graph, [4]))


def integers(graph: Graph, numbers: list[int]) -> str:
    return graph.constant(np.array(numbers, np.int64))
