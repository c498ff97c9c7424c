"""The pictures of a blend as jobs, one after the other; those that are there already stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import torch

from gramarye.blending import Frame, frame_name
from gramarye.config import StylizeConfig, make_config
from gramarye.errors import InputError, OutputError
from gramarye.files import check_target, is_file, is_there
from gramarye.finishing import as_picture
from gramarye.jobs.checkpoint import read_checkpoint
from gramarye.jobs.job import Job, name_inputs
from gramarye.jobs.keeping import job_of
from gramarye.jobs.names import checkpoint_path
from gramarye.jobs.output import Output
from gramarye.pictures.picture import load_picture, save_picture
from gramarye.recipe import Recipe, input_file, name_of
from gramarye.scales.resizing import resize
from gramarye.scales.sizes import fit


@final
@dataclass(frozen=True)
class Way:
    """What a blend is made of, and where its frames go."""

    content: Path
    styles: Sequence[Path]
    frames: Sequence[Frame]
    settings: Mapping[str, Any]
    folder: Path
    output: Output
    others: Mapping[str, Path]  # further inputs by name

    def path(self, frame: Frame) -> Path:
        return self.folder / frame_name(frame.number, len(self.frames))

    @property
    def from_photograph(self) -> bool:
        """Whether the way begins with the content as it is."""
        return self.styles[0] == self.content

    @property
    def paths(self) -> list[Path]:
        return [self.path(frame) for frame in self.frames]

    @property
    def read(self) -> tuple[Path, ...]:
        """The files that must not be overwritten."""
        return self.content, *self.styles, *self.others.values()

    def config(self, frame: Frame) -> StylizeConfig:
        """The settings of a frame; SettingsError says what is wrong with one."""
        before = {"init": str(self.path(self.frames[frame.number - 1]))} if frame.follows else {}
        return make_config(**{**self.settings, **frame.settings, **before})

    def check(self, further: Sequence[Path]) -> None:
        """Raise what files that are in the way would raise, among them `further` ones of its own.

        These it replaces where a frame is there, and no others'.
        """
        for path in further:
            check_target(path, self.read)
        there = [frame for frame in self.frames if is_there(self.path(frame))]
        for path in further if not there else ():
            if is_there(path):
                raise other_picture(path)
        for frame in there:
            if frame.follows or not self.from_photograph:
                recipe = recipe_of(self.path(frame))
                if recipe is None or not made_by(recipe, self.new_job(frame), whole=False):
                    raise other_picture(self.path(frame))

    def new_job(self, frame: Frame) -> Job:
        """What makes a frame from its beginning."""
        config = self.config(frame)
        inputs = name_inputs(self.content, self.styles, config, self.others)
        return Job(inputs, self.path(frame), config, self.output)

    def rehearsal(self) -> Job:
        """The job of the first frame that is painted, as if what it begins with were there.

        On the way from a photograph, that is written first: what is wrong is to be known before.
        """
        job = self.new_job(self.frames[1])
        return replace(job, inputs={**job.inputs, "init": self.content})

    def job(self, frame: Frame) -> Job | None:
        """What makes a frame, or goes on with it; None if it is there already.

        OutputError if another picture has its name: a blend replaces nothing.
        """
        job, out = self.new_job(frame), self.path(frame)
        checkpoint = checkpoint_path(out)
        if is_there(out):
            recipe = recipe_of(out)
            if recipe is None or not made_by(recipe, job):
                raise other_picture(out)
            if recipe.stopped_after is None:
                return None
        if is_file(checkpoint):
            found = read_checkpoint(checkpoint)
            if made_by(found.run.recipe, job):
                return job_of(found)
        return job

    def photograph(self, frame: Frame) -> Path:
        """Write the content as it is, at the result's size, as the way's first frame."""
        out, picture = self.path(frame), load_picture(self.content)
        height, width = fit(picture.height, picture.width, self.config(frame).picture.size)
        pixels = resize(picture.pixels, height, width).clamp(0, 1)
        if is_there(out):
            there = load_picture(out).pixels
            if there.shape != pixels.shape or not torch.allclose(there, pixels, atol=1 / 255):
                raise other_picture(out)
            return out
        check_target(out, self.read)
        return save_picture(as_picture(pixels, picture), out, strip=self.output.strip).path


def recipe_of(path: Path) -> Recipe | None:
    try:
        return Recipe.of_picture(path)
    except InputError:
        return None


def made_by(recipe: Recipe, job: Job, *, whole: bool = True) -> bool:
    """Whether a picture of that recipe is the job's, finished or on its way.

    Where not the `whole` of it is there yet, what the first image is does not count.
    """
    paths = {name: path for name, path in job.inputs.items() if whole or name != "init"}
    files = {name: input_file(path) for name, path in paths.items()}
    known = {name: file for name, file in recipe.inputs.items() if whole or name != "init"}
    names: dict[str, Any] = {}
    if job.config.network.weights is not None:
        names["weights"] = name_of(Path(job.config.network.weights))
    if job.config.painter.file is not None:
        names["painter"] = name_of(job.config.painter.file)
    if "init" in job.inputs:
        names["init"] = name_of(job.inputs["init"])
    return known == files and recipe.settings == job.config.with_settings(**names)


def other_picture(path: Path) -> OutputError:
    return OutputError(
        f"'{path}' is there and is no picture of this blend: choose another folder with --out, or "
        "move it away"
    )
