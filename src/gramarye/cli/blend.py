"""`gramarye blend`: the way from one style to another, or from a photograph to a painting."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from gramarye.blending import FRAME_STEPS, after_photograph, mixing_of, plan_frames
from gramarye.cli.commands import FILE, FOLDER, Command, Option, argument
from gramarye.cli.options import (
    given_inputs,
    given_settings,
    input_options,
    number,
    setting_options,
    whole_number,
)
from gramarye.cli.output import given_output, new_name, output_options
from gramarye.cli.styles import check_laid_over, pictures_of, style_names, weight_behind
from gramarye.errors import SettingsError
from gramarye.files import is_there, same_file, user_path

if TYPE_CHECKING:
    from gramarye.jobs.frames import Way

FRAMES, SECONDS = 9, 0.15
RANGES = {"frame_steps": (1, 1_000_000), "seconds": (0.01, 600)}  # a GIF can say 655 seconds
IN_A_ROW, CELL = 10, 320  # of the strip: its frames, and the longest side of one in pixels
# What the frames say for themselves, and what belongs to one picture.
OWN = ("--init", "--style-weights", "--coarse-to-fine", "--aspect", "--tileable")
OF_ONE = ("--out", "--quality", "--bit-depth", "--preview", "--save-every", "--cube", "--json")


def command() -> Command:
    styles = "one for the way from the photograph to it; several for the way through them"
    steps = f"steps of each frame after the first, which begins with the one before [{FRAME_STEPS}]"
    way = {"group": "the way"}
    return Command(
        "blend",
        run,
        "go from one style to another, or from a photograph to a painting",
        argument("content", "what the pictures show", FILE),
        argument("styles", styles, FILE, nargs=-1, required=True, metavar="STYLE..."),
        Option("--frames", f"pictures, both ends included [{FRAMES}]", whole_number, "N",
               default=FRAMES, **way),
        Option("--frame-steps", steps, whole_number, "N", default=FRAME_STEPS, **way),
        Option("--seconds", f"how long the animation shows each [{SECONDS}]", number, "X",
               default=SECONDS, **way),
        Option("--gif", "write an animated GIF besides the WebP", **way),
        Option("-o --out", "the folder of the frames [named after the pictures]", FOLDER, "DIR",
               group="the file"),
        *input_options(),
        *(option for option in output_options() if option.opts[-1] not in OF_ONE),
        *(option for option in setting_options() if option.opts[0] not in OWN),
        help="Paint CONTENT on its way from the first STYLE to the last, or, with one STYLE, from "
        "the photograph to the painting: numbered pictures, a strip of them, and an animation. A "
        "frame begins with the one before, so that the way is steady. Frames that are there "
        "already stay: the same command goes on where it was stopped.",
        makes_files=True,
    )  # fmt: skip


def run(args: SimpleNamespace) -> int:
    way = given_way(args)

    from gramarye.cli.reporting import summary
    from gramarye.cli.running import check_job, run_job
    from gramarye.pictures.animation import save_animation

    strip = way.folder / "strip.jpg"
    moving = [way.folder / f"blend{end}" for end in (".webp", ".gif")[: 1 + args.gif]]
    way.check([strip, *moving])
    if way.from_photograph and not is_there(way.paths[0]):
        check_job(way.rehearsal(), quiet=args.quiet)
    for frame in way.frames:
        if not args.quiet:
            print(f"{frame.number + 1} of {len(way.frames)}", file=sys.stderr)
        if way.from_photograph and not frame.follows:
            print(way.photograph(frame))
            continue
        job = way.job(frame)
        if job is not None:
            report = run_job(job, quiet=args.quiet)
            assert report is not None, "there is one process"
            for note in report.notes:
                print(f"note: {note}", file=sys.stderr)
            if report.stopped:
                print(summary(report), file=sys.stderr)
                print(
                    "note: the same command goes on from here, to the last frame", file=sys.stderr
                )
                return 130
        print(way.path(frame))
    print(write_strip(way, strip))
    for path in moving:
        print(save_animation(way.paths, path, args.seconds))
    return 0


def given_way(args: SimpleNamespace) -> Way:
    """The way that was asked for, its settings checked."""
    if any(weight is not None for _, weight in map(weight_behind, args.styles)):
        raise SettingsError(
            "a style of a blend has no weight of its own, which changes from frame to frame: "
            "leave out what is behind the picture"
        )
    for name, (least, most) in RANGES.items():
        value = getattr(args, name)
        if isinstance(value, str) or not least <= value <= most:
            text = f"{name} is {value!r}: give a number from {least} to {most}"
            raise SettingsError(text, setting=name)

    from gramarye.config import make_config

    own = ("init", "style_weights", "coarse_to_fine", "aspect", "tileable")
    vars(args).update(
        dict.fromkeys((*own, "bit_depth", "preview", "save_every", "cube")), quality=95
    )
    settings = given_settings(args)
    mixing = mixing_of(make_config(**settings).value("style_loss"))
    settings.setdefault("style_mixing", mixing)
    found = [picture for name in args.styles for picture in pictures_of(name)]
    content = user_path(args.content)
    # By whatever path: the photograph itself is no style to be painted in.
    styles = [args.content if same_file(user_path(path), content) else path for path in found]
    check_laid_over(args, styles)
    stops, others = styles, given_inputs(args)
    if len(styles) == 1:
        stops, others = [args.content, *styles], after_photograph(others)
    frames = plan_frames(args.frames, len(stops), args.frame_steps)

    from gramarye.jobs.frames import Way

    named = new_name(args.content, [*style_names(args.styles), Path("blend")]).stem
    folder = user_path(args.out or named)
    return Way(args.content, stops, frames, settings, folder, given_output(args), others)


def write_strip(way: Way, path: Path) -> Path:
    """All frames in rows, the styles in the corners of the first and the last."""
    import torch

    from gramarye.pictures.animation import opaque
    from gramarye.pictures.contact_sheet import Cell, contact_sheet
    from gramarye.pictures.picture import Picture, load_image, load_picture, save_picture
    from gramarye.scales.resizing import resize
    from gramarye.scales.sizes import fit

    corners = {len(way.paths) - 1: way.styles[-1]}
    if not way.from_photograph:
        corners[0] = way.styles[0]
    row = min(len(way.paths), IN_A_ROW)
    cells = []
    for place, frame in enumerate(way.paths):
        image = load_picture(opaque(frame)).pixels
        image = resize(image, *fit(image.shape[-2], image.shape[-1], CELL))
        cells.append(Cell(image, load_image(corners[place]) if place in corners else None))
    cells += [Cell(torch.ones_like(image))] * (-len(cells) % row)
    rows = [cells[i : i + row] for i in range(0, len(cells), row)]
    sheet = contact_sheet(rows, width=min(1600, CELL * row))
    return save_picture(Picture.from_tensor(sheet), path, quality=90, inputs=way.read).path
