"""One process makes one picture, from the files it is made of to the file it is written to."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

import torch
from rich.console import Console

from gramarye.cli.interrupts import stop_politely
from gramarye.cli.networks import fetch_with_progress
from gramarye.devices import choose_device, keep_freed_memory
from gramarye.distributed.environment import launched
from gramarye.errors import SettingsError
from gramarye.jobs.checkpoint import check_processes
from gramarye.jobs.checkpoints import Checkpoints
from gramarye.jobs.following import follow
from gramarye.jobs.job import Job, Report, check_targets
from gramarye.jobs.materials import Materials, open_materials, write_result
from gramarye.jobs.watching import watch
from gramarye.memory.budget import budget_scales, decides, memory_budget
from gramarye.memory.forecast import Forecast, describe, forecast, is_long
from gramarye.networks.features import PerceptualNetwork
from gramarye.optimize import Iterate
from gramarye.stylize import config_network, stylize_steps


def run_shared_or_alone(job: Job) -> Report | None:
    """Make the picture, together with others if torchrun started several processes.

    The first of them gets the report.
    """
    if not launched():
        return run_job(job)
    from gramarye.jobs.sharded import run_sharded  # torch.distributed takes a while to import

    return run_sharded(job)


def run_job(job: Job) -> Report:
    """Make the picture and write it; raise before any work what can be known before."""
    start = time.perf_counter()
    if launched():
        raise SettingsError(
            "only 'gramarye stylize' and 'gramarye resume' share a picture among processes: leave "
            "torchrun out"
        )
    if job.resume:
        check_processes(job.resume, 1)
    keep_freed_memory()
    check_targets(job)
    config, device = job.config, choose_device(job.config.device)
    materials = open_materials(job, device)
    network = config_network(config, partial(fetch_with_progress, quiet=job.output.quiet))
    network = network.to(device)
    saved = job.resume.run if job.resume else None
    memory = saved.memory if saved else job.memory or memory_budget(config.memory, device)
    budgets = budget_scales(network, materials.scales, config, device, memory)
    if tiled := [s for s, budget in zip(materials.scales, budgets, strict=True) if budget.tiled]:
        keep_freed_memory(below=tiled[0].bytes)
    console = Console(stderr=True, highlight=False)
    expected = foretell(job, materials, network, memory, device, console)
    recipe = materials.recipe(config, network, device, memory if decides(budgets, config) else None)
    checkpoints = Checkpoints(job, recipe, memory, start, console)
    iterates = stylize_steps(
        materials.content.pixels,
        [style.pixels for style in materials.styles],
        config,
        network=network,
        init=materials.init,
        memory=memory,
        resume=(saved.scale, job.resume.snapshot) if saved and job.resume else None,
    )
    iterates = watch(iterates, materials.scales, job, expected, console)
    with stop_politely() as stop:

        def stops(iterate: Iterate, steps: int) -> bool:
            if stop.asked or checkpoints.is_due():
                checkpoints.write(iterate, steps)
            return stop.asked

        run = follow(iterates, stops, before=checkpoints.steps, abrupt=True)
    del iterates
    report = write_result(job, run, materials, recipe, start)
    if not run.stopped:
        checkpoints.remove()
    return replace(report, notes=(*report.notes, *checkpoints.notes))


def foretell(
    job: Job,
    materials: Materials,
    network: PerceptualNetwork,
    memory: int,
    device: torch.device,
    console: Console,
) -> Forecast | None:
    """Say what a long run will take, before it begins."""
    if job.output.quiet or not is_long(materials.scales):
        return None
    content = materials.content
    sizes = [(style.height, style.width) for style in materials.styles]
    expected = forecast(network, (content.height, content.width), sizes, job.config, memory, device)
    console.print(describe(expected, job.config.history), markup=False, soft_wrap=True)
    return expected
