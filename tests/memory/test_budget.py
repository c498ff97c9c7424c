"""Memory: amounts in words, tiles that fit, what a scale gives up first, and the measured peak."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from functools import cache, partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gramarye.config import make_config
from gramarye.errors import SettingsError
from gramarye.memory.budget import (
    ScaleBudget,
    budget_scale,
    memory_budget,
    optimizer_vectors,
    parse_bytes,
    show_bytes,
)
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.passes import Precision
from gramarye.networks.registry import define
from gramarye.networks.vgg import narrow_vgg
from gramarye.tiles.plan import GridPlan, choose_tiles, grids, pass_bytes, weigh
from gramarye.tiles.tiling import Layout

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2")
LITE = [(16, 16), (32, 32), (64,) * 4, (96,) * 4, (96,)]

given_few = partial(settings, deadline=None, derandomize=True, database=None)


@cache
def network(name: str = "lite") -> PerceptualNetwork:
    """A network without weights: budgets read its geometry only."""
    if name != "lite":
        return define(name, "max", "zeros")
    with torch.device("meta"):
        return narrow_vgg("lite", LITE, "reflect")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4GiB", 4 * 2**30),
        ("500 MB", 500_000_000),
        ("2.5gib", 5 * 2**29),
        (" 800 mIb ", 800 * 2**20),
        ("1tb", 10**12),
        ("3kb", 3000),
        ("1024", 1024),
        ("7b", 7),
    ],
)
def test_amounts_in_words(text: str, expected: int) -> None:
    assert parse_bytes(text) == expected


@pytest.mark.parametrize(
    "text", ["", "GiB", "four GiB", "-4GiB", "4GiBs", "1e9", "4,5GB", "nan", "4 G B", "50%", ".5GB"]
)
def test_what_is_no_amount_is_told_with_examples(text: str) -> None:
    with pytest.raises(SettingsError, match=r"is no amount: write 4GiB, 1\.5GB or 800MiB"):
        parse_bytes(text)


def test_without_a_budget_most_of_what_is_free_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    monkeypatch.setattr("gramarye.memory.budget.free_memory", lambda device: 10 * 2**30)
    assert memory_budget("4GiB", cpu) == 4 * 2**30
    assert memory_budget(None, cpu) == 8 * 2**30


def test_amounts_are_shown_in_gib_and_mib() -> None:
    assert show_bytes(3.2 * 2**30) == "3.2 GiB"
    assert show_bytes(512 * 2**20) == "512 MiB"


# tiles


@given_few(max_examples=20)
@given(
    name=st.sampled_from(["lite", "vgg19", "googlenet", "alexnet"]),
    precision=st.sampled_from(["float32", "bfloat16"]),
    height=st.integers(200, 900),
    width=st.integers(200, 900),
    exponent=st.floats(6.5, 9.5),
    factor=st.floats(1, 3),
)
def test_tiles_stay_within_a_feasible_budget_and_more_memory_is_never_more_work(
    name: str, precision: Precision, height: int, width: int, exponent: float, factor: float
) -> None:
    layers = network(name).layers[:9]
    choose = partial(choose_tiles, network(name), layers, height, width, precision=precision)
    memory = int(10**exponent)
    plan, roomier = choose(memory), choose(int(factor * memory))
    layout = Layout.of(network(name), layers, height, width)
    per_pixel = pass_bytes(network(name), layers, precision)
    feasible = any(
        weigh(layout, (0, height), *grid, memory, per_pixel).bytes <= memory
        for grid in grids(layout, height)
    )
    assert (plan.bytes <= memory) == feasible
    assert 0 <= plan.kept <= len(plan.tiles)
    if feasible:
        assert roomier.bytes <= factor * memory
        assert roomier.work <= plan.work
    else:
        assert roomier.bytes <= max(plan.bytes, factor * memory)


def test_without_a_budget_there_is_one_tile_and_it_is_kept() -> None:
    plan = choose_tiles(network(), LAYERS, 5000, 7000, None)
    assert len(plan.tiles) == 1 and plan.kept == 1
    assert plan.work == 5000 * 7000
    assert choose_tiles(network(), LAYERS, 5000, 7000, plan.bytes) == plan
    assert len(choose_tiles(network(), LAYERS, 5000, 7000, plan.bytes - 1).tiles) > 1


def test_as_many_tiles_are_kept_as_the_budget_lets() -> None:
    layout = Layout.of(network(), LAYERS, 1000, 1000)
    per_pixel = pass_bytes(network(), LAYERS, "float32")

    def plan(memory: float) -> GridPlan:
        return weigh(layout, (0, 1000), 2, 2, int(memory), per_pixel)

    least = plan(0)
    assert least.kept == 0  # too little for one: nothing is kept
    budgets = [least.bytes * share / 2 for share in range(1, 12)]
    plans = [plan(memory) for memory in budgets]
    for memory, found in zip(budgets, plans, strict=True):
        assert found.kept == 0 or found.bytes <= memory
    kept, works = [p.kept for p in plans], [p.work for p in plans]
    assert kept == sorted(kept) and set(kept) >= {0, 1, 2, 4}
    assert works == sorted(works, reverse=True)


def test_bfloat16_takes_about_half() -> None:
    for name in ("lite", "vgg19"):
        half = pass_bytes(network(name), LAYERS, "bfloat16")
        whole = pass_bytes(network(name), LAYERS, "float32")
        assert half.kept == pytest.approx(whole.kept / 2)
        assert 0.5 * whole.working <= half.working <= whole.working


# scales


def scale(memory: int | None, size: int = 1000, **options: object) -> ScaleBudget:
    config = make_config(**options)  # type: ignore[arg-type]
    return budget_scale(network(), size, size, config, "float32", memory)


def stages(**options: object) -> list[tuple[str, bool, bool]]:
    """What is chosen, as memory gets less until there is too little."""
    found: list[tuple[str, bool, bool]] = []
    memory = 2e9
    while True:
        try:
            budget = scale(int(memory), **options)
        except SettingsError:
            return found
        assert budget.bytes <= memory
        stage = (budget.history, budget.on_disk, budget.stored)
        if stage not in found[-1:]:
            found.append(stage)
        memory *= 0.85


def test_with_less_memory_a_step_gets_slower_never_the_budget_larger() -> None:
    assert replace(scale(10**12), tile_bytes=None) == scale(None)
    found = stages()  # every one of them within its budget
    assert found[0] == ("float32", False, True)
    assert ("bfloat16", False, True) in found
    assert found[-1][:2] == ("bfloat16", True)


def test_what_is_within_the_budget_is_never_refused() -> None:
    least = min(scale(memory).bytes for memory in range(200 * 2**20, 600 * 2**20, 10 * 2**20))
    assert scale(least).bytes <= least
    with pytest.raises(SettingsError):
        scale(least // 2)


def test_an_optimizer_without_a_history_has_none_to_make_smaller() -> None:
    for options in ({"optimizer": "adam"}, {"line_search": "strong-wolfe"}):
        found = stages(**options)
        assert found[0] == ("float32", False, True)
        assert {history for history, *_ in found} == {"float32"}
        assert not any(on_disk for _, on_disk, _ in found)


def test_too_large_a_picture_is_told_in_a_sentence() -> None:
    with pytest.raises(SettingsError) as caught:
        scale(100 * 2**20, size=3000)
    told = str(caught.value)
    assert told.startswith("3000 x 3000 pixels take at least ")
    assert "the budget is 100 MiB: choose a smaller --size or allow more with --memory" in told
    assert "\n" not in told


def test_vectors_of_the_optimizers_by_hand() -> None:
    def vectors(precision: str = "float32", on_disk: bool = False, **options: object) -> float:
        config = make_config(history=10, **options)  # type: ignore[arg-type]
        return optimizer_vectors(config, precision, on_disk)  # type: ignore[arg-type]

    assert vectors() == 26
    assert vectors("bfloat16") == 16
    assert vectors("bfloat16", True) == 6
    assert vectors(optimizer="gradient-descent") == 4
    assert vectors(optimizer="adam", average=0.9) == 8
    assert vectors(line_search="strong-wolfe") == 29


def test_what_was_given_up_is_described() -> None:
    assert scale(None).describe(10) == ""
    some = ScaleBudget("bfloat16", True, False, scale(300 * 2**20).tiles, None, 0)
    told = some.describe(10)
    assert told.startswith("L-BFGS's 10 pairs on disk; content features computed anew in every")
    assert f"{len(some.tiles.tiles)} tiles" in told
    lean = replace(some, on_disk=False, stored=True)
    assert lean.describe(7).startswith("L-BFGS's 7 pairs in bfloat16; ")


# measured

MEASURE = """
import json, re, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from gramarye.devices import keep_freed_memory
from gramarye.losses.content import ContentLoss
from gramarye.losses.distances import covariance_distance
from gramarye.losses.statistics import moments
from gramarye.losses.style import StyleLoss
from gramarye.networks.registry import load_network
from gramarye.objective import Objective, Term

precision, memory, height, width = sys.argv[1], *map(int, sys.argv[2:])
keep_freed_memory()  # as the command does
layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1"]
network = load_network("vgg19-lite", layers=["relu4_2"]).to(memory_format=torch.channels_last)

def resident(key):
    status = Path("/proc/self/status").read_text("ascii")
    return int(re.search(rf"^{key}:\\s+(\\d+) kB", status, re.M)[1]) * 1024

def objective(height, width):
    style = network(torch.rand(1, 3, 64, 64), layers)
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    shape = 1, network.geometry("relu4_2").channels, height // 8, width // 8
    target = torch.full(shape, 0.1, dtype=dtype).contiguous(memory_format=torch.channels_last)
    terms = [Term("content", 1.0, ContentLoss("relu4_2", target, 1.0), ("relu4_2",))]
    for layer in layers:
        loss = StyleLoss(layer, moments(style[layer]).to(torch.float64), covariance_distance)
        terms.append(Term(layer, 1.0, loss, (layer,)))
    return Objective(network, terms, precision=precision, memory=memory or None)

objective(64, 64).evaluate(torch.rand(1, 3, 64, 64))  # libraries are loaded, kernels made
subject, image = objective(height, width), torch.rand(1, 3, height, width)
before = resident("VmRSS")
for _ in range(2):
    evaluation = subject.evaluate(image)
    del evaluation
plan = subject.plan(height, width)
taken = resident("VmHWM") - before - image.nbytes  # the gradient
from gramarye.memory import budget
found = {"taken": taken, "bytes": plan.bytes, "expected": budget.taken(plan)}
print(json.dumps({**found, "tiles": len(plan.tiles)}))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(
    ("precision", "mebibytes", "tiles"),
    [
        ("float32", 0, 1),
        ("float32", 250, 2),
        pytest.param("bfloat16", 0, 1, marks=pytest.mark.bfloat16),
        pytest.param("bfloat16", 150, 2, marks=pytest.mark.bfloat16),
    ],
)
def test_the_peak_of_an_evaluation_stays_under_its_plan(
    precision: str, mebibytes: int, tiles: int
) -> None:
    """A megapixel's; and the plan is not wildly too careful."""
    arguments = [precision, str(mebibytes * 2**20), "864", "1152"]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *arguments], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert found["tiles"] >= tiles
    if mebibytes:
        assert found["bytes"] <= mebibytes * 2**20
    assert 0.4 * found["bytes"] < found["taken"] <= 1.15 * found["expected"]
