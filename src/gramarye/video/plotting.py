"""Scores of clips as a plot: how steady over time, and how near to the style beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gramarye.figures import matplotlib_there, write_figure
from gramarye.scoring.levels import LEVELS
from gramarye.units import show_text
from gramarye.video.scores import ClipScore

FILM = "#777777"


def draw_scores(scores: Sequence[tuple[str, ClipScore]], path: Path) -> None:
    """Write the plot of named scores, as png, svg or pdf; InputError without matplotlib.

    A blank picture has no warping error: the style and the content stand beside it.
    """
    with matplotlib_there("plots are drawn") as make_figure:
        figure = make_figure(figsize=(7.2, 6.2))
        short, long, near = figure.subplots(3, 1)
        panels = ((short, "short", "frame to frame"), (long, "long", "ten frames apart"))
        for ax, name, title in panels:
            for label, score in scores:
                errors = [getattr(error, name) for error in score.errors]
                ax.plot(score.times, gaps(errors), label=show_text(label), linewidth=1.2)
            film = scores[0][1]
            errors = [getattr(error, f"film_{name}") for error in film.errors]
            ax.plot(film.times, gaps(errors), color=FILM, linestyle=":", label="the film itself")
            for cut in film.cuts:
                ax.axvline(cut, color=FILM, linewidth=0.5)
            ax.set_title(f"warping error, {title}", loc="left")
            ax.set_ylim(bottom=0)
            ax.grid(alpha=0.3)
        long.set_xlabel("seconds")
        short.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))
        names = [*LEVELS, "content"]
        width = 0.8 / len(scores)
        for number, (_, score) in enumerate(scores):
            judged = score.judged[0]
            values = [*(judged.levels[level] for level in LEVELS), judged.content]
            places = [i - 0.4 + (number + 0.5) * width for i in range(len(names))]
            near.bar(places, [value or 0 for value in values], width)
        near.axhline(1, color=FILM, linewidth=0.5)
        near.set_xticks(range(len(names)), names)
        title = "distance from the style by level (1 is the film's), and from the content"
        near.set_title(f"{title}; {show_text(scores[0][1].judged[0].judge)}", loc="left")
        near.grid(alpha=0.3, axis="y")
        write_figure(figure, path)


def gaps(values: Sequence[float | None]) -> list[float]:
    """The values, with NaN where there is none, so that no line is drawn."""
    return [float("nan") if value is None else value for value in values]
