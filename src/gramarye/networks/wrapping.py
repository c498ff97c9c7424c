"""Networks that see round a picture's border: its left side lies beside its right one.

So a convolution sees a tileable picture as it will be laid, side by side with itself.
"""

from __future__ import annotations

import copy
from collections.abc import Collection

from gramarye.errors import SettingsError
from gramarye.networks.features import Conv, PerceptualNetwork
from gramarye.networks.passes import is_chain
from gramarye.units import show_size


def wrapped_network(network: PerceptualNetwork) -> PerceptualNetwork:
    """The same network with circular padding; it shares the other one's weights.

    The features of an image rolled by multiples of a layer's stride are then those of the image,
    rolled, where the stride divides the image's sides.
    """
    shared = [*network.parameters(), *network.buffers(), *network.heads.values()]
    wrapped = copy.deepcopy(network, {id(tensor): tensor for tensor in shared})
    for module in wrapped.modules():
        if isinstance(module, Conv):
            module.padding_mode = "circular"
    return wrapped


def check_wraps(
    network: PerceptualNetwork, height: int, width: int, stride: int, asked: Collection[str]
) -> None:
    """Raise SettingsError for a network that cannot see round a border, or sides that break it.

    A position of a layer stands for a square of pixels: only where whole squares fill both sides,
    the right one meets the left one without a seam. `asked` are the losses that compare neighbors
    within the border.
    """
    if not is_chain(network):
        raise SettingsError(
            f"{network.name} cannot look round a picture's border, as tileable asks: choose a VGG, "
            "such as vgg19-lite"
        )
    if asked:
        raise SettingsError(
            f"{' and '.join(sorted(asked))} compares neighbors and not round a picture's border, "
            "as tileable asks: choose another loss"
        )
    if height % stride or width % stride:
        near = (max(1, round(side / stride)) * stride for side in (width, height))
        raise SettingsError(
            f"a tileable texture of {show_size(width, height)} pixels would have a seam: for the "
            f"layers asked for, both sides must be multiples of {stride}, as {show_size(*near)}"
        )
