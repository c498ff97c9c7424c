"""Training the network that takes any style (`feedforward.network`) on photographs and paintings.

After Johnson, Alahi and Fei-Fei (2016): a painting is measured by a fixed network, and the error is
sent back through it into the one that painted. Each pair has a style of its own.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

from gramarye.averages import check_adam, follow, follow_weights
from gramarye.errors import OptimizationError
from gramarye.feedforward.cascade import Cascade, match_colors
from gramarye.feedforward.files import make_painter
from gramarye.feedforward.objective import StepObjective, bounded
from gramarye.feedforward.pairs import Pairs
from gramarye.feedforward.settings import FeedForwardConfig
from gramarye.feedforward.teaching import Features, Teaching
from gramarye.losses.statistics import moments
from gramarye.losses.variation import total_variation
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.passes import choose_precision

MEMORY = 0.98  # of the running means that are reported
LARGEST_GRADIENT = 1.0
GRID = 8  # pixels, where crops begin


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
        self,
        config: FeedForwardConfig,
        network: PerceptualNetwork,
        pairs: Callable[[int], Pairs],
        teacher: Features | None = None,
    ) -> None:
        self.config, self.pairs = config, pairs
        self.teaching = Teaching(teacher, config) if teacher is not None else None
        self.bfloat16 = choose_precision(config.precision, torch.device("cpu")) == "bfloat16"
        self.cascade = Cascade(network, config.network, bfloat16=self.bfloat16)
        self.objective = StepObjective(network, self.cascade.passes, config)
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
        self.optimizer = torch.optim.Adam(self.painter.parameters(), betas=(0.9, 0.99))

    def run(self) -> Iterator[Record]:
        """Train without end, yielding after each step."""
        while True:
            rate = self.config.rate(self.step)
            self.step += 1
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            follow(self.means, self.learn(), MEMORY)
            yield Record(self.step, dict(self.means), rate)

    def learn(self) -> dict[str, float]:
        """One step of training, through all parts of the cascade: its losses by name.

        Each part is learned by itself, from what the parts before it have made.
        """
        config = self.config
        found: dict[str, float] = {}
        pairs = self.pairs(self.step)
        contents = match_colors(pairs.contents, moments(pairs.styles.double()))
        seeds = [self.step * 1009 + 16 * n for n in range(len(contents))]
        style = pairs.look or self.cascade.look(pairs.styles, config.deeper)
        own = self.cascade.look(contents, config.deeper)
        self.optimizer.zero_grad(set_to_none=True)
        image = None
        for number, part in enumerate(config.network.parts):
            image = self.cascade.enter(image, contents, part, [seed + part for seed in seeds])
            if part == 1:
                image = crop(image, config.fine_side, self.step)
            heard = {layer: style[part][layer] for layer in config.network.layers(part)}
            aim = self.cascade.aim(image, heard)
            ways = {
                layer: self.objective.way(layer, own[part][layer], goal)
                for layer, goal in style[part].items()
            }
            with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
                made = self.painter.step(part)(image, aim.felt, aim.missing)
            image = made.detach().contiguous(memory_format=torch.channels_last)
            losses, gradient = self.objective(image, aim, style[part], ways)
            if self.teaching is not None and number == len(config.network.parts) - 1:
                own_part = crop(contents, config.fine_side, self.step)
                taught, slope = self.teaching(image, own_part, pairs.styles, self.step)
                losses, gradient = losses | taught, gradient + slope
            outside = (made - made.clamp(0, 1)).square().mean()
            smooth = total_variation(made).mean()
            total = config.outside * outside + config.smooth * smooth
            torch.autograd.backward([made, total], [gradient, torch.ones_like(total)])
            image = image.clamp(0, 1)
            found |= {f"{number}/{k}": float(bounded(loss).mean()) for k, loss in losses.items()}
            found |= {f"{number}/outside": float(outside.detach())}
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


def crop(images: Tensor, side: int, step: int) -> Tensor:
    """The same square of images (B, 3, H, W), at most so large, from anywhere by the step.

    Strokes are seen in a part of a picture as well as in all of it, at a fraction of the work.
    """
    generator = torch.Generator().manual_seed(step)
    places = []
    for whole in images.shape[-2:]:
        room = max(0, whole - side) // GRID
        first = GRID * int(torch.randint(room + 1, (), generator=generator))
        places.append(slice(first, first + side))
    return images[..., places[0], places[1]].contiguous(memory_format=torch.channels_last)
