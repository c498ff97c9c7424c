"""What a narrow network learns from: other networks' activations, by VGG-19's layer names.

Activations are those of the *normalized* VGG-19 (mean activation about 1 per channel; Gatys,
Ecker, Bethge 2015, section "Methods"), so that layers are comparable in size.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gramarye.distillation.settings import TARGETS
from gramarye.errors import WeightsError, did_you_mean
from gramarye.files import check_readable, file_sha256, user_path
from gramarye.networks.cache import weights_path
from gramarye.networks.catalog import ALIASES, NETWORKS, check_layers, find_network
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.registry import load_network
from gramarye.networks.weights_file import WeightsFile, open_weights


class FileTeacher(nn.Module):
    """A stack of 3x3 convolutions, read from a weights file by its key names.

    The file holds `conv0` (a 1x1 convolution from RGB in [0, 1] to the network's own input), then
    `conv1_1` or `conv11`, and so on; a layer's optional 1x1 head `conv11_aux` predicts VGG-19's
    activations, which is then what the layer answers. Reflection padding, ReLU, 2x2 max pooling.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        file = open_weights(path)
        self.sha256 = file_sha256(path)
        self.first = read_conv(file, "conv0", 3, kernel=1)
        self.convs: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}
        self.aux: dict[str, tuple[Tensor, Tensor]] = {}
        channels = len(self.first[1])
        found = (re.fullmatch(r"(conv(\d)_?(\d))\.weight", key) for key in file)
        keys = {(int(key[2]), int(key[3])): key[1] for key in found if key}
        for (block, depth), key in sorted(keys.items()):
            self.convs[block, depth] = read_conv(file, key, channels, kernel=3)
            channels = len(self.convs[block, depth][1])
            if f"{key}_aux.weight" in file:
                head = read_conv(file, f"{key}_aux", channels, kernel=1)
                self.aux[f"relu{block}_{depth}"] = head
        blocks = {block for block, _ in self.convs}
        if not blocks or blocks != set(range(1, max(blocks) + 1)):
            raise no_teacher(file, "it has no conv1_1.weight, or leaves out a block")

    @property
    def targets(self) -> tuple[str, ...]:
        """The layers it can teach."""
        names = {f"relu{b}_{d}" for b, d in self.convs}
        return tuple(layer for layer in TARGETS if layer in names)

    def forward(self, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        return self.answers(self.activations(image, layers), layers)

    def activations(self, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Its own activations at all layers, down to the deepest of those named."""
        x = F.conv2d(image, *self.first)
        features: dict[str, Tensor] = {}
        block = 1
        for b, d in sorted(self.convs):
            if set(layers) <= features.keys():
                break
            if b != block:
                x, block = F.max_pool2d(x, 2), b
            x = F.relu(F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), *self.convs[b, d]))
            features[f"relu{b}_{d}"] = x
        return features

    def answers(self, activations: dict[str, Tensor], layers: Sequence[str]) -> dict[str, Tensor]:
        """What it teaches at the layers: its heads' answer where it has one."""
        return {
            layer: F.relu(F.conv2d(activations[layer], *self.aux[layer]))
            if layer in self.aux
            else activations[layer]
            for layer in layers
        }


class NetworkTeacher(nn.Module):
    """A perceptual network as teacher: VGG-19 itself, rescaled to unit mean activation."""

    aux: tuple[str, ...] = ()
    targets = TARGETS

    def __init__(self, network: PerceptualNetwork) -> None:
        super().__init__()
        self.network, self.sha256 = network, network.weights_sha256

    def forward(self, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        return self.network(image, layers)  # type: ignore[no-any-return]


Teacher = FileTeacher | NetworkTeacher


def read_conv(file: WeightsFile, key: str, channels: int, kernel: int) -> tuple[Tensor, Tensor]:
    """The weight and bias of a teacher's convolution that reads so many channels."""
    missing = [name for name in (f"{key}.weight", f"{key}.bias") if name not in file]
    if missing:
        raise no_teacher(file, f"it has no {missing[0]}")
    shape, bias = tuple(file[f"{key}.weight"].shape), tuple(file[f"{key}.bias"].shape)
    if shape[1:] != (channels, kernel, kernel) or bias != shape[:1] or bias == (0,):
        raise no_teacher(
            file,
            f"{key} has shapes {shape} and {bias}, and should read {channels} channels by "
            f"{kernel} x {kernel}",
        )
    return file.floats(f"{key}.weight"), file.floats(f"{key}.bias")


def no_teacher(file: WeightsFile, reason: str) -> WeightsError:
    return WeightsError(
        f"{file.path} is no teacher ({reason}): its keys should be conv0, conv1_1, conv1_2, ...; "
        "name another file, or the network vgg19"
    )


def teacher_path(name: str) -> Path:
    """Where the file of a teacher is, or will be: of a network's name (`vgg19`), or the path."""
    known = name in (*NETWORKS, *ALIASES)
    return weights_path(find_network(name)) if known else user_path(name)


def load_teacher(name: str) -> Teacher:
    """A teacher by a network's name (`vgg19`) or by its file."""
    if name in (*NETWORKS, *ALIASES):
        check_layers(find_network(name), TARGETS)
        return NetworkTeacher(load_network(name, layers=TARGETS, normalize_weights=True))
    path = teacher_path(name)
    hint = did_you_mean(name, NETWORKS)
    check_readable(path, "teacher", f"name a network or a weights file{hint}", WeightsError)
    return FileTeacher(path)


@dataclass(frozen=True)
class Lesson:
    """What is taught of a batch: targets by layer, perhaps of every second image, and hints."""

    targets: dict[str, Tensor]
    hints: dict[str, Tensor]


class Teachers:
    """Several teachers as one: each layer is taught by the first that can.

    A teacher's own layer comes before a head that only predicts it, whatever the order.
    """

    def __init__(self, teachers: Sequence[Teacher]) -> None:
        able = {layer: [t for t in teachers if layer in t.targets] for layer in TARGETS}
        if missing := [layer for layer, found in able.items() if not found]:
            raise WeightsError(
                f"no teacher knows {', '.join(missing)}: add one with --teacher, or use vgg19"
            )
        self.assigned: dict[Teacher, tuple[str, ...]] = {}
        for layer, found in able.items():
            teacher = next((t for t in found if layer not in t.aux), found[0])
            self.assigned[teacher] = (*self.assigned.get(teacher, ()), layer)

    @property
    def guide(self) -> FileTeacher | None:
        """The one whose own layers are hints: a narrow network with heads, if there is one."""
        narrow = (t for t in self.assigned if isinstance(t, FileTeacher) and t.aux)
        return next(narrow, None)

    @torch.no_grad()
    def __call__(self, image: Tensor) -> dict[str, Tensor]:
        features: dict[str, Tensor] = {}
        for teacher, layers in self.assigned.items():
            features |= teacher(image, layers)
        return {layer: features[layer] for layer in TARGETS}

    @torch.no_grad()
    def lesson(self, image: Tensor) -> Lesson:
        """The targets of a batch, and the guide's own layers.

        A wide teacher costs as much as all the rest: it answers for every second image.
        """
        targets: dict[str, Tensor] = {}
        hints: dict[str, Tensor] = {}
        for teacher, layers in self.assigned.items():
            if isinstance(teacher, FileTeacher) and teacher.aux:
                own = teacher.activations(image, layers)
                targets |= teacher.answers(own, layers)
                hints = hints or own
            else:
                targets |= teacher(image[::2], layers)
        return Lesson({layer: targets[layer] for layer in TARGETS}, hints)

    def layer(self, layer: str) -> Callable[[Tensor], Tensor]:
        """One layer's activations as a function of images, to be differentiated."""
        teacher = next(t for t, layers in self.assigned.items() if layer in layers)
        return lambda image: teacher(image, [layer])[layer]
