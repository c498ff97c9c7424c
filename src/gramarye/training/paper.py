"""Johnson's network from nothing, as its paper trains it: for one style, or several in turn.

For clips it may be told to be steady, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor, nn

from gramarye.averages import check_adam, follow
from gramarye.devices import choose_device
from gramarye.errors import OptimizationError
from gramarye.feedforward.pairs import square
from gramarye.johnson.files import FORMAT, packed_johnson
from gramarye.johnson.network import Johnson, one_of
from gramarye.johnson.objective import PerceptualLosses
from gramarye.johnson.painting import transformed
from gramarye.johnson.settings import STRIDE
from gramarye.johnson.stability import Warp, as_filmed, unsteadiness
from gramarye.networks import download
from gramarye.networks.catalog import NetworkInfo, check_layers, find_network
from gramarye.networks.registry import load_network
from gramarye.training.images import Photographs
from gramarye.training.learner import TOTAL
from gramarye.training.settings import LossConfig, Settings

STYLE_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
CONTENT_LAYER = "relu3_3"
MEMORY = 0.98  # of the running means that are reported
MOST = 3  # styles that are measured


@final
class JohnsonLearner:
    """Johnson's network with styles (1, 3, H, W)."""

    def __init__(
        self,
        settings: Settings,
        styles: Sequence[Tensor],
        names: Sequence[str],
        photographs: Photographs,
        fetch: Callable[[NetworkInfo], Path] = download.fetch,
    ) -> None:
        config = settings.training
        self.config, self.names, self.photographs = config, tuple(names), photographs
        self.stability = settings.losses.stability
        self.side = -(-config.size // STRIDE) * STRIDE
        self.device = choose_device(settings.losses.device)
        content, style_layers = layers_of(settings.losses)
        network = load_network(
            settings.losses.network,
            weights=settings.losses.weights,
            layers=[content, *style_layers],
            fetch=fetch,
        ).to(self.device)
        shown = [style.to(self.device) for style in styles]
        self.losses = PerceptualLosses(network, content, style_layers, shown)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.network = Johnson(settings.shape, len(styles))
        self.network.to(self.device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=config.learning_rate)
        self.step = 0
        self.means: dict[str, float] = {}

    def learn(self) -> dict[str, float]:
        contents = self.contents(self.step + 1).to(self.device)
        first = self.step * len(contents)
        which = torch.arange(first, first + len(contents)) % len(self.names)
        mix = torch.eye(len(self.names))[which].to(self.device)
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        painted = self.network(contents, mix)
        losses = self.losses(painted, contents, which.to(self.device))
        if self.stability:
            losses["unsteady"] = self.unsteadiness(
                contents, painted, lambda x: self.network(x, mix), self.step + 1
            )
        total = self.total(losses).mean()
        total.backward()  # type: ignore[no-untyped-call]
        # Without clipping, as published; what is not finite must not reach the weights.
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), float("inf"))
        if not norm.isfinite():
            raise OptimizationError(
                f"the training diverged at step {self.step + 1}: lower the learning rate"
            )
        self.optimizer.step()
        self.step += 1
        found = {name: float(loss.detach().mean()) for name, loss in losses.items()}
        follow(self.means, found | {TOTAL: float(total.detach())}, MEMORY)
        return dict(self.means)

    def unsteadiness(
        self, contents: Tensor, painted: Tensor, paint: Callable[[Tensor], Tensor], number: int
    ) -> Tensor:
        """How far (B,) paintings of contents, moved, are from those of the moved contents.

        Motions are numbered.
        """
        seed = (self.config.seed * 1_000_003 + number + 2**62) % 2**63
        generator = torch.Generator().manual_seed(seed)
        motion = Warp.drawn(contents, generator)
        painted_next = paint(as_filmed(contents, motion, generator))
        return unsteadiness(painted, painted_next, motion)

    def contents(self, step: int) -> Tensor:
        """The photographs (B, 3, S, S) of a step: the largest squares, from anywhere in them."""
        generator = torch.Generator().manual_seed((self.config.seed * 1_000_003 + step) % 2**63)
        pictures = self.photographs.draw(self.config.batch, generator)
        squares = [square(p, min(p.shape[1:]), self.side, generator) for p in pictures]
        return torch.cat(squares).contiguous(memory_format=torch.channels_last)

    def total(self, losses: Mapping[str, Tensor]) -> Tensor:
        """The weighted sum (B,)."""
        config = self.config
        style = torch.stack([v for name, v in losses.items() if name.startswith("style/")]).sum(0)
        weighed = config.content_weight * losses["content"] + config.style_weight * style
        if "unsteady" in losses:
            weighed = weighed + self.stability * losses["unsteady"]
        return weighed + config.tv_weight * losses["tv"]

    @torch.no_grad()
    def paint(self, photograph: Tensor, which: int) -> Tensor:
        return self.painted(photograph.to(self.device), which).cpu()

    def painted(self, photograph: Tensor, which: int) -> Tensor:
        """The photograph (1, 3, H, W) in one of the styles, on the device of both."""
        self.network.eval()
        mix = one_of(len(self.names), which).to(self.device)
        return transformed(self.network, photograph, mix)

    @torch.no_grad()
    def measure(self, photographs: list[Tensor]) -> dict[str, float]:
        """The losses of the training, of held-out photographs."""
        found: list[dict[str, float]] = []
        for photograph in photographs:
            for number in range(min(MOST, len(self.names))):
                given = photograph.to(self.device)
                painted = self.painted(given, number)
                losses = self.losses(painted, given, torch.tensor([number], device=self.device))
                if self.stability:
                    paint = partial(self.painted, which=number)
                    losses["unsteady"] = self.unsteadiness(given, painted, paint, 0)
                total = float(self.total(losses))
                found.append({name: float(v) for name, v in losses.items()} | {TOTAL: total})
        return {name: sum(f[name] for f in found) / len(found) for name in found[0]}

    def state_dict(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "means": self.means,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict(
            {"state": state["optimizer"]["state"], "param_groups": groups}
        )
        check_adam(self.optimizer)
        if not all(value.isfinite().all() for value in self.network.state_dict().values()):
            raise ValueError("there are numbers that are not finite")
        self.means, self.step = dict(state["means"]), int(state["step"])

    def packed(self) -> bytes:
        return packed_johnson(self.network, self.names, self.step)

    def describe(self) -> dict[str, Any]:
        return {"format": FORMAT, "network": self.network.config.model_dump(mode="json")}


def layers_of(losses: LossConfig) -> tuple[str, tuple[str, ...]]:
    """The content's layer and the style's: those asked for, or the paper's, or the network's own.

    LayerError for one that the network does not have.
    """
    info = find_network(losses.network)
    vgg = set(STYLE_LAYERS) <= set(info.layers)
    style = tuple(filter(None, map(str.strip, (losses.style_layers or "").split(","))))
    style = style or (STYLE_LAYERS if vgg else tuple(info.style_layers))
    content = losses.content_layer or (CONTENT_LAYER if vgg else info.content_layer)
    check_layers(info, {content, *style})
    return content, style
