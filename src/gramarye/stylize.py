"""The main path: one content and one or more styles, coarse to fine."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gramarye.config import StylizeConfig, make_config
from gramarye.devices import choose_device, release_memory
from gramarye.losses.statistics import Moments
from gramarye.losses.style import StyleLoss, style_distance
from gramarye.losses.total_variation import TotalVariationLoss
from gramarye.memory.budget import ScaleBudget, budget_scales, decides, memory_budget
from gramarye.networks import download
from gramarye.networks.catalog import NetworkInfo
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.passes import choose_precision
from gramarye.networks.registry import load_network
from gramarye.objective import Objective, Term
from gramarye.optimize import AdamState, Iterate, OptimizeConfig, Snapshot, optimize
from gramarye.pictures.color import keep_content_color
from gramarye.pictures.picture import Picture, Source, load_image, load_picture
from gramarye.recipe import FIRST_IMAGES, write_recipe
from gramarye.scales.sizes import Scale, enlarge, first_image, plan_scales, resize
from gramarye.sources import Load, Pictures, loaded
from gramarye.targets import ContentTargets, Lens, content_targets, style_moments


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
    memory = memory_budget(config.memory, device)
    steps = stylize_steps(pixels, styles, config, network=network, init=init, memory=memory)
    for iterate in steps:
        image = iterate.image
    scales = plan_scales(pixels.shape[-2], pixels.shape[-1], config)
    image = resize(image, scales[-1].height, scales[-1].width)  # the last may have no steps
    image = finish(image, pixels, config)
    budgets = budget_scales(network, scales, config, device, memory)
    recipe = write_recipe(
        pictures[0],
        pictures[1:],
        config,
        network,
        width=image.shape[-1],
        height=image.shape[-2],
        device=device,
        memory=memory if decides(budgets, config) else None,
    )
    return replace(dress(image, pictures[0]), recipe=recipe.to_json())


def dress(image: Tensor, content: Picture) -> Picture:
    """The image as a picture with the content's transparency and metadata."""
    alpha = content.alpha
    if alpha is not None:
        alpha = resize(alpha, image.shape[-2], image.shape[-1]).clamp(0, 1)
    return replace(content, pixels=image.cpu(), alpha=alpha, notes=())


def stylize_steps(
    content: Tensor | Load,
    styles: Sequence[Tensor | Load],
    config: StylizeConfig,
    *,
    network: PerceptualNetwork | None = None,
    init: Tensor | None = None,
    memory: int | None = None,
    resume: tuple[int, Snapshot] | None = None,
) -> Iterator[Iterate]:
    """Render the content (1, 3, H, W) in the styles, yielding after every step, coarse to fine.

    Everything runs on the content's device. A large content or style may be a function that loads
    it: it is called once per scale, and the picture is let go of as soon as it has been looked at.
    `init` is the first image where the config's is a file. `memory` is the budget in bytes, in
    place of the config's. `resume` is a scale and an iterate's snapshot of it: the run goes on
    after that step, and ends as it would have without the break.
    """
    first = loaded(content)
    device, size = first.device, first.shape[-2:]
    network = (network or config_network(config)).to(device)
    # Channels last: oneDNN and cuDNN convolve narrow layers up to twice as fast in this layout.
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    memory = memory_budget(config.memory, device) if memory is None else memory
    pictures = Pictures(content, styles, config)
    memory -= pictures.bytes
    scales = plan_scales(size[0], size[1], config)
    # All of them before the first step: a last scale that is too large must not cost the others.
    budgets = budget_scales(network, scales, config, device, memory)
    state = AdamState()
    image: Tensor | None = None
    del first
    for index, (scale, budget) in enumerate(zip(scales, budgets, strict=True)):
        snapshot = resume[1] if resume and resume[0] == index else None
        if resume and index < resume[0]:
            continue
        release_memory(device)  # what the last scale took, in pieces too small for this one
        height, width = scale.height, scale.width
        content_now, styles_now = pictures.at(scale)
        if snapshot is not None:
            image = snapshot.tensors["image"].to(device)
        elif image is None:
            image = first_image(config.init, content_now, styles_now[0], config.seed, init)
        image = enlarge(
            image, content_now, styles_now, seed=config.seed + index, amount=config.grain
        )
        objective = make_objective(network, content_now, styles_now, config, budget)
        del content_now, styles_now
        state = state.resized(height, width)
        iterates = optimize(
            image, objective, optimize_config(config, scale, budget), state, snapshot=snapshot
        )
        release_memory(device)
        if snapshot is None or not snapshot.last:
            image = None  # the optimizer's from here on: it lets go of what it has left behind
        for iterate in iterates:
            yield replace(iterate, scale=index, scales=len(scales))
            if iterate.step == iterate.steps:
                image = iterate.image
            del iterate


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


def make_objective(
    network: PerceptualNetwork,
    content: Tensor,
    styles: Sequence[Tensor],
    config: StylizeConfig,
    budget: ScaleBudget | None = None,
) -> Objective:
    """The objective of one scale: content, style and total variation terms with their targets.

    Within a budget, everything is computed in its tiles.
    """
    content_layers, style_layers = layer_weights(config)
    precision = choose_precision(config.precision, content.device)
    memory = None if budget is None else budget.tile_bytes
    lens = Lens(network, precision, memory)
    stored = budget is None or budget.stored
    of_style = style_moments(lens, styles, style_layers)
    of_content = content_targets(
        lens, content, content_layers, style_layers, config.content_loss, stored=stored
    )
    return assemble(lens, of_content, of_style, config)


def assemble(
    lens: Lens, of_content: ContentTargets, of_style: Mapping[str, Moments], config: StylizeConfig
) -> Objective:
    """The objective with these targets, its terms weighted as the config asks."""
    content_layers, style_layers = layer_weights(config)
    terms = [
        Term(f"content/{layer}", config.content_weight * weight, of_content.losses[layer], (layer,))
        for layer, weight in content_layers.items()
        if config.content_weight * weight > 0
    ]
    losses = {
        layer: StyleLoss(
            layer, of_style[layer], style_distance(config.style_loss, lens.network, layer)
        )
        for layer in style_layers
    }
    relative = config.balance == "relative"
    unit = style_unit(losses, of_content.moments, style_layers) if relative else 1.0
    style_weight = config.style_weight * strength_factor(config.strength) / unit
    terms += [
        Term(f"style/{layer}", style_weight * style_layers[layer], loss, (layer,))
        for layer, loss in losses.items()
        if style_weight * style_layers[layer] > 0
    ]
    if config.tv_weight > 0:
        terms.append(Term("tv", config.tv_weight, TotalVariationLoss(config.tv)))
    return Objective(
        lens.network, terms, precision=lens.precision, memory=lens.memory, passes=lens.passes
    )


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


def style_unit(
    losses: Mapping[str, StyleLoss], content: Mapping[str, Moments], weights: Mapping[str, float]
) -> float:
    """The style loss of the content itself: the distance a stylization has to go.

    Measured in this unit, one strength means the same for every style, size and network. Where
    content and style nearly agree, a thousandth of the distance from black keeps it above zero.
    """

    def total(found: Mapping[str, Moments]) -> float:
        return float(
            sum(weights[k] * loss.distance(found[k], loss.target) for k, loss in losses.items())
        )

    black = {layer: loss.target.empty() for layer, loss in losses.items()}
    return max(total(content), 1e-3 * total(black)) or 1.0  # without style layers: no distance


def optimize_config(config: StylizeConfig, scale: Scale, budget: ScaleBudget) -> OptimizeConfig:
    """One scale's share of the settings."""
    return OptimizeConfig(
        optimizer=config.optimizer,
        steps=scale.steps,
        learning_rate=config.learning_rate,
        history=config.history,
        clip=config.clip,
        line_search=config.line_search,
        average=config.average,
        stop_change=config.stop_change,
        history_precision=budget.history,
        history_folder=tempfile.gettempdir() if budget.on_disk else None,
    )


def finish(image: Tensor, content: Tensor, config: StylizeConfig) -> Tensor:
    """The picture of an iterate's image (1, 3, H, W), in [0, 1], with the colors asked for."""
    image = image.clamp(0, 1)
    if config.color == "content":
        content = resize(content, *image.shape[-2:]).clamp(0, 1)
        return keep_content_color(image, content, clamp=True)
    return image
