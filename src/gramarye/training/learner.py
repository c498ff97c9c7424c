"""What learns, whichever network it is: a step, a painting, a measurement, and its state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor

TOTAL = "total"  # the name of the held-out loss that is watched


class Learner(Protocol):
    """A network in training. What a step draws depends on the seed and its number alone."""

    @property
    def step(self) -> int:
        """Steps made."""

    def learn(self) -> dict[str, float]:
        """One step: its losses by name, each a running mean."""

    def paint(self, photograph: Tensor, which: int) -> Tensor:
        """A photograph (1, 3, H, W) in the style of that number, as the network is now."""

    def measure(self, photographs: list[Tensor]) -> dict[str, float]:
        """What photographs (1, 3, H, W) painted in the styles lose, by name, and `TOTAL`."""

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it up again; ValueError, or what PyTorch raises, for a damaged one."""

    def packed(self) -> bytes:
        """The network as the content of its file."""

    def describe(self) -> dict[str, Any]:
        """What `config.json` says of the network."""
