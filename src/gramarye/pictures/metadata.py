"""What a picture carries besides its pixels, and the recipe among it."""

import re
import struct
from collections.abc import Collection
from dataclasses import dataclass
from html import escape, unescape
from typing import Any

from PIL import ExifTags, Image

# How Pillow fails on damaged or exotic EXIF, found by mutating files.
EXIF_ERRORS = (
    OSError, EOFError, SyntaxError, ValueError, TypeError, AttributeError, LookupError,
    ArithmeticError, struct.error,
)  # fmt: skip

_ORIENTATION = ExifTags.Base.Orientation
_SUB_IFDS = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)

# Tags that describe how the old file stored its pixels (TIFF 6.0 and its supplements), or hold
# what we keep elsewhere: XMP (700), IPTC (33723), Photoshop (34377), ICC (34675).
_STRUCTURE = frozenset(
    {254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 277, 278, 279, 280, 281, 284}
    | {285, 288, 289, 290, 291, 297, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 330}
    | {332, 333, 334, 336, 337, 338, 339, 340, 341, 342, 347, 529, 530, 531, 532}
    | set(range(512, 522))
    | {700, 33723, 34377, 34675, 37724}
)

_NAMESPACE = "https://gramarye.readthedocs.io/ns/1.0/"
# We write the first form; editors that rewrite a packet may turn it into the second.
_RECIPE = re.compile(
    rb'<gramarye:recipe>(.*?)</gramarye:recipe>|gramarye:recipe="(.*?)"', re.DOTALL
)
_OPEN = f'<rdf:Description rdf:about="" xmlns:gramarye="{_NAMESPACE}">'.encode()
_CLOSE = b"</rdf:Description>"
_EMPTY_XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"></rdf:RDF>'
    '</x:xmpmeta><?xpacket end="w"?>'
).encode()


@dataclass(frozen=True)
class Metadata:
    """What came with the pixels. The pixels themselves are upright and sRGB by now."""

    name: str | None = None  # of the file, without its folder
    format: str | None = None  # 'JPEG', 'PNG', ...
    bit_depth: int = 8  # 8 or 16, what the source held per channel
    sha256: str | None = None  # of the file's bytes
    exif: bytes | None = None  # orientation 1, no thumbnail
    icc: bytes | None = None  # the profile the pixels had before they became sRGB
    xmp: bytes | None = None
    iptc: bytes | None = None  # the IPTC-NAA record
    dpi: tuple[float, float] | None = None
    text: tuple[tuple[str, str], ...] = ()  # PNG texts; 'Comment' for a JPEG's comment


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


def read_metadata(image: Image.Image, tags: Image.Exif) -> tuple[dict[str, Any], list[str]]:
    """The fields of Metadata in an image's info and its EXIF tags, and what was left out."""
    info, notes = image.info, []
    try:
        exif = clean_exif(tags)
    except EXIF_ERRORS:
        exif = None
        notes.append("the EXIF data is damaged and is left out")
    return {
        "exif": exif,
        "icc": info.get("icc_profile") or None,
        "xmp": _upright_xmp(info.get("xmp")),
        "iptc": _iptc(image, tags),
        "dpi": _dpi(info.get("dpi")),
        "text": _texts(image),
    }, notes


def orientation(tags: Image.Exif) -> int:
    """The EXIF orientation, 1 to 8, that still has to be applied to the decoded pixels."""
    try:
        value = tags.get(_ORIENTATION, 1)
    except EXIF_ERRORS:
        return 1
    return value if value in range(1, 9) else 1


def clean_exif(exif: Image.Exif) -> bytes | None:
    """The EXIF block for an upright picture: orientation 1, no thumbnail, no pixel layout."""
    kept = exif_values(exif, without=_STRUCTURE)
    if _ORIENTATION in kept:
        kept[_ORIENTATION] = 1
    return exif_bytes(kept)


def exif_values(exif: Image.Exif, without: Collection[int] = ()) -> dict[int, Any]:
    """Tag to value; the Exif and GPS directories are dicts themselves."""
    values = {tag: exif[tag] for tag in exif if tag not in without and tag not in _SUB_IFDS}
    for tag in _SUB_IFDS:
        if directory := dict(exif.get_ifd(tag)):
            if ExifTags.IFD.Interop in directory:
                directory[ExifTags.IFD.Interop] = dict(exif.get_ifd(ExifTags.IFD.Interop))
            values[tag] = directory
    return values


def exif_bytes(values: dict[int, Any]) -> bytes | None:
    """The reverse of exif_values, beginning with 'Exif'; None when there is nothing to say."""
    if not values:
        return None
    block = Image.Exif()
    for tag, value in values.items():
        block[tag] = value
    return block.tobytes()


def exif_for_result(exif: bytes, width: int, height: int) -> dict[int, Any]:
    """The tags of the content's EXIF with the result's size and color space."""
    block = Image.Exif()
    block.load(exif)
    values = exif_values(block)
    inner = values.get(ExifTags.IFD.Exif, {})
    corrected = {
        ExifTags.Base.ExifImageWidth: width,
        ExifTags.Base.ExifImageHeight: height,
        ExifTags.Base.ColorSpace: 1,  # sRGB
    }
    inner.update({tag: value for tag, value in corrected.items() if tag in inner})
    return values


def recipe_in_xmp(xmp: bytes | None) -> str | None:
    """The recipe that `xmp_with_recipe` put there."""
    match = _RECIPE.search(xmp or b"")
    if match is None:
        return None
    return unescape((match.group(1) or match.group(2) or b"").decode(errors="replace"))


def without_recipe(xmp: bytes) -> bytes:
    """The packet without the recipe of an earlier run."""
    return _RECIPE.sub(b"", xmp).replace(_OPEN + _CLOSE, b"")


def xmp_with_recipe(xmp: bytes | None, recipe: str) -> bytes:
    """An XMP packet that says all `xmp` says and also holds the recipe.

    XMP is the one place for text of any length that every format we write has, and that
    picture editors carry along. A packet that is not UTF-8 RDF is replaced.
    """
    packet = without_recipe(xmp or _EMPTY_XMP)
    if b"</rdf:RDF>" not in packet:
        packet = _EMPTY_XMP
    element = f"<gramarye:recipe>{escape(recipe, quote=False)}</gramarye:recipe>".encode()
    head, tail = packet.rsplit(b"</rdf:RDF>", 1)
    return head + _OPEN + element + _CLOSE + b"</rdf:RDF>" + tail


def _upright_xmp(xmp: bytes | str | None) -> bytes | None:
    if not xmp:
        return None
    packet = xmp.encode() if isinstance(xmp, str) else xmp
    packet = re.sub(rb'(tiff:Orientation(?:="|>))[0-9]', rb"\g<1>1", packet)
    return packet.rstrip(b"\x00") or None


def _iptc(image: Image.Image, tags: Image.Exif) -> bytes | None:
    resources = image.info.get("photoshop")  # JPEG: resource number to bytes
    found = resources.get(0x0404) if isinstance(resources, dict) else None
    if found is None and image.format == "TIFF":
        found = tags.get(33723)
    return found if isinstance(found, bytes) and found else None


def _dpi(dpi: Any) -> tuple[float, float] | None:
    try:
        x, y = (float(value) for value in dpi)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return (x, y) if 1 <= x <= 65535 and 1 <= y <= 65535 else None


def _texts(image: Image.Image) -> tuple[tuple[str, str], ...]:
    if image.format == "PNG":
        texts = getattr(image, "text", {})
        own = ("XML:com.adobe.xmp", "Raw profile type")  # XMP and EXIF are kept apart
        return tuple((key, str(value)) for key, value in texts.items() if not key.startswith(own))
    comment = image.info.get("comment")
    if isinstance(comment, bytes):
        comment = comment.decode("utf-8", errors="replace")
    return (("Comment", comment),) if isinstance(comment, str) and comment else ()
