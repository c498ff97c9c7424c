import io
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import ExifTags, Image
from torch.testing import assert_close

from gramarye import files as writing
from gramarye.errors import ImageError, InputError, OutputError
from gramarye.pictures.picture import (
    Picture,
    check_output,
    load_image,
    load_picture,
    read_recipe,
    save_picture,
)
from tests.pictures.making import LEVEL, deep, pillow_file, ramp, write


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(5, 6), (5, 6, 1), (5, 6, 3), (5, 6, 4)])
def test_arrays_of_every_layout(dtype, shape: tuple[int, ...]) -> None:
    full = 1 if np.issubdtype(dtype, np.floating) else np.iinfo(dtype).max
    picture = load_picture(np.full(shape, full, dtype))
    assert_close(picture.pixels, torch.ones(1, 3, 5, 6))
    assert (picture.alpha is not None) == (shape[-1] == 4)
    assert picture.metadata.bit_depth == (16 if dtype == np.uint16 else 8)


@pytest.mark.parametrize("shape", [(5, 6), (1, 5, 6), (3, 5, 6), (1, 3, 5, 6), (1, 4, 5, 6)])
def test_tensors_of_every_layout(shape: tuple[int, ...]) -> None:
    for tensor in (torch.full(shape, 0.25), torch.full(shape, 0.25, dtype=torch.float64)):
        assert_close(load_image(tensor), torch.full((1, 3, 5, 6), 0.25))
    assert_close(load_image(torch.full(shape, 255, dtype=torch.uint8)), torch.ones(1, 3, 5, 6))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((3, 40, 50)), r"transpose\(1, 2, 0\)"),
        (np.zeros((0, 5, 3)), "is no picture"),
        (np.zeros((2, 3, 4, 5)), "is no picture"),
        (np.zeros((5, 5), np.int64), "int64"),
        (np.full((5, 5), 200.0), "divide by 255"),
        (np.full((5, 5), np.nan), "NaN"),
        (np.full((5, 5), np.inf), "NaN or infinite"),
        (torch.zeros(2, 3, 5, 5), r"\(2, 3, 5, 5\)"),
        (torch.zeros(5, 5, 3), r"\(5, 5, 3\)"),
        (torch.full((1, 3, 5, 5), 255.0), "divide by 255"),
        (torch.full((1, 3, 5, 5), float("nan")), "NaN"),
        (torch.zeros(1, 3, 5, 5, dtype=torch.int64), "int64"),
        (Image.fromarray(np.full((5, 5), np.nan, np.float32)), "NaN"),
        (Image.fromarray(np.full((5, 5), 70000, np.int32)), "16 bits"),
        (12, "from int"),
    ],
)
def test_wrong_arrays_and_tensors(wrong, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        load_picture(wrong)


def test_from_tensor_clamps_and_detaches() -> None:
    tensor = torch.full((1, 3, 2, 2), 1.5, requires_grad=True)
    picture = Picture.from_tensor(tensor)
    assert_close(picture.pixels, torch.ones(1, 3, 2, 2))
    assert not picture.pixels.requires_grad


def test_pillow_images_are_read_upright_and_left_alone() -> None:
    image = Image.fromarray(ramp())
    image.getexif()[ExifTags.Base.Orientation] = 6
    picture = load_picture(image)
    assert (picture.width, picture.height) == (20, 28)
    assert image.size == (28, 20)
    assert load_picture(picture) is picture


def test_values_are_rounded_and_clamped(tmp_path) -> None:
    values = torch.tensor([-0.5, 0.0, 0.49 * LEVEL, 0.51 * LEVEL, 1.0, 7.0])
    picture = Picture(values.reshape(1, 1, 1, 6).expand(-1, 3, -1, -1))
    with Image.open(picture.save(tmp_path / "a.png").path) as image:
        assert np.asarray(image)[0, :, 0].tolist() == [0, 0, 0, 1, 255, 255]


def test_bit_depth_follows_the_source_where_the_format_can(tmp_path) -> None:
    picture = load_picture(deep())
    depths = {".png": 16, ".tif": 16, ".jpg": 8, ".webp": 8, ".avif": 8}
    for extension, depth in depths.items():
        again = load_picture(picture.save(tmp_path / f"a{extension}").path)
        assert again.metadata.bit_depth == depth
    asked = picture.save(tmp_path / "b.png", bit_depth=8)
    assert load_picture(asked.path).metadata.bit_depth == 8


def test_output_is_checked_before_the_work(tmp_path, monkeypatch) -> None:
    check_output(tmp_path / "new" / "a.png")
    assert list(tmp_path.iterdir()) == []
    file = write(tmp_path / "file", b"")
    with pytest.raises(OutputError, match="is a file"):
        check_output(file / "a.png")
    monkeypatch.setattr(writing.os, "access", lambda *_: False)
    with pytest.raises(OutputError, match="may not be written to"):
        check_output(tmp_path / "a.png")


def test_notebooks_and_pillow_get_8_bits() -> None:
    picture = load_picture(ramp(4))
    assert picture.to_pil().mode == "RGBA"
    np.testing.assert_array_equal(np.asarray(picture.to_pil()), ramp(4))
    with Image.open(io.BytesIO(Picture(torch.zeros(1, 3, 10, 2000))._repr_png_())) as image:
        assert image.size == (1024, 5)


def test_a_picture_prints_what_it_is_and_not_its_numbers(tmp_path) -> None:
    path = pillow_file(tmp_path / "a.png", Image.fromarray(ramp()))
    assert repr(load_picture(path)) == "<Picture a.png: 28 x 20, 8 bits>"


def test_show_opens_the_viewer(monkeypatch) -> None:
    shown = []
    monkeypatch.setattr(Image.Image, "show", lambda self, title=None: shown.append(self.size))
    load_picture(ramp()).show()
    assert shown == [(28, 20)]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["u2", "f4", "f8"])
def test_arrays_of_either_byte_order_are_the_same(order: str, kind: str) -> None:
    values = np.linspace(0, 65535 if kind == "u2" else 1, 60).reshape(4, 5, 3)
    found = load_image(values.astype(f"{order}{kind}"))
    assert_close(found, load_image(values.astype(f"={kind}")), atol=0, rtol=0)


def test_pillow_images_multiplied_by_their_alpha_are_divided_by_it() -> None:
    straight = Image.fromarray(np.array([[[200, 255], [100, 128], [90, 0]]], np.uint8), "LA")
    picture = load_picture(straight.convert("La"))
    assert picture.alpha is not None
    assert (picture.alpha[0, 0, 0] * 255).round().tolist() == [255, 128, 0]
    assert (picture.pixels[0, :, 0, 0] * 255).round().tolist() == [200, 200, 200]
    assert_close(picture.pixels[0, :, 0, 1] * 255, torch.full((3,), 100.0), atol=2, rtol=0)
    rgba = Image.fromarray(ramp(4)).convert("RGBa")
    assert_close(load_picture(rgba).pixels, load_picture(ramp(4)).pixels, atol=0.02, rtol=0)


@pytest.mark.parametrize("name", ["png", "tif", "jpg", "webp", "avif", ".PNG", "TIFF"])
def test_open_files_can_be_written_and_read(tmp_path, name: str) -> None:
    picture = load_picture(ramp())
    file = io.BytesIO()
    saved = picture.save(file, format=name, recipe="{}")
    assert saved.path == Path()
    same = picture.save(tmp_path / f"a.{name.removeprefix('.')}", recipe="{}").path
    assert file.getvalue() == same.read_bytes()
    file.seek(0)
    again = load_picture(file)
    assert again.metadata.sha256 == load_picture(same).metadata.sha256
    file.seek(0)
    assert read_recipe(file) == "{}"
    with same.open("rb") as opened:
        assert_close(load_image(opened), again.pixels)


def test_open_files_are_png_unless_told_otherwise_and_text_is_refused() -> None:
    file = io.BytesIO()
    save_picture(load_picture(ramp()), file)
    assert load_picture(file.getvalue()).metadata.format == "PNG"
    with pytest.raises(InputError, match=r"did you mean '\.png'"):
        load_picture(ramp()).save(io.BytesIO(), format="pgn")
    with pytest.raises(ImageError, match=r"from str.*opened for reading bytes"):
        load_picture(io.StringIO("hello"))


def test_messages_about_values_carry_the_file_name(tmp_path) -> None:
    for value, message in ((np.nan, "'a.tif' holds NaN"), (7, "'a.tif' holds floats from 7 to 7")):
        tifffile.imwrite(tmp_path / "a.tif", np.full((4, 4), value, np.float32))
        with pytest.raises(ImageError, match=message):
            load_picture(tmp_path / "a.tif")


def test_every_kind_of_path_is_taken(tmp_path, monkeypatch) -> None:
    class Named(os.PathLike):
        def __fspath__(self) -> str:
            return str(tmp_path / "a.png")

    load_picture(ramp()).save(Named())
    for path in (Named(), tmp_path / "a.png", str(tmp_path / "a.png")):
        assert load_picture(path).metadata.name == "a.png"
    monkeypatch.chdir(tmp_path)
    load_picture(ramp()).save("~photo.png")
    assert load_picture("~photo.png").metadata.name == "~photo.png"
    assert read_recipe("~photo.png") is None
    check_output("~photo.png")
