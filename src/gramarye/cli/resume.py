"""`gramarye resume`: a run goes on where its checkpoint was written."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from types import SimpleNamespace

from gramarye.cli.commands import FILE, Command, Option, argument

MOST_THREADS = 256  # on a machine with fewer processors


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

    from gramarye.cli.reporting import tell
    from gramarye.cli.running import run_job
    from gramarye.jobs.checkpoint import read_checkpoint
    from gramarye.jobs.keeping import check_inputs, has_ended, job_of

    checkpoint = read_checkpoint(args.checkpoint)
    job = job_of(checkpoint)
    check_inputs(checkpoint.run)
    if args.out is None and has_ended(checkpoint.run):
        print("note: the run has ended: nothing is left to go on from", file=sys.stderr)
        print(job.out)
        return 0
    # As many threads as before: sums in another order have other last bits.
    threads, most = checkpoint.run.recipe.threads, max(MOST_THREADS, os.cpu_count() or 1)
    if threads > most:  # starting thousands would end this process
        print(f"note: the run had {threads} threads, now {most}", file=sys.stderr)
    torch.set_num_threads(min(threads, most))
    job = replace(job, out=args.out or job.out)
    return tell(run_job(job, quiet=args.quiet, shared=True), args.json)
