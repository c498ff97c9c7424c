"""From samples and metadata to the bytes of a file.

PNG and TIFF are written here, because Pillow writes no 16-bit colour; the rest is Pillow's
(HEIC: pillow-heif's).
"""

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, TiffImagePlugin, TiffTags

from gramarye.errors import InputError, OutputError
from gramarye.image_files.formats import Format
from gramarye.image_files.metadata import (
    EXIF_ERRORS,
    Metadata,
    exif_bytes,
    exif_for_result,
    without_recipe,
    xmp_with_recipe,
)
from gramarye.image_files.profiles import as_pillow, srgb_profile

Array = NDArray[Any]

# A JPEG segment holds 65,533 bytes; XMP and EXIF begin with their names, IPTC with a resource
# header of 28.
_JPEG_XMP = 65533 - len(b"http://ns.adobe.com/xap/1.0/\x00")
_JPEG_EXIF = 65533
_JPEG_IPTC = 65533 - 28
_TIFF_MOST = 2**32 - 2**24  # offsets have 32 bits; the rest is for the metadata
_FULL_CHROMA_FROM = 90  # quality from which colours are no longer halved in resolution


@dataclass(frozen=True)
class Carried:
    """The metadata as it goes into one file."""

    exif: dict[int, Any] | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    dpi: tuple[float, float] | None = None
    text: tuple[tuple[str, str], ...] = ()

    def exif_block(self) -> bytes:
        """Beginning with 'Exif'; empty without EXIF."""
        return exif_bytes(self.exif or {}) or b""


def encode(samples: Array, format_: Format, carried: Carried, quality: int) -> bytes:
    """(H, W, 3 or 4) uint8 or uint16 samples as the bytes of a file."""
    if format_.name == "PNG":
        return png_bytes(samples, carried)
    if format_.name == "TIFF":
        return tiff_bytes(samples, carried)
    image = as_pillow(samples, "RGBA" if samples.shape[-1] == 4 else "RGB")
    chroma = "4:4:4" if quality >= _FULL_CHROMA_FROM else "4:2:0"
    common: dict[str, Any] = {
        "quality": quality,
        "icc_profile": srgb_profile(),
        "exif": carried.exif_block(),
        "xmp": carried.xmp or b"",
    }
    file = BytesIO()
    if format_.name == "JPEG":
        if carried.dpi:
            common["dpi"] = carried.dpi
        if carried.text:
            common["comment"] = carried.text[0][1].encode()
        iptc = _app13(carried.iptc) if carried.iptc else b""
        image.save(file, "JPEG", subsampling=chroma, extra=iptc, **common)
    elif format_.name == "WebP":  # exact: keep the colours under transparent pixels
        image.save(file, "WEBP", lossless=quality == 100, exact=True, **common)
    elif format_.name == "AVIF":
        # Speed 8 of 10 takes a third of the time of the usual 6, for 3% larger files.
        image.save(file, "AVIF", subsampling=chroma, speed=8, **common)
    else:
        _save_heic(image, file, chroma, common)
    return file.getvalue()


def carry(
    metadata: Metadata, format_: Format, size: tuple[int, int], recipe: str | None, strip: bool
) -> tuple[Carried, tuple[str, ...]]:
    """What of the content's metadata the format can hold, and what is left out."""
    if strip:
        metadata = Metadata()
    notes: list[str] = []
    exif = _fitting_exif(metadata.exif, format_, size, notes)
    xmp = without_recipe(metadata.xmp) if metadata.xmp else None
    if xmp and format_.name == "JPEG" and len(xmp) > _JPEG_XMP:
        xmp = None
        notes.append("the XMP metadata is too long for JPEG and is left out")
    if recipe is not None:
        xmp = _with_recipe(xmp, recipe, format_, notes)
    iptc = metadata.iptc
    if iptc and (format_.name not in ("JPEG", "TIFF") or len(iptc) > _JPEG_IPTC):
        iptc = None
        notes.append(f"the IPTC record has no place in {format_.name} and is left out")
    text = metadata.text
    if format_.name == "JPEG":
        text = tuple(item for item in text if item[0] == "Comment" and len(item[1]) < 16000)[:1]
    elif format_.name != "PNG":
        text = ()
    if len(text) < len(metadata.text):
        lost = ", ".join(key for key, value in metadata.text if (key, value) not in text)
        notes.append(f"{format_.name} has no place for these texts, which are left out: {lost}")
    return Carried(exif, xmp, iptc, metadata.dpi, text), tuple(notes)


def _fitting_exif(
    exif: bytes | None, format_: Format, size: tuple[int, int], notes: list[str]
) -> dict[int, Any] | None:
    if exif is None:
        return None
    try:
        values = exif_for_result(exif, *size)
        length = len(exif_bytes(values) or b"")
        if format_.name == "JPEG" and length > _JPEG_EXIF:
            values.get(ExifTags.IFD.Exif, {}).pop(ExifTags.Base.MakerNote, None)
            notes.append("the camera maker's private EXIF note is too long for JPEG and left out")
        if format_.name == "JPEG" and len(exif_bytes(values) or b"") > _JPEG_EXIF:
            notes.append("the EXIF data is too long for JPEG and is left out")
            return None
    except EXIF_ERRORS:
        notes.append("the EXIF data is damaged and is left out")
        return None
    return values


def _with_recipe(xmp: bytes | None, recipe: str, format_: Format, notes: list[str]) -> bytes:
    packet = xmp_with_recipe(xmp, recipe)
    if format_.name != "JPEG" or len(packet) <= _JPEG_XMP:
        return packet
    packet = xmp_with_recipe(None, recipe)
    if len(packet) > _JPEG_XMP:
        raise InputError(
            f"the recipe takes {len(packet)} bytes and JPEG holds {_JPEG_XMP} of them: "
            "write a .png, .webp, .tif or .avif"
        )
    notes.append("XMP metadata and recipe are too long together for JPEG: the XMP is left out")
    return packet


def _app13(iptc: bytes) -> bytes:
    """A JPEG segment with the IPTC record, in the Photoshop resource where readers look for it."""
    resource = b"8BIM\x04\x04\x00\x00" + struct.pack(">I", len(iptc)) + iptc
    body = b"Photoshop 3.0\x00" + resource + b"\x00" * (len(iptc) % 2)
    return b"\xff\xed" + struct.pack(">H", len(body) + 2) + body


def _save_heic(image: Image.Image, file: BytesIO, chroma: str, common: dict[str, Any]) -> None:
    heif = import_heif()
    image.info["icc_profile"] = common.pop("icc_profile")
    options = {key: value for key, value in common.items() if value}
    try:
        heif.from_pillow(image).save(file, subsampling=chroma, **options)
    except (RuntimeError, ValueError, OSError) as error:
        raise OutputError(f"HEIC cannot be written here ({error}): write an .avif") from error


def import_heif() -> Any:
    """The pillow_heif package, or an InputError that says how to get it."""
    try:
        import pillow_heif  # optional: the [heic] extra
    except ImportError as error:
        raise InputError(
            "writing HEIC takes one more package: pip install 'gramarye[heic]', "
            "or write a .jpg, .png or .avif"
        ) from error
    return pillow_heif


def png_bytes(samples: Array, carried: Carried) -> bytes:
    """A PNG (W3C, third edition) of (H, W, 3 or 4) uint8 or uint16 samples."""
    height, width, channels = samples.shape
    color_type = 6 if channels == 4 else 2
    header = struct.pack(">IIBBBBB", width, height, samples.itemsize * 8, color_type, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"iCCP", b"sRGB\x00\x00" + zlib.compress(srgb_profile()))]
    if carried.dpi:
        per_meter = [round(value / 0.0254) for value in carried.dpi]
        chunks.append((b"pHYs", struct.pack(">IIB", *per_meter, 1)))
    if carried.exif:
        chunks.append((b"eXIf", carried.exif_block().removeprefix(b"Exif\x00\x00")))
    texts = [(key, value.encode()) for key, value in carried.text]
    if carried.xmp:
        texts.append(("XML:com.adobe.xmp", carried.xmp))
    chunks += [(b"iTXt", _itxt_key(key) + b"\x00\x00\x00\x00\x00" + value) for key, value in texts]
    chunks += [(b"IDAT", zlib.compress(_filtered_rows(samples), 6)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _itxt_key(key: str) -> bytes:
    return key.encode("latin-1", errors="replace")[:79]


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _filtered_rows(samples: Array) -> bytes:
    """Every row as its difference from the row above (filter 2) or from the left (filter 1).

    Of the two, each row takes the one with the smaller sum of absolute differences, as the PNG
    specification suggests (12.7). On photographs and paintings all five filters together
    gave files no smaller.
    """
    height, _, channels = samples.shape
    step = channels * samples.itemsize
    rows = samples.astype(samples.dtype.newbyteorder(">")).reshape(height, -1).view(np.uint8)
    out = np.empty((height, 1 + rows.shape[1]), np.uint8)
    out[:, 0], out[:, 1:] = 2, rows
    out[1:, 1:] -= rows[:-1]
    left = rows.copy()
    left[:, step:] -= rows[:, :-step]
    use_left = _cost(left) < _cost(out[:, 1:])
    out[use_left, 0], out[use_left, 1:] = 1, left[use_left]
    return out.tobytes()


def _cost(differences: Array) -> Array:
    return np.asarray(np.minimum(differences, -differences).sum(axis=1, dtype=np.int64))


def tiff_bytes(samples: Array, carried: Carried) -> bytes:
    """A TIFF 6.0 of (H, W, 3 or 4) uint8 or uint16 samples: deflate, horizontal differences."""
    height, width, channels = samples.shape
    samples = samples.astype(samples.dtype.newbyteorder("<"))
    differences = samples.copy()
    differences[:, 1:] -= samples[:, :-1]
    per_strip = max(1, 2**18 // (width * channels * samples.itemsize))
    strips = [
        zlib.compress(differences[top : top + per_strip].tobytes(), 6)
        for top in range(0, height, per_strip)
    ]
    sizes = [len(strip) for strip in strips]
    if sum(sizes) > _TIFF_MOST:
        raise OutputError("the result is over 4 GB, more than a TIFF holds: write a .png")
    directory = _tiff_directory(carried)
    directory[256], directory[257] = width, height
    directory[258] = (samples.itemsize * 8,) * channels
    directory[259] = 8  # deflate
    directory[262] = 2  # RGB
    directory[277] = channels
    directory[278] = per_strip
    directory[317] = 2  # horizontal differences
    if channels == 4:
        directory[338] = 2  # alpha, not premultiplied
    directory[34675] = srgb_profile()
    directory.tagtype[273] = directory.tagtype[279] = TiffTags.LONG
    # Pillow adds the length of the directory to the offsets.
    directory[273] = tuple(int(offset) for offset in np.cumsum([0, *sizes[:-1]]))
    directory[279] = tuple(sizes)
    file = BytesIO()
    directory.save(file)
    return file.getvalue() + b"".join(strips)


def _tiff_directory(carried: Carried) -> TiffImagePlugin.ImageFileDirectory_v2:
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in (carried.exif or {}).items():
        directory[tag] = value
    if carried.dpi:
        directory[282], directory[283], directory[296] = *carried.dpi, 2  # per inch
    if carried.xmp:
        directory.tagtype[700] = TiffTags.BYTE
        directory[700] = carried.xmp
    if carried.iptc:
        directory.tagtype[33723] = TiffTags.UNDEFINED
        directory[33723] = carried.iptc
    return directory
