"""What a file is, judged by its first bytes and never by its name."""

import re

HEAD_BYTES = 512

# What Pillow is allowed to try; its other readers (PostScript, PDF, ...) are never run on a
# stranger's file.
READABLE = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "GIF", "BMP", "PPM")
READABLE_IN_WORDS = "JPEG, PNG, WebP, TIFF, AVIF, HEIC, GIF, BMP and PPM"

_PICTURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "BigTIFF"),
    (b"MM\x00+", "BigTIFF"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
)

_STRANGERS = (
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"8BPS", "a Photoshop document"),
    (b"PK\x03\x04", "a zip archive or an office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (b"\x76\x2f\x31\x01", "an OpenEXR picture"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"ID3", "a sound file"),
)

# Camera raws are TIFF files whose first page is a thumbnail: Pillow would return that one.
CAMERA_RAW = (
    ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dng", ".erf", ".iiq", ".nef", ".nrw", ".orf", ".pef",
    ".raf", ".raw", ".rw2", ".srw",
)  # fmt: skip

_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})


def picture_kind(head: bytes) -> str | None:
    """'JPEG', 'PNG', 'HEIC', ... when the first bytes are those of a picture we read."""
    for magic, kind in _PICTURES:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if re.match(rb"P[1-6][\s#]", head):
        return "PPM"
    brands = _iso_brands(head)
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    if brands & _HEIC_BRANDS or brands & {b"mif1", b"msf1"}:
        return "HEIC"
    return None


def stranger(head: bytes) -> str | None:
    """What the file is instead of a picture, in words; None when nobody can tell."""
    for magic, words in _STRANGERS:
        if head.startswith(magic):
            return words
    if head[:4] == b"RIFF" or _iso_brands(head):
        return "a video or a sound file"
    text = _as_text(head)
    if text is None:
        return None
    start = text.lstrip("\ufeff \t\r\n").lower()
    if "<svg" in start:
        return "an SVG drawing"
    if start.startswith(("<!doctype html", "<html", "<head")):
        return "a web page"
    return "text"


def _iso_brands(head: bytes) -> set[bytes]:
    """The brands of an ISO base media file (HEIC, AVIF, MP4, ...), empty for another file."""
    if head[4:8] != b"ftyp":
        return set()
    box = head[: int.from_bytes(head[:4], "big")]
    return {box[8:12]} | {box[i : i + 4] for i in range(16, len(box), 4)}


def _as_text(head: bytes) -> str | None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", errors="replace")
    # The last character may have been cut in the middle.
    text = head.decode("utf-8", errors="replace")[:-1]
    printable = all(c.isprintable() or c in "\t\r\n\f\ufeff" for c in text)
    return text if printable and "\ufffd" not in text else None
