"""What the file of a trained Johnson network says of itself; no PyTorch here."""

from __future__ import annotations

import json
from typing import Literal, final

from pydantic import BaseModel, NonNegativeInt, ValidationError

from gramarye.errors import WeightsError
from gramarye.feedforward.metadata import KEY, Named
from gramarye.johnson.settings import JohnsonConfig
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


def is_johnson(file: Named) -> bool:
    """Whether a weights file says that it is one."""
    try:
        about = json.loads(file.metadata.get(KEY, ""))
    except ValueError:
        return False
    return isinstance(about, dict) and str(about.get("format", "")).startswith("johnson")


def metadata_of(file: Named) -> JohnsonMetadata:
    try:
        about = JohnsonMetadata.model_validate_json(file.metadata[KEY])
    except ValidationError as error:
        problem = first_problem(error, JohnsonMetadata)
        name = show_text(".".join(map(str, problem.path)))
        raise unreadable(file, f"in its metadata, {problem.of_file(name)}") from error
    if not 1 <= len(about.styles) <= STYLES:
        raise unreadable(file, f"it names {len(about.styles)} styles")
    return about


def unreadable(file: Named, reason: str) -> WeightsError:
    return WeightsError(
        f"{file.path} is no network that this gramarye paints with ({reason}): give a file that "
        "'gramarye train' has written"
    )
