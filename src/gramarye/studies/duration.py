"""How long a study will take, from measurements of its own runs' steps."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from gramarye.errors import GramaryeError
from gramarye.forecast import forecast
from gramarye.jobs.job import Job
from gramarye.jobs.opening import open_job
from gramarye.losses.terms import needs_of
from gramarye.studies.cells import CellJob
from gramarye.studies.making import StudyRun
from gramarye.studies.tasks import here_or_refused
from gramarye.units import counted, show_seconds


def describe_duration(making: StudyRun) -> str:
    """How long the papers' settings take here, in a line; GramaryeError if no run can be opened."""
    runs = [cell for cell in making.cells if cell.task == "stylize" and cell.problem is None]
    missing = [cell for cell in runs if cell.found() is None]
    if runs and not missing:
        return "all runs are here"
    seconds = seconds_of(missing)
    whose = "the papers' settings" if making.study.paper else "the papers have no settings for it"
    each = show_seconds(sum(seconds) / max(1, len(seconds)))
    total = show_seconds(sum(seconds) / making.running.processes)
    how = f"{counted(len(seconds), 'run')} of about {each}, {total} in all here"
    return f"{whose}: {how if seconds else 'no runs, only looks into the network'}"


def seconds_of(cells: Sequence[CellJob]) -> list[float]:
    """What each run will take, those that are alike measured once.

    Runs that cannot be opened take nothing; where none can, the first one's error is raised.
    """
    costs: dict[Hashable, float | GramaryeError] = {}
    for cell in cells:
        kind = kind_of_run(cell)
        if kind not in costs:
            try:
                run = open_job(Job(cell.inputs, cell.picture, cell.config), fetch=here_or_refused)
                costs[kind] = forecast(run.plan, run.network).seconds / cell.work
            except GramaryeError as error:
                costs[kind] = error
    found = [(cell, costs[kind_of_run(cell)]) for cell in cells]
    seconds = [cell.work * cost for cell, cost in found if isinstance(cost, float)]
    for _, cost in found:
        if not seconds and isinstance(cost, GramaryeError):
            raise cost
    return seconds


def kind_of_run(cell: CellJob) -> Hashable:
    """What the cost of a step hangs on, beside the picture's size."""
    config = cell.config
    depth = frozenset(needs_of(config.terms).all_layers)
    loss, optimizer = config.value("style_loss"), config.optimizer.model_dump_json()
    return config.network.model_dump_json(), depth, str(loss), optimizer
