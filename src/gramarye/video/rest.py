"""Where a film is at rest: there its painting stays as it is, and is not moved by a flow's noise.

A place is at rest where three things hold. The film shows the same there as where the flow says it
was. The things around it are slow in this frame. And over some frames they are next to unmoved: the
noise of a flow cancels, a slow pan adds up. A place alone tells nothing: where there is no texture,
the film always shows the same, and in a pan a painting that is held there would stay behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gramarye.video.extra import load_cv2
from gramarye.video.flow import AROUND, Flow, Image, Map, texture, warped
from gramarye.video.frames import Pixels

STILL = 0.001  # what differs by so little more without a motion has not moved, for all one sees
SLOW = 0.1  # pixels, in this frame: the noise of a flow where all is still
UNMOVED = 0.02  # pixels a frame, over some frames
FRAMES = 8  # that the mean of the flow looks back over
SMOOTH = 2.0  # pixels, sigma that differences of single pixels are smoothed by
CELLS = 48  # of the longest side, in which things around are looked at
BARE = 1e-6  # squared gradient of a place without texture: all of them count alike


@final
class Rest:
    """Tells where frames are at rest, in the order of a shot; `forget` begins another."""

    def __init__(self) -> None:
        self.frames = 0
        self.mean: Flow | None = None  # of the flows of the shot, the last frames' above all

    def forget(self) -> None:
        self.frames, self.mean = 0, None

    def __call__(self, film: Pixels, before: Pixels, backward: Flow) -> Flow:
        """The flow (H, W, 2) to the frame before, and none where the film is at rest.

        Each move blurs a painting a little, and that of noise moves it about.
        """
        self.frames = min(self.frames + 1, FRAMES)
        mean = backward if self.mean is None else self.mean
        self.mean = (mean + (backward - mean) / np.float32(self.frames)).astype(np.float32)
        if np.array_equal(film, before):
            return np.zeros_like(backward)
        seen = texture(load_cv2().cvtColor(film, load_cv2().COLOR_RGB2GRAY))
        slow = length(around(backward, seen)) < SLOW
        unmoved = length(around(self.mean, seen)) < UNMOVED
        stays, moves = difference(film, before), difference(film, moved_film(before, backward))
        still = slow & unmoved & (stays <= moves + STILL)
        return np.where(still[..., None], np.float32(0), backward)

    def state(self) -> dict[str, Tensor]:
        """What the next frame needs to know."""
        if self.mean is None:
            return {}
        return {"rest/mean": torch.from_numpy(self.mean), "rest/frames": torch.tensor(self.frames)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        self.forget()
        if "rest/mean" in state:
            self.mean, self.frames = state["rest/mean"].numpy(), int(state["rest/frames"])


def around(flow: Flow, seen: Map) -> Flow:
    """The mean flow (H, W, 2) around each place, of what has texture (H, W) above all.

    It is found in coarse cells: a wide blur of a large picture would take longer than the flow.
    """
    cv2 = load_cv2()
    height, width = seen.shape
    share = min(1.0, CELLS / max(height, width))
    size = max(1, round(share * width)), max(1, round(share * height))
    weight = seen + np.float32(BARE)
    parts = np.concatenate([flow * weight[..., None], weight[..., None]], -1)
    coarse = cv2.resize(parts, size, interpolation=cv2.INTER_AREA)
    sums = cv2.GaussianBlur(coarse, (0, 0), AROUND * max(size))
    mean = np.ascontiguousarray(sums[..., :2] / sums[..., 2:])
    found: Flow = cv2.resize(mean, (width, height), interpolation=cv2.INTER_LINEAR)
    return found


def length(flow: Flow) -> NDArray[np.float32]:
    """In pixels (H, W)."""
    found: NDArray[np.float32] = np.sqrt(np.square(flow).sum(-1))
    return found


def moved_film(before: Pixels, backward: Flow) -> Pixels:
    """A frame (H, W, 3) as the flow says it is now."""
    moved: Image = warped(before.astype(np.float32), backward)
    found: Pixels = np.rint(moved).clip(0, 255).astype(np.uint8)
    return found


def difference(one: Pixels, other: Pixels) -> Map:
    """How far two frames are apart (H, W), in [0, 1]; smoothed, so that noise is no difference."""
    apart = (one.astype(np.float32) - other.astype(np.float32)) / 255
    smooth = load_cv2().GaussianBlur(apart, (0, 0), SMOOTH)
    found: Map = np.abs(smooth).mean(-1)
    return found
