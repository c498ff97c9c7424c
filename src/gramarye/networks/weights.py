"""Published weights into a network: which key of a file belongs to which of its steps.

A step's tensors are known by two names: torchvision's, which counts the steps (`features.0.weight`,
`features.3.squeeze.weight`), and the layer's own (`conv1_1.weight`, as Gatys' `vgg_conv.pth` has
them, or `inception3a.branch1.conv.weight`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gramarye.errors import WeightsError
from gramarye.networks.features import PerceptualNetwork, Step
from gramarye.networks.weights_file import WeightsFile, shown


def fill(network: PerceptualNetwork, file: WeightsFile, published: Sequence[Step]) -> None:
    """Copy a file's tensors into the network, as float32; WeightsError if they are another's.

    `published` are the steps of the whole network, by which the file's keys are judged even where
    the network itself ends earlier. Tensors beyond its end are not read.
    """
    check_keys(network.name, file, published)
    for i, step in enumerate(network.steps):
        copies = {}
        for key, own in step.module.state_dict().items():
            name = find(file, i, step.name, key, network.name)
            shape = file[name].shape
            if shape != own.shape:
                raise WeightsError(
                    f"{file.path} is not made for {network.name}: {step.name}.{key} has shape "
                    f"{tuple(shape)}, it should have {tuple(own.shape)}"
                )
            copies[key] = file.floats(name)
        step.module.load_state_dict(copies, assign=True)


def find(file: WeightsFile, index: int, layer: str, key: str, network: str) -> str:
    """The name that a step's `key` has in the file."""
    names = (f"features.{index}.{key}", f"{layer}.{key}")
    for name in names:
        if name in file:
            return name
    raise WeightsError(
        f"{file.path} is not made for {network}, or not complete: it has neither {names[0]} nor "
        f"{names[1]}"
    )


def check_keys(network: str, file: WeightsFile, published: Sequence[Step]) -> None:
    """Raise WeightsError if the file has weights where the network has none.

    This tells VGG-16 from VGG-19, whose first seven convolutions have the same shapes.
    """
    weighted = [bool(list(step.module.parameters())) for step in published]
    names = {step.name for step in published}
    for key in file:
        counted = re.match(r"features\.(\d+)\.", key)
        layer = re.match(r"(conv\d_\d)\.", key)
        if counted:
            known = int(counted[1]) < len(weighted) and weighted[int(counted[1])]
        else:
            known = layer is None or layer[1] in names
        if not known:
            raise WeightsError(
                f"{file.path} is not made for {network}, which has no {shown(key)}: name the "
                "network it belongs to, or another file"
            )
