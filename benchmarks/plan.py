"""How much is measured, and on which pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from gramarye.config import StylizeConfig, make_config
from gramarye.fitting import config_at
from gramarye.inputs.inputs import match_colors
from gramarye.losses.terms import needs_of
from gramarye.memory.budget import budget_scale
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.passes import Precision, choose_precision, has_bfloat16
from gramarye.objective import Evaluates, Objective
from gramarye.optimize import Iterate, optimize
from gramarye.pictures.picture import load_image
from gramarye.plan import run_network
from gramarye.samples import sample_path
from gramarye.scales.resizing import resize, style_at
from gramarye.scales.sizes import fit
from gramarye.stylize import make_objective

# What convolutions can compute with on this machine, everything on its processor.
PRECISIONS: tuple[Precision, ...] = (
    ("float32", "bfloat16") if has_bfloat16(torch.device("cpu")) else ("float32",)
)

Pair = tuple[str, str]  # the names of a content and a style sample

PAIRS: tuple[Pair, ...] = (
    ("landscape", "woodblock"),
    ("fox", "impasto"),
    ("canal", "pointillism"),
)


@dataclass(frozen=True)
class Plan:
    """The sizes and counts of one run. Every side of a ratio is measured `repeats` times."""

    size: int = 512  # pixels, longest side
    pairs: tuple[Pair, ...] = PAIRS
    repeats: int = 3
    vgg_gradients: int = 3  # per repeat
    block: int = 5  # steps timed together, where one is too short
    plain_steps: int = 500  # of the runs `default` is compared with
    pixels: tuple[int, ...] = (512, 1024)  # longest sides, where more than one is measured
    megapixels: tuple[float, ...] = (0.25, 1.0, 4.0)  # of a result, its content and its style
    tiled_megapixels: float = 4.0
    probe: int = 2048  # side of the matrices the machine's rates are measured with
    settings: Mapping[str, int | str] = field(default_factory=dict)  # that differ from `default`

    def config(self) -> StylizeConfig:
        settings: dict[str, Any] = {"size": self.size, "device": "cpu", **self.settings}
        return make_config(**settings)

    def options(self) -> list[str]:
        """The settings as the command takes them."""
        settings = {"size": self.size, "device": "cpu", **self.settings}
        return [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]

    def at(self, size: int, **settings: int | str) -> Plan:
        """The same at another size, with further settings."""
        return replace(self, size=size, settings={**self.settings, **settings})


FULL = Plan()
QUICK = Plan(
    size=128,
    pairs=PAIRS[:1],
    repeats=1,
    vgg_gradients=1,
    plain_steps=100,
    pixels=(128,),
    megapixels=(0.0625, 0.25),
    tiled_megapixels=0.0625,
    probe=512,
    settings={"min_size": 64},
)


@dataclass(frozen=True)
class Scene:
    """What an objective at the full size is made of."""

    config: StylizeConfig
    network: PerceptualNetwork
    content: Tensor  # (1, 3, h, w), its colors moved as the config asks
    style: Tensor

    @property
    def layers(self) -> frozenset[str]:
        return needs_of(self.config.terms).all_layers

    @property
    def precision(self) -> Precision:
        return choose_precision(self.config.machine.precision, self.content.device)

    def objective(self, precision: Precision = "auto") -> Objective:
        """The objective in one piece, in the config's precision or in another."""
        config = self.config
        if precision != "auto":
            config = config.with_settings(precision=precision)
        seen = {"content": self.content, "style/0": self.style}
        return make_objective(self.network, seen, config)

    def optimize(
        self, objective: Evaluates, steps: int, image: Tensor | None = None
    ) -> Iterator[Iterate]:
        """The steps of the scale where memory is no matter; from the content by default."""
        height, width = self.content.shape[-2:]
        needs, settings = needs_of(self.config.terms), self.config.optimizer
        budget = budget_scale(
            self.network, (height, width), (0, height), needs, settings, self.precision, None
        )
        start = self.content if image is None else image
        return optimize(start, objective, settings, steps, storage=budget.storage)


def load_pair(pair: Pair) -> tuple[Tensor, Tensor]:
    """The pictures of a pair as their files hold them, content and style."""
    return load_image(sample_path(pair[0])), load_image(sample_path(pair[1]))


def load_network(config: StylizeConfig) -> PerceptualNetwork:
    """The config's network, in memory as `stylize_steps` has it."""
    return run_network(config, torch.device("cpu"))


def at_full_size(content: Tensor, style: Tensor, config: StylizeConfig) -> tuple[Tensor, Tensor]:
    """Content and style as `stylize_steps` prepares them for its last scale."""
    picture = config.picture
    matched, (style,) = match_colors(content, [style], picture)
    height, width = fit(content.shape[-2], content.shape[-1], picture.size)
    return resize(matched, height, width), style_at(style, picture.size, picture.style_scale)


def load_scene(pair: Pair, plan: Plan) -> Scene:
    config = plan.config()
    content, style = at_full_size(*load_pair(pair), config)
    network = load_network(config)
    seen = {"content": content.shape[-2:], "style/0": style.shape[-2:]}
    return Scene(config_at(config, network, seen), network, content, style)


def size_of(name: str, megapixels: float) -> tuple[int, int]:
    """Width and height of a sample brought to so many megapixels."""
    with Image.open(sample_path(name)) as picture:
        width, height = picture.size
    factor = (megapixels * 1e6 / (width * height)) ** 0.5
    return round(width * factor), round(height * factor)


def size_along(name: str, longest: int) -> tuple[int, int]:
    """Width and height of a sample brought to a longest side."""
    with Image.open(sample_path(name)) as picture:
        width, height = picture.size
    height, width = fit(height, width, longest)
    return width, height


def write_jpeg(name: str, size: tuple[int, int], folder: Path) -> Path:
    """A sample at another width and height, as a file.

    Pillow's bytes, not tensors: 100 megapixels then take 300 MiB of this process.
    """
    path = folder / f"{name}-{size[0]}x{size[1]}.jpg"
    with Image.open(sample_path(name)) as picture:
        resized = picture.convert("RGB").resize(size, Image.Resampling.BICUBIC)
    resized.save(path, quality=95)
    return path
