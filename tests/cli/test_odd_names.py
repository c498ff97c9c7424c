"""Names typed by mistake, or to see what happens: told in one sentence, with exit code 2."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gramarye.cli import main
from gramarye.cli.commands import AS_FOLDER, is_called_as_file

pytestmark = pytest.mark.usefixtures("in_the_folder", "photo", "painting")

Told = Callable[[Callable[[], int], str], None]
SLASH = "give the name of a file without a slash at its end"


@pytest.mark.parametrize(
    "arguments",
    [
        ["stylize", "photo.png", "painting.png", "--out", "new.png/"],
        ["stylize", "photo.png", "painting.png", "--out", "new.png/."],
        ["stylize", "photo.png", "painting.png", "--preview", "new.PNG/"],
        ["stylize", "photo.png/", "painting.png"],
        ["photoreal", "photo.png", "painting.png", "--cube", "new.cube/"],
        ["texture", "painting.png", "--out", "new.jpg/"],
        ["sketch", "photo.png", "painting.png", "--out", "new.jpg//"],
        ["instant", "photo.png", "painting.png", "--out", "new.png/"],
        ["instant", "photo.png", "painting.png/"],
        ["video", "photo.png", "painting.png", "--out", "new.mp4/"],
        ["train", "painting.png", "--out", "new.safetensors/"],
        ["blend", "photo.png", "painting.png", "--out", "photo.png/"],
        ["redo", "photo.png/"],
        ["resume", "photo.png/"],
    ],
    ids=" ".join,
)
def test_a_file_is_not_named_with_a_slash_at_its_end(arguments: list[str], told: Told) -> None:
    told(lambda: main(arguments), SLASH)


def test_a_folder_may_end_in_a_slash_whatever_it_is_called(tmp_path: Path) -> None:
    assert is_called_as_file("new.png/") and is_called_as_file("photo.png/")
    assert not any(map(is_called_as_file, ("new/", "results.v2/", "nowhere/")))
    Path("new.png").mkdir()
    assert not is_called_as_file("new.png/")
    assert "/" in AS_FOLDER
    pictures = ["photo.png", "painting.png", "painting.png"]
    assert main(["instant", "-q", *pictures, "--out", "results.v2/"]) == 0
    assert len(list(Path("results.v2").iterdir())) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["blend", "photo.png", "painting.png"],
        ["demo"],
        ["export", "instant", "--onnx"],
        ["study", "pooling"],
        ["instant", "photo.png", "painting.png", "painting.png"],
    ],
    ids=" ".join,
)
def test_no_folder_is_made_that_is_called_by_a_dash(arguments: list[str], told: Told) -> None:
    told(lambda: main([*arguments, "--out", "-"]), "--out is '-'")


@pytest.mark.parametrize("command", ["redo", "recipe"])
@pytest.mark.parametrize("name", ["frames", "frames.mp4", "frames.webp", "frames.png"])
def test_a_folder_has_no_recipe(command: str, name: str, told: Told) -> None:
    Path(name).mkdir()
    told(lambda: main([command, name]), f"'{name}' is a folder, and has no recipe: give one")


def test_a_link_to_nowhere_is_not_proposed_in_its_own_place(told: Told) -> None:
    Path("link.png").symlink_to("gone.png")
    message = "'link.png' is a link to 'gone.png', which is not there: mend the link"
    told(lambda: main(["stylize", "link.png", "painting.png"]), message)


@pytest.mark.parametrize("named", [["painting.png", "model.onnx"], ["model.onnx"]])
@pytest.mark.parametrize("command", ["instant", "video"])
def test_an_exported_network_is_no_model_to_paint_with(
    named: list[str], command: str, told: Told
) -> None:
    Path("model.onnx").write_bytes(b"\x08\x08")
    message = "'model.onnx' is a network for other programs, and gramarye paints with the file"
    told(lambda: main([command, "photo.png", *named]), message)


@pytest.mark.parametrize("command", ["instant", "video", "stylize"])
def test_an_exported_network_is_no_painter(command: str, told: Told) -> None:
    Path("model.onnx").write_bytes(b"\x08\x08")
    message = "model.onnx cannot be read as weights (it is an ONNX graph, for other programs): name"
    told(lambda: main([command, "photo.png", "painting.png", "--painter", "model.onnx"]), message)


@pytest.mark.parametrize("command", ["instant", "video"])
def test_a_painters_layers_are_not_for_a_user_to_choose(
    command: str,
    told: Told,
    make_picture: Callable[..., Path],
) -> None:
    make_picture("tiny.png", 5, 4)
    make_picture("frames/1.png")
    told(
        lambda: main([command, "photo.png" if command == "instant" else "frames", "tiny.png"]),
        "is worked on at 5 x 4 pixels, and vgg19-lite needs at least 8 of both sides for the "
        "layers it looks at: choose a larger picture\n",
    )


@pytest.mark.parametrize("size", [(2, 2), (4, 3), (7, 5)])
def test_a_result_of_few_pixels_is_not_judged(
    size: tuple[int, int], told: Told, make_picture: Callable[..., Path], tiny_weights: Path
) -> None:
    make_picture("tiny.png", *size)
    make_picture("content.png", *(16 * side for side in size))
    judge = ["--judge", str(tiny_weights)]
    told(
        lambda: main(["score", "content.png", "painting.png", "tiny.png", *judge]),
        f"a picture of {size[0]} x {size[1]} pixels is too small for tiny.safetensors",
    )
