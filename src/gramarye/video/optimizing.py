"""Frame after frame by the optimizer, each held to what the frames before were.

Ruder, Dosovitskiy, Brox (2016): a frame begins with the result of the one before, moved by the
optical flow, and a temporal loss holds it there (`losses.temporal`), where the flow holds; and to
older frames, where the newer ones do not show what is to be seen.

This differs from the paper: the weights fall where the film itself, moved, does not look the same,
as in a fade, and a little around what has moved, whose strokes reach beyond it. What nothing was
seen of begins with the moved result, too, but the film's own change is added: in few steps, ghosts
of what was there would stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from gramarye.config import StylizeConfig
from gramarye.finishing import at_full_size
from gramarye.inputs.inputs import Inputs
from gramarye.inputs.protection import protection
from gramarye.pictures.picture import Picture
from gramarye.plan import make_plan, run_device, run_network
from gramarye.stylize import steps
from gramarye.video.extra import load_cv2
from gramarye.video.flow import Flow, Image, Map, reliable, warped
from gramarye.video.flows import FlowSource
from gramarye.video.frames import FilmFrame, Frame, Pixels, as_image, as_pixels
from gramarye.video.masks import with_protected
from gramarye.video.shot_colors import ShotColors
from gramarye.video.shots import Cuts
from gramarye.video.steady import SLOW, PaintedFrame, difference, moved_film

ALIKE = 0.15  # difference of the film from itself, moved by the flow, that halves what is held
AROUND = 0.015  # of the longest side: so far strokes reach beyond what they are on
# Of what is held, where something moves: resampling has made it softer, and it takes steps to be as
# it was. What is at rest is held by all of the weight, or steps would change it in every frame.
MOVING = 0.003
# Most of a frame is there from the beginning: a first step as long as a picture's would lose it.
FIRST_STEP = 0.0005


@final
@dataclass(frozen=True, eq=False)
class Before:
    """A frame that has been painted: the film's, what was painted of it, and the result.

    Images (1, 3, H, W) in [0, 1]; `content` is the frame with its colors moved, `protect` white
    where it was to stay as it is.
    """

    film: FilmFrame
    content: Tensor
    result: Tensor
    protect: Tensor | None = None


@final
@dataclass(frozen=True, eq=False)
class Moved:
    """Results of frames before (H, W, 3), the newest first, where their things are now.

    `weights` (H, W) are how much each counts, 0 to 1, and `start` (H, W, 3) is what a frame begins
    with.
    """

    images: Sequence[Image]
    weights: Sequence[Map]
    start: Image

    def inputs(self) -> dict[str, Tensor]:
        """As inputs of a run."""
        found = {"init": as_tensor(self.start)}
        for number, (image, weight) in enumerate(zip(self.images, self.weights, strict=True)):
            found[f"warped/{number}"] = as_tensor(image)
            found[f"warped-weights/{number}"] = as_tensor(weight).expand(1, 3, -1, -1)
        return found


@final
class OptimizingPainter:
    """Paints frames in order; `offsets` are how far back the frames are that each is held to."""

    def __init__(
        self,
        styles: Sequence[Picture],
        config: StylizeConfig,
        size: tuple[int, int],
        flows: FlowSource,
        *,
        frame_steps: int,
        offsets: Sequence[int],
    ) -> None:
        self.device = run_device(config)
        self.network = run_network(config, self.device)
        self.colors = ShotColors(styles, config, self.device)
        self.size, self.flows, self.offsets = size, flows, tuple(offsets)
        self.first = config.with_settings(temporal_weight=0)
        self.later = config.with_settings(
            coarse_to_fine=False, steps=frame_steps, first_step=FIRST_STEP, init="before"
        )
        self.cuts = Cuts()
        self.before: list[Before] = []  # of the shot, the newest first
        self.number = 0

    def frames(self, frames: Iterable[Frame]) -> Iterator[PaintedFrame]:
        for frame in frames:
            yield self.paint(frame)

    def paint(self, frame: Frame) -> PaintedFrame:
        image = as_image(frame.pixels, self.size)
        self.number += 1
        film = FilmFrame(self.number, as_pixels(image))
        cut = self.cuts(film.pixels)
        if cut:
            self.colors.new_shot()
            self.before = []
        seen = image.to(self.device)
        content = self.colors.content(seen)
        mask = None if frame.protect is None else as_image(frame.protect, self.size)
        # Where nothing is left to paint, all is painted, and what is protected is laid over it.
        others = {} if mask is None or leaves_nothing(mask) else {"protect": mask.to(self.device)}
        if self.before and self.same(film, mask):
            result = self.before[0].result  # a frame that is shown twice
        elif self.before:
            others |= self.moved(film, content, mask).inputs()
            result = self.optimized(self.colors.inputs(seen, content, others), self.later)
        else:
            result = self.optimized(self.colors.inputs(seen, content, others), self.first)
        kept = [Before(film, content, result, mask), *self.before]
        self.before = kept[: max(self.offsets)]
        found = with_protected(self.colors.finished(result, image), image, frame)
        return PaintedFrame(found, frame, image, cut)

    def same(self, film: FilmFrame, mask: Tensor | None) -> bool:
        """Whether a frame and its mask are those of the frame before."""
        before = self.before[0]
        if mask is None or before.protect is None:
            alike = mask is before.protect
        else:
            alike = torch.equal(mask, before.protect)
        return alike and np.array_equal(film.pixels, before.film.pixels)

    def optimized(self, inputs: Inputs, config: StylizeConfig) -> Tensor:
        """The image (1, 3, H, W) in [0, 1] of a run from beginning to end."""
        held = inputs.held(self.device)
        plan = make_plan(config, self.network, inputs.sizes, self.device, held=held)
        for iterate in steps(plan, inputs, self.network):
            last = iterate
        return at_full_size(last, inputs, plan).clamp(0, 1)

    def moved(self, film: FilmFrame, content: Tensor, mask: Tensor | None = None) -> Moved:
        """What frames before were, moved to this one, each where newer ones do not show it."""
        images: list[Image] = []
        weights: list[Map] = []
        start: Image = np.zeros((*self.size, 1), np.float32)
        known = start
        for before in (self.before[i - 1] for i in self.offsets if i <= len(self.before)):
            backward, forward = self.flows(film, before.film), self.flows(before.film, film)
            backward = at_rest(backward)
            holds = held(film.pixels, before.film.pixels, backward, forward)[..., None]
            if before.protect is not None:  # what was not painted is no pattern for what is now
                holds = holds * (1 - uncovered(before.protect, mask, backward))
            weight = (holds - known).clip(0)
            result = moved_image(before.result, backward)
            start = (start + weight * result).astype(np.float32)
            known = known + weight
            images.append(result)
            firm = np.where((backward == 0).all(-1), np.float32(1), np.float32(MOVING))
            weights.append(weight[..., 0] * firm)
        last = self.before[0]
        backward = at_rest(self.flows(film, last.film))
        change = as_array(content) - moved_image(last.content, backward)
        unknown = moved_image(last.result, backward) + change
        first = (start + (1 - known) * unknown).clip(0, 1)
        return Moved(images, weights, first.astype(np.float32))

    def state(self) -> dict[str, Tensor]:
        """What the next frame needs to know."""
        found = {f"averages/{k}": v for k, v in self.colors.averages.state().items()}
        found["number"] = torch.tensor(self.number)
        for place, before in enumerate(self.before):
            found[f"film/{place}"] = torch.from_numpy(before.film.pixels)
            found[f"content/{place}"] = before.content.cpu()
            found[f"result/{place}"] = before.result.cpu()
            if before.protect is not None:
                found[f"protect/{place}"] = before.protect
        return found | self.cuts.state()

    def restore(self, state: Mapping[str, Tensor]) -> None:
        start = "averages/"
        kept = {k.removeprefix(start): v for k, v in state.items() if k.startswith(start)}
        self.colors.averages.restore(kept)
        self.number = int(state["number"])
        self.before = []
        while (place := len(self.before)) < self.number and f"film/{place}" in state:
            film = FilmFrame(self.number - place, state[f"film/{place}"].numpy())
            content, result = (
                state[f"{name}/{place}"].to(self.device) for name in ("content", "result")
            )
            self.before.append(Before(film, content, result, state.get(f"protect/{place}")))
        self.cuts.restore(state)


def at_rest(backward: Flow) -> Flow:
    """The flow without motions that cannot be seen: each would blur the picture a little."""
    slow = np.square(backward).sum(-1) < SLOW**2
    return np.where(slow[..., None], np.float32(0), backward)


def held(film: Pixels, before: Pixels, backward: Flow, forward: Flow) -> Map:
    """How far (H, W) a frame is held to one before, from 0 to 1.

    Where the flow holds, as far as the film, moved, looks the same, and not near anything else.
    """
    holds = reliable(backward, forward).astype(np.uint8)
    side = 1 + 2 * round(AROUND * max(holds.shape))
    inside = load_cv2().erode(holds, np.ones((side, side), np.uint8), borderValue=1)
    apart = difference(film, moved_film(before, backward))
    found: Map = inside * np.exp(-np.square(apart / ALIKE))
    return found


def leaves_nothing(mask: Tensor) -> bool:
    """Whether a mask (1, 3, H, W) protects all of a frame."""
    return float(protection(mask.mean(1)).amin()) >= 1


def uncovered(before: Tensor, now: Tensor | None, backward: Flow) -> Map:
    """How far (H, W, 1) what was protected, moved, is to be painted now, from 0 to 1."""
    was = protection(torch.from_numpy(moved_image(before, backward).mean(-1, keepdims=True)))
    stays = torch.zeros_like(was)
    if now is not None:
        stays = protection(now.mean(1)[0][..., None])
    found: Map = (was - stays).clamp_min(0).numpy()
    return found


def moved_image(image: Tensor, backward: Flow) -> Image:
    """An image (1, 3, H, W) as the flow says it is now (H, W, 3), in [0, 1]."""
    return warped(as_array(image), backward).clip(0, 1)


def as_array(image: Tensor) -> Image:
    """An image (1, 3, H, W) as an array (H, W, 3)."""
    found: Image = image[0].permute(1, 2, 0).contiguous().cpu().numpy()
    return found


def as_tensor(array: Image | Map) -> Tensor:
    """An array (H, W, 3) or (H, W) as (1, C, H, W)."""
    found = torch.from_numpy(np.ascontiguousarray(array, np.float32))
    return found[None, None] if found.ndim == 2 else found.permute(2, 0, 1)[None].contiguous()
