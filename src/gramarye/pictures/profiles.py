"""ICC color profiles: everything becomes sRGB on the way in, and says so on the way out.

LittleCMS converts, relative colorimetric with black point compensation, as image editors do by
default: through libvips, at 8 or 16 bits per channel.
"""

from functools import cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

from gramarye.pictures.rows import Array
from gramarye.pictures.vips import CHANNELS, VipsImage, bit_depth, named, pyvips, vips_samples

_HOW = {"intent": "relative", "black_point_compensation": True}


def to_srgb(color: VipsImage, space: str, icc: bytes | None) -> tuple[VipsImage, tuple[str, ...]]:
    """Three bands of sRGB, as deep as those of `color`, and what to tell the user.

    A missing profile means sRGB for gray and RGB, and the plain inversion for CMYK.
    """
    if icc is None:
        note = "CMYK without a color profile: the colors are approximate"
        return _plain(color, space), (note,) if space == "CMYK" else ()
    profile_space = "".join(c for c in icc[16:20].decode("latin-1") if c.isalnum()).upper()
    if space == "GRAY" and profile_space == "RGB":
        color, space = _gray_to_rgb(color), "RGB"
    if space != profile_space:
        return _plain(color, space), (
            f"the embedded color profile is for {profile_space or 'unknown'} and the picture is "
            f"{space}: the profile is ignored",
        )
    try:
        is_srgb = _is_srgb(icc, space)
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        reason = f"the embedded color profile cannot be used ({error})"
        return _plain(color, space), (f"{reason}: the colors are read as sRGB",)
    return (_plain(color, space) if is_srgb else _through_profile(color, icc)), ()


@cache
def srgb_profile() -> bytes:
    """The sRGB profile we convert to and embed; the same bytes every time."""
    return bytes(pyvips().Operation.call("profile_load", "srgb"))


def lab_to_srgb(samples: Array) -> VipsImage:
    """(H, W, 3) CIELAB under D50, of 8 bits as Pillow has them, as 8 bits of sRGB."""
    unsigned = samples ^ np.array([0, 128, 128], np.uint8)
    lab = vips_samples(unsigned, "RGB").linear([100 / 255, 1, 1], [0, -128, -128])
    return lab.copy(interpretation="lab").icc_export(output_profile="srgb", depth=8, **_HOW)


def _through_profile(color: VipsImage, icc: bytes) -> VipsImage:
    color = color.copy()
    color.set_type(pyvips().GValue.blob_type, "icc-profile-data", icc)
    if bit_depth(color) == 8:
        return color.icc_transform("srgb", embedded=True, depth=8, **_HOW)
    # In one step LittleCMS goes through a table of 33 steps a side, up to 19 8-bit levels off.
    lab = color.icc_import(embedded=True, pcs="lab", **_HOW)
    return lab.icc_export(output_profile="srgb", depth=16, pcs="lab", **_HOW)


def _is_srgb(icc: bytes, space: str) -> bool:
    """Whether the profile moves no color by more than one 8-bit level; an error if it is none."""
    profile = ImageCms.ImageCmsProfile(BytesIO(icc))
    mode = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}[space]
    transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB")
    if space == "CMYK":
        return False
    ramp = np.arange(256, dtype=np.uint8)[None, :, None].repeat(CHANNELS[space], axis=-1)
    pure = 204 * np.eye(3, dtype=np.uint8)[None] if space == "RGB" else ramp
    probe = as_pillow(np.concatenate([ramp, pure], axis=1), mode)
    found, expected = ImageCms.applyTransform(probe, transform), probe.convert("RGB")
    return int(np.abs(np.asarray(found, np.int64) - np.asarray(expected, np.int64)).max()) <= 1


def _plain(color: VipsImage, space: str) -> VipsImage:
    if space == "GRAY":
        return _gray_to_rgb(color)
    if space == "CMYK":
        full = 2 ** bit_depth(color) - 1
        ink = color.linear(-1, full)
        light = ink.extract_band(0, n=3) * ink.extract_band(3) / full
        return light.rint().cast(color.format)
    return color


def _gray_to_rgb(color: VipsImage) -> VipsImage:
    return named(color.bandjoin([color, color]), "RGB")


def as_pillow(samples: Array, mode: str) -> Image.Image:
    """(H, W, C) or (H, W) uint8 samples as a Pillow image of the same mode."""
    height, width = samples.shape[:2]
    return Image.frombytes(mode, (width, height), np.ascontiguousarray(samples).tobytes())
