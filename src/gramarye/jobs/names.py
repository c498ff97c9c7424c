"""The files a run writes: what they are called, and that none is one that is read."""

from __future__ import annotations

import glob
import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from gramarye.errors import InputError, SettingsError
from gramarye.files import (
    ROOM,
    beside,
    check_target,
    folded,
    is_there,
    numbered,
    same_file,
)
from gramarye.jobs.output import SUFFIX
from gramarye.pictures.stored import check_output

if TYPE_CHECKING:
    from gramarye.jobs.job import Job


def checkpoint_path(out: Path, number: int = 1) -> Path:
    """The checkpoint's name beside a result; with a number where another run's has the name."""
    end = SUFFIX if number == 1 else f"-{number}{SUFFIX}"
    return beside(out, out.name, end, room=ROOM // 2)


def step_path(out: Path, number: int) -> Path:
    """Where the picture after so many steps goes."""
    return beside(out, out.stem, f"-step{number:05}{out.suffix}")


def check_targets(job: Job, size: tuple[int, int] | None = None) -> None:
    """Raise what writing the job's files would raise, and InputError if one is read or named twice.

    `size` is the (width, height) of the result, which no picture on its way exceeds.
    """
    output = job.output
    named = {"result": job.out}
    if output.preview is not None:
        named["preview"] = output.preview
    if output.save_every is not None:
        named["picture after a step"] = step_path(job.out, output.save_every)
    for path in named.values():
        check_output(
            path,
            quality=output.quality,
            bit_depth=output.bit_depth if path == job.out else None,
            size=size,
            inputs=job.read,
        )
    if output.cube is not None:
        check_cube(job)
        named["color table"] = output.cube
    if output.checkpoint_every:
        named["checkpoint"] = checkpoint_path(job.out)
        goes_on = job.resume is not None and same_file(job.resume.path, named["checkpoint"])
        check_target(named["checkpoint"], () if goes_on else job.read)
    for path in numbered_files(job):
        check_target(path, job.read)
    check_different(named, job)


def check_cube(job: Job) -> None:
    """Raise SettingsError for a table of colors that a run does not make, or that has no name."""
    assert job.output.cube is not None
    if not job.config.map.is_on:
        raise SettingsError(
            "--cube writes a color map, and this run moves pixels: choose --map lut or --map grid, "
            "or leave it out"
        )
    if job.output.cube.suffix.lower() != ".cube":
        raise SettingsError(f"'{job.output.cube}' is no name of a color table: let it end in .cube")
    check_target(job.output.cube, job.read)


def check_different(named: dict[str, Path], job: Job) -> None:
    """Raise InputError if two of the files would have one name, or one be the other's folder."""
    places = {what: folded(path) for what, path in named.items()}
    for (one, here), (other, there) in combinations(places.items(), 2):
        if here == there or here in there.parents or there in here.parents:
            raise InputError(
                f"the {other} '{named[other]}' would take the place of the {one} '{named[one]}': "
                "choose another name"
            )
    preview, step = places.get("preview"), places.get("picture after a step")
    if preview is not None and step is not None and preview.parent == step.parent:
        pattern = re.escape(step.name).replace(re.escape(step.stem[-5:]), r"\d+")
        if re.fullmatch(pattern, preview.name):
            raise InputError(
                f"the preview '{named['preview']}' would take the place of a picture after a step: "
                "choose another name"
            )


def numbered_files(job: Job) -> Iterator[Path]:
    """What is there already of the files whose names hold a number of steps."""
    if every := job.output.save_every:
        first = step_path(job.out, 0)
        start, end = glob.escape(first.stem[:-5]), glob.escape(first.suffix)
        for path in job.out.parent.glob(f"{start}[0-9]*{end}"):
            number = re.search(r"\d+$", path.stem)
            if number is not None and int(number[0]) % every == 0:
                yield path
    if job.output.checkpoint_every and job.resume is None:
        name = glob.escape(checkpoint_path(job.out).name)
        yield from job.out.parent.glob(f"{name}.[0-9]*.[0-9]*")


def reserve(wish: Path) -> tuple[int, Callable[[], None]]:
    """The number that makes a result's name new, and what gives the name free again.

    No result and no checkpoint has the name, and no run that is under way has chosen it.
    """
    number = 1
    while True:
        path = numbered(wish, number)
        if not is_there(path) and not is_there(checkpoint_path(path)):
            release = lock_name(path)
            if release is not None:
                if not is_there(path):  # nobody has finished just now
                    return number, release
                release()
        number += 1


def lock_name(path: Path) -> Callable[[], None] | None:
    """Hold a name until the function that comes back is called; None if another run holds it.

    It is held by a lock on a file of another name: a process that is killed leaves that one at
    most, and no lock.
    """
    from filelock import FileLock, Timeout  # takes a while to import

    mark = hashlib.sha256(path.name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    file = path.with_name(f".{path.name[:40]}.{mark}.part")
    lock = FileLock(file)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return None
    except (OSError, NotImplementedError):  # no folder yet, or a disk without locks
        return lambda: None

    def release() -> None:
        with suppress(OSError):  # the disk may be gone
            file.unlink(missing_ok=True)
            lock.release()

    return release
