"""The recipe of a painted clip, which is JSON in the clip's comment: read, and checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, final

from pydantic import BaseModel, BeforeValidator, ValidationError

from gramarye.config import sentence
from gramarye.errors import InputError, RecipeError
from gramarye.files import check_readable, user_path
from gramarye.recipe import InputFile
from gramarye.units import show_value
from gramarye.video.animations import is_webp, recipe_in_animation
from gramarye.video.clip import ADVICE
from gramarye.video.extra import load_av
from gramarye.video.settings import VideoSettings, make_video_settings

LONGEST = 1 << 20  # characters; a comment from elsewhere may be anything


def plain_settings(value: object) -> object:
    """Settings by their options' names; ValueError for what is no such thing."""
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ValueError("its settings are no settings")
    return value


@final
class ClipRecipe(BaseModel, frozen=True, extra="forbid"):
    """What made a clip: files by name and SHA-256, and the settings that differ from defaults."""

    gramarye: str  # the version
    clip: InputFile
    styles: tuple[InputFile, ...]  # none where the painter has its style in itself
    settings: Annotated[dict[str, Any], BeforeValidator(plain_settings)]
    video: dict[str, Any]
    protect: InputFile | None = None  # a picture, or a clip of masks
    painter_sha256: str | None = None  # of the network that painted, where it is not the shipped

    @property
    def of_video(self) -> VideoSettings:
        """What of the clip was painted, and how it was written."""
        return make_video_settings(**self.video)

    @classmethod
    def from_json(cls, text: str, name: str = "the recipe") -> ClipRecipe:
        """The recipe in a text; a RecipeError says why there is none. `name` is for messages."""
        try:
            found = cls.model_validate_json(text)
            _ = found.of_video
        except ValidationError as error:
            why = sentence(error, cls)
        except InputError as error:
            why = str(error)
        else:
            return found
        raise RecipeError(
            f"{name} cannot be read ({why}): it was damaged, or made by another version of gramarye"
        )

    @classmethod
    def of_clip(cls, path: str | Path) -> ClipRecipe:
        """The recipe inside a painted clip."""
        text = recipe_text(user_path(path))
        if text is None:
            raise RecipeError(
                f"{show_value(str(path))} holds no recipe: gramarye did not paint it, another "
                "program has dropped its comment, or it is a GIF, which has no room for one"
            )
        return cls.from_json(text, f"the recipe of '{path}'")


def is_clip_recipe(text: str | None) -> bool:
    """Whether a text is a clip's recipe by its parts; a picture's has others."""
    try:
        tree = json.loads(text or "")
    except ValueError:
        return False
    return isinstance(tree, dict) and "clip" in tree


def recipe_text(path: Path) -> str | None:
    """The text that may be a clip's recipe; None where there is none. ImageError for no clip."""
    check_readable(path, "clip", ADVICE, InputError)
    if is_webp(path):
        return recipe_in_animation(path)
    av = load_av()
    try:
        with av.open(str(path)) as container:
            found = {key.lower(): value for key, value in container.metadata.items()}
    except av.error.FFmpegError:
        return None
    text = found.get("comment", "")
    return text if text.startswith("{") and len(text) <= LONGEST else None
