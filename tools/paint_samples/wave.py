"""Breaking waves as a woodcutter draws them: flat shapes, outlines, stripes and claws of foam."""

from typing import final

import numpy as np
from PIL import Image, ImageDraw

from tools.paint_samples.noise import Array

SKY, FOAM, PALE, LIGHT, MIDDLE, DARK, LINE, CLOUD, EARTH, SUN = range(10)
# The back of a wave from its foot to the tip of its crest, and its face from foot to tip;
# x forward, y up.
BACK = np.array(
    [
        (-1.62, -0.36),
        (-1.15, -0.10),
        (-0.72, 0.05),
        (-0.36, 0.24),
        (-0.08, 0.50),
        (0.14, 0.76),
        (0.38, 0.94),
        (0.64, 1.0),
        (0.84, 0.94),
        (0.97, 0.80),
        (1.0, 0.66),
    ]
)
FACE = np.array(
    [
        (2.0, -0.30),
        (1.55, -0.10),
        (1.15, -0.05),
        (0.80, 0.08),
        (0.60, 0.26),
        (0.52, 0.46),
        (0.56, 0.62),
        (0.67, 0.72),
        (0.80, 0.75),
        (0.92, 0.72),
        (1.0, 0.66),
    ]
)


@final
class Block:
    """A drawing of flat shapes, each shape a number; points in picture heights."""

    def __init__(self, height: int, width: int) -> None:
        self.image = Image.new("L", (width, height), SKY)
        self.draw = ImageDraw.Draw(self.image)
        self.scale = height

    def fill(self, points: Array, ink: int) -> None:
        self.draw.polygon([(float(px), float(py)) for px, py in points * self.scale], fill=ink)

    def ribbon(self, path: Array, widths: Array, ink: int, line: float = 0.0) -> None:
        """A band along a path (K, 2) of the widths (K,), with an outline of that thickness."""
        tangent = np.gradient(path, axis=0)
        tangent = tangent / (np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9)
        normal = np.stack([-tangent[:, 1], tangent[:, 0]], 1)
        if line:
            self.ribbon(path, widths + 2 * line, LINE)
        half = 0.5 * widths[:, None] * normal
        self.fill(np.concatenate([path + half, (path - half)[::-1]]), ink)
        if widths[-1] > 0.004:
            self.dot(path[-1], 0.5 * widths[-1], ink)

    def dot(self, center: Array, radius: float, ink: int, line: float = 0.0) -> None:
        if line:
            self.dot(center, radius + line, LINE)
        x, y = float(center[0] * self.scale), float(center[1] * self.scale)
        r = max(0.5, radius * self.scale)
        self.draw.ellipse((x - r, y - r, x + r, y + r), fill=ink)


def spline(points: Array, count: int) -> Array:
    """A smooth curve (count, 2) through points (K, 2), evenly spaced in the knots."""
    from scipy.interpolate import CubicSpline

    knots = np.arange(len(points))
    return np.asarray(CubicSpline(knots, points)(np.linspace(0, len(points) - 1, count)))


@final
class Wave:
    """One breaking wave: foot at (x, y), its size, -1 to break to the left, and how it leans."""

    def __init__(
        self, x: float, y: float, size: float, turn: int, stretch: float, rng: np.random.Generator
    ) -> None:
        def place(points: Array) -> Array:
            wobble = points + rng.normal(0, 0.012, points.shape) * (points[:, 1:] > 0.1)
            curve = spline(wobble, 160)
            return np.stack([x + turn * stretch * size * curve[:, 0], y - size * curve[:, 1]], 1)

        self.back, self.face = place(BACK), place(FACE)
        self.face[-1] = self.back[-1]
        self.size, self.turn, self.rng = size, turn, rng

    def between(self, share: Array | float) -> Array:
        """The curve at a share of the way from the back (0) to the face (1)."""
        weight = np.asarray(share)[..., None]
        return np.asarray((1 - weight) * self.back + weight * self.face)

    def cut(self, block: Block) -> None:
        """Draw body, stripes, foam, fingers and spray."""
        body = np.concatenate([self.back, self.face[::-1]])
        low = max(self.back[0, 1], self.face[0, 1]) + 0.9
        body = np.concatenate([body, [[self.face[0, 0], low], [self.back[0, 0], low]]])
        block.fill(body, DARK)
        self.stripes(block)
        self.foam(block)
        block.ribbon(self.back, np.full(160, 0.0045), LINE)
        block.ribbon(self.face[20:], np.linspace(0.002, 0.0045, 140), LINE)
        self.fingers(block)

    def stripes(self, block: Block) -> None:
        s = np.linspace(0, 1, 160)
        for share in np.linspace(0.03, 0.98, 30):  # hairlines
            bend = share + 0.02 * np.sin(8 * s + 15 * share) * (1 - s)
            start, end = int(self.rng.uniform(0, 60)), int(self.rng.uniform(110, 150))
            width = (0.0012 + 0.0026 * self.size) * np.sin(
                np.linspace(0.05, 3.1, end - start)
            ) ** 0.5
            block.ribbon(self.between(bend)[start:end], width, MIDDLE if share < 0.75 else LIGHT)
        for share, wide, ink in (
            (0.10, 0.030, PALE),
            (0.185, 0.018, MIDDLE),
            (0.27, 0.036, LIGHT),
            (0.345, 0.012, FOAM),
            (0.44, 0.040, MIDDLE),
            (0.53, 0.022, PALE),
            (0.61, 0.030, LIGHT),
            (0.69, 0.012, FOAM),
            (0.77, 0.030, MIDDLE),
            (0.86, 0.026, PALE),
            (0.94, 0.020, LIGHT),
        ):
            bend = share + 0.022 * np.sin(7 * s + 9 * share) * (1 - s)
            swell = (0.35 + 0.9 * np.sin(np.pi * np.clip(1.12 * s, 0, 1)) ** 0.8) * (
                1 + 0.25 * np.sin(11 * s + 31 * share)
            )
            end = int(self.rng.uniform(132, 156))
            block.ribbon(self.between(bend)[:end], (self.size * 1.25 * wide * swell)[:end], ink)

    def foam(self, block: Block) -> None:
        """The white cap: scallops down the back and the lip."""
        cap = np.linspace(0.55, 1, 34)
        for offset, radius, inks in (
            (0.085, 0.055, (LINE, PALE)),
            (0.045, 0.052, (LINE, FOAM)),
            (0.0, 0.05, (LINE, FOAM)),
        ):
            centers = [self.at(s, offset * (0.3 + s) + self.rng.normal(0, 0.01)) for s in cap]
            radii = (
                self.size * radius * self.rng.uniform(0.55, 1.15, len(cap)) * (0.35 + 0.75 * cap)
            )
            for ink, grow in zip(inks, (0.0028, 0.0), strict=True):
                for center, radius_here in zip(centers, radii, strict=True):
                    block.dot(center, radius_here + grow, ink)
        for _ in range(int(70 * self.size) + 14):
            s = self.rng.uniform(0.6, 1)
            block.dot(
                self.at(s, self.rng.uniform(-0.03, 0.1)),
                self.size * self.rng.uniform(0.004, 0.012),
                PALE,
            )

    def at(self, s: float, share: float) -> Array:
        return np.asarray(self.between(share)[min(159, max(0, int(s * 159)))])

    def fingers(self, block: Block) -> None:
        """Foam reaching forward and down like claws, each with smaller ones."""
        rng = self.rng
        for s in np.concatenate([np.linspace(0.64, 0.995, 15), np.linspace(0.9, 1.0, 6)]):
            root = self.at(float(s), float(rng.uniform(0, 0.10)))
            angle = rng.normal(0.35, 0.25) - 2.1 * (s - 0.64)
            self.claw(block, root, float(angle), self.size * rng.uniform(0.11, 0.19), 2)
        tips = self.back[106:160:5]
        for _ in range(int(120 * self.size) + 10):
            near = tips[rng.integers(len(tips))]
            fly = np.array([self.turn * rng.exponential(0.16), rng.normal(-0.02, 0.13)]) * self.size
            block.dot(near + fly, rng.uniform(0.0018, 0.0052) * (0.5 + self.size), FOAM, 0.0014)

    def claw(self, block: Block, root: Array, angle: float, length: float, depth: int) -> None:
        t = np.linspace(0, 1, 14)
        bearing = angle - 2.3 * t**1.6
        step = length / 13
        path = (
            root
            + np.stack([self.turn * np.cumsum(np.cos(bearing)), -np.cumsum(np.sin(bearing))], 1)
            * step
        )
        if depth:
            for place in (5, 8, 10)[: depth + 1]:
                self.claw(
                    block, path[place], float(bearing[place] + 0.75), 0.48 * length, depth - 1
                )
        block.ribbon(path, 0.30 * length * (1 - t) ** 0.7 + 0.003 * (0.4 + self.size), FOAM, 0.0022)
