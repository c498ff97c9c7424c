"""The recipe: everything needed to make a picture again, kept as JSON inside the picture."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import final

import torch
from pydantic import BaseModel, ValidationError

import gramarye
from gramarye.config import StylizeConfig
from gramarye.errors import RecipeError
from gramarye.files import file_sha256
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.passes import choose_precision
from gramarye.pictures.picture import Picture, read_recipe

FORMAT = 1
FIRST_IMAGES = ("content", "noise", "gray", "style")  # any other is a file


@final
class InputFile(BaseModel, frozen=True, extra="forbid"):
    """A file a picture was made from: its name without folders, and its SHA-256."""

    name: str
    sha256: str


@final
class Recipe(BaseModel, frozen=True, extra="forbid"):
    """What made a picture. It holds no folder, no user and no date: one picture, one recipe."""

    recipe: int = FORMAT
    content: InputFile
    styles: tuple[InputFile, ...]
    init: InputFile | None = None  # where the first image came from a file
    settings: StylizeConfig
    network: str
    weights_sha256: str | None
    width: int
    height: int
    precision: str | None = None  # of the convolutions, where the settings say auto
    memory: int | None = None  # the budget in bytes, where it decided tiles and the last bits
    stopped_after: int | None = None  # steps made, where the run was stopped before its last
    versions: dict[str, str]
    device: str
    threads: int

    def to_json(self, indent: int | None = None) -> str:
        return self.model_dump_json(indent=indent)

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """The recipe in a text; a RecipeError says why there is none."""
        try:
            version = RecipeVersion.model_validate_json(text).recipe
            if version > FORMAT:
                raise RecipeError(
                    f"the recipe has format {version}, and gramarye {gramarye.__version__} reads "
                    f"up to {FORMAT}: install a newer gramarye"
                )
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the recipe"
            raise RecipeError(
                f"the recipe cannot be read ({where}: {first['msg']}): it was damaged, or made by "
                "another version of gramarye"
            ) from error

    @classmethod
    def of_picture(cls, path: str | Path) -> Recipe:
        """The recipe inside a picture file."""
        text = read_recipe(Path(path))
        if text is None:
            raise RecipeError(
                f"'{path}' holds no recipe: gramarye did not make it, or another program "
                "has dropped its metadata"
            )
        return cls.from_json(text)


class RecipeVersion(BaseModel, frozen=True, extra="ignore"):
    recipe: int


def write_recipe(
    content: Path | Picture,
    styles: Sequence[Path | Picture],
    config: StylizeConfig,
    network: PerceptualNetwork,
    *,
    width: int,
    height: int,
    device: torch.device,
    stopped_after: int | None = None,
    memory: int | None = None,
) -> Recipe:
    """The recipe of a picture of that size made with these settings."""
    init = Path(config.init)
    named = config.init in FIRST_IMAGES
    nameless = {
        "init": config.init if named else name_of(init),
        "weights": config.weights and name_of(Path(config.weights)),
    }
    return Recipe(
        content=input_file(content),
        styles=tuple(input_file(style) for style in styles),
        init=None if named else input_file(init),
        settings=config.model_copy(update=nameless),
        network=network.name,
        weights_sha256=network.weights_sha256,
        width=width,
        height=height,
        precision=choose_precision(config.precision, device),
        memory=memory,
        stopped_after=stopped_after,
        versions={
            "gramarye": gramarye.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
            "platform": f"{platform.system()} {platform.machine()}",
        },
        device=str(device),
        threads=torch.get_num_threads(),
    )


def input_file(source: Path | Picture) -> InputFile:
    """The name and SHA-256 of a file, or of the file a picture was read from.

    A picture that came from no file has an empty name, and the SHA-256 of its float32 pixels.
    """
    if isinstance(source, Path):
        return InputFile(name=name_of(source), sha256=file_sha256(source))
    sha256 = source.metadata.sha256
    if sha256 is None:
        sha256 = hashlib.sha256(source.pixels.cpu().contiguous().numpy().tobytes()).hexdigest()
    return InputFile(name=name_of(Path(source.metadata.name or "")), sha256=sha256)


def name_of(path: Path) -> str:
    """The file's name without its folders; bytes that are no text become U+FFFD."""
    return path.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
