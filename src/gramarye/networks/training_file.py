"""The checkpoint of a training: what a network has learned so far, as `torch.save` writes it."""

from __future__ import annotations

import io
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

import torch

from gramarye.errors import CheckpointError, WeightsError
from gramarye.files import check_readable, write_atomically
from gramarye.networks.weights_file import read_torch


def write_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write a checkpoint whole or not at all; OutputError leaves the one that is there."""
    data = io.BytesIO()
    torch.save(dict(state), data)
    write_atomically(path, data.getvalue())


def read_checkpoint(path: Path, known: Set[str], command: str) -> dict[str, Any] | None:
    """What the last run of a command has left, with what is `known` in it; None if there is none.

    CheckpointError for a file that cannot be read, or is another's.
    """
    if not path.exists():
        return None
    check_readable(path, "checkpoint", "move it away to start anew", CheckpointError)
    try:
        state = read_torch(path, mapped=False)  # it will be replaced while this is in use
    except WeightsError as error:
        raise unusable(path, f"it is no checkpoint of {command}, or damaged") from error
    if not isinstance(state, dict) or not known <= set(state):
        raise unusable(path, f"it is no checkpoint of {command}")
    return state


def unusable(path: Path, reason: str) -> CheckpointError:
    return CheckpointError(
        f"'{path}' cannot be gone on from ({reason}): give the same settings again, choose another "
        "name for the network, or move the checkpoint away to start anew"
    )
