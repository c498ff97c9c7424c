"""How much is measured, and on which pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from gramarye.config import StylizeConfig, make_config
from gramarye.images import Picture, load_image, save_picture
from gramarye.networks.features import PerceptualNetwork
from gramarye.samples import sample_path
from gramarye.scales import fit, resize, style_at
from gramarye.stylize import config_network, match_pictures

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
    plain_steps: int = 500  # of the run `default` is compared with
    megapixels: tuple[float, ...] = (0.25, 1.0, 4.0)
    settings: Mapping[str, int | str] = field(default_factory=dict)  # that differ from `default`

    def config(self) -> StylizeConfig:
        settings: dict[str, Any] = {"size": self.size, "device": "cpu", **self.settings}
        return make_config(**settings)

    def options(self) -> list[str]:
        """The settings as the command takes them."""
        settings = {"size": self.size, "device": "cpu", **self.settings}
        return [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]


FULL = Plan()
QUICK = Plan(
    size=128,
    pairs=PAIRS[:1],
    repeats=1,
    vgg_gradients=1,
    plain_steps=100,
    megapixels=(0.0625, 0.25),
    settings={"min_size": 64},
)


@dataclass(frozen=True)
class Scene:
    """What an objective at the full size is made of."""

    config: StylizeConfig
    network: PerceptualNetwork
    content: Tensor  # (1, 3, h, w), its colors moved as the config asks
    style: Tensor


def load_pair(pair: Pair) -> tuple[Tensor, Tensor]:
    """The pictures of a pair as their files hold them, content and style."""
    return load_image(sample_path(pair[0])), load_image(sample_path(pair[1]))


def at_full_size(content: Tensor, style: Tensor, config: StylizeConfig) -> tuple[Tensor, Tensor]:
    """Content and style as `stylize_steps` prepares them for its last scale."""
    matched, (style,) = match_pictures(content, [style], config)
    height, width = fit(content.shape[-2], content.shape[-1], config.size)
    return resize(matched, height, width), style_at(style, config.size, config.style_scale)


def load_scene(pair: Pair, plan: Plan) -> Scene:
    config = plan.config()
    content, style = at_full_size(*load_pair(pair), config)
    return Scene(config, config_network(config), content, style)


def write_jpeg(name: str, megapixels: float, folder: Path) -> Path:
    """A sample resized to a number of megapixels, as a file."""
    image = load_image(sample_path(name))
    factor = (megapixels * 1e6 / (image.shape[-2] * image.shape[-1])) ** 0.5
    height, width = (round(side * factor) for side in image.shape[-2:])
    resized = resize(image, height, width).clamp(0, 1)
    return save_picture(Picture.from_tensor(resized), folder / f"{name}-{megapixels}.jpg").path
