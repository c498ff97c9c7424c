"""Training the network that takes any style (`feedforward.network`) on photographs and paintings.

After Johnson, Alahi and Fei-Fei (2016): a painting is measured by a fixed network, and the error is
sent back through it into the one that painted. Each pair has a style of its own.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import nn

from gramarye.averages import check_adam, follow, follow_weights
from gramarye.errors import OptimizationError
from gramarye.feedforward.code import statistics_of
from gramarye.feedforward.objective import PairObjective, bounded
from gramarye.feedforward.painting import make_painter, paint_task
from gramarye.feedforward.pairs import PairSampler
from gramarye.feedforward.settings import CODE_LAYERS, FeedForwardConfig
from gramarye.losses.variation import total_variation
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.passes import choose_precision

MEMORY = 0.98  # of the running means that are reported
LARGEST_GRADIENT = 1.0


@final
@dataclass(frozen=True)
class Record:
    """One step: its losses by name, averaged over recent steps."""

    step: int
    losses: dict[str, float]
    learning_rate: float


@final
class Training:
    """The network in training, its average, the optimizer and the step.

    `state_dict` and `load_state_dict` make it resumable to the bit: what a step draws depends on
    the seed and the step alone.
    """

    def __init__(
        self, config: FeedForwardConfig, network: PerceptualNetwork, pairs: PairSampler
    ) -> None:
        self.config, self.pairs = config, pairs
        self.bfloat16 = choose_precision(config.precision, torch.device("cpu")) == "bfloat16"
        self.objective = PairObjective(network, config, self.bfloat16)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.painter = make_painter(config.network, network)
        self.painter.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.step = 0
        self.means: dict[str, float] = {}
        self.begin()

    def begin(self) -> None:
        """Average and optimizer of the network as it is now."""
        self.average = copy.deepcopy(self.painter).requires_grad_(False)
        self.optimizer = torch.optim.Adam(
            self.painter.groups(self.config.style_pace), betas=(0.9, 0.99)
        )

    @torch.no_grad()
    def standardize(self, batches: int) -> None:
        """Measure what codes are on average, of styles that no step draws."""
        found = []
        for batch in range(batches):
            styles = self.pairs(-1 - batch).styles
            layers = frozenset(CODE_LAYERS)
            found.append(statistics_of(self.objective.moments(styles, layers), CODE_LAYERS))
        for painter in (self.painter, self.average):
            painter.whiten(torch.cat(found))

    def run(self) -> Iterator[Record]:
        """Train without end, yielding after each step."""
        while True:
            rate = self.config.rate(self.step)
            self.step += 1
            for group in self.optimizer.param_groups:
                group["lr"] = rate * group["pace"]
            follow(self.means, self.learn(), MEMORY)
            yield Record(self.step, dict(self.means), rate)

    def learn(self) -> dict[str, float]:
        """One step: its losses by name."""
        config = self.config
        pairs = self.pairs(self.step)
        task = self.objective.task(pairs)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            images = paint_task(
                self.painter, task, [self.step * 1009 + n for n in range(len(task.contents))]
            )
        losses, gradient = self.objective(images.detach(), task)
        assert gradient is not None
        outside = (images - images.clamp(0, 1)).square().mean()
        smooth = total_variation(images).mean()
        total = config.outside * outside + config.smooth * smooth
        found = {name: float(bounded(loss).mean()) for name, loss in losses.items()}
        found |= {"outside": float(outside.detach()), "smooth": float(smooth.detach())}
        if pairs.own:
            identity = (images[0] - task.contents[0]).abs().mean()
            total = total + config.identity * identity
            found["identity"] = float(identity.detach())
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward([images, total], [gradient, torch.ones_like(total)])
        norm = nn.utils.clip_grad_norm_(self.painter.parameters(), LARGEST_GRADIENT)
        if not norm.isfinite():
            raise OptimizationError(
                f"the training diverged at step {self.step}: lower the learning rate"
            )
        self.optimizer.step()
        follow_weights(self.average, self.painter, self.step, self.config.average)
        return {**found, "gradient": float(norm)}

    def state_dict(self) -> dict[str, Any]:
        return {
            "config": self.config.model_dump(mode="json"),
            "step": self.step,
            "means": self.means,
            "painter": self.painter.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.painter.load_state_dict(state["painter"])
        self.average.load_state_dict(state["average"])
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict(
            {"state": state["optimizer"]["state"], "param_groups": groups}
        )
        check_adam(self.optimizer)
        tensors = [*self.painter.parameters(), *self.average.parameters()]
        if not all(tensor.isfinite().all() for tensor in tensors):
            raise ValueError("there are numbers that are not finite")
        self.means = dict(state["means"])
        self.step = state["step"]
