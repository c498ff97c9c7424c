"""`gramarye resume`: a run goes on where its checkpoint was written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from gramarye.cli.commands import FILE, Command, Option, argument
from gramarye.errors import CheckpointError

if TYPE_CHECKING:
    from gramarye.recipe import InputFile


def command() -> Command:
    return Command(
        "resume",
        run,
        "go on with a run that was stopped or crashed",
        argument("checkpoint", "the file ending in .checkpoint", FILE),
        Option("-o --out", "another place for the result", FILE, "FILE"),
        Option("--json", "print one JSON object about the result on stdout"),
        Option("-q --quiet", "show no progress"),
        help="Go on with a run from the checkpoint it has left beside its result, to the same "
        "picture the run would have made.",
        makes_files=True,
    )


def run(args: SimpleNamespace) -> int:
    import torch

    from gramarye.jobs.checkpoint import read_checkpoint
    from gramarye.jobs.checkpoints import job_of
    from gramarye.jobs.job import tell
    from gramarye.jobs.single import run_shared_or_alone

    checkpoint = read_checkpoint(args.checkpoint)
    job = job_of(checkpoint)
    saved = checkpoint.run.recipe
    for path, file in zip((job.content, *job.styles), (saved.content, *saved.styles), strict=True):
        check_unchanged(path, file)
    if saved.init is not None:
        check_unchanged(Path(job.config.init), saved.init)
    # As many threads as before: sums in another order have other last bits.
    torch.set_num_threads(saved.threads)
    output = replace(job.output, json=args.json, quiet=args.quiet)
    report = run_shared_or_alone(replace(job, out=args.out or job.out, output=output))
    return tell(report, args.json) if report else 0


def check_unchanged(path: Path, file: InputFile) -> None:
    """Raise if an input is gone, or is not what it was when the run began."""
    from gramarye.files import file_sha256

    if not path.is_file():
        raise CheckpointError(f"'{path}' is gone: put it back, or start the run again")
    if file_sha256(path) != file.sha256:
        raise CheckpointError(
            f"'{path}' has changed since the run began: put the old one back, or start again"
        )
