"""`torchrun -m gramarye stylize`: one picture on several processes, one file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import torch
from rich.console import Console

from gramarye.budget import memory_budget
from gramarye.cli.following import Run, follow
from gramarye.cli.inputs import Input, open_input
from gramarye.cli.interrupts import stop_politely
from gramarye.cli.job import Job, Report, check_targets, load_first_image, result_image, save
from gramarye.cli.networks import fetch_with_progress
from gramarye.cli.output import Output
from gramarye.config import StylizeConfig
from gramarye.devices import keep_freed_memory, peak_memory
from gramarye.distributed.bands import Bands, gather
from gramarye.distributed.environment import local_place
from gramarye.distributed.launch import joined, process_device
from gramarye.distributed.processes import Processes
from gramarye.distributed.sharded import check_sharding, plan_sharding, sharded_steps
from gramarye.errors import OptimizationError, SettingsError
from gramarye.networks.features import PerceptualNetwork
from gramarye.optimize import Iterate
from gramarye.progress import show_progress
from gramarye.recipe import write_recipe
from gramarye.scales import plan_scales
from gramarye.stylize import config_network, dress, finish


def run_sharded(job: Job) -> Report | None:
    """Make the picture together with the other processes; the first writes it and reports."""
    start = time.perf_counter()
    keep_freed_memory()
    device = process_device(job.config.device)
    with joined(device) as processes:
        config, cpu = job.config, torch.device("cpu")
        check_job(job)
        if processes.rank == 0:
            check_targets(job)
        content = open_input(job.content, cpu)
        styles = [open_input(style, cpu) for style in job.styles]
        init = load_first_image(config, cpu)
        network = shared_network(config, processes, quiet=job.output.quiet)
        scales = plan_scales(content.height, content.width, config)
        plan = plan_sharding(network, scales, config, processes.size)
        iterates = sharded_steps(
            content.pixels,
            [style.pixels for style in styles],
            config,
            processes=processes,
            network=network,
            scales=scales,
            plan=plan,
            device=device,
            memory=own_memory(config, device, processes),
            init=init,
        )
        if processes.rank == 0 and not job.output.quiet:
            console = Console(stderr=True, highlight=False)
            told = f"{processes.size} processes, {plan[-1].count} of them at the last scale"
            console.print(told, markup=False, soft_wrap=True)
            show = partial(show_progress, scales=scales, console=console)
            iterates = shown_whole(iterates, plan, show)
        with stop_politely() as stop:
            run = follow(iterates, lambda *_: bool(processes.largest(int(stop.asked))[0]))
        run = gathered(run, plan, processes)
        del iterates
        if processes.rank == 0:
            image = result_image(run, scales).cpu()
            colors = content.load() if config.color == "content" else image
            image = finish(image, colors, config)
            recipe = write_recipe(
                content.picture,
                [style.picture for style in styles],
                config,
                network,
                width=image.shape[-1],
                height=image.shape[-2],
                device=device,
                stopped_after=run.steps if run.stopped else None,
            )
            written = save(dress(image, content.picture), job, recipe)
        processes.largest(0)  # nobody leaves, and nobody fails, before the file is written
        if run.failure:
            where = f"; the picture so far is in '{job.out}'"
            raise OptimizationError(f"{run.failure}{where}") from run.failure
        if processes.rank > 0:
            return None
        return Report(
            output=written.path,
            seconds=time.perf_counter() - start,
            steps=run.steps,
            losses=run.last.losses,
            peak_memory_mib=peak_memory(),
            recipe=recipe,
            stopped=run.stopped,
            notes=(*read_notes([content, *styles]), *written.notes),
        )


def check_job(job: Job) -> None:
    """Raise SettingsError for what one process can do and several cannot."""
    refused = {
        "resume": job.resume is not None,
        "--preview": job.output.preview is not None,
        "--save-every": job.output.save_every is not None,
        "--checkpoint-every": job.output.checkpoint_every not in (0, Output.checkpoint_every),
    }
    for option, given in refused.items():
        if given:
            raise SettingsError(
                f"{option} does not work on several processes: leave it out, or start one process"
            )
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


def own_memory(config: StylizeConfig, device: torch.device, processes: Processes) -> int:
    """The budget of this process: what was given, or its share of what is free."""
    free = memory_budget(config.memory, device)
    if config.memory is None and device.type == "cpu":
        free //= local_place()[1]
    return -processes.largest(-free)[0]  # the smallest: all then remember their steps alike


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


def read_notes(inputs: Sequence[Input]) -> list[str]:
    return [note for read in inputs for note in read.picture.notes]
