"""Weights files as the world has them, and what is no weights file."""

from __future__ import annotations

import argparse
import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save, save_file
from torch import Tensor, nn
from torch.testing import assert_close

from gramarye.errors import WeightsError
from gramarye.networks import registry
from gramarye.networks.registry import load_lite, load_network
from gramarye.networks.vgg import vgg_steps
from gramarye.networks.weights_file import open_weights

NARROW = ((2, 2), (2, 2), (2,) * 4, (2,) * 4, (2,) * 4)
State = dict[str, Tensor]


@pytest.fixture
def state(random_state: Callable[..., State], monkeypatch: pytest.MonkeyPatch) -> State:
    """A state dict of a narrow vgg19, which load_network("vgg19") now makes."""
    steps = partial(vgg_steps, NARROW)
    monkeypatch.setitem(registry.DEFINITIONS, "vgg19", (steps, registry.IMAGENET))
    return random_state(steps(), True)


def loaded(path: Path) -> Tensor:
    return load_network("vgg19", weights=path).body["conv5_4"].weight


def saved(content: object, **keywords: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, **keywords)
    return file.getvalue()


def compressed(data: bytes) -> bytes:
    """The same archive as a program for ZIP files would write it."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return file.getvalue()


WRITERS: dict[str, Callable[[State], bytes]] = {
    "torch": saved,
    "torch before 1.6": partial(saved, _use_new_zipfile_serialization=False),
    "torch, compressed": lambda state: compressed(saved(state)),
    "safetensors": save,
}


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors", "a.bin", "a", "a.PT", "a.jpg"])
@pytest.mark.parametrize("writer", WRITERS)
def test_a_file_is_judged_by_its_bytes_whatever_its_name(
    state: State, tmp_path: Path, writer: str, name: str
) -> None:
    (tmp_path / name).write_bytes(WRITERS[writer](state))
    assert_close(loaded(tmp_path / name), state["features.34.weight"], rtol=0, atol=0)


OTHERS = {"optimizer": {"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": [{"lr": 0.1}]}}
WRAPPERS: dict[str, Callable[[State], object]] = {
    "model": lambda s: {"model": s},
    "state_dict": lambda s: {"state_dict": s, "epoch": 3, "arch": "vgg19"},
    "with the optimizer": lambda s: {**OTHERS, "model_state_dict": s},
    "with an average": lambda s: {"net": s, "net_ema": {k: v + 1 for k, v in s.items()}},
    "nested": lambda s: {"checkpoint": {"model": {"state_dict": s}}, **OTHERS},
    "a number among the tensors": lambda s: {**s, "epoch": 3},
    "module.": lambda s: {f"module.{k}": v for k, v in s.items()},
    "_orig_mod.module.": lambda s: {f"_orig_mod.module.{k}": v for k, v in s.items()},
    "vgg. beside others": lambda s: (
        {f"vgg.{k}": v for k, v in s.items()} | {"decoder.conv1.weight": torch.ones(2, 2)}
    ),
    "module. in a model": lambda s: {"model": {f"module.{k}": v for k, v in s.items()}},
    "with a classifier": lambda s: {
        "state_dict": {f"module.{k}": v for k, v in s.items()}
        | {"module.classifier.0.weight": torch.ones(2, 2)}
    },
    "features alone": lambda s: {k.removeprefix("features."): v for k, v in s.items()},
    "parameters": lambda s: {k: nn.Parameter(v) for k, v in s.items()},
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_wrapped_state_dicts_are_found(state: State, tmp_path: Path, wrapper: str) -> None:
    torch.save(WRAPPERS[wrapper](state), tmp_path / "wrapped.pth")
    found = loaded(tmp_path / "wrapped.pth")
    assert_close(found.data, state["features.34.weight"], rtol=0, atol=0)
    assert not found.requires_grad


def test_prefixes_are_dropped_in_safetensors_too(state: State, tmp_path: Path) -> None:
    save_file({f"module.{k}": v for k, v in state.items()}, tmp_path / "a.safetensors")
    assert_close(loaded(tmp_path / "a.safetensors"), state["features.34.weight"])


def test_layers_names_may_have_a_prefix(
    state: State, random_state: Callable[..., State], tmp_path: Path
) -> None:
    named = random_state(vgg_steps(NARROW), False)
    torch.save({f"module.{k}": v for k, v in named.items()}, tmp_path / "named.pth")
    assert_close(loaded(tmp_path / "named.pth"), named["conv5_4.weight"])


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_float32(
    state: State, tmp_path: Path, writer: str, dtype: torch.dtype
) -> None:
    rounded = {k: v.to(dtype) for k, v in state.items()}
    (tmp_path / "a.pth").write_bytes(WRITERS[writer](rounded))
    assert_close(loaded(tmp_path / "a.pth"), rounded["features.34.weight"].float(), rtol=0, atol=0)


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (float("nan"), torch.float32),
        (float("inf"), torch.float32),
        (float("-inf"), torch.float16),
        (float("nan"), torch.bfloat16),
        (1e300, torch.float64),  # more than float32 can hold
    ],
)
def test_what_is_not_finite_is_found_when_it_is_loaded(
    state: State, tmp_path: Path, writer: str, value: float, dtype: torch.dtype
) -> None:
    bad = state["features.10.bias"].to(dtype)
    bad[1] = value
    (tmp_path / "a.pth").write_bytes(WRITERS[writer](state | {"features.10.bias": bad}))
    with pytest.raises(WeightsError, match=r"not finite in features\.10\.bias"):
        loaded(tmp_path / "a.pth")


def test_what_is_not_finite_beyond_the_last_layer_does_no_harm(
    state: State, tmp_path: Path
) -> None:
    torch.save(state | {"features.34.bias": torch.full((2,), float("nan"))}, tmp_path / "a.pth")
    load_network("vgg19", weights=tmp_path / "a.pth", layers=["relu5_1"])


@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(2, 2, 3, 3, dtype=torch.int8),
        torch.zeros(2, 2, 3, 3, dtype=torch.bool),
        torch.zeros(2, 2, 3, 3, dtype=torch.complex64),
        torch.zeros(2, 2, 3, 3).to_sparse(),
        torch.zeros(2, 2, 3, 3, device="meta"),
    ],
    ids=["int8", "bool", "complex", "sparse", "meta"],
)
def test_other_kinds_of_numbers_are_a_sentence(
    state: State, tmp_path: Path, tensor: Tensor
) -> None:
    torch.save(state | {"features.2.weight": tensor}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"features\.2\.weight as .*float16"):
        loaded(tmp_path / "a.pth")


def test_one_number_repeated_does_not_fill_the_memory(tmp_path: Path) -> None:
    huge = torch.zeros(1, 1, 1, 1).expand(1_000_000_000_000, 3, 3, 3)
    torch.save({"conv1_1.weight": huge}, tmp_path / "huge.pth")
    with pytest.raises(WeightsError, match="damaged"):
        open_weights(tmp_path / "huge.pth").floats("conv1_1.weight")


class Tower(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 2, 3)


def scripted(_: State) -> bytes:
    file = io.BytesIO()
    torch.jit.save(torch.jit.trace(nn.Conv2d(3, 2, 3), torch.ones(1, 3, 4, 4)), file)
    return file.getvalue()


def arrays(state: State) -> bytes:
    file = io.BytesIO()
    np.savez(file, **{k: v.numpy() for k, v in state.items()})
    return file.getvalue()


# What people take for weights: the bytes, and words of the sentence they must get.
STRANGERS: dict[str, tuple[Callable[[State], bytes], str]] = {
    "a whole module": (lambda s: saved(nn.Conv2d(1, 1, 1)), "besides tensors.*state_dict"),
    "a module, old format": (
        lambda s: saved(nn.Conv2d(1, 1, 1), _use_new_zipfile_serialization=False),
        "besides tensors.*state_dict",
    ),
    "options beside the weights": (
        lambda s: saved({"model": s, "args": argparse.Namespace(lr=1)}),
        r"argparse\.Namespace besides tensors",
    ),
    "arrays of numpy": (lambda s: saved({k: v.numpy() for k, v in s.items()}), "besides tensors"),
    "a plain pickle": (lambda s: pickle.dumps(s), "besides tensors|damaged"),
    "a pickle of an int": (lambda s: pickle.dumps(3), "damaged"),
    "numpy's archive": (arrays, "ZIP archive of something else"),
    "a web page": (lambda s: b"<!DOCTYPE html><html>404</html>", "web page.*download"),
    "an error in XML": (lambda s: b'\n<?xml version="1.0"?><Error>', "web page"),
    "a pointer of Git LFS": (
        lambda s: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n",
        "Git LFS",
    ),
    "HDF5": (lambda s: b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
    "gzip": (lambda s: b"\x1f\x8b\x08" + bytes(100), "unpack"),
    "nothing": (lambda s: b"", "empty"),
    "a picture": (lambda s: b"\x89PNG\r\n\x1a\n" + bytes(100), "neither torch.save nor"),
    "text": (lambda s: b"hello, world", "neither torch.save nor"),
    "a tensor alone": (lambda s: saved(torch.ones(3)), "no state dict"),
    "a list of tensors": (lambda s: saved(list(s.values())), "no state dict"),
    "an empty dict": (lambda s: saved({}), "no state dict"),
    "a cut ZIP": (lambda s: saved(s)[:-200], "damaged or cut short"),
    "a ZIP cut early": (lambda s: saved(s)[:300], "damaged or cut short"),
    "a cut old file": (
        lambda s: saved(s, _use_new_zipfile_serialization=False)[:-200],
        "damaged or cut short",
    ),
    "cut safetensors": (lambda s: save(s)[:-200], "damaged or cut short"),
    "safetensors cut early": (lambda s: save(s)[:300], "damaged or cut short"),
    "safetensors of bad JSON": (lambda s: save(s).replace(b'"dtype"', b'"dt\x1bpe"'), "damaged"),
}


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
@pytest.mark.parametrize("kind", STRANGERS)
def test_what_is_no_weights_file_gets_one_sentence(
    state: State, tmp_path: Path, kind: str, name: str
) -> None:
    make, words = STRANGERS[kind]
    (tmp_path / name).write_bytes(make(state))
    with pytest.raises(WeightsError, match=words) as error:
        loaded(tmp_path / name)
    told = str(error.value)
    assert told.isprintable() and "weights_only" not in told and "issue" not in told


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_a_program_of_torchscript_is_told_as_such(state: State, tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(scripted(state))
    with pytest.raises(WeightsError, match=r"TorchScript.*state_dict"):
        loaded(tmp_path / "a.pt")


def test_keys_that_cannot_be_shown_are_not(state: State, tmp_path: Path) -> None:
    torch.save(state | {"features.99.\x1b[31mred": torch.ones(1)}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="not made for vgg19") as error:
        loaded(tmp_path / "a.pth")
    assert str(error.value).isprintable()


def refused(path: Path, words: str) -> None:
    for name in ("vgg19", "vgg19-lite"):
        with pytest.raises(WeightsError, match=words):
            load_network(name, weights=path)


def test_paths_that_are_no_file_get_one_sentence(
    state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.pth").mkdir()
    refused(tmp_path / "folder.pth", "is a folder")
    refused(Path("/"), "is a folder")
    refused(Path("missing.pth"), "there is no weights file 'missing.pth'")
    refused(Path("~nobody-of-this-name/a.pth"), "there is no weights file")
    (tmp_path / "file").write_text("")
    refused(tmp_path / "file" / "a.pth", "there is no weights file")
    refused(Path("n" * 300), "is too long")
    refused(Path("a\0b.pth"), "no name a file can have")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    refused(tmp_path / "loop", "cannot be read")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_devices_and_pipes_are_not_waited_for(state: State, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pth")
    refused(tmp_path / "pipe.pth", "device or a pipe")
    refused(Path("/dev/zero"), "device or a pipe")


def test_a_file_without_permission_gets_one_sentence(
    state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secret.pth"
    torch.save(state, path)
    opened = Path.open

    def forbidden(self: Path, *args: Any, **keywords: Any) -> Any:
        if self == path:  # as it is for everyone but root
            raise PermissionError(13, "Permission denied")
        return opened(self, *args, **keywords)

    monkeypatch.setattr(Path, "open", forbidden)
    refused(path, "may not be read by this user")


def test_a_name_that_begins_with_a_tilde_is_a_name(
    state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(state, tmp_path / "~mine.pth")
    assert_close(loaded(Path("~mine.pth")), state["features.34.weight"])
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert_close(loaded(Path("~/~mine.pth")), state["features.34.weight"])


# vgg19-lite


BLOCKS = ((2, 2), (2, 2), (2,) * 4, (2,) * 4, (2,))
METADATA = {
    "padding": "reflect",
    "pooling": "max",
    "head_widths": json.dumps({"relu1_1": 8, "relu3_1": 9}),
}


@pytest.fixture
def lite(random_state: Callable[..., State]) -> State:
    heads = {"head.relu1_1": torch.eye(3), "head.relu3_1": torch.eye(3)}
    return random_state(vgg_steps(BLOCKS)[:-1], False) | heads


ODD_METADATA = [
    {},
    {"padding": "reflect"},
    METADATA | {"padding": "circular"},
    METADATA | {"padding": ""},
    METADATA | {"pooling": "MAX"},
    METADATA | {"head_widths": "8"},
    METADATA | {"head_widths": "[8, 9]"},
    METADATA | {"head_widths": "{"},
    METADATA | {"head_widths": "null"},
    METADATA | {"head_widths": '{"relu1_1": 8}'},  # none for relu3_1
    METADATA | {"head_widths": '{"relu1_1": 0, "relu3_1": 9}'},
    METADATA | {"head_widths": '{"relu1_1": "many", "relu3_1": 9}'},
    METADATA | {"head_widths": "[" * 100_000},
]


@pytest.mark.parametrize("metadata", ODD_METADATA, ids=range(len(ODD_METADATA)))
def test_odd_metadata_is_a_sentence(lite: State, tmp_path: Path, metadata: dict[str, str]) -> None:
    save_file(lite, tmp_path / "lite.safetensors", metadata)
    with pytest.raises(WeightsError, match="not made for vgg19-lite") as error:
        load_lite(tmp_path / "lite.safetensors")
    assert str(error.value).isprintable() and len(str(error.value)) < 500


@pytest.mark.parametrize(
    ("key", "tensor"),
    [
        ("conv1_1.weight", torch.ones(())),
        ("conv3_2.weight", torch.ones(4)),
        ("conv1_1.weight", torch.ones(0, 3, 3, 3)),
        ("conv2_1.weight", torch.ones(2, 5, 3, 3)),
        ("conv2_2.weight", torch.ones(2, 2, 5, 5)),
        ("conv5_1.bias", torch.ones(3)),
        ("conv5_1.bias", torch.full((2,), float("nan"))),
        ("head.relu1_1", torch.eye(2)),
        ("head.relu1_1", torch.ones(())),
        ("head.relu3_1", torch.full((3, 3), float("inf"))),
        ("head.relu3_1", torch.eye(3, dtype=torch.int32)),
    ],
)
def test_odd_tensors_of_a_lite_network_are_a_sentence(
    lite: State, tmp_path: Path, key: str, tensor: Tensor
) -> None:
    save_file(lite | {key: tensor}, tmp_path / "lite.safetensors", METADATA)
    with pytest.raises(WeightsError) as error:
        load_lite(tmp_path / "lite.safetensors")
    assert str(error.value).isprintable()


@pytest.mark.parametrize("missing", ["conv1_1.weight", "conv3_3.bias", "conv2_1.weight"])
def test_a_lite_network_without_a_part_is_a_sentence(
    lite: State, tmp_path: Path, missing: str
) -> None:
    kept = {k: v for k, v in lite.items() if k != missing}
    save_file(kept, tmp_path / "lite.safetensors", METADATA)
    with pytest.raises(WeightsError, match="not made for vgg19-lite"):
        load_network("vgg19-lite", weights=tmp_path / "lite.safetensors")


def test_any_single_changed_byte_gives_a_network_or_a_sentence(lite: State, tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    outcomes = {True: 0, False: 0}
    for whole in (save(lite, METADATA), saved(lite)):
        for at in torch.randint(0, len(whole), (150,), generator=generator).tolist():
            changed = bytearray(whole)
            changed[at] ^= 0x15
            (tmp_path / "a.safetensors").write_bytes(changed)
            try:
                open_weights(tmp_path / "a.safetensors").floats("conv4_3.weight")
            except (WeightsError, KeyError):
                outcomes[False] += 1
            else:
                outcomes[True] += 1
    assert outcomes[True] > 20 and outcomes[False] > 20, outcomes
