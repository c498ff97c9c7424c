"""A picture that a network paints in one pass, from an eighth of its size to the whole.

What is wanted of the features at each part is known by the style's statistics and those of the
picture so far (`feedforward.transport`); regions, masks, several styles and strength maps are what
they are for the optimizer, and so are tiles: statistics are sums over them, and a step looks no
further than a tile's margin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.config import StylizeConfig
from gramarye.distributed.bands import whole as one_band
from gramarye.feedforward.cascade import add_detail
from gramarye.feedforward.files import load_painter
from gramarye.feedforward.network import Painter, Step
from gramarye.feedforward.settings import LEAST, SHIPPED, reach
from gramarye.feedforward.transport import Move, transport
from gramarye.handover import uniform_image
from gramarye.inputs.kinds import form_of, kind_of, names_of
from gramarye.johnson.files import load_trained
from gramarye.johnson.network import Johnson
from gramarye.losses.masks import MaskWeights
from gramarye.losses.statistics import Moments, moments
from gramarye.losses.style import Role, StyleSettings, check_counts, has_role
from gramarye.losses.style_look import Look, PicturePart, Share, parts_of
from gramarye.losses.style_terms import style_moments
from gramarye.losses.targets import Targets
from gramarye.memory.budget import ScaleBudget
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.passes import choose_precision
from gramarye.optimize import Iterate
from gramarye.scales.resizing import resize
from gramarye.tiles.extractor import FeatureExtractor
from gramarye.tiles.plan import choose_tiles
from gramarye.tiles.regions import Box
from gramarye.transformed import transform_image

MULTIPLE = 64  # of pixels that sides are: an eighth of the size, seen at an eighth of that
TILE = 1 << 20  # pixels of a picture, or a part of it, that a step takes at once: some 0.7 GiB
LOOK = 512 << 20  # bytes for the features of what is only measured


Features = Mapping[str, Tensor]


@final
@dataclass(frozen=True)
class Goal:
    """A region of the picture, and the moments of its styles by layer."""

    region: PicturePart
    styles: Mapping[str, Moments]


@final
@dataclass(frozen=True)
class Target:
    """How the features of a region are to be moved."""

    mask: MaskWeights | None  # how much each position counts; None is all
    moves: Mapping[str, Move]


def painted_iterates(
    network: PerceptualNetwork,
    seen: Mapping[str, Tensor],
    config: StylizeConfig,
    budget: ScaleBudget | None,
) -> Iterator[Iterate]:
    """The only step of a picture that a network paints."""
    painter = load_trained(config.painter.by, network).to(seen["content"].device)
    memory = None if budget is None else budget.tile_bytes
    if isinstance(painter, Johnson):
        image = transform_image(painter, seen, config)
    else:
        image = paint_image(painter, network, seen, config, memory)
    yield Iterate(1, 1, {}, image)


def instant_image(
    network: PerceptualNetwork,
    seen: Mapping[str, Tensor],
    config: StylizeConfig,
    budget: ScaleBudget | None,
) -> Tensor:
    """What the packaged painter makes of the inputs, for an optimizer to begin with."""
    painter = load_painter(SHIPPED, network).to(seen["content"].device)
    return paint_image(painter, network, seen, config, budget and budget.tile_bytes)


def paint_image(
    painter: Painter,
    network: PerceptualNetwork,
    seen: Mapping[str, Tensor],
    config: StylizeConfig,
    memory: int | None = None,
) -> Tensor:
    """The painted content (1, 3, H, W), of inputs by name, their colors matched.

    `memory` is what the network's features may take, in bytes.
    """
    return Painting(painter, network, config, memory).paint(seen)


Own = list[dict[str, Moments]]  # of every region, the moments of the picture so far by layer


@final
class Painting:
    """What paints pictures of one size, such as the frames of a clip, in the same styles.

    What the styles ask for is measured at the first picture, and holds until it is forgotten.
    """

    def __init__(
        self,
        painter: Painter,
        network: PerceptualNetwork,
        config: StylizeConfig,
        memory: int | None = None,
    ) -> None:
        self.painter, self.config = painter, config
        device = next(painter.parameters()).device
        precision = choose_precision(config.machine.precision, device)
        self.extractor = FeatureExtractor(network, precision, min(memory or LOOK, LOOK))
        self.goals: dict[int, list[Goal]] = {}

    def forget_styles(self) -> None:
        """Measure the styles again at the next picture."""
        self.goals.clear()

    @torch.no_grad()
    def paint(
        self,
        seen: Mapping[str, Tensor],
        averaged: Callable[[int, Own], Own] | None = None,
    ) -> Tensor:
        """The painted content (1, 3, H, W), of inputs by name, their colors matched.

        After the first picture the content is enough. `averaged` puts other moments of the content
        in the place of its own, by the number of the step and region by region.
        """
        height, width = seen["content"].shape[-2:]
        seen = {k: whole(x) if kind_of(k).size == "image" else x for k, x in seen.items()}
        image = None
        for number, part in enumerate(parts_for(self.painter, seen["content"])):
            wanted = {"content": seen["content"]} if part in self.goals else seen
            here = at_part(wanted, part, self.config.picture.form_scale)
            again = image is not None and image.shape == here["content"].shape
            image = self.entered(image, here["content"], number, part, again)
            here["content"] = image = image.contiguous(memory_format=torch.channels_last)
            image = self.after_step(image, here, number, part, averaged)
        assert image is not None
        return image[..., :height, :width].clamp(0, 1)

    def entered(
        self, before: Tensor | None, content: Tensor, number: int, part: int, again: bool
    ) -> Tensor:
        """Where a step begins: the last one's image with some detail and, at a new size, noise."""
        image = add_detail(before, content, self.painter.config.detail)
        if part > 1 and not again:
            size = image.shape[-2], image.shape[-1]
            image = image + self.painter.config.grain * normal_image(
                *size, self.config, number, image
            )
        return image

    def after_step(
        self,
        image: Tensor,
        here: Mapping[str, Tensor],
        number: int,
        part: int,
        averaged: Callable[[int, Own], Own] | None,
    ) -> Tensor:
        known = None  # of a picture that is not taken in tiles, one look is enough
        if image.shape[-2] * image.shape[-1] <= TILE:
            layers = self.painter.step(part).layers
            known = self.extractor.passes(image, layers, keep=False).features
        if part not in self.goals:
            self.goals[part] = goals_at(self.painter, self.extractor, here, self.config, part)
        goals = self.goals[part]
        own = own_moments(goals, self.extractor, image, known)
        if averaged is not None:
            own = averaged(number, own)
        targets = aims(goals, own)
        return stepped(self.painter, self.extractor, image, targets, self.config, part, known)


def parts_for(painter: Painter, content: Tensor) -> Iterator[int]:
    """The parts of the size that a picture has room for."""
    side = min(content.shape[-2:])
    return (part for part in painter.config.parts if part == 1 or side >= part * LEAST)


def whole(image: Tensor) -> Tensor:
    """The image (1, C, H, W), continued at its far sides up to the next multiple of pixels."""
    height, width = image.shape[-2:]
    missing = -height % MULTIPLE, -width % MULTIPLE
    mirrored = missing[0] < height and missing[1] < width
    return F.pad(image, (0, missing[1], 0, missing[0]), mode="reflect" if mirrored else "replicate")


def at_part(seen: Mapping[str, Tensor], part: int, form_scale: float) -> dict[str, Tensor]:
    """The inputs at a part of the size; below the whole, styles in the size of their forms."""
    found = {}
    for name, picture in seen.items():
        if kind_of(name).name.startswith("form"):
            continue
        form = form_of(name) if kind_of(name).size != "image" else name
        shown = seen[form] if part > 1 and form_scale != 1 and form in seen else picture
        height, width = (-(-side // part) for side in shown.shape[-2:])
        if kind_of(name).size != "image":
            height, width = max(height, LEAST), max(width, LEAST)
        found[name] = resize(shown, height, width).clamp(0, 1)
    return found


def normal_image(
    height: int, width: int, config: StylizeConfig, number: int, like: Tensor
) -> Tensor:
    """White noise of variance one, another for every part."""
    seed = (config.picture.seed + number) % 2**63
    return (uniform_image(height, width, seed, like) - 0.5) * 12**0.5


def goals_at(
    painter: Painter,
    extractor: FeatureExtractor,
    seen: Mapping[str, Tensor],
    config: StylizeConfig,
    part: int,
) -> list[Goal]:
    """The regions of the picture, and what each of their styles is like at this part."""
    settings = style_settings(config)
    layers = frozenset(painter.step(part).layers)
    targets = targets_of(extractor, seen, layers)
    parts = parts_of(
        targets, given(settings, seen, layers, part), layers, settings.mask_mode, settings.strength
    )
    between = settings.mixing == "between" and len(names_of("style", seen)) > 1
    look = Look(targets, parts, 1.0, relative=True, between=between)
    styles = [style_moments(look, region, sorted(layers)) for region in parts]
    targets.look()
    return [Goal(region, style()) for region, style in zip(parts, styles, strict=True)]


def targets_of(
    extractor: FeatureExtractor, seen: Mapping[str, Tensor], layers: frozenset[str]
) -> Targets:
    """What measures inputs, tile by tile where they are large."""
    size = seen["content"].shape[-2], seen["content"].shape[-1]
    tiles = choose_tiles(extractor.network, layers, *size, extractor.memory, extractor.precision)
    return Targets(extractor, seen, one_band(*size), tiles)


def own_moments(
    goals: Sequence[Goal], extractor: FeatureExtractor, image: Tensor, known: Features | None
) -> Own:
    """What each region of the image is like."""
    if known is not None:
        return [moments_in(goal.region, known) for goal in goals]
    layers = frozenset().union(*(goal.region.layers for goal in goals))
    targets = targets_of(extractor, {"content": image}, layers)
    own = [targets.moments("content", g.region.layers, g.region.mask) for g in goals]
    targets.look()
    return [dict(found) for found in own]


def aims(goals: Sequence[Goal], own: Own) -> list[Target]:
    """How the features of each region are to be moved."""
    return [
        Target(goal.region.mask, {k: transport(here[k], style) for k, style in goal.styles.items()})
        for goal, here in zip(goals, own, strict=True)
    ]


def style_settings(config: StylizeConfig) -> StyleSettings:
    settings = config.terms["style"]
    assert isinstance(settings, StyleSettings)
    return settings


def moments_in(region: PicturePart, features: Features) -> dict[str, Moments]:
    """The moments of a region of a picture's features (1, C, h, w)."""
    found = {}
    for layer in region.layers:
        here = features[layer]
        place = Box.whole(here.shape[-2], here.shape[-1])
        weights = None if region.mask is None else region.mask.chosen(layer, place)
        found[layer] = moments(here, weights).to(torch.float64)
    return found


def given(
    settings: StyleSettings, seen: Mapping[str, Tensor], layers: frozenset[str], part: int
) -> dict[str, Share]:
    """How much each style counts at a part: below the whole size forms are painted."""
    styles = names_of("style", seen)
    check_counts(settings, styles)
    weights = settings.mix or (1.0,) * len(styles)
    roles: Sequence[Role] = settings.roles or ["all"] * len(styles)
    layer = "relu4_1/2" if part > 1 else "relu3_1"
    found = {
        name: Share(weight, layers)
        for name, weight, role in zip(styles, weights, roles, strict=True)
        if has_role(role, layer) and weight
    }
    # Where no style gives forms, or strokes, those that there are give both.
    return found or {
        name: Share(weight, layers) for name, weight in zip(styles, weights, strict=True)
    }


def stepped(
    painter: Painter,
    extractor: FeatureExtractor,
    image: Tensor,
    targets: list[Target],
    config: StylizeConfig,
    part: int,
    known: Features | None,
) -> Tensor:
    """The image a step further, tile by tile where it is large and its features are not known."""
    amount = reach(style_settings(config).strength)
    step, network = painter.step(part), extractor.network
    margin = margin_of(step, network)
    made = torch.empty_like(image)
    height, width = image.shape[-2:]
    for owned in boxes(height, width, TILE):
        window = Box(
            max(0, owned.top - margin),
            min(height, owned.bottom + margin),
            max(0, owned.left - margin),
            min(width, owned.right + margin),
        )
        pixels = window.of(image).contiguous(memory_format=torch.channels_last)
        features = known or extractor.passes(pixels, step.layers, keep=False).features
        felt, missing = {}, {}
        for layer in step.layers:
            stride = network.geometry(layer).stride  # which the window begins and ends at
            place = Box(*(side // stride for side in window.sides))
            felt[layer], missing[layer] = differences(features[layer], targets, layer, place)
            missing[layer] *= amount
        with torch.autocast(
            image.device.type, torch.bfloat16, enabled=extractor.precision == "bfloat16"
        ):
            moved = step(pixels, felt, missing)
        inside = owned.down(-window.top)
        columns = slice(owned.left - window.left, owned.right - window.left)
        owned.of(made).copy_(moved[..., inside.top : inside.bottom, columns])
    return made


def margin_of(step: Step, network: PerceptualNetwork) -> int:
    """Pixels that a step sees around what it makes, at a multiple of its coarsest stride.

    They are half of what its layers see, and its own convolutions: two of a block, and of one more
    pixel for enlarging.
    """
    seen = [network.geometry(layer) for layer in step.layers]
    own = (
        (2 * count + 1) * geometry.stride
        for count, geometry in zip(step.config.blocks, seen, strict=True)
    )
    pixels = max(geometry.receptive_field for geometry in seen) // 2 + sum(own)
    stride = max(geometry.stride for geometry in seen)
    return (-(-pixels // stride) + 1) * stride


def differences(
    features: Tensor, targets: list[Target], layer: str, place: Box
) -> tuple[Tensor, Tensor]:
    """Features of a box of positions, and what they miss of the wanted ones, in styles' units."""
    features = features.float()
    known = [goal for goal in targets if layer in goal.moves]
    if not known:
        size = features.square().mean().sqrt().clamp_min(1e-6)
        return features / size, torch.zeros_like(features)
    missing = torch.zeros_like(features)
    sizes = total = torch.zeros_like(features[:, :1])
    for goal in known:
        move = goal.moves[layer]
        weight = torch.ones_like(total) if goal.mask is None else goal.mask(layer, place)
        missing += weight * (move(features).clamp_min(0) - features)
        sizes = sizes + weight * move.size[:, None, None, None]
        total = total + weight
    # A position's unit is that of the styles that count there; where none does, of all alike.
    mean = torch.stack([goal.moves[layer].size for goal in known]).mean(0)
    size = torch.where(total > 0, sizes / total, mean[:, None, None, None])
    return features / size, missing / size


def boxes(height: int, width: int, largest: int) -> Iterator[Box]:
    """Boxes that tile an image, at multiples of its parts' strides, of so many pixels at most."""
    side = max(MULTIPLE, int(largest**0.5) // MULTIPLE * MULTIPLE)
    if height * width <= largest:
        side = max(height, width)
    for top in range(0, height, side):
        for left in range(0, width, side):
            yield Box(top, min(top + side, height), left, min(left + side, width))
