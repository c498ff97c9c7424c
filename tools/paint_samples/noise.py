"""Noise and small geometry that the sample painters share.

Every painter works in units of the picture's height, with y pointing down, so that a picture
painted at 64 pixels is the small version of the one painted at 1024.
"""

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

BLOCK = 32_768  # points whose numbers fit in the processor's cache
LATTICE = 256  # gradients repeat after so many cells; no picture is that many cells wide


def pixel_grid(height: int, width: int) -> tuple[Array, Array]:
    """Pixel centers (x, y), each (H, W), in picture heights; x runs from 0 to width / height."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return (x + 0.5) / height, (y + 0.5) / height


def picture_shape(size: int, aspect: float) -> tuple[int, int]:
    """(height, width) with the given longest side and width / height."""
    if aspect >= 1:
        return max(1, round(size / aspect)), size
    return size, max(1, round(size * aspect))


def smoothstep(low: float, high: float, x: Array) -> Array:
    """0 below low, 1 above high, cubic between; low may exceed high."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def mix(a: Any, b: Any, weight: Array) -> Array:
    """a where weight is 0, b where it is 1; colors get a trailing axis of weight."""
    a, b = np.asarray(a, dtype=np.float32), np.asarray(b, dtype=np.float32)
    w = weight[..., None] if max(a.ndim, b.ndim) == weight.ndim + 1 or _is_color(a, b) else weight
    return np.asarray(a * (1 - w) + b * w)


def _is_color(a: Array, b: Array) -> bool:
    return a.shape == (3,) or b.shape == (3,)


def rgb(code: str) -> Array:
    """'#d8a03c' as three floats in [0, 1]."""
    return np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)], dtype=np.float32) / 255


def palette_lookup(colors: list[str], t: Array) -> Array:
    """Colors (..., 3) interpolated along a list of hex codes; t in [0, 1]."""
    table = np.stack([rgb(code) for code in colors])
    stops = np.linspace(0, 1, len(colors))
    return np.stack([np.interp(t, stops, table[:, c]) for c in range(3)], -1).astype(np.float32)


@final
class Noise:
    """Gradient noise on a plane (Perlin, 2002), in about [-1, 1]; one generator, one noise."""

    def __init__(self, rng: np.random.Generator) -> None:
        angle = rng.uniform(0, 2 * np.pi, LATTICE * LATTICE)
        self.gx = np.cos(angle).astype(np.float32)
        self.gy = np.sin(angle).astype(np.float32)

    def __call__(self, x: Array, y: Array) -> Array:
        x, y = np.broadcast_arrays(np.asarray(x, np.float32), np.asarray(y, np.float32))
        values = np.empty(x.size, np.float32)
        flat_x, flat_y = x.ravel(), y.ravel()
        for start in range(0, x.size, BLOCK):
            part = slice(start, start + BLOCK)
            values[part] = self._values(flat_x[part], flat_y[part])
        return values.reshape(x.shape)

    def _values(self, x: Array, y: Array) -> Array:
        x0, y0 = np.floor(x), np.floor(y)
        fx, fy = x - x0, y - y0
        ix, iy = x0.astype(np.int32) % LATTICE, y0.astype(np.int32) % LATTICE
        ix1, iy1 = (ix + 1) % LATTICE, (iy + 1) % LATTICE
        iy *= LATTICE
        iy1 *= LATTICE
        u = fx * fx * fx * (fx * (fx * 6 - 15) + 10)
        v = fy * fy * fy * (fy * (fy * 6 - 15) + 10)
        n00 = self._corner(iy + ix, fx, fy)
        n10 = self._corner(iy + ix1, fx - 1, fy)
        n01 = self._corner(iy1 + ix, fx, fy - 1)
        n11 = self._corner(iy1 + ix1, fx - 1, fy - 1)
        top = n00 + u * (n10 - n00)
        return np.asarray(1.5 * (top + v * (n01 + u * (n11 - n01) - top)))

    def _corner(self, index: Array, dx: Array, dy: Array) -> Array:
        return np.asarray(self.gx[index] * dx + self.gy[index] * dy)

    def fbm(self, x: Array, y: Array, octaves: int = 5, gain: float = 0.5) -> Array:
        """Octaves of noise, each turned, twice as fine and `gain` as strong; about [-1, 1]."""
        total, weight = np.zeros(np.broadcast(x, y).shape, np.float32), 1.0
        for _ in range(octaves):
            total += weight * self(x, y)
            x, y = 1.62 * x - 1.18 * y + 17.3, 1.18 * x + 1.62 * y + 9.1
            weight *= gain
        return total

    def ridged(self, x: Array, y: Array, octaves: int = 5, gain: float = 0.5) -> Array:
        """Octaves of sharp crests, finer ones only where the coarser are high; about [0, 2]."""
        total, weight = np.zeros(np.broadcast(x, y).shape, np.float32), 1.0
        carried: Array = np.ones_like(total)
        for _ in range(octaves):
            crest = (1 - np.abs(self(x, y))) ** 2 * carried
            total += weight * crest
            carried = np.clip(crest * 1.6, 0, 1)
            x, y = 1.62 * x - 1.18 * y + 17.3, 1.18 * x + 1.62 * y + 9.1
            weight *= gain
        return total


def blur(image: Array, sigma: float) -> Array:
    """Gaussian blur over the first two axes; sigma in pixels."""
    from scipy.ndimage import gaussian_filter

    sigmas = (sigma, sigma) + (0,) * (image.ndim - 2)
    return np.asarray(gaussian_filter(image, sigmas, mode="nearest"))


def shrink(image: Array, factor: int) -> Array:
    """Box average over factor x factor pixels."""
    height, width = image.shape[0] // factor, image.shape[1] // factor
    cut = image[: height * factor, : width * factor]
    blocks = cut.reshape(height, factor, width, factor, *image.shape[2:])
    return np.asarray(blocks.mean(axis=(1, 3)))


def sample(image: Array, row: Array, column: Array) -> Array:
    """Bilinear look-up at fractional pixels; beyond the border the border goes on."""
    height, width = image.shape[:2]
    row, column = np.clip(row, 0, height - 1.001), np.clip(column, 0, width - 1.001)
    r, c = row.astype(np.int32), column.astype(np.int32)
    r1, c1 = np.minimum(r + 1, height - 1), np.minimum(c + 1, width - 1)
    fr, fc = (row - r).astype(np.float32), (column - c).astype(np.float32)
    if image.ndim == 3:
        fr, fc = fr[..., None], fc[..., None]
    top = image[r, c] * (1 - fc) + image[r, c1] * fc
    return np.asarray(top * (1 - fr) + (image[r1, c] * (1 - fc) + image[r1, c1] * fc) * fr)
