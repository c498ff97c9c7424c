"""`gramarye score`: how near pictures are to their style and content, as a judge sees it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import click

from gramarye.cli import score_video
from gramarye.cli.commands import FILE, Command, Option, argument
from gramarye.cli.options import network_names, starting_with, whole_number
from gramarye.errors import SettingsError, did_you_mean
from gramarye.networks.catalog import ALIASES, NETWORKS
from gramarye.scoring.levels import LEVELS
from gramarye.units import show_text

if TYPE_CHECKING:
    from rich.table import Table

    from gramarye.scoring.score import Artifacts, Score

DEFAULT_JUDGE = "vgg19-lite"
ONE_BY_ONE = "the same painted frame by frame: others' errors are told beside its"
FLOW = "the film's motion as .flo files [estimated]"
FRAMES = "frames that a judge looks at [5]"
ARTIFACTS = ("specks", "color_noise", "checkerboard", "haze", "border", "seam")  # in `Artifacts`


def command() -> Command:
    judge = f"network that judges, by its name or weights file; may be repeated [{DEFAULT_JUDGE}]"
    weights = "file of a judge's weights; the name can be left out where there is one judge"
    complete = starting_with(network_names)
    return Command(
        "score",
        run,
        "tell how near pictures are to their style and content",
        argument("content", "what the pictures show; with --video the film", FILE),
        argument("style", "how they should be painted", FILE),
        argument(
            "results", "pictures to measure", FILE, nargs=-1, required=True, metavar="RESULT..."
        ),
        Option("--judge", judge, str, "NAME|FILE", multiple=True, shell_complete=complete),
        Option("--weights", weights, str, "NAME=FILE", multiple=True),
        Option(
            "--size",
            "judge everything at this longest side, in pixels [the result's]",
            click.IntRange(min=1),
            "N",
        ),
        Option("--video", "CONTENT is a film, and the results are clips painted from it"),
        Option("--one-by-one", ONE_BY_ONE, FILE, "CLIP", group="clips"),
        Option("--flow", FLOW, FILE, "FOLDER", group="clips"),
        Option("--frames", FRAMES, whole_number, "N", group="clips"),
        Option("--plot", "also draw the figures (png, svg, pdf)", FILE, "FILE", group="clips"),
        Option("--json", "print one JSON object"),
        help="Measure pictures of CONTENT in the style of STYLE, whoever made them: per level, "
        "from finest to coarsest, the distance from the style as a share of the content's own (0 "
        "is the style, 1 the untouched content); what is left of the content; and what went wrong. "
        "Of clips (--video) also how steady they are beside their film.",
    )


def run(args: SimpleNamespace) -> None:
    files = judge_files(args.judge or [DEFAULT_JUDGE], args.weights)
    if args.video:
        score_video.run(args, files)
        return
    score_video.check_options(args)

    from gramarye.cli.networks import fetch_with_progress
    from gramarye.pictures.opening import open_picture_file
    from gramarye.pictures.picture import load_picture
    from gramarye.scoring.judge import load_judge
    from gramarye.scoring.score import Scorer

    content, style = load_picture(args.content), load_picture(args.style)
    for path in args.results:  # before a judge is downloaded; read one by one, when it is there
        with open_picture_file(path):
            pass
    judges = [load_judge(name, file, fetch=fetch_with_progress) for name, file in files]
    scorer = Scorer(content, [style], judges, size=args.size)
    found = [(path, scorer.scores(load_picture(path))) for path in args.results]
    notes = dict.fromkeys(note for _, scores in found for score in scores for note in score.notes)
    for note in notes:
        print(f"note: {show_text(note)}", file=sys.stderr)
    if args.json:
        print(json.dumps(as_dict(found), allow_nan=False))
    else:
        show(found)


def judge_files(judges: Sequence[str], weights: Sequence[str]) -> list[tuple[str, Path | None]]:
    """Each judge with the file of its weights, if one was given."""
    files: dict[str, Path] = {}
    for text in weights:
        name, separator, file = text.partition("=")
        named = separator and name in (*NETWORKS, *ALIASES)
        if not named:
            if len(judges) > 1:
                raise SettingsError(
                    f"--weights {text} does not say for which judge: write NAME=FILE, with one of "
                    f"{', '.join(judges)}"
                )
            name, file = judges[0], text
        if name not in judges:
            raise SettingsError(
                f"--weights names {name!r}, which is no judge: those are {', '.join(judges)}"
                f"{did_you_mean(name, judges)}"
            )
        if name not in (*NETWORKS, *ALIASES):
            raise SettingsError(f"--judge {name} is a weights file itself: leave out --weights")
        files[name] = Path(file)
    return [(name, files.get(name)) for name in dict.fromkeys(judges)]


def as_dict(found: Sequence[tuple[Path, list[Score]]]) -> dict[str, Any]:
    """The scores as --json prints them."""
    from dataclasses import asdict

    rows = [{"result": str(path), **asdict(score)} for path, scores in found for score in scores]
    return {"scores": rows}


def show(found: Sequence[tuple[Path, list[Score]]]) -> None:
    """Print the tables: what the judges say, and what no judge is needed for."""
    from rich.console import Console

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    console.print(judged(found))
    console.print(measured(found))


def judged(found: Sequence[tuple[Path, list[Score]]]) -> Table:
    table = plain_table("result", "judge", *LEVELS, "content")
    for path, scores in found:
        for score in scores:
            judge = score.judge + (" (made it)" if score.judge_made_it else "")
            levels = [share(score.levels[level]) for level in LEVELS]
            table.add_row(show_text(path.name), show_text(judge), *levels, share(score.content))
    return table


def measured(found: Sequence[tuple[Path, list[Score]]]) -> Table:
    titles = [name.replace("_", " ") for name in ARTIFACTS]
    table = plain_table("result", "edges kept", "palette", *titles)
    for path, (score, *_) in found:
        own = [share(score.edges), share(score.palette)]
        table.add_row(show_text(path.name), *own, *artifacts(score.artifacts))
    score = found[-1][1][0]
    table.add_row("the content itself", "", "", *artifacts(score.content_artifacts))
    table.add_row("the style itself", "", "", *artifacts(score.style_artifacts))
    return table


def plain_table(*columns: str) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(box=SIMPLE, padding=(0, 1, 0, 0))
    for column in columns:
        words = column.split()
        if column in ("result", "judge"):
            table.add_column(column, overflow="fold")
        else:  # narrow, so that all of them fit on a terminal; never cut
            widest = max(map(len, words))
            table.add_column("\n".join(words), justify="right", no_wrap=True, min_width=widest)
    return table


def artifacts(found: Artifacts) -> Iterator[str]:
    for name in ARTIFACTS:
        value = getattr(found, name)
        yield f"{value:.0f}" if name == "specks" else f"{value:.2f}"


def share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
