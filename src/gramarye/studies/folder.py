"""The folder of a study: whose it is, before anything is written into it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from gramarye.errors import InputError, OutputError
from gramarye.files import check_target

RECORD = "results.json"
OTHERS = ("report.html", "sheet.png", "sheet.pdf", "results.csv")
ELSEWHERE = "name another folder with --out"


def check_folder(folder: Path, study: str, inputs: Iterable[Path]) -> None:
    """Raise InputError or OutputError if the study must not, or cannot, be written there.

    Another study's folder and files that no study wrote stay as they are, and inputs must lie
    elsewhere: pictures in the folder are replaced.
    """
    for name in (RECORD, *OTHERS):
        check_target(folder / name)
    for path in inputs:
        if path.resolve().is_relative_to(folder.resolve()):
            raise InputError(
                f"'{path}' lies in the study's own folder '{folder}', where pictures are replaced: "
                f"{ELSEWHERE}"
            )
    owner = owner_of(folder)
    if owner is not None and owner != study:
        raise InputError(f"'{folder}' holds the study {owner}, not {study}: {ELSEWHERE}")
    there = [name for name in (RECORD, *OTHERS) if (folder / name).exists()]
    if owner is None and there:
        raise InputError(f"'{folder / there[0]}' is there, and no study's: {ELSEWHERE}")
    try:
        (folder / "cells").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"the folder '{folder}' cannot be made ({error.strerror}): {ELSEWHERE}"
        ) from error


def owner_of(folder: Path) -> str | None:
    """The name of the study in the folder, by its record; None if there is none."""
    try:
        found = json.loads((folder / RECORD).read_bytes())
    except (OSError, ValueError):
        return None
    name = found.get("study") if isinstance(found, dict) and "gramarye" in found else None
    return name if isinstance(name, str) else None
