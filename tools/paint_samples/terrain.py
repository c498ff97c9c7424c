"""The land around a mountain lake: heights, stones and where trees stand."""

from typing import final

import numpy as np

from tools.paint_samples.noise import Array, Noise, smoothstep

STONES_END = 4.2  # the stones in the shallow water lie nearer than this
# x, z, half width and height of the stones before the camera
STONES = (
    (-0.95, 2.0, 0.36, 0.16),
    (-0.52, 2.25, 0.17, 0.08),
    (-1.45, 2.75, 0.42, 0.24),
    (0.22, 1.78, 0.11, 0.045),
    (0.92, 2.15, 0.17, 0.10),
    (1.5, 3.0, 0.26, 0.13),
    (-0.1, 2.9, 0.10, 0.05),
    (0.6, 3.3, 0.11, 0.05),
    (-2.1, 3.5, 0.42, 0.26),
    (1.15, 2.5, 0.09, 0.05),
    (-0.62, 3.0, 0.12, 0.06),
    (-1.2, 1.55, 0.3, 0.10),
    (0.68, 1.95, 0.08, 0.035),
    (1.75, 2.2, 0.22, 0.12),
)
# x, z, height and reach of the mountains
PEAKS = (
    (6.0, 24.0, 8.2, 4.4),
    (-7.0, 30.0, 8.0, 5.0),
    (-15.0, 24.0, 7.4, 4.5),
    (0.2, 34.0, 7.2, 4.5),
    (14.0, 30.0, 9.5, 5.0),
    (10.5, 17.0, 4.3, 3.0),
    (-9.6, 16.0, 3.4, 3.0),
)


@final
class Terrain:
    """Heights over the water, and what grows there."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.noise = Noise(rng)
        self.cells = rng.uniform(size=(256, 256, 3)).astype(np.float32)

    def bare(self, x: Array, z: Array, octaves: int = 8) -> Array:
        """Ground without trees."""
        noise = self.noise
        wx = x + 0.9 * noise(0.21 * x, 0.21 * z)
        wz = z + 0.9 * noise(0.21 * x + 9, 0.21 * z + 4)
        mountains = np.zeros(np.broadcast(x, z).shape, np.float32)
        for px, pz, tall, reach in PEAKS:
            r = np.hypot(wx - px, wz - pz) / reach
            mountains = np.maximum(mountains, tall * np.exp(-0.85 * r**1.5))
        crests = noise.ridged(0.20 * wx + 3, 0.20 * wz + 1, octaves, 0.46)
        mountains *= 0.42 + 0.46 * crests
        shore = 9.0 + 1.2 * noise(0.33 * x, 0 * z) + 0.35 * noise(1.3 * x, 0 * z + 3)
        inland = z - shore
        hills = 0.13 * inland * (1 + 0.7 * noise.fbm(0.5 * x, 0.5 * z, 4))
        hills = np.where(inland < 0, 0.25 * inland, np.minimum(hills, 1.2))
        head_left = (
            1.05 - np.hypot((x + 5.1) / 2.7, (z - 7.6) / 0.9) + 0.2 * noise(0.9 * x, 0.9 * z)
        )
        head_right = 1.0 - np.hypot((x - 7.4) / 2.9, (z - 9.2) / 0.9) + 0.2 * noise(x + 4, z)
        hills = np.maximum(hills, 0.55 * np.maximum(head_left, head_right))
        near = self.boulders(x, z)
        return np.maximum(hills + mountains * smoothstep(0, 6, inland), near)

    def boulders(self, x: Array, z: Array) -> Array:
        """Stones in the shallow water before the camera."""
        best = np.full(np.broadcast(x, z).shape, -0.3, np.float32)
        close = z < STONES_END
        if not close.any():
            return best
        xs, zs = np.broadcast_to(x, best.shape)[close], np.broadcast_to(z, best.shape)[close]
        rough = self.noise.fbm(4 * xs, 4 * zs, 7, 0.55)
        stones = np.full(xs.shape, -0.3, np.float32)
        for k, (cx, cz, wide, tall) in enumerate(STONES):
            dx, dz = (xs - cx) / wide, (zs - cz) / wide
            top = tall * (1.05 + 0.12 * dx * np.cos(2.1 * k) + 0.10 * dz)
            for face in range(6):  # a block split along planes
                turn, steep = (
                    1.05 * face + 0.7 * np.sin(3.7 * k + face),
                    1.3 + 0.9 * np.sin(5.3 * k + 2.9 * face),
                )
                out = dx * np.cos(turn) + dz * np.sin(turn)
                top = np.minimum(top, tall * (1.0 + steep * (0.62 - out)))
            stones = np.maximum(stones, top + 0.28 * tall * rough)
        best[close] = stones
        return best

    def forest(self, x: Array, z: Array, ground: Array) -> Array:
        """How densely trees stand, in [0, 1]."""
        spread = self.noise.fbm(0.8 * x + 5, 0.8 * z, 3)
        return (
            smoothstep(0.05, 0.12, ground) * smoothstep(2.3, 1.5, ground + 0.8 * spread) * (z > 5)
        )

    def trees(self, x: Array, z: Array, density: Array) -> tuple[Array, Array]:
        """Heights of conifers over the ground, one to a cell of a jittered grid, and tints."""
        tops, tints = np.zeros(x.shape, np.float32), np.zeros(x.shape, np.float32)
        ragged = 0.22 * self.noise.fbm(21 * x, 21 * z, 2)
        for scale in (4.5, 7.3):
            cx, cz = np.floor(x * scale), np.floor(z * scale)
            for ox in (-1, 0, 1):
                for oz in (-1, 0, 1):
                    cell = self.cells[(cz + oz).astype(int) % 256, (cx + ox).astype(int) % 256]
                    px = (cx + ox + 0.15 + 0.7 * cell[..., 0]) / scale
                    pz = (cz + oz + 0.15 + 0.7 * cell[..., 1]) / scale
                    tall = 1.5 / scale * (0.55 + 0.6 * cell[..., 2])
                    r = np.hypot(x - px, z - pz) * scale / 0.50 + ragged
                    cone = tall * np.clip(1 - r, 0, None) ** 0.9 * (cell[..., 2] < density)
                    tints = np.where(cone > tops, cell[..., 0] + 0.5 * (cell[..., 1] - 0.5), tints)
                    tops = np.maximum(tops, cone)
        return tops, tints
