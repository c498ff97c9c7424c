"""Published weights into a network: which key of a file belongs to which of its steps.

A step's tensors are known by two names: torchvision's, which counts the steps (`features.0.weight`,
`features.3.squeeze.weight`), and the layer's own (`conv1_1.weight`, as Gatys' `vgg_conv.pth` has
them, or `inception3a.branch1.conv.weight`).
"""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from gramarye.errors import WeightsError
from gramarye.networks.features import PerceptualNetwork, Step

State = Mapping[str, Tensor]


class SafetensorsState(Mapping[str, Tensor]):
    """A safetensors file as a dict that reads a tensor when it is asked for."""

    def __init__(self, path: Path) -> None:
        self.file: Any = safe_open(path, framework="pt")

    def __getitem__(self, key: str) -> Tensor:
        try:
            tensor: Tensor = self.file.get_tensor(key)
        except SafetensorError as error:
            raise KeyError(key) from error
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self.file.keys())

    def __len__(self) -> int:
        return len(self.file.keys())

    @property
    def metadata(self) -> dict[str, str]:
        return self.file.metadata() or {}


def open_weights(path: Path) -> State:
    """The tensors of a `.pth` or `.safetensors` file by key; WeightsError if it is neither.

    Nothing in the file is run: pickles are read with `weights_only=True`.
    """
    with damage_reported(existing(path)):
        if path.suffix == ".safetensors":
            return SafetensorsState(path)
        # Mapped files are read where they are used; torch's format before 1.6 cannot be mapped.
        mapped = zipfile.is_zipfile(path)
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
        if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
            state = state["state_dict"]
        if not isinstance(state, dict) or not all(isinstance(t, Tensor) for t in state.values()):
            raise WeightsError(f"{path} holds no state dict (layer name -> tensor)")
        return state


def existing(path: Path) -> Path:
    """The path, if there is a file; WeightsError if not."""
    if not path.is_file():
        raise WeightsError(
            f"there is no weights file {path}: name a .pth or .safetensors file that exists"
        )
    return path


@contextmanager
def damage_reported(path: Path) -> Iterator[None]:
    """Turn what the readers raise about a damaged or foreign file into WeightsError."""
    try:
        yield
    except (OSError, EOFError, RuntimeError, SafetensorError, pickle.UnpicklingError) as error:
        reason = str(error).partition("\n")[0]
        raise WeightsError(
            f"{path} cannot be read as weights ({reason}): it is damaged or of another format; "
            "download it anew"
        ) from error


def fill(network: PerceptualNetwork, state: State, path: Path, published: Sequence[Step]) -> None:
    """Copy a file's tensors into the network, as float32; WeightsError if they are another's.

    `published` are the steps of the whole network, by which the file's keys are judged even where
    the network itself ends earlier. Tensors beyond its end are not read.
    """
    check_keys(network.name, state, path, published)
    for i, step in enumerate(network.steps):
        own = step.module.state_dict()
        tensors = {key: find(state, i, step.name, key, path, network.name) for key in own}
        for key, tensor in tensors.items():
            if tensor.shape != own[key].shape:
                raise WeightsError(
                    f"{path} is not made for {network.name}: {step.name}.{key} has shape "
                    f"{tuple(tensor.shape)}, it should have {tuple(own[key].shape)}"
                )
        # Copies, so that neither a mapped file nor a larger tensor stays behind them.
        copies = {k: t.to(torch.float32, copy=True).contiguous() for k, t in tensors.items()}
        step.module.load_state_dict(copies, assign=True)


def find(state: State, index: int, layer: str, key: str, path: Path, network: str) -> Tensor:
    """The tensor a step's `key` has in the file, by either of its names."""
    names = (f"features.{index}.{key}", f"{layer}.{key}")
    for name in names:
        if name in state:
            return state[name]
    raise WeightsError(
        f"{path} is not made for {network}, or not complete: it has neither {names[0]} nor "
        f"{names[1]}"
    )


def check_keys(network: str, state: Iterable[str], path: Path, published: Sequence[Step]) -> None:
    """Raise WeightsError if the file has weights where the network has none.

    This tells VGG-16 from VGG-19, whose first seven convolutions have the same shapes.
    """
    weighted = [bool(list(step.module.parameters())) for step in published]
    names = {step.name for step in published}
    for key in state:
        counted = re.match(r"features\.(\d+)\.", key)
        layer = re.match(r"(conv\d_\d)\.", key)
        if counted:
            known = int(counted[1]) < len(weighted) and weighted[int(counted[1])]
        else:
            known = layer is None or layer[1] in names
        if not known:
            raise WeightsError(
                f"{path} is not made for {network}, which has no {key}: name the network it "
                "belongs to, or another file"
            )
