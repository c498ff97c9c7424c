"""Breaking waves before a mountain, cut in wood and printed in a few blues on cream paper."""

import numpy as np

from tools.paint_samples.noise import (
    Array,
    Noise,
    mix,
    picture_shape,
    pixel_grid,
    rgb,
    shrink,
    smoothstep,
)
from tools.paint_samples.wave import (
    CLOUD,
    DARK,
    EARTH,
    FOAM,
    LIGHT,
    LINE,
    MIDDLE,
    PALE,
    SKY,
    SUN,
    Block,
    Wave,
    spline,
)

ASPECT = 1.32


def draw_scene(block: Block, rng: np.random.Generator) -> None:
    t = np.linspace(0, 1, 60)
    block.dot(np.array([0.30, 0.27]), 0.105, SUN)
    for cx, cy, long in (
        (0.16, 0.13, 0.34),
        (0.62, 0.20, 0.42),
        (0.02, 0.35, 0.28),
        (0.42, 0.31, 0.30),
        (1.05, 0.09, 0.40),
        (0.55, 0.06, 0.30),
        (1.2, 0.3, 0.3),
    ):
        for k in range(4):
            start = cx + rng.normal(0, 0.06)
            path = np.stack(
                [
                    start + long * (1 - 0.16 * k) * (t - 0.5),
                    cy + 0.023 * k + 0.004 * np.sin(7 * t + k),
                ],
                1,
            )
            block.ribbon(path, 0.015 * np.sin(np.pi * t) ** 0.35, CLOUD, 0.0012)
    draw_islands(block)
    draw_swell(block, rng)
    waves = [
        Wave(1.10, 0.66, 0.20, -1, 1.1, rng),
        Wave(0.10, 0.64, 0.17, 1, 1.2, rng),
        Wave(0.62, 0.70, 0.15, 1, 1.3, rng),
        Wave(1.06, 0.82, 0.62, -1, 0.86, rng),
        Wave(-0.02, 0.86, 0.40, 1, 0.9, rng),
        Wave(0.62, 0.92, 0.22, -1, 1.25, rng),
        Wave(1.20, 1.02, 0.27, -1, 1.1, rng),
        Wave(0.22, 1.04, 0.24, 1, 1.2, rng),
    ]
    for wave in waves:
        wave.cut(block)


def draw_islands(block: Block) -> None:
    """Steep islands with pines on the horizon, in two tones, under a strip of mist."""
    for points, ink in (
        (
            [
                (0.36, 0.66),
                (0.42, 0.55),
                (0.455, 0.52),
                (0.50, 0.47),
                (0.53, 0.475),
                (0.56, 0.53),
                (0.60, 0.56),
                (0.66, 0.66),
            ],
            PALE,
        ),
        (
            [
                (0.50, 0.66),
                (0.56, 0.55),
                (0.60, 0.45),
                (0.625, 0.415),
                (0.65, 0.42),
                (0.675, 0.47),
                (0.73, 0.52),
                (0.78, 0.55),
                (0.88, 0.66),
            ],
            LIGHT,
        ),
    ):
        line = spline(np.array(points), 70)
        block.fill(line, ink)
        block.ribbon(line, np.full(70, 0.0028), LINE)
        for k in range(6, 64, 5):  # gullies
            length = 0.03 + 0.05 * ((k * 7) % 5) / 5
            t = np.linspace(0, 1, 8)
            side = 0.25 * np.sign(line[k, 0] - line[35, 0])
            gully = np.stack([line[k, 0] + side * length * t, line[k, 1] + 0.012 + length * t], 1)
            block.ribbon(gully, 0.004 * (1 - t) + 0.0005, MIDDLE)
        for k in (22, 27, 31, 40, 46):  # pines along the ridge
            for shift in (-0.007, 0.0, 0.006):
                foot, tall = line[k] + np.array([shift, 0.006]), 0.017 + 0.7 * shift
                block.fill(foot + np.array([(-0.0045, 0.0), (0.0045, 0.0), (0.0, -tall)]), LINE)


def draw_swell(block: Block, rng: np.random.Generator) -> None:
    """The open sea: rows of overlapping swells, each with its inner arcs and a line of foam."""
    block.fill(np.array([(0, 0.61), (ASPECT, 0.61), (ASPECT, 1), (0, 1)]), DARK)
    for row in range(11):
        size = 0.035 + 0.0085 * row
        y = 0.612 + 0.0036 * row * (row + 5)
        for x in np.arange(-size, ASPECT + size, 1.75 * size) + (row % 2) * 0.87 * size:
            middle = np.array(
                [x + rng.normal(0, 0.1 * size), y + 0.5 * size + rng.normal(0, 0.06 * size)]
            )
            block.dot(middle, size, FOAM, 0.0022)
            for share, ink in (
                (0.90, MIDDLE),
                (0.72, LIGHT),
                (0.62, DARK),
                (0.42, PALE),
                (0.34, MIDDLE),
                (0.16, DARK),
            ):
                block.dot(middle, share * size, ink)


def woodblock(size: int, seed: int) -> Array:
    """Waves in the manner of the 1830s, (H, W, 3) in [0, 1]."""
    rng = np.random.default_rng(seed)
    height, width = picture_shape(size, ASPECT)
    noise = Noise(rng)
    block = Block(3 * height, 3 * width)
    draw_scene(block, rng)
    shapes = np.asarray(block.image)
    x, y = pixel_grid(2 * height, 2 * width)
    # The knife's hand: edges waver a little.
    row = (y + 0.0011 * noise.fbm(38 * x, 38 * y, 3)) * 3 * height
    column = (x + 0.0011 * noise.fbm(38 * x + 9, 38 * y, 3)) * 3 * height
    row, column = (
        np.clip(row.astype(int), 0, 3 * height - 1),
        np.clip(column.astype(int), 0, 3 * width - 1),
    )
    return np.clip(shrink(print_blocks(noise, shapes[row, column], x, y), 2), 0, 1)


def print_blocks(noise: Noise, shapes: Array, x: Array, y: Array) -> Array:
    """One impression after another: each ink takes the grain of its own plank."""
    fibers = noise.fbm(60 * x, 60 * y, 3) + 0.6 * noise.fbm(16 * x, 95 * y, 3)
    paper = rgb("#f1e6cc") * (1 + 0.018 * fibers + 0.03 * noise.fbm(2 * x, 2 * y, 4))[..., None]
    rings = 22 * (y + 0.22 * noise.fbm(0.8 * x, 2.2 * y, 3)) + 1.5 * noise(2.2 * x + 4, 3 * y)
    grain = np.sin(2 * np.pi * rings) * 0.5 + 0.35 * noise.fbm(6 * x, 130 * y, 3)
    fade = smoothstep(0.34, 0.0, y + 0.03 * noise.fbm(2 * x, 4 * y, 3))
    glow = smoothstep(0.30, 0.56, y + 0.03 * noise(2 * x, 3 * y))
    sky = mix(mix(rgb("#e9d9b2"), rgb("#e2a988"), 0.75 * glow), rgb("#2c4f7e"), 0.92 * fade)
    inks = {
        SKY: sky,
        FOAM: rgb("#f3ead4"),
        PALE: rgb("#b9d0cf"),
        LIGHT: rgb("#7fa9bd"),
        MIDDLE: rgb("#3f74a0"),
        DARK: rgb("#1c3f70"),
        LINE: rgb("#14264a"),
        CLOUD: rgb("#ecdcc0"),
        EARTH: rgb("#b98b5a"),
        SUN: rgb("#d4573a"),
    }
    picture = paper
    for ink, color in inks.items():
        strength = 0.93 + 0.07 * grain if ink != FOAM else np.full(x.shape, 0.25)
        strength = strength - 0.07 * smoothstep(
            0.25, 0.8, noise.fbm(110 * x, 110 * y, 2) + 0.3 * fibers
        )
        if ink in (MIDDLE, DARK, LIGHT):
            strength = strength * (
                0.86 + 0.14 * smoothstep(-0.3, 0.4, noise.fbm(2.5 * x + ink, 3 * y, 3))
            )
        picture = mix(
            picture,
            paper
            + (np.broadcast_to(color, paper.shape) - paper) * np.clip(strength, 0, 1)[..., None],
            (shapes == ink) * 1.0,
        )
    return picture
