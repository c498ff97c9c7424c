"""A line drawing of our own for the docs and tests: a house, a tree and a boat on a lake."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

Point = tuple[float, float]
WIDTH, HEIGHT, LARGER = 640, 480, 3  # drawn larger, so that edges are smooth
LINE = 3.2  # pixels


def line_drawing() -> Tensor:
    """(1, 3, 480, 640), black on white."""
    page = Image.new("L", (WIDTH * LARGER, HEIGHT * LARGER), 255)
    pen = ImageDraw.Draw(page)
    for number, stroke in enumerate(strokes()):
        shaken = [(x * LARGER, y * LARGER) for x, y in by_hand(stroke, number)]
        if stroke[0] == stroke[-1]:
            pen.polygon(shaken, 255)  # what is closed hides what is behind it
        pen.line(shaken, 0, round(LINE * LARGER), "curve")
    small = page.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    gray = torch.from_numpy(np.array(small, dtype=np.float32) / 255)
    return gray.expand(1, 3, -1, -1).contiguous()


def by_hand(stroke: Sequence[Point], number: int) -> Iterable[Point]:
    """The stroke in short pieces that waver by a pixel or so."""
    for (x, y), (u, v) in pairwise(stroke):
        pieces = max(1, round(math.hypot(u - x, v - y) / 6))
        for i in range(pieces + 1):
            at = i / pieces
            sway = 0.9 * math.sin(7 * (x + y + number) + 9 * at) * math.sin(math.pi * at)
            yield x + (u - x) * at + sway, y + (v - y) * at - sway


def strokes() -> Iterable[list[Point]]:
    yield round_(520, 90, 42)  # the sun
    yield [(0, 190), (90, 130), (200, 175), (300, 110), (430, 180), (530, 140), (640, 185)]  # hills
    yield [(0, 330), (120, 318), (330, 322), (470, 300), (640, 296)]  # the shore
    yield closed([(90, 200), (250, 200), (250, 335), (90, 335)])  # the house
    yield closed([(70, 202), (118, 130), (226, 130), (270, 202)])
    yield closed([(190, 130), (190, 95), (214, 95), (214, 130)])
    yield closed([(150, 255), (190, 255), (190, 335), (150, 335)])
    for left in (104, 204):
        yield closed([(left, 222), (left + 34, 222), (left + 34, 256), (left, 256)])
        yield [(left + 17, 222), (left + 17, 256)]
        yield [(left, 239), (left + 34, 239)]
    yield closed([(330, 326), (336, 230), (352, 230), (360, 324)])  # the tree
    yield cloud(345, 185, 58, 46, 9)
    yield closed([(430, 372), (590, 366), (566, 408), (462, 412)])  # the boat
    yield [(512, 368), (512, 252)]
    yield closed([(518, 256), (588, 350), (518, 354)])
    yield closed([(506, 262), (506, 354), (452, 352)])
    for x, y in ((60, 400), (210, 440), (350, 396), (600, 450)):  # waves
        yield [(x, y), (x + 18, y - 7), (x + 36, y), (x + 54, y - 7), (x + 72, y)]
    yield cloud(150, 60, 62, 22, 7)


def closed(corners: list[Point]) -> list[Point]:
    return [*corners, corners[0]]


def round_(x: float, y: float, radius: float) -> list[Point]:
    turns = [2 * math.pi * i / 36 for i in range(37)]
    return closed([(x + radius * math.cos(t), y + radius * math.sin(t)) for t in turns[:-1]])


def cloud(x: float, y: float, wide: float, high: float, bulges: int) -> list[Point]:
    """A closed line of bulges around an ellipse."""
    points = []
    for i in range(180):
        turn = 2 * math.pi * i / 180
        out = 1 + 0.16 * abs(math.sin(bulges * turn / 2))
        points.append((x + wide * out * math.cos(turn), y + high * out * math.sin(turn)))
    return closed(points)
