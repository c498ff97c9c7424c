"""Where everything was in the frame before, and how far that is to be believed.

A flow is (H, W, 2) float32 in pixels, x before y: what is at p in this frame was at p + flow(p) in
the other. Flow is estimated by DIS (Kroeger, Timofte, Dai, Van Gool, ECCV 2016), which needs no
weights; where it is to be believed is told by the two tests of Ruder, Dosovitskiy, Brox (2016,
section 4.3), after Sundaram, Brox, Keutzer (2010).
"""

from __future__ import annotations

from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from gramarye.errors import InputError
from gramarye.video.extra import load_cv2
from gramarye.video.frames import Pixels

Flow = NDArray[np.float32]  # (H, W, 2)
Map = NDArray[np.float32]  # (H, W), from 0 to 1
Image = NDArray[np.float32]  # (H, W, C)
# Of a place without texture, a flow is a guess: it takes the flow of the textures around.
PLAIN = 1e-4  # mean squared gradient of values in [0, 1]: that of noise of two levels of 8 bits
AROUND = 1 / 12  # of the longest side, sigma of what counts as around
LEAST_SIDE = 16  # pixels; below, DIS has nothing to compare
STEPS = 64  # of a pixel: found flows are whole numbers of them, so that they keep small
FLO = 202021.25  # the first number of a .flo file
UNKNOWN = 1e9  # pixels: a larger flow stands for none (Middlebury)


@final
class FlowFinder:
    """Optical flow from one frame to another, by DIS."""

    def __init__(self) -> None:
        self.cv2 = load_cv2()
        self.dis = self.cv2.DISOpticalFlow_create(self.cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def __call__(self, frame: Pixels, other: Pixels) -> Flow:
        """Where what a frame shows is in the other, of the same size."""
        height, width = frame.shape[:2]
        if min(height, width) < LEAST_SIDE:
            return np.zeros((height, width, 2), np.float32)
        gray = [self.cv2.cvtColor(x, self.cv2.COLOR_RGB2GRAY) for x in (frame, other)]
        found: Flow = self.dis.calc(*gray, None)
        return filled(found, texture(gray[0]))


def texture(gray: NDArray[np.uint8]) -> Map:
    """How much there is to be seen of a motion (H, W): the mean squared gradient thereabouts."""
    levels = gray.astype(np.float32) / 255
    squares = sum(np.square(part) for part in np.gradient(levels))
    found: Map = load_cv2().GaussianBlur(np.asarray(squares, np.float32), (0, 0), 2)
    return found


def filled(flow: Flow, seen: Map) -> Flow:
    """The flow where there is texture, and that of the textures around where there is none."""
    blur, sigma = load_cv2().GaussianBlur, AROUND * max(seen.shape)
    weight = seen + 1e-2 * PLAIN
    around = blur(flow * weight[..., None], (0, 0), sigma) / blur(weight, (0, 0), sigma)[..., None]
    sure = (seen / (seen + PLAIN))[..., None]
    found: Flow = sure * flow + (1 - sure) * around
    return found


def warped(image: Image, flow: Flow) -> Image:
    """The image (H, W, C) as the flow says it was: its value at p + flow(p), bicubic."""
    cv2 = load_cv2()
    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    found: Image = cv2.remap(
        image, x + flow[..., 0], y + flow[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return found.reshape(height, width, -1)


def reliable(backward: Flow, forward: Flow) -> NDArray[np.bool_]:
    """Where (H, W) the flow to the frame before holds, by the flow from there to here.

    Not where both do not cancel (something was hidden), not at the border of a motion, and not
    where it points out of the picture. Ruder et al. take the gradient of the flow that is tested.
    """
    height, width = backward.shape[:2]
    there = warped(forward, backward)
    both = np.square(there + backward).sum(-1)
    sizes = np.square(there).sum(-1) + np.square(backward).sum(-1)
    hidden = both > 0.01 * sizes + 0.5
    steep = sum(np.square(np.gradient(backward[..., i], axis=a)) for i in (0, 1) for a in (0, 1))
    edge = steep > 0.01 * np.square(backward).sum(-1) + 0.002
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    x, y = columns + backward[..., 0], rows + backward[..., 1]
    outside = (x < -0.5) | (y < -0.5) | (x > width - 0.5) | (y > height - 0.5)
    found: NDArray[np.bool_] = ~(hidden | edge | outside)
    return found


def in_steps(flow: Flow) -> Flow:
    """The flow in whole steps of 1/64 pixel: what is kept on disk is then what was found."""
    found: Flow = np.rint(flow * np.float32(STEPS)) / np.float32(STEPS)
    return found


def scaled(flow: Flow, size: tuple[int, int]) -> Flow:
    """A flow (H, W, 2) brought to another (height, width), its vectors in pixels of that."""
    height, width = flow.shape[:2]
    if (height, width) == size:
        return flow
    cv2 = load_cv2()
    how = cv2.INTER_AREA if size[0] < height else cv2.INTER_LINEAR
    found: Flow = cv2.resize(flow, (size[1], size[0]), interpolation=how)
    return found * np.array([size[1] / width, size[0] / height], np.float32)


def read_flow(path: Path) -> Flow:
    """The flow in a `.flo` file (Middlebury); InputError for another."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"the flow '{path}' cannot be read ({error.strerror}): give a .flo file that can"
        ) from error
    if len(data) < 12 or np.frombuffer(data[:4], "<f4")[0] != np.float32(FLO):
        raise InputError(f"'{path}' is no .flo file: give one, which begins with the letters PIEH")
    width, height = map(int, np.frombuffer(data[4:12], "<i4"))
    if width < 1 or height < 1 or len(data) != 12 + 8 * width * height:
        raise InputError(
            f"'{path}' is no whole .flo file: write the flow of {width} x {height} again"
        )
    return np.frombuffer(data[12:], "<f4").astype(np.float32).reshape(height, width, 2)
