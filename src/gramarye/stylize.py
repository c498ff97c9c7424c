"""The main path: one content and one or more styles, coarse to fine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gramarye.color import keep_content_color, match_color
from gramarye.config import StylizeConfig, make_config
from gramarye.devices import choose_device
from gramarye.images import Picture, Source, load_image, load_picture
from gramarye.losses.content import make_content_loss
from gramarye.losses.statistics import Moments, mix_moments, moments
from gramarye.losses.style import StyleLoss, style_distance
from gramarye.losses.total_variation import TotalVariationLoss
from gramarye.networks import download
from gramarye.networks.catalog import NetworkInfo
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.registry import load_network
from gramarye.objective import Objective, Term
from gramarye.optimize import AdamState, Iterate, OptimizeConfig, optimize
from gramarye.recipe import FIRST_IMAGES, write_recipe
from gramarye.scales import Scale, first_image, plan_scales, resize, style_at


def stylize(
    content: Source,
    style: Source | Sequence[Source],
    *,
    preset: str = "default",
    **settings: Any,
) -> Picture:
    """The content in the style of the other picture, or pictures: `stylize("a.jpg", "b.jpg")`.

    Sources are paths, Pillow images, arrays, tensors or Pictures; settings are the fields of
    StylizeConfig. The result has the content's aspect ratio, transparency and metadata, and saves
    with its recipe.
    """
    config = make_config(preset, **settings)
    device = choose_device(config.device)
    network = config_network(config)
    first, *others = style if isinstance(style, list | tuple) else [style]
    pictures = [load_picture(source) for source in (content, first, *others)]
    pixels, *styles = [picture.pixels.to(device) for picture in pictures]
    init = None if config.init in FIRST_IMAGES else load_image(config.init).to(device)
    for iterate in stylize_steps(pixels, styles, config, network=network, init=init):
        image = iterate.image
    last = plan_scales(pixels.shape[-2], pixels.shape[-1], config)[-1]  # it may have no steps
    image = finish(resize(image, last.height, last.width), pixels, config)
    recipe = write_recipe(
        pictures[0],
        pictures[1:],
        config,
        network,
        width=image.shape[-1],
        height=image.shape[-2],
        device=device,
    )
    return replace(dress(image, pictures[0]), recipe=recipe.to_json())


def dress(image: Tensor, content: Picture) -> Picture:
    """The image as a picture with the content's transparency and metadata."""
    alpha = content.alpha
    if alpha is not None:
        alpha = resize(alpha, image.shape[-2], image.shape[-1]).clamp(0, 1)
    return replace(content, pixels=image.cpu(), alpha=alpha, notes=())


def stylize_steps(
    content: Tensor,
    styles: Sequence[Tensor],
    config: StylizeConfig,
    *,
    network: PerceptualNetwork | None = None,
    init: Tensor | None = None,
) -> Iterator[Iterate]:
    """Render the content (1, 3, H, W) in the styles, yielding after every step, coarse to fine.

    Everything runs on the content's device. `init` is the first image where the config's is a file.
    """
    network = (network or config_network(config)).to(content.device)
    # Channels last: oneDNN and cuDNN convolve narrow layers up to twice as fast in this layout.
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    scales = plan_scales(content.shape[-2], content.shape[-1], config)
    content, styles = match_pictures(content, styles, config)
    state = AdamState()
    image: Tensor | None = None
    for index, scale in enumerate(scales):
        content_now = resize(content, scale.height, scale.width)
        longest = max(scale.height, scale.width)
        styles_now = [style_at(style, longest, config.style_scale) for style in styles]
        if image is None:
            image = first_image(config.init, content_now, styles_now[0], config.seed, init)
        image = resize(image, scale.height, scale.width)
        objective = make_objective(network, content_now, styles_now, config)
        state = state.resized(scale.height, scale.width)
        for iterate in optimize(image, objective, optimize_config(config, scale), state):
            yield replace(iterate, scale=index, scales=len(scales))
            image = iterate.image


def config_network(
    config: StylizeConfig, fetch: Callable[[NetworkInfo], Path] = download.fetch
) -> PerceptualNetwork:
    """The network a config names, no deeper than its layers need; see `load_network`."""
    return load_network(
        config.network,
        weights=config.weights,
        layers=(*config.content_layers, *config.style_layers),
        pooling=config.pooling,
        padding=config.padding,
        normalize_weights=config.normalize_weights,
        fetch=fetch,
    )


def match_pictures(
    content: Tensor, styles: Sequence[Tensor], config: StylizeConfig
) -> tuple[Tensor, list[Tensor]]:
    """Content and styles with their colors moved as the config asks, before anything else.

    With the style's colors, the content takes the mean and covariance of the styles' pixels: the
    optimizer then need not spend its steps on it. With the content's colors, each style takes the
    content's (Gatys et al. 2017, section 5).
    """
    if config.color == "style":
        palette = torch.cat([style.flatten(2) for style in styles], dim=2)[:, :, None]
        return match_color(content, palette, clamp=True), list(styles)
    if config.color == "content":
        return content, [match_color(style, content, clamp=True) for style in styles]
    return content, list(styles)


def make_objective(
    network: PerceptualNetwork, content: Tensor, styles: Sequence[Tensor], config: StylizeConfig
) -> Objective:
    """The objective of one scale: content, style and total variation terms with their targets."""
    content_layers, style_layers = layer_weights(config)
    with torch.no_grad():
        features = network(content, {*content_layers, *style_layers})
        targets = style_moments(network, styles, style_layers)
    terms = [
        Term(
            f"content/{layer}",
            config.content_weight * weight,
            make_content_loss(layer, features[layer], config.content_loss),
            (layer,),
        )
        for layer, weight in content_layers.items()
        if config.content_weight * weight > 0
    ]
    losses = {
        layer: StyleLoss(layer, targets[layer], style_distance(config.style_loss, network, layer))
        for layer in style_layers
    }
    unit = style_unit(losses, features, style_layers) if config.balance == "relative" else 1.0
    style_weight = config.style_weight * strength_factor(config.strength) / unit
    terms += [
        Term(f"style/{layer}", style_weight * style_layers[layer], loss, (layer,))
        for layer, loss in losses.items()
        if style_weight * style_layers[layer] > 0
    ]
    if config.tv_weight > 0:
        terms.append(Term("tv", config.tv_weight, TotalVariationLoss(config.tv)))
    return Objective(network, terms)


def layer_weights(config: StylizeConfig) -> tuple[dict[str, float], dict[str, float]]:
    """The weights of the content and the style layers: as given, or as shares of one.

    Shares where the balance is relative, so that adding a layer does not add strength.
    """
    layers = (config.content_layers, config.style_layers)
    if config.balance == "absolute":
        return dict(layers[0]), dict(layers[1])
    totals = [sum(weights.values()) or 1.0 for weights in layers]
    content, style = (
        {layer: weight / total for layer, weight in weights.items()}
        for weights, total in zip(layers, totals, strict=True)
    )
    return content, style


def strength_factor(strength: float) -> float:
    """What a strength multiplies the style weight by: 1/10 at 0, 1 at 0.5, 10 at 1."""
    return float(10 ** (2 * strength - 1))


def style_moments(
    network: PerceptualNetwork, styles: Sequence[Tensor], layers: Mapping[str, float]
) -> dict[str, Moments]:
    """The statistics of all styles as one, per layer."""
    per_style = [network(style, layers) for style in styles]
    return {
        layer: mix_moments([moments(features[layer]) for features in per_style]) for layer in layers
    }


def style_unit(
    losses: Mapping[str, StyleLoss], features: Mapping[str, Tensor], weights: Mapping[str, float]
) -> float:
    """The style loss of the content itself: the distance a stylization has to go.

    Measured in this unit, one strength means the same for every style, size and network. Where
    content and style nearly agree, a thousandth of the distance from black keeps it above zero.
    """

    def total(loss_of: Mapping[str, Tensor]) -> float:
        return float(sum(weights[layer] * loss for layer, loss in loss_of.items()))

    with torch.no_grad():
        here = total({layer: loss(features) for layer, loss in losses.items()})
        black = {
            layer: loss.distance(loss.target.empty(), loss.target) for layer, loss in losses.items()
        }
    return max(here, 1e-3 * total(black)) or 1.0  # without style layers there is no distance


def optimize_config(config: StylizeConfig, scale: Scale) -> OptimizeConfig:
    """One scale's share of the settings."""
    return OptimizeConfig(
        optimizer=config.optimizer,
        steps=scale.steps,
        learning_rate=config.learning_rate,
        history=config.history,
        line_search=config.line_search,
        average=config.average,
    )


def finish(image: Tensor, content: Tensor, config: StylizeConfig) -> Tensor:
    """The picture of an iterate's image (1, 3, H, W), in [0, 1], with the colors asked for."""
    image = image.clamp(0, 1)
    if config.color == "content":
        content = resize(content, *image.shape[-2:]).clamp(0, 1)
        return keep_content_color(image, content, clamp=True)
    return image
