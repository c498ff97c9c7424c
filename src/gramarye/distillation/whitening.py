"""Linear maps learned against whitened inputs: same network, better-conditioned training.

The inputs of a layer are far from independent: neighboring pixels are nearly equal, activations
share a large mean. A common step length then suits no direction of its weights. So the weights that
are learned are those of centered and whitened inputs (LeCun et al., *Efficient BackProp*, 1998;
Desjardins et al., *Natural Neural Networks*, 2015); the product is an ordinary convolution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from gramarye.matrices import symmetric_power

POSITIONS = 20_000  # at most, of a batch, that a layer's inputs are measured at
FLOOR = 1e-2  # of the mean variance, added to each: what hardly varies is not blown up


class Whitened(nn.Module):
    """Weights (C, n) or (C, n', k, k) as those of whitened inputs, times the whitening (n, n)."""

    whitening: Tensor

    def __init__(self, whitening: Tensor) -> None:
        super().__init__()
        self.register_buffer("whitening", whitening)

    def forward(self, learned: Tensor) -> Tensor:
        with torch.autocast(learned.device.type, enabled=False):
            weight = (learned.flatten(1) @ self.whitening).view_as(learned)
        return weight.contiguous(memory_format=torch.channels_last)

    def right_inverse(self, weight: Tensor) -> Tensor:
        learned: Tensor = torch.linalg.solve(self.whitening, weight.flatten(1), left=False)
        return learned.view_as(weight)


class Centered(nn.Module):
    """A bias as what comes out for the mean input."""

    mean: Tensor

    def __init__(self, layer: nn.Conv2d, mean: Tensor) -> None:
        super().__init__()
        self.layer = (layer,)  # in a tuple: it is the parent, not a part
        self.register_buffer("mean", mean)

    def at_mean(self) -> Tensor:
        with torch.autocast(self.mean.device.type, enabled=False):
            return self.layer[0].weight.flatten(1) @ self.mean

    def forward(self, learned: Tensor) -> Tensor:
        return learned - self.at_mean()

    def right_inverse(self, bias: Tensor) -> Tensor:
        return bias + self.at_mean()


@dataclass
class InputMoments:
    """Sums over a layer's inputs (N, n), patches where it is a 3 x 3 convolution."""

    count: int = 0
    first: Tensor | float = 0.0
    second: Tensor | float = 0.0

    def add(self, inputs: Tensor) -> None:
        inputs = inputs[:: -(-len(inputs) // POSITIONS)].double()
        self.count += len(inputs)
        self.first = self.first + inputs.sum(0)
        self.second = self.second + inputs.mT @ inputs

    def whitening(self, floor: float) -> tuple[Tensor, Tensor]:
        """(covariance + floor)^(-1/2) and the mean, in float64."""
        assert isinstance(self.first, Tensor) and isinstance(self.second, Tensor)
        mean = self.first / self.count
        covariance = self.second / self.count - mean[:, None] * mean
        least = floor * covariance.diagonal().mean() * torch.eye(len(mean)).to(covariance)
        return symmetric_power(covariance + least, -0.5), mean


def inputs_of(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """What the layer sees at each position (N, n), in the order of its weights."""
    border = layer.kernel_size[0] // 2
    if border:
        x = F.pad(x, (border,) * 4, mode=layer.padding_mode)  # never zeros here
    columns = F.unfold(x.detach().float(), layer.kernel_size)
    return columns.transpose(1, 2).flatten(0, 1)


@contextmanager
def measured(layers: Mapping[str, nn.Conv2d]) -> Iterator[dict[str, InputMoments]]:
    """The moments of the layers' inputs, of all that goes through them inside."""
    found = {name: InputMoments() for name in layers}

    def look(name: str, layer: nn.Module, inputs: tuple[Tensor]) -> None:
        assert isinstance(layer, nn.Conv2d)
        found[name].add(inputs_of(layer, inputs[0]))

    hooks = [layer.register_forward_pre_hook(partial(look, name)) for name, layer in layers.items()]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


@torch.no_grad()
def whiten(layers: Mapping[str, nn.Conv2d], look: Callable[[], None], floor: float = FLOOR) -> None:
    """Learn the layers against whitened inputs from now on; what they compute stays the same.

    `look` sends pictures through them. The layers' parameters are other ones afterwards.
    """
    with measured(layers) as found:
        look()
    for name, layer in layers.items():
        whitening, mean = (x.to(layer.weight) for x in found[name].whitening(floor))
        register = parametrize.register_parametrization
        register(layer, "weight", Whitened(whitening))
        register(layer, "bias", Centered(layer, mean))
