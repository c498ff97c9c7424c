"""Mountains in mist, pines and a boat: ink washes with wet edges, and dry brush over paper."""

import numpy as np

from tools.paint_samples.brush import Bristles, Canvas, paint_strokes
from tools.paint_samples.noise import (
    Array,
    Noise,
    blur,
    mix,
    picture_shape,
    pixel_grid,
    rgb,
    smoothstep,
)

ASPECT = 0.78
INK = np.array([0.075, 0.085, 0.10])


def ink(size: int, seed: int) -> Array:
    """An ink landscape on paper, (H, W, 3) in [0, 1]; black, blue gray, a little ochre and red."""
    rng = np.random.default_rng(seed)
    height, width = picture_shape(size, ASPECT)
    noise = Noise(rng)
    x, y = pixel_grid(height, width)
    density = np.zeros((height, width), np.float32)  # optical density of the ink
    warm = np.zeros((height, width), np.float32)  # ochre wash
    density += 0.10 * smoothstep(0.30, 0.0, y + 0.16 * noise.fbm(2 * x, 3 * y, 5))
    ridges = (
        (0.27, 0.20, 2.1, 0.34, 3.0),
        (0.37, 0.21, 2.6, 0.50, 13.0),
        (0.49, 0.17, 3.1, 0.72, 27.0),
        (0.62, 0.13, 3.4, 0.95, 41.0),
        (0.90, 0.17, 2.2, 1.35, 57.0),
    )
    for base, tall, rough, tone, shift in ridges:
        crest = base - tall * mountain_line(noise, x, rough, shift)
        if base > 0.8:  # the nearest slopes leave the water open
            crest = crest + 0.16 * np.exp(-(((x - 0.44) / 0.17) ** 2))
        density, warm = wash_mountain(noise, x, y, crest, tone, shift, density, warm)
        density = texture_strokes(noise, density, x, crest, tone, shift, rng)
    density = water_and_boats(noise, density, x, y, rng)
    density = pines(noise, density, rng)
    return on_paper(noise, x, y, density, warm, rng)


def mountain_line(noise: Noise, x: Array, rough: float, shift: float) -> Array:
    """How high a ridge stands at x, about [0, 1]."""
    steep = noise.ridged(rough * x + shift, 0 * x + shift, 5, 0.42)
    return np.asarray(
        np.clip(steep - 0.55, -0.2, 1.2) * (0.75 + 0.5 * noise(1.1 * x + shift, 0 * x))
    )


def wash_mountain(
    noise: Noise,
    x: Array,
    y: Array,
    crest: Array,
    tone: float,
    shift: float,
    density: Array,
    warm: Array,
) -> tuple[Array, Array]:
    """A wash from the crest down into the mist, darker at its wet edge, granular within."""
    ragged = crest + 0.004 * noise.fbm(40 * x + shift, 40 * y, 3)
    depth = y - ragged
    inside = smoothstep(-0.0015, 0.0025, depth)
    folds = noise.fbm(7 * x + shift + 2.2 * depth, 3.5 * y - 5 * x, 6, 0.58)
    mist = np.exp(
        -np.clip(depth, 0, 1) / (0.085 + 0.05 * noise.fbm(2 * x + shift, 0 * x, 3)).clip(0.03)
    )
    edge = np.exp(-np.clip(depth, 0, 1) / 0.006)
    body = tone * mist * (0.62 + 0.65 * folds + 0.55 * edge)
    blot = smoothstep(0.25, 0.3, noise.fbm(4 * x - shift, 4 * y, 5)) * mist * 0.22 * tone
    covered = density * (1 - inside * (0.55 + 0.35 * mist))
    density = covered + inside * np.clip(body + blot, 0, None)
    ochre = smoothstep(0.0, 0.5, noise.fbm(3 * x + shift + 40, 3 * y, 4)) * mist * inside * 0.5
    return density, warm * (1 - inside * mist) + ochre


def texture_strokes(
    noise: Noise,
    density: Array,
    x: Array,
    crest: Array,
    tone: float,
    shift: float,
    rng: np.random.Generator,
) -> Array:
    """Dry-brush strokes that model the rock below a crest, like axe cuts."""
    count = 520
    height = density.shape[0]
    foot = rng.uniform(0, ASPECT, count)
    column = np.clip((foot * height).astype(int), 0, density.shape[1] - 1)
    # Seen from the crest downward, most strokes near it.
    top = crest[0, column] + rng.exponential(0.05, count)
    flank = np.gradient(blur(crest[:1], 4.0)[0])[column] * 1.0
    lean = 0.9 * np.tanh(3 * flank) * rng.uniform(0.4, 1.0, count) + 0.35 * noise(
        9 * foot + shift, 9 * top
    )
    length = rng.uniform(0.012, 0.055, count)
    share = np.linspace(0, 1, 5)
    path_x = foot[:, None] + (length * lean)[:, None] * share
    path_y = top[:, None] + length[:, None] * share**0.8
    paths = np.stack([path_x, path_y], -1)
    fade = np.exp(-(top - crest[0, column]) / 0.09) * rng.uniform(0.25, 1.0, count)
    return brush_ink(
        density, paths, rng.uniform(0.002, 0.009, count), 0.75 * tone * fade, rng, dry=0.75
    )


def brush_ink(
    density: Array, paths: Array, widths: Array, tones: Array, rng: np.random.Generator, dry: float
) -> Array:
    """Density with strokes added, at twice the resolution for smooth edges."""
    height, width = density.shape
    canvas = Canvas(
        np.zeros((2 * height, 2 * width, 3), np.float32),
        np.zeros((2 * height, 2 * width), np.float32),
    )
    colors = np.repeat(tones[:, None], 3, 1)
    paint_strokes(canvas, paths, widths, colors, Bristles(streak=0.3, dry=dry, taper=0.75), rng)
    strokes = canvas.color[..., 0].reshape(height, 2, width, 2).mean((1, 3))
    return np.asarray(density + strokes * (1 - 0.5 * np.clip(density, 0, 1)))


def water_and_boats(
    noise: Noise, density: Array, x: Array, y: Array, rng: np.random.Generator
) -> Array:
    """Ripples in the valleys' water, two boats and a line of birds."""
    count = 330
    row = 0.72 + 0.13 * rng.uniform(size=count) ** 1.2 + 0.02 * rng.standard_normal(count)
    start = rng.uniform(-0.05, ASPECT, count)
    share = np.linspace(0, 1, 7)
    length = rng.uniform(0.03, 0.13, count)
    path_x = start[:, None] + length[:, None] * share
    path_y = row[:, None] + 0.0022 * np.sin(9 * share[None] + 40 * start[:, None])
    tones = rng.uniform(0.08, 0.34, count)
    density = brush_ink(
        density, np.stack([path_x, path_y], -1), rng.uniform(0.001, 0.003, count), tones, rng, 0.9
    )
    for bx, by, long in ((0.40, 0.80, 0.10), (0.455, 0.742, 0.05)):
        u = (x - bx) / long
        belly = np.sqrt(np.clip(1 - (2 * u) ** 2, 0, 1))
        line = by - 0.22 * long * (2 * u) ** 2 + 0.02 * long * u  # both ends rise
        hull = smoothstep(0.0025, 0.0, np.abs(y - line) - 0.055 * long * belly) * (belly > 0)
        arch = by - 0.04 * long - 0.20 * long * np.sqrt(np.clip(1 - ((u + 0.05) / 0.22) ** 2, 0, 1))
        roof = smoothstep(-0.001, 0.0015, y - arch) * (np.abs(u + 0.05) < 0.22) * (y < line)
        roof = roof * (0.55 + 0.45 * (y - arch < 0.035 * long))
        density = density * (1 - 0.8 * roof) + 1.3 * hull + 0.75 * roof
    t = np.linspace(-1, 1, 7)
    birds = []
    for _ in range(9):
        bx, by, span = rng.uniform(0.36, 0.62), rng.uniform(0.08, 0.2), rng.uniform(0.006, 0.012)
        birds.append(
            np.stack(
                [bx + span * t, by - 0.5 * span * np.abs(np.sin(2.4 * t)) + 0.2 * span * t], -1
            )
        )
    return brush_ink(density, np.stack(birds), np.full(9, 0.0028), np.full(9, 1.0), rng, 0.0)


def pines(noise: Noise, density: Array, rng: np.random.Generator) -> Array:
    """Pines on the near slope: crooked trunks, level boughs, fans of needles."""
    for foot_x, foot_y, tall, lean in (
        (0.07, 1.03, 0.54, 0.11),
        (0.22, 1.04, 0.30, -0.04),
        (0.0, 1.04, 0.33, 0.05),
        (0.68, 1.04, 0.42, -0.10),
        (0.76, 1.04, 0.26, 0.02),
    ):
        share = np.linspace(0, 1, 9)
        trunk_x = foot_x + lean * share + 0.022 * np.sin(5.2 * share + 30 * foot_x)
        trunk = np.stack([trunk_x, foot_y - tall * share], -1)
        density = brush_ink(
            density, trunk[None], np.array([0.02 * tall / 0.34]), np.array([1.3]), rng, 0.35
        )
        boughs, needles = [], []
        for s in np.sort(rng.uniform(0.34, 1.0, 15)):
            root = np.array([np.interp(s, share, trunk_x), foot_y - tall * s])
            side = rng.choice([-1, 1])
            reach = tall * (0.36 - 0.22 * s) * rng.uniform(0.6, 1.2)
            bough = root + np.stack(
                [side * reach * share, -0.1 * reach * np.sin(3 * share) + 0.015 * share**2], -1
            )
            boughs.append(bough)
            for _ in range(int(26 * reach / 0.1) + 12):
                center = bough[rng.integers(2, 9)] + rng.normal(0, 0.006, 2) - [0, 0.004]
                fan = rng.uniform(-np.pi * 0.95, -0.05 * np.pi, 9)
                tip = center + rng.uniform(0.010, 0.02) * np.stack(
                    [np.cos(fan), 0.8 * np.sin(fan)], -1
                )
                needles.append(
                    np.stack([np.broadcast_to(center, tip.shape), 0.5 * (center + tip), tip], 1)
                )
        density = brush_ink(
            density,
            np.stack(boughs),
            np.full(len(boughs), 0.006),
            np.full(len(boughs), 1.1),
            rng,
            0.3,
        )
        tufts = np.concatenate(needles)
        tones = np.repeat(rng.uniform(0.35, 1.25, len(needles)), 9)
        density = brush_ink(density, tufts, np.full(len(tufts), 0.0022), tones, rng, 0.0)
    return density


def on_paper(
    noise: Noise, x: Array, y: Array, density: Array, warm: Array, rng: np.random.Generator
) -> Array:
    """Ink soaked a little into fibrous paper, with a red seal."""
    height = density.shape[0]
    fibers = noise.fbm(90 * x + 6 * noise(8 * x, 8 * y), 14 * y, 4, 0.7) + noise.fbm(
        14 * x, 90 * y + 5 * noise(9 * x, 7 * y), 4, 0.7
    )
    density = 0.72 * density + 0.28 * blur(density, height / 220)
    density = density * (1 + 0.16 * fibers + 0.10 * noise.fbm(160 * x, 160 * y, 2))
    paper = rgb("#f4ead2") * (1 + 0.022 * fibers + 0.02 * noise.fbm(3 * x, 3 * y, 4))[..., None]
    flecks = smoothstep(0.62, 0.7, noise(60 * x + 9 * noise(20 * x, 20 * y), 11 * y))
    paper = mix(paper, rgb("#c8b48c"), 0.35 * flecks)
    tint = np.array([0.10, 0.30, 0.62]) * 0.9
    paper = paper * np.exp(-0.95 * warm[..., None] * tint)
    absorb = mix(np.array([1.30, 1.08, 0.84]), 1.25 * (1 - INK), np.clip(density, 0, 1))
    sun = np.hypot(x - 0.215, y - 0.125) + 0.0015 * noise.fbm(30 * x, 30 * y, 3)
    wash = smoothstep(0.0585, 0.056, sun) * (
        0.62 + 0.38 * smoothstep(0.045, 0.057, sun) + 0.16 * noise.fbm(9 * x, 9 * y, 4)
    )
    paper = paper * np.exp(
        -wash[..., None] * np.array([0.10, 0.95, 1.15]) * np.exp(-7 * density)[..., None]
    )
    picture = paper * np.exp(-1.55 * np.clip(density, 0, 2.2)[..., None] * absorb)
    return np.clip(seal(noise, picture, x, y), 0, 1)


def seal(noise: Noise, picture: Array, x: Array, y: Array) -> Array:
    """A small red stamp with a labyrinth for a name."""
    u, v = (x - 0.665) / 0.026, (y - 0.075) / 0.032
    inside = smoothstep(1.04, 0.98, np.maximum(np.abs(u), np.abs(v)) + 0.06 * noise(90 * x, 90 * y))
    ring = np.maximum(np.abs(u), np.abs(v))
    lines = ((ring > 0.62) & (ring < 0.74)) | (
        (np.abs(np.mod(3 * u + (v > 0), 2) - 1) < 0.24) & (ring < 0.6) & (np.abs(v) > 0.12)
    )
    worn = smoothstep(-0.5, 0.0, noise.fbm(60 * x, 60 * y, 3))
    return mix(picture, rgb("#b3261e"), 0.88 * inside * (1 - lines) * worn)
