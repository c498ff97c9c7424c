"""The settings of a training for a style of one's own; no PyTorch here."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeVar, final

from pydantic import BaseModel, Field, ValidationError

from gramarye.errors import SettingsError, did_you_mean
from gramarye.johnson.settings import JohnsonConfig
from gramarye.settings import Part
from gramarye.units import show_value
from gramarye.validation import first_problem

Way = Literal["minute", "warm", "small", "video", "paper"]
FROM_NOTHING = ("small", "video", "paper")  # the ways that train a Johnson network
Made = TypeVar("Made", bound=Part)
LEAST_SIDE = 128  # of crops for the painter, in pixels
Weight = Annotated[float, Field(ge=0, le=1e6)]


@final
class TrainConfig(Part):
    """Everything that decides what a training makes, besides the pictures.

    The defaults are those of the warm start; `WAYS` holds what the others change.
    """

    title: ClassVar[str] = "the training"

    steps: int = Field(
        2000,
        ge=1,
        le=10**9,
        description="steps at most (--minute 300, --small, --video 10,000, --paper 40,000)",
    )
    seconds: float = Field(
        1800,
        ge=0,
        le=1e9,
        description="time at most, 0 for any (--minute 50, --small, --video 3600, --paper 0)",
    )
    size: int = Field(
        256,
        ge=16,
        le=2048,
        description="side of the photographs' crops, in pixels (--minute, --small, --video 192)",
    )
    style_size: int = Field(
        512,
        ge=16,
        le=4096,
        description="longest side of the styles, in pixels (--small, --video 384, --paper 256)",
    )
    batch: int = Field(
        2, ge=1, le=1024, description="photographs of a step (--minute 1, --paper 4)"
    )
    learning_rate: float = Field(
        5e-4, gt=0, le=1, description="Adam's rate (--minute, --small, --video, --paper 0.001)"
    )
    content_weight: Weight = Field(
        1.0, description="weight of the content, or of the features that are wanted"
    )
    style_weight: Weight = Field(
        3.0, description="weight of the style (--small, --video, --paper 5)"
    )
    tv_weight: Weight = Field(1.0, description="weight of the total variation")
    measure_every: int = Field(
        100,
        ge=0,
        le=10**9,
        description="steps between two looks at held-out photographs, 0 for the first and the "
        "last alone (--minute 0, --small, --video, --paper 500)",
    )
    patience: int = Field(
        4,
        ge=0,
        le=10**6,
        description="looks without a lower held-out loss after which it ends, 0 for never "
        "(--minute, --small, --video, --paper 0)",
    )
    seed: int = Field(0, ge=0, lt=2**63, description="seed of weights, crops and noise")


@final
class LossConfig(Part):
    """What Johnson's network is compared by; defaults are the paper's."""

    title: ClassVar[str] = "what compares it (--paper, --small, --video)"

    network: str = Field(
        "vgg16", description="the network that compares (--small, --video vgg19-lite)"
    )
    weights: str | None = Field(None, description="its weights file, in place of the published one")
    content_layer: str | None = Field(
        None, description="the content's layer [relu3_3, or the network's]"
    )
    style_layers: str | None = Field(
        None,
        description="the style's layers, separated by commas [relu1_2,relu2_2,relu3_3,relu4_3, or "
        "the network's]",
    )
    stability: Weight = Field(
        0.0,
        description="weight of how far the painting of a moved picture is from the moved painting "
        "(--video 100)",
    )
    device: str = Field("auto", description="where it trains: auto, cpu, cuda, cuda:1, mps, xpu")


SMALL: dict[str, Any] = {
    "steps": 10_000,
    "seconds": 3600.0,
    "size": 192,
    "style_size": 384,
    "learning_rate": 1e-3,
    "style_weight": 5.0,
    "measure_every": 500,
    "patience": 0,
    "network": "vgg19-lite",
    "channels": (8, 16, 32),
    "kernel": 5,
    "border": "everywhere",
    "upsampling": "nearest",
}

# What the ways differ in from the warm start; in their networks' shape, from the paper.
WAYS: dict[Way, dict[str, Any]] = {
    "minute": {
        "steps": 300,
        "seconds": 50.0,
        "size": 192,
        "batch": 1,
        "learning_rate": 1e-3,
        "measure_every": 0,
        "patience": 0,
    },
    "warm": {},
    "small": SMALL,
    "video": {**SMALL, "stability": 100.0},
    "paper": {
        "steps": 40_000,
        "seconds": 0.0,
        "style_size": 256,
        "batch": 4,
        "learning_rate": 1e-3,
        "style_weight": 5.0,
        "measure_every": 500,
        "patience": 0,
    },
}


@final
class Settings(BaseModel, frozen=True):
    """All settings of a training, in their parts."""

    way: Way
    training: TrainConfig
    losses: LossConfig
    shape: JohnsonConfig

    @property
    def from_nothing(self) -> bool:
        """Whether a Johnson network is trained, and not the painter trained on."""
        return self.way in FROM_NOTHING


def make_settings(way: Way = "warm", **settings: Any) -> Settings:
    """The settings of a way with some of them changed; SettingsError says what is wrong with one.

    Those of `LossConfig` and `JohnsonConfig` are for the ways that train a Johnson network.
    """
    if way not in WAYS:
        hint = did_you_mean(str(way), WAYS)
        raise SettingsError(f"unknown way {show_value(way)}: there are {', '.join(WAYS)}{hint}")
    parts: dict[str, type[Part]] = {
        "training": TrainConfig,
        "losses": LossConfig,
        "shape": JohnsonConfig,
    }
    homes = {field: part for part, kind in parts.items() for field in kind.model_fields}
    trees: dict[str, dict[str, Any]] = {part: {} for part in parts}
    for name in settings:
        if name not in homes:
            raise SettingsError(f"unknown setting {show_value(name)}{did_you_mean(name, homes)}")
        if homes[name] != "training" and way not in FROM_NOTHING:
            raise SettingsError(
                f"{name} belongs to Johnson's network, which --paper, --small and --video train: "
                "leave it out, or add one of these",
                setting=name,
            )
    for name, value in {**WAYS[way], **settings}.items():
        trees[homes[name]][name] = value
    training = checked(TrainConfig, trees["training"])
    if way not in FROM_NOTHING and training.size < LEAST_SIDE:
        raise SettingsError(
            f"size is {training.size}: give at least {LEAST_SIDE}, since the painter works at a "
            "quarter of the size, too, or choose --small",
            setting="size",
        )
    losses, shape = checked(LossConfig, trees["losses"]), checked(JohnsonConfig, trees["shape"])
    return Settings(way=way, training=training, losses=losses, shape=shape)


def checked(part: type[Made], given: dict[str, Any]) -> Made:
    try:
        return part(**given)
    except ValidationError as error:
        problem = first_problem(error, part)
        first = str(problem.path[0])
        raise SettingsError(problem.of_setting(first, problem.path[1:]), setting=first) from error
