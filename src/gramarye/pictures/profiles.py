"""ICC colour profiles: everything becomes sRGB on the way in, and says so on the way out.

Eight bits go through LittleCMS, relative colorimetric with black point compensation, as image
editors do by default. Pillow has no 16-bit door to LittleCMS, so 16-bit pictures with a
matrix profile (Adobe RGB, Display P3, ProPhoto, gray gammas) are computed here in floats.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

Array = NDArray[Any]

_MODES = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK", "LAB": "LAB"}
Conversion = Callable[[Array], Array]


@dataclass(frozen=True)
class MatrixProfile:
    """A profile that is three tone curves and a matrix, or one curve for gray."""

    curves: tuple[Array, ...]  # each: linear light at equally spaced values from 0 to 1
    to_xyz: Array | None  # (3, 3), linear RGB to XYZ under D50; None for gray

    def to_srgb(self, color: Array) -> Array:
        """(..., C) values in [0, 1] to (..., 3) sRGB in [0, 1], clipped to its gamut."""
        light = np.stack(
            [
                np.interp(color[..., i], np.linspace(0, 1, len(curve)), curve)
                for i, curve in enumerate(self.curves)
            ],
            axis=-1,
        )
        if self.to_xyz is None:
            light = np.repeat(light, 3, axis=-1)
        else:
            light = light @ (_srgb_from_xyz() @ self.to_xyz).T
        return _srgb_encode(light.clip(0, 1))


def srgb_conversion(
    space: str, dtype: np.dtype[Any], icc: bytes | None
) -> tuple[Conversion, tuple[str, ...]]:
    """What turns (H, W, C) samples of `space` to (H, W, 3) sRGB, and what to tell the user.

    The result has the samples' dtype. Every pixel is converted by itself, so a picture may come
    in bands. A missing profile means sRGB for gray and RGB, and the plain inversion for CMYK.
    """
    plain = _plain_conversion(space)
    if icc is None or space == "LAB":  # Lab says itself what its numbers mean
        note = "CMYK without a colour profile: the colours are approximate"
        return plain, (note,) if space == "CMYK" else ()
    profile_space = icc[16:20].decode("latin-1").strip().upper()
    gray_as_rgb = space == "GRAY" and profile_space == "RGB"
    if space != profile_space and not gray_as_rgb:
        return plain, (
            f"the embedded colour profile is for {profile_space or 'unknown'} and the picture is "
            f"{space}: the profile is ignored",
        )
    matrix_profile = parse_matrix_profile(icc)
    if matrix_profile is not None and _is_srgb(matrix_profile):
        return plain, ()
    notes: tuple[str, ...] = ()
    if dtype != np.uint8 and matrix_profile is not None:
        convert: Conversion = partial(_through_matrix, profile=matrix_profile)
    else:
        try:
            convert = _littlecms_conversion(profile_space, icc)
        except (ImageCms.PyCMSError, OSError, ValueError) as error:
            reason = f"the embedded colour profile cannot be used ({error})"
            return plain, (f"{reason}: the colours are read as sRGB",)
        if dtype != np.uint8:
            notes = ("the colour profile is a table: the colours were converted with 8 bits",)
    return (lambda color: convert(_gray_to_rgb(color))) if gray_as_rgb else convert, notes


@cache
def srgb_profile() -> bytes:
    """The sRGB profile we embed; the same bytes every time."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # Bytes 24 to 35 are the time of making; one picture should be one file.
    return profile[:24] + struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + profile[36:]


def parse_matrix_profile(icc: bytes) -> MatrixProfile | None:
    """The curves and the matrix of an ICC profile (ICC.1:2010, 8.3); None for any other kind."""
    try:
        tags = _tags(icc)
        if "A2B0" in tags or "A2B1" in tags:
            return None
        if "kTRC" in tags:
            return MatrixProfile((_curve(tags["kTRC"]),), None)
        curves = tuple(_curve(tags[name]) for name in ("rTRC", "gTRC", "bTRC"))
        columns = [_xyz(tags[name]) for name in ("rXYZ", "gXYZ", "bXYZ")]
    except (KeyError, ValueError, struct.error):
        return None
    return MatrixProfile(curves, np.array(columns).T)


def _tags(icc: bytes) -> dict[str, bytes]:
    (count,) = struct.unpack_from(">I", icc, 128)
    if count > 200:  # real profiles have about ten
        raise ValueError("not a tag table")
    tags = {}
    for i in range(count):
        signature, offset, size = struct.unpack_from(">4sII", icc, 132 + 12 * i)
        tags[signature.decode("latin-1")] = icc[offset : offset + size]
    return tags


def _xyz(tag: bytes) -> list[float]:
    return [value / 65536 for value in struct.unpack_from(">3i", tag, 8)]


def _curve(tag: bytes, samples: int = 4096) -> Array:
    """Linear light at `samples` equally spaced values: a `curv` or a `para` tag."""
    x = np.linspace(0, 1, samples)
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            return x
        values = struct.unpack_from(f">{count}H", tag, 12)
        if count == 1:
            return np.asarray(x ** (values[0] / 256))
        return np.array(values) / 65535
    if tag[:4] != b"para":
        raise ValueError("unknown kind of curve")
    (kind,) = struct.unpack_from(">H", tag, 8)
    if kind > 4:
        raise ValueError("unknown kind of curve")
    numbers = struct.unpack_from(f">{(1, 3, 4, 5, 7)[kind]}i", tag, 12)
    g, a, b, c, d, e, f = ([n / 65536 for n in numbers] + [0.0] * 6)[:7]
    if kind == 0:
        return np.asarray(x**g)
    if kind in (1, 2):  # y = (ax + b)^g + c where ax + b >= 0, else c
        return np.asarray(np.maximum(a * x + b, 0) ** g + c)
    # y = (ax + b)^g + e where x >= d, else cx + f
    return np.asarray(np.where(x >= d, np.maximum(a * x + b, 0) ** g + e, c * x + f))


@cache
def _srgb_from_xyz() -> Array:
    profile = parse_matrix_profile(srgb_profile())
    assert profile is not None and profile.to_xyz is not None
    inverse: Array = np.linalg.inv(profile.to_xyz)
    return inverse


def _srgb_encode(light: Array) -> Array:
    """Linear light to sRGB (IEC 61966-2-1)."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def _is_srgb(profile: MatrixProfile) -> bool:
    """Whether the profile moves no colour by as much as one 8-bit level."""
    ramp = np.linspace(0, 1, 64)[:, None].repeat(len(profile.curves), axis=1)
    colors = np.concatenate([ramp, np.eye(3) * 0.8]) if profile.to_xyz is not None else ramp
    return bool(np.abs(profile.to_srgb(colors) - colors).max() < 1 / 255)


def _through_matrix(color: Array, profile: MatrixProfile) -> Array:
    scale = 65535 if color.dtype == np.uint16 else 1
    converted = profile.to_srgb(color / scale) * scale
    return (converted.round() if scale > 1 else converted).astype(color.dtype)


def _littlecms_conversion(space: str, icc: bytes) -> Conversion:
    mode = _MODES[space]
    source: Any = ImageCms.createProfile("LAB") if space == "LAB" else BytesIO(icc)
    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(source),
        ImageCms.ImageCmsProfile(BytesIO(srgb_profile())),
        mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )

    def convert(color: Array) -> Array:
        converted = ImageCms.applyTransform(as_pillow(_to_eight_bits(color), mode), transform)
        assert converted is not None  # None is for conversions in place
        return _from_eight_bits(np.array(converted), color.dtype)

    return convert


def _plain_conversion(space: str) -> Conversion:
    if space == "GRAY":
        return _gray_to_rgb
    if space == "CMYK":
        return _cmyk_to_rgb
    if space == "LAB":
        return _littlecms_conversion(space, b"")
    return lambda color: color


def _gray_to_rgb(color: Array) -> Array:
    return np.repeat(color, 3, axis=-1)


def _cmyk_to_rgb(color: Array) -> Array:
    return np.array(as_pillow(_to_eight_bits(color), "CMYK").convert("RGB"))


def as_pillow(samples: Array, mode: str) -> Image.Image:
    """(H, W, C) or (H, W) uint8 samples as a Pillow image of the same mode."""
    height, width = samples.shape[:2]
    return Image.frombytes(mode, (width, height), np.ascontiguousarray(samples).tobytes())


def _to_eight_bits(color: Array) -> Array:
    if color.dtype == np.uint8:
        return color
    levels = color / 257 if color.dtype == np.uint16 else color * 255
    return levels.round().astype(np.uint8)


def _from_eight_bits(color: Array, dtype: np.dtype[Any]) -> Array:
    if dtype == np.uint8:
        return color
    return color.astype(dtype) * 257 if dtype == np.uint16 else (color / 255).astype(dtype)
