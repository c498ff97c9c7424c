"""High dynamic range shown as sRGB: PQ and HLG, tone-mapped.

Light is in cd/m2 of a display of 1000 cd/m2. The largest of red, green and blue is brought to the
range of a display whose white is 203 cd/m2, the reference white (ITU-R BT.2408): below 88 cd/m2,
the knee, it stays as it is, above it is rolled off (ITU-R BT.2390-11, section 5.4.1). All three
move by one factor, so that hues stay. Then BT.2020's primaries become BT.709's.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gramarye.video.frames import Pixels

Light = NDArray[Any]  # float, (..., 3), or (...)

PQ, HLG = 16, 18  # transfer characteristics of ITU-T H.273
NAMES = {PQ: "PQ", HLG: "HLG"}
WHITE = 203.0  # cd/m2 of reference white, which becomes the brightest that sRGB has
PEAK = 1000.0  # cd/m2 that most films are graded for, and HLG's nominal display (BT.2100)
GAMMA = 1.2  # of HLG's system at PEAK (BT.2100, table 5)
# SMPTE ST 2084, equation 4.1.
M1, M2 = 2610 / 16384, 2523 / 4096 * 128
C1, C2, C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
# ARIB STD-B67; BT.2100, table 5.
A, B, C = 0.17883277, 0.28466892, 0.55991073
LUMA = np.array([0.2627, 0.6780, 0.0593], np.float32)  # of BT.2020
# Linear BT.2020 to linear BT.709 (ITU-R BT.2087, section 3, inverted).
TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    np.float32,
)


def pq_to_light(signal: Light) -> Light:
    """The light in cd/m2, up to 10,000, of a PQ signal in [0, 1] (SMPTE ST 2084)."""
    root = np.power(np.clip(signal, 0, 1), 1 / M2)
    found: Light = 10_000 * np.power(np.maximum(root - C1, 0) / (C2 - C3 * root), 1 / M1)
    return found


def light_to_pq(light: Light) -> Light:
    """The PQ signal in [0, 1] of light in cd/m2: the inverse of `pq_to_light`."""
    power = np.power(np.maximum(light, 0) / 10_000, M1)
    found: Light = np.power((C1 + C2 * power) / (1 + C3 * power), M2)
    return found


def hlg_to_scene(signal: Light) -> Light:
    """The scene's light in [0, 1] of an HLG signal in [0, 1] (ARIB STD-B67, inverse OETF)."""
    signal = np.clip(signal, 0, 1)
    found: Light = np.where(
        signal <= 0.5, np.square(signal) / 3, (np.exp((signal - C) / A) + B) / 12
    )
    return found


def hlg_to_light(signal: Light) -> Light:
    """The light (..., 3) in cd/m2 of a display of 1000, of an HLG signal (BT.2100's OOTF)."""
    scene = hlg_to_scene(signal)
    luminance = (scene @ LUMA)[..., None]
    found: Light = PEAK * np.power(np.maximum(luminance, 1e-9), GAMMA - 1) * scene
    return found


def rolled_off(light: Light) -> Light:
    """Light up to PEAK brought to at most WHITE, in cd/m2 (BT.2390-11, 5.4.1; black is 0).

    In PQ's steps, as the eye sees them: a line below the knee, and a Hermite spline above.
    """
    peak, most = (float(light_to_pq(np.array(x))) for x in (PEAK, WHITE))
    most /= peak
    knee = 1.5 * most - 0.5
    seen = np.clip(light_to_pq(light) / peak, 0, 1)
    t = np.clip((seen - knee) / (1 - knee), 0, 1)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (-2 * t**3 + 3 * t**2) * most
    )
    return pq_to_light(np.where(seen < knee, seen, spline) * peak)


def to_srgb(light: Light) -> Light:
    """BT.2020 light (H, W, 3) in cd/m2 as sRGB in [0, 1]."""
    brightest = light.max(-1)
    shown = light * factor_of(brightest)[..., None] / WHITE
    linear = np.clip(shown @ TO_709.T, 0, 1)
    found: Light = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * np.power(linear, 1 / 2.4) - 0.055
    )
    return found


def factor_of(brightest: Light) -> Light:
    """What a color is multiplied by whose largest of three has so many cd/m2 (H, W)."""
    points, factors = curve()
    found: Light = np.interp(np.sqrt(brightest), points, factors).astype(np.float32)
    return found


@cache
def curve() -> tuple[Light, Light]:
    """The roots of light in cd/m2, 4096 even steps, and the factors there."""
    roots = np.linspace(0, 100, 4096, dtype=np.float64)
    light = np.square(roots)
    factors = rolled_off(light) / np.maximum(light, 1e-9)
    factors[0] = 1
    return roots, factors


@cache
def pq_table() -> Light:
    """The light of every PQ signal of 16 bits."""
    return pq_to_light(np.arange(65536) / 65535).astype(np.float32)


def tone_mapped(pixels: NDArray[np.uint16], transfer: int) -> Pixels:
    """RGB of 16 bits (H, W, 3) in BT.2020, coded by PQ or HLG, as sRGB of 8 bits."""
    if transfer == PQ:
        light = pq_table()[pixels]
    else:
        light = hlg_to_light(pixels.astype(np.float32) / 65535)
    found: Pixels = np.rint(255 * to_srgb(light)).astype(np.uint8)
    return found


def wide_pixels(frame: Any) -> NDArray[np.uint16]:
    """PyAV's frame as RGB of 16 bits (H, W, 3); the matrix is BT.2020's unless it says another."""
    bt2020, bt709 = 9, 1
    space = bt709 if int(frame.colorspace) == bt709 else bt2020
    rgb = frame.reformat(format="rgb48le", src_colorspace=space, dst_colorspace=space)
    found: NDArray[np.uint16] = rgb.to_ndarray()
    return found
