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
from gramarye.cli.commands import ASKED, Group, as_typed, mistake
from gramarye.cli.interrupts import as_interrupts
from gramarye.cli.streams import check_printed, guarded_streams
from gramarye.distributed.environment import launched, only_errors
from gramarye.errors import GramaryeError, InputError, OutputError
from gramarye.threads import share_cores
from gramarye.units import show_text

# Each is the module of this room that has its name, loaded when it is asked for. What each is for
# stands here, too, so that the list of all, which --help shows, loads none.
COMMANDS = {
    "stylize": "render a picture in the style of another",
    "instant": "paint photographs in any style at once, without an optimizer",
    "train": "train a network for a style of your own",
    "export": "write a trained network as ONNX, for other programs",
    "video": "paint a clip in a style, steady where the film is steady",
    "sketch": "color and paint a line drawing",
    "photoreal": "give a photograph the light and colors of another",
    "texture": "make a texture of a style, which may be tiled",
    "blend": "go from one style to another, or from a photograph to a painting",
    "study": "repeat the papers' experiments, with a report",
    "demo": "stylize the sample pictures",
    "redo": "make a picture or a clip again, or at another size",
    "resume": "go on with a run that was stopped or crashed",
    "forecast": "tell what a run will take: seconds and memory",
    "score": "tell how near pictures are to their style and content",
    "recipe": "show what made a picture",
    "presets": "list the named sets of settings",
    "networks": "list, fetch and check the networks that define the losses",
    "distill": "train a narrow network to see as VGG-19 does",
    "doctor": "show versions and devices, and check that everything works",
    "completion": "print the completion script of a shell",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    if argv is None and not sys.warnoptions:
        warnings.simplefilter("ignore")  # other programs' advice to programmers
    if os.environ.get(ASKED):
        make_commands().main(arguments, "gramarye", ASKED)  # answers the shell and exits
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
            modules=COMMANDS,
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
