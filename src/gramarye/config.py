"""The settings of a stylization, written once: defaults, ranges and help for every front end."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, model_validator

from gramarye.errors import SettingsError, did_you_mean
from gramarye.networks.catalog import find_network

# Not relu5_1, which the papers use: its features are so rare that a few spots of the picture can
# satisfy it, as specks in the sky or parts of the style's figure (docs/quality.md shows it).
STYLE_LAYERS = {"relu1_1": 8.0, "relu2_1": 4.0, "relu3_1": 2.0, "relu4_1": 1.0}


class StylizeConfig(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """Everything that decides the picture, besides the content and the styles themselves."""

    preset: str = Field("default", description="named set of settings the others start from")

    # the picture
    size: int = Field(512, ge=16, le=65_536, description="longest side of the result, in pixels")
    strength: float = Field(
        0.5, ge=0, le=1, description="how much the style shows: 0 hardly, 0.5 balanced, 1 wild"
    )
    color: Literal["style", "content", "free"] = Field(
        "style",
        description="whose colors the picture takes: the style's (moved to the content before the "
        "first step), the content's (kept), or free (whatever the losses find)",
    )
    init: str = Field(
        "content", description="first image: content, noise, gray, style or the path of a picture"
    )
    style_scale: float = Field(
        1.0,
        gt=0,
        le=8,
        description="size of the style's strokes, relative to the style picture "
        "brought to the result's size",
    )
    seed: int = Field(0, ge=0, lt=2**63, description="seed of the noise")

    # the network
    network: str = Field("vgg19-lite", description="network that defines the losses")
    weights: str | None = Field(None, description="file of the network's weights")
    pooling: Literal["default", "max", "avg", "l2"] = Field(
        "default", description="pooling inside the network"
    )
    padding: Literal["default", "zeros", "reflect", "replicate"] = Field(
        "default", description="what a convolution sees beyond the border"
    )
    normalize_weights: bool = Field(
        False, description="rescale the network to a mean activation of 1 (Gatys 2015)"
    )

    # the losses
    content_layers: dict[str, float] = Field(
        {"relu4_2": 1.0}, description="layers of the content loss, with their weights"
    )
    style_layers: dict[str, float] = Field(
        STYLE_LAYERS, description="layers of the style loss, with their weights"
    )
    content_loss: Literal["relative", "mean", "sum"] = Field(
        "relative",
        description="squared error: over the content's own square, its mean, or half "
        "its sum (the paper's)",
    )
    style_loss: Literal["gram", "gram-paper", "covariance", "wasserstein"] = Field(
        "covariance", description="distance between the statistics of image and style"
    )
    balance: Literal["relative", "absolute"] = Field(
        "relative",
        description="unit of the style weight: the style loss of the content itself, or 1 (the "
        "paper's)",
    )
    content_weight: float = Field(1.0, ge=0, description="pull towards the content")
    style_weight: float = Field(60.0, ge=0, description="pull towards the style")
    tv_weight: float = Field(0.0, ge=0, description="pull towards smoothness (total variation)")
    tv: Literal["squared", "absolute"] = Field("squared", description="kind of total variation")

    # the optimization
    optimizer: Literal["lbfgs", "adam", "gradient-descent"] = Field(
        "lbfgs", description="how the pixels are moved"
    )
    min_size: int = Field(256, ge=16, description="longest side of the first, coarsest scale")
    scale_factor: float = Field(2.0, gt=1, description="ratio of one scale to the next")
    steps: int = Field(60, ge=1, description="steps at the first scale")
    finer_steps: int = Field(75, ge=0, description="steps at each later scale")
    step_decay: float = Field(
        0.75,
        gt=0,
        le=1,
        description="steps of a scale after the second, as a share of those of the one before",
    )
    grain: float = Field(
        1.0,
        ge=0,
        le=1,
        description="noise like the style's detail that an enlarged image gets, as a share of "
        "what it lacks",
    )
    learning_rate: float = Field(1.0, gt=0, description="step length (L-BFGS 1, Adam about 0.02)")
    history: int = Field(10, ge=1, le=1000, description="pairs L-BFGS remembers")
    clip: float = Field(
        2.0,
        ge=0,
        description="bound of the gradient's entries in L-BFGS's directions, in root mean squares "
        "(0 is none)",
    )
    line_search: Literal["none", "strong-wolfe"] = Field("none", description="L-BFGS's line search")
    stop_change: float = Field(
        0.0,
        ge=0,
        description="end a scale when a step moves the image by less, root mean square over the "
        "pixels, mean of five steps (0 is never)",
    )
    average: float = Field(
        0.0, ge=0, lt=1, description="decay of the averaged image (Adam; 0 is no averaging)"
    )

    # the machine
    device: str = Field("auto", description="cpu, cuda, mps, xpu or auto")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="numbers the network computes with: bfloat16 is twice as fast where the "
        "processor has it, which auto finds out",
    )
    memory: str | None = Field(
        None, description="most memory to take, such as 4GiB (default: most of what is free)"
    )

    @model_validator(mode="after")
    def check_weights(self) -> StylizeConfig:
        if not self.content_layers and not self.style_layers:
            raise ValueError("there is neither a content layer nor a style layer: name one")
        for layer, weight in (self.content_layers | self.style_layers).items():
            if weight < 0:
                raise ValueError(f"weight of layer {layer} is {weight}: it must be 0 or more")
        return self


def preset_names() -> tuple[str, ...]:
    """The presets shipped with the package, sorted."""
    folder = resources.files("gramarye") / "presets"
    return tuple(
        sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))
    )


def load_preset(name: str) -> dict[str, Any]:
    """The settings a preset changes, as a dict."""
    names = preset_names()
    if name not in names:
        hint = did_you_mean(name, names)
        raise SettingsError(f"unknown preset {name!r}: there are {', '.join(names)}{hint}")
    text = (resources.files("gramarye") / "presets" / f"{name}.toml").read_text("utf-8")
    settings: dict[str, Any] = tomllib.loads(text)
    settings.pop("about", None)
    return settings


def make_config(preset: str = "default", **settings: Any) -> StylizeConfig:
    """A preset's settings with some of them changed; SettingsError says what is wrong with one."""
    fields = StylizeConfig.model_fields
    for name in settings:
        if name not in fields:
            hint = did_you_mean(name, fields)
            raise SettingsError(f"unknown setting {name!r}{hint}")
    given = {**load_preset(preset), **settings, "preset": preset}
    try:
        return StylizeConfig(**{**network_layers(given.get("network")), **given})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        came = f" (got {first['input']!r})" if where else ""
        told = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{where or 'settings'}: {told}{came}") from error


def network_layers(name: object) -> dict[str, Any]:
    """The layers that stand for VGG-19's in a network with other names; nothing for a VGG."""
    info = find_network(name) if isinstance(name, str) else None
    if info is None or set(info.style_layers) >= set(STYLE_LAYERS):
        return {}
    weights = (8.0, 4.0, 2.0, 1.0, 1.0)
    return {
        "style_layers": dict(zip(info.style_layers, weights, strict=True)),
        "content_layers": {info.content_layer: 1.0},
    }
