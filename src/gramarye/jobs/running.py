"""A job being done, on one process or several: its steps, and the file it makes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import final

import torch

from gramarye.devices import is_out_of_memory
from gramarye.distributed.bands import gather
from gramarye.distributed.processes import Processes
from gramarye.errors import (
    GramaryeError,
    ImageError,
    OptimizationError,
    RunError,
)
from gramarye.files import beside, is_there, numbered, write_atomically
from gramarye.finishing import as_picture, at_full_size, canvas_of, cube_of, finish
from gramarye.handover import image_of
from gramarye.jobs.checkpoint import read_part
from gramarye.jobs.intermediates import save_steps, write_preview
from gramarye.jobs.job import Job, Report
from gramarye.jobs.keeping import CheckpointKeeper
from gramarye.jobs.names import reserve
from gramarye.jobs.reading import InputPictures
from gramarye.mapping.color_map import ColorMap
from gramarye.networks.features import PerceptualNetwork
from gramarye.notes import hardly_painted, input_notes
from gramarye.optimize import Iterate
from gramarye.optimizers.snapshot import Numbers, Snapshot
from gramarye.peaks import peak_memory
from gramarye.pictures.picture import Picture, Saved, save_picture
from gramarye.plan import Plan
from gramarye.recipe import Recipe, write_recipe
from gramarye.stylize import steps


class EndNumbers(Numbers):
    """What the checkpoint of a run whose last step was made holds for its report."""

    losses: dict[str, float]


@final
class JobRun:
    """A job on its way. The recipe is that of the picture if nothing stops it."""

    def __init__(
        self,
        job: Job,
        plan: Plan,
        pictures: InputPictures,
        network: PerceptualNetwork,
        processes: Processes,
        start: float,
    ) -> None:
        self.job, self.plan, self.pictures, self.network = job, plan, pictures, network
        self.processes = processes
        self.recipe = write_recipe(plan, pictures.files, network)
        before = job.resume.run if job.resume else None
        self.start = start - (before.seconds if before else 0)
        self.count = before.steps if before else 0  # steps taken, those of earlier runs among them
        self.checkpoints = CheckpointKeeper(job, self.recipe, plan.memory, self.start, processes)
        self.give_name_free: Callable[[], object] = lambda: None
        self.last: Iterate | None = None
        self.failure: Exception | None = None
        self.asked_to_stop = False

    def stop(self) -> None:
        """Ask the run to end after the step it is in; its picture so far can be written then."""
        self.asked_to_stop = True

    @property
    def stopped(self) -> bool:
        """Whether there are steps left to make."""
        return self.last is None or self.steps_left(self.last)

    def steps_left(self, after: Iterate) -> bool:
        later = self.plan.scales[after.scale + 1 :]
        return after.step != after.steps or any(part.scale.steps for part in later)

    def steps(self) -> Iterator[Iterate]:
        """Every step of the run, with a checkpoint now and then; on a process, its own rows.

        What a user should know on the way is in the iterates' notes. A run that cannot go on, once
        it has made a step, ends early: `finish` writes its picture and tells why.
        """
        saved = self.job.resume
        resume = None if saved is None else (saved.run.scale, self.own_snapshot())
        if resume is not None and self.is_end(*resume):
            self.last = self.last_iterate(*resume)
            yield self.last
            return
        iterates = steps(
            self.plan, self.pictures.inputs, self.network, processes=self.processes, resume=resume
        )
        iterates = self.counted(iterates)
        if self.job.output.preview is not None:
            iterates = write_preview(iterates, self.job.output.preview, self.so_far)
        if self.job.output.save_every is not None:
            iterates = save_steps(iterates, self.job.out, self.job.output, self.so_far)
        try:
            for iterate in iterates:
                yield replace(iterate, notes=(*self.checkpoints.take_news(), *iterate.notes))
                if self.stopped and self.stops(iterate):
                    return
                del iterate
        except Exception as error:  # whatever it is, the steps made must not be lost
            if self.last is None:
                raise
            # Of several processes, the others know of a run that diverged only.
            if self.processes.size > 1 and not isinstance(error, OptimizationError):
                raise broken_off(error, *self.checkpoints.way_on) from error
            # Without its traceback, which keeps the memory that was too little.
            self.failure = error.with_traceback(None) if is_out_of_memory(error) else error

    def so_far(self, image: torch.Tensor) -> Picture:
        """An iterate's image as the result would be: in its colors, with its transparency."""
        image = finish(image, self.pictures.inputs, self.job.config)
        return as_picture(image, self.content)

    @property
    def content(self) -> Picture | None:
        """What the content's file held, as far as the result has it, if there is a content."""
        return canvas_of(self.pictures.pictures.get("content"), self.job.config)

    def is_end(self, scale: int, snapshot: Snapshot) -> bool:
        """Whether nothing is left to do after this step of a scale but to write the picture."""
        later = self.plan.scales[scale + 1 :]
        known = 0 <= scale < len(self.plan.scales)
        return known and snapshot.last and not any(part.scale.steps for part in later)

    def last_iterate(self, scale: int, snapshot: Snapshot) -> Iterate:
        """The last iterate of a run whose checkpoint was written after its last step."""
        image = image_of(self.plan, scale, snapshot, self.processes.rank)
        with snapshot.checked():
            found = EndNumbers.model_validate({"losses": snapshot.numbers.get("losses", {})})
        step, scales, kind = snapshot.step, len(self.plan.scales), self.job.config.map.kind
        color_map = None if kind == "none" else ColorMap(kind, image)
        return Iterate(step, step, found.losses, image, map=color_map, scale=scale, scales=scales)

    def counted(self, iterates: Iterator[Iterate]) -> Iterator[Iterate]:
        for iterate in iterates:
            self.last = iterate
            self.count += 1
            yield iterate
            del iterate

    def stops(self, iterate: Iterate) -> bool:
        """Whether the run ends here, on all processes; a checkpoint is written if one is due."""
        changed = self.changed_input() if iterate.step == iterate.steps else None
        asked, due, lost = self.processes.largest(
            int(self.asked_to_stop), int(self.checkpoints.due()), int(changed is not None)
        )
        if asked or due or lost:
            self.checkpoints.write(iterate, self.count)
        if lost:
            self.failure = changed or ImageError("an input has changed since the run began")
        return bool(asked or lost)

    def changed_input(self) -> ImageError | None:
        """What is wrong with an input that the next scale reads again."""
        try:
            self.pictures.check()
        except ImageError as error:
            return error
        return None

    def own_snapshot(self) -> Snapshot:
        """What this process has written down, where the job goes on."""
        assert self.job.resume is not None
        if self.processes.size == 1:
            return self.job.resume.snapshot
        return read_part(self.job.resume, self.processes.rank)

    def finish(self) -> Report | None:
        """Write the picture of the last image; after that, the error if the run failed.

        On several processes the first writes it and gets the report.
        """
        assert self.last is not None, "a run has at least one step"
        image = self.last.image
        if self.processes.size > 1:  # through the CPU's memory
            bands = self.plan.scales[self.last.scale].bands
            image = gather(image.cpu(), bands, self.processes)
        try:
            report = self.write(image) if self.processes.rank == 0 else None
        finally:
            self.give_name_free()
        self.processes.largest(0)  # nobody leaves, and nobody fails, before the file is written
        if not self.stopped:
            self.checkpoints.remove()
        way_on = self.checkpoints.way_on if self.stopped else ()
        return report and replace(
            report, notes=(*report.notes, *self.checkpoints.take_news(), *way_on)
        )

    def write(self, image: torch.Tensor) -> Report:
        """Write the picture; where that fails, what has been done is kept in another way."""
        assert self.last is not None
        try:
            written, recipe = self.save(image)
        except Exception as error:  # whatever it is, the steps made must not be lost
            told = [] if self.failure is None else [str(self.failure)]
            raise broken_off(error, *told, *self.keep(image)) from error
        if self.failure is not None:
            so_far = f"the picture so far is in '{written.path}'"
            raise broken_off(self.failure, so_far, *self.checkpoints.way_on) from self.failure
        return Report(
            output=written.path,
            seconds=time.perf_counter() - self.start,
            steps=self.count,
            losses=self.last.losses,
            peak_memory_mib=peak_memory(),
            recipe=recipe,
            stopped=self.stopped,
            notes=(*self.pictures.notes, *written.notes),
        )

    def save(self, image: torch.Tensor) -> tuple[Saved, Recipe]:
        job, output = self.job, self.job.output
        assert self.last is not None
        if not self.stopped or self.last.map is not None:
            last = replace(self.last, image=image)
            image = at_full_size(last, self.pictures.inputs, self.plan)
        image = finish(image, self.pictures.inputs, job.config)
        recipe = self.recipe.model_copy(
            update={
                "width": image.shape[-1],
                "height": image.shape[-2],
                "stopped_after": self.count if self.stopped else None,
            }
        )
        out = job.out
        if job.new and is_there(out):  # it was free when the run began
            number, release = reserve(out)
            out = numbered(out, number)
            release()
        written = save_picture(
            as_picture(image, self.content),
            out,
            quality=output.quality,
            strip=output.strip,
            bit_depth=output.bit_depth,
            recipe=recipe.to_json(),
            inputs=job.read,
            overwrite=not job.new,
        )
        inputs = self.pictures.inputs
        notes = (*input_notes(inputs, self.plan), *hardly_painted(image, inputs, job.config))
        return replace(written, notes=(*written.notes, *notes, *self.save_cube())), recipe

    def save_cube(self) -> tuple[str, ...]:
        """Write the color map as a table if that is asked for; what a user should know of it."""
        path, last = self.job.output.cube, self.last
        if path is None or last is None or last.map is None:
            return ()
        try:
            text = cube_of(last.map, self.pictures.inputs, self.job.config, path.stem)
            write_atomically(path, text.encode())
        except Exception as error:  # whatever it is: no reason to lose the picture
            return (f"no color table: {error}",)
        if last.map.kind == "lut":
            return (f"the color map is in '{path}'",)
        return (
            f"'{path}' is one table for the whole picture: what the grid does otherwise from place "
            "to place is averaged; --map lut makes a table that loses nothing",
        )

    def keep(self, image: torch.Tensor) -> tuple[str, ...]:
        """Where the run is kept whose picture could not be written: a checkpoint, or elsewhere."""
        assert self.last is not None
        if not self.stopped and self.processes.size == 1:
            self.checkpoints.write_end(self.last, self.count)
        if self.checkpoints.way_on:
            return self.checkpoints.way_on
        try:
            picture = as_picture(image.clamp(0, 1), self.content)
            folder = Path(tempfile.mkdtemp(prefix="gramarye-"))
            path = save_picture(picture, beside(folder / "any", self.job.out.stem, ".png")).path
        except Exception as error:
            return (f"nothing could be kept: {error}",)
        return (f"the picture is in '{path}'",)


def broken_off(error: Exception, *more: str) -> GramaryeError:
    """The error with what else there is to say, as one that is told in a sentence."""
    if isinstance(error, GramaryeError):
        return type(error)("; ".join([str(error), *more]))
    if is_out_of_memory(error):
        return RunError("; ".join(["out of memory: choose a smaller --size or --memory", *more]))
    reason = f"a mistake of ours, {type(error).__name__}: {error} (please report it)"
    return RunError("; ".join([reason, *more]))
