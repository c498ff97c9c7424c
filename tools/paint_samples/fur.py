"""Fur: hairs rooted on a ray-marched body, drawn from the far to the near."""

from dataclasses import dataclass
from typing import final

import numpy as np

from tools.paint_samples.noise import Array, sample

POINTS_PER_CHUNK = 3_000_000


@final
@dataclass(frozen=True)
class Hairs:
    """N hairs in space: roots, directions at the root and at the tip (N, 3), lengths and looks."""

    root: Array
    start: Array  # unit direction at the root
    end: Array  # unit direction toward which the hair bends
    length: Array  # (N,)
    width: Array  # (N,), in picture heights
    dark: Array  # (N, 3) linear light at the root
    bright: Array  # (N, 3) linear light at the tip
    order: Array  # (N,); the hairs of higher order lie over the others


@final
@dataclass(frozen=True)
class Camera:
    """A long lens at `eye`, looking toward -z; `field` is the slope the picture's height covers."""

    eye: Array
    field: float
    aspect: float

    def rays(self, x: Array, y: Array) -> Array:
        """Directions (..., 3) through picture points."""
        slope_x, slope_y = (x - 0.5 * self.aspect) * self.field, (0.5 - y) * self.field
        return np.stack([slope_x, slope_y, -np.ones_like(slope_x)], -1).astype(np.float32)

    def project(self, points: Array) -> tuple[Array, Array]:
        """Picture points (x, y) of points in space."""
        away = points - self.eye
        x = away[..., 0] / -away[..., 2] / self.field + 0.5 * self.aspect
        return x, 0.5 - away[..., 1] / -away[..., 2] / self.field


def draw_hairs(picture: Array, camera: Camera, hairs: Hairs) -> None:
    """Draw on linear light (H, W, 3), in their order."""
    height, width = picture.shape[:2]
    order = np.argsort(hairs.order)
    pixels = 1.0 / camera.field / (camera.eye[2] - hairs.root[:, 2].mean()) * height
    start = 0
    while start < len(order):
        reach = hairs.length[order[start : start + 4000]].max() * pixels
        along = max(4, int(1.3 * reach))
        across = max(1, int(np.ceil(1.4 * hairs.width.max() * height)))
        count = max(500, POINTS_PER_CHUNK // (along * across))
        chosen = order[start : start + min(count, 4000)]
        start += len(chosen)
        _draw_chunk(picture, camera, hairs, chosen, (along, across), (height, width))


def _draw_chunk(
    picture: Array,
    camera: Camera,
    hairs: Hairs,
    chosen: Array,
    samples: tuple[int, int],
    shape: tuple[int, int],
) -> None:
    along, across = samples
    s = np.linspace(0, 1, along, dtype=np.float32)[None, :, None]
    start, end = hairs.start[chosen][:, None], hairs.end[chosen][:, None]
    # The direction turns evenly from start to end; its integral is the hair.
    points = hairs.root[chosen][:, None] + hairs.length[chosen][:, None, None] * (
        s * start + 0.5 * s * s * (end - start)
    )
    x, y = camera.project(points)  # (N, S)
    tx, ty = np.gradient(x, axis=1), np.gradient(y, axis=1)
    norm = np.hypot(tx, ty) + 1e-9
    t = np.linspace(-0.5, 0.5, across, dtype=np.float32) if across > 1 else np.zeros(1, np.float32)
    taper = 1 - 0.8 * s[..., 0] ** 1.5
    half = hairs.width[chosen][:, None] * taper
    column = (x[..., None] - (ty / norm * half)[..., None] * t) * shape[0]
    row = (y[..., None] + (tx / norm * half)[..., None] * t) * shape[0]
    inside = (column >= 0) & (row >= 0) & (column < shape[1]) & (row < shape[0])
    light = hairs.dark[chosen][:, None] + (hairs.bright - hairs.dark)[chosen][:, None] * s**0.8
    light = np.broadcast_to(light[:, :, None, :], (*inside.shape, 3))
    picture[row[inside].astype(np.int32), column[inside].astype(np.int32)] = light[inside]


def bokeh(rng: np.random.Generator, height: int, width: int, tints: Array, count: int) -> Array:
    """Linear light of a background far out of focus: soft discs over a gradient."""
    small_height = max(24, height // 2)
    small_width = max(1, round(small_height * width / height))
    y, x = np.mgrid[0:small_height, 0:small_width] / small_height
    light = np.zeros((small_height, small_width, 3))
    for _ in range(count):
        cx, cy = rng.uniform(0, width / height), rng.beta(1.4, 2.0)
        radius = rng.uniform(0.025, 0.075)
        tint = tints[rng.integers(len(tints))] * rng.uniform(0.15, 1.0) ** 2
        r = np.hypot(x - cx, y - cy) / radius
        # A lens's disc: even, a little brighter at its rim.
        disc = np.clip((1.0 - r) * 5, 0, 1) * (0.85 + 0.2 * np.clip(r, 0, 1) ** 3)
        light += disc[..., None] * tint
    yy, xx = np.mgrid[0:height, 0:width]
    return sample(
        light, (yy + 0.5) * small_height / height - 0.5, (xx + 0.5) * small_height / height - 0.5
    )
