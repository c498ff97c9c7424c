"""The shipped painter, trained on for styles of one's own.

Each step is one of `feedforward.training`, with a style of one's own in place of any painting's;
several styles are drawn in turn.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor

from gramarye.errors import ImageError
from gramarye.feedforward.cascade import Cascade, StyleLook
from gramarye.feedforward.files import FORMAT, load_painter, packed
from gramarye.feedforward.painting import paint
from gramarye.feedforward.pairs import Pairs, content_crop
from gramarye.feedforward.settings import (
    CONTENT_LAYERS,
    MULTIPLE,
    STYLE_LAYERS,
    FeedForwardConfig,
    PainterConfig,
)
from gramarye.feedforward.training import Record, Training
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.passes import choose_precision
from gramarye.training.images import Photographs
from gramarye.training.learner import TOTAL
from gramarye.training.settings import TrainConfig
from gramarye.units import show_size

WARMUP = 10  # steps
AVERAGE = 0.98  # decay of the averaged weights: what is kept is the mean of some fifty steps
SHOWN = ("match", "style", "outside")  # kinds of losses, each over all parts and layers
MOST = 3  # styles that are measured


@final
class OwnPairs:
    """Crops of photographs, each step with one of the styles; by the seed and the step alone.

    `looks` are what the styles (1, 3, H, W) are like at each part: they stay the same.
    """

    def __init__(
        self,
        photographs: Photographs,
        styles: Sequence[Tensor],
        looks: Sequence[StyleLook],
        side: int,
        batch: int,
        seed: int,
    ) -> None:
        self.photographs, self.styles = photographs, list(styles)
        self.looks = [
            {
                part: {layer: seen.repeated(batch) for layer, seen in layers.items()}
                for part, layers in look.items()
            }
            for look in looks
        ]
        self.side, self.batch, self.seed = side, batch, seed

    def __call__(self, step: int) -> Pairs:
        generator = torch.Generator().manual_seed((self.seed * 1_000_003 + step) % 2**63)
        pictures = self.photographs.draw(self.batch, generator)
        contents = torch.cat([content_crop(p, self.side, generator) for p in pictures])
        which = step % len(self.styles)
        style = self.styles[which].expand(self.batch, -1, -1, -1)
        return Pairs(contents, style, self.looks[which])


@final
class OwnLearner:
    """A painter that is trained on with styles (1, 3, H, W)."""

    def __init__(
        self,
        config: TrainConfig,
        network: PerceptualNetwork,
        start: str | Path,
        styles: Sequence[Tensor],
        names: Sequence[str],
        photographs: Photographs,
    ) -> None:
        begun = load_painter(start, network)
        check_styles(styles, names, least_side(begun.config, network))
        self.styles, self.names = list(styles), tuple(names)
        side = -(-config.size // MULTIPLE) * MULTIPLE
        bfloat16 = choose_precision("auto", torch.device("cpu")) == "bfloat16"
        cascade = Cascade(network, begun.config, bfloat16=bfloat16)
        looks = [cascade.look(style) for style in styles]
        self.training = Training(
            FeedForwardConfig(
                network=begun.config,
                sides=(side,),
                pixels=config.batch * side**2,
                match=config.content_weight,
                style=config.style_weight,
                smooth=config.tv_weight,
                learning_rate=config.learning_rate,
                warmup=WARMUP,
                plateau=max(1, config.steps // 3),
                average=AVERAGE,
                seed=config.seed,
            ),
            network,
            OwnPairs(photographs, styles, looks, side, config.batch, config.seed),
        )
        self.training.painter.load_state_dict(begun.state_dict())
        self.training.begin()
        self.records: Iterator[Record] = self.training.run()

    @property
    def step(self) -> int:
        return self.training.step

    def learn(self) -> dict[str, float]:
        return summed_up(next(self.records).losses)

    def paint(self, photograph: Tensor, which: int) -> Tensor:
        return self.painted(photograph, which)[0]

    def painted(self, photograph: Tensor, which: int) -> tuple[Tensor, dict[str, float]]:
        own = self.training
        found = paint(
            own.average,
            own.cascade,
            own.objective,
            photograph,
            self.styles[which],
            bfloat16=own.bfloat16,
        )
        return found.image, found.losses

    def measure(self, photographs: list[Tensor]) -> dict[str, float]:
        """Style losses are shares of the way left, those of the content relative to itself."""
        sums = {"style": 0.0, "content": 0.0}
        styles = range(min(MOST, len(self.styles)))
        for photograph in photographs:
            for which in styles:
                losses = self.painted(photograph, which)[1]
                for name, layers in (("style", STYLE_LAYERS), ("content", CONTENT_LAYERS)):
                    weighed = (w * losses[f"{name}/{layer}"] for layer, w in layers.items())
                    sums[name] += sum(weighed) / sum(layers.values())
        found = {name: value / len(photographs) / len(styles) for name, value in sums.items()}
        return {**found, TOTAL: sum(found.values())}

    def state_dict(self) -> dict[str, Any]:
        return self.training.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.training.load_state_dict(state)
        self.records = self.training.run()

    def packed(self) -> bytes:
        return packed(self.training.average, self.training.step, self.names)

    def describe(self) -> dict[str, Any]:
        config = self.training.config.network.model_dump(mode="json")
        return {"format": FORMAT, "network": config}


def least_side(config: PainterConfig, network: PerceptualNetwork) -> int:
    """Pixels that both sides of a style have at least, to be seen at all parts of its size."""
    parts = (part * network.minimum_size(config.layers(part)) for part in set(config.parts))
    return max(network.minimum_size({*STYLE_LAYERS, *CONTENT_LAYERS}), *parts)


def check_styles(styles: Sequence[Tensor], names: Sequence[str], least: int) -> None:
    for style, name in zip(styles, names, strict=True):
        height, width = style.shape[-2:]
        if min(height, width) < least:
            raise ImageError(
                f"'{name}' is seen at {show_size(width, height)} pixels, and the painter needs at "
                f"least {least} of both sides: give a larger style, or a larger --style-size"
            )


def summed_up(losses: Mapping[str, float]) -> dict[str, float]:
    """The mean of each kind of loss over parts and layers: `0/style/relu4_1` is of style."""
    found = {}
    for kind in SHOWN:
        values = [value for name, value in losses.items() if kind in name.split("/")]
        if values:
            found[kind] = math.fsum(values) / len(values)
    return found
