"""A sun over waves with fish and flowers, in glass tesserae laid along the contours."""

from typing import final

import numpy as np

from tools.paint_samples.noise import (
    Array,
    Noise,
    blur,
    mix,
    palette_lookup,
    picture_shape,
    pixel_grid,
    rgb,
    shrink,
    smoothstep,
)

ASPECT = 1.0
TILE = 0.0118  # side of a tessera, in picture heights
PLAN = 420  # the tiles are laid on a grid of so many pixels, whatever the picture's size
GOLD = ["#8a5a10", "#c98d1c", "#eab93a", "#f8dd7c"]
SKY = ["#0d2f6e", "#1a54a0", "#2f86c0", "#6fc0d0", "#bfe2d4"]
SEA = ["#062a4a", "#0c4a6e", "#127a86", "#2fae9c", "#9adcc0"]
CORAL = ["#7a1420", "#b3262a", "#d9502e", "#f08a4a"]
LEAF = ["#123a26", "#1f6a3a", "#5a9a3a", "#b4c44e"]


@final
class Design:
    """The cartoon under the mosaic: a color and the direction of the rows at every point."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.noise = Noise(rng)
        self.petals = rng.uniform(0, 6.28, 16)

    def __call__(self, x: Array, y: Array, jitter: Array) -> tuple[Array, Array]:
        """Colors (..., 3) and a height whose level lines the rows of tiles follow."""
        tone = 0.5 + 0.22 * jitter
        cx, cy = 0.60, 0.34
        r, angle = np.hypot(x - cx, y - cy), np.arctan2(y - cy, x - cx)
        swirl = angle + 3.2 * r
        ray = np.cos(14 * swirl)
        sky_tone = (
            0.30
            + 0.30 * np.sin(26 * r + 1.3 * np.sin(5 * swirl)) * smoothstep(0.2, 0.4, r)
            + 0.16 * jitter
        )
        sky_tone += 0.35 * np.exp(-4 * r)
        color = palette_lookup(SKY, np.clip(sky_tone, 0, 1))
        level = r + 0.012 * np.sin(5 * swirl)
        gold = palette_lookup(GOLD, np.clip(tone + 0.25 * ray, 0, 1))
        red = palette_lookup(CORAL, np.clip(tone + 0.1 + 0.2 * np.cos(60 * r), 0, 1))
        rays = (ray > -0.1 + 2.2 * (r - 0.2) / 0.2) & (r < 0.37)
        color = mix(color, mix(gold, red, (ray < 0.35) * 1.0), rays)
        # The disc: rings of red, gold, blue and a flower of flames around a pale heart.
        flame = np.cos(9 * (angle - 2.2 * r))
        blue = palette_lookup(SKY, np.clip(0.25 + 0.2 * jitter, 0, 1))
        color = mix(color, gold, (r < 0.205) * 1.0)
        color = mix(color, red, (r < 0.187) * 1.0)
        color = mix(color, gold, ((r < 0.160) & (flame > -0.35 + 1.6 * (r - 0.105) / 0.055)) * 1.0)
        color = mix(color, blue, ((r < 0.090) & (r > 0.076)) * 1.0)
        color = mix(color, palette_lookup(["#f2d98a", "#fff3cc"], tone), (r < 0.076) * 1.0)
        color = mix(color, red, ((r < 0.046) & (r > 0.024)) * 1.0)
        color, level = self.hills(color, level, x, y, jitter)
        return self.sea(color, level, x, y, jitter)

    def hills(
        self, color: Array, level: Array, x: Array, y: Array, jitter: Array
    ) -> tuple[Array, Array]:
        for base, tall, freq, shift, names in (
            (0.60, 0.10, 3.1, 0.4, LEAF),
            (0.68, 0.09, 4.3, 2.2, LEAF),
        ):
            crest = base - tall * np.sin(freq * x * 2 + shift) - 0.03 * np.sin(13 * x + shift)
            depth = y - crest
            bands = 0.45 + 0.3 * np.sin(95 * depth + 3 * np.sin(9 * x)) + 0.2 * jitter
            hill = palette_lookup(names, np.clip(bands, 0, 1))
            hill = mix(
                hill, palette_lookup(GOLD, np.clip(0.6 + 0.3 * jitter, 0, 1)), (depth < 0.016) * 1.0
            )
            color, level = mix(color, hill, (depth > 0) * 1.0), np.where(depth > 0, depth, level)
        for k, (fx, fy, size) in enumerate(
            (
                (0.10, 0.16, 0.10),
                (0.24, 0.40, 0.075),
                (0.93, 0.12, 0.075),
                (0.07, 0.62, 0.08),
                (0.92, 0.62, 0.085),
                (0.30, 0.10, 0.055),
            )
        ):
            r, angle = np.hypot(x - fx, y - fy) / size, np.arctan2(y - fy, x - fx) + self.petals[k]
            edge = 0.72 + 0.28 * np.abs(np.cos(3.5 * angle)) ** 0.7
            names = (CORAL, ["#5a1a5e", "#a0348a", "#dc7ab8", "#f8c8dc"])[k % 2]
            petal = palette_lookup(names, np.clip(0.15 + 0.75 * r / edge + 0.16 * jitter, 0, 1))
            heart = palette_lookup(GOLD, np.clip(0.6 + 0.35 * jitter, 0, 1))
            petal = mix(petal, heart, (r < 0.30) * 1.0)
            petal = mix(petal, rgb("#1a1420"), ((r > 0.30) & (r < 0.38)) * 1.0)
            inside = r < edge
            color, level = mix(color, petal, inside * 1.0), np.where(inside, r * size / edge, level)
        return color, level

    def sea(
        self, color: Array, level: Array, x: Array, y: Array, jitter: Array
    ) -> tuple[Array, Array]:
        surface = 0.75 + 0.028 * np.sin(11 * x + 0.6) + 0.012 * np.sin(23 * x)
        depth = y - surface
        phase = depth + 0.012 * np.sin(17 * x + 40 * depth)
        bands = 0.42 + 0.34 * np.sin(75 * phase) + 0.18 * jitter
        water = palette_lookup(SEA, np.clip(bands, 0, 1))
        foam = palette_lookup(["#cfe8dc", "#fbf6e4"], np.clip(0.5 + 0.4 * jitter, 0, 1))
        water = mix(water, foam, (depth < 0.015) * 1.0)
        wet = depth > 0
        color, level = mix(color, water, wet * 1.0), np.where(wet, phase, level)
        for fish in ((0.20, 0.885, 0.155, 1), (0.55, 0.930, 0.115, -1), (0.84, 0.872, 0.140, 1)):
            color, level = self.fish(color, level, x, y, jitter, fish)
        return color, level

    def fish(
        self,
        color: Array,
        level: Array,
        x: Array,
        y: Array,
        jitter: Array,
        fish: tuple[float, float, float, int],
    ) -> tuple[Array, Array]:
        """One fish at (x, y), of a length, looking to the right (1) or to the left (-1)."""
        fx, fy, long, turn = fish
        u, v = turn * (x - fx) / long, (y - fy) / long + 0.05 * np.sin(4 * (x - fx) / long)
        body = 0.40 * np.sqrt(np.clip(1 - (u / 0.95) ** 2, 0, 1)) * (0.85 + 0.2 * u)
        tail = (
            (u < -0.70)
            & (u > -1.35)
            & (np.abs(v) < 0.66 * (-u - 0.62))
            & (np.abs(v) > 0.5 * (-u - 1.05))
        )
        fin = (np.abs(u + 0.05) < 0.32) & (v < 0) & (v > -0.52 + 0.25 * np.abs(u + 0.2))
        inside = (np.abs(v) < body) | tail | fin
        gold = palette_lookup(GOLD, np.clip(0.6 + 0.3 * jitter, 0, 1))
        back = 0.62 - 0.9 * np.clip(-v / 0.4, -0.6, 0.6) + 0.16 * jitter
        skin = palette_lookup(
            ["#7a1420", "#c22c26", "#e8602c", "#f6a04a", "#fbe3a0"], np.clip(back, 0, 1)
        )
        skin = mix(skin, gold, (tail | (fin & (np.abs(v) > body))) * 1.0)
        skin = mix(skin, rgb("#fff2d8"), (np.abs(u - 0.36 + 0.5 * v * v) < 0.055) * 1.0)
        eye = np.hypot(u - 0.64, v + 0.07)
        skin = mix(
            mix(skin, rgb("#fff6e4"), (eye < 0.125) * 1.0), rgb("#0c0c14"), (eye < 0.07) * 1.0
        )
        return mix(color, skin, inside * 1.0), np.where(inside, np.abs(v) * long, level)


def tile_centers(design: Design, rng: np.random.Generator) -> tuple[Array, Array]:
    """Centers (R, R, 2) and directions (R, R) of tiles, by Lloyd's rounds as in Hausner (2001)."""
    side = np.arange(0.5 * TILE, 1 + TILE, TILE)
    grid = np.stack(np.meshgrid(side, side, indexing="ij"), -1)
    centers = (grid + rng.uniform(-0.45, 0.45, grid.shape) * TILE).astype(np.float32)
    x, y = pixel_grid(PLAN, PLAN)
    angle_field = row_angles(design)
    rows = len(side)
    for _ in range(14):
        owner = nearest_tiles(x, y, centers, angles_at(angle_field, centers))[0]
        owner = owner.ravel()
        count = np.bincount(owner, minlength=rows * rows)
        mean_x = np.bincount(owner, x.ravel(), rows * rows) / np.maximum(count, 1)
        mean_y = np.bincount(owner, y.ravel(), rows * rows) / np.maximum(count, 1)
        moved = np.stack([mean_x, mean_y], -1).reshape(rows, rows, 2)
        # A tile stays near its cell, so that the search around a pixel can stay small.
        limit = 0.95 * TILE
        moved = np.clip(moved, grid - limit, grid + limit)
        centers = np.where((count > 0).reshape(rows, rows, 1), moved, centers).astype(np.float32)
    return centers, angles_at(angle_field, centers)


def row_angles(design: Design) -> Array:
    """Direction of the contours (PLAN, PLAN), from the gradient of the design's smoothed level."""
    x, y = pixel_grid(PLAN, PLAN)
    _, level = design(x, y, np.zeros_like(x))
    slope_y, slope_x = np.gradient(level)
    angle = np.arctan2(slope_y, slope_x)
    weight = np.minimum(np.hypot(slope_x, slope_y) * PLAN, 1.5)
    # Squares look the same after a quarter turn, so angles are averaged four-fold.
    c, s = blur(weight * np.cos(4 * angle), 3.0), blur(weight * np.sin(4 * angle), 3.0)
    return np.asarray(np.arctan2(s, c) / 4)


def angles_at(angle_field: Array, centers: Array) -> Array:
    place = np.clip((centers * PLAN).astype(int), 0, PLAN - 1)
    return np.asarray(angle_field[place[..., 1], place[..., 0]])


def nearest_tiles(x: Array, y: Array, centers: Array, angles: Array) -> tuple[Array, Array, Array]:
    """For each pixel the nearest tile, the distance to it and to the next, in oriented squares."""
    rows = centers.shape[0]
    cos, sin = np.cos(angles), np.sin(angles)
    i0, j0 = (x / TILE).astype(np.int32), (y / TILE).astype(np.int32)
    best = np.full(x.shape, 9.0, np.float32)
    second = np.full(x.shape, 9.0, np.float32)
    owner = np.zeros(x.shape, np.int32)
    for di in (-2, -1, 0, 1, 2):
        for dj in (-2, -1, 0, 1, 2):
            if abs(di) == 2 and abs(dj) == 2:
                continue
            i, j = np.clip(i0 + di, 0, rows - 1), np.clip(j0 + dj, 0, rows - 1)
            dx, dy = x - centers[i, j, 0], y - centers[i, j, 1]
            c, s = cos[i, j], sin[i, j]
            distance = np.maximum(np.abs(c * dx + s * dy), np.abs(c * dy - s * dx))
            closer = distance < best
            same = (owner == i * rows + j) & (best < 9)
            second = np.where(
                closer & ~same, best, np.where(same, second, np.minimum(second, distance))
            )
            owner = np.where(closer, i * rows + j, owner)
            best = np.where(closer, distance, best)
    return owner, best, second


def mosaic(size: int, seed: int) -> Array:
    """A mosaic of a sun, flowers, waves and fish, (H, W, 3) in [0, 1]."""
    rng = np.random.default_rng(seed)
    height, width = picture_shape(size, ASPECT)
    design, noise = Design(rng), Noise(rng)
    centers, angles = tile_centers(design, rng)
    flat = centers.reshape(-1, 2)
    count = len(flat)
    jitter = np.clip(rng.standard_normal(count), -2, 2)
    color, _ = design(flat[:, 0], flat[:, 1], jitter)
    color = np.clip(color * (1 + 0.07 * rng.standard_normal((count, 3))), 0, 1)
    tilt = 0.22 * rng.standard_normal((count, 2))
    x, y = pixel_grid(2 * height, 2 * width)
    wx, wy = x + 0.0009 * noise(95 * x, 95 * y), y + 0.0009 * noise(95 * x + 5, 95 * y)
    owner, best, second = nearest_tiles(wx, wy, centers, angles)
    gap = np.minimum(second - best, 2.4 * (0.62 * TILE - best))  # 0 at the joint
    glass = smoothstep(0.0010, 0.0022, gap)
    bevel = smoothstep(0.0048, 0.0012, gap)
    dx, dy = x - flat[owner, 0], y - flat[owner, 1]
    shine = (
        0.5
        + (tilt[owner, 0] * dx + tilt[owner, 1] * dy) / TILE * 1.2
        - 0.55 * (dx + dy) / TILE * bevel
    )
    shine += 0.5 * (tilt[owner, 0] - tilt[owner, 1])
    grain = noise.fbm(130 * x, 130 * y, 3)
    tile = color[owner] * (0.74 + 0.5 * shine + 0.07 * grain)[..., None]
    sparkle = smoothstep(0.72, 1.05, shine + 0.12 * grain)
    tile = mix(tile, np.array([1.0, 0.97, 0.9]), 0.5 * sparkle * (1 - 0.5 * bevel))
    grout = rgb("#5d564c") * (0.72 + 0.3 * grain + 0.25 * smoothstep(-0.004, 0.001, gap))[..., None]
    shadow = smoothstep(-0.003, 0.0012, gap)
    picture = mix(grout * (1 - 0.35 * shadow[..., None]), tile, glass)
    light = 0.93 + 0.16 * noise.fbm(1.6 * x, 1.6 * y, 3) + 0.1 * (0.5 - y)
    return np.clip(shrink(picture * light[..., None], 2), 0, 1)
