"""Figures drawn by matplotlib, which is an extra (`gramarye[studies]`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gramarye.errors import InputError
from gramarye.files import atomic_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS = 150  # an inch
STYLE: Any = {
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "gramarye",
    "figure.constrained_layout.use": True,
}


@contextmanager
def matplotlib_there(what: str = "a study draws its sheet and curves") -> Iterator[Any]:
    """matplotlib's figures, drawn without a screen; InputError where it is not installed."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError(
            f"{what} with matplotlib, which is not installed: pip install 'gramarye[studies]'"
        ) from error
    with matplotlib.rc_context(STYLE):
        yield Figure


def write_figure(figure: Figure, path: Path) -> None:
    with atomic_file(path) as file:
        kind = path.suffix[1:]
        # Without a date: one study, one file.
        about = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(kind, {})
        figure.savefig(file, format=kind, dpi=DOTS, metadata=about)
