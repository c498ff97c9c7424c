"""SqueezeNet 1.0 and 1.1 (Iandola et al., 2016), as torchvision trained them."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gramarye.networks.features import Conv, Padding, Pool, Pooling, Step
from gramarye.networks.layers import FIRES, SQUEEZENETS


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
    width, kernel, pooled = SQUEEZENETS[version]
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
