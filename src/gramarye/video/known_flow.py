"""Flow that is known, as `.flo` files in a folder, beside flow that is estimated.

Two ways to name them. Ruder et al. (2016): `backward_2_1.flo`, where what frame 2 shows is in frame
1, and `forward_1_2.flo`; frames count from 1. Any other names, as of Sintel (`frame_0001.flo`), are
taken in the order of their numbers: the flow of each frame to the next.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import final

import numpy as np

from gramarye.errors import InputError
from gramarye.video.flow import UNKNOWN, Flow, FlowFinder, read_flow, reliable, scaled
from gramarye.video.frames import FilmFrame
from gramarye.video.measures import Motion
from gramarye.video.reading import number_of

OF_TWO = re.compile(r"(backward|forward)_(\d+)_(\d+)\.flo")


@final
class KnownMotions:
    """Motions of a film by the flow files of a folder, and by DIS where there is none.

    Where a file gives one direction alone, the other, that tells where it holds, is estimated.
    InputError for a folder without such files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.find = folder, FlowFinder()
        self.used = self.missing = 0
        try:
            files = sorted(folder.iterdir(), key=lambda file: (number_of(file), file.name))
        except OSError as error:
            raise InputError(
                f"the flow's folder '{folder}' cannot be read ({error.strerror}): give a folder of "
                ".flo files"
            ) from error
        files = [file for file in files if file.suffix.lower() == ".flo"]
        if not files:
            raise InputError(f"there is no .flo file in '{folder}': give a folder that has some")
        self.files: dict[tuple[int, int], Path] = {}  # frames from 1 on: of the one, to the other
        named = [(OF_TWO.fullmatch(file.name), file) for file in files]
        if any(match for match, _ in named):
            for match, file in named:
                if match:
                    self.files[int(match[2]), int(match[3])] = file
        else:
            self.files = {(i, i + 1): file for i, file in enumerate(files, 1)}

    def __call__(self, here: FilmFrame, before: FilmFrame) -> Motion:
        """Between a frame and an earlier one; a flow of another size is brought to theirs."""
        size = here.pixels.shape[:2]
        backward, forward = (
            self.read(pair, size)
            for pair in ((here.number, before.number), (before.number, here.number))
        )
        if backward is None and forward is None:
            self.missing += 1
            backward = self.find(here.pixels, before.pixels)
            return Motion(backward, reliable(backward, self.find(before.pixels, here.pixels)))
        self.used += 1
        if backward is not None:
            other = self.find(before.pixels, here.pixels) if forward is None else forward
            return Motion(backward, reliable(known(backward), known(other)))
        assert forward is not None
        other = self.find(here.pixels, before.pixels)
        return Motion(forward, reliable(known(forward), other), forward=True)

    def read(self, pair: tuple[int, int], size: tuple[int, int]) -> Flow | None:
        path = self.files.get(pair)
        if path is None:
            return None
        flow = read_flow(path)
        flow = np.where(np.abs(flow) < UNKNOWN, flow, np.float32(np.nan))
        return scaled(flow, size)


def known(flow: Flow) -> Flow:
    """The flow with none where it is not known; there it is not counted."""
    return np.nan_to_num(flow, nan=0.0)
