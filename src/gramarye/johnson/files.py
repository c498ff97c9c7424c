"""The file of a trained Johnson network, and whichever trained network a file holds."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Literal, final

import torch
from pydantic import BaseModel, NonNegativeInt, ValidationError
from safetensors.torch import save

from gramarye.errors import WeightsError
from gramarye.feedforward.files import KEY, load_painter
from gramarye.feedforward.network import Painter
from gramarye.feedforward.settings import OPTIMIZER, SHIPPED
from gramarye.files import user_path
from gramarye.johnson.network import Johnson
from gramarye.johnson.settings import JohnsonConfig
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.weights_file import WeightsFile, open_weights, state_of
from gramarye.units import show_text
from gramarye.validation import first_problem

FORMAT = "johnson 1"
STYLES = 1000  # at most, of a file from elsewhere


@final
class JohnsonMetadata(BaseModel, frozen=True, extra="forbid"):
    """What the file of a Johnson network says of itself, besides its tensors."""

    format: Literal["johnson 1"]
    network: JohnsonConfig
    styles: tuple[str, ...]  # their files' names, in order
    steps: NonNegativeInt = 0


def packed_johnson(network: Johnson, styles: tuple[str, ...], steps: int) -> bytes:
    """The content of a Johnson network's file: kernels in float16, all else in float32."""
    tensors = {
        name: (value.half() if value.ndim == 4 else value.float()).contiguous()
        for name, value in network.state_dict().items()
    }
    about = {
        "format": FORMAT,
        "network": network.config.model_dump(mode="json"),
        "styles": styles,
        "steps": steps,
    }
    return save(tensors, {KEY: json.dumps(about)})


def is_johnson(file: WeightsFile) -> bool:
    """Whether a weights file says that it is one."""
    try:
        about = json.loads(file.metadata.get(KEY, ""))
    except ValueError:
        return False
    return isinstance(about, dict) and str(about.get("format", "")).startswith("johnson")


def read_johnson(path: Path) -> JohnsonMetadata | None:
    """What a Johnson network's file says of itself; None for another file, or none.

    WeightsError for one that cannot be read at all.
    """
    if str(path) in (SHIPPED, OPTIMIZER):
        return None
    file = open_weights(user_path(path))
    return metadata_of(file) if is_johnson(file) else None


def metadata_of(file: WeightsFile) -> JohnsonMetadata:
    try:
        about = JohnsonMetadata.model_validate_json(file.metadata[KEY])
    except ValidationError as error:
        problem = first_problem(error, JohnsonMetadata)
        name = show_text(".".join(map(str, problem.path)))
        raise unreadable(file, f"in its metadata, {problem.of_file(name)}") from error
    if not 1 <= len(about.styles) <= STYLES:
        raise unreadable(file, f"it names {len(about.styles)} styles")
    return about


def load_trained(source: str | Path, network: PerceptualNetwork) -> Painter | Johnson:
    """The network in a file that gramarye has trained, or the one that comes with it ("instant").

    `network` is what a Painter sees by. WeightsError says what is wrong with a file.
    """
    if str(source) == SHIPPED:
        return load_painter(SHIPPED, network)
    path = user_path(source)
    file = open_weights(path)
    return load_johnson(file) if is_johnson(file) else load_painter(path, network)


def load_johnson(file: WeightsFile) -> Johnson:
    about = metadata_of(file)
    with torch.device("meta"):
        made = Johnson(about.network, len(about.styles))
    found = state_of(file, made, partial(unreadable, file))
    made.load_state_dict(found, assign=True)
    made.requires_grad_(False)
    made.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return made.eval()


def unreadable(file: WeightsFile, reason: str) -> WeightsError:
    return WeightsError(
        f"{file.path} is no network that this gramarye paints with ({reason}): give a file that "
        "'gramarye train' has written"
    )
