"""A painter's file: there and back, and what is no painter, in one sentence."""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor
from torch.testing import assert_close

from gramarye.errors import WeightsError
from gramarye.feedforward.files import FORMAT, KEY, load_painter, make_painter, packed
from gramarye.networks.features import PerceptualNetwork
from tests.feedforward.conftest import SHAPE

Change = Callable[[dict[str, Tensor]], None]


@pytest.fixture
def content(tiny_network: PerceptualNetwork) -> bytes:
    return packed(make_painter(SHAPE, tiny_network), 12)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "painter.safetensors"


def about(content: bytes) -> dict[str, object]:
    """What a file says of itself."""
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    found: dict[str, object] = json.loads(header["__metadata__"][KEY])
    return found


def with_about(content: bytes, **changes: object) -> bytes:
    return save(load(content), {KEY: json.dumps({**about(content), **changes})})


def with_tensors(content: bytes, change: Change) -> bytes:
    tensors = load(content)
    change(tensors)
    return save(tensors, {KEY: json.dumps(about(content))})


def test_a_painter_comes_back_as_it_was_kept(tiny_network: PerceptualNetwork, file: Path) -> None:
    shape = SHAPE.model_copy(update={"parts": (2, 1), "detail": 0.25, "grain": 0.0})
    painter = make_painter(shape, tiny_network)
    file.write_bytes(packed(painter, 12))
    found = load_painter(file, tiny_network)
    assert found.config == shape
    for name, tensor in painter.state_dict().items():
        assert torch.equal(found.state_dict()[name], tensor.half().float())
    assert not any(parameter.requires_grad for parameter in found.parameters())
    assert packed(found, 12) == file.read_bytes()
    assert about(file.read_bytes())["steps"] == 12

    image = torch.rand(1, 3, 32, 32)
    felt = tiny_network(image, shape.fine.layers)
    missing = {k: -v for k, v in felt.items()}
    wanted = painter.fine(image, felt, missing)
    assert_close(found.fine(image, felt, missing), wanted, atol=1e-3, rtol=0)


def test_a_painter_in_another_precision_is_read_in_float32(
    tiny_network: PerceptualNetwork, content: bytes, file: Path
) -> None:
    def widen(tensors: dict[str, Tensor]) -> None:
        tensors |= {name: tensor.to(torch.bfloat16) for name, tensor in tensors.items()}

    file.write_bytes(with_tensors(content, widen))
    found = load_painter(file, tiny_network)
    assert all(tensor.dtype == torch.float32 for tensor in found.state_dict().values())


def kept(content: object) -> bytes:
    """What torch.save writes."""
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def drop(tensors: dict[str, Tensor]) -> None:
    del tensors["fine.finish.bias"]


def misshape(tensors: dict[str, Tensor]) -> None:
    tensors["fine.finish.bias"] = torch.zeros(4)


def spoil(tensors: dict[str, Tensor]) -> None:
    tensors["coarse.finish.weight"][0, 0, 1, 1] = torch.nan


def count(tensors: dict[str, Tensor]) -> None:
    tensors["fine.finish.bias"] = torch.zeros(3, dtype=torch.int64)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda content: content[: len(content) // 2], "it is damaged or cut short"),
        (lambda content: content[:200], "it is damaged or cut short"),
        (lambda content: b"", "it is empty"),
        (lambda content: pickle.dumps(print), "it is damaged or cut short"),
        (lambda content: kept({"painter": print}), "which could run any code"),
        (lambda content: kept(load(content)), "is no painter (it says nothing of its shape)"),
        (lambda content: save(load(content)), "is no painter (it says nothing of its shape)"),
        (lambda content: save(load(content), {KEY: "[1"}), "in its metadata"),
        (lambda content: save(load(content), {KEY: "{}"}), "in its metadata"),
        (lambda content: with_about(content, steps=-1), "in its metadata, steps is -1"),
        (lambda content: with_about(content, owner="me"), "in its metadata, owner"),
        (lambda content: with_about(content, format="painter 2"), f"reads {FORMAT!r}"),
        (lambda content: with_about(content, format="x\n\x1b[31m"), f"reads {FORMAT!r}"),
        (lambda content: with_tensors(content, drop), "it has no fine.finish.bias"),
        (lambda content: with_tensors(content, misshape), "bias has shape (4,), not (3,)"),
        (lambda content: with_tensors(content, spoil), "numbers that are not finite in coarse"),
        (lambda content: with_tensors(content, count), "holds fine.finish.bias as int64"),
    ],
)
def test_what_is_no_painter_is_refused(
    tiny_network: PerceptualNetwork,
    content: bytes,
    file: Path,
    damage: Callable[[bytes], bytes],
    words: str,
) -> None:
    file.write_bytes(damage(content))
    refused(file, tiny_network, words)


def refused(file: Path, network: PerceptualNetwork, words: str) -> None:
    with pytest.raises(WeightsError) as told:
        load_painter(file, network)
    message = str(told.value)
    assert words in message and str(file) in message and message.isprintable()


@pytest.mark.parametrize(
    "shape",
    [
        {"widths": (4, 4, 3)},  # fewer than layers
        {"blocks": (1,)},
        {"layers": ()},
        {"layers": ("relu9_9", "relu3_1", "relu2_1", "relu1_1")},
        {"layers": ("relu1_1", "relu2_1", "relu3_1", "relu4_1")},  # the picture's is not the last
        {"layers": ("relu4_1", "relu3_1", "relu2_1", "relu1_1/2")},
        {"layers": ("relu4_1", "relu3_1", "relu3_1", "relu1_1")},
        {"blocks": (-1, 0, 0, 0)},
        {"blocks": (10**9, 0, 0, 0)},
    ],
)
def test_a_shape_that_no_step_can_have_is_refused(
    tiny_network: PerceptualNetwork, content: bytes, file: Path, shape: dict[str, object]
) -> None:
    network = SHAPE.model_dump(mode="json")
    file.write_bytes(
        with_about(content, network={**network, "coarse": {**network["coarse"], **shape}})
    )
    refused(file, tiny_network, "is no painter (in its metadata, ")


@pytest.mark.parametrize("parts", [(), (2,), (1, 2), (0, 1), (-4, 1), (3, 1), (64, 1), (1,) * 99])
def test_parts_that_no_picture_has_are_refused(
    tiny_network: PerceptualNetwork, content: bytes, file: Path, parts: tuple[int, ...]
) -> None:
    network = SHAPE.model_dump(mode="json")
    file.write_bytes(with_about(content, network={**network, "parts": parts}))
    refused(file, tiny_network, "is no painter (in its metadata, ")


def test_a_file_that_is_not_there_is_told(tiny_network: PerceptualNetwork, file: Path) -> None:
    refused(file, tiny_network, "painter.safetensors")


def test_a_painter_is_loaded_without_pytorchs_compiler() -> None:
    code = (
        "import sys\n"
        "from gramarye.feedforward.files import load_painter\n"
        "from gramarye.networks.registry import load_network\n"
        "load_painter('instant', load_network('vgg19-lite'))\n"
        "print([name for name in ('torch._dynamo', 'sympy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
