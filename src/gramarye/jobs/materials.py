"""What a job works with, and the picture that becomes of it; for one process or several."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from gramarye.config import StylizeConfig
from gramarye.devices import peak_memory
from gramarye.errors import OptimizationError
from gramarye.jobs.following import Run
from gramarye.jobs.inputs import Input, open_input
from gramarye.jobs.job import Job, Report
from gramarye.networks.features import PerceptualNetwork
from gramarye.pictures.picture import load_image, save_picture
from gramarye.recipe import FIRST_IMAGES, Recipe, write_recipe
from gramarye.scales.sizes import Scale, plan_scales, resize
from gramarye.stylize import dress, finish


@final
@dataclass(frozen=True)
class Materials:
    """The pictures of a job, where they were read to, and the scales it goes through."""

    content: Input
    styles: tuple[Input, ...]
    init: Tensor | None
    scales: list[Scale]

    @property
    def notes(self) -> list[str]:
        return [note for read in (self.content, *self.styles) for note in read.picture.notes]

    def recipe(
        self,
        config: StylizeConfig,
        network: PerceptualNetwork,
        device: torch.device,
        memory: int | None = None,
    ) -> Recipe:
        """The recipe of the picture the job makes if nothing stops it."""
        return write_recipe(
            self.content.picture,
            [style.picture for style in self.styles],
            config,
            network,
            width=self.scales[-1].width,
            height=self.scales[-1].height,
            device=device,
            memory=memory,
        )


def open_materials(job: Job, device: torch.device) -> Materials:
    """Read what a job names, its small pictures onto the device."""
    content = open_input(job.content, device)
    styles = tuple(open_input(style, device) for style in job.styles)
    scales = plan_scales(content.height, content.width, job.config)
    return Materials(content, styles, load_first_image(job.config, device), scales)


def load_first_image(config: StylizeConfig, device: torch.device) -> Tensor | None:
    """The first image, where the config names a file for it."""
    return None if config.init in FIRST_IMAGES else load_image(config.init).to(device)


def write_result(job: Job, run: Run, materials: Materials, recipe: Recipe, start: float) -> Report:
    """Write the picture of a run's last image; OptimizationError, after that, if the run failed."""
    image = result_image(run, materials.scales)
    # Only now does the content lend its colors; a large one is read again for it.
    colors = materials.content.load() if job.config.color == "content" else image
    image = finish(image, colors, job.config)
    recipe = recipe.model_copy(
        update={
            "width": image.shape[-1],
            "height": image.shape[-2],
            "stopped_after": run.steps if run.stopped else None,
        }
    )
    written = save_picture(
        dress(image, materials.content.picture),
        job.out,
        quality=job.output.quality,
        strip=job.output.strip,
        bit_depth=job.output.bit_depth,
        recipe=recipe.to_json(),
        inputs=(job.content, *job.styles, *job.keep),
    )
    if run.failure:
        told = f"{run.failure}; the picture so far is in '{written.path}'"
        raise OptimizationError(told) from run.failure
    before = job.resume.run.seconds if job.resume else 0
    return Report(
        output=written.path,
        seconds=time.perf_counter() - start + before,
        steps=run.steps,
        losses=run.last.losses,
        peak_memory_mib=peak_memory(),
        recipe=recipe,
        stopped=run.stopped,
        notes=(*materials.notes, *written.notes),
    )


def result_image(run: Run, scales: list[Scale]) -> Tensor:
    """The last image, in the result's size: the last scale may have no steps of its own."""
    if run.stopped:
        return run.last.image
    return resize(run.last.image, scales[-1].height, scales[-1].width)
