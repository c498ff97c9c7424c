"""`gramarye instant`: photographs in a style, each in one pass of a network."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from gramarye.cli.commands import FILE, Choice, Command, Option, argument
from gramarye.cli.options import (
    given_inputs,
    given_settings,
    input_options,
    setting_options,
    whole_number,
)
from gramarye.cli.output import given_output, new_name, output_options
from gramarye.cli.styles import pictures_of, style_names, take_network, with_weights
from gramarye.config import all_settings
from gramarye.errors import GramaryeError, InputError, SettingsError
from gramarye.feedforward.settings import OPTIMIZER, SHIPPED
from gramarye.files import user_path
from gramarye.jobs.output import RUNTIMES
from gramarye.pictures.formats import EXTENSIONS
from gramarye.special_configs import make_instant_config
from gramarye.units import counted, show_seconds, show_text

if TYPE_CHECKING:
    from gramarye.jobs.job import Job

# What one pass has no use for: steps, scales, losses, maps, and first images.
GROUPS = ("the optimizer", "the scales", "the losses", "the network", "the color map")
OF_STYLES = ("strength", "style_weights", "style_mixing", "style_roles", "mask_mode")
OWN = ("preset", "init", "aspect", "tileable", "drawing", "paper", "area_colors", "gaps")
OUTPUT = ("--cube", "--preview", "--save-every", "--checkpoint-every")
RUNTIME = "what computes: onnx (ONNX Runtime, which begins at once), torch, or auto, which is onnx "
RUNTIME += "where it is installed and knows all that is asked for [auto]"
OF_ONE = ("content_mask", "content_regions", "strength_map", "protect")  # photograph


def command() -> Command:
    pictures = "photographs, or folders of them, and last the style: a painting, a folder, or the "
    pictures += "file of a network that 'gramarye train' has made"
    more = "a further style, with a weight if you like (woodblock.jpg:0.5); repeat for more"
    at_once = "how many of several photographs are painted at once [one per core]"
    settings = [option for option in setting_options() if is_of_use(option)]
    for option in settings:
        if option.opts[0] == "--size":
            option.help = (option.help or "").replace("[512]", "[the photograph's]")
        if option.opts[0] == "--painter":
            option.help = "the network: instant, which comes with gramarye and takes any style, or "
            option.help += "the file of one of your own [instant]"
    return Command(
        "instant",
        run,
        "paint photographs in any style at once, without an optimizer",
        argument("pictures", pictures, FILE, nargs=-1, required=True, metavar="PHOTO... STYLE"),
        Option("--with", more, FILE, "STYLE", group="the picture", multiple=True),
        Option("--processes", at_once, whole_number, "N", group="while it runs"),
        Option("--runtime", RUNTIME, Choice(RUNTIMES), group="while it runs"),
        *input_options(),
        *(option for option in output_options() if option.opts[-1] not in OUTPUT),
        *settings,
        help="Paint each PHOTO in the style of STYLE, in one pass of a network that takes any "
        "style. Of several photographs, or a folder, --out names the folder of the results.",
        epilog="For the best picture, take 'gramarye stylize', which optimizes it.",
        makes_files=True,
    )


def is_of_use(option: Option) -> bool:
    name = option.opts[0][2:].replace("-", "_")
    return name in OF_STYLES or (option.group not in GROUPS and name not in OWN)


def run(args: SimpleNamespace) -> int:
    photographs, jobs = given_jobs(args)
    if len(photographs) == 1:
        from gramarye.cli.reporting import tell
        from gramarye.jobs.at_once import done_at_once

        report = done_at_once(jobs[0])
        if report is None:
            from gramarye.cli.running import run_job

            report = run_job(jobs[0], quiet=args.quiet)
        return tell(report, args.json)
    return run_several(args, photographs, jobs)


def given_jobs(args: SimpleNamespace) -> tuple[list[Path], list[Job]]:
    """The photographs, and for each what is made of it."""
    named, args.styles = photographs_and_styles(args)
    known = [name for name in all_settings() if not hasattr(args, name)]
    vars(args).update(dict.fromkeys((*known, "cube", "preview", "save_every")))
    args.checkpoint_every = 0.0
    styles, settings = with_weights(args, given_settings(args))
    if not styles:
        settings = {"color": "free", **settings}  # the network has colors of its own
    make_instant_config((512, 512), **settings)  # a mistake is told before all else
    output = given_output(args)
    # A folder named twice, as by a shell's pattern, holds each photograph once.
    photographs = list(dict.fromkeys(photo for name in named for photo in pictures_of(name)))
    several = len(photographs) > 1
    if several and (given := [name for name in OF_ONE if getattr(args, name) is not None]):
        option = given[0].replace("_", "-")
        raise InputError(
            f"--{option} is laid over one photograph, and there are {len(photographs)}: paint that "
            "one alone"
        )
    if several and (out := args.out) is not None and is_picture_name(user_path(out)):
        raise InputError(
            f"--out is '{out}', one picture, and {len(photographs)} photographs are painted (all "
            "pictures but the style): name a folder, or one photograph"
        )
    if several and str(args.out) == "-" and not args.out.is_dir():
        raise InputError(
            "--out is '-', and nothing goes to standard output: name the folder of the pictures"
        )
    of_style = style_names(args.styles) or [Path(args.painter)]
    names = [*of_style, Path("instant")]

    from gramarye.jobs.job import Job, name_inputs
    from gramarye.pictures.stored import picture_size

    jobs = []
    for photo in photographs:
        out, new = args.out, args.out is None
        if several or (out is not None and user_path(out).is_dir()):
            folder = user_path(out) if out is not None else Path()
            out = folder / new_name(photo, names).with_suffix(extension_of(photo))
        elif out is None:
            out = new_name(photo, names)
        try:
            size = picture_size(photo)
        except GramaryeError:
            if not several:
                raise
            size = (512, 512)  # the job tells what is wrong
        try:
            config = make_instant_config(size, **settings)
        except SettingsError as error:
            if not several:
                raise
            raise SettingsError(f"'{photo}': {error}") from error
        inputs = name_inputs(photo, styles, config, given_inputs(args))
        jobs.append(Job(inputs, out, config, output, new=new, runtime=args.runtime or "auto"))
    check_names(jobs)
    return photographs, jobs


def photographs_and_styles(args: SimpleNamespace) -> tuple[list[Path], list[Path]]:
    """What is painted and in which styles; a network named last becomes `args.painter`.

    One that has its style in itself takes none.
    """
    named, more = list(args.pictures), list(getattr(args, "with"))
    take_network(args, named)
    if args.painter not in (None, SHIPPED, OPTIMIZER):
        from gramarye.instants import holds_style

        if holds_style(args.painter):
            if more or not named:
                raise InputError(
                    f"'{args.painter}' has its style in itself: name photographs, and no style"
                )
            return named, []
    if len(named) < 2:
        one = f", '{named[0]}'" if named else ""
        raise InputError(
            f"there is {'one' if named else 'no'} picture{one}, and it takes two: the photograph, "
            "and last the style it is painted in"
        )
    return named[:-1], [named[-1], *more]


def extension_of(photo: Path) -> str:
    """The photograph's own, if we write such files."""
    return photo.suffix if photo.suffix.lower() in EXTENSIONS else ".png"


def is_picture_name(out: Path) -> bool:
    """Whether it is a picture's name, and no folder that is there."""
    return out.suffix.lower() in EXTENSIONS and not out.is_dir()


def check_names(jobs: Sequence[Job]) -> None:
    """Raise InputError where two photographs of one name would become one file."""
    seen: dict[Path, Path] = {}
    for job in jobs:
        before = seen.setdefault(job.out, job.inputs["content"])
        if before != job.inputs["content"] and not job.new:
            raise InputError(
                f"'{before}' and '{job.inputs['content']}' would both become '{job.out}': paint "
                "them into two folders"
            )


def run_several(args: SimpleNamespace, photographs: Sequence[Path], jobs: Sequence[Job]) -> int:
    """Paint them all, telling each as it is done; the exit code is 2 if any could not be."""
    if args.out is not None:
        make_folder(user_path(args.out))

    from gramarye.jobs.several import do_all, processes_for

    if args.processes is not None and not (isinstance(args.processes, int) and args.processes >= 1):
        raise SettingsError(f"--processes is {args.processes!r}: give a whole number of at least 1")
    failed, seconds = 0, 0.0
    for count, done in enumerate(do_all(jobs, processes_for(jobs, args.processes)), 1):
        name = photographs[done.number]
        if done.problem is not None:
            failed += 1
            print(f"gramarye: {show_text(done.problem)}", file=sys.stderr)
            continue
        for note in done.notes:
            print(f"note: {name}: {note}", file=sys.stderr)
        seconds += done.seconds
        if not args.quiet:
            spent = show_seconds(done.seconds)
            print(f"{count} of {len(jobs)}: {name}, {spent}", file=sys.stderr)
        shown = {"content": str(name), "output": str(done.output), "seconds": done.seconds}
        print(json.dumps(shown) if args.json else done.output)
    if failed:
        what = counted(failed, "photograph")
        print(f"gramarye: {what} of {len(jobs)} could not be painted", file=sys.stderr)
    return 2 if failed else 0


def make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"'{folder}' cannot be made a folder ({error.strerror}): several photographs need one, "
            "name it with --out"
        ) from error
