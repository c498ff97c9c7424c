"""The command line. Errors become exit codes here and nowhere else.

0: done. 2: something the user can mend. 1: our own mistake. 130: stopped by Ctrl-C.
"""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Sequence

import gramarye
from gramarye.cli import (
    completion,
    demo,
    distill,
    doctor,
    forecast,
    networks,
    presets,
    recipe,
    redo,
    resume,
    stylize,
)
from gramarye.cli.parser import Parser
from gramarye.distributed.environment import launched, only_errors
from gramarye.errors import GramaryeError, InputError, OutputError
from gramarye.threads import share_cores

COMMANDS = (
    stylize,
    demo,
    redo,
    resume,
    forecast,
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
    share_cores()
    if launched():
        only_errors()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # names of files that are no text
    parser = make_parser()
    if not arguments:
        parser.print_help(sys.stderr)
        return 2
    try:
        args = parser.parse_args(arguments)
        code: int | None = args.run(args)
        sys.stdout.flush()  # a closed pipe shows here, not after we are gone
        return code or 0
    except SystemExit as stop:  # --help and --version
        return int(stop.code or 0)
    except KeyboardInterrupt:
        return complain("stopped", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (InputError, OutputError) as error:
        return complain(str(error), 2)
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


def make_parser() -> Parser:
    parser = Parser(
        prog="gramarye",
        description="Render the content of one picture in the style of another.",
        epilog="'gramarye COMMAND --help' explains a command.",
    )
    parser.add_argument("--version", action="version", version=f"gramarye {gramarye.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(commands)
    return parser


def complain(message: str, code: int) -> int:
    # What goes wrong before several processes have joined goes wrong in all: the first tells it.
    # Later, the error has a note in the one that knows (`distributed.launch`).
    joined = getattr(sys.exception(), "__notes__", ())
    if launched() and os.environ["RANK"] != "0" and not joined:
        return code
    if os.environ.get("GRAMARYE_DEBUG") == "1":
        traceback.print_exc()
    print(f"gramarye: {message}", file=sys.stderr)
    return code
