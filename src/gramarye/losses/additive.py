"""What a loss must offer to be evaluated in tiles, or over several machines (design law 1)."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor

from gramarye.tiles.regions import Region, Sums


@runtime_checkable
class AdditiveLoss(Protocol):
    """A loss that is a function of sums over the positions of one layer."""

    @property
    def layer(self) -> str:
        """The layer it reads, "image" for the image itself."""

    @property
    def separable(self) -> bool:
        """Whether it adds up over positions itself: its gradient then needs no other tile."""

    def sums(self, features: Tensor, region: Region) -> Sums:
        """A tile's sums, each (B, ...), of the features (B, C, h, w) of its window."""

    def value(self, sums: Sums) -> Tensor:
        """The loss of each image (B,), differentiable in the sums of all tiles."""

    def add_gradient(self, into: Tensor, features: Tensor, region: Region, slopes: Sums) -> None:
        """Add to `into`, like the features, the gradient of sum(slopes * sums) in the features."""
