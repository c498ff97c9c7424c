"""Opening a job: everything that can be known beforehand is checked before any work.

run = open_job(job)
for iterate in run.steps():
    ...                          # progress; run.stop() ends it after this step
report = run.finish()            # the picture is written
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import torch

from gramarye.distributed.environment import local_place
from gramarye.distributed.launch import process_device
from gramarye.distributed.processes import ALONE, Processes
from gramarye.errors import CheckpointError
from gramarye.files import numbered, same_file
from gramarye.inputs.sizes import canvas_size
from gramarye.jobs.checkpoint import check_processes, path_of
from gramarye.jobs.job import Job, check_shared_output
from gramarye.jobs.keeping import check_inputs, check_result
from gramarye.jobs.names import check_targets, reserve
from gramarye.jobs.reading import read_inputs
from gramarye.jobs.running import JobRun
from gramarye.memory.budget import memory_budget
from gramarye.networks import download
from gramarye.networks.catalog import NetworkInfo
from gramarye.networks.features import PerceptualNetwork
from gramarye.plan import make_plan, run_device, run_network
from gramarye.scales.sizes import fit

Fetch = Callable[[NetworkInfo], Path]


def open_job(job: Job, *, processes: Processes = ALONE, fetch: Fetch = download.fetch) -> JobRun:
    """Read a job's files and plan its run; raise before any work what can be known before.

    Several processes call this together, each with the same job.
    """
    start = time.perf_counter()
    job = job.at_home()
    if processes.size > 1:
        check_shared_output(job)
    if job.resume is not None:
        check_processes(job.resume, processes.size)
        check_inputs(job.resume.run)
    with ExitStack() as held:
        if job.new:
            job = replace(job, out=new_name(job.out, processes, held))
        run = plan_job(job, processes, fetch, start)
        # Which a run that is never finished does when it is gone, or the process ends.
        run.give_name_free = weakref.finalize(run, held.pop_all().close)
    return run


def new_name(wish: Path, processes: Processes, held: ExitStack) -> Path:
    """The first free name like the wish, the same for all, kept from other runs while `held`."""
    number = 0
    if processes.rank == 0:
        number, release = reserve(wish)
        held.callback(release)
    return numbered(wish, *processes.largest(number))


def plan_job(job: Job, processes: Processes, fetch: Fetch, start: float) -> JobRun:
    """The run of a job whose result has its name."""
    if processes.rank == 0:
        check_targets(job)
        if job.resume is not None and same_file(job.out, path_of(job.resume.run.out)):
            check_result(job.resume.run)
    alone = processes.size == 1
    name = job.config.machine.device
    device = run_device(job.config) if alone else process_device(name)
    held_on = device if alone else torch.device("cpu")
    painted = job.config.painter.is_on
    pictures = read_inputs(job.inputs, job.config.picture, held_on, painted=painted)
    if processes.rank == 0:  # before a network is fetched, and long before the last step
        settings = job.config
        canvas = canvas_size(pictures.inputs.sizes, settings.picture)
        height, width = fit(*canvas, settings.picture.size)
        check_targets(job, (width, height))
    network = shared_network(job, device, processes, fetch)
    check_network(job, network)
    plan = make_plan(
        job.config,
        network,
        pictures.inputs.sizes,
        device,
        held=pictures.inputs.held(device),
        regions=pictures.inputs.region_count,
        memory=job_memory(job, device, processes),
        processes=processes,
        files=job.inputs,
    )
    return JobRun(job, plan, pictures, network, processes, start)


def shared_network(
    job: Job, device: torch.device, processes: Processes, fetch: Fetch
) -> PerceptualNetwork:
    """The network a job names; its weights are fetched once per machine."""
    place, _ = local_place()
    network = run_network(job.config, device, fetch) if place == 0 else None
    processes.largest(0)  # the others wait until the file is there
    return network or run_network(job.config, device, fetch)


def check_network(job: Job, network: PerceptualNetwork) -> None:
    """Raise CheckpointError if a run would go on with other weights than it began with."""
    if job.resume is None or job.resume.run.recipe.weights_sha256 == network.weights_sha256:
        return
    raise CheckpointError(
        f"the weights of {network.name} are not those that the run began with: start it again, or "
        "go on with the gramarye it was started with"
    )


def job_memory(job: Job, device: torch.device, processes: Processes) -> int:
    """The budget of this process in bytes: what was given, or its share of what is free."""
    if job.resume is not None:
        return job.resume.run.memory
    given = job.config.machine.memory
    memory = job.memory or memory_budget(given, device)
    if job.memory is None and given is None and device.type == "cpu":
        memory //= local_place()[1]
    return -processes.largest(-memory)[0]  # the smallest: all then remember their steps alike
