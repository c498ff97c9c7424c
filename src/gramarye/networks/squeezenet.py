"""SqueezeNet 1.0 and 1.1 (Iandola et al., 2016), as torchvision trained them."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gramarye.networks.features import Conv, Padding, Pool, Pooling, Step

# Channels of the modules fire2 ... fire9: (squeeze, each of the two expansions).
FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))
# Version: (channels and kernel of conv1, the layers a pooling follows).
VERSIONS = {
    "1.0": (96, 7, ("relu1", "fire4", "fire8")),
    "1.1": (64, 3, ("relu1", "fire3", "fire5")),
}


class Fire(nn.Module):
    """A 1x1 convolution to few channels, then 1x1 and 3x3 side by side, a ReLU after each."""

    def __init__(self, in_channels: int, squeeze: int, expand: int, padding: Padding) -> None:
        super().__init__()
        self.squeeze = Conv(in_channels, squeeze, 1)
        self.expand1x1 = Conv(squeeze, expand, 1)
        self.expand3x3 = Conv(squeeze, expand, 3, padding=1, mode=padding)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu_(self.squeeze(x))
        return F.relu_(torch.cat([self.expand1x1(x), self.expand3x3(x)], dim=1))


def squeezenet_steps(
    version: Literal["1.0", "1.1"], pooling: Pooling = "max", padding: Padding = "zeros"
) -> list[Step]:
    """The steps conv1, relu1, pool1, fire2, ..., fire9, with pool2 and pool3 between them.

    A fire layer is the concatenation of its two expansions, after their ReLUs. conv1 does not pad.
    """
    width, kernel, pooled = VERSIONS[version]
    conv = Conv(3, width, kernel, stride=2)
    steps = [
        Step("conv1", conv, width, kernel, stride=2),
        Step("relu1", nn.ReLU(inplace=True), width),
    ]
    pools = 0
    for i, (squeeze, expand) in enumerate(FIRES, start=2):
        if steps[-1].name in pooled:
            pools += 1
            pool = Pool(pooling, 3, 2, ceil=True)
            steps.append(Step(f"pool{pools}", pool, width, kernel=3, stride=2, ceil=True))
        fire = Fire(width, squeeze, expand, padding)
        width = 2 * expand
        steps.append(Step(f"fire{i}", fire, width, kernel=3, padding=1))
    return steps
