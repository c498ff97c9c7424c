"""What a painter's file says of itself, and where it lies; no PyTorch here."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, NonNegativeInt, ValidationError

from gramarye.errors import WeightsError
from gramarye.feedforward.settings import SHIPPED, PainterConfig
from gramarye.files import check_readable, file_sha256, user_path
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


class Named(Protocol):
    """A file of tensors, whoever reads it."""

    @property
    def path(self) -> Path: ...

    @property
    def metadata(self) -> Mapping[str, str]: ...


def painter_path(source: str | Path) -> Path:
    """Where a painter lies that is called by its file, or "instant"."""
    if str(source) != SHIPPED:
        return user_path(source)
    return Path(str(resources.files("gramarye") / "feedforward" / "instant.safetensors"))


def painter_sha256(source: str | Path) -> str:
    """The SHA-256 of its file; WeightsError if there is none that can be read."""
    path = painter_path(source)
    advice = "name a .pth or .safetensors file that exists"
    check_readable(path, "weights file", advice, WeightsError)
    return file_sha256(path)


def read_metadata(file: Named) -> PainterMetadata:
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


def not_a_painter(file: Named, reason: str) -> WeightsError:
    return WeightsError(
        f"{file.path} is no painter ({reason}): give a file that gramarye has trained, or leave "
        "--painter at 'instant'"
    )
