"""Exported graphs paint what PyTorch paints, at sizes that they were not made for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import gramarye
from gramarye import exporting
from gramarye.cli import main
from gramarye.errors import WeightsError
from gramarye.feedforward.files import load_painter
from gramarye.graphs.johnson import johnson_graph
from gramarye.graphs.matrices import at_least, at_most, roots
from gramarye.graphs.runtime import Session
from gramarye.graphs.writing import Graph, model, varint
from gramarye.johnson.files import packed_johnson
from gramarye.johnson.network import Johnson
from gramarye.johnson.painting import transformed
from gramarye.johnson.settings import JohnsonConfig
from gramarye.networks.registry import load_network

pytest.importorskip("onnxruntime", reason="ONNX Runtime is an extra")

SMALL = JohnsonConfig(channels=(3, 4, 5), blocks=2)


@pytest.fixture(scope="module")
def exported() -> exporting.Exported:
    return exporting.export("instant")


def test_numbers_are_seven_bits_a_byte() -> None:
    # By hand: 300 = 2 * 128 + 44, and -1 is all 64 bits.
    assert varint(0) == b"\x00" and varint(127) == b"\x7f"
    assert varint(300) == bytes([44 | 0x80, 2])
    assert varint((1 << 64) - 1) == b"\xff" * 9 + b"\x01"


def test_roots_are_those_of_eigenvalues() -> None:
    vectors, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((20, 20)))
    values = 9 * np.logspace(0, -8, 20)

    def of(changed: np.ndarray) -> np.ndarray:
        return (vectors * changed) @ vectors.T

    graph = Graph("roots")
    matrix = graph.input("matrix", [20, 20], "float64")
    root, inverse = roots(graph, matrix, 20)
    for name, value in (
        ("root", root),
        ("inverse", inverse),
        ("at_most", at_most(graph, matrix, 20, 4.0)),
        ("at_least", at_least(graph, matrix, 20, 0.5)),
    ):
        graph.output(value, name, [20, 20], "float64")
    found = Session(model(graph, "0"))(matrix=of(values))
    assert np.abs(found["root"] - of(values**0.5)).max() < 1e-9
    assert np.abs(found["inverse"] @ found["root"] - np.eye(20)).max() < 1e-6
    assert np.abs(found["at_most"] - of(values.clip(max=4))).max() < 1e-12
    assert np.abs(found["at_least"] - of(values.clip(0.5))).max() < 1e-12


def test_a_painter_is_two_graphs(exported: exporting.Exported) -> None:
    assert list(exported.files) == ["-style", "-picture"]
    assert 0 < exported.difference < 2e-3  # at two sizes of odd numbers
    shape = load_painter("instant", load_network("vgg19-lite")).config
    for name, content in exported.files.items():
        about = json.loads(Session(content).metadata["gramarye"])
        assert about["format"] == "onnx 1" and about["graph"] == name[1:]
        assert about["gramarye"] == gramarye.__version__ and len(about["painter_sha256"]) == 64
        assert about["network"]["parts"] == list(shape.parts)


def test_graphs_are_onnx(exported: exporting.Exported) -> None:
    onnx = pytest.importorskip("onnx", reason="the package that checks graphs is an extra")
    for content in exported.files.values():
        onnx.checker.check_model(onnx.load_from_string(content), full_check=True)


def test_flat_pictures_stay_finite(exported: exporting.Exported) -> None:
    style, picture = (Session(content) for content in exported.files.values())
    flat = np.full((1, 3, 140, 150), 0.4, np.float32)
    noisy = np.random.default_rng(1).random(flat.shape)
    for content, shown in ((flat, noisy), (noisy, flat)):
        code = style(style=shown.astype(np.float32))["code"]
        found = picture(
            content=content.astype(np.float32),
            code=code,
            noise=np.full(3 * 192 * 192, 0.5, np.float32),
            strength=np.array(0.5, np.float32),
        )["picture"]
        assert found.shape == flat.shape and np.isfinite(found).all()
        assert found.min() >= 0 and found.max() <= 1


@pytest.mark.parametrize(
    ("norm", "border", "upsampling"),
    [
        ("instance", "start", "transposed"),
        ("batch", "start", "nearest"),
        ("batch", "everywhere", "transposed"),
        ("instance", "everywhere", "nearest"),
    ],
)
def test_a_johnson_network_is_one_graph(norm: str, border: str, upsampling: str) -> None:
    config = JohnsonConfig(
        channels=(3, 4, 5),
        kernel=5 if upsampling == "nearest" else 9,
        blocks=2,
        norm=norm,  # type: ignore[arg-type]
        border=border,  # type: ignore[arg-type]
        upsampling=upsampling,  # type: ignore[arg-type]
    )
    network = Johnson(config, 3).eval().requires_grad_(False)
    for norm_of in network.modules():
        if hasattr(norm_of, "gain"):
            torch.nn.init.uniform_(norm_of.gain, 0.5, 2)  # type: ignore[arg-type]
            torch.nn.init.uniform_(norm_of.shift, -1, 1)  # type: ignore[arg-type]
        if hasattr(norm_of, "variance"):
            torch.nn.init.uniform_(norm_of.variance, 0.5, 2)  # type: ignore[arg-type]
            torch.nn.init.uniform_(norm_of.mean, -1, 1)  # type: ignore[arg-type]
    tensors = {name: value.numpy() for name, value in network.state_dict().items()}
    session = Session(model(johnson_graph(config, tensors, 3), "0"))
    mix = torch.tensor([[0.2, 0.5, 0.3]])
    for height, width in ((64, 52), (71, 45), (50, 90)):
        image = torch.rand(1, 3, height, width)
        found = session(content=image.numpy(), mix=mix.numpy())["picture"]
        expected = transformed(network, image, mix).numpy()
        assert found.shape == expected.shape and np.abs(found - expected).max() < 1e-4


def test_the_command_writes_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "own.safetensors"
    file.write_bytes(packed_johnson(Johnson(SMALL, 2), ("a.png", "b.png"), 7))
    assert main(["export", str(file), "--onnx", "--json", "-o", str(tmp_path)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["files"] == [str(tmp_path / "own.onnx")] and shown["difference"] < 1e-3
    about = json.loads(Session(tmp_path / "own.onnx").metadata["gramarye"])
    assert about["graph"] == "johnson" and about["styles"] == ["a.png", "b.png"]


def test_unnamed_files_replace_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.safetensors").write_bytes(packed_johnson(Johnson(SMALL, 1), ("a.png",), 7))
    Path("own.onnx").write_bytes(b"mine")
    assert main(["export", "own.safetensors", "--onnx"]) == 0
    assert Path("own.onnx").read_bytes() == b"mine" and Path("own-2.onnx").stat().st_size > 1000


def test_what_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "own.safetensors"
    whole = packed_johnson(Johnson(SMALL, 1), ("a.png",), 7)
    before = {file}
    for content, words, code, message in (
        (whole, [], 2, "say --onnx"),
        (whole[:-9], ["--onnx"], 2, "it is damaged or cut short"),
        (b"GIF89a", ["--onnx"], 2, "cannot be read as weights"),
    ):
        file.write_bytes(content)
        assert main(["export", str(file), *words, "-o", str(tmp_path)]) == code
        told = capsys.readouterr().err
        assert message in told and told.count("\n") == 1
    file.write_bytes(whole)
    monkeypatch.setattr(exporting, "TOLERANCE", 0.0)
    assert main(["export", str(file), "--onnx", "-o", str(tmp_path)]) == 1
    assert "nothing was written" in capsys.readouterr().err
    assert set(tmp_path.iterdir()) == before


def test_files_that_are_no_graphs(tmp_path: Path) -> None:
    graph = Graph("one")
    graph.output(graph.add("Relu", graph.input("x", [1])), "y", [1])
    whole = model(graph, "0")
    assert Session(whole)(x=np.array([-1.0], np.float32))["y"] == 0
    for content in (b"", whole[: len(whole) // 2], b"\x89PNG\r\n"):
        file = tmp_path / "bad.onnx"
        file.write_bytes(content)
        with pytest.raises(WeightsError, match=r"bad\.onnx' is no ONNX file that can be run here"):
            Session(file)
