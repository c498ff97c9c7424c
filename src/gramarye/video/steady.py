"""Frame after frame, each as like the last as the film is: what moved is taken along.

What is painted of a frame is blended with what was painted of the last one, moved by the optical
flow, wherever the flow holds and the film itself shows the same (`share`). Ruder, Dosovitskiy, Brox
(2016) put such a term into the loss; a network that paints in one pass has none, so the blend takes
its place, as in Lai et al. (2018) without their second network. At a cut nothing is taken along.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from gramarye.video.blending import blended
from gramarye.video.extra import load_cv2
from gramarye.video.flow import Flow, Image, Map, reliable, warped
from gramarye.video.flows import FlowSource, FoundFlows
from gramarye.video.frames import FilmFrame, Frame, Pixels, as_image, as_pixels
from gramarye.video.masks import with_protected
from gramarye.video.painter import FramePainter
from gramarye.video.shots import Cuts
from gramarye.video.transforming import TransformedFrames

ALIKE = 0.05  # difference of the film from itself, moved by the flow, at which little is taken
STILL = 0.0002  # what differs by so little more without a motion has not moved
SLOW = 0.05  # pixels; a motion below is none
SMOOTH = 1.0  # pixels, sigma that differences of single pixels are smoothed by


@final
@dataclass(frozen=True, eq=False)
class PaintedFrame:
    """A painted frame (1, 3, H, W) in [0, 1], the frame it shows, and whether a shot begins."""

    image: Tensor
    frame: Frame
    film: Tensor  # (1, 3, H, W), at the painting's size
    cut: bool


@final
class SteadyPainter:
    """Paints frames in order; `steady` is how much is taken along where the flow holds, 0 to 1.

    `flows` are those found by DIS where none are given.
    """

    def __init__(
        self,
        painter: FramePainter | TransformedFrames,
        size: tuple[int, int],
        steady: float,
        flows: FlowSource | None = None,
    ) -> None:
        self.painter, self.size, self.steady = painter, size, steady
        self.cuts = Cuts()
        self.flows = (flows or FoundFlows()) if steady else None
        self.number = 0
        self.film: FilmFrame | None = None  # the last frame
        self.last: Tensor | None = None  # and what was painted of it

    def frames(self, frames: Iterable[Frame]) -> Iterator[PaintedFrame]:
        for frame in frames:
            yield self.paint(frame)

    def paint(self, frame: Frame) -> PaintedFrame:
        image = as_image(frame.pixels, self.size)
        self.number += 1
        film = FilmFrame(self.number, as_pixels(image))
        cut = self.cuts(film.pixels)
        if cut:
            self.painter.new_shot()
            self.last = None
        painted = self.painter.paint(image)
        if self.flows is not None and self.last is not None and self.film is not None:
            moved, share = self.taken_along(film, self.film, self.last)
            new = painted[0].permute(1, 2, 0).contiguous().cpu().numpy()
            mixed = torch.from_numpy(blended(new, moved, share))
            painted = mixed.permute(2, 0, 1)[None].contiguous().to(painted.device)
        self.film, self.last = film, painted
        found = with_protected(self.painter.finished(painted, image), image, frame)
        return PaintedFrame(found, frame, image, cut)

    def taken_along(self, film: FilmFrame, before: FilmFrame, last: Tensor) -> tuple[Image, Map]:
        """The last painting moved to where its things are now, and how much of it to take."""
        assert self.flows is not None
        backward, forward = self.flows(film, before), self.flows(before, film)
        backward = at_rest(film.pixels, before.pixels, backward)
        share = self.steady * trusted(film.pixels, before.pixels, backward, forward)
        pixels = last[0].permute(1, 2, 0).contiguous().cpu().numpy()
        return warped(pixels, backward).clip(0, 1), share

    def state(self) -> dict[str, Tensor]:
        """What the next frame needs to know."""
        found = {f"averages/{k}": v for k, v in self.painter.averages.state().items()}
        if self.film is not None and self.last is not None:
            found["film"], found["last"] = torch.from_numpy(self.film.pixels), self.last.cpu()
            found["number"] = torch.tensor(self.number)
        return found | self.cuts.state()

    def restore(self, state: Mapping[str, Tensor]) -> None:
        start = "averages/"
        kept = {k.removeprefix(start): v for k, v in state.items() if k.startswith(start)}
        self.painter.averages.restore(kept)
        if "film" in state:
            self.number = int(state.get("number", 0))
            self.film = FilmFrame(self.number, state["film"].numpy())
            self.last = state["last"]
        self.cuts.restore(state)


def at_rest(film: Pixels, before: Pixels, backward: Flow) -> Flow:
    """The flow without what is no motion: none where the film shows the same where it was.

    Else the noise of a still background would move it about, and each move blurs a little.
    """
    stays, moves = difference(film, before), difference(film, moved_film(before, backward))
    still = (stays <= moves + STILL) | (np.square(backward).sum(-1) < SLOW**2)
    return np.where(still[..., None], np.float32(0), backward)


def trusted(film: Pixels, before: Pixels, backward: Flow, forward: Flow) -> Map:
    """How far (H, W) the flow is to be believed, from 0 to 1: it holds, and the film is alike.

    In a fade the flow holds, and the film is not alike.
    """
    cv2 = load_cv2()
    holds = reliable(backward, forward) | (backward == 0).all(-1)
    inside = holds.astype(np.float32)
    inside = np.minimum(inside, cv2.GaussianBlur(inside, (0, 0), SMOOTH))  # soft, and no further
    apart = difference(film, moved_film(before, backward))
    found: Map = inside * np.exp(-np.square(apart / ALIKE))
    return found


def moved_film(before: Pixels, backward: Flow) -> Pixels:
    found: Pixels = (
        np.rint(warped(before.astype(np.float32), backward)).clip(0, 255).astype(np.uint8)
    )
    return found


def difference(one: Pixels, other: Pixels) -> Map:
    """How far two frames are apart (H, W), in [0, 1]; smoothed, so that noise is no difference."""
    apart = (one.astype(np.float32) - other.astype(np.float32)) / 255
    smooth = load_cv2().GaussianBlur(apart, (0, 0), 2 * SMOOTH)
    found: Map = np.abs(smooth).mean(-1)
    return found
