"""The main path: one content and one or more styles, coarse to fine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from torch import Tensor

from gramarye.config import StylizeConfig, make_config
from gramarye.devices import release_memory
from gramarye.distributed.bands import Band, whole
from gramarye.distributed.processes import ALONE, Processes
from gramarye.errors import InputError
from gramarye.finishing import as_picture, at_full_size, canvas_of, finish
from gramarye.fitting import config_at
from gramarye.handover import Handover, next_image, take_up
from gramarye.inputs.coloring import takes_gray
from gramarye.inputs.inputs import Input, Inputs, Load
from gramarye.inputs.kinds import names_of
from gramarye.inputs.protection import Protected
from gramarye.losses.targets import Targets
from gramarye.losses.terms import needs_of, prepare_terms
from gramarye.mapped import mapped_iterates
from gramarye.memory.budget import ScaleBudget
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.passes import choose_precision
from gramarye.networks.wrapping import wrapped_network
from gramarye.notes import hardly_painted, input_notes
from gramarye.objective import Objective
from gramarye.optimize import Iterate, Snapshot, optimize
from gramarye.painted import instant_image, painted_iterates
from gramarye.pictures.color import grayed
from gramarye.pictures.picture import Picture, Source, load_picture
from gramarye.plan import Plan, make_plan, on_device, run_device, run_network
from gramarye.recipe import input_file, write_recipe
from gramarye.surroundings import plain_torch, undisturbed
from gramarye.tiles.extractor import FeatureExtractor
from gramarye.tiles.plan import choose_tiles
from gramarye.validation import check_kind
from gramarye.waiting import in_step, waiting_iterates


@plain_torch()
def stylize(
    content: Source,
    style: Source | Sequence[Source],
    *,
    preset: str = "default",
    inputs: Mapping[str, Source] | None = None,
    **settings: Any,
) -> Picture:
    """The content in the style of the other picture, or pictures: `stylize("a.jpg", "b.jpg")`.

    Sources are paths, Pillow images, arrays, tensors or Pictures; settings are those of
    `StylizeConfig` by their options' names, and `inputs` further pictures by name, such as
    `{"content-mask": "mask.png"}`. The result has the content's aspect ratio, transparency and
    metadata, and saves with its recipe.
    """
    check_others(inputs)
    return make_picture(content, style, make_config(preset, **settings), inputs or {})


def make_picture(
    content: Source | None,
    style: Source | Sequence[Source],
    config: StylizeConfig,
    others: Mapping[str, Source],
    first: Picture | None = None,
) -> Picture:
    """The picture of a run from beginning to end; a texture has no content.

    `first` is the first image in place of the file that the config names.
    """
    device = run_device(config)
    styles: Sequence[Source] = style if isinstance(style, list | tuple) else [style]  # type: ignore[list-item]
    sources = named_sources(content, styles, config, others)
    if first is not None:
        sources["init"] = first
    pictures = {name: load_picture(source) for name, source in sources.items()}
    named = {name: Input.of(p.on(device), name) for name, p in pictures.items()}
    found = Inputs(named, config.picture)
    network = run_network(config, device)
    held, regions = found.held(device), found.region_count
    plan = make_plan(config, network, found.sizes, device, held=held, regions=regions)
    for iterate in steps(plan, found, network):
        last = iterate
    image = finish(at_full_size(last, found, plan), found, config)
    files = {name: input_file(picture) for name, picture in pictures.items()}
    return replace(
        as_picture(image, canvas_of(pictures.get("content"), config)),
        notes=(*input_notes(found, plan), *hardly_painted(image, found, config)),
        recipe=write_recipe(plan, files, network).to_json(),
    )


def named_sources(
    content: Source | None,
    styles: Sequence[Source],
    config: StylizeConfig,
    others: Mapping[str, Source],
) -> dict[str, Source]:
    """All pictures of a run by name; that of a first image is the config's."""
    found: dict[str, Source] = {} if content is None else {"content": content}
    found |= {f"style/{number}": style for number, style in enumerate(styles)}
    if config.picture.init_file is not None:
        found["init"] = config.picture.init_file
    if both := found.keys() & others.keys():
        raise InputError(f"input {min(both)!r} was given twice: once is enough")
    return found | dict(others)


def check_others(inputs: object) -> None:
    wanted = "further pictures by name, such as {'content-mask': mask}"
    check_kind("inputs", {} if inputs is None else inputs, Mapping, wanted)


@undisturbed
def stylize_steps(
    content: Tensor | Picture | Load,
    styles: Tensor | Picture | Load | Sequence[Tensor | Picture | Load],
    config: StylizeConfig,
    *,
    network: PerceptualNetwork | None = None,
    inputs: Mapping[str, Tensor | Picture | Load] | None = None,
    memory: int | None = None,
    resume: tuple[int, Snapshot] | None = None,
) -> Iterator[Iterate]:
    """Render the content (1, 3, H, W) in the styles, yielding after every step, coarse to fine.

    What is transparent in a Picture does not count. Everything runs on the content's device. A
    large picture may be a function that loads it: it is called once per scale, and let go of as
    soon as it has been looked at. `inputs` are further pictures by name, such as "init" or
    "content-mask". `memory` is the budget in bytes, in place of the config's. `resume` is a scale
    and an iterate's snapshot of it: the run goes on after that step, and ends as it would have
    without the break.
    """
    check_others(inputs)
    check_kind("config", config, StylizeConfig, "a StylizeConfig, as make_config makes one")
    for name, value, kind, wanted in (
        ("network", network, PerceptualNetwork, "a network, as load_network makes one"),
        ("memory", memory, int, "a number of bytes"),
    ):
        if value is not None:
            check_kind(name, value, kind, wanted)
    if not isinstance(styles, list | tuple):
        styles = [styles]  # type: ignore[list-item]
    pictures = {"content": content, **{f"style/{i}": style for i, style in enumerate(styles)}}
    pictures |= dict(inputs or {})
    found = Inputs({name: Input.of(p, name) for name, p in pictures.items()}, config.picture)
    device = found.device
    network = on_device(network, device) if network else run_network(config, device)
    plan = make_plan(
        config,
        network,
        found.sizes,
        device,
        held=found.held(device),
        memory=memory,
        regions=found.region_count,
    )
    yield from steps(plan, found, network, resume=resume)


@undisturbed
def steps(
    plan: Plan,
    inputs: Inputs,
    network: PerceptualNetwork,
    *,
    processes: Processes = ALONE,
    resume: tuple[int, Snapshot] | None = None,
) -> Iterator[Iterate]:
    """Every step of a planned run, coarse to fine; of each iterate, a process gets its own rows.

    Several processes call this together. `resume` is a scale and this process's snapshot of it, all
    of the same step, from a run with the same plan.
    """
    handover, todo = take_up(plan, resume, processes.rank)
    for index in todo:
        scale = plan.scales[index]
        band = Band(scale.bands, processes.first(scale.bands.count))
        iterates = scale_iterates(plan, index, inputs, network, band, processes, handover)
        yield from handover.keep_last(iterates, index, len(plan.scales))


def scale_iterates(
    plan: Plan,
    index: int,
    inputs: Inputs,
    network: PerceptualNetwork,
    band: Band,
    processes: Processes,
    handover: Handover,
) -> Iterator[Iterate]:
    """The steps of one scale, from what the last one has left."""
    release_memory(plan.device)  # what the last scale took, in pieces too small for this one
    scale = plan.scales[index]
    config = scale.config
    first, mix = handover.empty, config.color_mix
    own = config.map.is_on or needs_of(config.terms).own_content
    see = partial(inputs.at, scale.bands, band.window, config.picture, plan.device)
    see = partial(see, first=first, mix=mix, own=own)
    seen = see()
    if config.painter.is_on:
        again = see if inputs.has_content and inputs["content"].fresh else None
        return painted_iterates(network, seen, config, scale.budget, again)
    if config.map.is_on:
        objective = make_objective(network, seen, config, scale.budget, band)
        return mapped_iterates(plan, index, seen, objective, handover)
    if handover.empty and config.picture.init == "instant":
        seen["init"] = instant_image(network, seen, config, scale.budget)
    image = next_image(handover, seen, config, index, Band(scale.bands, processes))
    if wants_gray(seen, config):
        image = grayed(image)
    if scale.budget is None:
        return waiting_iterates(image, processes)
    if (protected := Protected.of(seen, band)) is not None:
        image = protected.shown(image)
    objective = make_objective(network, seen, config, scale.budget, band)
    del seen
    release_memory(plan.device)
    iterates = optimize(
        image,
        objective,
        config.optimizer,
        scale.scale.steps,
        handover.adam,
        storage=scale.budget.storage,
        snapshot=handover.take_snapshot(),
        reduce=band.team.total,
    )
    return in_step(iterates, band, processes)


def make_objective(
    network: PerceptualNetwork,
    seen: Mapping[str, Tensor],
    config: StylizeConfig,
    budget: ScaleBudget | None = None,
    band: Band | None = None,
) -> Objective:
    """The objective of one scale: all terms with their targets, measured of the inputs.

    `seen` are the inputs by name at the scale's size. Within a budget, everything is computed in
    its tiles; by default in one piece, without layers that an input is too small for (`config_at`).
    """
    content = seen["content"]
    if budget is None:
        sizes = {name: (x.shape[-2], x.shape[-1]) for name, x in seen.items()}
        config = config_at(config, network, sizes)
    precision = choose_precision(config.machine.precision, content.device)
    band = band or whole(*content.shape[-2:])
    memory = None if budget is None else budget.tile_bytes
    extractor, of_styles = FeatureExtractor(network, precision, memory), None
    if config.picture.tileable:
        network, of_styles = wrapped_network(network), extractor
        extractor = FeatureExtractor(network, precision, memory)
    if budget is None:
        layers = needs_of(config.terms).all_layers
        tiles = choose_tiles(network, layers, *band.bands.size, None, precision)
    else:
        tiles = budget.tiles
    stored = budget is None or budget.stored
    seed = config.picture.seed
    targets = Targets(extractor, seen, band, tiles, stored=stored, seed=seed, of_others=of_styles)
    terms = prepare_terms(config.terms, targets)
    return Objective(
        network,
        terms,
        precision=precision,
        memory=memory,
        passes=extractor.passes,
        band=band,
        tiles=tiles,
        gray=wants_gray(seen, config),
        whole=config.picture.tileable,
        protected=Protected.of(seen, band),
    )


def wants_gray(seen: Mapping[str, Tensor], config: StylizeConfig) -> bool:
    """Whether the image is to be gray: in luminance only, or in the colors of gray styles.

    Matching the channels' statistics one by one would give it a cast.
    """
    styles = [seen[name] for name in names_of("style", seen)]
    return takes_gray(styles, config.picture, config.color_mix)
