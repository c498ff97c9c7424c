"""The gradient of a style loss in the image: what an optimizer feels of a network.

Features that are close to the teacher's may still pull an image elsewhere, since a gradient follows
from the features' slopes, which an error of values does not see. So it is taught too (Czarnecki et
al., *Sobolev Training for Neural Networks*, 2017, match derivatives in the same way).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.losses.statistics import at_least_float32

DistanceName = Literal["gram", "covariance"]
Head = tuple[Tensor, Tensor]  # weight (C_wide, C) and bias (C_wide,): an affine map of channels


def style_distances(features: Tensor, distance: DistanceName, head: Head | None = None) -> Tensor:
    """How far the style of each image (B,) is from that of the next in the batch, times C^2.

    `features` are (B, C, h, w); with a head, the distance is that of the wider features it makes.
    It is the Gram distance or the covariance distance of `losses.distances`, written so that it can
    be differentiated twice.
    """
    mean, gram = statistics(features)
    return distances_to_next(mean, gram, mean, gram, distance, head)


def statistics(features: Tensor) -> tuple[Tensor, Tensor]:
    """The mean (B, C, 1) and the Gram matrix (B, C, C) per position, in float32 at least."""
    x = at_least_float32(features.flatten(2))
    return x.mean(2, keepdim=True), x @ x.mT / x.shape[2]


def distances_to_next(
    mean: Tensor,
    gram: Tensor,
    means: Tensor,
    grams: Tensor,
    distance: DistanceName,
    head: Head | None,
) -> Tensor:
    """The distances (B,) from one batch's statistics to those of the next image in another."""
    channels = gram.shape[1]
    step, apart = mean - means.roll(-1, 0), gram - grams.roll(-1, 0)
    if distance == "gram":
        if head is None:
            return apart.square().sum((1, 2))
        corner = torch.zeros_like(mean[:, :1])
        apart = torch.cat([torch.cat([apart, step], 2), torch.cat([step.mT, corner], 2)], 1)
        affine = torch.cat([head[0], head[1][:, None]], 1)  # (C_wide, C + 1)
        return seen(apart, affine.mT @ affine)
    apart = apart - (mean @ mean.mT - (means @ means.mT).roll(-1, 0))
    if head is None:
        return step.square().sum((1, 2)) * channels + apart.square().sum((1, 2))
    metric = head[0].mT @ head[0]
    return (step.mT @ metric @ step).sum((1, 2)) * len(head[0]) + seen(apart, metric)


def seen(matrices: Tensor, metric: Tensor) -> Tensor:
    """||A X A^T||_F^2 (B,) of symmetric X (B, C, C), with the metric A^T A (C, C)."""
    return (metric @ matrices @ metric * matrices).sum((1, 2))


def style_gradients(
    features: Callable[[Tensor], Tensor],
    images: Tensor,
    distance: DistanceName,
    head: Head | None = None,
    *,
    taught: bool = False,
) -> Tensor:
    """The gradients (B, 3, H, W) of `style_distances` in each image, the next one being its style.

    If the network is `taught`, they are part of a graph for a loss of their own; the styles'
    statistics depend on the weights as the images' do.
    """
    with torch.enable_grad():
        images = images.detach().requires_grad_(True)
        mean, gram = statistics(features(images))
        here = mean.view_as(mean), gram.view_as(gram)  # each image as itself, not as a style
        total = distances_to_next(*here, mean, gram, distance, head).sum()
        slopes: tuple[Tensor | None, ...] = torch.autograd.grad(
            total, here, create_graph=taught, allow_unused=True
        )
        # The Gram distance without a head does not see the mean.
        pulled = [(s, v) for s, v in zip((mean, gram), slopes, strict=True) if v is not None]
        values, pulls = zip(*pulled, strict=True)
        (result,) = torch.autograd.grad(values, images, pulls, create_graph=taught)
    return result


def agreement(ours: Tensor, theirs: Tensor) -> Tensor:
    """The cosine (B,) between two gradients (B, 3, H, W) of each image; 0 where one is zero."""
    return F.cosine_similarity(ours.float().flatten(1), theirs.float().flatten(1), eps=1e-20)
