"""The network under training: a narrow VGG-19 and the linear maps it is taught through."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from gramarye.distillation.gradients import Head
from gramarye.distillation.settings import GRADIENT_SHARES, TARGETS, DistillConfig
from gramarye.distillation.whitening import whiten
from gramarye.networks.vgg import narrow_vgg

Features = dict[str, Tensor]

FIRST_FLOOR = 1e-3  # an image's finest details vary least and matter


class Student(nn.Module):
    """The narrow network with the heads it is trained through."""

    def __init__(
        self,
        config: DistillConfig,
        widths: Mapping[str, int],
        hint_widths: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__()
        self.network = narrow_vgg("student", config.blocks, config.padding, config.pooling)
        self.heads = self.linear(widths)
        self.measures = self.linear({layer: widths[layer] for layer in GRADIENT_SHARES})
        known = set(self.network.layers)
        hints = {layer: n for layer, n in (hint_widths or {}).items() if layer in known}
        self.hints = self.linear(hints)

    def linear(self, widths: Mapping[str, int]) -> nn.ModuleDict:
        """A linear map of the channels of each layer."""
        channels = {layer: self.network.geometry(layer).channels for layer in widths}
        return nn.ModuleDict(
            {layer: nn.Conv2d(channels[layer], width, 1) for layer, width in widths.items()}
        )

    def measure(self, layer: str) -> Head:
        """The affine map (C_wide, C), (C_wide,) through which a layer's style is measured."""
        head = self.measures[layer]
        assert isinstance(head, nn.Conv2d) and head.bias is not None
        return head.weight.flatten(1), head.bias

    def layers(self) -> dict[str, nn.Conv2d]:
        """Everything that is learned, by name: convolutions and linear maps."""
        return {name: m for name, m in self.named_modules() if isinstance(m, nn.Conv2d)}

    def whiten_first(self, images: Tensor) -> None:
        """Learn the first layer against whitened patches of such images."""
        first = {name: layer for name, layer in self.layers().items() if "conv1_1" in name}
        whiten(first, lambda: self.run_all(images), FIRST_FLOOR)

    def whiten_rest(self, batches: Iterable[Tensor]) -> None:
        """Learn all others against whitened inputs too, as these images make them."""

        def look() -> None:
            for images in batches:
                self.run_all(images)

        layers = self.layers().items()
        whiten({name: m for name, m in layers if not parametrize.is_parametrized(m)}, look)

    def run_all(self, images: Tensor) -> None:
        """Send images through all layers."""
        maps = [(layer, head) for d in self.maps() for layer, head in d.items()]
        features = self.network(images, {layer for layer, _ in maps})
        for layer, head in maps:
            head(features[layer])

    def maps(self) -> tuple[nn.ModuleDict, ...]:
        return self.heads, self.measures, self.hints

    def reset(self, seed: int) -> None:
        """Draw all weights anew (He et al., 2015), from a generator of their own."""
        generator = torch.Generator().manual_seed(seed)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                gain = math.sqrt(2 / (module.in_channels * math.prod(module.kernel_size)))
                weight = torch.randn(module.weight.shape, generator=generator)
                module.weight.data.copy_(gain * weight)
                assert module.bias is not None
                module.bias.data.zero_()

    def groups(self) -> list[dict[str, object]]:
        """The parameters by pace.

        The first blocks have the longest way to go in each weight, unless all are whitened.
        """
        if all(parametrize.is_parametrized(layer) for layer in self.layers().values()):
            return [{"params": list(self.parameters()), "pace": 1.0}]
        paces: dict[float, list[nn.Parameter]] = {1.0: [], 2.0: [], 4.0: []}
        for name, parameter in self.named_parameters():
            block = int(re.findall(r"(?:conv|relu)(\d)", name)[0])
            paces[{1: 4.0, 2: 2.0}.get(block, 1.0)].append(parameter)
        return [{"params": parameters, "pace": pace} for pace, parameters in paces.items()]

    def forward(self, image: Tensor, layers: Collection[str] = TARGETS) -> Features:
        """The predictions of the heads, (B, C_wide, h, w)."""
        features = self.network(image, layers)
        return {layer: F.relu(self.heads[layer](features[layer])) for layer in layers}
