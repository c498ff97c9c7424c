"""Roots of symmetric matrices as nodes of a graph, by products alone: ONNX has no eigenvectors.

Newton-Schulz iterations (Higham, Functions of Matrices, 2008, sections 5.3 and 6.7), in float64.
They go on until they have converged.
"""

from __future__ import annotations

import numpy as np

from gramarye.graphs.writing import Array, Graph

CONVERGED = 1e-5  # of what is left, as a root mean square; the last step squares it
MOST = 60  # steps, in which what is 1e-20 of the largest has converged


def roots(graph: Graph, matrix: str, size: int) -> tuple[str, str]:
    """The square root of a positive definite matrix (C, C) of float64, and its inverse.

    Y <- Y T, Z <- T Z with T = (3 I - Z Y) / 2 lead from Y = A, Z = I to A^1/2 and A^-1/2, where A
    has a norm below one.
    """
    norm, one = frobenius(graph, matrix), identity(graph, size)
    start = graph.add("Div", matrix, norm)
    inside = Graph("newton_schulz", prefix="in_")
    inside.input("step", [], "int64")
    inside.input("going", [], "bool")
    y, z = (inside.input(name, [size, size], "float64") for name in ("y", "z"))
    missing = inside.add("Sub", one, inside.add("MatMul", z, y))
    turn = inside.add(
        "Add",
        one,
        inside.add("Mul", missing, number(inside, np.float64(0.5))),
    )
    inside.output(unconverged(inside, missing, size), "again", [], "bool")
    inside.output(inside.add("MatMul", y, turn), "y_next", [size, size], "float64")
    inside.output(inside.add("MatMul", turn, z), "z_next", [size, size], "float64")
    found = graph.all_of(
        "Loop",
        graph.constant(np.array(MOST, np.int64)),
        graph.constant(np.array(True)),
        start,
        one,
        outputs=2,
        body=inside,
    )
    scale = graph.add("Sqrt", norm)
    return graph.add("Mul", found[0], scale), graph.add("Div", found[1], scale)


def at_most(graph: Graph, matrix: str, size: int, largest: float) -> str:
    """A symmetric matrix whose eigenvalues are those of (C, C), but none above the largest.

    min(x, m) = (x + m - |x - m|) / 2, and |X| = X sign(X), by S <- S (3 I - S S) / 2. Where an
    eigenvalue is m itself, its sign converges to nothing, and nothing is what it counts.
    """
    one = identity(graph, size)
    limit = graph.add("Mul", one, number(graph, np.float64(largest)))
    beyond = graph.add("Sub", matrix, limit)
    inside = Graph("sign", prefix="in_")
    inside.input("step", [], "int64")
    inside.input("going", [], "bool")
    sign = inside.input("sign", [size, size], "float64")
    missing = inside.add("Sub", one, inside.add("MatMul", sign, sign))
    half = inside.add("Mul", missing, number(inside, np.float64(0.5)))
    inside.output(unconverged(inside, missing, size), "again", [], "bool")
    turned = inside.add("Add", sign, inside.add("MatMul", sign, half))
    inside.output(turned, "sign_next", [size, size], "float64")
    start = graph.add("Div", beyond, frobenius(graph, beyond))
    found = graph.add(
        "Loop",
        graph.constant(np.array(MOST, np.int64)),
        graph.constant(np.array(True)),
        start,
        body=inside,
    )
    absolute = graph.add("MatMul", beyond, found)
    kept = graph.add("Sub", graph.add("Add", matrix, limit), absolute)
    return graph.add("Mul", kept, number(graph, np.float64(0.5)))


def at_least(graph: Graph, matrix: str, size: int, least: float) -> str:
    """The same with no eigenvalue below the least."""
    negative = graph.add("Neg", matrix)
    return graph.add("Neg", at_most(graph, negative, size, -least))


def unconverged(graph: Graph, missing: str, size: int) -> str:
    square = graph.add("ReduceSum", graph.add("Mul", missing, missing), keepdims=0)
    return graph.add("Greater", square, number(graph, np.float64(size * CONVERGED**2)))


def frobenius(graph: Graph, matrix: str) -> str:
    square = graph.add("ReduceSum", graph.add("Mul", matrix, matrix), keepdims=0)
    least = number(graph, np.float64(1e-300))
    return graph.add("Sqrt", graph.add("Add", square, least))


def number(graph: Graph, value: Array | np.float64) -> str:
    return graph.constant(np.asarray(value, np.float64))


def identity(graph: Graph, size: int) -> str:
    """The identity (C, C), once in a graph; the bodies of its loops see it, too."""
    name = f"identity_{size}"
    if name not in graph.known:
        graph.known.add(name)
        graph.constant(np.eye(size), name)
    return name
