"""The objective of a map: that of the picture it makes, and its own smoothness."""

from __future__ import annotations

from dataclasses import replace
from typing import final

import torch
from torch import Tensor

from gramarye.mapping.color_map import ColorMap
from gramarye.mapping.settings import MapSettings
from gramarye.objective import Evaluates, Evaluation
from gramarye.pictures.color import grayed


@final
class MapObjective:
    """The losses of the content (1, 3, H, W) as a map shows it, and their gradient in the map.

    The picture's gradient is the inner objective's, in tiles or in one piece; from there to the
    map it is one application backwards.
    """

    def __init__(
        self, inner: Evaluates, content: Tensor, settings: MapSettings, *, gray: bool = False
    ) -> None:
        self.inner, self.content, self.settings, self.gray = inner, content, settings, gray

    def picture(self, parameters: Tensor) -> Tensor:
        """The content as the map shows it (1, 3, H, W), differentiable in the parameters."""
        image = ColorMap(self.settings.kind, parameters).whole(self.content)
        return grayed(image) if self.gray else image

    def evaluate(self, parameters: Tensor) -> Evaluation:
        with torch.enable_grad():
            leaf = parameters.detach().requires_grad_(True)
            image = self.picture(leaf)
            found = self.inner.evaluate(image.detach())
            (gradient,) = torch.autograd.grad(image, leaf, found.gradient)
            del image
            weight, losses, total = self.settings.smoothness, found.losses, found.total
            if weight:
                rough = weight * ColorMap(self.settings.kind, leaf).roughness().to(total.dtype)
                gradient += torch.autograd.grad(rough.sum(), leaf)[0]
                losses = {**losses, "map": rough.detach()}
                total = total + rough.detach()
        return replace(found, losses=losses, total=total, gradient=gradient)
