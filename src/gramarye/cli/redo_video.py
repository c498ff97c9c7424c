"""`gramarye redo` of a clip: painted again from the recipe in its comment."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from gramarye.cli.options import given_inputs
from gramarye.cli.video import given_video, paint
from gramarye.errors import RecipeError, SettingsError
from gramarye.files import ROOM, beside, file_sha256, user_path
from gramarye.units import counted, show_text, show_value

if TYPE_CHECKING:
    from gramarye.recipe import InputFile

# Options of `redo` that are of pictures alone.
OF_PICTURES = ("bit_depth", "strip", "cube", "preview", "save_every", "checkpoint_every")


def is_clip(path: Path) -> bool:
    """Whether a file is read as a clip: by its name, and a WebP by the recipe inside.

    RecipeError for a folder, whatever it is called.
    """
    from gramarye.video.formats import FORMATS

    if os.path.isdir(user_path(path)):  # noqa: PTH112 (any name, also too long)
        raise RecipeError(
            f"'{path}' is a folder, and has no recipe: give one picture or clip that gramarye "
            "made; frames of 'gramarye video' are painted again by the command that painted them"
        )
    end = path.suffix.lower()
    if end == ".webp" and user_path(path).is_file():
        from gramarye.video.recipe import is_clip_recipe, recipe_text

        return is_clip_recipe(recipe_text(user_path(path)))
    return end in FORMATS and end != ".webp"


def run(args: SimpleNamespace, changes: dict[str, Any], styles: Sequence[Path]) -> int:
    """Paint a clip again; `changes` are settings, `styles` files, that replace the recipe's."""
    from gramarye.cli.redo import find, find_painter, find_weights, samples_folder
    from gramarye.video.recipe import ClipRecipe
    from gramarye.video.run import VideoJob, open_video
    from gramarye.video.settings import OF_WAY, make_video_settings

    check_options(args)
    recipe = ClipRecipe.of_clip(args.picture)
    folders = (user_path(args.picture).parent, Path(), samples_folder())
    if styles and len(styles) != len(recipe.styles):
        names = ", ".join(file.name for file in recipe.styles)
        raise RecipeError(
            f"{counted(len(styles), 'style')} given, and the recipe has {len(recipe.styles)} "
            f"({names}): give as many, in that order"
        )
    clip = find_clip(recipe.clip, args.content, folders)
    given: Sequence[Path | None] = styles or [None] * len(recipe.styles)
    pairs = zip(recipe.styles, given, strict=True)
    found = [find("style", file, path, folders) for file, path in pairs]
    settings = {k: v for k, v in recipe.settings.items() if k != "preset"}
    painter = settings.get("painter")
    if recipe.painter_sha256 is not None and "painter" not in changes:
        settings["painter"] = str(find_painter(str(painter), recipe.painter_sha256, folders))
    if settings.get("weights") is not None and "weights" not in changes:
        settings["weights"] = str(find_weights(str(settings["weights"]), "weights", folders))
    settings |= changes
    wanted = given_video(args)
    way = wanted.get("way", recipe.of_video.way)
    kept = {k: v for k, v in recipe.video.items() if OF_WAY.get(k, way) == way}
    video = make_video_settings(**{**kept, **wanted})
    if recipe.gramarye != this_version():
        print(
            f"note: made with gramarye {show_text(recipe.gramarye)}, now {this_version()}: the "
            "last bits may differ",
            file=sys.stderr,
        )
    out, new = args.out, args.out is None
    if out is None:
        out = beside(Path("any"), args.picture.stem, f"-redo{args.picture.suffix}", ROOM)
    check_not_read(args.picture, out)
    protect = getattr(args, "protect", None)
    if recipe.protect is not None:
        protect = find_clip(recipe.protect, protect, folders, "--protect")
    job = VideoJob(clip, found, out, settings, video, new, protect)
    return paint(open_video(job), args)


def this_version() -> str:
    import gramarye

    return gramarye.__version__


def check_options(args: SimpleNamespace) -> None:
    """Raise SettingsError for what only pictures have; the quality counts where it was given."""
    context = click.get_current_context()

    def typed(name: str) -> bool:
        return context.get_parameter_source(name) is ParameterSource.COMMANDLINE

    inputs = [name.partition("/")[0] for name in given_inputs(args, all_kinds=True)]
    wrong = [name for name in OF_PICTURES if typed(name)]
    wrong += [name for name in inputs if name not in ("content", "style", "protect")]
    if wrong:
        option = wrong[0].replace("_", "-")
        raise SettingsError(
            f"--{option} is of pictures, and '{args.picture}' is a clip: leave it out"
        )
    if not typed("quality"):
        args.quality = None


def check_not_read(clip: Path, out: Path) -> None:
    from gramarye.files import check_target
    from gramarye.video.formats import clip_format

    if clip_format(user_path(out)) is not None:
        check_target(user_path(out), [clip])


def find_clip(
    wanted: InputFile, given: Path | None, folders: Sequence[Path], option: str = "--content"
) -> Path:
    """The film, or the clip of masks, of that name and SHA-256.

    One given by the user is taken as it is, with a note.
    """
    from gramarye.video.run import clip_sha256
    from gramarye.video.settings import is_pattern

    def sha256(path: Path) -> str:
        return file_sha256(path) if path.is_file() else clip_sha256(path)

    name = show_value(wanted.name)
    if given is not None:
        path = user_path(given)
        there = path.exists() or (is_pattern(path) and path.parent.is_dir())
        if there and sha256(path) != wanted.sha256:
            print(
                f"note: '{given}' is not what the clip was painted from ({name}): the result will "
                "differ",
                file=sys.stderr,
            )
        return path
    plain = Path(wanted.name).name == wanted.name and wanted.name not in ("", "..")
    here = [folder / wanted.name for folder in folders if plain]
    here = [path for path in here if path.exists()]
    for path in here:
        if sha256(path) == wanted.sha256:
            return path
    if here:
        raise RecipeError(
            f"'{here[0]}' has changed since the clip was painted (its SHA-256 differs): give the "
            f"original with {option}, or that one by name to paint it all the same"
        )
    raise RecipeError(
        f"{name} is neither beside the clip nor in the current folder: say where it is with "
        f"{option}"
    )
