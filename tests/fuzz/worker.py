"""One batch of cases: `python -m tests.fuzz.worker TARGET SEED COUNT`; a failure ends it."""

from __future__ import annotations

import os
import random
import resource
import shutil
import sys
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

MEMORY = 2 << 30  # bytes a batch may hold at its peak, PyTorch's own among them
ADDRESSES = 12 << 30  # bytes of addresses: what asks for more gets none, not the whole machine


def main() -> None:
    name, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    folder = Path(os.environ.get("FUZZ_FOLDER") or tempfile.mkdtemp(prefix="gramarye-fuzz-"))
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, hard))
    target = TARGETS[name](folder / "seeds")

    # The draws are hypothesis's, so that they are spread well and a batch can be repeated.
    @seed(first)
    @settings(
        max_examples=count, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.integers(0, 2**32))
    def cases(number: int) -> None:
        case = folder / "case"
        shutil.rmtree(case, ignore_errors=True)
        case.mkdir(parents=True)
        print(f"CASE {name} {number}", flush=True)
        target(case, random.Random(number))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        assert peak < MEMORY, f"{peak / 2**30:.1f} GiB of memory at the peak"
        print(f"DONE {number}", flush=True)

    cases()


if __name__ == "__main__":
    main()
