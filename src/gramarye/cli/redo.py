"""`gramarye redo`: a picture again, from the recipe inside it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from gramarye.cli import redo_video
from gramarye.cli.commands import FILE, Command, argument
from gramarye.cli.options import (
    given_inputs,
    given_settings,
    input_options,
    setting_options,
)
from gramarye.cli.output import given_output, output_options
from gramarye.cli.styles import pictures_of, weight_behind, with_weights
from gramarye.cli.texture import WRITTEN, Size
from gramarye.cli.video import clip_options, given_video
from gramarye.errors import RecipeError, SettingsError
from gramarye.files import ROOM, beside, file_sha256, is_file, user_path
from gramarye.inputs.kinds import INPUTS, names_of
from gramarye.pictures.settings import NAMED_FIRST_IMAGES
from gramarye.units import counted, show_text, show_value

if TYPE_CHECKING:
    from gramarye.config import StylizeConfig
    from gramarye.recipe import InputFile, Recipe

ONNX = "onnxruntime"  # among the versions of a recipe, where it has painted


def command() -> Command:
    return Command(
        "redo",
        run,
        "make a picture or a clip again, or at another size",
        argument("picture", "a picture or a clip gramarye made", FILE),
        *input_options(all_kinds=True),
        *output_options(),
        *setting_options(),
        *clip_options(again=True, group="of a clip"),
        help="Make PICTURE again from the recipe it carries; the settings given here replace the "
        "recipe's. The inputs are looked for by name beside the picture, in the current folder and "
        "among the samples, and are known by their SHA-256. A clip of 'gramarye "
        "video' is painted again.",
        makes_files=True,
        lists=[f"--{kind.name}" for kind in INPUTS.values() if kind.many],
    )


def run(args: SimpleNamespace) -> int:
    from gramarye.cli.reporting import tell
    from gramarye.jobs.at_once import done_at_once
    from gramarye.jobs.job import Job, Runtime
    from gramarye.recipe import Recipe

    if redo_video.is_clip(args.picture):
        changes = given_changes(args)
        return redo_video.run(args, changes, args.style)
    if given := [name for name in given_video(args) if name != "quality"]:
        raise SettingsError(
            f"--{given[0]} is of clips, and '{args.picture}' is a picture: leave it out"
        )
    output = given_output(args)
    recipe = Recipe.of_picture(args.picture)
    folders = (user_path(args.picture).parent, Path(), samples_folder())
    changes = shaped(given_changes(args), texture="content" not in recipe.inputs)
    config = changed_config(recipe, changes, folders)
    inputs = find_inputs(recipe, given_inputs(args, all_kinds=True), changes, folders)
    for difference in differences(recipe, varied=bool(changes)):
        print(f"note: {show_text(difference)}", file=sys.stderr)
    out = args.out or beside(Path("any"), args.picture.stem, f"-redo{args.picture.suffix}", ROOM)
    # The same tiles give the same last bits.
    memory = None if "memory" in changes else recipe.memory
    new, keep = args.out is None, (args.picture,)
    runtime: Runtime = "auto" if ONNX in recipe.versions else "torch"
    job = Job(inputs, out, config, output, keep=keep, new=new, memory=memory, runtime=runtime)
    report = done_at_once(job)
    if report is None:
        from gramarye.cli.running import run_job

        report = run_job(job, quiet=args.quiet)
    if report and report.recipe.weights_sha256 != recipe.weights_sha256:
        print("note: the network's weights are not those of the recipe", file=sys.stderr)
    if report and recipe.painter_sha256 not in (None, report.recipe.painter_sha256):
        print("note: the painter is not that of the recipe", file=sys.stderr)
    return tell(report, args.json)


def given_changes(args: SimpleNamespace) -> dict[str, Any]:
    """The settings given; the recipe's weights of styles remain where none is behind a style."""
    args.styles, changes = args.style, given_settings(args)
    if any(weight is not None for _, weight in map(weight_behind, args.styles)):
        args.style, changes = with_weights(args, changes)
    else:
        args.style = [picture for name in args.styles for picture in pictures_of(name)]
    return changes


def shaped(changes: dict[str, Any], *, texture: bool) -> dict[str, Any]:
    """The changes, a texture's size in them written as `gramarye texture` has it: `768x512`."""
    size = changes.get("size")
    if not isinstance(size, str) or not re.fullmatch(WRITTEN, size):
        return changes
    width, height = Size().convert(size, None, None)
    if not texture:
        raise SettingsError(
            f"--size {show_text(size)}: the picture has its content's shape: give its longest side "
            f"alone, as in --size {max(width, height)}",
            setting="size",
        )
    return {**changes, "size": max(width, height), "aspect": (width, height)}


def samples_folder() -> Path:
    import gramarye

    return Path(gramarye.__file__).parent / "samples"


def find_inputs(
    recipe: Recipe,
    given: Mapping[str, Path],
    changes: Mapping[str, Any],
    folders: Sequence[Path],
) -> dict[str, Path]:
    """Where every input of the recipe is now; those given are taken in place of the recipe's."""
    for kind in INPUTS:
        known, now = names_of(kind, recipe.inputs), names_of(kind, given)
        if known and now and len(known) != len(now):
            files = ", ".join(recipe.inputs[name].name for name in known)
            raise RecipeError(
                f"{counted(len(now), kind)} given, and the recipe has {len(known)} ({files}): "
                "give as many, in that order"
            )
    if "content" in given and "content" not in recipe.inputs:
        raise RecipeError(
            "the picture is a texture, which has no content: leave out --content, or paint one in "
            "this style with 'gramarye stylize'"
        )
    paths = {}
    for name, wanted in recipe.inputs.items():
        if name == "init" and "init" in changes:
            continue
        paths[name] = find(name, wanted, given.get(name), folders)
    first = changes.get("init")
    if first is not None and first not in NAMED_FIRST_IMAGES:
        paths["init"] = Path(first)
    return paths | {name: path for name, path in given.items() if name not in paths}


def find(name: str, wanted: InputFile, given: Path | None, folders: Sequence[Path]) -> Path:
    """The file of that name and SHA-256; a file given by the user is taken as it is."""
    if given is not None:
        file = user_path(given)
        if wanted.name and is_file(file) and file_sha256(file) != wanted.sha256:
            print(
                f"note: '{given}' is not the file the picture was made from "
                f"({show_value(wanted.name)}): "
                "the result will differ",
                file=sys.stderr,
            )
        return given
    option = f"--{name.partition('/')[0]}"
    if not wanted.name:
        raise RecipeError(
            f"the picture was made in Python from an image that came from no file: give one with "
            f"{option}"
        )
    here = found_in(folders, wanted.name)
    for path in here:
        if file_sha256(path) == wanted.sha256:
            return path
    if here:
        raise RecipeError(
            f"'{here[0]}' has changed since the picture was made (its SHA-256 differs): give the "
            f"original with {option}, or that file by name to use it all the same"
        )
    raise RecipeError(
        f"{show_value(wanted.name)} is neither beside the picture nor in the current folder: say "
        f"where it is with {option}"
    )


def changed_config(
    recipe: Recipe, changes: dict[str, Any], folders: Sequence[Path]
) -> StylizeConfig:
    """The recipe's settings with the changes; a new preset replaces what it sets."""
    from gramarye.config import load_preset

    weights = recipe.settings.network.weights
    if weights is not None and "weights" not in changes:
        changes = {"weights": str(find_weights(weights, "weights", folders))} | changes
    painter = recipe.settings.painter.file
    if painter is not None and "painter" not in changes:
        found = find_painter(str(painter), recipe.painter_sha256, folders)
        changes = {"painter": str(found)} | changes
    if "preset" in changes:
        changes = load_preset(changes["preset"]) | changes
    return recipe.settings.with_settings(**changes)


def found_in(folders: Sequence[Path], name: str) -> list[Path]:
    """The files of that name in the folders; none if it is not a plain name.

    A recipe from elsewhere may name anything: what lies outside the folders is never opened.
    """
    if Path(name).name != name or name == "..":
        return []
    paths = [folder / name for folder in folders]
    return [path for path in paths if os.path.isfile(path)]  # noqa: PTH113 (any name, also too long)


def find_weights(name: str, what: str, folders: Sequence[Path]) -> Path:
    for path in found_in(folders, name):
        return path
    told = (
        "were not found: say where they are"
        if what == "weights"
        else "was not found: say where it is"
    )
    raise RecipeError(f"the {what} {show_value(name)} {told} with --{what}")


def find_painter(name: str, sha256: str | None, folders: Sequence[Path]) -> Path:
    """The file of the network that painted; RecipeError if it is gone, or another."""
    first = find_weights(name, "painter", folders)
    for path in found_in(folders, name):
        if sha256 is None or file_sha256(path) == sha256:
            return path
    raise RecipeError(
        f"'{first}' is not the network that painted the picture (its SHA-256 differs): give that "
        "with --painter, or this one by name to paint with it all the same"
    )


def differences(recipe: Recipe, *, varied: bool) -> list[str]:
    """Why the picture may differ: other versions or threads than the recipe's."""
    import gramarye

    now = {"gramarye": gramarye.__version__}
    if ONNX in recipe.versions:
        from gramarye.graphs.runtime import is_installed, thread_count, version

        now[ONNX] = version() if is_installed() else "without it"
        threads = thread_count()
    else:
        import torch

        now["torch"], threads = torch.__version__, torch.get_num_threads()
    found = [
        f"made with {name} {recipe.versions.get(name)}, now {version}: the last bits may differ"
        for name, version in now.items()
        if recipe.versions.get(name) != version
    ]
    if recipe.threads != threads and not varied:
        found.append(
            f"made with {recipe.threads} threads, now {threads}: sums round otherwise, and the "
            "steps make more of it, so that details differ to the eye; for the same picture set "
            f"OMP_NUM_THREADS={recipe.threads}"
        )
    return found
