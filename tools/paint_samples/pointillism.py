"""A river bank on a summer afternoon, in dots of divided color."""

from typing import final

import numpy as np

from tools.paint_samples.brush import Bristles, Canvas, light_relief, paint_strokes
from tools.paint_samples.noise import (
    Array,
    Noise,
    mix,
    palette_lookup,
    picture_shape,
    rgb,
    shrink,
    smoothstep,
)

ASPECT = 1.25
PIGMENTS = [
    "#1d2a6b",
    "#2f55b5",
    "#4f8fd6",
    "#9cc8ea",
    "#5b3a96",
    "#a98ad0",
    "#16583a",
    "#3c9a44",
    "#8cc63c",
    "#d8e05a",
    "#f7d31e",
    "#fbeea0",
    "#f39a1e",
    "#e8622a",
    "#c82a3a",
    "#f0a6b4",
    "#fff6e6",
    "#3a2030",
]


@final
class Bank:
    """The scene under the dots."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.noise = Noise(rng)

    def __call__(self, x: Array, y: Array) -> Array:
        """Colors (N, 3) at points."""
        noise = self.noise
        sky = palette_lookup(["#4f8fdc", "#86b6ea", "#bcd4ea", "#f6dcb0"], np.clip(y / 0.36, 0, 1))
        cloud = smoothstep(0.0, 0.5, noise.fbm(2.3 * x, 6 * y, 4))
        lit = smoothstep(-0.3, 0.5, noise.fbm(4 * x + 2, 9 * y + 5, 4) - 0.5 * (y - 0.2))
        white = palette_lookup(["#a9b4e0", "#e8c4cc", "#fde8c8", "#fffaf0"], lit)
        color = mix(sky, white, 0.85 * cloud)
        far = 0.345 - 0.05 * noise.fbm(3 * x, 0 * x, 4) - 0.07 * smoothstep(0.75, 1.25, x)
        hill = palette_lookup(
            ["#3f4f9a", "#5a86a8", "#86b08a", "#c0c878"],
            np.clip((y - far) / 0.07 + 0.4 * noise(16 * x, 20 * y), 0, 1),
        )
        color = mix(color, hill, (y > far) * 1.0)
        color = self.river(color, x, y)
        color = self.boats(color, x, y)
        color = self.meadow(color, x, y)
        return self.trees(color, x, y)

    def river(self, color: Array, x: Array, y: Array) -> Array:
        depth = (y - 0.405) / 0.33
        water = palette_lookup(
            ["#7aa6a0", "#8fb8e0", "#5f92d8", "#3a66b8", "#2c4a94"], np.clip(depth + 0.1, 0, 1)
        )
        glitter = smoothstep(
            0.1, 0.45, self.noise.fbm(7 * x, 46 * y, 3) + 0.4 * np.exp(-(((x - 0.52) / 0.16) ** 2))
        )
        water = mix(water, rgb("#fff0b8"), 0.85 * glitter)
        shade = smoothstep(0.05, 0.3, self.noise.fbm(3 * x + 4, 16 * y, 3)) * smoothstep(
            0.35, 0.0, depth
        )
        water = mix(water, rgb("#3f6a5c"), 0.8 * shade)
        return mix(color, water, (y > 0.405) * 1.0)

    def boats(self, color: Array, x: Array, y: Array) -> Array:
        for bx, by, tall, sail in (
            (0.36, 0.50, 0.20, "#fff2dc"),
            (0.83, 0.455, 0.125, "#ffe2b0"),
            (0.60, 0.435, 0.085, "#f4f0f4"),
            (0.155, 0.44, 0.09, "#f3a45a"),
        ):
            up = (by - y) / tall
            right = (x - bx) / tall
            curve = 0.52 * np.clip(1 - up, 0, 1) ** 0.8 * (up > 0.06)
            canvas = (up < 1) & (
                ((right > 0.02) & (right < curve)) | ((right < -0.02) & (right > -0.62 * curve))
            )
            shade = mix(
                rgb(sail), rgb("#b09ac8"), smoothstep(0.05, 0.5, np.abs(right)) * (right > 0) * 0.6
            )
            color = mix(color, shade, canvas * 1.0)
            hull = (np.abs(right + 0.02) < 0.36 - 0.5 * (0.05 - up)) & (up < 0.05) & (up > -0.07)
            color = mix(color, rgb("#7a2c3a"), hull * 1.0)
            wobble = right + 0.06 * self.noise(9 * x, 60 * y)
            image = (up < -0.07) & (up > -0.8) & (np.abs(wobble) < 0.32 * (1 + up))
            color = mix(color, rgb(sail), 0.62 * image * (self.noise(5 * x, 60 * y) > -0.15))
        return color

    def meadow(self, color: Array, x: Array, y: Array) -> Array:
        edge = (
            0.80
            - 0.20 * smoothstep(0.35, 1.25, x)
            - 0.07 * smoothstep(0.35, 0, x)
            + 0.012 * self.noise(9 * x, 0 * x)
        )
        grass = 0.55 + 0.4 * self.noise.fbm(4 * x, 9 * y, 4)
        lawn = palette_lookup(["#2f6a3c", "#5f9e3c", "#a4c844", "#e6dc5c"], np.clip(grass, 0, 1))
        dapple = smoothstep(
            -0.1,
            0.2,
            self.noise.fbm(3.2 * x + 2, 10 * y, 3)
            - 0.35 * smoothstep(0.7, 1.2, x)
            - 0.3 * smoothstep(0.35, 0.1, x),
        )
        lawn = mix(
            palette_lookup(["#1c3564", "#23525c", "#3c7a4a"], np.clip(grass, 0, 1)), lawn, dapple
        )
        poppies = smoothstep(
            0.38,
            0.5,
            self.noise(44 * x, 62 * y)
            * smoothstep(0.05, 0.5, self.noise(3 * x + 9, 5 * y) + 0.25)
            * 1.5,
        )
        lawn = mix(lawn, rgb("#e03a2c"), poppies * (y > edge + 0.05))
        daisies = smoothstep(
            0.42,
            0.5,
            self.noise(52 * x + 7, 70 * y)
            * smoothstep(0.0, 0.4, self.noise(4 * x + 2, 6 * y))
            * 1.5,
        )
        lawn = mix(lawn, rgb("#fbeee0"), daisies * (y > edge + 0.03))
        reeds = (y > edge - 0.02) & (y < edge + 0.015)
        color = mix(color, lawn, (y > edge) * 1.0)
        return mix(color, rgb("#2c5a4a"), 0.8 * reeds * (self.noise(60 * x, 8 * y) > -0.1))

    def trees(self, color: Array, x: Array, y: Array) -> Array:
        for tx, foot, lean, wide in (
            (1.08, 0.86, 0.05, 0.030),
            (0.06, 0.90, -0.02, 0.024),
            (1.20, 0.74, 0.02, 0.016),
        ):
            up = foot - y
            trunk = np.abs(
                x - tx - lean * np.sin(4 * up) + 0.004 * self.noise(0 * x, 30 * y)
            ) < wide * (0.6 + 0.5 * np.exp(-14 * up))
            bark = mix(rgb("#4a2a4e"), rgb("#c08050"), smoothstep(0.0, -1.0, (x - tx) / wide))
            color = mix(color, bark, (trunk & (up > 0)) * 1.0)
        for cx, cy, rx, ry in (
            (1.05, 0.13, 0.34, 0.20),
            (1.22, 0.30, 0.17, 0.17),
            (0.0, 0.16, 0.23, 0.24),
            (0.10, 0.33, 0.10, 0.09),
            (0.86, 0.26, 0.10, 0.08),
        ):
            r = np.hypot((x - cx) / rx, (y - cy) / ry) + 0.30 * self.noise.fbm(7 * x, 7 * y, 4)
            leaf = (
                0.5
                + 0.5 * self.noise.fbm(9 * x + 3, 9 * y, 4)
                - 0.35 * (y - cy) / ry
                - 0.15 * (x - cx) / rx
            )
            crown = palette_lookup(
                ["#1a2c5e", "#1f5a44", "#3f8a3c", "#86b83a", "#e4d850"], np.clip(leaf, 0, 1)
            )
            holes = self.noise.fbm(13 * x, 13 * y, 3) > 0.42
            color = mix(color, crown, smoothstep(1.02, 0.96, r) * ~holes)
        return color


def divide(color: Array, rng: np.random.Generator, freedom: float) -> Array:
    """Pure pigments (N, 3) that mix to the colors in the eye; the nearer, the likelier."""
    pigments = np.stack([rgb(code) for code in PIGMENTS])
    weights = np.array([0.9, 1.1, 0.8], np.float32)
    # Pushed from gray, so that the average of pigments keeps the scene's strength of color.
    gray = color.mean(-1, keepdims=True)
    target = gray + 1.35 * (color - gray)
    distance = (((target[:, None] - pigments) * weights) ** 2).sum(-1)
    score = -distance / freedom + rng.gumbel(size=distance.shape)
    return np.asarray(pigments[np.argmax(score, 1)])


def pointillism(size: int, seed: int) -> Array:
    """Sails on a river behind trees, (H, W, 3) in [0, 1]; pure colors side by side."""
    rng = np.random.default_rng(seed)
    height, width = picture_shape(size, ASPECT)
    bank = Bank(rng)
    ground = np.broadcast_to(rgb("#e9d9b4"), (2 * height, 2 * width, 3)).astype(np.float32).copy()
    canvas = Canvas(ground, np.zeros((2 * height, 2 * width), np.float32))
    # Broad touches first, then dots of pure pigment, then small accents.
    for count, dot, freedom, pure in (
        (16000, 0.0155, 0.010, 0.45),
        (42000, 0.0088, 0.035, 0.85),
        (30000, 0.0064, 0.055, 0.9),
    ):
        x, y = rng.uniform(-0.01, ASPECT + 0.01, count), rng.uniform(-0.01, 1.01, count)
        color = bank(x + rng.normal(0, 0.002, count), y + rng.normal(0, 0.002, count))
        color = color + pure * (divide(color, rng, freedom) - color)
        color = np.clip(color * (1 + 0.05 * rng.standard_normal((count, 3))), 0, 1)
        widths = dot * rng.uniform(0.75, 1.15, count)
        angle = rng.uniform(0, np.pi, count)
        reach = 0.52 * widths[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1)
        middle = np.stack([x, y], -1)
        paths = np.stack([middle - reach, middle, middle + reach], 1)
        paint_strokes(
            canvas,
            paths,
            widths,
            color,
            Bristles(streak=0.05, relief=0.2, ridge=0.5, taper=0.15),
            rng,
        )
    return shrink(light_relief(canvas, strength=0.22, gloss=0.12), 2)
