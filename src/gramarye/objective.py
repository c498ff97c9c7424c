"""The objective: named, weighted loss terms, their sum and its exact gradient.

In one piece, in tiles or on several processes, the answer is the same. A loss that is a function of
sums over positions (`losses.additive`) is evaluated in two walks over the tiles:

1. their sums are added up, over all processes, and the losses and their slopes in the sums computed
   once;
2. each tile's features get their gradient from these slopes and carry it back to the image, where
   the tiles' gradients are added.

A tile whose activations were kept in the first walk need not be computed again in the second; how
many are kept is a matter of memory (`tiles.plan`). An image in one piece is one tile that is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, final

import torch
from torch import Tensor

from gramarye.devices import is_out_of_memory, release_memory
from gramarye.distributed.bands import Band, whole
from gramarye.errors import SettingsError
from gramarye.inputs.protection import Protected
from gramarye.losses.additive import AdditiveLoss
from gramarye.losses.kind import Term
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.passes import AddGradient, Pass, Passes, Precision, make_passes
from gramarye.tiles.plan import TilePlan, choose_tiles
from gramarye.tiles.regions import IMAGE, Sums, Tile, added

__all__ = ["Evaluates", "Evaluation", "Objective", "Term"]


@final
@dataclass(frozen=True)
class Evaluation:
    """What the optimizer sees: the weighted losses by name, their sum, and the sum's gradient.

    Losses are per image, (B,), and each image's gradient is that of its own: a batch moves as its
    images would alone.
    """

    losses: dict[str, Tensor]  # (B,) each
    total: Tensor  # (B,)
    gradient: Tensor  # like the image
    notes: tuple[str, ...] = ()  # what a user should know, such as smaller tiles from now on


class Evaluates(Protocol):
    """What the optimizer asks of an objective."""

    def evaluate(self, image: Tensor) -> Evaluation: ...


@final
class Objective:
    """A weighted sum of terms over one forward pass of one network.

    `precision` is that of the convolutions: "bfloat16" takes half the time and memory where there
    are instructions for it. `memory` is what an evaluation may take, in bytes, besides the image
    and its gradient; None is whatever the image needs in one piece. Where several processes share
    an image, `band` is this one's, of which images and gradients are the rows, and `tiles` says how
    it is taken. A `gray` image stays so: its gradient is that in its lightness. A `whole` one is
    never divided into tiles: its network sees round the border. What is `protected` is looked at in
    place of the image's own pixels.
    """

    def __init__(
        self,
        network: PerceptualNetwork,
        terms: Sequence[Term],
        *,
        precision: Precision = "float32",
        memory: int | None = None,
        passes: Passes | None = None,
        band: Band | None = None,
        tiles: TilePlan | None = None,
        gray: bool = False,
        whole: bool = False,
        protected: Protected | None = None,
    ) -> None:
        self.gray, self.whole, self.protected = gray, whole, protected
        self.network, self.precision, self.memory = network, precision, memory
        self.terms = tuple(terms)
        self.layers = frozenset(layer for term in terms for layer in term.layers)
        network.check_layers(self.layers)
        self.passes = passes or make_passes(network, precision)
        self.plans: dict[tuple[int, int], TilePlan] = {}
        self.band = band
        if band is not None and tiles is not None:
            self.plans[band.bands.size] = self.checked(tiles)

    def losses(self, image: Tensor) -> dict[str, Tensor]:
        """The weighted losses (B,) by name, differentiable in the image, in one piece."""
        image = self.shown(image)
        features = self.network(image, self.layers) if self.layers else {}
        features[IMAGE] = image
        return {term.name: term.weight * term.loss(features) for term in self.terms}

    def evaluate(self, image: Tensor) -> Evaluation:
        """The weighted losses by name, their sum and its gradient in the image (B, 3, H, W).

        Losses are those of the whole image, the same bits on every process; the gradient is that in
        the rows given. Out of memory, it tries again with smaller tiles, stays with them, and says
        so; not where there are several processes: the others would not know.
        """
        band = self.band or whole(*image.shape[-2:])
        height, width = band.bands.size
        notes: tuple[str, ...] = ()
        while True:
            plan = self.plan(height, width)
            try:
                seen = band.widen(self.shown(image.detach()))
                evaluation = TiledEvaluation(self, seen, plan, band).evaluation()
                gradient = band.fold(evaluation.gradient)
                if self.gray:
                    gradient.copy_(gradient.mean(1, keepdim=True).expand_as(gradient))
                if self.protected is not None:
                    gradient = self.protected.gradient(gradient)
                return replace(evaluation, gradient=gradient, notes=notes)
            except (RuntimeError, MemoryError) as error:
                alone = band.team.size == 1
                if not (alone and is_out_of_memory(error) and self.shrink(plan, height, width)):
                    raise
            # Here, after the failed evaluation has let go of its tensors.
            release_memory(image.device)
            tiles = len(self.plan(height, width).tiles)
            notes = (f"out of memory: going on with {tiles} tiles instead of {len(plan.tiles)}",)

    def shown(self, image: Tensor) -> Tensor:
        return image if self.protected is None else self.protected.shown(image)

    def shrink(self, plan: TilePlan, height: int, width: int) -> bool:
        """Half the budget from now on; False if there are no smaller tiles."""
        if self.whole or not all(additive(term) for term in self.terms):
            return False
        self.memory = plan.bytes // 2
        self.plans.clear()
        return self.plan(height, width).bytes < plan.bytes

    def plan(self, height: int, width: int) -> TilePlan:
        """The tiles for an image of that size; SettingsError if a loss cannot be tiled."""
        if (height, width) not in self.plans:
            memory = None if self.whole else self.memory
            plan = choose_tiles(self.network, self.layers, height, width, memory, self.precision)
            self.plans[height, width] = self.checked(plan)
        return self.plans[height, width]

    def checked(self, plan: TilePlan) -> TilePlan:
        """The plan; SettingsError if it divides the image and a loss is no function of sums."""
        divided = len(plan.tiles) > 1 or (self.band is not None and self.band.team.size > 1)
        for term in self.terms:
            if divided and additive(term) is None:
                raise SettingsError(
                    f"the loss {term.name} is no function of sums over positions, so that the "
                    "image cannot be divided: choose a smaller size, allow more memory, start one "
                    "process, or leave the loss out"
                )
        return plan


@final
class TiledEvaluation:
    """One evaluation of an objective: two walks over the tiles of the rows that are here."""

    def __init__(self, objective: Objective, seen: Tensor, plan: TilePlan, band: Band) -> None:
        self.image, self.plan, self.band = seen, band.here(plan), band
        self.passes, self.layers = objective.passes, objective.layers
        self.terms = [(term, additive(term)) for term in objective.terms]
        self.joint = [(term, loss) for term, loss in self.terms if loss and not loss.separable]
        self.kept: dict[int, Pass] = {}

    @torch.no_grad()
    def evaluation(self) -> Evaluation:
        sums = self.band.share(self.sum_up())
        values = {}
        slopes: dict[str, Sums] = {}
        for term, loss in self.joint:
            values[term.name], slopes[term.name] = slopes_of(term.weight, loss, sums[term.name])
        gradient, parts = self.carry_back(slopes)
        values = self.agreed(values, parts)
        losses = {term.name: values[term.name] for term, _ in self.terms}
        total = torch.stack(list(losses.values())).sum(0)
        return Evaluation(losses, total, gradient)

    def agreed(self, joint: Mapping[str, Tensor], parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Every loss of the whole image, the same bits on every process.

        Separable losses are added up; of the others, which all processes know, the first's count.
        """
        if self.band.team.size == 1:
            return {**joint, **parts}
        first = self.band.team.rank == 0
        here = {name: value if first else torch.zeros_like(value) for name, value in joint.items()}
        mine = {name: (value.double(),) for name, value in (here | dict(parts)).items()}
        return {name: value for name, (value,) in self.band.share(mine).items()}

    def sum_up(self) -> dict[str, Sums]:
        """The first walk: the sums of all tiles, of every term that is not separable."""
        layers = {loss.layer for _, loss in self.joint} - {IMAGE}
        tiles = self.plan.tiles
        sums: dict[str, Sums] = {}
        for index, tile in enumerate(tiles):
            keep = index >= len(tiles) - self.plan.kept
            features = self.features(index, tile, self.layers if keep else layers, keep=keep)
            for term, loss in self.joint:
                part = loss.sums(features[loss.layer], tile.regions[loss.layer])
                sums[term.name] = added(sums.get(term.name), part)
            del features  # before the next tile's are made
        return sums

    def carry_back(self, slopes: Mapping[str, Sums]) -> tuple[Tensor, dict[str, Tensor]]:
        """The second walk: the gradient in the image, and the values of the remaining terms."""
        gradient = torch.zeros_like(self.image, memory_format=torch.contiguous_format)
        values: dict[str, Tensor] = {}
        for index, tile in reversed(list(enumerate(self.plan.tiles))):  # the kept ones first
            for name, value in self.carry_tile_back(index, tile, slopes, gradient):
                values[name] = values.get(name, 0) + value
        return gradient, values

    def carry_tile_back(
        self, index: int, tile: Tile, slopes: Mapping[str, Sums], gradient: Tensor
    ) -> list[tuple[str, Tensor]]:
        """Add a tile's share to the gradient; what comes back are its shares of separable terms."""
        features = self.features(index, tile, self.layers, keep=True)
        into = tile.window.of(gradient)
        values: list[tuple[str, Tensor]] = []
        adding: dict[str, list[AddGradient]] = {layer: [] for layer in self.layers}
        for term, loss in self.terms:
            if loss is None:
                values.append((term.name, gradient_of_whole(term, features, adding, into)))
                continue
            here, region = features[loss.layer], tile.regions[loss.layer]
            if loss.separable:
                value, slope = slopes_of(term.weight, loss, loss.sums(here, region))
                values.append((term.name, value))
            else:
                slope = slopes[term.name]
            add = partial(loss.add_gradient, features=here, region=region, slopes=slope)
            if loss.layer == IMAGE:
                add(into)
            else:
                adding[loss.layer].append(add)
        if self.layers:
            gradients = {layer: partial(add_all, adds) for layer, adds in adding.items()}
            into += self.kept.pop(index).backward(gradients)
        return values

    def features(
        self, index: int, tile: Tile, layers: Collection[str], *, keep: bool
    ) -> dict[str, Tensor]:
        """The features of a tile's window, the image's own among them."""
        window = tile.window.of(self.image)
        if not layers:
            return {IMAGE: window}
        made = self.kept.get(index) or self.passes(window, layers, keep=keep)
        if keep:
            self.kept[index] = made
        return {**{layer: f.detach() for layer, f in made.features.items()}, IMAGE: window}


def additive(term: Term) -> AdditiveLoss | None:
    """The term's loss, if it can be taken in tiles."""
    loss: object = term.loss
    return loss if isinstance(loss, AdditiveLoss) else None


def slopes_of(weight: float, loss: AdditiveLoss, sums: Sums) -> tuple[Tensor, Sums]:
    """A loss's weighted value (B,) at these sums, and its gradient in them."""
    with torch.enable_grad():
        leaves = [part.detach().requires_grad_(True) for part in sums]
        value = weight * loss.value(tuple(leaves))
        slopes = torch.autograd.grad(value.sum(), leaves, materialize_grads=True)
    return value.detach(), slopes


def add_all(adds: Sequence[AddGradient], into: Tensor) -> None:
    for add in adds:
        add(into)


def gradient_of_whole(
    term: Term,
    features: Mapping[str, Tensor],
    adding: Mapping[str, list[AddGradient]],
    image_gradient: Tensor,
) -> Tensor:
    """The weighted value of any loss of the image in one piece; its gradients join the others."""
    with torch.enable_grad():
        leaves = {layer: f.detach().requires_grad_(True) for layer, f in features.items()}
        value = term.weight * term.loss(leaves)
        gradients = torch.autograd.grad(value.sum(), list(leaves.values()), materialize_grads=True)
    for layer, gradient in zip(leaves, gradients, strict=True):
        if layer == IMAGE:
            image_gradient += gradient
        else:
            adding[layer].append(partial(Tensor.add_, other=gradient))  # type: ignore[arg-type]
    return value.detach().reshape(-1)
