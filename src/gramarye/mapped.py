"""A scale of a run that moves a map of the content's colors in place of pixels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from gramarye.handover import Handover
from gramarye.inputs.kinds import OWN_CONTENT
from gramarye.mapping.color_map import ColorMap, map_shape
from gramarye.mapping.objective import MapObjective
from gramarye.mapping.starting import starting_map
from gramarye.objective import Objective
from gramarye.optimize import Iterate, optimize
from gramarye.plan import Plan


def mapped_iterates(
    plan: Plan, index: int, seen: Mapping[str, Tensor], objective: Objective, handover: Handover
) -> Iterator[Iterate]:
    """The steps of one scale, whose images are the content as the map shows it.

    The first scale starts from what `--color` does to the content, every other from the last map:
    that has no size in pixels.
    """
    scale, settings = plan.scales[index], plan.config.map
    assert scale.budget is not None, "a map is found by one process"
    content = seen[OWN_CONTENT]
    if handover.empty:
        shape = map_shape(settings, *plan.size)
        parameters = starting_map(content, seen["content"], settings, shape)
    else:
        parameters = handover.take_image()
    handover.bands = scale.bands
    mapped = MapObjective(objective, content, settings, gray=objective.gray)
    iterates = optimize(
        parameters,
        mapped,
        plan.config.optimizer,
        scale.scale.steps,
        storage=scale.budget.storage,
        snapshot=handover.take_snapshot(),
    )
    for iterate in iterates:
        found = ColorMap(settings.kind, iterate.image)
        with torch.no_grad():
            image = mapped.picture(found.parameters)
        yield replace(iterate, image=image, map=found)
