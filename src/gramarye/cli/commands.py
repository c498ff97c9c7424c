"""click with our groups in the help, hints that fit, and mistakes told in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, final

import click

from gramarye.cli.streams import check_printed
from gramarye.errors import did_you_mean

FILE = click.Path(path_type=Path, readable=False)  # the shell completes it; we check it later


@final
class Choice(click.Choice[Any]):
    """One of a few values; of others, the nearest is proposed."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        hint = did_you_mean(str(value), map(str, self.choices))
        return super().get_invalid_choice_message(value, ctx).rstrip(".") + hint


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
        super().__init__(name, callback=callback, params=list(params), **texts)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, repeated(args, self.lists))

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
    """Commands in the order given."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


def mistake(error: click.UsageError, arguments: Sequence[str]) -> str:
    """What the user got wrong, in one sentence, with what was probably meant."""
    message = " ".join(error.format_message().split()).rstrip(".")
    message = message[0].lower() + message[1:]
    if error.ctx is None:
        return message
    if isinstance(error, click.NoSuchCommand):
        names = list(error.ctx.command.commands)  # type: ignore[attr-defined]  # it is a Group
        message = f"unknown command {error.command_name!r}: there are {', '.join(names)}"
        message += did_you_mean(error.command_name, names)
    elif isinstance(error, click.NoSuchOption):
        # Of `-photo.jpg` click tells -p only.
        typed = next(a for a in arguments if a.startswith(error.option_name))
        params = error.ctx.command.get_params(error.ctx)
        names = [n for p in params for n in (*p.opts, *p.secondary_opts) if n.startswith("-")]
        hint = did_you_mean(typed.partition("=")[0], names)
        if not hint and not typed.startswith("--"):
            hint = f"; a file of that name is written './{typed}'"
        message = f"unknown option {typed!r}{hint}"
    return f"{message} ('{error.ctx.command_path} --help' explains)"
