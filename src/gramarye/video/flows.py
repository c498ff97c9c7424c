"""Flows between frames of a film, by their numbers: found, or read from a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, final

import numpy as np

from gramarye.errors import InputError
from gramarye.units import show_size
from gramarye.video.flow import UNKNOWN, Flow, FlowFinder, in_steps, read_flow, scaled
from gramarye.video.frames import FilmFrame


class FlowSource(Protocol):
    """What gives the flow (H, W, 2) of a frame to another, at the painting's size."""

    def __call__(self, frame: FilmFrame, other: FilmFrame) -> Flow: ...


@final
class FoundFlows:
    """Flows by DIS, in steps of 1/64 pixel: the same whether they are kept or not."""

    def __init__(self) -> None:
        self.find = FlowFinder()

    def __call__(self, frame: FilmFrame, other: FilmFrame) -> Flow:
        return in_steps(self.find(frame.pixels, other.pixels))


@final
class FlowFolder:
    """Flows from `.flo` files, named as Ruder et al.'s programs name them.

    `backward_2_1.flo` says where what frame 2 shows was in frame 1, `forward_1_2.flo` where what
    frame 1 shows is in frame 2. They have the painting's size, or the film's.
    """

    def __init__(self, folder: Path, film_size: tuple[int, int]) -> None:
        if not folder.is_dir() or not any(folder.glob("*ward_*_*.flo")):
            raise InputError(
                f"'{folder}' is no folder of flows: give one that holds forward_1_2.flo, "
                "backward_2_1.flo and so on"
            )
        self.folder, self.film_size = folder, film_size

    def __call__(self, frame: FilmFrame, other: FilmFrame) -> Flow:
        """InputError for a file that is missing, of another size, or without a number somewhere."""
        way = "backward" if other.number < frame.number else "forward"
        path = self.folder / f"{way}_{frame.number}_{other.number}.flo"
        flow = read_flow(path)
        height, width = frame.pixels.shape[:2]
        if not (np.abs(flow) < UNKNOWN).all():
            raise InputError(
                f"the flow '{path}' is not known everywhere (NaN, infinite, or above 1e9): give "
                "one with a number for every pixel"
            )
        if flow.shape[:2] not in ((height, width), self.film_size):
            ours, theirs = ((size[1], size[0]) for size in (self.film_size, flow.shape))
            raise InputError(
                f"the flow '{path}' is {show_size(*theirs)} pixels, and the film {show_size(*ours)}"
                f", painted at {show_size(width, height)}: give flows of either size"
            )
        return scaled(flow, (height, width))
