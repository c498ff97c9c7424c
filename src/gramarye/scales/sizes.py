"""Working sizes from coarse to fine."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from gramarye.scales.settings import ScaleSettings

SMALLEST_SIDE = 32  # pixels of a working size's short side; relu5_1 then has two rows


@final
@dataclass(frozen=True)
class Scale:
    """One working size in the coarse-to-fine sequence."""

    height: int
    width: int
    steps: int

    @property
    def size(self) -> tuple[int, int]:
        return self.height, self.width

    @property
    def pixels(self) -> int:
        return self.height * self.width

    @property
    def bytes(self) -> int:
        """Of an image of that size."""
        return 3 * 4 * self.pixels


def fit(height: int, width: int, longest: int) -> tuple[int, int]:
    """(height, width) with the given longest side and the aspect ratio kept to the pixel."""
    side = max(height, width)
    # Whole-number arithmetic: half a pixel rounds up whatever floats would say.
    return (
        max(1, (2 * height * longest + side) // (2 * side)),
        max(1, (2 * width * longest + side) // (2 * side)),
    )


def style_size(height: int, width: int, longest: int, style_scale: float) -> tuple[int, int]:
    """A style's size beside an image of that longest side: `longest * style_scale`, never enlarged.

    An enlarged style has no fine strokes to give, only blur.
    """
    target = max(round(longest * style_scale), SMALLEST_SIDE)
    if target >= max(height, width):
        return height, width
    h, w = fit(height, width, target)
    return max(h, SMALLEST_SIDE), max(w, SMALLEST_SIDE)


def plan_scales(
    height: int,
    width: int,
    longest: int,
    settings: ScaleSettings,
    *,
    least: int = 0,
    multiple: int = 1,
) -> list[Scale]:
    """The working sizes for a content of the given size and a result of that longest side.

    From `min_size` up in equal ratios, as near to `scale_factor` as a whole number of scales
    allows; an elongated picture starts larger, for the sake of its short side, and none below
    `least`. Sides are the nearest multiples of `multiple`, but for the last scale's.
    """
    elongation = max(height, width) / min(height, width)
    smallest = max(settings.min_size, round(SMALLEST_SIDE * elongation), least)
    start = min(smallest, longest) if settings.coarse_to_fine else longest
    ratio = longest / start
    jumps = max(round(math.log(ratio) / math.log(settings.scale_factor)), 1 if ratio > 1.2 else 0)
    scales = []
    for i in range(jumps + 1):
        side = round(longest * ratio ** ((i - jumps) / jumps)) if jumps else longest
        h, w = fit(height, width, side)
        if i < jumps:
            h, w = (max(1, round(n / multiple)) * multiple for n in (h, w))
        scales.append(Scale(h, w, scale_steps(settings, i)))
    return [s for s in scales if s.steps > 0 or s is scales[-1]]


def scale_steps(settings: ScaleSettings, index: int) -> int:
    """How many steps a scale takes, counted from 0, the coarsest.

    The coarser scales have set what is large; a large scale adds detail to it, in fewer steps.
    """
    if index == 0:
        return settings.steps
    return math.ceil(settings.finer_steps * settings.step_decay ** (index - 1))
