"""From a result's rows and metadata to a file.

PNG and TIFF are written in png.py and tiff.py, band by band; the rest is Pillow's (HEIC:
pillow-heif's), which wants the whole picture in 8 bits.
"""

import struct
from io import BytesIO
from types import SimpleNamespace
from typing import Any, BinaryIO

from PIL import ExifTags, Image

from gramarye.errors import InputError, OutputError
from gramarye.pictures.formats import Format, import_heif
from gramarye.pictures.metadata import (
    EXIF_ERRORS,
    Carried,
    Metadata,
    exif_bytes,
    exif_for_result,
    without_recipe,
    xmp_with_recipe,
)
from gramarye.pictures.png import write_png
from gramarye.pictures.profiles import as_pillow, srgb_profile
from gramarye.pictures.rows import ResultRows, row_bands
from gramarye.pictures.tiff import write_tiff

# A JPEG segment holds 65,533 bytes; XMP and EXIF begin with their names, IPTC with a resource
# header of 28.
_JPEG_XMP = 65533 - len(b"http://ns.adobe.com/xap/1.0/\x00")
_JPEG_EXIF = 65533
_JPEG_IPTC = 65533 - 28
_FULL_CHROMA_FROM = 90  # quality from which colors are no longer halved in resolution


def encode(
    file: BinaryIO, rows: ResultRows, format_: Format, carried: Carried, quality: int
) -> None:
    """Write the picture into an empty file, open for writing."""
    if format_.name == "PNG":
        write_png(file, rows, carried)
    elif format_.name == "TIFF":
        write_tiff(file, rows, carried)
    else:
        _encode_with_pillow(file, pillow_image(rows), format_, carried, quality)


def _encode_with_pillow(
    file: BinaryIO, image: Image.Image, format_: Format, carried: Carried, quality: int
) -> None:
    chroma = "4:4:4" if quality >= _FULL_CHROMA_FROM else "4:2:0"
    common: dict[str, Any] = {
        "quality": quality,
        "icc_profile": srgb_profile(),
        "exif": carried.exif_block(),
        "xmp": carried.xmp or b"",
    }
    # Given the file itself, Pillow would write past Python and not see a disk that becomes full.
    sink: Any = SimpleNamespace(write=file.write)
    if format_.name == "JPEG":
        if carried.dpi:
            common["dpi"] = carried.dpi
        if carried.text:
            common["comment"] = carried.text[0][1].encode()
        iptc = _app13(carried.iptc) if carried.iptc else b""
        image.save(sink, "JPEG", subsampling=chroma, extra=iptc, **common)
    elif format_.name == "WebP":  # exact: keep the colors under transparent pixels
        image.save(sink, "WEBP", lossless=quality == 100, exact=True, **common)
    elif format_.name == "AVIF":
        # Speed 8 of 10 takes a third of the time of the usual 6, for 3% larger files.
        image.save(sink, "AVIF", subsampling=chroma, speed=8, **common)
    else:
        file.write(_heic_bytes(image, chroma, common))


def pillow_image(rows: ResultRows) -> Image.Image:
    """The rows of 8 bits as a Pillow image, RGB or RGBA: four bytes per pixel either way."""
    mode = "RGBA" if rows.channels == 4 else "RGB"
    image = Image.new(mode, (rows.width, rows.height))
    for top, bottom in row_bands(rows.height, rows.width):
        image.paste(as_pillow(rows.read(top, bottom), mode), (0, top))
    return image


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


def _heic_bytes(image: Image.Image, chroma: str, common: dict[str, Any]) -> bytes:
    heif = import_heif()
    file = BytesIO()
    image.info["icc_profile"] = common.pop("icc_profile")
    options = {key: value for key, value in common.items() if value}
    try:
        heif.from_pillow(image).save(file, subsampling=chroma, **options)
    except (RuntimeError, ValueError, OSError) as error:
        raise OutputError(f"HEIC cannot be written here ({error}): write an .avif") from error
    return file.getvalue()
