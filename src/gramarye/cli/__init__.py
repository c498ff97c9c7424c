"""The command line. Errors become exit codes here and nowhere else.

0: done. 2: something the user can mend. 1: our own mistake. 130: stopped by Ctrl-C.
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Sequence

import click

import gramarye
from gramarye.cli import (
    blend,
    completion,
    demo,
    distill,
    doctor,
    export,
    forecast,
    instant,
    networks,
    photoreal,
    presets,
    recipe,
    redo,
    resume,
    score,
    sketch,
    study,
    stylize,
    texture,
    train,
    video,
)
from gramarye.cli.commands import Group, as_typed, mistake
from gramarye.cli.interrupts import as_interrupts
from gramarye.cli.streams import check_printed, guarded_streams
from gramarye.distributed.environment import launched, only_errors
from gramarye.errors import GramaryeError, InputError, OutputError
from gramarye.threads import share_cores
from gramarye.units import show_text

COMMANDS = (
    stylize,
    instant,
    train,
    export,
    video,
    sketch,
    photoreal,
    texture,
    blend,
    study,
    demo,
    redo,
    resume,
    forecast,
    score,
    recipe,
    presets,
    networks,
    distill,
    doctor,
    completion,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    if argv is None and not sys.warnoptions:
        warnings.simplefilter("ignore")  # other programs' advice to programmers
    if os.environ.get(completion.ASKED):
        make_commands().main(arguments, "gramarye", completion.ASKED)  # answers the shell and exits
    with guarded_streams():
        try:
            with as_interrupts():
                return run(arguments)
        except KeyboardInterrupt:  # between what `run` has caught and the end
            return complain("stopped", 130)


def run(arguments: list[str]) -> int:
    """Run one command; what goes wrong becomes a sentence and an exit code."""
    share_cores()
    if launched():
        only_errors()
    try:
        commands = make_commands()
        try:
            with commands.make_context("gramarye", arguments.copy()) as context:
                code: int = commands.invoke(context)
                return code
        except click.exceptions.Exit as end:  # --help and --version
            check_printed(is_all=True)
            return end.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        return 2
    except click.UsageError as error:
        return complain(mistake(error, arguments), 2)
    except KeyboardInterrupt:
        return complain("stopped", 130)
    except BrokenPipeError:
        return 1
    except (InputError, OutputError) as error:
        return complain(as_typed(error), 2)
    except GramaryeError as error:
        return complain(str(error), 1)
    except Exception as error:
        from gramarye.devices import is_out_of_memory  # with PyTorch, which --help must not import

        if is_out_of_memory(error):
            return complain("out of memory: choose a smaller --size or a smaller --memory", 1)
        return complain(
            f"a mistake of ours, {type(error).__name__}: {error} (GRAMARYE_DEBUG=1 shows where; "
            "please report it)",
            1,
        )


def make_commands() -> Group:
    """The commands, with the options that the settings of this moment make."""
    version = click.version_option(gramarye.__version__, message="gramarye %(version)s")
    return version(
        Group(
            "gramarye",
            help="Render the content of one picture in the style of another.",
            commands=[module.command() for module in COMMANDS],
            no_args_is_help=True,
            epilog="'gramarye COMMAND --help' explains a command.",
            context_settings={"help_option_names": ["-h", "--help"]},
        )
    )


def complain(message: str, code: int) -> int:
    # What goes wrong before several processes have joined goes wrong in all: the first tells it.
    # Later, the error has a note in the one that knows (`distributed.launch`).
    joined = getattr(sys.exception(), "__notes__", ())
    if launched() and os.environ["RANK"] != "0" and not joined:
        return code
    if os.environ.get("GRAMARYE_DEBUG") == "1":
        traceback.print_exc()
    print(f"gramarye: {show_text(message)}", file=sys.stderr)
    return code
