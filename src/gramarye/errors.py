"""What can go wrong, as one small tree.

    GramaryeError                 every error this package raises on purpose
    |- InputError                 something the user can mend: a file, an option, a name
    |  |- ImageError              a picture that cannot be read
    |  |- SettingsError           a setting out of range, or settings that exclude each other
    |  |- LayerError              a layer the network does not have
    |  |- WeightsError            weights that are missing, damaged or of another network
    |  |- RecipeError             a recipe that is missing or cannot be followed
    |  |- CheckpointError         a checkpoint that cannot be gone on from
    |  `- DeviceError             a device this machine does not have
    |- OutputError                a file that cannot be written
    |- ProcessError               another process of the same run that is gone
    |- OptimizationError          a run that could not be brought back after diverging
    `- RunError                   a run that broke off: no memory left, or a mistake of ours

Every message says what came, what is allowed and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """`; did you mean 'size'?` for a near miss, else nothing: the end of a message."""
    best = max(names, key=lambda known: (likeness(name, known), known), default="")
    return f"; did you mean {best!r}?" if likeness(name, best) >= 0.65 else ""


def did_you_mean_file(name: str, names: Iterable[str]) -> str:
    """The same of files: an ending they share says nothing, so that the rest must be alike."""
    stem = name.rpartition(".")[0]
    if not stem:
        return did_you_mean(name, names)
    known = [known for known in names if likeness(stem, known.rpartition(".")[0] or known) >= 0.65]
    return did_you_mean(name, known)


def likeness(name: str, other: str) -> float:
    """From 0 to 1; that of the words least alike, so that max-size is not taken for min-size."""
    words, others = (text.casefold().lstrip("-").split("-") for text in (name, other))
    if len(words) != len(others):
        words, others = ["-".join(words)], ["-".join(others)]
    pairs = zip(words, others, strict=True)
    return min(difflib.SequenceMatcher(None, *pair).ratio() for pair in pairs)


class GramaryeError(Exception):
    """The root of every error raised on purpose."""


class InputError(GramaryeError):
    """Something the user can mend: a file, an option, a name."""


class ImageError(InputError):
    """A picture that cannot be read."""


class SettingsError(InputError):
    """A setting out of range, or settings that exclude each other.

    Where the message begins with the name of a `setting`, a command line says its option instead.
    """

    def __init__(self, message: str, *, setting: str = "") -> None:
        super().__init__(message)
        self.setting = setting


class LayerError(InputError):
    """A layer the network does not have."""


class WeightsError(InputError):
    """Weights that are missing, damaged or made for another network."""


class RecipeError(InputError):
    """A recipe that is missing or cannot be followed."""


class CheckpointError(InputError):
    """A checkpoint that is missing, damaged or cannot be gone on from."""


class DeviceError(InputError):
    """A device this machine does not have."""


class OutputError(GramaryeError):
    """A file that cannot be written: full disk, no permission."""


class ProcessError(GramaryeError):
    """Another process of the same run that has ended or cannot be reached."""


class OptimizationError(GramaryeError):
    """A run that could not be brought back after diverging."""


class RunError(GramaryeError):
    """A run that broke off: no memory left, or a mistake of ours."""
