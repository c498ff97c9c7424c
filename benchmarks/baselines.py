"""Gatys, Ecker and Bethge (2016) from the paper, plain: what Gramarye is compared with.

One size, the whole image at once, float32, autograd, moved by L-BFGS with 100 pairs or by Adam.
Independent of the package's losses and optimizers; only the list of VGG-19's layers is shared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.layers import VGG19_BLOCKS
from gramarye.networks.vgg import vgg_steps

CONTENT_LAYER = "relu4_2"
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
STYLE_WEIGHT = 1e3  # the paper's alpha / beta is 1e-3

Losses = Callable[[Tensor], dict[str, Tensor]]


def random_vgg19(seed: int = 0) -> PerceptualNetwork:
    """The full VGG-19 through relu5_1, its weights drawn (He et al. 2015): it takes as long.

    Drawn so that activations keep their size: tiny ones would be slow for a reason of their own.
    """
    network = PerceptualNetwork("vgg19", vgg_steps(VGG19_BLOCKS))
    network.truncate([STYLE_LAYERS[-1]])
    generator = torch.Generator().manual_seed(seed)
    for weights in network.parameters():
        fan_in = weights[0].numel()
        deviation = (2 / fan_in) ** 0.5 if weights.ndim > 1 else 0.0
        weights.copy_(deviation * torch.randn(weights.shape, generator=generator))
    return network


def write_random_vgg19(folder: Path) -> Path:
    """The same network as a file that `--weights` takes."""
    tensors = random_vgg19().state_dict()
    path = folder / "random-vgg19.safetensors"
    save_file({key.removeprefix("body."): tensor for key, tensor in tensors.items()}, path)
    return path


def gram(features: Tensor) -> Tensor:
    x = features[0].flatten(1)  # (C, H*W)
    return x @ x.T / x.shape[1]


def gatys_losses(network: PerceptualNetwork, content: Tensor, style: Tensor) -> Losses:
    """Equations 1, 4 and 5 with equal layer weights; Gram matrices are per position."""
    with torch.no_grad():
        target = network(content, [CONTENT_LAYER])[CONTENT_LAYER]
        grams = {layer: gram(f) for layer, f in network(style, STYLE_LAYERS).items()}

    def losses(image: Tensor) -> dict[str, Tensor]:
        features = network(image, [CONTENT_LAYER, *STYLE_LAYERS])
        named = {"content": (features[CONTENT_LAYER] - target).square().sum() / 2}
        for layer in STYLE_LAYERS:
            error = (gram(features[layer]) - grams[layer]).square().sum()
            share = STYLE_WEIGHT / len(STYLE_LAYERS)
            named[f"style/{layer}"] = share * error / (4 * len(grams[layer]) ** 2)
        return named

    return losses


def gatys(
    image: Tensor, losses: Losses, steps: int, history: int = 100
) -> Iterator[dict[str, float]]:
    """L-BFGS on the pixels at one size; yields each step's losses, those of the image it moves."""
    image = image.detach().clone().requires_grad_(True)
    optimizer = torch.optim.LBFGS(
        [image], max_iter=1, history_size=history, tolerance_grad=0, tolerance_change=0
    )
    return plain_steps(image, losses, optimizer, steps)


def adam(
    image: Tensor, losses: Losses, steps: int, learning_rate: float = 0.02
) -> Iterator[dict[str, float]]:
    """The same with Adam, as most programs have it: a step length of 0.02, the image in [0, 1]."""
    image = image.detach().clone().requires_grad_(True)
    optimizer = torch.optim.Adam([image], lr=learning_rate)
    for named in plain_steps(image, losses, optimizer, steps):
        with torch.no_grad():
            image.clamp_(0, 1)
        yield named


def plain_steps(
    image: Tensor, losses: Losses, optimizer: torch.optim.Optimizer, steps: int
) -> Iterator[dict[str, float]]:
    """One evaluation and one move per step, the image changed in place."""
    for _ in range(steps):
        named: dict[str, Tensor] = {}

        def closure(named: dict[str, Tensor] = named) -> Tensor:
            optimizer.zero_grad()
            named.update(losses(image))
            total = torch.stack(list(named.values())).sum()
            total.backward()  # type: ignore[no-untyped-call]
            return total

        optimizer.step(closure)  # type: ignore[arg-type]
        yield {name: value.item() for name, value in named.items()}


def gradient(losses: Losses, image: Tensor) -> Tensor:
    """One gradient of the summed losses, on the whole image."""
    image = image.detach().clone().requires_grad_(True)
    total = torch.stack(list(losses(image).values())).sum()
    return torch.autograd.grad(total, image)[0]
