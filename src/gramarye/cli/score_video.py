"""`gramarye score --video`: how steady painted clips are, and how near to their style and film."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from gramarye.errors import InputError, SettingsError
from gramarye.files import check_target, user_path
from gramarye.scoring.levels import LEVELS
from gramarye.units import show_text

if TYPE_CHECKING:
    from rich.table import Table

    from gramarye.video.scores import ClipScore

OPTIONS = ("one_by_one", "flow", "plot", "frames")  # which only --video takes
PLOTS = (".png", ".svg", ".pdf")
CLIPS = (".mp4", ".m4v", ".mov", ".mkv", ".webm")  # which are no pictures


def check_options(args: SimpleNamespace) -> None:
    """Raise for options of clips without --video, and for clips."""
    given = [name for name in OPTIONS if getattr(args, name) is not None]
    if given:
        option = given[0].replace("_", "-")
        raise SettingsError(f"--{option} is of clips: add --video, or leave --{option} out")
    for path in (args.content, *args.results):
        if path.suffix.lower() in CLIPS:
            raise InputError(f"'{path}' is a clip: add --video to score clips")


def run(args: SimpleNamespace, files: Sequence[tuple[str, Path | None]]) -> None:
    if args.frames is not None and not (isinstance(args.frames, int) and args.frames >= 1):
        raise SettingsError(f"--frames is {args.frames!r}: give a whole number of at least 1")
    plot = None if args.plot is None else user_path(args.plot)
    clips = [user_path(path) for path in args.results]
    single = None if args.one_by_one is None else user_path(args.one_by_one)
    if single is not None and single not in clips:
        clips.insert(0, single)
    if plot is not None:
        if plot.suffix.lower() not in PLOTS:
            raise InputError(f"'{plot}' is no name of a plot: let it end in {', '.join(PLOTS)}")
        files_read = [x for x in (args.content, args.style, *clips) if user_path(x).is_file()]
        check_target(plot, files_read)

    from gramarye.cli.networks import fetch_with_progress
    from gramarye.figures import matplotlib_there
    from gramarye.pictures.picture import load_picture
    from gramarye.scoring.judge import load_judge
    from gramarye.video.known_flow import KnownMotions
    from gramarye.video.measures import estimated
    from gramarye.video.reading import open_clip
    from gramarye.video.scores import LOOKS, score_clip

    if plot is not None:
        with matplotlib_there("plots are drawn"):
            pass
    film, style = open_clip(user_path(args.content)), load_picture(args.style)
    opened = [open_clip(path) for path in clips]
    known = None if args.flow is None else KnownMotions(user_path(args.flow))
    judges = [load_judge(name, file, fetch=fetch_with_progress) for name, file in files]
    found = []
    for path, clip in zip(clips, opened, strict=True):
        score = score_clip(
            film,
            [style],
            clip,
            judges,
            known or estimated(),
            size=args.size,
            looks=args.frames or LOOKS,
        )
        found.append((path, score))
    notes = dict.fromkeys(note for _, score in found for note in score.notes)
    if known is not None:
        text = f"the flow of '{known.folder}' was there for {known.used} pairs of frames"
        notes[f"{text}, and is estimated for {known.missing}"] = None
    for note in notes:
        print(f"note: {show_text(note)}", file=sys.stderr)
    if plot is not None:
        from gramarye.video.plotting import draw_scores

        draw_scores([(path.name, score) for path, score in found], plot)
        print(f"the plot is '{plot}'", file=sys.stderr)
    if args.json:
        print(json.dumps(as_dict(found, single), allow_nan=False))
    else:
        show(found, single)


def beside(score: ClipScore, single: ClipScore | None) -> float | None:
    """How many times the warping error of the frames painted one by one."""
    if single is None or single.steadiness is None or score.steadiness is None:
        return None
    other = single.steadiness.short
    return score.steadiness.short / other if other else None


def of_single(found: Sequence[tuple[Path, ClipScore]], single: Path | None) -> ClipScore | None:
    return next((score for path, score in found if path == single), None)


def as_dict(found: Sequence[tuple[Path, ClipScore]], single: Path | None) -> dict[str, Any]:
    """The scores as --json prints them."""
    other = of_single(found, single)
    rows = []
    for path, score in found:
        steady = score.steadiness
        row = {"result": str(path), **asdict(score)}
        if steady is not None:
            row["steadiness"] |= {
                "times_film": steady.ratio if steady.film_short else None,
                "times_film_long": steady.long_ratio,
                "times_one_by_one": beside(score, other),
            }
        rows.append(row)
    return {"clips": rows}


def show(found: Sequence[tuple[Path, ClipScore]], single: Path | None) -> None:
    """Print the tables: how steady, and how near."""
    from rich.console import Console

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    console.print(steady_table(found, of_single(found, single)))
    console.print(judged_table(found))


def steady_table(found: Sequence[tuple[Path, ClipScore]], single: ClipScore | None) -> Table:
    from gramarye.cli.score import plain_table

    columns = ["frames", "frame to frame", "times the film's"]
    columns += ["times one by one"] if single is not None else []
    columns += ["ten apart", "times the film's", "sharp", "film's", "drift", "film's", "still for"]
    table = plain_table("result", *columns)
    for path, score in found:
        steady, drift = score.steadiness, score.drift
        row = [str(score.frames)]
        row += ["-", "-"] if steady is None else [f"{steady.short:.4f}", times(steady.ratio)]
        row += [times(beside(score, single))] if single is not None else []
        if steady is None or steady.long is None:
            row += ["-", "-"]
        else:
            row += [f"{steady.long:.4f}", times(steady.long_ratio)]
        row += [f"{score.sharpness:.1f}", f"{score.film_sharpness:.1f}"]
        if drift is None:
            row += ["-", "-", "-"]
        else:
            row += [f"{drift.levels:.2f}", f"{drift.film_levels:.2f}", str(drift.frames)]
        table.add_row(show_text(path.name), *row)
    return table


def judged_table(found: Sequence[tuple[Path, ClipScore]]) -> Table:
    from gramarye.cli.score import plain_table, share

    table = plain_table("result", "judge", *LEVELS, "content")
    for path, score in found:
        for judge in score.judged:
            levels = [share(judge.levels[level]) for level in LEVELS]
            table.add_row(
                show_text(path.name), show_text(judge.judge), *levels, share(judge.content)
            )
    return table


def times(value: float | None) -> str:
    return "-" if value is None or value == float("inf") else f"{value:.2f}"
