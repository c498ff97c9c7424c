"""Brush strokes: many at once, the later over the earlier, with color and thickness of paint."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from tools.paint_samples.noise import Array, blur, mix

POINTS_PER_CHUNK = 3_000_000  # keeps the memory of one batch of strokes near 100 MB


@final
@dataclass
class Canvas:
    """Paint on a ground: color (H, W, 3) in [0, 1] and height of the paint (H, W)."""

    color: Array
    height: Array


@final
@dataclass(frozen=True)
class Bristles:
    """How a brush leaves paint; every number is a share in [0, 1]."""

    streak: float = 0.12  # lightness of the single bristles' traces
    relief: float = 0.5  # depth of these traces in the paint
    ridge: float = 0.5  # paint pushed up at the stroke's edges
    dry: float = 0.0  # share of bristles that run out of paint before the end
    taper: float = 0.5  # 0: as wide at its end as in its middle; 1: pointed


def follow(
    flow: Callable[[Array, Array], tuple[Array, Array]],
    x: Array,
    y: Array,
    length: Array,
    steps: int,
) -> Array:
    """Paths (N, steps, 2) that start half a length before (x, y) and run along unit vectors."""
    step = length / (steps - 1)
    for _ in range(steps // 2):
        dx, dy = flow(x, y)
        x, y = x - step * dx, y - step * dy
    path = [np.stack([x, y], -1)]
    for _ in range(steps - 1):
        dx, dy = flow(x, y)
        x, y = x + step * dx, y + step * dy
        path.append(np.stack([x, y], -1))
    return np.stack(path, 1)


def paint_strokes(
    canvas: Canvas,
    paths: Array,
    widths: Array,
    colors: Array,
    bristles: Bristles,
    rng: np.random.Generator,
) -> None:
    """Put N strokes on the canvas in order; paths (N, K, 2) and widths (N,) in picture heights."""
    scale = canvas.color.shape[0]
    longest = np.linalg.norm(np.diff(paths, axis=1), axis=-1).sum(1).max() * scale
    along = max(4, int(1.5 * (longest + widths.max() * scale)))
    across = max(3, int(1.6 * widths.max() * scale))
    chunk = max(1, POINTS_PER_CHUNK // (along * across))
    for start in range(0, len(paths), chunk):
        part = slice(start, start + chunk)
        _scatter(canvas, paths[part], widths[part], colors[part], bristles, rng, (along, across))


def _scatter(
    canvas: Canvas,
    paths: Array,
    widths: Array,
    colors: Array,
    bristles: Bristles,
    rng: np.random.Generator,
    samples: tuple[int, int],
) -> None:
    along, across = samples
    scale = canvas.color.shape[0]
    s = np.linspace(0, 1, along, dtype=np.float32)
    t = np.linspace(-1, 1, across, dtype=np.float32)
    center, normal = _resample(paths, s)  # (N, S, 2) each
    swell = (1 - np.abs(2 * s - 1) ** 3) ** 0.5 * (1 - bristles.taper * s)
    half = 0.5 * widths[:, None] * swell  # (N, S)
    offset = half[:, :, None] * t  # (N, S, T)
    column = (center[:, :, None, 0] + offset * normal[:, :, None, 0]) * scale
    row = (center[:, :, None, 1] + offset * normal[:, :, None, 1]) * scale
    inside = (column >= 0) & (row >= 0) & (column < canvas.color.shape[1]) & (row < scale)
    trace = _bristle_traces(len(paths), across, rng)  # (N, T) in [-1, 1]
    if bristles.dry > 0:
        runs_out = 1.2 - bristles.dry * (0.7 + 0.9 * trace)
        inside &= s[None, :, None] < runs_out[:, None, :]
    thick = bristles.relief * trace[:, None, :] + bristles.ridge * t**4
    thick = (1 + thick) * (1 - 0.4 * s[None, :, None]) * np.minimum(1, widths * 40)[:, None, None]
    tone = (1 + bristles.streak * trace)[:, None, :, None] * colors[:, None, None, :]
    target = (row[inside].astype(np.int32), column[inside].astype(np.int32))
    canvas.height[target] = 0.35 * canvas.height[target] + thick[inside]
    tone = np.broadcast_to(tone, (*inside.shape, 3))
    canvas.color[target] = tone[inside]


def _resample(paths: Array, s: Array) -> tuple[Array, Array]:
    """Points and unit normals (N, S, 2) at shares s of the way along paths (N, K, 2)."""
    knots = paths.shape[1]
    place = s * (knots - 1)
    k = np.minimum(place.astype(np.int32), knots - 2)
    rest = (place - k)[None, :, None]
    center = paths[:, k] * (1 - rest) + paths[:, k + 1] * rest
    tangent = np.gradient(paths, axis=1)
    tangent = tangent[:, k] * (1 - rest) + tangent[:, k + 1] * rest
    tangent /= np.linalg.norm(tangent, axis=-1, keepdims=True) + 1e-9
    return center.astype(np.float32), np.stack([-tangent[..., 1], tangent[..., 0]], -1)


def _bristle_traces(count: int, across: int, rng: np.random.Generator) -> Array:
    """Random lightness of each bristle (N, T), in about [-1, 1], alike in neighbors."""
    knots = rng.standard_normal((count, 9)).astype(np.float32)
    place = np.linspace(0, 8, across)
    k = np.minimum(place.astype(np.int32), 7)
    rest = (place - k).astype(np.float32)
    return np.asarray(np.tanh(0.8 * (knots[:, k] * (1 - rest) + knots[:, k + 1] * rest)))


def light_relief(canvas: Canvas, strength: float, gloss: float, angle: float = 2.2) -> Array:
    """The canvas lit obliquely; `strength` in relief per pixel of a 1024 pixel picture."""
    relief = blur(canvas.height, canvas.height.shape[0] / 2000)
    slope_y, slope_x = np.gradient(relief)
    scale = strength * canvas.height.shape[0] / 1024
    toward_light = scale * (np.cos(angle) * slope_x - np.sin(angle) * slope_y)
    shade = np.clip(1 - toward_light, 0.45, 1.5)[..., None]
    shine = gloss * np.clip(-toward_light - 0.15, 0, 0.6)
    lit = np.clip(canvas.color, 0, 1) * shade
    return np.clip(mix(lit, np.ones(3), shine), 0, 1)
