"""What one scale hands to the next: its image, enlarged, and Adam's moments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import final

import torch
from torch import Tensor

from gramarye.config import StylizeConfig
from gramarye.distributed.bands import Band, Bands, rescale, whole
from gramarye.inputs.kinds import CONTENT_ALPHA, names_of
from gramarye.mapping.color_map import map_shape
from gramarye.optimize import Iterate
from gramarye.optimizers.adam import AdamState
from gramarye.optimizers.snapshot import Snapshot
from gramarye.plan import Plan
from gramarye.scales.grain import PERIOD, add_grain, missing, spot_noise, style_noise
from gramarye.scales.resizing import fine_detail, resize, resize_around
from gramarye.scales.rows import cut, length


@final
@dataclass
class Handover:
    """This process's rows of what the scale before has left, or of what a run goes on from."""

    image: Tensor | None = None
    bands: Bands | None = None  # whose rows of it are whose
    adam: AdamState = field(default_factory=AdamState)
    snapshot: Snapshot | None = None  # of a step in the middle of the first scale to come

    @property
    def empty(self) -> bool:
        return self.bands is None

    def take_image(self) -> Tensor:
        """The image, and no hold on it: whoever takes it decides how long it is kept."""
        image, self.image = self.image, None
        assert image is not None
        return image

    def take_snapshot(self) -> Snapshot | None:
        snapshot, self.snapshot = self.snapshot, None
        return snapshot

    def keep_last(self, iterates: Iterator[Iterate], index: int, count: int) -> Iterator[Iterate]:
        """The iterates of one scale of several, the last one's image remembered."""
        for iterate in iterates:
            if iterate.step == iterate.steps:
                self.image = iterate.moved
            yield replace(iterate, scale=index, scales=count)
            del iterate  # its image must not live through the next step


def take_up(
    plan: Plan, resume: tuple[int, Snapshot] | None, rank: int = 0
) -> tuple[Handover, list[int]]:
    """What a run begins with, and the scales it has yet to go through, by their numbers.

    CheckpointError if what it goes on from is no snapshot of this plan's.
    """
    first, handover = 0, Handover()
    if resume is not None:
        first, snapshot = resume
        image = image_of(plan, first, snapshot, rank)
        handover = Handover(image, plan.scales[first].bands, snapshot=snapshot)
        if snapshot.last:
            handover.adam, handover.snapshot = AdamState.of(snapshot, image), None
            first += 1
    todo = [i for i in range(first, len(plan.scales)) if plan.scales[i].scale.steps]
    if resume is not None and not todo:
        raise resume[1].misfit("no step is left to take")
    return handover, todo


def image_of(plan: Plan, scale: int, snapshot: Snapshot, rank: int = 0) -> Tensor:
    """A process's rows of a snapshot's image, or the map's parameters in its place.

    CheckpointError if they are not of that scale.
    """
    if not 0 <= scale < len(plan.scales):
        raise snapshot.misfit(f"there are {len(plan.scales)} scales and it is of the {scale + 1}.")
    bands, settings = plan.scales[scale].bands, plan.config.map
    if settings.is_on:
        return snapshot.image(map_shape(settings, *plan.size)).to(plan.device)
    return snapshot.image((1, 3, length(bands.owned[rank]), bands.width)).to(plan.device)


def next_image(
    handover: Handover, seen: Mapping[str, Tensor], config: StylizeConfig, index: int, band: Band
) -> Tensor:
    """This process's rows of the image a scale starts from: a first one, or the last one enlarged.

    The band's team are all processes.
    """
    seed = config.picture.seed
    if handover.bands is None:
        image = first_image(config.picture.init, seen, seed, band)
    else:
        names = names_of("style", seen)
        styles = [seen[name] for name in names]
        around = config.picture.tileable
        content, old = band.own(seen["content"]), handover.bands
        image, grain = handover.take_image(), config.scales.grain
        handover.adam = enlarge_state(handover.adam, old, band, image)
        image = enlarge_band(
            image,
            content,
            styles,
            old,
            band,
            seed=seed + index,
            amount=grain,
            masks=masks_of(names, seen),
            around=around,
            opaque=band.own(seen[CONTENT_ALPHA]) if CONTENT_ALPHA in seen else None,
        )
    handover.bands = band.bands
    return image


def masks_of(styles: Sequence[str], seen: Mapping[str, Tensor]) -> list[Tensor | None]:
    """How much each pixel of each style counts, by the styles' names; None is all the same."""
    return [seen.get(name.replace("style", "style-mask")) for name in styles]


def uniform_image(height: int, width: int, seed: int, like: Tensor) -> Tensor:
    """White noise in [0, 1] (1, 3, H, W), on the device of `like`.

    Drawn on the CPU, so that one seed is one picture on every device.
    """
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(1, 3, height, width, generator=generator, dtype=torch.float32)
    return noise.to(like.device)


def first_image(init: str, seen: Mapping[str, Tensor], seed: int, band: Band) -> Tensor:
    """This process's rows of the image that the first scale starts from (1, 3, h, W)."""
    content = band.own(seen["content"])
    if init == "content" or band.idle:
        return content.clone()
    height, width = band.bands.size
    if init == "noise":
        noise = uniform_image(height, width, seed, content)
        return cut(noise, (0, height), band.owned).clone()
    if init == "style-noise":
        names = names_of("style", seen)
        noise = style_noise([seen[n] for n in names], seed, masks_of(names, seen), (height, width))
        return cut(noise.to(content), (0, height), band.owned).clone()
    if init == "gray":
        return torch.full_like(content, 0.5)
    if init == "style":
        style = resize(seen[names_of("style", seen)[0]], height, width).clamp(0, 1)
        return cut(style, (0, height), band.owned).clone()
    return band.own(seen["init"]).clone()


def enlarge(
    image: Tensor,
    content: Tensor,
    styles: Sequence[Tensor] = (),
    *,
    seed: int = 0,
    amount: float = 1.0,
) -> Tensor:
    """The image at the content's size, with the fine detail that it is too small to hold.

    An enlarged image has no fine waves, and the style loss at the new size starts high for it. The
    content's (its colors moved, if they are) are in the right places. Where they are weaker than
    the styles', grain makes up for it: noise with the spectrum of the styles' own detail, an
    `amount` of which, from 0 to 1, is given. For the gradient of a covariance is proportional to
    the features: without any detail to begin with, all of it would grow from the few places that
    have some, and remain there as specks.
    """
    old, new = (whole(*picture.shape[-2:]) for picture in (image, content))
    return enlarge_band(image, content, styles, old.bands, new, seed=seed, amount=amount)


def enlarge_band(
    rows: Tensor,
    content: Tensor,
    styles: Sequence[Tensor],
    old: Bands,
    band: Band,
    *,
    seed: int,
    amount: float,
    masks: Sequence[Tensor | None] | None = None,
    opaque: Tensor | None = None,
    around: bool = False,
) -> Tensor:
    """This process's rows of `enlarge` of an image, from its rows of the image and the content.

    The image's rows lie with the processes as `old` says; the band's team are all processes, also
    those that own no rows of it. Detail is measured where the styles' masks and the content's alpha
    (`opaque`, these rows of it) let it count. An image that goes on `around` its border stays so;
    it has one band.
    """
    new, team = band.bands, band.team
    result = resize_around(rows, *new.size) if around else rescale(rows, old, new, team)
    if old.size == new.size:
        return result
    detail = rescale(rescale(content, new, old, team), old, new, team)
    detail = torch.sub(content, detail, out=detail)
    if amount > 0:
        here = [float(torch.linalg.vector_norm(detail)) ** 2, detail.numel()]
        if opaque is not None:
            here = [float((detail.square() * opaque).sum()), 3 * float(opaque.sum())]
        square, entries = team.total(torch.tensor(here, dtype=torch.float64)).tolist()
        if styles:  # a process without rows has none
            period = new.size if around else (PERIOD, PERIOD)
            grain = style_grain(styles, max(old.size) / max(new.size), seed, masks, period)
            grain *= amount
            add_grain(detail, grain, missing(grain, square / entries), top=band.owned[0])
    return detail.add_(result)


def style_grain(
    styles: Sequence[Tensor],
    ratio: float,
    seed: int,
    masks: Sequence[Tensor | None] | None = None,
    period: tuple[int, int] = (PERIOD, PERIOD),
) -> Tensor:
    """Noise (1, 3, *period) like what the styles lose at `ratio` times their size."""
    details = []
    for style in styles:
        height, width = (max(1, round(size * ratio)) for size in style.shape[-2:])
        details.append(fine_detail(style, height, width))
    return spot_noise(details, seed, masks, period)


def enlarge_state(state: AdamState, old: Bands, band: Band, like: Tensor) -> AdamState:
    """Adam's moments at another size (bilinear: squares stay positive), of this process's rows."""
    new, team = band.bands, band.team
    (steps,) = team.largest(round(state.step))
    if not steps or old.size == new.size:
        return state
    none = like.new_zeros((*like.shape[:-2], length(old.owned[team.rank]), old.width))
    first, second = (
        rescale(none if moment is None else moment, old, new, team, "bilinear")
        for moment in (state.first, state.second)
    )
    return AdamState(first, second, float(steps))
