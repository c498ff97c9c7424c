"""Images (1, 3, H, W) of float32 in numpy: their sizes, their colors, and noise.

The same as `scales.resizing`, `pictures.color`, `painted` and `handover`; the tests compare.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from gramarye.feedforward.settings import MULTIPLE
from gramarye.graphs.moments import symmetric_root
from gramarye.graphs.writing import Array

LEVEL = 1e-5  # the least variance of colors, under one 8-bit level squared
GRAY = 1.01 / 255  # a level of 8 bits, and what float32 may add to it


def resize(image: Array, height: int, width: int) -> Array:
    """The image at another size: bicubic, antialiased where it shrinks, as PyTorch has it."""
    if image.shape[-2:] == (height, width):
        return image
    planes = [
        Image.fromarray(np.ascontiguousarray(plane)).resize(
            (width, height), Image.Resampling.BICUBIC
        )
        for plane in image[0]
    ]
    return np.stack([np.asarray(plane) for plane in planes])[None]


def whole(image: Array) -> Array:
    """The image, mirrored at its far sides up to the next multiple of pixels."""
    height, width = image.shape[-2:]
    missing = -height % MULTIPLE, -width % MULTIPLE
    mode = "reflect" if missing[0] < height and missing[1] < width else "edge"
    return np.pad(image, ((0, 0), (0, 0), (0, missing[0]), (0, missing[1])), mode=mode)  # type: ignore[call-overload, no-any-return]


def add_detail(before: Array | None, content: Array, share: float) -> Array:
    """A smaller image at the content's size, with a share of the detail it has no room for."""
    if before is None:
        return content
    if before.shape == content.shape:
        return before
    height, width = content.shape[-2:]
    # Resizing is linear: what both images are enlarged by is enlarged once.
    coarse = resize(content, *before.shape[-2:])
    smooth = resize(before - np.float32(share) * coarse, height, width)
    return smooth + np.float32(share) * content


def uniform_noise(height: int, width: int, seed: int) -> Array:
    """White noise in [0, 1], the numbers that PyTorch draws for that seed on a processor.

    Both draw from a Mersenne twister that begins with the seed's low 32 bits, and a float32 is the
    low 24 bits of what it gives.
    """
    drawn = np.random.RandomState(seed & 0xFFFFFFFF).randint(
        0, 1 << 32, 3 * height * width, dtype=np.uint32
    )
    low = (drawn & 0xFFFFFF).astype(np.float32)
    return (low * np.float32(2**-24)).reshape(1, 3, height, width)


def is_gray(image: Array) -> bool:
    return float((image.max(1) - image.min(1)).max()) <= GRAY


def mean_and_covariance(rows: Array, weights: Array | None = None) -> tuple[Array, Array]:
    """Of colors (3, N), in float64; by weights (N,) if there are any."""
    if weights is None:
        mean = rows.mean(1, dtype=np.float64)
        centered = rows - mean.astype(np.float32)[:, None]
        return mean, (centered @ centered.T).astype(np.float64) / rows.shape[1]
    count = weights.sum(dtype=np.float64)
    mean = (rows * weights).sum(1, dtype=np.float64) / count
    centered = rows - mean.astype(np.float32)[:, None]
    return mean, ((centered * weights) @ centered.T).astype(np.float64) / count


def match_colors(content: Array, styles: Sequence[Array], mix: Sequence[float]) -> Array:
    """The content in the colors of the styles' pixels together, by the map that moves them least.

    `mix` is how much each style counts; without it every pixel does alike.
    """
    rows = np.concatenate([style.reshape(3, -1) for style in styles], 1)
    weights = None
    if len(mix) == len(styles) > 1:
        largest = max(mix)
        sizes = [style[0, 0].size for style in styles]
        each = (weight / largest / size for weight, size in zip(mix, sizes, strict=True))
        parts = [np.full(n, w, np.float32) for n, w in zip(sizes, each, strict=True)]
        weights = np.concatenate(parts)
    mean, covariance = mean_and_covariance(content.reshape(3, -1))
    goal, spread = mean_and_covariance(rows, weights)
    old, new = raised(covariance), raised(spread)
    values, vectors = np.linalg.eigh(old)
    root = (vectors * np.sqrt(values)) @ vectors.T
    inverse = (vectors / np.sqrt(values)) @ vectors.T
    matrix = inverse @ symmetric_root(root @ new @ root) @ inverse
    shift = (goal - matrix @ mean).astype(np.float32)
    moved = matrix.astype(np.float32) @ content.reshape(3, -1) + shift[:, None]
    found: Array = moved.clip(0, 1).reshape(content.shape)
    return found


def raised(covariance: Array) -> Array:
    """The matrix whose eigenvalues are those of `covariance`, but none under a level's."""
    values, vectors = np.linalg.eigh(covariance)
    found: Array = (vectors * values.clip(LEVEL)) @ vectors.T
    return found
