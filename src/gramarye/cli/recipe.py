"""`gramarye recipe`: what made a picture, read from its metadata."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING

from gramarye.cli.commands import FILE, Command, Option, argument
from gramarye.cli.options import show_default
from gramarye.cli.redo_video import is_clip
from gramarye.config import changed_settings
from gramarye.units import show_size, show_text

if TYPE_CHECKING:
    from gramarye.recipe import Recipe
    from gramarye.video.recipe import ClipRecipe


def command() -> Command:
    return Command(
        "recipe",
        run,
        "show what made a picture",
        argument("picture", "a picture or a clip gramarye made", FILE),
        Option("--json", "print the recipe as JSON"),
        help="Show the recipe a picture carries: settings, seed, versions and the SHA-256 of "
        "everything it was made from.",
    )


def run(args: SimpleNamespace) -> None:
    if is_clip(args.picture):
        from gramarye.video.recipe import ClipRecipe

        made = ClipRecipe.of_clip(args.picture)
        print(escaped(made.model_dump_json(indent=2)) if args.json else describe_clip(made))
        return

    from gramarye.recipe import Recipe

    recipe = Recipe.of_picture(args.picture)
    print(escaped(recipe.to_json(indent=2)) if args.json else describe(recipe))


def escaped(text: str) -> str:
    """JSON with everything that is not printable as \\u escapes: it means the same."""
    return "\n".join(
        "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line)
        for line in text.split("\n")
    )


def describe(recipe: Recipe) -> str:
    """The recipe as lines of `name  value`, with the settings that differ from the defaults."""
    lines = [("size", show_size(recipe.width, recipe.height))]
    lines += [(name, f"{file.name}  {file.sha256[:16]}") for name, file in recipe.inputs.items()]
    lines.append(("network", f"{recipe.network}  {(recipe.weights_sha256 or 'no hash')[:16]}"))
    if recipe.painter_sha256 is not None:
        lines.append(("painted by", f"{recipe.settings.painter.by}  {recipe.painter_sha256[:16]}"))
    lines.append(("device", f"{recipe.device}, {recipe.threads} threads"))
    lines += list(recipe.versions.items())
    if recipe.stopped_after is not None:
        lines.append(("stopped", f"after {recipe.stopped_after} steps"))
    lines += [
        (name.replace("_", " "), show_default(value))
        for name, value in changed_settings(recipe.settings).items()
    ]
    return aligned(lines)


def describe_clip(recipe: ClipRecipe) -> str:
    """The same of a clip: what it was painted from, and the settings it differs in."""
    files = [("clip", recipe.clip)]
    files += [(f"style/{i}", style) for i, style in enumerate(recipe.styles)]
    if recipe.protect is not None:
        files.append(("protect", recipe.protect))
    lines = [(name, f"{file.name}  {file.sha256[:16]}") for name, file in files]
    if recipe.painter_sha256 is not None:
        lines.append(("painted by", recipe.painter_sha256[:16]))
    lines.append(("gramarye", recipe.gramarye))
    changed = {**recipe.settings, **recipe.video}
    lines += [(name.replace("_", " "), show_default(value)) for name, value in changed.items()]
    return aligned(lines)


def aligned(lines: Sequence[tuple[str, str]]) -> str:
    lines = [(show_text(name), show_text(value)) for name, value in lines]
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:{width}}  {value}" for name, value in lines)
