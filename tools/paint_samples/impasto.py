"""An evening sky in turmoil over wheat fields, in thick strokes along the flow of the scene."""

from typing import final

import numpy as np

from tools.paint_samples.brush import Bristles, Canvas, follow, light_relief, paint_strokes
from tools.paint_samples.noise import (
    Array,
    Noise,
    mix,
    palette_lookup,
    picture_shape,
    pixel_grid,
    rgb,
    sample,
    shrink,
    smoothstep,
)

ASPECT = 1.25
SUN = (0.93, 0.25)
# x, y, reach and turn of the sky's whirls
WHIRLS = (
    (0.40, 0.27, 0.17, 1.0),
    (0.93, 0.25, 0.24, -0.9),
    (0.66, 0.42, 0.09, 1.0),
    (0.10, 0.12, 0.13, -1.0),
    (0.66, 0.08, 0.09, 0.9),
    (0.12, 0.43, 0.10, 0.8),
)
SKY = ["#0b1c4d", "#173a86", "#1f57ae", "#3a80c4", "#76b2d6", "#c8dcc4", "#f1e3a0"]
WHEAT = ["#7a4a12", "#b77714", "#dc9c1a", "#f2c12e", "#f8dd6a", "#fdf0b0"]
HILLS = ["#14245c", "#22408a", "#3561a4", "#5b8fb8", "#8fb8b0"]
CYPRESS = ["#0a1f1c", "#12382c", "#1d5236", "#3d7a3c", "#7d9a3a"]


@final
class Scene:
    """Where everything lies, which color it has and which way its strokes run."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.noise = Noise(rng)

    def horizon(self, x: Array) -> Array:
        return np.asarray(0.585 + 0.035 * self.noise(1.7 * x + 3, 0 * x + 0.3))

    def ridge(self, x: Array) -> Array:
        return np.asarray(
            0.55
            - 0.055 * np.abs(self.noise(2.3 * x + 7, 0 * x + 5.7))
            - 0.035 * np.sin(2.6 * x + 0.4)
        )

    def cypress(self, x: Array, y: Array) -> Array:
        """Above 0 inside the flame-shaped trees."""
        inside = np.full(x.shape, -1.0, np.float32)
        for foot_x, foot_y, tall, wide in (
            (0.205, 0.93, 0.76, 0.064),
            (0.30, 0.88, 0.40, 0.042),
            (1.14, 0.70, 0.20, 0.026),
            (1.19, 0.71, 0.14, 0.02),
        ):
            up = (foot_y - y) / tall
            sway = 0.018 * np.sin(9 * up + 20 * foot_x) * up
            profile = wide * np.clip(up * 6, 0, 1) ** 0.5 * np.clip(1 - up, 0, 1) ** 0.7
            edge = profile * (1 + 0.35 * self.noise(30 * foot_x + 0 * y, 16 * y))
            tree = np.where((up > 0) & (up < 1), edge - np.abs(x - foot_x - sway), -1)
            inside = np.maximum(inside, tree)
        return inside

    def flow(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Unit direction of the strokes."""
        dx, dy = np.ones_like(x), 0.35 * self.noise(1.5 * x, 2.5 * y) + 0.25 * np.sin(5 * x)
        for cx, cy, reach, turn in WHIRLS:
            rx, ry = x - cx, y - cy
            near = 6 * turn * np.exp(-(rx * rx + ry * ry) / (2 * (0.62 * reach) ** 2)) / reach
            dx, dy = dx - near * ry + 0.12 * near * rx, dy + near * rx + 0.12 * near * ry
        ground = y > self.ridge(x)
        step = 0.01
        hill_slope = (self.ridge(x + step) - self.ridge(x - step)) / (2 * step)
        dx, dy = np.where(ground, 1, dx), np.where(ground, 1.3 * hill_slope, dy)
        field = y > self.horizon(x)
        row_x = (x - 0.62 + 0.12 * np.sin(7 * y)) / np.maximum(y - 0.5, 0.05)
        bend = 0.5 * self.noise(4 * x, 5 * y)
        dx, dy = np.where(field, 0.75 * row_x + bend, dx), np.where(field, 1, dy)
        length = np.hypot(dx, dy) + 1e-6
        return dx / length, dy / length

    def room(self, x: Array, y: Array, length: float) -> Array:
        """How much of a stroke's length fits: short ones in the middle of whirls."""
        middle = np.min([np.hypot(x - cx, y - cy) for cx, cy, _, _ in WHIRLS], axis=0)
        return np.asarray(np.clip(1.6 * middle / length, 0.12, 1))

    def tree_flow(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Flames: upward, swaying."""
        dx = 0.55 * np.sin(38 * y + 9 * x) + 0.3 * self.noise(20 * x, 9 * y)
        length = np.hypot(dx, 1)
        return dx / length, -1 / length

    def tree_color(self, x: Array, y: Array, jitter: Array) -> Array:
        edge = smoothstep(0.03, 0.0, self.cypress(x, y))
        return palette_lookup(
            CYPRESS, np.clip(0.34 + 0.3 * jitter + 0.3 * edge * (jitter > 0), 0, 1)
        )

    def color(self, x: Array, y: Array, jitter: Array) -> Array:
        """The color of a stroke at (x, y); jitter in about [-1, 1] moves it along its palette."""
        tone = 0.36 + 0.14 * self.noise.fbm(2.2 * x, 3.4 * y, 3) + 0.16 * jitter
        tone += 0.22 * smoothstep(0.15, 0.58, y) - 0.1
        for cx, cy, reach, _ in WHIRLS:
            r = np.hypot(x - cx, y - cy) / reach
            rings = np.cos(9.5 * r + 0.8 * np.arctan2(y - cy, x - cx))
            tone += np.exp(-1.1 * r * r) * (0.16 + 0.2 * rings)
        r = np.hypot(x - SUN[0], y - SUN[1])
        tone += 0.5 * np.exp(-((r / 0.15) ** 2))
        color = palette_lookup(SKY, np.clip(tone, 0, 1))
        glow = palette_lookup(["#f6a91c", "#fbd23a", "#fff3a8"], np.clip(0.6 + 0.5 * jitter, 0, 1))
        color = mix(color, glow, smoothstep(0.115, 0.085, r + 0.012 * jitter))
        hills = 0.45 + 0.3 * jitter + 0.35 * self.noise.fbm(5 * x, 14 * y, 3)
        color = mix(color, palette_lookup(HILLS, np.clip(hills, 0, 1)), y > self.ridge(x))
        return self._ground(color, x, y, jitter)

    def _ground(self, color: Array, x: Array, y: Array, jitter: Array) -> Array:
        row = (x - 0.62 + 0.12 * np.sin(7 * y)) / np.maximum(y - 0.47, 0.05)
        wheat = 0.52 + 0.24 * jitter + 0.17 * np.sin(9 * row) + 0.2 * self.noise(3 * x, 6 * y)
        field = palette_lookup(WHEAT, np.clip(wheat - 0.12 * smoothstep(0.7, 1, y), 0, 1))
        green = smoothstep(0.15, 0.4, self.noise(2.1 * x + 3, 7 * y + 1))
        meadow = palette_lookup(
            ["#1f5a3c", "#4f8f3e", "#a9b83e"], np.clip(0.5 + 0.5 * jitter, 0, 1)
        )
        field = mix(field, meadow, green * smoothstep(0.86, 0.72, y))
        path = np.abs(row - 0.25 - 0.2 * np.sin(11 * y)) < 0.16
        earth = palette_lookup(["#5d4a86", "#a06a8c", "#e0b08a"], np.clip(0.5 + 0.5 * jitter, 0, 1))
        field = mix(field, earth, path)
        return mix(color, field, y > self.horizon(x))


def impasto(size: int, seed: int) -> Array:
    """A whirling sky over wheat, (H, W, 3) in [0, 1]; blues and yellows in thick strokes."""
    rng = np.random.default_rng(seed)
    height, width = picture_shape(size, ASPECT)
    scene = Scene(rng)
    canvas = Canvas(
        underpainting(scene, 2 * height, 2 * width), np.zeros((2 * height, 2 * width), np.float32)
    )
    # Number, length and width of the strokes, from the broad to the accents.
    layers = (
        (1500, 0.22, 0.040, 0.5),
        (4200, 0.12, 0.019, 0.8),
        (9000, 0.075, 0.0115, 1.0),
        (6500, 0.05, 0.0075, 1.25),
    )
    bristles = Bristles(streak=0.17, relief=0.9, ridge=0.8, dry=0.35, taper=0.35)
    for count, length, wide, contrast in layers:
        x = rng.uniform(-0.03, ASPECT + 0.03, count)
        y = rng.uniform(-0.03, 1.03, count)
        jitter = contrast * np.clip(rng.standard_normal(count), -1.8, 1.8) * 0.6
        color = scene.color(x, y, jitter) * (1 + 0.05 * rng.standard_normal((count, 3)))
        lengths = length * rng.uniform(0.6, 1.2, count) * scene.room(x, y, length)
        paths = follow(scene.flow, x, y, lengths, 9)
        widths = wide * rng.uniform(0.7, 1.15, count)
        paint_strokes(canvas, paths, widths, np.clip(color, 0, 1), bristles, rng)
    paint_poppies(canvas, scene, rng)
    paint_trees(canvas, scene, bristles, rng)
    return shrink(light_relief(canvas, strength=0.85, gloss=0.4), 2)


def underpainting(scene: Scene, height: int, width: int) -> Array:
    """The scene in flat, darker color, so that no bare canvas shows between strokes."""
    x, y = pixel_grid(height // 4, width // 4)
    flat = 0.8 * scene.color(x, y, np.zeros_like(x))
    x, y = pixel_grid(height, width)
    return sample(flat, y * (height // 4) - 0.5, x * (height // 4) - 0.5).astype(np.float32)


def paint_trees(canvas: Canvas, scene: Scene, bristles: Bristles, rng: np.random.Generator) -> None:
    """Cypresses over everything else, so that their outline stays whole."""
    for count, length, wide in ((26000, 0.06, 0.014), (26000, 0.045, 0.008)):
        x, y = rng.uniform(0, ASPECT, count), rng.uniform(0, 1, count)
        inside = scene.cypress(x, y) > 0.15 * wide
        x, y = x[inside], y[inside]
        jitter = np.clip(rng.standard_normal(len(x)), -1.8, 1.8)
        lengths = (
            length * rng.uniform(0.5, 1.1, len(x)) * np.clip(scene.cypress(x, y) / 0.02, 0.35, 1)
        )
        paths = follow(scene.tree_flow, x, y, lengths, 7)
        color = scene.tree_color(x, y, jitter) * (1 + 0.05 * rng.standard_normal((len(x), 3)))
        paint_strokes(
            canvas, paths, wide * rng.uniform(0.6, 1.1, len(x)), np.clip(color, 0, 1), bristles, rng
        )


def paint_poppies(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    """Thick dabs of red among the wheat, smaller toward the horizon."""
    x, y = rng.uniform(0, ASPECT, 5000), rng.uniform(0.64, 1, 5000)
    dense = scene.noise(4.2 * x + 5, 9 * y) > 0.30
    x, y = x[dense][:520], y[dense][:520]
    near = 0.35 + 0.9 * (y - 0.62) / 0.38
    reach = 0.006 * near[:, None] * rng.uniform(-1, 1, (len(x), 2))
    middle = np.stack([x, y], -1)
    paths = np.stack([middle - reach, middle, middle + reach], 1)
    tints = np.stack(
        [rgb(code) for code in ("#d8321e", "#ee5a26", "#b81e2a", "#f28a3a", "#f4b04a")]
    )
    color = tints[rng.integers(0, len(tints), len(x))]
    paint_strokes(
        canvas, paths, 0.009 * near, color, Bristles(relief=0.6, ridge=0.9, taper=0.2), rng
    )
