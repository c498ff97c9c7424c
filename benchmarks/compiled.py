"""torch.compile: an evaluation that it made, beside our own, and what making it takes.

Compiled is the differentiable form of the objective (`Objective.losses`) in the run's precision,
with autograd's way back; beside it the same as it comes, and `Objective.evaluate`, which goes there
and back by hand. The first call compiles: without a cache from an earlier process, and with one.
Where there is no C++ compiler, there are no figures.
"""

from __future__ import annotations

import statistics
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from benchmarks.plan import Plan, Scene, load_scene
from benchmarks.results import Figure, Result
from benchmarks.timing import in_turns, median_ratio, seconds

Total = Callable[[Tensor], Tensor]


def compiled(plan: Plan) -> Result:
    figures: list[Figure] = []
    details: dict[str, Any] = {}
    with (
        TemporaryDirectory() as folder,
        patch.dict("os.environ", cache_in(folder)),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # torch's, of its own deprecated parts
        for size in plan.pixels:
            scene = load_scene(plan.pairs[0], plan.at(size))
            figures += of_size(f"{size} px", scene, plan, details)
    return Result("compile", tuple(figures), details)


def cache_in(folder: str) -> dict[str, str]:
    """Where torch.compile keeps what it has made."""
    return {"TORCHINDUCTOR_CACHE_DIR": str(Path(folder) / "inductor")}


def of_size(name: str, scene: Scene, plan: Plan, details: dict[str, Any]) -> list[Figure]:
    objective, total = scene.objective(), total_of(scene)
    made = torch.compile(total)
    try:
        anew = seconds(lambda: gradient(made, scene))
        torch._dynamo.reset()  # as in a new process, which finds the cache
        made = torch.compile(total)
        cached = seconds(lambda: gradient(made, scene))
    except Exception as error:  # whatever a machine without a compiler raises
        reason = f"torch.compile failed: {type(error).__name__}"
        return [Figure(f"{name}: compiled over our own", None, note=reason)]
    ways: dict[str, Callable[[], object]] = {
        "our own": lambda: objective.evaluate(scene.content),
        "autograd": lambda: gradient(total, scene),
        "compiled": lambda: gradient(made, scene),
    }
    times = in_turns(ways, 2 * plan.repeats + 1)
    details[name] = {"seconds": times, "first": {"without cache": anew, "with cache": cached}}
    return [
        Figure(f"{name}: compiled over our own", median_ratio(times["compiled"], times["our own"])),
        Figure(
            f"{name}: compiled over autograd", median_ratio(times["compiled"], times["autograd"])
        ),
        *(
            Figure(f"{name}: {way}", 1e3 * statistics.median(taken), "ms")
            for way, taken in times.items()
        ),
        Figure(f"{name}: first call, compiling", anew, "s"),
        Figure(f"{name}: first call, from the cache", cached, "s"),
    ]


def total_of(scene: Scene) -> Total:
    """The sum of the losses, differentiable in the image, in the run's precision."""
    objective = scene.objective()

    def total(image: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=scene.precision == "bfloat16"):
            return torch.stack(list(objective.losses(image).values())).sum()

    return total


def gradient(total: Total, scene: Scene) -> Tensor:
    image = scene.content.detach().requires_grad_(True)
    (found,) = torch.autograd.grad(total(image), image)
    return found
