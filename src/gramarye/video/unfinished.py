"""The frames of the parts that are kept of an unfinished clip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gramarye.video.extra import load_av


def decoded(parts: Sequence[Path]) -> Iterator[Any]:
    """The frames of the parts, as PyAV has them."""
    av = load_av()
    for part in parts:
        with av.open(str(part)) as container:
            yield from container.decode(video=0)
