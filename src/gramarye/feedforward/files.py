"""A trained network's file: safetensors, whose metadata say what shape it has."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from importlib import resources
from pathlib import Path

import torch
from pydantic import BaseModel, NonNegativeInt, ValidationError
from safetensors.torch import save

from gramarye.errors import LayerError, WeightsError
from gramarye.feedforward.network import Painter
from gramarye.feedforward.settings import SHIPPED, PainterConfig, StepConfig
from gramarye.files import file_sha256, user_path
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.weights_file import WeightsFile, check_path, open_weights, state_of
from gramarye.units import show_text
from gramarye.validation import first_problem

FORMAT = "painter 1"
KEY = "gramarye"  # of the metadata; one entry, since several have no order


class PainterMetadata(BaseModel, frozen=True, extra="forbid"):
    """What the file of a painter says of itself, besides its tensors."""

    format: str
    network: PainterConfig
    steps: NonNegativeInt = 0
    styles: tuple[str, ...] = ()  # names of those it was trained on with, if it was


def packed(painter: Painter, steps: int, styles: Sequence[str] = ()) -> bytes:
    """The content of a painter's file, its numbers in float16."""
    tensors = {k: v.half().contiguous() for k, v in painter.state_dict().items()}
    config = painter.config.model_dump(mode="json")
    about: dict[str, object] = {"format": FORMAT, "network": config, "steps": steps}
    if styles:
        about["styles"] = list(styles)
    return save(tensors, {KEY: json.dumps(about)})


def make_painter(config: PainterConfig, network: PerceptualNetwork) -> Painter:
    """An untrained painter that sees by a perceptual network."""
    layers = {*config.coarse.layers, *config.fine.layers}
    return Painter(config, {layer: network.geometry(layer).channels for layer in layers})


def load_painter(source: str | Path, network: PerceptualNetwork) -> Painter:
    """The painter in a file, or the one that comes with gramarye ("instant"), in float32.

    WeightsError says what is wrong with a file.
    """
    file = open_weights(painter_path(source))
    config = read_metadata(file).network
    for step in (config.coarse, config.fine):
        check_layers(file, step, network)
    with torch.device("meta"):
        painter = make_painter(config, network)
    painter.load_state_dict(state_of(file, painter, partial(not_a_painter, file)), assign=True)
    painter.requires_grad_(False)
    painter.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return painter.eval()


def painter_path(source: str | Path) -> Path:
    """Where a painter lies that is called by its file, or "instant"."""
    if str(source) != SHIPPED:
        return user_path(source)
    return Path(str(resources.files("gramarye") / "feedforward" / "instant.safetensors"))


def painter_sha256(source: str | Path) -> str:
    """The SHA-256 of its file; WeightsError if there is none that can be read."""
    path = painter_path(source)
    check_path(path)
    return file_sha256(path)


def read_metadata(file: WeightsFile) -> PainterMetadata:
    text = file.metadata.get(KEY)
    if text is None:
        raise not_a_painter(file, "it says nothing of its shape")
    try:
        about = PainterMetadata.model_validate_json(text)
    except ValidationError as error:
        problem = first_problem(error, PainterMetadata)
        name = show_text(".".join(map(str, problem.path)))
        raise not_a_painter(file, f"in its metadata, {problem.of_file(name)}") from error
    if about.format != FORMAT:
        raise not_a_painter(
            file, f"its format is {show_text(about.format)}, and this gramarye reads {FORMAT!r}"
        )
    return about


def check_layers(file: WeightsFile, step: StepConfig, network: PerceptualNetwork) -> None:
    """Raise WeightsError for layers of which not each has twice the size of the last."""
    try:
        strides = [network.geometry(layer).stride for layer in step.layers]
    except LayerError as error:
        raise not_a_painter(file, f"in its metadata, {show_text(str(error))}") from error
    if strides != [2**power for power in reversed(range(len(strides)))]:
        raise not_a_painter(
            file,
            "in its metadata, the layers of a step are not each of twice the size of the last, "
            "up to the picture's own",
        )


def not_a_painter(file: WeightsFile, reason: str) -> WeightsError:
    return WeightsError(
        f"{file.path} is no painter ({reason}): give a file that gramarye has trained, or leave "
        "--painter at 'instant'"
    )
