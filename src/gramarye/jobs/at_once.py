"""A job of one pass done by ONNX Runtime, without PyTorch: from its files to the file it makes.

It knows the usual case: a photograph in one style or several, at a size and a strength. Whatever
else is asked for is PyTorch's (`jobs.running`), which takes seconds to begin with. Both paint the
same picture, but for rounding.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

import numpy as np

from gramarye.config import StylizeConfig, changed_settings
from gramarye.errors import SettingsError
from gramarye.feedforward.metadata import painter_sha256
from gramarye.feedforward.settings import MULTIPLE
from gramarye.files import file_sha256, is_there, numbered
from gramarye.graphs.files import open_network
from gramarye.graphs.images import is_gray, match_colors, resize
from gramarye.graphs.painting import Graphs, Network
from gramarye.graphs.runtime import MISSING, is_installed, thread_count, version
from gramarye.graphs.writing import Array
from gramarye.inputs.kinds import kind_of, names_of
from gramarye.jobs.files import read_whole
from gramarye.jobs.job import Job, Report
from gramarye.jobs.names import check_targets, reserve
from gramarye.losses.style import StyleSettings
from gramarye.networks.cache import weights_path
from gramarye.networks.catalog import find_network
from gramarye.peaks import peak_memory
from gramarye.pictures.decoding import Decoded, decode_file
from gramarye.pictures.formats import format_of
from gramarye.pictures.stored import MAX_PIXELS, Saved, open_source, picture_size, save_planes
from gramarye.recipe import InputFile, Recipe, name_of, versions, without_folders
from gramarye.scales.sizes import fit, style_size

KNOWN = frozenset(
    ("preset", "painter", "size", "seed", "strength", "style_weights", "style_mixing", "device")
)
LEAST = 128  # pixels of a side: smaller pictures have notes, and refusals, of their own
MOST = 1 << 20  # pixels of a picture that is taken in one piece
UNCHANGED = 0.5 / 255  # mean difference from the content: what rounding to 8 bits hides


class LeftToTorch(Exception):
    """Why ONNX Runtime does not paint a picture that PyTorch does, in words."""


def done_at_once(job: Job) -> Report | None:
    """What became of a job that ONNX Runtime has done; None where it is PyTorch's to do.

    SettingsError where the job asks for ONNX Runtime and it cannot do it.
    """
    if job.runtime == "torch":
        return None
    try:
        return paint_job(job.at_home())
    except LeftToTorch as reason:
        if job.runtime == "onnx":
            raise SettingsError(
                f"runtime onnx: {reason}; choose --runtime auto or torch, and PyTorch paints it"
            ) from reason
        return None


def paint_job(job: Job) -> Report:
    """The job from beginning to end; LeftToTorch where it is PyTorch's, and nothing is written."""
    start = time.perf_counter()
    check_settings(job)
    network = open_network(job.config.painter.by)
    if network is None:
        raise LeftToTorch("it has no graphs for this painter")
    with ExitStack() as held:
        if job.new:
            number, release = reserve(job.out)
            held.callback(release)
            job = replace(job, out=numbered(job.out, number))
        check_targets(job)
        width, height = picture_size(job.inputs["content"])
        check_room((height, width), job.config)  # before a large photograph is decoded
        pictures = {name: read_whole(path, decoded) for name, path in job.inputs.items()}
        check_pictures(pictures, job.config)
        height, width = fit(*size_of(pictures["content"]), job.config.picture.size)
        check_targets(job, (width, height))
        found = ready(pictures, job.config, (height, width))
        weights = style_weights(job.config, pictures)
        # Their pixels are needed no longer, and are more than all else where pictures are large.
        pictures = {
            name: replace(p, color=p.color[:, :1, :1].copy()) for name, p in pictures.items()
        }
        image, notes = painted(network, found, weights, job.config)
        recipe = recipe_of(job, pictures, (height, width))
        saved = save(job, image, pictures["content"], recipe)
    return Report(
        output=saved.path,
        seconds=time.perf_counter() - start,
        steps=1,
        losses={},
        peak_memory_mib=peak_memory(),
        recipe=recipe,
        stopped=False,
        notes=(*(n for picture in pictures.values() for n in picture.notes), *saved.notes, *notes),
    )


def check_settings(job: Job) -> None:
    """Raise LeftToTorch for what is known before a picture is read."""
    if not is_installed():
        raise LeftToTorch(MISSING)
    config, output = job.config, job.output
    styles, mix = names_of("style", job.inputs), style_settings(config).mix
    if not styles:
        raise LeftToTorch("no style is named, as with a network that has its style in itself")
    others = sorted(changed_settings(config).keys() - KNOWN)
    others += sorted(name for name in job.inputs if kind_of(name).name not in ("content", "style"))
    others += [name for name in ("preview", "save_every", "cube") if getattr(output, name)]
    if others:
        raise LeftToTorch(f"it knows no {others[0].replace('_', '-')}")
    if config.machine.device not in ("auto", "cpu"):
        raise LeftToTorch("it paints on the processor alone")
    if job.resume is not None or not config.painter.is_on:
        raise LeftToTorch("it paints in one pass alone")
    if mix and len(mix) != len(styles):
        raise LeftToTorch("there are not as many styles as weights")


def decoded(path: Path) -> Decoded:
    with open_source(path) as (file, name):
        return decode_file(file, name, MAX_PIXELS)


def size_of(picture: Decoded) -> tuple[int, int]:
    """Its height and width."""
    return picture.color.shape[1], picture.color.shape[2]


def check_pictures(pictures: Mapping[str, Decoded], config: StylizeConfig) -> None:
    """Raise LeftToTorch for pictures that it does not paint, or with."""
    for name, picture in pictures.items():
        if picture.alpha is not None and float(picture.alpha.min()) < 1:
            raise LeftToTorch(f"{name} is transparent in places")
        size = size_of(picture)
        if name != "content":
            size = style_size(*size, config.picture.size, config.picture.style_scale)
        else:
            size = check_room(size, config)
        if min(size) < LEAST:
            raise LeftToTorch(f"{name} has a side of less than {LEAST} pixels")
    weighed = zip(names_of("style", pictures), style_weights(config, pictures), strict=True)
    if all(is_gray(pictures[name].color[None]) for name, weight in weighed if weight):
        raise LeftToTorch("the style is gray, and the picture, too")


def check_room(size: tuple[int, int], config: StylizeConfig) -> tuple[int, int]:
    """The size of the result of a content of that size; LeftToTorch if that is too large."""
    height, width = fit(*size, config.picture.size)
    if -(-height // MULTIPLE) * -(-width // MULTIPLE) * MULTIPLE**2 > MOST:
        raise LeftToTorch("the picture is of more than a megapixel")
    return height, width


@final
@dataclass(frozen=True)
class Ready:
    """The pictures (1, 3, h, w) at their sizes: the content in its own colors and the styles'."""

    own: Array
    colored: Array
    styles: list[Array]


def ready(pictures: Mapping[str, Decoded], config: StylizeConfig, size: tuple[int, int]) -> Ready:
    own = pictures["content"].color[None]
    styles = [pictures[name].color[None] for name in names_of("style", pictures)]
    colored = resize(match_colors(own, styles, style_settings(config).mix), *size)
    shown = []
    for style in styles:
        there = style_size(style.shape[2], style.shape[3], max(size), config.picture.style_scale)
        shown.append(style if style.shape[2:] == there else resize(style, *there).clip(0, 1))
    return Ready(resize(own, *size), colored, shown)


def painted(
    network: Network, found: Ready, weights: Sequence[float], config: StylizeConfig
) -> tuple[Array, tuple[str, ...]]:
    """The picture (1, 3, H, W), and what a user should know of it."""
    settings = style_settings(config)
    image = Graphs(network).paint(
        found.colored,
        found.styles,
        weights,
        strength=settings.strength,
        seed=config.picture.seed,
        between=settings.mixing == "between" and len(found.styles) > 1,
    )
    same = {"as it was": found.own, "in the style's colors, and no more": found.colored}
    for how, picture in same.items():
        if float(np.abs(image - picture.clip(0, 1)).mean()) < UNCHANGED:
            return image, (hardly(how),)
    return image, ()


def hardly(how: str) -> str:
    return (
        f"the picture is the content {how}: raise --strength, or give a style that differs from "
        "the content"
    )


def style_settings(config: StylizeConfig) -> StyleSettings:
    settings = config.terms["style"]
    assert isinstance(settings, StyleSettings)
    return settings


def style_weights(config: StylizeConfig, pictures: Mapping[str, Decoded]) -> tuple[float, ...]:
    return style_settings(config).mix or (1.0,) * len(names_of("style", pictures))


def recipe_of(job: Job, pictures: Mapping[str, Decoded], size: tuple[int, int]) -> Recipe:
    """What made the picture; its versions name ONNX Runtime in PyTorch's place."""
    files = {}
    for name, picture in pictures.items():
        assert picture.metadata.sha256 is not None, "it came from a file"
        file = name_of(Path(picture.metadata.name or ""))
        files[name] = InputFile(name=file, sha256=picture.metadata.sha256)
    seer = find_network(job.config.network.name)
    return Recipe(
        inputs=files,
        settings=without_folders(job.config, files),
        network=seer.name,
        weights_sha256=file_sha256(weights_path(seer)),
        painter_sha256=painter_sha256(job.config.painter.by),
        width=size[1],
        height=size[0],
        precision="float32",
        versions=versions({"onnxruntime": version()}),
        device="cpu",
        threads=thread_count(),
    )


def save(job: Job, image: Array, content: Decoded, recipe: Recipe) -> Saved:
    out, output = job.out, job.output
    if job.new and is_there(out):  # it was free when the job began
        number, release = reserve(out)
        out = numbered(out, number)
        release()
    alpha = None if content.alpha is None else np.ones((1, *image.shape[-2:]), np.float32)
    return save_planes(
        image[0],
        alpha,
        content.metadata,
        out,
        format_of(out),
        quality=output.quality,
        strip=output.strip,
        bit_depth=output.bit_depth,
        recipe=recipe.to_json(),
        overwrite=not job.new,
    )
