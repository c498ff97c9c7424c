"""What a narrow network learns from: other networks' activations, by VGG-19's layer names.

Activations are those of the *normalized* VGG-19 (mean activation about 1 per channel; Gatys,
Ecker, Bethge 2015, section "Methods"), so that layers are comparable in size.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from gramarye.errors import WeightsError
from gramarye.networks.catalog import NETWORKS
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.registry import load_network

TARGETS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")


class FileTeacher(nn.Module):
    """A stack of 3x3 convolutions, read from a safetensors file by its key names.

    The file holds `conv0` (a 1x1 convolution from RGB in [0, 1] to the network's own input), then
    `conv1_1` or `conv11`, and so on; a layer's optional 1x1 head `conv11_aux` predicts VGG-19's
    activations, which is then what the layer answers. Reflection padding, ReLU, 2x2 max pooling.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        try:
            tensors = load_file(path)
        except (OSError, SafetensorError) as error:
            raise WeightsError(
                f"{path.name} cannot be read as a safetensors file ({error}): name a teacher file "
                "of safetensors format, or the network 'vgg19'"
            ) from error
        self.convs: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}
        self.aux: dict[str, tuple[Tensor, Tensor]] = {}
        for key in sorted(k for k in tensors if k.endswith(".weight")):
            found = re.fullmatch(r"conv(\d)_?(\d)(_aux)?\.weight", key)
            if not found:
                continue
            block, depth = int(found[1]), int(found[2])
            pair = (tensors[key].float(), tensors[key.replace(".weight", ".bias")].float())
            if found[3]:
                self.aux[f"relu{block}_{depth}"] = pair
            else:
                self.convs[block, depth] = pair
        if "conv0.weight" not in tensors or (1, 1) not in self.convs:
            raise WeightsError(
                f"{path.name} is no teacher: its keys should be conv0, conv1_1, conv1_2, ..."
            )
        self.first = (tensors["conv0.weight"].float(), tensors["conv0.bias"].float())

    @property
    def targets(self) -> tuple[str, ...]:
        """The layers it can teach."""
        names = {f"relu{b}_{d}" for b, d in self.convs}
        return tuple(layer for layer in TARGETS if layer in names)

    def forward(self, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        x = F.conv2d(image, *self.first)
        features: dict[str, Tensor] = {}
        block = 1
        for b, d in sorted(self.convs):
            if len(features) == len(layers):
                break
            if b != block:
                x, block = F.max_pool2d(x, 2), b
            x = F.relu(F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), *self.convs[b, d]))
            name = f"relu{b}_{d}"
            if name in layers:
                features[name] = F.relu(F.conv2d(x, *self.aux[name])) if name in self.aux else x
        return features


class NetworkTeacher(nn.Module):
    """A perceptual network as teacher: VGG-19 itself, rescaled to unit mean activation."""

    aux: tuple[str, ...] = ()
    targets = TARGETS

    def __init__(self, network: PerceptualNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        return self.network(image, layers)  # type: ignore[no-any-return]


Teacher = FileTeacher | NetworkTeacher


def load_teacher(name: str) -> Teacher:
    """A teacher by a network's name (`vgg19`) or by its file."""
    if name in NETWORKS:
        return NetworkTeacher(load_network(name, layers=TARGETS, normalize_weights=True))
    return FileTeacher(Path(name))


class Teachers:
    """Several teachers as one: each layer is taught by the first that can.

    A teacher's own layer comes before a head that only predicts it, whatever the order.
    """

    def __init__(self, teachers: Sequence[Teacher]) -> None:
        self.assigned: list[tuple[Teacher, tuple[str, ...]]] = []
        own = {
            layer: next(
                (t for t in teachers if layer in t.targets and layer not in t.aux),
                next((t for t in teachers if layer in t.targets), None),
            )
            for layer in TARGETS
        }
        missing = [layer for layer, teacher in own.items() if teacher is None]
        if missing:
            raise WeightsError(
                f"no teacher knows {', '.join(missing)}: add one with --teacher, or use vgg19"
            )
        for teacher in teachers:
            layers = tuple(layer for layer, t in own.items() if t is teacher)
            if layers:
                self.assigned.append((teacher, layers))

    @torch.no_grad()
    def __call__(self, image: Tensor) -> dict[str, Tensor]:
        features: dict[str, Tensor] = {}
        for teacher, layers in self.assigned:
            features |= teacher(image, layers)
        return {layer: features[layer] for layer in TARGETS}
