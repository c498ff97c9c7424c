"""ONNX files written by hand: nodes, numbers and graphs as protocol buffers.

A file is a message of fields, each a key and a number or a piece of bytes: a page of code. The
package `onnx` would do the same, with 34 MB of its own and others' at run time; the tests have it
check what is written here. Numbers of fields are those of onnx.proto (ONNX, IR version 10).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Shape = Sequence[int | str]  # a name is a side that may have any length

IR_VERSION, OPSET = 10, 18  # opset 18 is the first that resizes as Pillow and PyTorch do
KINDS = {"float32": 1, "int64": 7, "bool": 9, "float16": 10, "float64": 11}


@final
class Graph:
    """A graph that is being written: values are known by their names."""

    def __init__(self, name: str, prefix: str = "") -> None:
        self.name, self.prefix = name, prefix
        self.nodes: list[bytes] = []
        self.numbers: list[bytes] = []
        self.inputs: list[bytes] = []
        self.outputs: list[bytes] = []
        self.known: set[str] = set()  # names of numbers that are there already
        self.count = 0

    def new_name(self, about: str) -> str:
        self.count += 1
        return f"{self.prefix}{about}_{self.count}"

    def input(self, name: str, shape: Shape, kind: str = "float32") -> str:
        self.inputs.append(value_info(name, shape, kind))
        return name

    def output(self, value: str, name: str, shape: Shape, kind: str = "float32") -> None:
        """Let a value be a result of the graph under a name."""
        self.nodes.append(node("Identity", [value], [name], {}))
        self.outputs.append(value_info(name, shape, kind))

    def constant(self, numbers: Array | float | Sequence[int], name: str = "") -> str:
        """Numbers in the graph; whole ones are int64, a plain float is a float32."""
        array = np.asarray(numbers)
        if isinstance(numbers, float):
            array = array.astype(np.float32)
        name = name or self.new_name("constant")
        self.numbers.append(tensor(array, name))
        return name

    def add(self, operation: str, *inputs: str, outputs: int = 1, **attributes: Attribute) -> str:
        """The first result of an operation; `all_of` gives all."""
        return self.all_of(operation, *inputs, outputs=outputs, **attributes)[0]

    def all_of(
        self, operation: str, *inputs: str, outputs: int = 1, **attributes: Attribute
    ) -> list[str]:
        names = [self.new_name(operation) for _ in range(outputs)]
        self.nodes.append(node(operation, inputs, names, attributes))
        return names

    def message(self) -> bytes:
        return b"".join(
            [
                *(piece(1, one) for one in self.nodes),
                text(2, self.name),
                *(piece(5, one) for one in self.numbers),
                *(piece(11, one) for one in self.inputs),
                *(piece(12, one) for one in self.outputs),
            ]
        )


Attribute = int | float | str | Sequence[int] | Graph


def model(graph: Graph, version: str, metadata: Mapping[str, str] | None = None) -> bytes:
    """The content of an ONNX file; `version` is that of gramarye."""
    opset = text(1, "") + integer(2, OPSET)
    about = (text(1, key) + text(2, value) for key, value in (metadata or {}).items())
    return b"".join(
        [
            integer(1, IR_VERSION),
            text(2, "gramarye"),
            text(3, version),
            piece(7, graph.message()),
            piece(8, opset),
            *(piece(14, entry) for entry in about),
        ]
    )


def node(
    operation: str,
    inputs: Iterable[str],
    outputs: Iterable[str],
    attributes: Mapping[str, Attribute],
) -> bytes:
    return b"".join(
        [
            *(text(1, name) for name in inputs),
            *(text(2, name) for name in outputs),
            text(4, operation),
            *(piece(5, attribute(name, value)) for name, value in attributes.items()),
        ]
    )


def attribute(name: str, value: Attribute) -> bytes:
    start = text(1, name)
    if isinstance(value, Graph):
        return start + piece(6, value.message()) + integer(20, 5)
    if isinstance(value, str):
        return start + text(4, value) + integer(20, 3)
    if isinstance(value, float):
        return start + key(2, 5) + struct.pack("<f", value) + integer(20, 1)
    if isinstance(value, int):
        return start + integer(3, value) + integer(20, 2)
    return start + b"".join(integer(8, int(part)) for part in value) + integer(20, 7)


def tensor(array: Array, name: str) -> bytes:
    return b"".join(
        [
            *(integer(1, side) for side in array.shape),
            integer(2, KINDS[array.dtype.name]),
            text(8, name),
            piece(9, np.ascontiguousarray(array).tobytes()),  # of little-endian machines
        ]
    )


def value_info(name: str, shape: Shape, kind: str) -> bytes:
    sides = b"".join(
        piece(1, text(2, side) if isinstance(side, str) else integer(1, side)) for side in shape
    )
    return text(1, name) + piece(2, piece(1, integer(1, KINDS[kind]) + piece(2, sides)))


def key(field: int, kind: int) -> bytes:
    return varint(field << 3 | kind)


def integer(field: int, number: int) -> bytes:
    return key(field, 0) + varint(number % (1 << 64))


def piece(field: int, content: bytes) -> bytes:
    return key(field, 2) + varint(len(content)) + content


def text(field: int, content: str) -> bytes:
    return piece(field, content.encode())


def varint(number: int) -> bytes:
    """A whole number, seven bits a byte, the lowest first."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)
