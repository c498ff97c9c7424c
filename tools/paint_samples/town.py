"""The shapes of an old town on a canal, as signed distances."""

from collections.abc import Callable
from typing import final

import numpy as np

from tools.paint_samples.noise import Array, Noise

HALF = 5.2  # half the width of the canal
HOUSE = 5.6  # width of a house along the canal
BRIDGE = 34.0
QUAY = 0.9
# x, z, turn and half length of the boats
GONDOLAS = ((-1.5, 13.0, 0.10, 4.3), (4.2, 18.0, -0.02, 3.6), (-4.1, 24.5, 0.0, 3.2))


@final
class Town:
    """Signed distances (in meters) and materials of everything but the water."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.noise = Noise(rng)
        self.storeys = rng.integers(3, 5, (2, 64))
        self.back = rng.uniform(0, 0.5, (2, 64)).astype(np.float32)
        self.paint = rng.permutation(64)
        self.lamp = rng.uniform(size=(2, 4096)).astype(np.float32)

    def houses(self, p: Array) -> tuple[Array, Array, Array]:
        """Distance to the two rows of houses, and row and number of the nearest house."""
        x, y, z = p[..., 0], p[..., 1], p[..., 2]
        row = (x > 0).astype(np.int32)
        number = np.floor(z / HOUSE).astype(np.int32)
        u = z - (number + 0.5) * HOUSE
        tall = 3.15 * self.storeys[row, number % 64] + 1.4
        wall = HALF + 1.3 + self.back[row, number % 64]
        depth = wall - np.abs(x)  # over 0 before the front
        front = np.abs(x) - wall
        gable = y - (tall + 0.62 * np.clip(front, -0.4, 4))
        body = _box(front - 5, y - tall / 2, u, 5, tall / 2, HOUSE / 2 - 0.02)
        roof = np.maximum(np.maximum(0.85 * gable, -front - 0.35), np.abs(u) - HOUSE / 2 + 0.01)
        roof = np.maximum(roof, tall - 0.25 - y)
        body = np.maximum(body, -self.openings(depth, y, u, tall))
        ledge = _box(front + 0.12, y - tall + 0.1, u, 0.16, 0.13, HOUSE / 2)
        sill_y = np.mod(y - QUAY, 3.15) - 1.02
        sill_u = np.mod(u + HOUSE / 2, HOUSE / 3) - HOUSE / 6
        sill = np.maximum(_box(front + 0.03, sill_y, sill_u, 0.14, 0.07, 0.62), QUAY + 0.3 - y)
        sill = np.maximum(sill, y - tall)
        shutter = _box(
            front + 0.03, np.mod(y - QUAY, 3.15) - 1.9, np.abs(sill_u) - 0.68, 0.06, 0.82, 0.22
        )
        shutter = np.maximum(np.maximum(shutter, y - tall + 0.5), QUAY + 2.9 - y)
        flowers = _box(front + 0.16, sill_y - 0.16, sill_u, 0.14, 0.13, 0.5) - 0.05 * self.noise(
            5 * z, 7 * y
        )
        flowers = np.where(self.flowered(row, z, y), np.maximum(flowers, y - tall + 0.9), 1.0)
        chimney = np.minimum(
            _box(front - 1.4, y - tall - 1.3, u - 1.1, 0.3, 1.3, 0.3),
            _box(front - 1.4, y - tall - 2.6, u - 1.1, 0.46, 0.22, 0.46),
        )
        whole = np.minimum.reduce([body, roof, ledge, sill, shutter, 0.7 * flowers, chimney])
        return whole, row, number

    def flowered(self, row: Array, z: Array, y: Array) -> Array:
        """Whether a window has a flower box."""
        window = np.floor(z / (HOUSE / 3)) * 5 + np.floor((y - QUAY) / 3.15) * 17 + 3
        return np.asarray((self.lamp[row, window.astype(np.int32) % 4096] > 0.6) & (y > QUAY + 3))

    def openings(self, depth: Array, y: Array, u: Array, tall: Array) -> Array:
        """Distance to the windows' and doors' holes."""
        wu = np.mod(u + HOUSE / 2, HOUSE / 3) - HOUSE / 6
        wy = np.mod(y - QUAY, 3.15) - 1.9
        hole = _box(depth, wy, wu, 0.16, 0.82, 0.46)
        top = np.maximum(hole, np.maximum(y - tall + 0.5, QUAY - y))
        return np.asarray(top)

    def bridge(self, p: Array) -> Array:
        x, y, z = p[..., 0], p[..., 1], p[..., 2] - BRIDGE
        rise = 4.55 - 0.034 * x * x
        deck = np.maximum(y - rise, np.abs(z) - 2.2)
        arch = np.hypot(x, (y + 0.4) * 1.12) - 4.35
        block = np.maximum(deck, -arch)
        rim = np.maximum(np.abs(np.hypot(x, (y + 0.4) * 1.12) - 4.52) - 0.17, np.abs(z) - 2.3)
        rail = np.maximum(np.abs(y - rise - 0.45) - 0.45, np.abs(np.abs(z) - 2.1) - 0.14)
        gap = np.maximum(np.abs(y - rise - 0.42) - 0.22, np.abs(np.mod(x, 0.5) - 0.25) - 0.13)
        block = np.minimum(np.minimum(block, rim), np.maximum(rail, -gap))
        return np.maximum(block, np.abs(x) - HALF - 2.5)

    def bridge_near(self, p: Array) -> Array:
        return _where(
            np.abs(p[..., 2] - BRIDGE) < 6, np.abs(p[..., 2] - BRIDGE) - 2.4, self.bridge, p
        )

    def tower_near(self, p: Array) -> Array:
        return _where(p[..., 2] > 45, 53 - p[..., 2], self.tower, p)

    def afloat(self, fleet: Callable[[Array], Array], top: float, p: Array) -> Array:
        """Boats and poles, up to `top` high, are looked for near the water and the camera only."""
        low = (p[..., 1] < top + 0.8) & (p[..., 2] < 29)
        return _where(low, np.maximum(p[..., 1] - top, p[..., 2] - 28), fleet, p)

    def tower(self, p: Array) -> Array:
        """A bell tower and a domed church beyond the bridge."""
        x, y, z = p[..., 0] + 4.6, p[..., 1], p[..., 2] - 58
        shaft = _box(x, y - 11, z, 1.9, 11, 1.9)
        shaft = np.maximum(shaft, -_box(np.mod(x + 0.6, 1.2) - 0.6, y - 19.4, z, 0.36, 1.5, 3))
        shaft = np.minimum(shaft, _box(x, y - 22.2, z, 2.25, 0.25, 2.25))
        shaft = np.minimum(shaft, _box(x, y - 17.3, z, 2.15, 0.18, 2.15))
        spire = np.maximum(0.93 * (np.maximum(np.abs(x), np.abs(z)) - (30.5 - y) * 0.25), 22 - y)
        cx, cz = p[..., 0] - 3.9, p[..., 2] - 66
        r = np.hypot(cx, cz)
        drum = np.maximum(r - 4.6, np.abs(y - 8) - 8)
        angle = np.arctan2(cz, cx)
        pillar = np.mod(angle, np.pi / 8) - np.pi / 16
        drum = np.maximum(
            drum,
            -np.maximum(np.maximum(4.2 - r, np.abs(pillar) * 4.5 - 0.38), np.abs(y - 13) - 1.6),
        )
        drum = np.minimum(drum, np.maximum(r - 5.0, np.abs(y - 16) - 0.3))
        ribs = 0.10 * np.abs(np.cos(8 * angle))
        dome = np.maximum(np.sqrt(r * r + ((y - 16.2) * 0.82) ** 2) - 4.6 - ribs, 16 - y)
        lantern = np.maximum(r - 0.8, np.abs(y - 22.6) - 1.2)
        top = np.sqrt(cx * cx + cz * cz + (y - 24.0) ** 2) - 0.9
        return np.asarray(np.minimum.reduce([shaft, spire, drum, 0.9 * dome, lantern, top]))

    def boats(self, p: Array) -> Array:
        """Small boats along the quays."""
        best = np.full(p.shape[:-1], 1e3, np.float32)
        for bx, bz, turn, long in GONDOLAS:
            x = p[..., 0] - bx - turn * (p[..., 2] - bz)
            y, z = p[..., 1], (p[..., 2] - bz) / long
            ends = z * z * z * z
            sheer = 0.42 + 0.75 * ends + 4.5 * np.clip(np.abs(z) - 0.86, 0, 1) * np.abs(z)
            slim = np.sqrt(np.clip(1 - z * z, 0, 1))
            wide = 0.72 * slim * np.sqrt(slim) * (0.7 + 0.45 * np.clip(y, 0, 0.8)) + 0.05
            hull = np.maximum(np.maximum(np.abs(x) - wide, y - sheer), (np.abs(z) - 1.0) * long)
            hull = np.maximum(hull, 0.55 * ends - 0.15 - y)
            hollow = np.maximum(
                np.maximum(np.abs(x) - wide + 0.09, 0.22 - y), (np.abs(z) - 0.8) * long
            )
            seats = np.maximum(
                np.maximum(np.abs(x) - 0.5, np.abs(y - 0.42) - 0.05),
                np.abs(np.abs(z) - 0.3) * long - 0.3,
            )
            best = np.minimum(best, 0.6 * np.minimum(np.maximum(hull, -hollow), seats))
        return best

    def poles(self, p: Array) -> Array:
        best = np.full(p.shape[:-1], 1e3, np.float32)
        for px, pz, tall in (
            (-2.5, 9.6, 2.6),
            (-2.75, 14.2, 2.3),
            (2.9, 15.0, 2.7),
            (2.8, 20.5, 2.4),
            (3.2, 9.0, 2.9),
        ):
            lean = 0.04 * p[..., 1]
            post = np.hypot(p[..., 0] - px - lean, p[..., 2] - pz) - 0.11
            best = np.minimum(best, np.maximum(post, p[..., 1] - tall))
        return best

    def quay(self, p: Array) -> Array:
        x, y = np.abs(p[..., 0]), p[..., 1]
        return np.maximum(HALF - x, y - QUAY)

    def parts(self, p: Array) -> list[Array]:
        return [
            self.houses(p)[0],
            self.quay(p),
            self.bridge_near(p),
            self.tower_near(p),
            self.afloat(self.boats, 1.9, p),
            self.afloat(self.poles, 2.95, p),
        ]

    def __call__(self, p: Array) -> Array:
        return np.asarray(np.minimum.reduce(self.parts(p)))


def _where(mask: Array, bound: Array, field: Callable[[Array], Array], p: Array) -> Array:
    """The field where the mask holds; elsewhere a bound below it, which costs less."""
    near = np.flatnonzero(mask)
    distance = np.asarray(bound, np.float32).copy()
    distance[near] = field(p[near])
    return distance


def _box(
    x: Array, y: Array, z: Array, half_x: float, half_y: Array | float, half_z: float
) -> Array:
    """Distance to a box around the origin; exact inside and before its faces."""
    return np.maximum(np.maximum(np.abs(x) - half_x, np.abs(y) - half_y), np.abs(z) - half_z)
