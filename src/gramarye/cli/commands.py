"""click with our groups in the help, hints that fit, and mistakes told in one sentence."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, final

import click

from gramarye.cli.streams import check_printed
from gramarye.errors import GramaryeError, did_you_mean
from gramarye.files import is_file, is_there, user_path
from gramarye.units import show_value
from gramarye.validation import listed

ASKED = "_GRAMARYE_COMPLETE"  # set by the script of `completion` when the shell asks; click answers


@final
class Wrong(click.BadParameter):
    """A value that is not allowed; `allowed` says what is, as a noun: "a number above 0"."""

    def __init__(self, given: object, allowed: str) -> None:
        super().__init__(allowed)
        self.given = given


@final
class FilePath(click.Path):
    """A path that the shell completes; whether there is such a file is checked later.

    `makes` says of what a folder's files are, where one is made: there `-` would be a folder.
    """

    def __init__(self, *, makes: str | None = None) -> None:
        super().__init__(path_type=Path, readable=False)
        self.makes = makes

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        text = str(value)
        if not text:  # which would be the current folder
            raise Wrong(value, "the name of a file")
        if text.endswith(AS_FOLDER) and is_called_as_file(text):
            raise Wrong(value, "the name of a file without a slash at its end, or of a folder")
        if text == "-" and self.makes is not None and not is_there(Path(text)):
            raise Wrong(value, f"the name of {self.makes}, as nothing goes to standard output")
        return super().convert(value, param, ctx)


def is_called_as_file(name: str) -> bool:
    """Whether what ends as a folder is a file, or would be one by its ending; no folder is."""
    from gramarye.pictures.formats import EXTENSIONS
    from gramarye.video.formats import FORMATS

    path = user_path(name)  # which has no slash at its end
    if os.path.isdir(path):  # noqa: PTH112 (any name, also too long)
        return False
    return is_file(path) or path.suffix.lower() in (*EXTENSIONS, *FORMATS, *OTHERS)


# How names end that the system takes for those of folders.
AS_FOLDER = tuple(f"{slash}{end}" for slash in {os.sep, os.altsep or os.sep} for end in ("", "."))
OTHERS = (".safetensors", ".cube", ".checkpoint", ".onnx", ".svg", ".pdf")  # of files we write

FILE = FilePath()
FOLDER = FilePath(makes="a folder")


@final
class Choice(click.Choice[Any]):
    """One of a few values; of others, the nearest is proposed."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        names = list(map(str, self.choices))
        if str(value) not in names:
            raise Wrong(value, listed(names) + did_you_mean(str(value), names))
        return super().convert(value, param, ctx)


@final
class Option(click.Option):
    """An option, or without a kind of value a flag; `group` is its title in the help."""

    def __init__(
        self,
        names: str,
        about: str,
        kind: Any = None,
        metavar: str | None = None,
        *,
        group: str = "Options",
        **more: Any,
    ) -> None:
        flag = True if kind is None else None  # False would make the value optional
        super().__init__(
            names.split(), help=about, type=kind, metavar=metavar, is_flag=flag, **more
        )
        self.group = group


def argument(name: str, about: str, kind: Any = None, **more: Any) -> click.Argument:
    return click.Argument([name], help=about, type=kind, **more)


@final
class Command(click.Command):
    """A command that hands what was given to `run`, as the attributes of one object.

    `makes_files` says that its result is more than what it prints. Options named in `lists` may be
    followed by several values: `--style a.jpg b.jpg`.
    """

    def __init__(
        self,
        name: str,
        run: Callable[[SimpleNamespace], int | None],
        about: str,
        *params: click.Parameter,
        makes_files: bool = False,
        lists: Collection[str] = (),
        **texts: Any,
    ) -> None:
        self.lists = lists

        def callback(**given: Any) -> int:
            code = run(SimpleNamespace(**given))
            check_printed(is_all=not makes_files)
            return code or 0

        texts = {"short_help": about, "help": about, "options_metavar": "[options]", **texts}
        extra = {"allow_extra_args": True}  # `parse_args` refuses them, in our words
        super().__init__(
            name, callback=callback, params=list(params), context_settings=extra, **texts
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            left = super().parse_args(ctx, repeated(args, self.lists))
        except click.BadOptionUsage as error:
            error.ctx = ctx  # which click leaves out
            raise
        if left and not ctx.resilient_parsing:
            takes = " ".join(self.collect_usage_pieces(ctx)[1:]) or "options only"
            raise click.UsageError(
                f"{show_value(left[0])} is too much: '{ctx.command_path}' takes {takes}", ctx
            )
        return left

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups: dict[str, list[tuple[str, str]]] = {"Options": []}
        for param in self.get_params(ctx):
            if isinstance(param, click.Option) and (row := param.get_help_record(ctx)):
                groups.setdefault(getattr(param, "group", "Options"), []).append(row)
        for title, rows in groups.items():
            with formatter.section(title[0].upper() + title[1:]):
                formatter.write_dl(rows, col_max=26)


def repeated(args: Sequence[str], lists: Collection[str]) -> list[str]:
    """The arguments with `--style a b` as `--style a --style b`, for options that are lists."""
    found: list[str] = []
    option = ""
    for position, arg in enumerate(args):
        if arg == "--":
            return [*found, *args[position:]]
        if arg.startswith("-"):
            option = arg if arg in lists else ""
        elif option and found[-1] != option:
            found.append(option)
        found.append(arg)
    return found


@final
class Group(click.Group):
    """Commands in the order given: those of `modules`, which are loaded when they are asked for."""

    def __init__(self, *args: Any, modules: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(*args, **more)
        # Of this room, each with a `command()` of its name, and what it is for.
        self.modules = modules or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return self.names()

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        return self.named(name) if name in self.names() else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """All commands and what they are for; those of `modules` are not loaded for it."""
        if not self.modules:
            super().format_commands(ctx, formatter)
            return
        with formatter.section("Commands"):
            formatter.write_dl(list(self.modules.items()))

    def names(self) -> list[str]:
        return list(self.modules or self.commands)

    def named(self, name: str) -> click.Command:
        """One of the commands."""
        if name not in self.commands:
            self.add_command(import_module(f"gramarye.cli.{name}").command())
        return self.commands[name]


def mistake(error: click.UsageError, arguments: Sequence[str]) -> str:
    """What the user got wrong, in one sentence, with what was probably meant."""
    if isinstance(error, Wrong) and error.param is not None:
        return f"{name_of(error.param)} is {show_value(error.given)}: give {error.message}"
    message = " ".join(error.format_message().split()).rstrip(".")
    if error.ctx is None:
        return message[0].lower() + message[1:]
    params = error.ctx.command.get_params(error.ctx)
    if isinstance(error, click.MissingParameter) and error.param is not None:
        usage = " ".join(
            [error.ctx.command_path, *error.ctx.command.collect_usage_pieces(error.ctx)]
        )
        about = getattr(error.param, "help", "")
        message = f"{name_of(error.param)} is missing ({about}): write '{usage}'"
    elif isinstance(error, click.BadOptionUsage):
        option = next(param for param in params if error.option_name in param.opts)
        message = f"{error.option_name} takes no value: leave out what is behind it"
        if not getattr(option, "is_flag", False):
            message = f"{error.option_name} has no value: give {option.metavar or 'one'} behind it"
    elif isinstance(error, click.NoSuchCommand):
        names = error.ctx.command.names()  # type: ignore[attr-defined]  # it is a Group
        message = f"unknown command {error.command_name!r}: there are {', '.join(names)}"
        message += did_you_mean(error.command_name, names)
    elif isinstance(error, click.NoSuchOption):
        # Of `-photo.jpg` click tells -p only.
        typed = next(a for a in arguments if a.startswith(error.option_name))
        names = [n for p in params for n in (*p.opts, *p.secondary_opts) if n.startswith("-")]
        hint = did_you_mean(typed.partition("=")[0], names)
        if not hint and not typed.startswith("--"):
            hint = f"; a file of that name is written './{typed}'"
        message = f"unknown option {typed!r}{hint}"
    return f"{message} ('{error.ctx.command_path} --help' explains)"


def name_of(param: click.Parameter) -> str:
    """As it is typed: `--size`, or the CONTENT of the usage."""
    option = isinstance(param, click.Option)
    return max(param.opts, key=len) if option else param.human_readable_name


def as_typed(error: GramaryeError) -> str:
    """The message with the option in place of the setting's name: `--style-scale is 0: ...`."""
    name = getattr(error, "setting", "")
    option = f"--{name.replace('_', '-')}"
    return str(error).replace(name, option, 1) if name else str(error)
