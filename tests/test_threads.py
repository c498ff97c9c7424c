"""How threads wait: the command's choice, and the user's before it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from gramarye.threads import SPINS, core_count, share_cores

NAMES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, ("PASSIVE", str(SPINS))),
        ({"GOMP_SPINCOUNT": "7"}, ("PASSIVE", "7")),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, ("ACTIVE", None)),
        ({"OMP_WAIT_POLICY": "PASSIVE"}, ("PASSIVE", None)),
    ],
)
def test_threads_spin_for_a_moment_unless_the_user_has_said_otherwise(
    before: dict[str, str], after: tuple[str, str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    share_cores()
    assert tuple(os.environ.get(name) for name in NAMES) == after


def test_it_can_be_said_before_pytorch_is_imported() -> None:
    code = "import sys, gramarye.threads; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_numpy_has_one_thread_unless_the_user_has_said_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "PASSIVE")
    for given, found in ((None, "1"), ("3", "3")):
        monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
        if given is not None:
            monkeypatch.setenv("OPENBLAS_NUM_THREADS", given)
        share_cores()
        assert os.environ["OPENBLAS_NUM_THREADS"] == found


def test_cores_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 8}, raising=False)
    assert core_count() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert core_count() == 1
