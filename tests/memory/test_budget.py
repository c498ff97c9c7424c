"""Memory: what a scale gives up first, and the measured peak."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch

from gramarye.config import make_config
from gramarye.errors import SettingsError
from gramarye.losses.kind import Needs
from gramarye.losses.terms import needs_of
from gramarye.memory.budget import (
    ScaleBudget,
    budget_scale,
    kept_features,
    memory_budget,
    optimizer_vectors,
)
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.vgg import narrow_vgg
from gramarye.optimizers.history import IN_MEMORY, PairStorage
from tests.whole_image import WHOLE

NOTHING = Needs()
LITE = [(16, 16), (32, 32), (64,) * 4, (96,) * 4, (96,)]


@cache
def network() -> PerceptualNetwork:
    """A network without weights: budgets read its geometry only."""
    with torch.device("meta"):
        return narrow_vgg("lite", LITE, "reflect")


def test_without_a_budget_most_of_what_is_free_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    monkeypatch.setattr("gramarye.memory.budget.free_memory", lambda device: 10 * 2**30)
    assert memory_budget(4 * 2**30, cpu) == 4 * 2**30
    assert memory_budget(None, cpu) == 8 * 2**30


# scales


def scale(
    memory: int | None, size: int = 1000, extra: Needs = NOTHING, **options: Any
) -> ScaleBudget:
    config = make_config(**(WHOLE | options))
    needs = needs_of(config.terms) | extra
    rows, settings = (0, size), config.optimizer
    return budget_scale(network(), (size, size), rows, needs, settings, "float32", memory)


def stages(**options: Any) -> list[tuple[bool, bool, bool]]:
    """What is chosen, as memory gets less until there is too little.

    It is whether the pairs are in bfloat16, whether on disk, and whether features are stored.
    """
    found: list[tuple[bool, bool, bool]] = []
    memory = 2e9
    while True:
        try:
            budget = scale(int(memory), **options)
        except SettingsError:
            return found
        assert budget.bytes <= memory
        stage = (budget.storage.bfloat16, budget.storage.folder is not None, budget.stored)
        if stage not in found[-1:]:
            found.append(stage)
        memory *= 0.85


def test_with_less_memory_a_step_gets_slower_never_the_budget_larger() -> None:
    assert replace(scale(10**12), tile_bytes=None) == scale(None)
    found = stages()  # every one of them within its budget
    assert found[0] == (False, False, True)
    assert (True, False, True) in found
    assert found[-1][:2] == (True, True)


def test_what_is_within_the_budget_is_never_refused() -> None:
    least = min(scale(memory).bytes for memory in range(200 * 2**20, 600 * 2**20, 10 * 2**20))
    assert scale(least).bytes <= least
    with pytest.raises(SettingsError):
        scale(least // 2)


def test_an_optimizer_without_a_history_has_none_to_make_smaller() -> None:
    for options in ({"optimizer": "adam"}, {"line_search": "strong-wolfe"}):
        found = stages(**options)
        assert found[0] == (False, False, True)
        assert {rounded for rounded, *_ in found} == {False}
        assert not any(on_disk for _, on_disk, _ in found)


def test_too_large_a_picture_is_told_in_a_sentence() -> None:
    with pytest.raises(SettingsError) as caught:
        scale(100 * 2**20, size=3000)
    told = str(caught.value)
    assert told.startswith("3000 x 3000 pixels take at least ")
    assert "the budget is 100 MiB: choose a smaller --size or allow more with --memory" in told
    assert "\n" not in told


def test_vectors_of_the_optimizers_by_hand() -> None:
    def vectors(rounded: bool = False, on_disk: bool = False, **options: Any) -> float:
        return optimizer_vectors(make_config(history=10, **options).optimizer, rounded, on_disk)

    assert vectors() == 26
    assert vectors(True) == 16
    assert vectors(True, True) == 6
    assert vectors(optimizer="gradient-descent") == 4
    assert vectors(optimizer="adam", average=0.9) == 8
    assert vectors(line_search="strong-wolfe") == 29


def test_what_was_given_up_is_described() -> None:
    assert scale(None).describe(10) == ""
    on_disk, rounded = PairStorage(True, "/tmp"), PairStorage(True)
    some = ScaleBudget(on_disk, False, scale(300 * 2**20).tiles, None, 0)
    told = some.describe(10)
    assert told.startswith(
        "the last 10 steps remembered on disk; content features computed anew in every"
    )
    assert f"{len(some.tiles.tiles)} tiles" in told
    assert some.tiled and not scale(None).tiled
    lean = replace(some, storage=rounded, stored=True)
    assert lean.describe(7).startswith("the last 7 steps remembered in 16 bits; ")


def test_in_memory_and_exact_is_the_storage_that_gives_nothing_up() -> None:
    assert scale(None).storage == IN_MEMORY == PairStorage(False, None)


def test_features_that_are_kept_by_hand() -> None:
    # relu2_1 has 32 channels at every fourth pixel, relu1_1 16 at every pixel.
    kept = {"content": frozenset({"relu2_1"}), "init": frozenset({"relu1_1", "relu2_1"})}
    assert kept_features(network(), kept, "float32") == 4 * (8 + 16 + 8)
    assert kept_features(network(), kept, "bfloat16") == 2 * (8 + 16 + 8)
    assert kept_features(network(), {}, "float32") == 0


def test_what_terms_keep_is_part_of_the_budget() -> None:
    plain = scale(None)
    assert scale(None, extra=Needs(bytes_per_pixel=7.0)).bytes == plain.bytes + 7_000_000
    features = Needs(features={"init": frozenset({"relu2_1"})})
    assert scale(None, extra=features).bytes == plain.bytes + 4 * 8 * 1_000_000
    # Of relu2_1 8 numbers a pixel, of relu1_1 16.
    copies = Needs(copies={"relu2_1": 3.0}) | Needs(copies={"relu2_1": 1.0, "relu1_1": 0.5})
    assert scale(None, extra=copies).bytes == plain.bytes + 4 * (4 * 8 + 16 // 2) * 1_000_000


def test_terms_that_cannot_be_divided_get_one_tile_or_are_named() -> None:
    whole = Needs(whole=frozenset({"brightest", "darkest"}))
    assert scale(None, extra=whole) == scale(None)
    for memory in range(300 * 2**20, 2**30, 50 * 2**20):
        try:
            assert len(scale(memory, extra=whole).tiles.tiles) == 1
        except SettingsError:
            continue
    with pytest.raises(SettingsError, match="as brightest and darkest cannot be taken in tiles"):
        scale(300 * 2**20, extra=whole)
    assert scale(300 * 2**20).tiled


# measured

MEASURE = """
import json, re, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from gramarye.devices import keep_freed_memory
from gramarye.losses.distances import covariance_distance
from gramarye.losses.moments_loss import MomentsLoss
from gramarye.losses.squared_error import SquaredError
from gramarye.losses.statistics import moments
from gramarye.networks.registry import load_network
from gramarye.objective import Objective, Term

precision, memory, height, width = sys.argv[1], *map(int, sys.argv[2:5])
content, *layers = sys.argv[5:]
keep_freed_memory()  # as the command does
network = load_network("vgg19-lite", layers=["relu4_2"]).to(memory_format=torch.channels_last)

def resident(key):
    status = Path("/proc/self/status").read_text("ascii")
    return int(re.search(rf"^{key}:\\s+(\\d+) kB", status, re.M)[1]) * 1024

def objective(height, width):
    style = network(torch.rand(1, 3, 96, 96), layers)
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    sides = (network.positions(content, side) for side in (height, width))
    shape = 1, network.geometry(content).channels, *sides
    target = torch.full(shape, 0.1, dtype=dtype).contiguous(memory_format=torch.channels_last)
    terms = [Term("content", 1.0, SquaredError(content, target, 1.0), (content,))]
    for layer in layers:
        loss = MomentsLoss(layer, moments(style[layer]).to(torch.float64), covariance_distance)
        terms.append(Term(layer, 1.0, loss, (layer,)))
    return Objective(network, terms, precision=precision, memory=memory or None)

objective(96, 96).evaluate(torch.rand(1, 3, 96, 96))  # libraries are loaded, kernels made
subject, image = objective(height, width), torch.rand(1, 3, height, width)
before = resident("VmRSS")
for _ in range(2):
    evaluation = subject.evaluate(image)
    del evaluation
plan = subject.plan(height, width)
taken = resident("VmHWM") - before - image.nbytes  # the gradient
from gramarye.memory import budget
found = {"taken": taken, "bytes": plan.bytes, "expected": budget.taken(plan, precision)}
print(json.dumps({**found, "tiles": len(plan.tiles)}))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("layers", ["whole image", "default"])
@pytest.mark.parametrize(
    ("precision", "mebibytes", "tiles", "size"),
    [
        ("float32", 0, 1, (864, 1152)),
        ("float32", 250, 2, (864, 1152)),
        ("float32", 420, 6, (1500, 2000)),  # none of them kept
        pytest.param("bfloat16", 0, 1, (864, 1152), marks=pytest.mark.bfloat16),
        pytest.param("bfloat16", 150, 2, (864, 1152), marks=pytest.mark.bfloat16),
        pytest.param("bfloat16", 200, 6, (1500, 2000), marks=pytest.mark.bfloat16),
    ],
)
def test_the_peak_of_an_evaluation_stays_under_its_plan(
    precision: str, mebibytes: int, tiles: int, size: tuple[int, int], layers: str
) -> None:
    """And the plan is not wildly too careful."""
    config = make_config(**(WHOLE if layers == "whole image" else {}))
    content = next(iter(config.value("content_layers")))
    arguments = [precision, str(mebibytes * 2**20), *map(str, size)]
    arguments += [content, *config.value("style_layers")]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *arguments], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert found["tiles"] >= tiles
    if mebibytes:
        assert found["bytes"] <= mebibytes * 2**20
    assert 0.4 * found["bytes"] < found["taken"] <= 1.15 * found["expected"]
