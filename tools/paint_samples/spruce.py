"""Spruces, drawn twig by twig."""

import numpy as np

from tools.paint_samples.brush import Bristles, Canvas, paint_strokes
from tools.paint_samples.noise import Array


def framing_trees(light: Array, rng: np.random.Generator) -> None:
    """Spruces before the camera, drawn twig by twig on linear light (2H, 2W, 3)."""
    canvas = Canvas(light, np.zeros(light.shape[:2], np.float32))
    for foot_x, foot_y, tall, wide in (
        (0.155, 0.80, 0.50, 0.085),
        (0.055, 0.86, 0.83, 0.135),
        (1.475, 1.10, 1.02, 0.15),
    ):
        draw_spruce(canvas, foot_x, foot_y, tall, wide, rng)


def draw_spruce(
    canvas: Canvas, foot_x: float, foot_y: float, tall: float, wide: float, rng: np.random.Generator
) -> None:
    """Boughs all around a trunk, drooping, each with its twigs; those behind come first."""
    count, twigs = int(330 * tall / 0.5), 34
    up = rng.uniform(0.06, 1.0, count)
    around = rng.uniform(0, 2 * np.pi, count)
    order = np.argsort(np.sin(around) - 0.4 * up)
    up, around = up[order], around[order]
    reach = wide * (1 - up) ** 0.8 * rng.uniform(0.55, 1.1, count) + 0.006
    trunk = np.array([[[foot_x, foot_y - s * tall] for s in np.linspace(0, 0.99, 6)]])
    shape = Bristles(streak=0.1, taper=0.7)
    paint_strokes(
        canvas, trunk, np.array([0.018 * tall]), np.array([[0.030, 0.022, 0.016]]), shape, rng
    )
    along = rng.uniform(0.05, 1, (count, twigs))
    root_x = foot_x + (reach * np.cos(around))[:, None] * along
    droop = reach[:, None] * (0.42 * along + 0.10 * np.sin(3 * along) - 0.32 * along**2)
    root_y = (
        foot_y - up[:, None] * tall + droop - 0.25 * (reach * np.sin(around))[:, None] * along * 0.5
    )
    size = 0.017 * (0.5 + reach[:, None] / wide) * rng.uniform(0.5, 1.1, along.shape)
    lean = np.cos(around)[:, None] * 0.9 + rng.normal(0, 0.45, along.shape)
    tip_x, tip_y = root_x + lean * size, root_y + size * rng.uniform(0.1, 0.9, along.shape)
    middle = np.stack([0.5 * (root_x + tip_x), 0.5 * (root_y + tip_y) - 0.1 * size], -1)
    paths = np.stack(
        [np.stack([root_x, root_y], -1), middle, np.stack([tip_x, tip_y], -1)], 2
    ).reshape(-1, 3, 2)
    sunny = np.clip(
        -np.cos(around)[:, None] * along * 0.8 + 0.3 * np.sin(around)[:, None], 0, 1
    ) * rng.uniform(0.2, 1, along.shape)
    shaded = np.array([0.012, 0.020, 0.017]) * (0.6 + 0.8 * along[..., None])
    color = shaded + (sunny**1.5)[..., None] * np.array([0.30, 0.25, 0.08])
    widths = rng.uniform(0.0018, 0.0036, count * twigs)
    paint_strokes(canvas, paths, widths, color.reshape(-1, 3), shape, rng)
