"""Warnings of other packages, kept from everybody else."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_warning_turn = threading.RLock()


@contextmanager
def own_warnings() -> Iterator[list[warnings.WarningMessage]]:
    """Within, warnings go into the list that comes back, and to nobody else.

    Python keeps its filters for all threads: where two change them at once, those of the first stay
    for good. Ours take turns.
    """
    with _warning_turn, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught
