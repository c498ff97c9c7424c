"""One picture, from the files it is made of to the file it is written to."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import final

import torch
from rich.console import Console
from torch import Tensor

from gramarye.budget import budget_scales, decides, memory_budget
from gramarye.checkpoint import Checkpoint
from gramarye.cli.checkpoints import Checkpoints
from gramarye.cli.following import Run, follow
from gramarye.cli.inputs import open_input
from gramarye.cli.interrupts import stop_politely
from gramarye.cli.networks import fetch_with_progress
from gramarye.cli.output import Output
from gramarye.config import StylizeConfig
from gramarye.devices import choose_device, keep_freed_memory, peak_memory
from gramarye.distributed.environment import launched
from gramarye.errors import OptimizationError, OutputError, SettingsError
from gramarye.forecast import Forecast, describe, forecast, is_long
from gramarye.images import Picture, Saved, check_output, load_image, save_picture
from gramarye.optimize import Iterate
from gramarye.progress import show_progress, show_seconds
from gramarye.recipe import FIRST_IMAGES, Recipe, write_recipe
from gramarye.scales import Scale, plan_scales, resize
from gramarye.stylize import config_network, dress, finish, stylize_steps

PREVIEW_EVERY = 2.0  # seconds


@final
@dataclass(frozen=True)
class Job:
    """What to make, of what, and where to put it. `keep` are further files not to overwrite."""

    content: Path
    styles: tuple[Path, ...]
    out: Path
    config: StylizeConfig
    output: Output = field(default_factory=Output)
    keep: tuple[Path, ...] = ()
    resume: Checkpoint | None = None
    memory: int | None = None  # the budget in bytes, in place of the config's


@final
@dataclass(frozen=True)
class Report:
    """What became of a job; `stopped` says that it was asked to end early."""

    output: Path
    seconds: float
    steps: int
    losses: dict[str, float]
    peak_memory_mib: float | None
    recipe: Recipe
    stopped: bool
    notes: tuple[str, ...]


def run_job(job: Job) -> Report:
    """Make the picture and write it; raise before any work what can be known before."""
    start = time.perf_counter()
    if launched():
        raise SettingsError(
            "only 'gramarye stylize' shares a picture among processes: leave torchrun out"
        )
    keep_freed_memory()
    config, console = job.config, Console(stderr=True, highlight=False)
    check_targets(job)
    device = choose_device(config.device)
    content = open_input(job.content, device)
    styles = [open_input(style, device) for style in job.styles]
    init = load_first_image(config, device)
    network = config_network(config, partial(fetch_with_progress, quiet=job.output.quiet))
    network = network.to(device)
    scales = plan_scales(content.height, content.width, config)
    saved = job.resume.run if job.resume else None
    memory = saved.memory if saved else job.memory or memory_budget(config.memory, device)
    budgets = budget_scales(network, scales, config, device, memory)
    tiled = [scale for scale, budget in zip(scales, budgets, strict=True) if budget.tiled]
    if tiled:
        keep_freed_memory(below=tiled[0].bytes)
    expected = None
    if is_long(scales) and not job.output.quiet:
        sizes = [(style.height, style.width) for style in styles]
        size = (content.height, content.width)
        expected = forecast(network, size, sizes, config, memory, device)
        console.print(describe(expected, config.history), markup=False, soft_wrap=True)
    recipe = write_recipe(
        content.picture,
        [style.picture for style in styles],
        config,
        network,
        width=scales[-1].width,
        height=scales[-1].height,
        device=device,
        memory=memory if decides(budgets, config) else None,
    )
    iterates = stylize_steps(
        content.pixels,
        [style.pixels for style in styles],
        config,
        network=network,
        init=init,
        memory=memory,
        resume=(saved.scale, job.resume.snapshot) if saved and job.resume else None,
    )
    checkpoints = Checkpoints(job, recipe, memory, start, console)
    iterates = watch(iterates, scales, job, expected, console)
    with stop_politely() as stop:

        def stops(iterate: Iterate, steps: int) -> bool:
            if stop.asked:
                checkpoints.write(iterate, steps)
            else:
                checkpoints.after(iterate, steps)
            return stop.asked

        run = follow(iterates, stops, before=checkpoints.steps, abrupt=True)
    del iterates
    image = result_image(run, scales)
    # Only then does the content lend its colors; a large one is read again for it.
    colors = content.load() if config.color == "content" else image
    image = finish(image, colors, config)
    recipe = recipe.model_copy(
        update={
            "width": image.shape[-1],
            "height": image.shape[-2],
            "stopped_after": run.steps if run.stopped else None,
        }
    )
    written = save(dress(image, content.picture), job, recipe)
    if run.failure:
        told = f"{run.failure}; the picture so far is in '{written.path}'"
        raise OptimizationError(told) from run.failure
    if not run.stopped:
        checkpoints.remove()
    read = (content.picture, *(style.picture for style in styles))
    return Report(
        output=written.path,
        seconds=time.perf_counter() - start + (saved.seconds if saved else 0),
        steps=run.steps,
        losses=run.last.losses,
        peak_memory_mib=peak_memory(),
        recipe=recipe,
        stopped=run.stopped,
        notes=(*(note for p in read for note in p.notes), *written.notes, *checkpoints.notes),
    )


def check_targets(job: Job) -> None:
    """Raise what writing the files would raise."""
    inputs = (job.content, *job.styles, *job.keep)
    for path in filter(None, (job.out, job.output.preview)):
        check_output(
            path,
            quality=job.output.quality,
            bit_depth=job.output.bit_depth if path == job.out else None,
            inputs=inputs,
        )


def load_first_image(config: StylizeConfig, device: torch.device) -> Tensor | None:
    """The first image, where the config names a file for it."""
    return None if config.init in FIRST_IMAGES else load_image(config.init).to(device)


def watch(
    iterates: Iterator[Iterate],
    scales: Sequence[Scale],
    job: Job,
    expected: Forecast | None,
    console: Console,
) -> Iterator[Iterate]:
    """The same iterates, with everything around them that the job asks for."""
    if not job.output.quiet:
        steps = None if expected is None else [part.step for part in expected.scales]
        iterates = show_progress(iterates, scales, console, steps)
    if job.output.preview:
        iterates = write_preview(iterates, job.output.preview, console)
    if job.output.save_every:
        iterates = save_steps(iterates, job)
    return iterates


def result_image(run: Run, scales: Sequence[Scale]) -> Tensor:
    """The last image, in the result's size: the last scale may have no steps of its own."""
    if run.stopped:
        return run.last.image
    return resize(run.last.image, scales[-1].height, scales[-1].width)


def save(picture: Picture, job: Job, recipe: Recipe) -> Saved:
    return save_picture(
        picture,
        job.out,
        quality=job.output.quality,
        strip=job.output.strip,
        bit_depth=job.output.bit_depth,
        recipe=recipe.to_json(),
        inputs=(job.content, *job.styles, *job.keep),
    )


def write_preview(iterates: Iterator[Iterate], path: Path, console: Console) -> Iterator[Iterate]:
    """The same iterates; every few seconds the picture so far goes to the file."""
    due = 0.0
    for iterate in iterates:
        if (begin := time.perf_counter()) >= due:
            try:
                save_picture(Picture.from_tensor(iterate.image), path, quality=85)
            except OutputError as error:  # a lost preview is no reason to lose the picture
                console.print(f"note: no preview: {error}", markup=False, soft_wrap=True)
                due = float("inf")
            else:
                end = time.perf_counter()
                due = end + max(PREVIEW_EVERY, 20 * (end - begin))  # a twentieth at most
        yield iterate


def save_steps(iterates: Iterator[Iterate], job: Job) -> Iterator[Iterate]:
    """The same iterates; every so many steps the picture is saved under a number."""
    every = job.output.save_every or 1
    for number, iterate in enumerate(iterates, start=1):
        if number % every == 0:
            path = job.out.with_name(f"{job.out.stem}-step{number:05}{job.out.suffix}")
            save_picture(Picture.from_tensor(iterate.image), path, quality=job.output.quality)
        yield iterate


def tell(report: Report, as_json: bool) -> int:
    """Say what came out, and return the exit code."""
    for note in report.notes:
        print(f"note: {note}", file=sys.stderr)
    print(summary(report), file=sys.stderr)
    print(json.dumps(as_dict(report)) if as_json else report.output)
    return 130 if report.stopped else 0


def summary(report: Report) -> str:
    memory = "" if report.peak_memory_mib is None else f", {report.peak_memory_mib:.0f} MiB"
    stopped = "stopped: the picture so far, " if report.stopped else ""
    return (
        f"{stopped}{report.recipe.width} × {report.recipe.height} pixels, {report.steps} steps, "
        f"{show_seconds(report.seconds)}{memory}"
    )


def as_dict(report: Report) -> dict[str, object]:
    """The report as --json prints it."""
    return {
        "output": str(report.output),
        "width": report.recipe.width,
        "height": report.recipe.height,
        "seconds": round(report.seconds, 3),
        "steps": report.steps,
        "stopped": report.stopped,
        "losses": report.losses,
        "peak_memory_mib": report.peak_memory_mib and round(report.peak_memory_mib, 1),
        "network": report.recipe.network,
        "seed": report.recipe.settings.seed,
        "recipe": report.recipe.model_dump(mode="json"),
    }
