"""What is done in a cell: a run of the main path, or a look into the network.

Each task takes the cell's job and a watcher, which is told how much is done (0 to 1) and answers
whether to stop, and returns the result without its digest.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gramarye.errors import GramaryeError, WeightsError
from gramarye.jobs.job import Job
from gramarye.jobs.opening import open_job
from gramarye.jobs.output import Output
from gramarye.jobs.running import JobRun
from gramarye.networks.catalog import NetworkInfo
from gramarye.networks.registry import load_network
from gramarye.pictures.picture import Picture, load_image, save_picture
from gramarye.scales.resizing import resize
from gramarye.scales.sizes import fit
from gramarye.scoring.measures import edges_kept
from gramarye.scoring.score import score
from gramarye.studies.cells import CellJob
from gramarye.studies.channels import channel_picture, gram_picture, maps_picture
from gramarye.studies.results import Result, Step

if TYPE_CHECKING:
    from gramarye.optimize import Iterate

Watch = Callable[[float], bool]


class Stopped(Exception):
    """The study was asked to end before the cell was done."""


def make(cell: CellJob, watch: Watch) -> Result:
    """The result of a cell; what the user can mend, and what went wrong, is its failure."""
    if cell.problem is not None:
        return Result(digest=cell.digest, failure=cell.problem)
    try:
        result = TASKS[cell.task](cell, watch)
        result.save(cell.record)
    except Stopped:
        raise
    except GramaryeError as error:
        return Result(digest=cell.digest, failure=str(error))
    except Exception as error:  # one cell must not take the others with it
        return Result(digest=cell.digest, failure=f"{type(error).__name__}: {error}")
    return result


def not_fetched(network: NetworkInfo) -> Path:
    """In place of a download: a study fetches nothing by itself."""
    raise WeightsError(
        f"the weights of {network.name} are not here: fetch them with 'gramarye networks fetch "
        f"{network.name}', or name a file with --weights {network.name}=FILE"
    )


def stylize(cell: CellJob, watch: Watch) -> Result:
    """A run of the main path, its losses step by step, and what its picture measures."""
    job = Job(cell.inputs, cell.picture, cell.config, Output(checkpoint_every=0))
    run = open_job(job, fetch=here_or_refused)
    total = sum(part.scale.steps for part in run.plan.scales)
    steps: list[Step] = []
    shown: dict[int, str] = {}
    notes: list[str] = []
    began = time.perf_counter()
    for iterate in run.steps():
        seconds = time.perf_counter() - began
        losses = {name: float(loss) for name, loss in iterate.losses.items()}
        steps.append(Step(step=run.count, scale=iterate.scale, seconds=seconds, losses=losses))
        notes += iterate.notes
        if run.count in cell.shown_after:
            shown[run.count] = save_shown(run, iterate, cell)
        if watch(run.count / total):
            raise Stopped
        del iterate
    report = run.finish()
    assert report is not None, "there is one process"
    return Result(
        digest=cell.digest,
        picture=report.output.name,
        shown=shown,
        steps=steps,
        seconds=round(time.perf_counter() - began, 3),
        settings={k: v for k, v in cell.settings.items() if k != "init"},
        numbers=measure(cell, report.output),
        notes=list(dict.fromkeys([*notes, *report.notes])),
    )


def here_or_refused(network: NetworkInfo) -> Path:
    from gramarye.networks.cache import weights_path

    path = weights_path(network)
    return path if path.is_file() else not_fetched(network)


def save_shown(run: JobRun, iterate: Iterate, cell: CellJob) -> str:
    path = cell.folder / f"{cell.name}-step{run.count}.png"
    save_picture(run.so_far(iterate.image), path)
    return path.name


@torch.no_grad()
def measure(cell: CellJob, picture: Path) -> dict[str, float]:
    """What can be told of a picture beside its content and its style."""
    image = load_image(picture)
    found: dict[str, float | None] = {}
    content = cell.inputs.get("content")
    if content is not None:
        at_size = resize(load_image(content), *image.shape[-2:]).clamp(0, 1)
        found["pixel error"] = float((image - at_size).square().mean().sqrt())
        found["edges"] = edges_kept(image, at_size)
    styles = [path for name, path in cell.inputs.items() if name.startswith("style/")]
    if content is not None and styles:
        try:
            seen = score(content, styles, picture)
        except GramaryeError:  # a picture too small for the judge has no levels
            seen = None
        if seen is not None:
            found |= {f"style, {level}": value for level, value in seen.levels.items()}
            found |= {"content": seen.content, "specks": seen.artifacts.specks}
            found["checkerboard"] = seen.artifacts.checkerboard
    return {k: float(v) for k, v in found.items() if v is not None and math.isfinite(v)}


# looks into the network


def look(draw: Callable[..., Tensor], *, of: str | None) -> Callable[[CellJob, Watch], Result]:
    """A task that draws what a layer sees of an input; the layer is the content loss's."""

    def task(cell: CellJob, watch: Watch) -> Result:
        config = cell.config
        (layer,) = config.value("content_layers")
        network = load_network(
            config.network.name,
            weights=config.network.weights,
            layers=[layer],
            fetch=here_or_refused,
        )
        image = None
        if of is not None:
            image = load_image(cell.inputs[of])
            height, width = fit(image.shape[-2], image.shape[-1], config.picture.size)
            image = resize(image, height, width).clamp(0, 1)
        began = time.perf_counter()
        drawn = draw(network, layer, image, size=config.picture.size, watch=watch)
        if watch(1.0):
            raise Stopped
        save_picture(Picture.from_tensor(drawn), cell.picture)
        return Result(
            digest=cell.digest,
            picture=cell.picture.name,
            seconds=round(time.perf_counter() - began, 3),
            settings=dict(cell.settings),
        )

    return task


TASKS: Mapping[str, Callable[[CellJob, Watch], Result]] = {
    "stylize": stylize,
    "maps of the content": look(maps_picture, of="content"),
    "maps of the style": look(maps_picture, of="style/0"),
    "gram of the content": look(gram_picture, of="content"),
    "gram of the style": look(gram_picture, of="style/0"),
    "channel": look(channel_picture, of="content"),
}
