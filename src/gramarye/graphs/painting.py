"""A picture painted in one pass by graphs that ONNX Runtime runs; no PyTorch here.

The same as `painted.Painting` of a picture in one piece: looking and stepping are graphs, one of
each for the steps at parts of the size and at the whole, and what lies between them, such as the
maps of features with their eigenvectors, is numpy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from gramarye.feedforward.settings import LEAST, PainterConfig, StepConfig, reach
from gramarye.graphs.images import add_detail, resize, uniform_noise, whole
from gramarye.graphs.layers import Carry, Seer, StepShape, Tensors, look, step
from gramarye.graphs.moments import Moments, mixed, transport
from gramarye.graphs.runtime import Session
from gramarye.graphs.writing import Array, Graph, model

Look = Mapping[int, Mapping[str, Moments]]  # what a style is like, by part and layer


@final
@dataclass(frozen=True)
class Network:
    """A painter's file, and that of the network it sees by."""

    config: PainterConfig
    painter: Tensors
    seer: Seer

    def shape(self, part: int) -> StepShape:
        config = self.step_config(part)
        return StepShape("fine." if part == 1 else "coarse.", config.layers, config.blocks)

    def step_config(self, part: int) -> StepConfig:
        return self.config.fine if part == 1 else self.config.coarse


@final
class Graphs:
    """The sessions of a painter: looking and stepping, at parts of the size and at the whole."""

    def __init__(self, network: Network, threads: int | None = None) -> None:
        self.network, self.threads = network, threads
        self.sessions: dict[str, Session] = {}

    def see(self, image: Array, part: int) -> dict[str, Array]:
        """The features (1, C, h, w) of an image (1, 3, H, W) by layer."""
        return self.session("look", part)(image=image)

    def session(self, what: str, part: int) -> Session:
        name = f"{what}, {'whole' if part == 1 else 'part'}"
        if name not in self.sessions:
            make = look_graph if what == "look" else step_graph
            self.sessions[name] = Session(model(make(self.network, part), ""), self.threads)
        return self.sessions[name]

    def look_at(self, style: Array, parts: Sequence[int]) -> Look:
        """What a style (1, 3, h, w) is like at each part."""
        found = {}
        for part in dict.fromkeys(parts):
            height, width = (max(-(-side // part), LEAST) for side in style.shape[-2:])
            seen = self.see(resize(style, height, width).clip(0, 1), part)
            found[part] = {layer: Moments.of(features) for layer, features in seen.items()}
        return found

    def paint(
        self,
        content: Array,
        styles: Sequence[Array],
        weights: Sequence[float],
        *,
        strength: float,
        seed: int,
        between: bool = False,
    ) -> Array:
        """The painted content (1, 3, H, W), whose colors match the styles' already."""
        height, width = content.shape[-2:]
        content, image = whole(content), None
        parts = list(parts_for(self.network.config.parts, content))
        looks = [self.look_at(style, parts) for style in styles]
        for number, part in enumerate(parts):
            rows, columns = (-(-side // part) for side in content.shape[-2:])
            here = resize(content, rows, columns).clip(0, 1)
            image = self.entered(image, here, part, (seed + number) % 2**63)
            goals = {
                layer: mixed([found[part][layer] for found in looks], weights, between=between)
                for layer in self.network.step_config(part).layers
            }
            image = self.stepped(image, goals, part, reach(strength))
        assert image is not None
        return image[..., :height, :width].clip(0, 1)

    def entered(self, before: Array | None, content: Array, part: int, seed: int) -> Array:
        """Where a step begins: the last one's image with some detail and, at a new size, noise."""
        config = self.network.config
        image = add_detail(before, content, config.detail)
        if part > 1 and (before is None or before.shape != content.shape):
            drawn = uniform_noise(image.shape[-2], image.shape[-1], seed)
            image = image + np.float32(config.grain * 12**0.5) * (drawn - np.float32(0.5))
        return np.ascontiguousarray(image, np.float32)

    def stepped(
        self, image: Array, goals: Mapping[str, Moments], part: int, amount: float
    ) -> Array:
        seen = self.see(image, part)
        given = {"image": image, "amount": np.float32(amount)}
        for layer, features in seen.items():
            move = transport(Moments.of(features), goals[layer])
            given |= {
                layer: features,
                f"matrix.{layer}": move.matrix,
                f"offset.{layer}": move.offset,
                f"size.{layer}": np.float32(move.size),
            }
        return self.session("step", part)(**{k: np.asarray(v) for k, v in given.items()})["next"]


def parts_for(parts: Sequence[int], content: Array) -> Iterator[int]:
    """The parts of the size that a picture has room for."""
    side = min(content.shape[-2:])
    return (part for part in parts if part == 1 or side >= part * LEAST)


def look_graph(network: Network, part: int) -> Graph:
    graph = Graph("look")
    image = graph.input("image", [1, 3, "height", "width"])
    layers = network.shape(part).layers
    for layer, features in look(graph, image, network.seer, layers).items():
        sides = (f"height_{layer}", f"width_{layer}")
        graph.output(features, layer, [1, network.seer.channels(layer), *sides])
    return graph


def step_graph(network: Network, part: int) -> Graph:
    graph = Graph("step")
    image, amount = graph.input("image", [1, 3, "height", "width"]), graph.input("amount", [])
    shape = network.shape(part)
    features, carries = {}, {}
    for layer in shape.layers:
        channels = network.seer.channels(layer)
        sides = (f"height_{layer}", f"width_{layer}")
        features[layer] = graph.input(layer, [1, channels, *sides])
        carries[layer] = Carry(
            graph.input(f"matrix.{layer}", [channels, channels]),
            graph.input(f"offset.{layer}", [channels, 1]),
            graph.input(f"size.{layer}", []),
            amount,
        )
    made = step(graph, image, features, carries, network.painter, shape)
    graph.output(made, "next", [1, 3, "height", "width"])
    return graph
