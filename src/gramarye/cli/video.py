"""`gramarye video`: a clip in a style, steady where the film is steady."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from gramarye.cli.commands import FILE, Choice, Command, Option, argument
from gramarye.cli.interrupts import stop_politely
from gramarye.cli.options import (
    given_settings,
    number,
    parse_whole_numbers,
    setting_options,
    whole_number,
)
from gramarye.cli.output import new_name
from gramarye.cli.styles import style_names, take_network, with_weights
from gramarye.config import all_settings
from gramarye.errors import InputError, SettingsError
from gramarye.feedforward.settings import SHIPPED
from gramarye.files import user_path
from gramarye.units import counted, show_seconds
from gramarye.video.settings import (
    FRAME_STEPS,
    OFFSETS,
    STEADY,
    TRIAL,
    VideoSettings,
    is_pattern,
    make_video_settings,
)

if TYPE_CHECKING:
    from rich.console import Console

    from gramarye.video.run import Step, VideoReport, VideoRun

LINE_EVERY = 5.0  # seconds between two lines where there is no bar
HDR = "of a clip of high dynamic range: map it into standard range, or refuse it [map]"
PROTECTED = "what stays as the clip has it: where this picture of its shape is white, or this clip "
PROTECTED += "(folder, pattern) of a mask for each frame"
COMPARE = "the clip at the left of the painting"
WARM = 3  # frames before the first estimate
OF_OPTIMIZER = ("the losses", "the network", "the optimizer", "the scales")  # and of --preset
STRIP = 12  # frames of a strip at most, four in a row
# Settings that are of use besides those of the picture, the finish and the machine.
OF_STYLES = ("strength", "style_weights", "style_mixing", "style_roles")
GROUPS = ("the picture", "the finish", "the machine")
OWN = ("init", "aspect", "tileable", "drawing", "paper", "area_colors", "gaps", "finish")


def command() -> Command:
    styles = "how it is painted; several are mixed, with a weight if you like (woodblock.jpg:0.5)"
    file, running = {"group": "the file"}, {"group": "while it runs"}
    settings = [option for option in setting_options() if is_of_use(option)]
    for option in settings:
        if option.opts[0] == "--size":
            option.help = "longest side of the result, in pixels [the clip's]"
        if option.opts[0] == "--temporal-weight":
            option.help = "pull towards the frames before, where the film is at rest [10000]"
        if option.opts[0] == "--painter":
            option.help = "the network: instant, which comes with gramarye and takes any style, or "
            option.help += "the file of one of your own [instant]"
    return Command(
        "video",
        run,
        "paint a clip in a style, steady where the film is steady",
        argument("source", "a clip, a folder of frames, or a pattern such as %05d.png", FILE,
                 metavar="CLIP"),
        argument("styles", styles, FILE, nargs=-1, metavar="STYLE..."),
        *clip_options(),
        Option("--protect", PROTECTED, FILE, "FILE", group="the clip"),
        Option("--compare", COMPARE, **file),
        Option("-o --out", "the result: mp4, mov, mkv, webm, gif, webp, a folder of frames, or a "
               "pattern",
               FILE, "FILE", **file),
        Option("--quality", "of the result, 1 to 100 [80]", whole_number, "N", **file),
        Option("--strip", "also write a sheet of frames to this file", FILE, "FILE", **file),
        Option("--json", "print one JSON object about the result on stdout", **running),
        Option("-q --quiet", "show no progress", **running),
        *settings,
        help="Paint CLIP in the manner of STYLE, frame by frame in one pass of a network, or by "
        "the optimizer with --way optimize, and hold it still where the film holds still. Sound "
        "and subtitles go along. Stopped or killed, the same command goes on where it was.",
        epilog="Reading and writing clips needs PyAV: pip install 'gramarye[video]'.",
        makes_files=True,
    )  # fmt: skip


def clip_options(*, again: bool = False, group: str = "the clip") -> list[Option]:
    """What of a clip is painted; of one painted `again`, switches can be turned off, too."""
    clip = {"group": group}
    way = "by a network in one pass, or by the optimizer, which takes far longer [instant]"
    frame_steps = f"with --way optimize: steps of a frame after a shot's first [{FRAME_STEPS}]"
    offsets = "with --way optimize: how many frames back those are that one is held to "
    offsets += f"[{','.join(map(str, OFFSETS))}]"
    flow = "a folder of flows in place of those found (forward_1_2.flo, backward_2_1.flo and so on)"
    cache = "where flows that were found are kept for another run of the clip, or off [the user's "
    cache += "folder for caches]"
    steady = "how much of a frame is taken along from the one before, where the film shows the "
    steady += f"same, 0 to 1 [{STEADY}]"
    fps = "paint so many frames a second at most; of a folder of frames: show so many"
    trial = f"paint {TRIAL} seconds only, for a first look"
    switches = [Option("--trial", trial, **clip)]
    if again:
        switches = [Option("--trial/--no-trial", trial, default=None, **clip)]
        switches += [Option("--compare/--no-compare", COMPARE, default=None, **clip)]
    return [
        Option("--start", "begin so many seconds into the clip", number, "SECONDS", **clip),
        Option("--end", "end so many seconds into the clip", number, "SECONDS", **clip),
        *switches,
        Option("--fps", fps, number, "X", **clip),
        Option("--way", way, Choice(("instant", "optimize")), **clip),
        Option("--steady", steady, number, "X", **clip),
        Option("--frame-steps", frame_steps, whole_number, "N", **clip),
        Option("--offsets", offsets, parse_whole_numbers, "N,N...", **clip),
        Option("--flow", flow, FILE, "FOLDER", **clip),
        Option("--flow-cache", cache, FILE, "FOLDER", **clip),
        Option("--hdr", HDR, Choice(("map", "refuse")), **clip),
    ]


def given_video(args: SimpleNamespace) -> dict[str, Any]:
    """What was given of a clip's own settings."""
    wanted = {f.name: getattr(args, f.name, None) for f in fields(VideoSettings)}
    return {name: value for name, value in wanted.items() if value is not None}


def is_of_use(option: Option) -> bool:
    name = option.opts[0][2:].replace("-", "_")
    return name in OF_STYLES or (option.group in GROUPS + OF_OPTIMIZER and name not in OWN)


def check_way(way: str, settings: Mapping[str, Any]) -> None:
    """Raise SettingsError for settings of the optimizer, where a network paints."""
    known = all_settings()
    for name in settings:
        of_optimizer = known[name].group in OF_OPTIMIZER and name not in OF_STYLES
        if way == "instant" and (of_optimizer or name == "preset"):
            option = f"--{name.replace('_', '-')}"
            raise SettingsError(f"{option} is of --way optimize: give that, or leave {option} out")


def run(args: SimpleNamespace) -> int:
    video, strip = given_run(args)
    return paint(video, args, strip)


def paint(video: VideoRun, args: SimpleNamespace, named: Path | None = None) -> int:
    """Paint a clip, telling how far it is, and its strip if that is `named`."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    steps = video.steps()
    if not args.quiet:
        if video.resumed:
            print(f"goes on after frame {video.resumed}", file=sys.stderr)
        steps = show_steps(steps, console, video.resumed)
    with stop_politely(video.stop) as interrupts:
        for _ in steps:
            pass
        interrupts.saving = True
        report = video.finish()
        strip = write_strip(video, named) if named is not None else None
        video.clean()
    return tell(report, args, strip, video.parts.folder)


def given_run(args: SimpleNamespace) -> tuple[VideoRun, Path | None]:
    """The run that was asked for, checked, and the name of its strip."""
    known = [name for name in all_settings() if not hasattr(args, name)]
    vars(args).update(dict.fromkeys(known))
    named = list(args.styles)
    take_network(args, named)
    args.styles = tuple(named)
    styles, settings = with_weights(args, given_settings(args))
    check_styles(args.painter, styles)
    video = make_video_settings(**given_video(args))
    check_way(video.way, settings)

    from gramarye.files import check_target
    from gramarye.pictures.picture import check_output
    from gramarye.video.run import VideoJob, open_video
    from gramarye.video.ways import make_video_config

    make_video_config(video, (64, 64), **settings)  # a mistake is told before all else

    out, new = args.out, args.out is None
    if out is None:
        painted_like = style_names(args.styles) or [Path(args.painter)]
        names = [*painted_like, Path("video")]
        out = new_name(unnumbered(args.source), names).with_suffix(end_of(args.source))
    strip = None if args.strip is None else user_path(args.strip)
    protect = getattr(args, "protect", None)
    inputs = (args.source, *styles, out, *([] if protect is None else [protect]))
    if strip is not None and not user_path(args.source).is_dir():
        check_output(strip, inputs=inputs)
    elif strip is not None:
        check_target(strip, styles)
        check_output(strip)
    if args.size is not None and not isinstance(args.size, int):
        raise SettingsError(f"--size is {args.size!r}: give a whole number of pixels")
    job = VideoJob(args.source, styles, out, settings, video, new, protect)
    return open_video(job), strip


def check_styles(painter: str | None, styles: Sequence[Path]) -> None:
    """Raise InputError for styles beside a network that has its own, or for none."""
    from gramarye.instants import holds_style

    if painter not in (None, SHIPPED) and holds_style(painter):
        if styles:
            raise InputError(f"'{painter}' has its style in itself: name the clip, and no style")
    elif not styles:
        raise InputError(
            "there is no style: after the clip, name the picture that it is painted like"
        )


def unnumbered(clip: Path) -> Path:
    """A clip's name for its result; that of the folder for a pattern."""
    path = clip.parent if is_pattern(clip) else clip
    return Path(path.resolve().name) if not path.name.strip(".") else path


def end_of(clip: Path) -> str:
    """What a result without a name is: what the clip is, if we write such files; else an mp4."""
    from gramarye.video.formats import FORMATS

    end = clip.suffix.lower()
    if is_pattern(clip) or user_path(clip).is_dir():
        return ""
    return end if end in FORMATS else ".mp4"


def show_steps(steps: Iterator[Step], console: Console, done: int) -> Iterator[Step]:
    """The same steps, shown as they pass, with the time left."""
    from rich.progress import BarColumn, Progress, TextColumn

    live = console.is_terminal and not console.is_dumb_terminal
    columns = TextColumn("{task.description}"), BarColumn(28), TextColumn("{task.fields[left]}")
    began = shown = time.monotonic()
    with Progress(*columns, console=console, transient=True, disable=not live) as progress:
        task = progress.add_task("", total=None, left="")
        for count, step in enumerate(steps, 1):
            now = time.monotonic()
            each = (now - began) / count
            of = "" if step.total is None else f" of {step.total}"
            text, left = f"frame {step.done}{of}", ""
            if step.total is not None and count >= WARM:
                left = f"{show_seconds(max(0, step.total - step.done) * each)} left"
            text = f"{text}  {1 / each:.1f} a second" if count >= WARM else text
            progress.update(
                task, total=step.total, completed=step.done, description=text, left=left
            )
            if not live and (count == 1 or now - shown >= LINE_EVERY):
                console.print(f"{text}  {left}".rstrip(), markup=False, soft_wrap=True)
                shown = now
            yield step


def write_strip(video: VideoRun, path: Path) -> Path:
    """A sheet of frames from all of the clip."""
    from gramarye.video.strips import save_strip

    return save_strip(video, path, STRIP)


def tell(report: VideoReport, args: SimpleNamespace, strip: Path | None, folder: Path) -> int:
    for note in report.notes:
        print(f"note: {note}", file=sys.stderr)
    if report.stopped:
        print(
            f"stopped after {counted(report.frames, 'frame')}: the same command goes on from here "
            f"(with what is in '{folder}')",
            file=sys.stderr,
        )
    elif not args.quiet:
        spent = show_seconds(report.seconds)
        print(f"{counted(report.frames, 'frame')}, {spent}", file=sys.stderr)
    if args.json:
        shown: dict[str, Any] = {**asdict(report), "output": str(report.output)}
        shown["strip"] = None if strip is None else str(strip)
        print(json.dumps(shown))
    else:
        print(report.output)
        if strip is not None:
            print(strip)
    return 130 if report.stopped else 0
