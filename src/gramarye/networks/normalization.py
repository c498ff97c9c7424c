"""A network's weights rescaled to unit mean activation (Gatys, Ecker, Bethge, 2015)."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gramarye.errors import SettingsError
from gramarye.matrices import symmetric_power
from gramarye.networks.features import Conv, PerceptualNetwork, Pool

LONGEST_SIDE = 256  # pixels of the packaged samples here: their mean activations hardly change


@torch.no_grad()
def normalize_to_unit_activation(network: PerceptualNetwork, images: Iterable[Tensor]) -> None:
    """Scale every filter so that its mean activation, after the ReLU, is 1 over all images.

    Filter and bias are divided by the mean, and the next layer's weights for that channel
    multiplied by it, so the network sees the same up to a factor per channel: ReLU, pooling and
    padding commute with positive factors. Filters that never fire are left alone. Heads keep
    measuring the distances they did. The network must be a chain of convolutions.
    """
    convs: dict[str, Conv] = {}
    for step in network.steps:
        if isinstance(step.module, Conv):
            convs[step.name] = step.module
        elif not isinstance(step.module, (nn.ReLU, Pool)):
            raise SettingsError(
                f"{network.name} cannot be rescaled to unit activation: {step.name} has branches; "
                "take vgg19, vgg16, alexnet or vgg19-lite, or leave the weights as they are"
            )
    before = None
    for name, mean in mean_activations(network, images, tuple(convs)).items():
        conv = convs[name]
        if before is not None:
            conv.weight.mul_(before[None, :, None, None])
        conv.weight.div_(mean[:, None, None, None])
        if conv.bias is not None:
            conv.bias.div_(mean)
        before = mean
        layer = name.replace("conv", "relu")
        if layer in network.heads:
            network.heads[layer] = scaled_head(network.heads[layer], mean)


def mean_activations(
    network: PerceptualNetwork, images: Iterable[Tensor], convs: tuple[str, ...]
) -> dict[str, Tensor]:
    """Per convolution the mean (C,) of its rectified output over images and positions; 1 for 0."""
    totals: dict[str, Tensor | float] = dict.fromkeys(convs, 0.0)
    counts = dict.fromkeys(convs, 0)
    for image in images:
        for name, x in network(image, convs).items():
            totals[name] = totals[name] + F.relu(x).sum((0, 2, 3))
            counts[name] += x.shape[0] * x.shape[2] * x.shape[3]
    means = {name: torch.as_tensor(total) / counts[name] for name, total in totals.items()}
    return {name: torch.where(mean > 0, mean, 1.0) for name, mean in means.items()}


def scaled_head(head: Tensor, mean: Tensor) -> Tensor:
    """The head (C + 1, C + 1) of features divided by `mean` (C,) that measures as before.

    ||H S H||_F depends on M = H^2 alone; dividing the features turns M into D M D.
    """
    d = torch.cat([mean, mean.new_ones(1)]).double()
    squared = head.double() @ head.double() * d[:, None] * d
    return symmetric_power(squared, 0.5).to(head)


def sample_images() -> list[Tensor]:
    """The packaged sample pictures (1, 3, H, W), made small."""
    from gramarye.pictures.picture import load_picture
    from gramarye.samples import CONTENTS, STYLES, sample_path

    images = []
    for name in CONTENTS + STYLES:
        pixels = load_picture(sample_path(name)).pixels
        factor = LONGEST_SIDE / max(pixels.shape[-2:])
        if factor < 1:
            pixels = F.interpolate(
                pixels, scale_factor=factor, mode="bilinear", antialias=True, align_corners=False
            )
        images.append(pixels.clamp(0, 1))
    return images
