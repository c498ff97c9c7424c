"""`python -m benchmarks.stepwise stylize ...`: the command itself, with a clock at its iterates.

What it prints is followed by a line of JSON: a list of the seconds each step took. The first holds
the preparations too, and a second evaluation, that of the first image.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from unittest.mock import patch

from gramarye.cli import main
from gramarye.jobs import running
from gramarye.optimize import Iterate

Steps = Callable[..., Iterator[Iterate]]


def clocked(seconds: list[float], iterates: Iterator[Iterate]) -> Iterator[Iterate]:
    """The same iterates; the seconds between being asked for one and having it are noted."""
    while True:
        start = time.perf_counter()
        iterate = next(iterates, None)
        if iterate is None:
            return
        seconds.append(time.perf_counter() - start)
        yield iterate
        del iterate  # or its image would live until the next one is there


def run(arguments: Sequence[str]) -> int:
    seconds: list[float] = []
    steps: Steps = running.steps  # type: ignore[attr-defined]

    def timed(*args: Any, **settings: Any) -> Iterator[Iterate]:
        return clocked(seconds, steps(*args, **settings))

    with patch.object(running, "steps", timed):
        code = main(arguments)
    print(json.dumps(seconds))
    return code


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
