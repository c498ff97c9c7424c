"""`gramarye redo`: a picture again, from the recipe inside it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from gramarye.cli.commands import FILE, Command, Option, argument
from gramarye.cli.options import given_settings, setting_options
from gramarye.cli.output import given_output, output_options, unused
from gramarye.errors import RecipeError

if TYPE_CHECKING:
    from gramarye.config import StylizeConfig
    from gramarye.recipe import InputFile, Recipe


def command() -> Command:
    styles = "where a style is now (repeat for more, in the recipe's order)"
    return Command(
        "redo",
        run,
        "make a picture again, or at another size",
        argument("picture", "a picture gramarye made", FILE),
        Option("--content", "where the content is now", FILE, "FILE"),
        Option("--style", styles, FILE, "FILE", multiple=True),
        *output_options(),
        *setting_options(),
        help="Make PICTURE again from the recipe it carries; the settings given here replace the "
        "recipe's. The inputs are looked for by name beside the picture, in the current folder and "
        "among the samples, and are known by their SHA-256.",
        makes_files=True,
    )


def run(args: SimpleNamespace) -> int:
    from gramarye.jobs.job import Job, tell
    from gramarye.jobs.single import run_job
    from gramarye.recipe import Recipe

    recipe = Recipe.of_picture(args.picture)
    folders = (args.picture.parent, Path(), samples_folder())
    content = find(recipe.content, args.content, folders)
    styles = find_styles(recipe, args.style or None, folders)
    config = changed_config(recipe, given_settings(args), folders)
    for difference in differences(recipe):
        print(f"note: {difference}", file=sys.stderr)
    out = args.out or unused(Path(f"{args.picture.stem}-redo{args.picture.suffix}"))
    # The same tiles give the same last bits.
    memory = None if "memory" in given_settings(args) else recipe.memory
    job = Job(content, styles, out, config, given_output(args), keep=(args.picture,), memory=memory)
    report = run_job(job)
    if report.recipe.weights_sha256 != recipe.weights_sha256:
        print("note: the network's weights are not those of the recipe", file=sys.stderr)
    return tell(report, args.json)


def samples_folder() -> Path:
    import gramarye

    return Path(gramarye.__file__).parent / "samples"


def find_styles(
    recipe: Recipe, given: Sequence[Path] | None, folders: Sequence[Path]
) -> tuple[Path, ...]:
    if given is not None and len(given) != len(recipe.styles):
        names = ", ".join(style.name for style in recipe.styles)
        raise RecipeError(
            f"{len(given)} styles were given and the recipe has {len(recipe.styles)} ({names}): "
            "give as many, in that order"
        )
    paths: Sequence[Path | None] = given or [None] * len(recipe.styles)
    return tuple(
        find(style, path, folders) for style, path in zip(recipe.styles, paths, strict=True)
    )


def find(wanted: InputFile, given: Path | None, folders: Sequence[Path]) -> Path:
    """The file of that name and SHA-256; a file given by the user is taken as it is."""
    from gramarye.files import file_sha256

    if given is not None:
        if wanted.name and given.is_file() and file_sha256(given) != wanted.sha256:
            print(
                f"note: '{given}' is not the file the picture was made from ({wanted.name}): "
                "the result will differ",
                file=sys.stderr,
            )
        return given
    if not wanted.name:
        raise RecipeError(
            "the picture was made in Python from an image that came from no file: give one with "
            "--content or --style"
        )
    here = [folder / wanted.name for folder in folders if (folder / wanted.name).is_file()]
    for path in here:
        if file_sha256(path) == wanted.sha256:
            return path
    if here:
        raise RecipeError(
            f"'{here[0]}' has changed since the picture was made (its SHA-256 differs): give the "
            "original with --content or --style, or that file by name to use it all the same"
        )
    raise RecipeError(
        f"'{wanted.name}' is neither beside the picture nor in the current folder: say where it is "
        "with --content or --style"
    )


def changed_config(
    recipe: Recipe, changes: dict[str, Any], folders: Sequence[Path]
) -> StylizeConfig:
    """The recipe's settings with the changes; a new preset replaces what it sets."""
    from gramarye.config import load_preset, make_config

    settings = recipe.settings.model_dump()
    if "preset" in changes:
        settings |= load_preset(changes["preset"])
    if recipe.init is not None and "init" not in changes:
        settings["init"] = str(find(recipe.init, None, folders))
    if settings["weights"] is not None and "weights" not in changes:
        settings["weights"] = str(find_weights(settings["weights"], folders))
    return make_config(**settings | changes)


def find_weights(name: str, folders: Sequence[Path]) -> Path:
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    raise RecipeError(f"the weights '{name}' were not found: say where they are with --weights")


def differences(recipe: Recipe) -> list[str]:
    """Why the last bits may differ: other versions than the recipe's."""
    import torch

    import gramarye

    now = {"gramarye": gramarye.__version__, "torch": torch.__version__}
    return [
        f"made with {name} {recipe.versions.get(name)}, now {version}: the last bits may differ"
        for name, version in now.items()
        if recipe.versions.get(name) != version
    ]
