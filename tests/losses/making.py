"""Features, heads and style losses of every kind for the tests, a few numbers large."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from gramarye.losses.maps_loss import Map, MapsLoss
from gramarye.losses.moments_loss import MomentsLoss
from gramarye.losses.seeing import Seeing
from gramarye.losses.statistic_loss import PositionSums, StatisticLoss, mix_means
from gramarye.losses.statistics import Moments, PositionWeights, mix_moments, moments
from gramarye.losses.style_losses import STYLE_LOSSES

Loss = Callable[[Mapping[str, Tensor]], Tensor]
LAYERS = ("fine", "coarse")


def random_features(seed: int, channels: int = 4, height: int = 6, width: int = 7) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (1, channels, height, width)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def maps_of(seed: int) -> dict[str, Tensor]:
    """Features of two layers, the second of half the size."""
    return {
        "fine": random_features(seed, 3, 8, 10),
        "coarse": random_features(seed + 100, 4, 4, 5),
    }


def plainly(features: Tensor) -> Seeing:
    return Seeing(None, features.shape[1], features.shape[1])


def through_a_head(channels: int, width: int = 9) -> tuple[Seeing, Tensor]:
    """A head of that many channels, and the affine map (width, channels + 1) it stands for."""
    generator = torch.Generator().manual_seed(3)
    affine = torch.randn(width, channels + 1, generator=generator, dtype=torch.float64)
    values, vectors = torch.linalg.eigh(affine.mT @ affine)
    head = vectors @ torch.diag(values.clamp_min(0).sqrt()) @ vectors.mT
    return Seeing(head, channels + 1, width), affine


def loss_for(
    name: str,
    styles: Sequence[Mapping[str, Tensor]],
    layers: Sequence[str] = ("fine",),
    weights: PositionWeights | None = None,
    seeing: Mapping[str, Seeing] | None = None,
    mix: Sequence[float] = (),
) -> Loss:
    """A style loss of any kind, made as the style term makes it, for the features of styles."""
    kind, layer = STYLE_LOSSES[name], layers[0]
    shares = mix or [1.0] * len(styles)
    seeing = seeing or {layer: plainly(styles[0][layer]) for layer in layers}
    if kind.of == "maps":
        seen = [{k: Map(seeing[k](style[k])) for k in layers} for style in styles]
        return MapsLoss(seeing, kind.function()(seen, shares, dict.fromkeys(layers, 1.0)), weights)
    target = mix_moments([moments(style[layer]) for style in styles], shares)
    if kind.of == "moments":

        def distance(image: Moments, style: Moments) -> Tensor:
            found: Tensor = kind.function()(seen.moments(image), seen.moments(style), seen.width)
            return found

        seen = seeing[layer]
        return MomentsLoss(layer, target, distance, weights)
    statistic = kind.function()(seeing[layer].moments(target), seeing[layer], 0)
    summed = PositionSums(layer, statistic, seeing[layer])
    means = mix_means([summed(style[layer], None) for style in styles], shares)
    return StatisticLoss(layer, means, summed, weights)


def layers_of(name: str) -> tuple[str, ...]:
    return LAYERS if STYLE_LOSSES[name].together else LAYERS[:1]
