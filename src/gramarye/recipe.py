"""The recipe: everything needed to make a picture again, kept as JSON inside the picture."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, final

from pydantic import AfterValidator, BaseModel, Field, ValidationError, model_validator
from pydantic_core import from_json

import gramarye
from gramarye.config import StylizeConfig, find_setting, sentence
from gramarye.errors import InputError, RecipeError
from gramarye.feedforward.metadata import painter_sha256
from gramarye.files import file_sha256
from gramarye.inputs.kinds import check_content, check_names
from gramarye.networks.catalog import find_network
from gramarye.pictures.stored import read_recipe
from gramarye.settings import put
from gramarye.units import show_size, show_value
from gramarye.validation import check_kind

if TYPE_CHECKING:
    from gramarye.networks.features import PerceptualNetwork
    from gramarye.pictures.picture import Picture
    from gramarye.plan import Plan

FORMAT = 2
Count = Annotated[int, Field(ge=1, lt=1 << 63)]


@final
class InputFile(BaseModel, frozen=True, extra="forbid"):
    """A file a picture was made from: its name without folders, and its SHA-256."""

    name: str
    sha256: str


def named_inputs(inputs: dict[str, InputFile]) -> dict[str, InputFile]:
    """The inputs; ValueError for names that no run can have given them."""
    try:
        check_names(inputs)
    except InputError as error:
        raise ValueError(str(error)) from error
    return inputs


@final
class Recipe(BaseModel, frozen=True, extra="forbid"):
    """What made a picture. It holds no folder, no user and no date: one picture, one recipe."""

    recipe: int = FORMAT
    inputs: Annotated[
        dict[str, InputFile], AfterValidator(named_inputs)
    ]  # by name: content, style/0, style/1, init ...
    settings: StylizeConfig
    network: str
    weights_sha256: str | None
    painter_sha256: str | None = None  # of the network that painted, if one did
    width: Count
    height: Count
    precision: Literal["float32", "bfloat16"] | None = (
        None  # of the convolutions, where the settings say auto
    )
    memory: Count | None = None  # the budget in bytes, where it decided tiles and the last bits
    stopped_after: Count | None = None  # steps made, where the run was stopped before its last
    versions: dict[str, str]
    device: str
    threads: Count

    @model_validator(mode="after")
    def consistent(self) -> Recipe:
        """That no part has been altered without the others."""
        try:
            check_content(self.inputs, self.settings.picture)
        except InputError as error:
            raise ValueError(str(error)) from error
        named = find_network(self.settings.network.name).name
        if self.network != named:
            raise ValueError(
                f"its network is {show_value(self.network)} and its settings name {named!r}"
            )
        if (
            self.stopped_after is None
            and max(self.width, self.height) != self.settings.picture.size
        ):
            raise ValueError(
                f"it is of {show_size(self.width, self.height)} pixels and its settings of a "
                f"longest side of {self.settings.picture.size}"
            )
        return self

    def to_json(self, indent: int | None = None) -> str:
        return self.model_dump_json(indent=indent)

    @classmethod
    def from_json(cls, text: str, name: str = "the recipe") -> Recipe:
        """The recipe in a text; a RecipeError says why there is none. `name` is for messages."""
        check_kind(name, text, (str, bytes), "the text of a recipe")
        try:
            version = RecipeVersion.model_validate_json(text).recipe
            if version > FORMAT:
                raise RecipeError(
                    f"{name} has format {version}, and gramarye {gramarye.__version__} reads "
                    f"up to {FORMAT}: install a newer gramarye"
                )
            tree = from_json(text)
            return cls.model_validate(upgraded(tree) if version < 2 else tree)
        except ValidationError as error:
            raise RecipeError(
                f"{name} cannot be read ({sentence(error, cls)}): it was damaged, or made "
                "by another version of gramarye"
            ) from error
        except RecipeError:
            raise
        except InputError as error:  # an unknown setting, network, layer or loss
            raise RecipeError(
                f"{name} cannot be read ({error}): it was damaged, or made by another version of "
                "gramarye"
            ) from error

    @classmethod
    def of_picture(cls, path: str | Path) -> Recipe:
        """The recipe inside a picture file."""
        check_kind("the picture", path, (str, Path), "the path of a picture file")
        text = read_recipe(Path(path))
        if text is None:
            raise RecipeError(
                f"'{path}' holds no recipe: gramarye did not make it, or another program "
                "has dropped its metadata"
            )
        return cls.from_json(text, f"the recipe of '{path}'")


class RecipeVersion(BaseModel, frozen=True, extra="ignore"):
    recipe: int


def upgraded(tree: dict[str, Any]) -> dict[str, Any]:
    """A recipe of format 1, whose settings were flat and whose inputs had fields of their own."""
    try:
        settings: dict[str, Any] = {}
        for option, value in tree["settings"].items():
            if option == "min_size" and value > tree["settings"]["size"]:
                put(settings, find_setting("coarse_to_fine").path, False)
            else:
                put(settings, find_setting(option).path, value)
        inputs = {"content": tree["content"]}
        inputs |= {f"style/{i}": style for i, style in enumerate(tree["styles"])}
        if tree.get("init") is not None:
            inputs["init"] = tree["init"]
    except (KeyError, TypeError, AttributeError) as error:
        raise RecipeError(
            f"the recipe cannot be read ({str(error)[:100]} is missing or of another kind): it was "
            "damaged"
        ) from error
    rest = {k: v for k, v in tree.items() if k not in ("content", "styles", "init")}
    return rest | {"recipe": FORMAT, "inputs": inputs, "settings": settings}


def write_recipe(plan: Plan, inputs: Mapping[str, InputFile], network: PerceptualNetwork) -> Recipe:
    """The recipe of the picture a plan makes, if nothing stops it."""
    import torch

    height, width = plan.size
    settings = plan.config
    return Recipe(
        inputs=dict(inputs),
        settings=without_folders(settings, inputs),
        network=network.name,
        weights_sha256=network.weights_sha256,
        painter_sha256=painter_sha256(settings.painter.by) if settings.painter.is_on else None,
        width=width,
        height=height,
        precision=plan.precision,
        memory=plan.memory if plan.gives_up else None,
        versions=versions({"torch": torch.__version__}),
        device=str(plan.device),
        threads=torch.get_num_threads(),
    )


def without_folders(settings: StylizeConfig, inputs: Mapping[str, InputFile]) -> StylizeConfig:
    """The settings, files in them by their names alone."""
    weights = settings.network.weights
    nameless = {"weights": weights and name_of(Path(weights))}
    if settings.painter.file is not None:
        nameless["painter"] = name_of(settings.painter.file)
    if "init" in inputs:
        nameless["init"] = inputs["init"].name
    return settings.with_settings(**nameless)


def versions(engine: Mapping[str, str]) -> dict[str, str]:
    """What makes a picture: gramarye, what computes for it, Python, and the machine."""
    return {
        "gramarye": gramarye.__version__,
        **engine,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }


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
