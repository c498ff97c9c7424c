"""A picture that a network paints in one pass, from an eighth of its size to the whole.

At each part of the size it is known what is wanted of the features (`wanted`), and a step leads
there (`stepping`), tile by tile where the picture is large: statistics are sums over tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import product
from typing import final

import torch
from torch import Tensor

from gramarye.config import StylizeConfig
from gramarye.devices import release_memory
from gramarye.feedforward.cascade import add_detail, add_detail_by_rows
from gramarye.feedforward.files import load_painter
from gramarye.feedforward.network import Painter
from gramarye.feedforward.settings import LEAST, MULTIPLE, SHIPPED, reach, steps_at
from gramarye.inputs.kinds import form_of, kind_of
from gramarye.johnson.files import load_trained
from gramarye.johnson.network import Johnson
from gramarye.memory.budget import ScaleBudget
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.passes import choose_precision
from gramarye.optimize import Iterate
from gramarye.pictures.room import continued
from gramarye.scales.resizing import resize
from gramarye.scales.rows import bands_of, shrunk_by_rows
from gramarye.stepping import stepped
from gramarye.tiles.extractor import FeatureExtractor
from gramarye.transformed import transform_image
from gramarye.wanted import Goal, Own, aims, goals_at, own_moments, style_settings

PIECE = 1 << 20  # pixels of a picture that is taken in one piece: one look at it is enough
HELD = 4_000_000  # pixels of a content that is not made twice
LOOK = 128 << 20  # bytes for the features of what is only measured


def painted_iterates(
    network: PerceptualNetwork,
    seen: dict[str, Tensor],
    config: StylizeConfig,
    budget: ScaleBudget | None,
    again: Callable[[], Mapping[str, Tensor]] | None = None,
) -> Iterator[Iterate]:
    """The only step of a picture that a network paints; it takes what is `seen` out of there.

    `again` makes the same anew, and so a large content need not be held (`Painting.paint`).
    """
    painter = load_trained(config.painter.by, network).to(seen["content"].device)
    memory = None if budget is None else budget.tile_bytes
    if isinstance(painter, Johnson):
        image = transform_image(painter, seen, config)
    else:
        if seen["content"].shape[-2] * seen["content"].shape[-1] <= HELD:
            again = None
        found = Painting(painter, network, config, memory)
        image = found.paint(seen, again=again and partial(content_of, again))
    yield Iterate(1, 1, {}, image)


def content_of(again: Callable[[], Mapping[str, Tensor]]) -> Tensor:
    return again()["content"]


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
        again: Callable[[], Tensor] | None = None,
    ) -> Tensor:
        """The painted content (1, 3, H, W), of inputs by name, their colors matched.

        They are taken out of `seen`, so that a large content need not be there to the end. After
        the first picture the content is enough. `averaged` puts other moments of the content in the
        place of its own, by the number of the step and region by region. `again` makes the content
        anew, which then is not held in between, and may be written over.
        """
        height, width = seen["content"].shape[-2:]
        rows, columns = (-(-side // MULTIPLE) * MULTIPLE for side in (height, width))
        twice = self.config.painter.twice
        steps = [*steps_at(self.painter.config.parts, rows, columns, twice)]
        contents = Contents(seen.pop("content"), {part for part, _ in steps}, again)
        for name in seen:
            if kind_of(name).size == "image":
                seen[name] = continued(seen[name], MULTIPLE)
        image, before = None, 0
        for number, (part, further) in enumerate(steps):
            here: dict[str, Tensor] = {}
            if part != before:
                content = contents.take(part)
                if part not in self.goals:
                    here = at_part(seen, part, self.config.picture.form_scale)
                if part == 1:
                    seen.clear()
                image = self.entered(image, content, number, part)
                del content
                if again is not None:
                    release_memory(image.device)  # and the last part's image
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
            add_noise(image, self.painter.config.grain, self.config.picture.seed + number)
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


@final
class Contents:
    """The content (1, 3, H, W) at the parts of its size, its sides multiples of pixels.

    One that can be made `again` is not held while its parts are painted: they are all made at once.
    """

    def __init__(
        self, content: Tensor, parts: Iterable[int], again: Callable[[], Tensor] | None
    ) -> None:
        self.again, self.device = again, content.device
        self.whole: Tensor | None = continued(content, MULTIPLE, in_place=again is not None)
        self.small: dict[int, Tensor] = {}
        if again is not None:
            del content
            release_memory(self.device)
            self.small = {part: self.take(part) for part in parts if part > 1}
            self.whole = None

    def take(self, part: int) -> Tensor:
        """The content at a part, to be written over; at the whole size it is the last time."""
        if part in self.small:
            return self.small.pop(part)
        if self.whole is None:
            assert self.again is not None
            release_memory(self.device)  # what the last part took
            self.whole = continued(self.again(), MULTIPLE, in_place=True)
            release_memory(self.device)  # what matching the colors took
        if part == 1:
            found, self.whole = self.whole, None
            return found.clamp_(0, 1)
        return at_part({"content": self.whole}, part, 1)["content"]


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
        if kind_of(name).size == "image" and not any(side % part for side in shown.shape[-2:]):
            small = shrunk_by_rows(shown, part) if part > 1 else shown
        else:
            small = resize(shown, height, width)
        copied = small is not shown or kind_of(name).size == "image"
        found[name] = small.clamp_(0, 1) if copied else small.clamp(0, 1)
    return found


def add_noise(image: Tensor, amount: float, seed: int) -> None:
    """White noise of a standard deviation on an image (1, 3, H, W), drawn a few rows at a time.

    It is drawn on the CPU, so that one seed is one picture on every device.
    """
    generator = torch.Generator().manual_seed(seed % 2**63)
    for plane, rows in product(image[0], bands_of(image.shape[-2:])):
        part = plane[slice(*rows)]
        noise = torch.rand(part.shape, generator=generator).sub_(0.5).mul_(12**0.5)
        part.add_(noise.to(image.device), alpha=amount)
