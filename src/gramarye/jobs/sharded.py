"""`torchrun -m gramarye stylize`: one picture on several processes, one file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import torch
from rich.console import Console

from gramarye.cli.interrupts import stop_politely
from gramarye.cli.networks import fetch_with_progress
from gramarye.config import StylizeConfig
from gramarye.devices import keep_freed_memory
from gramarye.distributed.bands import Bands, gather
from gramarye.distributed.environment import local_place
from gramarye.distributed.launch import joined, process_device
from gramarye.distributed.processes import Processes
from gramarye.distributed.sharded import check_sharding, plan_sharding, sharded_steps
from gramarye.errors import SettingsError
from gramarye.jobs.checkpoint import check_processes, read_part
from gramarye.jobs.checkpoints import Checkpoints, Parts
from gramarye.jobs.following import Run, follow
from gramarye.jobs.job import Job, Report, check_targets
from gramarye.jobs.materials import open_materials, write_result
from gramarye.memory.budget import memory_budget
from gramarye.networks.features import PerceptualNetwork
from gramarye.optimize import Iterate
from gramarye.optimizers.snapshot import Snapshot
from gramarye.progress import show_progress
from gramarye.stylize import config_network


def run_sharded(job: Job) -> Report | None:
    """Make the picture together with the other processes; the first writes it and reports."""
    start = time.perf_counter()
    keep_freed_memory()
    device, cpu = process_device(job.config.device), torch.device("cpu")
    with joined(device) as processes:
        check_job(job, processes)
        if processes.rank == 0:
            check_targets(job)
        materials = open_materials(job, cpu)
        network = shared_network(job.config, processes, quiet=job.output.quiet)
        plan = plan_sharding(network, materials.scales, job.config, processes.size)
        memory = own_memory(job, device, processes)
        recipe = materials.recipe(job.config, network, device)
        console = Console(stderr=True, highlight=False)
        checkpoints = Checkpoints(job, recipe, memory, start, console, Parts(processes))
        iterates = sharded_steps(
            materials.content.pixels,
            [style.pixels for style in materials.styles],
            job.config,
            processes=processes,
            network=network,
            scales=materials.scales,
            plan=plan,
            device=device,
            memory=memory,
            init=materials.init,
            resume=own_part(job, processes),
        )
        if processes.rank == 0 and not job.output.quiet:
            told = f"{processes.size} processes, {plan[-1].count} of them at the last scale"
            console.print(told, markup=False, soft_wrap=True)
            show = partial(show_progress, scales=materials.scales, console=console)
            iterates = shown_whole(iterates, plan, show)
        with stop_politely() as stop:

            def stops(iterate: Iterate, steps: int) -> bool:
                asked, due = processes.largest(int(stop.asked), int(checkpoints.is_due()))
                if asked or due:
                    checkpoints.write(iterate, steps)
                return bool(asked)

            run = follow(iterates, stops, before=checkpoints.steps)
        run = gathered(run, plan, processes)
        del iterates
        report = None
        if processes.rank == 0:
            report = write_result(job, run, materials, recipe, start)
        processes.largest(0)  # nobody leaves, and nobody fails, before the file is written
        if not run.stopped:
            checkpoints.remove()
        return report and replace(report, notes=(*report.notes, *checkpoints.notes))


def check_job(job: Job, processes: Processes) -> None:
    """Raise SettingsError for what one process can do and several cannot."""
    refused = {
        "--preview": job.output.preview is not None,
        "--save-every": job.output.save_every is not None,
    }
    for option, given in refused.items():
        if given:
            raise SettingsError(
                f"{option} does not work on several processes: leave it out, or start one process"
            )
    if job.resume is not None:
        check_processes(job.resume, processes.size)
    check_sharding(job.config)


def shared_network(
    config: StylizeConfig, processes: Processes, *, quiet: bool
) -> PerceptualNetwork:
    """The network a config names; its weights are fetched once per machine."""
    place, _ = local_place()
    fetch = partial(fetch_with_progress, quiet=quiet or processes.rank > 0)
    network = config_network(config, fetch) if place == 0 else None
    processes.largest(0)
    return network or config_network(config, fetch)


def own_memory(job: Job, device: torch.device, processes: Processes) -> int:
    """The budget of this process: what was given, or its share of what is free."""
    if job.resume is not None:
        return job.resume.run.memory
    free = memory_budget(job.config.memory, device)
    if job.config.memory is None and device.type == "cpu":
        free //= local_place()[1]
    return -processes.largest(-free)[0]  # the smallest: all then remember their steps alike


def own_part(job: Job, processes: Processes) -> tuple[int, Snapshot] | None:
    """Where the job goes on from: a scale, and what this process has written down of it."""
    if job.resume is None:
        return None
    return job.resume.run.scale, read_part(job.resume, processes.rank)


def shown_whole(
    iterates: Iterator[Iterate],
    plan: Sequence[Bands],
    show: Callable[[Iterator[Iterate]], Iterator[Iterate]],
) -> Iterator[Iterate]:
    """The same iterates; shown are stand-ins of the whole image's size."""
    passing: list[Iterate] = []

    def stand_ins() -> Iterator[Iterate]:
        for iterate in iterates:
            bands = plan[iterate.scale]
            blank = iterate.image.new_zeros(()).expand(1, 3, bands.height, bands.width)
            passing.append(iterate)
            del iterate
            yield replace(passing[0], image=blank)

    for _ in show(stand_ins()):
        yield passing.pop()


def gathered(run: Run, plan: Sequence[Bands], processes: Processes) -> Run:
    """The run with its last image whole, on the first process; through the CPU's memory."""
    image = gather(run.last.image.cpu(), plan[run.last.scale], processes)
    return replace(run, last=replace(run.last, image=image))
