"""argparse with errors that are raised, in one sentence, and say what was probably meant."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn, final

from gramarye.errors import SettingsError, did_you_mean


@final
class WideHelp(argparse.HelpFormatter):
    """Help whose texts start in one column, beside every command's name."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28)


@final
class Parser(argparse.ArgumentParser):
    """A parser whose complaints are SettingsErrors; `main` turns these into exit code 2."""

    def __init__(self, **keywords: Any) -> None:
        # An abbreviation that works today breaks with tomorrow's option.
        super().__init__(allow_abbrev=False, formatter_class=WideHelp, **keywords)

    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"{message} ('{self.prog} --help' explains)")

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        # Before argparse does: it would first complain of a missing argument or a spare value.
        for name in self.long_options(args or ()):
            if name not in self._option_string_actions:
                hint = did_you_mean(name, self._option_string_actions)
                self.error(f"unknown option {name!r}{hint}")
        known, spare = super().parse_known_args(args, namespace)
        if spare:
            kind = "option" if spare[0].startswith("-") else "argument"
            place = "" if kind == "option" else ": give all pictures side by side"
            self.error(f"unknown {kind} {spare[0]!r}{place}")
        return known, spare

    def long_options(self, args: Sequence[str]) -> list[str]:
        """The names of the --options that are this parser's, not a subcommand's."""
        names = []
        for arg in args:
            if arg == "--" or (self._subparsers and not arg.startswith("-")):
                break
            if arg.startswith("--"):
                names.append(arg.partition("=")[0])
        return names

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        # argparse only lists the choices; the nearest is more help.
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            what = "command" if action.dest == "command" else "/".join(action.option_strings)
            hint = did_you_mean(str(value), choices)
            known = ", ".join(choices)
            self.error(f"unknown {what or action.dest} {value!r}: there are {known}{hint}")
