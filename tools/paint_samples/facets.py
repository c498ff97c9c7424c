"""Suns and sails broken into facets: arcs and lines cut the plane, every piece is shaded."""

import numpy as np

from tools.paint_samples.noise import (
    Array,
    Noise,
    mix,
    palette_lookup,
    picture_shape,
    pixel_grid,
    rgb,
    shrink,
    smoothstep,
)

ASPECT = 0.8
DISCS = (
    (0.52, 0.27, 0.225),
    (0.20, 0.60, 0.17),
    (0.62, 0.74, 0.20),
    (0.12, 0.14, 0.11),
    (0.30, 0.92, 0.13),
    (0.76, 0.48, 0.10),
)
RINGS = [
    "#c8282c",
    "#f0a224",
    "#1d4f96",
    "#f4e3b2",
    "#1c7a6c",
    "#e46a2c",
    "#14204a",
    "#e8b8a0",
    "#6a2c6e",
    "#5fa0c8",
    "#f6cf3a",
    "#8a1c3c",
]
GROUND = [
    "#5e1f38",
    "#cf4a2a",
    "#e8a13c",
    "#f0dfae",
    "#9cc4bc",
    "#3f86a8",
    "#1d4f86",
    "#14264a",
    "#24594c",
]


def facets(size: int, seed: int) -> Array:
    """Discs and shards in the manner of the 1910s, (H, W, 3) in [0, 1]; oil on canvas."""
    rng = np.random.default_rng(seed)
    height, width = picture_shape(size, ASPECT)
    noise = Noise(rng)
    x, y = pixel_grid(2 * height, 2 * width)
    # A hand draws these lines, not a ruler.
    x = x + 0.0022 * noise(9 * x, 9 * y) + 0.0007 * noise(60 * x, 60 * y)
    y = y + 0.0022 * noise(9 * x + 7, 9 * y) + 0.0007 * noise(60 * x + 7, 60 * y)
    cuts = plane_cuts(x, y, rng)
    number = np.zeros(x.shape, np.int64)
    edge = np.full(x.shape, 9.0, np.float32)
    shade = np.zeros(x.shape, np.float32)
    for k, cut in enumerate(cuts):
        side = cut > 0
        number = (number * 2 + side) % 2_147_483_629
        edge = np.minimum(edge, np.abs(cut))
        # Each cut throws a soft shadow to one side, which makes the pieces overlap.
        shade += (0.34 if k % 2 else -0.30) * np.exp(-np.abs(cut) / 0.045) * side
    ring, number = disc_rings(x, y, number, cuts)
    piece, across = small_cuts(number, ring, x, y)
    color = facet_colors(number, piece, ring, x, y)
    shade += 0.22 * across
    light = 1 + 0.85 * np.clip(shade, -0.5, 0.5)
    picture = color * light[..., None]
    picture = mix(picture, np.ones(3) * 0.97, 0.30 * np.clip(shade - 0.1, 0, 0.7))
    line = smoothstep(0.0022, 0.0006, edge) * smoothstep(-0.15, 0.1, noise.fbm(5 * x, 5 * y, 3))
    picture = mix(picture, rgb("#161320"), 0.8 * line)
    return np.clip(shrink(oil(noise, picture, number, x, y), 2), 0, 1)


def plane_cuts(x: Array, y: Array, rng: np.random.Generator) -> list[Array]:
    """Signed distances to lines and great arcs through the picture."""
    cuts = []
    for k in range(16):
        angle = (0.15, 0.62, 1.25, 1.9, 2.5)[k % 5] + rng.normal(0, 0.14)
        px, py = rng.uniform(0.05, ASPECT - 0.05), rng.uniform(0.05, 0.95)
        along = np.cos(angle) * (x - px) + np.sin(angle) * (y - py)
        across = -np.sin(angle) * (x - px) + np.cos(angle) * (y - py)
        cuts.append(across + (0.45 * along**2 if k % 3 == 0 else 0.0))
    return cuts


def small_cuts(number: Array, ring: Array, x: Array, y: Array) -> tuple[Array, Array]:
    """Piece numbers with stripes and checks in some pieces, and a shade across each stripe."""
    hashed = (number * 2_246_822_519 % 4_294_967_296) >> 9
    turn = (hashed % 7) / 7 * np.pi
    u, v = np.cos(turn) * x + np.sin(turn) * y, -np.sin(turn) * x + np.cos(turn) * y
    width = np.where(hashed % 3 == 0, 0.024, 0.047)
    stripe, check = np.floor(u / width), np.floor(v / (1.7 * width))
    striped, checked = (hashed % 5 < 3) & (ring < 0), (hashed % 5 == 0) & (ring < 0)
    extra = np.where(striped, 97 * stripe, 0) + np.where(checked, 53 * check, 0)
    rest = np.where(striped, u / width - stripe - 0.5, 0)
    return number + extra.astype(np.int64), rest


def disc_rings(x: Array, y: Array, number: Array, cuts: list[Array]) -> tuple[Array, Array]:
    """The ring of a disc that a pixel lies in (-1 outside), and numbers that tell rings apart."""
    ring = np.full(x.shape, -1, np.int64)
    for k, (cx, cy, r) in enumerate(DISCS):
        # Cuts displace the rings like broken glass.
        slip = sum(
            (0.030 * (-1) ** j * (cut > 0) for j, cut in enumerate(cuts[:7])), np.zeros(x.shape)
        )
        dx, dy = x - cx + slip * np.cos(2.4 * k), y - cy + slip * np.sin(2.4 * k)
        from_center = np.hypot(dx, dy) / r
        sector = np.floor((np.arctan2(dy, dx) + 0.9 * k + 0.35) / (np.pi / (2 + k % 3))).astype(
            np.int64
        )
        here = np.floor(from_center * (4.5 + k % 3)).astype(np.int64) + 3 * k
        inside = from_center < 1
        ring = np.where(inside, here * 5 + sector % 7, ring)
        number = np.where(inside, number * 31 + here * 17 + sector * 7, number)
    return ring, number


def facet_colors(number: Array, piece: Array, ring: Array, x: Array, y: Array) -> Array:
    """A color for each piece, from numbers that are as good as random; stripes stay near it."""
    pick, nuance = scramble(number), scramble(piece * 31 + 7)
    warmth = 0.5 + 0.35 * np.sin(2.2 * x + 3.1 * y + 0.4)
    ground = palette_lookup(
        GROUND, np.clip(0.80 * pick + 0.16 * warmth + 0.26 * (nuance - 0.35), 0, 1)
    )
    tints = np.stack([rgb(code) for code in RINGS])
    disc = tints[(ring * 7 + (3 * pick).astype(np.int64)) % len(RINGS)]
    color = np.where((ring >= 0)[..., None], disc, ground)
    return np.asarray(color * (0.84 + 0.32 * nuance)[..., None])


def scramble(number: Array) -> Array:
    """Numbers in [0, 1) that differ wildly for neighboring integers."""
    return np.asarray(((number * 2_654_435_761 % 4_294_967_296) >> 7) % 1009 / 1009)


def oil(noise: Noise, picture: Array, number: Array, x: Array, y: Array) -> Array:
    """Paint brushed in a direction of its own on each piece, over a woven canvas."""
    turn = (number * 40_503 % 65_536) / 65_536 * np.pi
    u, v = np.cos(turn) * x + np.sin(turn) * y, -np.sin(turn) * x + np.cos(turn) * y
    streak = noise.fbm(14 * u, 130 * v, 4, 0.65)
    patch = noise.fbm(7 * u, 16 * v, 4)
    weave = np.sin(2 * np.pi * 170 * x) * np.sin(2 * np.pi * 170 * y)
    light = 1 + 0.10 * streak + 0.12 * patch + 0.035 * weave
    hue = np.stack([0.05 * patch, 0 * patch, -0.06 * patch], -1)
    return np.asarray(picture * light[..., None] + hue * picture)
