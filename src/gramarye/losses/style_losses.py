"""The table of style losses, by the papers' names, and how a mix of them is written.

Read whenever settings are, also for `--help`: the functions, which need PyTorch, are named here and
imported when a loss is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, final

from gramarye.errors import did_you_mean
from gramarye.settings import LARGEST_WEIGHT
from gramarye.validation import listed, not_allowed


@final
@dataclass(frozen=True)
class StyleLoss:
    """A style loss: the function that makes it, and what it is a function of.

    - "moments": `made_by` is a distance of two `Moments`; `through_head` is the same distance in
      the space of a metric head, where there is a faster way than carrying the moments there.
    - "positions": `made_by` makes a `Statistic` of positions and its distance (statistic_loss.py).
    - "maps": `made_by` makes a distance of whole feature maps (maps_loss.py), which is no function
      of sums: it is refused in tiles and on several processes.

    `balance` multiplies its weight where the unit is relative, so that a strength leaves about as
    much of the content as with the others (docs/losses.md). `copies` is how many times a layer's
    features are held in float32 besides what the network keeps; `together` is one term for all its
    layers, of which it needs `least`. `layers` are those it is measured at, of the style layers,
    where none are named for it. `neighbors` says that it compares positions with those beside them.
    """

    made_by: str
    of: Literal["moments", "positions", "maps"]
    source: str
    through_head: str | None = None
    balance: float = 1.0
    copies: float = 0.0
    together: bool = False
    neighbors: bool = False
    layers: tuple[str, ...] = ()
    least: int = 1

    def function(self) -> Callable[..., Any]:
        return load(self.made_by)


def load(name: str) -> Callable[..., Any]:
    """A function of this room by `module.function`."""
    module, _, function = name.partition(".")
    found: Callable[..., Any] = getattr(import_module(f"gramarye.losses.{module}"), function)
    return found


def of_moments(
    function: str, source: str, through_head: str | None = None, balance: float = 1.0
) -> StyleLoss:
    seen = through_head and f"distances.{through_head}"
    return StyleLoss(f"distances.{function}", "moments", source, seen, balance)


# Li and Wand's; of finer ones, whole pictures have too many positions to compare all of them.
DEEP = ("relu3_1", "relu4_1", "relu5_1")

STYLE_LOSSES: dict[str, StyleLoss] = {
    "gram": of_moments(
        "gram_distance", "Gatys et al. 2015, as their code has it", "head_gram_distance"
    ),
    "gram-paper": of_moments(
        "paper_gram_distance", "Gatys et al. 2016, eq. 4", "head_paper_gram_distance"
    ),
    "covariance": of_moments(
        "covariance_distance", "after Risser et al. 2017, section 4", "head_covariance_distance"
    ),
    "mean": of_moments("mean_distance", "Li et al. 2017, linear kernel"),
    "wasserstein": of_moments(
        "wasserstein_distance", "Dowson and Landau 1982", "head_wasserstein_distance", 0.4
    ),
    "batch-norm": of_moments(
        "batch_norm_distance", "Li et al. 2017, batch-normalization statistics"
    ),
    "mmd-polynomial": of_moments("polynomial_distance", "Li et al. 2017, polynomial kernel"),
    "mmd-gaussian": StyleLoss(
        "kernels.gaussian", "positions", "Li et al. 2017, Gaussian kernel", balance=0.5
    ),
    "activation-shift": of_moments("shifted_activation_distance", "Novak and Nikulin 2016"),
    "swd": StyleLoss("transport.sliced", "positions", "Heitz et al. 2021", balance=0.6),
    "histogram": StyleLoss("transport.histograms", "positions", "Risser et al. 2017", balance=0.7),
    "cmd": StyleLoss(
        "central_moments.central_moments", "positions", "Kalischek et al. 2021", balance=0.2
    ),
    "remd": StyleLoss(
        "matching.relaxed_earth_mover",
        "maps",
        "Kolkin et al. 2019",
        copies=3,
        together=True,
        balance=0.25,
    ),
    "nearest": StyleLoss("matching.nearest", "maps", "Kolkin et al. 2022", copies=4, layers=DEEP),
    "mrf": StyleLoss(
        "matching.patches",
        "maps",
        "Li and Wand 2016",
        copies=6,
        layers=DEEP,
        balance=0.2,
        neighbors=True,
    ),
    "shifted-gram": StyleLoss(
        "correlations.shifted",
        "maps",
        "Berger and Memisevic 2016",
        copies=9,
        balance=0.4,
        neighbors=True,
    ),
    "cross-layer": StyleLoss(
        "correlations.across_layers",
        "maps",
        "Novak and Nikulin 2016",
        copies=3,
        together=True,
        least=2,
    ),
}


@final
@dataclass(frozen=True)
class MixPart:
    """A style loss of a mix: its weight among the others, and its layers; none is all there are."""

    name: str
    weight: float
    layers: tuple[str, ...] = ()


def parse_mix(text: str) -> tuple[MixPart, ...]:
    """`covariance=1,swd=0.5@relu4_1+relu5_1`; ValueError says what is wrong with one.

    A loss without a weight has 1; without layers it is measured at the style layers.
    """
    parts: dict[str, MixPart] = {}
    for given in filter(None, (part.strip() for part in text.split(","))):
        head, at, layers = given.partition("@")
        name, _, number = (piece.strip() for piece in head.partition("="))
        chosen = tuple(layer.strip() for layer in layers.split("+"))
        if name not in STYLE_LOSSES:
            raise not_allowed(listed(STYLE_LOSSES) + did_you_mean(name, STYLE_LOSSES))
        if name in parts:
            raise not_allowed(f"{name} once, with all its layers")
        if at and not all(chosen):
            raise not_allowed(f"every layer of {name} by its name: {name}=WEIGHT@LAYER+LAYER")
        if len(set(chosen)) < len(chosen):
            raise not_allowed(f"each layer of {name} once")
        try:
            weight = float(number or 1)
        except ValueError:
            raise not_allowed(f"{name} a number as its weight: LOSS=WEIGHT@LAYER") from None
        if not 0 <= weight <= LARGEST_WEIGHT:
            raise not_allowed(f"{name} a weight from 0 to {LARGEST_WEIGHT:g}")
        parts[name] = MixPart(name, weight, chosen if at else ())
    if not any(part.weight for part in parts.values()):
        raise not_allowed(f"{listed(STYLE_LOSSES)}, one of them with a weight above 0")
    return tuple(part for part in parts.values() if part.weight)
