"""The documentation's code is run, at small sizes, and its links lead somewhere."""

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

import gramarye
from benchmarks.drawing import line_drawing
from gramarye.cli import demo, main
from gramarye.pictures.picture import load_picture, save_picture
from gramarye.samples import sample_path

ROOT = Path(__file__).parent.parent
PAGES = (
    "README.md",
    "docs/quickstart.md",
    "docs/command-line.md",
    "docs/recipes.md",
    "docs/gallery.md",
    "docs/photograph-to-print.md",
)
SMALL = ["--steps", "2", "--finer-steps", "1"]


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text("utf-8"), re.M | re.S)


def made_small(words: list[str]) -> list[str]:
    """The command with its sizes divided by 8, at least 64, hardly any steps, and three frames."""
    if words[0] == "study":
        few = ["--size", "64", "--steps", "2", "--jobs", "1", "--set", "finer_steps=1", "-q"]
        return words if len(words) == 1 else words + few
    if words[0] not in (
        "stylize", "instant", "video", "sketch", "photoreal", "texture", "blend", "redo", "demo",
    ):  # fmt: skip
        return words
    if "--size" in words:
        at = words.index("--size") + 1
        words[at] = "x".join(str(max(64, int(side) // 8)) for side in words[at].split("x"))
    else:
        words += ["--size", "64"]
    if "--frames" in words:
        words[words.index("--frames") + 1] = "3"
        words += ["--frame-steps", "1"]
    return words if words[0] in ("demo", "instant", "video") else words + SMALL


@pytest.fixture
def sample_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the pictures the documentation speaks of, 96 pixels high."""
    samples = {"photo": "canal", "painting": "impasto", "woodblock": "woodblock"}
    for name, sample in (samples | {"evening": "landscape"}).items():
        picture = load_picture(sample_path(sample))
        image = picture.to_pil().resize((96, 96))
        save_picture(load_picture(image), tmp_path / f"{name}.jpg")
    (tmp_path / "paintings").mkdir()
    for name in ("painting", "woodblock"):
        (tmp_path / "paintings" / f"{name}.jpg").write_bytes(
            (tmp_path / f"{name}.jpg").read_bytes()
        )
    for number in range(3):
        save_picture(load_picture(tmp_path / "photo.jpg"), tmp_path / f"frames/{number}.png")
    make_clip(tmp_path / "clip.mp4", tmp_path / "photo.jpg")
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday/photo.png").write_bytes((tmp_path / "frames/0.png").read_bytes())
    save_picture(load_picture(line_drawing()[..., ::5, ::5]), tmp_path / "drawing.png")
    half = torch.zeros(1, 3, 96, 96)
    half[..., 48:] = 1
    save_picture(load_picture(half), tmp_path / "mask.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRAMARYE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(demo, "PAIRS", {"canal": ("woodblock",)})
    return tmp_path


def make_clip(path: Path, photo: Path) -> None:
    """Three frames of a picture at rest; none without the extra `video`."""
    if find_spec("av") is None:
        return
    import av

    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 96, "yuv420p"
        for _ in range(3):
            output.mux(stream.encode(av.VideoFrame.from_image(load_picture(photo).to_pil())))
        output.mux(stream.encode(None))


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_the_documentation_run(
    page: str, sample_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [line for block in blocks(page, "bash") for line in block.splitlines()]
    assert lines
    for line in lines:
        command, *words = shlex.split(line, comments=True)
        assert command == "gramarye"
        if words[0] == "video" and find_spec("av") is None:
            continue
        assert main(made_small(words)) == 0, f"{line}\n{capsys.readouterr().err}"


@pytest.mark.parametrize("page", ["README.md", "docs/quickstart.md", "docs/recipes.md"])
def test_the_python_of_the_documentation_runs(page: str, sample_folder: Path) -> None:
    gramarye.stylize("photo.jpg", "painting.jpg", size=64, steps=1).save("result.png")
    for block in blocks(page, "python"):
        exec(block.replace("size=512", "size=64, steps=2"), {})


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{p.name}" for p in ROOT.glob("docs/*.md"))])
def test_the_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in target:
            assert ((ROOT / page).parent / target).exists(), f"{page} links to {target}"


def test_every_page_is_listed() -> None:
    index = (ROOT / "docs/index.md").read_text("utf-8")
    for page in ROOT.glob("docs/*.md"):
        assert page.name == "index.md" or f"({page.name})" in index, page.name
