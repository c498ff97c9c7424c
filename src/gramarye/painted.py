"""A picture that a network paints in one pass, from an eighth of its size to the whole.

At each part of the size it is known what is wanted of the features (`wanted`), and a step leads
there (`stepping`), tile by tile where the picture is large: statistics are sums over tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.config import StylizeConfig
from gramarye.devices import release_memory
from gramarye.feedforward.cascade import add_detail, add_detail_by_rows
from gramarye.feedforward.files import load_painter
from gramarye.feedforward.network import Painter
from gramarye.feedforward.settings import LEAST, SHIPPED, reach, steps_at
from gramarye.handover import uniform_image
from gramarye.inputs.kinds import form_of, kind_of
from gramarye.johnson.files import load_trained
from gramarye.johnson.network import Johnson
from gramarye.memory.budget import ScaleBudget
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.passes import choose_precision
from gramarye.optimize import Iterate
from gramarye.scales.resizing import resize
from gramarye.stepping import MULTIPLE, stepped
from gramarye.tiles.extractor import FeatureExtractor
from gramarye.transformed import transform_image
from gramarye.wanted import Goal, Own, aims, goals_at, own_moments, style_settings

PIECE = 1 << 20  # pixels of a picture that is taken in one piece: one look at it is enough
LOOK = 128 << 20  # bytes for the features of what is only measured


def painted_iterates(
    network: PerceptualNetwork,
    seen: dict[str, Tensor],
    config: StylizeConfig,
    budget: ScaleBudget | None,
) -> Iterator[Iterate]:
    """The only step of a picture that a network paints; it takes what is `seen` out of there."""
    painter = load_trained(config.painter.by, network).to(seen["content"].device)
    memory = None if budget is None else budget.tile_bytes
    if isinstance(painter, Johnson):
        image = transform_image(painter, seen, config)
    else:
        image = Painting(painter, network, config, memory).paint(seen)
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
    return Painting(painter, network, config, memory).paint(dict(seen))


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
        seen: dict[str, Tensor],
        averaged: Callable[[int, Own], Own] | None = None,
    ) -> Tensor:
        """The painted content (1, 3, H, W), of inputs by name, their colors matched.

        They are taken out of `seen`, so that a large content need not be there to the end. After
        the first picture the content is enough. `averaged` puts other moments of the content in the
        place of its own, by the number of the step and region by region.
        """
        height, width = seen["content"].shape[-2:]
        for name in seen:
            if kind_of(name).size == "image":
                seen[name] = whole(seen[name])
        image, before = None, 0
        rows, columns = seen["content"].shape[-2:]
        parts = steps_at(self.painter.config.parts, rows, columns, self.config.painter.twice)
        for number, (part, further) in enumerate(parts):
            here: dict[str, Tensor] = {}
            if part != before:
                names = ["content"] if part in self.goals else list(seen)
                form_scale = self.config.picture.form_scale
                here = at_part({name: seen[name] for name in names}, part, form_scale)
                if part == 1:
                    seen.clear()
                image = self.entered(image, here.pop("content"), number, part)
            assert image is not None
            image = self.after_step(image, here, number, part, averaged, further)
            before = part
        assert image is not None
        release_memory(image.device)
        return image[..., :height, :width].clamp_(0, 1)

    def entered(self, before: Tensor | None, content: Tensor, number: int, part: int) -> Tensor:
        """The image at a new size: the last one's with some detail and, below the whole, noise."""
        if before is not None and content.shape[-2] * content.shape[-1] > PIECE:
            image = add_detail_by_rows(before, content, self.painter.config.detail)
        else:
            image = add_detail(before, content, self.painter.config.detail)
        if part > 1:
            size = image.shape[-2], image.shape[-1]
            noise = normal_image(*size, self.config, number, image)
            image = image.add(noise, alpha=self.painter.config.grain)
        return image

    def after_step(
        self,
        image: Tensor,
        here: Mapping[str, Tensor],
        number: int,
        part: int,
        averaged: Callable[[int, Own], Own] | None,
        further: float = 1.0,
    ) -> Tensor:
        """The image a step further; one that is taken in tiles is written over."""
        known = None
        if image.shape[-2] * image.shape[-1] <= PIECE:
            image = image.contiguous(memory_format=torch.channels_last)
            layers = self.painter.step(part).layers
            known = self.extractor.passes(image, layers, keep=False).features
        if part not in self.goals:
            seen = {"content": image, **here}
            self.goals[part] = goals_at(self.painter, self.extractor, seen, self.config, part)
        goals = self.goals[part]
        release_memory(image.device)  # what other sizes took, in pieces that do not fit this one
        own = own_moments(goals, self.extractor, image, known)
        if averaged is not None:
            own = averaged(number, own)
        amount = further * reach(style_settings(self.config).strength)
        targets = aims(goals, own)
        return stepped(self.painter, self.extractor, image, targets, amount, part, known)


def whole(image: Tensor) -> Tensor:
    """A copy of the image (1, C, H, W), continued at its far sides up to a multiple of pixels."""
    height, width = image.shape[-2:]
    missing = -height % MULTIPLE, -width % MULTIPLE
    mirrored = missing[0] < height and missing[1] < width
    return F.pad(image, (0, missing[1], 0, missing[0]), mode="reflect" if mirrored else "replicate")


def at_part(seen: Mapping[str, Tensor], part: int, form_scale: float) -> dict[str, Tensor]:
    """The inputs at a part of the size; below the whole, styles in the size of their forms.

    At the whole, what has the image's size is written over: nobody asks for it again.
    """
    found = {}
    for name, picture in seen.items():
        if kind_of(name).name.startswith("form"):
            continue
        form = form_of(name) if kind_of(name).size != "image" else name
        shown = seen[form] if part > 1 and form_scale != 1 and form in seen else picture
        height, width = (-(-side // part) for side in shown.shape[-2:])
        if kind_of(name).size != "image":
            height, width = max(height, LEAST), max(width, LEAST)
        small = resize(shown, height, width)
        copied = small is not shown or kind_of(name).size == "image"
        found[name] = small.clamp_(0, 1) if copied else small.clamp(0, 1)
    return found


def normal_image(
    height: int, width: int, config: StylizeConfig, number: int, like: Tensor
) -> Tensor:
    """White noise of variance one, another for every part."""
    seed = (config.picture.seed + number) % 2**63
    return (uniform_image(height, width, seed, like) - 0.5) * 12**0.5
