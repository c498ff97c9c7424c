"""Which tiles are chosen: those that fit, with the least work, and as many kept as fit."""

from __future__ import annotations

from functools import cache, partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

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


def test_what_cannot_be_divided_is_one_tile_however_little_memory_there_is() -> None:
    plan = choose_tiles(network(), LAYERS, 900, 700, 1, divisible=False)
    in_one = choose_tiles(network(), LAYERS, 900, 700, None)
    assert (plan.tiles, plan.bytes) == (in_one.tiles, in_one.bytes)


def test_tiles_of_some_rows_own_those_alone() -> None:
    plan = choose_tiles(network(), LAYERS, 900, 700, 50_000_000, within=(320, 640))
    assert len(plan.tiles) > 1
    assert sum(tile.owned.area for tile in plan.tiles) == 320 * 700
    assert min(tile.owned.top for tile in plan.tiles) == 320
    assert max(tile.owned.bottom for tile in plan.tiles) == 640
