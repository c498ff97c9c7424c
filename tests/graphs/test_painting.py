"""What ONNX Runtime paints is what PyTorch paints, at any size, and PyTorch is not imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load, save_file
from torch import Tensor
from torch.testing import assert_close

from gramarye.cli import main
from gramarye.feedforward.files import make_painter, packed
from gramarye.feedforward.settings import PainterConfig, StepConfig
from gramarye.feedforward.transport import transport as torch_transport
from gramarye.graphs import images, moments, runtime
from gramarye.graphs.files import open_network
from gramarye.graphs.painting import Graphs
from gramarye.handover import uniform_image
from gramarye.inputs.coloring import match_colors
from gramarye.johnson.files import load_trained
from gramarye.losses.statistics import moments as torch_moments
from gramarye.networks.registry import load_network
from gramarye.painted import paint_image
from gramarye.pictures.picture import load_image
from gramarye.recipe import Recipe
from gramarye.samples import sample_path
from gramarye.scales.resizing import resize
from gramarye.special_configs import make_instant_config

pytest.importorskip("onnxruntime", reason="ONNX Runtime is an extra")

CLOSE = 2e-3  # what `export` allows, too: seven steps, and each rounds


def sample(name: str, height: int, width: int) -> Tensor:
    return resize(load_image(sample_path(name)), height, width).clamp(0, 1)


def test_noise_is_pytorchs() -> None:
    for seed in (0, 3, 2**40 + 5):
        expected = uniform_image(7, 5, seed, torch.zeros(1)).numpy()
        assert np.array_equal(images.uniform_noise(7, 5, seed), expected)


def test_sizes_are_pytorchs() -> None:
    image = torch.rand(1, 3, 41, 57)
    for size in ((41, 57), (20, 29), (83, 101), (13, 120)):
        expected = resize(image, *size).numpy()
        assert np.abs(images.resize(image.numpy(), *size) - expected).max() < 1e-5


def test_colors_are_pytorchs() -> None:
    content, styles = (
        torch.rand(1, 3, 20, 30),
        [torch.rand(1, 3, 9, 8) ** 2, torch.rand(1, 3, 7, 7)],
    )
    picture = make_instant_config((64, 64)).picture
    mixes: tuple[tuple[float, ...], ...] = ((), (1.0, 0.3))
    for mix in mixes:
        expected, _ = match_colors(content, styles, picture, mix=mix)
        found = images.match_colors(content.numpy(), [s.numpy() for s in styles], mix)
        assert np.abs(found - expected.numpy()).max() < 1e-5


@pytest.mark.parametrize(
    ("size", "mean"), [(1.0, 0.0), (0.05, 0.0), (1e-3, 9.0)], ids=["usual", "stretched", "flat"]
)
def test_moves_are_pytorchs(size: float, mean: float) -> None:
    content = size * torch.randn(1, 6, 20, 20).relu() + mean
    style = 2 * torch.randn(1, 6, 9, 9).relu()
    style[:, 2] = 0  # what never fires
    wanted = torch_transport(*(torch_moments(x.double()) for x in (content, style)))
    found = moments.transport(*(moments.Moments.of(x.numpy()) for x in (content, style)))
    assert_close(torch.from_numpy(found.matrix), wanted.matrix[0], atol=1e-5, rtol=1e-5)
    assert_close(torch.from_numpy(found.offset[:, 0]), wanted.offset[0], atol=1e-5, rtol=1e-5)
    assert found.size == pytest.approx(float(wanted.size))


@pytest.mark.parametrize(
    ("size", "strength", "seed"), [((160, 231), 0.5, 0), ((257, 129), 0.9, 5), ((128, 128), 0.1, 1)]
)
def test_pictures_are_pytorchs(size: tuple[int, int], strength: float, seed: int) -> None:
    content, style = sample("fox", *size), sample("woodblock", 145, 181)
    check_same("instant", content, [style], strength=strength, seed=seed)


def test_styles_mix_as_pytorchs() -> None:
    styles = [sample("ink", 150, 131), sample("impasto", 170, 190)]
    for mixing in ("pooled", "between"):
        check_same(
            "instant",
            sample("canal", 140, 150),
            styles,
            style_weights=(1, 0.4),
            style_mixing=mixing,
        )


def test_all_follows_from_the_painters_file(tmp_path: Path) -> None:
    """One of other parts, two of a size, and other widths."""
    shape = PainterConfig(
        coarse=StepConfig(
            layers=("relu3_1", "relu2_1", "relu1_1"), widths=(6, 4, 3), blocks=(1, 2, 1)
        ),
        fine=StepConfig(layers=("relu2_1", "relu1_1"), widths=(4, 3), blocks=(1, 0)),
        parts=(4, 2, 2, 1, 1),
        detail=0.3,
        grain=0.1,
    )
    painter = make_painter(shape, load_network("vgg19-lite"))
    file = tmp_path / "own.safetensors"
    file.write_bytes(packed(painter, 1))
    check_same(str(file), sample("fox", 150, 170), [sample("ink", 140, 180)], seed=2)


def check_same(by: str, content: Tensor, styles: list[Tensor], **settings: object) -> None:
    network = load_network("vgg19-lite")
    config = make_instant_config((512, 512), painter=by, precision="float32", **settings)
    matched, _ = match_colors(content, styles, config.picture)
    seen = {"content": matched, **{f"style/{i}": style for i, style in enumerate(styles)}}
    painter = load_trained(by, network)
    expected = paint_image(painter, network, seen, config)  # type: ignore[arg-type]
    graphs = open_network(by)
    assert graphs is not None
    style = config.terms["style"]
    found = Graphs(graphs).paint(
        matched.numpy(),
        [picture.numpy() for picture in styles],
        style.mix or (1.0,) * len(styles),  # type: ignore[attr-defined]
        strength=style.strength,  # type: ignore[attr-defined]
        seed=config.picture.seed,
        between=style.mixing == "between",  # type: ignore[attr-defined]
    )
    assert found.shape == tuple(expected.shape)
    assert np.abs(found - expected.numpy()).max() < CLOSE
    assert float((expected - matched).abs().mean()) > 0.005  # it has been painted


@pytest.mark.parametrize("change", ["missing", "wider", "not finite", "another layer"])
def test_a_file_that_is_no_step_has_no_graphs(tmp_path: Path, change: str) -> None:
    painter = make_painter(PainterConfig(), load_network("vgg19-lite"))
    whole = load(packed(painter, 1))
    about = json.loads(METADATA)
    assert is_open(tmp_path, whole, about)
    if change == "missing":
        del whole["coarse.finish.bias"]
    elif change == "wider":
        whole["fine.rise.relu1_1.weight"] = torch.zeros(9, 32, 1, 1)
    elif change == "not finite":
        whole["fine.finish.bias"][0] = torch.inf
    else:
        about["network"]["fine"]["layers"] = ["relu3_1", "relu2_1", "relu1_9"]
    assert not is_open(tmp_path, whole, about)


METADATA = json.dumps(
    {"format": "painter 1", "network": PainterConfig().model_dump(mode="json"), "steps": 1}
)


def is_open(folder: Path, tensors: dict[str, Tensor], about: object) -> bool:
    save_file(tensors, folder / "a.safetensors", {"gramarye": json.dumps(about)})
    return open_network(folder / "a.safetensors") is not None


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[Path, Path]:
    photo, style = tmp_path / "photo.jpg", tmp_path / "style.png"
    image = Image.open(sample_path("fox")).resize((150, 187))
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    image.save(photo, exif=exif, quality=95)
    Image.open(sample_path("impasto")).resize((180, 144)).save(style)
    return photo, style


def test_the_command_paints_without_pytorch(pictures: tuple[Path, Path], tmp_path: Path) -> None:
    code = (
        "import sys\nfrom gramarye.cli import main\ncode = main(sys.argv[1:])\n"
        "assert code == 0 and 'torch' not in sys.modules, (code, 'torch' in sys.modules)"
    )
    out = tmp_path / "out.png"
    words = ["instant", *map(str, pictures), "--seed", "3", "-q", "-o", str(out)]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made, other = Recipe.of_picture(out), tmp_path / "torch.png"
    assert made.versions["onnxruntime"] and "torch" not in made.versions
    assert main([*words[:-1], str(other), "--runtime", "torch"]) == 0
    expected = Recipe.of_picture(other)
    assert made.model_copy(update={"versions": expected.versions}) == expected
    with Image.open(out) as one, Image.open(other) as two:
        assert one.getexif()[0x010F] == two.getexif()[0x010F] == "A camera"
        difference = np.asarray(one).astype(int) - np.asarray(two).astype(int)
        assert np.abs(difference).max() <= 1


def test_redo_is_the_same_file(pictures: tuple[Path, Path], in_folder: Path) -> None:
    assert main(["instant", *map(str, pictures), "-q", "-o", "a.png"]) == 0
    assert main(["redo", "a.png", "-q", "-o", "b.png"]) == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_it_does_not_know_is_pytorchs(
    pictures: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.png"
    words = ["instant", *map(str, pictures), "--color", "content", "-q", "-o", str(out)]
    assert main([*words, "--runtime", "onnx"]) == 2
    told = capsys.readouterr().err
    assert "it knows no color" in told and told.count("\n") == 1 and not out.exists()
    assert main(words) == 0
    assert "torch" in Recipe.of_picture(out).versions


def test_where_it_is_not_installed(
    pictures: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("gramarye.jobs.at_once.is_installed", lambda: False)
    out = tmp_path / "out.png"
    words = ["instant", *map(str, pictures), "-q", "-o", str(out)]
    assert main([*words, "--runtime", "onnx"]) == 2
    told = capsys.readouterr().err
    assert "pip install 'gramarye[onnx]'" in told and told.count("\n") == 1
    assert main(words) == 0 and "torch" in Recipe.of_picture(out).versions


def test_a_picture_that_is_hardly_painted_is_told(
    pictures: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("gramarye.jobs.at_once.UNCHANGED", 1.0)  # whatever is painted is too little
    out = str(tmp_path / "out.png")
    assert main(["instant", *map(str, pictures), "--runtime", "onnx", "-o", out]) == 0
    assert "note: the picture is the content as it was: raise --strength" in capsys.readouterr().err


def test_threads_are_as_many_as_omp_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert runtime.thread_count() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert runtime.thread_count() >= 1
