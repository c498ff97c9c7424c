"""From light to photograph: bloom, tone curve, vignette and film grain."""

import numpy as np

from tools.paint_samples.noise import Array, blur, pixel_grid


def develop(
    light: Array, rng: np.random.Generator, exposure: float = 1.0, bloom: float = 0.12,
    vignette: float = 0.25, grain: float = 0.012,
) -> Array:  # fmt: skip
    """Linear light (H, W, 3) as an sRGB picture in [0, 1]."""
    height, width = light.shape[:2]
    light = np.maximum(light * exposure, 0)
    veil = 0.6 * blur(light, height * 0.008) + 0.4 * blur(light, height * 0.04)
    light = light + bloom * (veil - light)
    x, y = pixel_grid(height, width)
    from_center = np.hypot(x - 0.5 * width / height, y - 0.5)
    light = light * (1 - vignette * from_center**2)[..., None]
    picture = encode(filmic(light))
    # Grain is finer than a pixel in a small picture, so it fades there.
    speckle = rng.standard_normal((height, width, 1)) * grain * min(1, height / 600)
    picture = picture + speckle * (0.4 + picture * (1 - picture) * 2.4)
    return np.asarray(np.clip(picture, 0, 1))


def filmic(light: Array) -> Array:
    """The tone curve of ACES as fitted by Narkowicz (2015): [0, inf) to [0, 1]."""
    return np.asarray(
        np.clip(light * (2.51 * light + 0.03) / (light * (2.43 * light + 0.59) + 0.14), 0, 1)
    )


def encode(linear: Array) -> Array:
    """Linear [0, 1] to sRGB [0, 1]."""
    low, high = 12.92 * linear, 1.055 * np.maximum(linear, 1e-6) ** (1 / 2.4) - 0.055
    return np.where(linear <= 0.0031308, low, high)
