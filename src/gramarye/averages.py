"""Running means: of a training's figures, and of its weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn


def follow(means: dict[str, float], values: Mapping[str, float], memory: float) -> None:
    """Move running means towards new values; a first value is its own mean."""
    for key, value in values.items():
        means[key] = memory * means.get(key, value) + (1 - memory) * value


@torch.no_grad()
def follow_weights(average: nn.Module, module: nn.Module, step: int, decay: float) -> None:
    """Move an exponential average of a module's weights towards those after a step.

    Early on the average must forget the random start: its memory grows with the steps, up to
    `decay`.
    """
    decay = min(decay, (1 + step) / (10 + step))
    for mean, weight in zip(average.parameters(), module.parameters(), strict=True):
        mean.lerp_(weight, 1 - decay)


def check_adam(optimizer: torch.optim.Optimizer) -> None:
    """Raise ValueError if Adam's moments are not those of the parameters they belong to."""
    for parameter, moments in optimizer.state.items():
        if set(moments) != {"step", "exp_avg", "exp_avg_sq"} or moments["step"].numel() != 1:
            raise ValueError("the optimizer's state is of another kind")
        for name in ("exp_avg", "exp_avg_sq"):
            if moments[name].shape != parameter.shape:
                raise ValueError("the optimizer's state is of another network")
            if not moments[name].isfinite().all():
                raise ValueError("there are numbers that are not finite")
