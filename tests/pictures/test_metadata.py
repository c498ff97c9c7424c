import json
import struct
from pathlib import Path

import pytest
import torch
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from gramarye.errors import ImageError, InputError
from gramarye.pictures.picture import Metadata, Picture, load_picture, read_recipe, save_picture
from gramarye.pictures.profiles import srgb_profile
from tests.pictures.making import pillow_file, ramp, write


def tagged_jpeg(path: Path) -> Path:
    """A JPEG with all that cameras and editors put into one."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Leitz"
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Copyright] = "A. Painter"
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    inner[ExifTags.Base.ExposureTime] = 0.01
    inner[ExifTags.Base.ExifImageWidth] = 28
    inner[ExifTags.Base.MakerNote] = b"private" * 20
    exif.get_ifd(ExifTags.IFD.GPSInfo)[1] = "N"
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="x"><rdf:Description '
        b'tiff:Orientation="6" dc:title="Boats"/></rdf:RDF></x:xmpmeta>'
    )
    iptc = b"\x1c\x02\x78\x00\x05Boats"
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc
    body = b"Photoshop 3.0\0" + resource
    app13 = b"\xff\xed" + struct.pack(">H", len(body) + 2) + body
    image = Image.fromarray(ramp())
    image.save(path, exif=exif, xmp=xmp, dpi=(300, 300), comment=b"hello", extra=app13)
    return path


@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp", ".tif", ".avif", ".heic"])
def test_metadata_survives_into_every_format(tmp_path, extension: str) -> None:
    if extension == ".heic":
        pytest.importorskip("pillow_heif")
    content = load_picture(tagged_jpeg(tmp_path / "content.jpg"))
    assert (content.width, content.height) == (20, 28)
    saved = content.save(tmp_path / f"result{extension}", recipe='{"seed": 1}')
    again = load_picture(saved.path)
    assert (again.width, again.height) == (20, 28)
    exif = Image.Exif()
    exif.load(again.metadata.exif or b"")
    assert exif[ExifTags.Base.Make] == "Leitz"
    assert exif[ExifTags.Base.Copyright] == "A. Painter"
    assert exif.get(ExifTags.Base.Orientation, 1) == 1
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    assert float(inner[ExifTags.Base.ExposureTime]) == pytest.approx(0.01)
    assert inner[ExifTags.Base.ExifImageWidth] == 20
    assert inner[ExifTags.Base.MakerNote] == b"private" * 20
    assert exif.get_ifd(ExifTags.IFD.GPSInfo)[1] == "N"
    assert b'dc:title="Boats"' in (again.metadata.xmp or b"")
    assert b'tiff:Orientation="1"' in (again.metadata.xmp or b"")
    assert read_recipe(saved.path) == '{"seed": 1}'
    if extension in (".jpg", ".png", ".tif"):
        assert again.metadata.dpi == pytest.approx((300, 300), abs=0.02)
    if extension in (".jpg", ".tif"):
        assert again.metadata.iptc == b"\x1c\x02\x78\x00\x05Boats"
    if extension in (".jpg", ".png"):
        assert ("Comment", "hello") in again.metadata.text
    with Image.open(saved.path) if extension != ".heic" else Image.new("L", (1, 1)) as image:
        assert image.info.get("icc_profile", srgb_profile()) == srgb_profile()


@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_strip_leaves_out_everything_but_profile_and_recipe(tmp_path, extension: str) -> None:
    content = load_picture(tagged_jpeg(tmp_path / "content.jpg"))
    saved = content.save(tmp_path / f"a{extension}", strip=True, recipe="{}")
    data = saved.path.read_bytes()
    for secret in (b"Leitz", b"Painter", b"private", b"Boats", b"hello"):
        assert secret not in data
    assert read_recipe(saved.path) == "{}"
    with Image.open(saved.path) as image:
        assert image.info["icc_profile"] == srgb_profile()
    assert saved.notes == ()


def test_png_texts_are_kept_in_png_and_named_when_lost(tmp_path) -> None:

    info = PngInfo()
    info.add_text("Title", "Boats")
    info.add_itxt("Author", "Ö. Maler")
    path = pillow_file(tmp_path / "a.png", Image.fromarray(ramp()), pnginfo=info)
    content = load_picture(path)
    again = load_picture(content.save(tmp_path / "b.png").path)
    assert dict(again.metadata.text) == {"Title": "Boats", "Author": "Ö. Maler"}
    assert "Title, Author" in content.save(tmp_path / "c.webp").notes[0]


def test_the_thumbnail_of_the_old_picture_is_dropped(tmp_path) -> None:
    head = b"II*\0\x08\0\0\0"
    first = struct.pack("<HHHII", 1, 274, 3, 1, 1) + struct.pack("<I", 26)
    second = struct.pack("<HHHIIHHII", 2, 513, 4, 1, 56, 514, 4, 1, 9) + struct.pack("<I", 0)
    exif = b"Exif\0\0" + head + first + second + b"THUMBNAIL"
    path = pillow_file(tmp_path / "a.jpg", Image.fromarray(ramp()), exif=exif)
    assert b"THUMBNAIL" in path.read_bytes()
    saved = load_picture(path).save(tmp_path / "b.jpg")
    assert b"THUMBNAIL" not in saved.path.read_bytes()


def test_damaged_exif_is_left_out_with_a_note(tmp_path) -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\x05\0" + b"\xff" * 20
    path = pillow_file(tmp_path / "a.jpg", Image.fromarray(ramp()), exif=exif)
    picture = load_picture(path)
    assert picture.notes
    assert picture.width == 28
    picture.save(tmp_path / "b.tif")


@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_recipe_of_tens_of_kilobytes_comes_back(tmp_path, extension: str) -> None:
    recipe = json.dumps({"note": "<é & ü> \"quoted\" 'x' ]]>\n" * 1400}, ensure_ascii=False)
    assert 40_000 < len(recipe.encode()) < 60_000
    saved = save_picture(load_picture(ramp()), tmp_path / f"a{extension}", recipe=recipe)
    assert read_recipe(saved.path) == recipe
    assert read_recipe(saved.path.read_bytes()) == recipe
    second = load_picture(saved.path).save(tmp_path / f"b{extension}", recipe="new")
    assert read_recipe(second.path) == "new"
    third = load_picture(saved.path).save(tmp_path / f"c{extension}")
    assert read_recipe(third.path) is None


def test_recipe_too_long_for_jpeg_is_refused_and_nothing_is_written(tmp_path) -> None:
    picture = load_picture(ramp())
    with pytest.raises(InputError, match=r"JPEG holds 6\d{4}.*write a .png"):
        picture.save(tmp_path / "a.jpg", recipe="x" * 70_000)
    assert list(tmp_path.iterdir()) == []
    saved = picture.save(tmp_path / "a.png", recipe="x" * 200_000)
    assert read_recipe(saved.path) == "x" * 200_000


def test_long_xmp_gives_way_to_the_recipe_in_jpeg(tmp_path) -> None:
    xmp = b"<rdf:RDF>" + b"y" * 64_000 + b"</rdf:RDF>"
    picture = Picture(torch.zeros(1, 3, 4, 4), metadata=Metadata(xmp=xmp, exif=None))
    saved = picture.save(tmp_path / "a.jpg", recipe="r" * 5000)
    assert read_recipe(saved.path) == "r" * 5000
    assert "XMP" in saved.notes[0]
    longer = Picture(torch.zeros(1, 3, 4, 4), metadata=Metadata(xmp=xmp * 2))
    assert "XMP" in longer.save(tmp_path / "b.jpg").notes[0]


def test_maker_note_too_long_for_jpeg_is_left_out(tmp_path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Leitz"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote] = b"m" * 70_000
    path = pillow_file(tmp_path / "a.png", Image.fromarray(ramp()), exif=exif)
    saved = load_picture(path).save(tmp_path / "b.jpg")
    assert "private EXIF note" in saved.notes[0]
    with Image.open(saved.path) as image:
        assert image.getexif()[ExifTags.Base.Make] == "Leitz"


def test_recipe_rewritten_by_an_editor_is_read_and_replaced(tmp_path) -> None:
    xmp = (
        b'<rdf:RDF><rdf:Description xmlns:gramarye="n" dc:title="Boats" '
        b'gramarye:recipe="{&quot;seed&quot;: 1}"/></rdf:RDF>'
    )
    picture = Picture(torch.zeros(1, 3, 4, 4), metadata=Metadata(xmp=xmp))
    path = pillow_file(tmp_path / "a.jpg", picture.to_pil(), xmp=xmp)
    assert read_recipe(path) == '{"seed": 1}'
    saved = load_picture(path).save(tmp_path / "b.jpg", recipe="new")
    assert read_recipe(saved.path) == "new"
    assert b'dc:title="Boats"' in saved.path.read_bytes()


def test_files_without_a_recipe_have_none(tmp_path) -> None:
    assert read_recipe(tagged_jpeg(tmp_path / "a.jpg")) is None
    with pytest.raises(ImageError, match="holds text"):
        read_recipe(write(tmp_path / "b.png", b"hello"))
    with pytest.raises(ImageError, match="there is no file"):
        read_recipe(tmp_path / "c.png")
