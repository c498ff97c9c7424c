"""Every measure runs, at 48 pixels and with the tiny network, and says something finite."""

import json
import math
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import torch
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import losses, plots, sheets
from benchmarks.__main__ import MEASURES, make_parser, make_plan, measure
from benchmarks.baselines import adam, gatys, gatys_losses, gradient, gram, random_vgg19
from benchmarks.floor import Rates, Work, count
from benchmarks.machine import describe_machine
from benchmarks.memory import slope
from benchmarks.plan import FULL, PAIRS, Plan, size_of
from benchmarks.results import Figure, Result
from benchmarks.runs import Point
from benchmarks.sizes import equal_steps, step_seconds, whole_run
from benchmarks.stepwise import clocked
from benchmarks.time_to_quality import first
from benchmarks.timing import in_turns, median_ratio
from gramarye.config import make_config
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.passes import has_bfloat16
from gramarye.optimize import Iterate
from gramarye.samples import sample_path
from gramarye.stylize import make_objective

# What may not happen.
NEVER = (
    "compiled over our own",
    "fraction until both",
    "fraction until their",
    "of the time plain",
    *(() if has_bfloat16(torch.device("cpu")) else ("bfloat16 over float32",)),
)
# May be zero, or below where there is noise; losses are an evaluation's time less a pass's.
DIFFERENCES = ("of it", "off by", "differs by", "losses and moments")
LONG = ("compile", "forecast", "instant", "optimizers", "scaling")
NAMES = [pytest.param(name, marks=[pytest.mark.slow] if name in LONG else []) for name in MEASURES]


@pytest.fixture
def plan(tiny_weights: Path) -> Plan:
    settings = {"weights": str(tiny_weights), "min_size": 32, "steps": 2, "finer_steps": 2}
    return Plan(
        size=48,
        pairs=PAIRS[:1],
        repeats=1,
        vgg_gradients=1,
        block=1,
        plain_steps=4,
        pixels=(48,),
        megapixels=(0.002,),
        tiled_megapixels=0.002,
        probe=64,
        settings={**settings, "history": 2},
    )


@pytest.mark.parametrize("name", NAMES)
def test_figures_are_finite_and_positive(plan: Plan, name: str) -> None:
    report: dict[str, Any] = json.loads(json.dumps(measure([name], plan), allow_nan=False))
    figures = report["measures"][name]["figures"]
    assert figures
    for figure in figures:
        if figure["value"] is None:
            assert any(words in figure["name"] for words in NEVER), figure
            continue
        assert math.isfinite(figure["value"]), figure
        assert figure["value"] > 0 or any(words in figure["name"] for words in DIFFERENCES), figure
        if "float32" in figure["name"] and "differs by" in figure["name"]:
            assert figure["met"], figure


def test_machine_is_described() -> None:
    machine = describe_machine()
    assert machine["cpu"]
    assert machine["cores"] >= 1 and machine["threads"] >= 1
    assert machine["torch"] == torch.__version__


def test_memory_per_megapixel_is_the_slope_of_the_peaks() -> None:
    points = [{"megapixels": x, "peak_memory_mib": 300 + 700 * x} for x in (0.25, 1.0, 4.0)]
    (figure,) = slope(points)
    assert figure.value == pytest.approx(700)
    assert slope(points[:1]) == []


def test_three_pairs_of_samples_are_compared() -> None:
    assert len(FULL.pairs) >= 3
    assert all(sample_path(name).exists() for pair in FULL.pairs for name in pair)


def test_unknown_measure_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        make_parser().parse_args(["--only", "speed"])
    assert stopped.value.code == 2
    assert "cold-start" in capsys.readouterr().err


def test_goal_is_met_at_most_at_the_goal_and_never_by_never() -> None:
    assert [Figure("x", value, goal=1.0).met for value in (0.5, 1.0, 1.5, None)] == [
        True,
        True,
        False,
        False,
    ]
    assert Figure("x", 1.0).met is None
    assert Result("r", (Figure("x", 2.0, goal=1.0),)).to_dict()["figures"][0]["met"] is False


def test_quality_is_reached_only_with_both_losses() -> None:
    target = Point(10.0, style=1.0, content=2.0, total=3.0)
    assert Point(1.0, 1.0, 2.0, 3.0).reaches(target)
    assert not Point(1.0, 0.1, 2.1, 2.2).reaches(target)
    assert not Point(1.0, 1.1, 0.1, 1.2).reaches(target)
    assert first([]) == math.inf


def test_gram_of_orthogonal_channels() -> None:
    features = torch.tensor([[1.0, 1.0], [1.0, -1.0]]).reshape(1, 2, 1, 2)
    assert_close(gram(features), torch.eye(2))


def test_plain_losses_are_those_of_the_gatys2016_preset(tiny_network: PerceptualNetwork) -> None:
    tiny_network.heads = {}
    content, style, image = torch.rand(3, 1, 3, 40, 48, generator=torch.Generator().manual_seed(1))
    config = make_config("gatys2016", precision="float32")
    ours = make_objective(tiny_network, {"content": content, "style/0": style}, config)
    plain = gatys_losses(tiny_network, content, style)(image)
    for name, loss in ours.losses(image).items():
        assert_close(
            plain[name.removesuffix("/relu4_2")], loss[0], rtol=1e-4, atol=1e-7, check_dtype=False
        )


@pytest.mark.parametrize(("plain", "steps"), [(gatys, 10), (adam, 100)])
def test_plain_steps_lower_the_loss(
    tiny_network: PerceptualNetwork,
    plain: Callable[..., Iterator[dict[str, float]]],
    steps: int,
) -> None:
    content, style = torch.rand(2, 1, 3, 40, 48, generator=torch.Generator().manual_seed(2))
    losses = gatys_losses(tiny_network, content, style)
    totals = [sum(named.values()) for named in plain(content, losses, steps)]
    assert len(totals) == steps
    assert totals[-1] < 0.5 * totals[0]


def test_random_vgg19_keeps_the_size_of_activations() -> None:
    network = random_vgg19()
    assert network.layers[-1] == "relu5_1"
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(3))
    (features,) = network(image, ["relu5_1"]).values()
    assert features.shape == (1, 512, 2, 2)
    assert 0.05 < features.mean() < 20
    found = gradient(gatys_losses(network, image, image.flip(3)), image)
    assert found.shape == image.shape and found.abs().sum() > 0


def test_work_of_a_small_network_is_that_counted_by_hand(tiny_network: PerceptualNetwork) -> None:
    # Two channels everywhere. conv1_1: 54 products each way; conv1_2: 36; conv2_1: 36 at a fourth
    # of the positions. Moments of relu1_1: 3 there, 4 back.
    work = count(tiny_network, {"relu1_1": 1.0}, {"relu2_1": 1.0}, "float32")
    assert work.float32 == 54 + 3
    assert work.inner == 54 + 4 + 2 * 36 + 2 * 9
    # conv1_1: its activation twice; conv1_2: input three times, activation twice; the pool; conv2_1
    # as conv1_2; the content's target. And the image and its gradient in float32.
    numbers = 2 * 2 + (3 * 2 + 2 * 2) + 2 / 4 + (3 * 2 + 2 * 2) / 4 + 2 / 4
    assert work.bytes == 4 * numbers + 24
    half = count(tiny_network, {"relu1_1": 1.0}, {"relu2_1": 1.0}, "bfloat16")
    assert half.bytes == 2 * numbers + 24


def test_work_of_the_convolutions_is_what_torch_counts(tiny_network: PerceptualNetwork) -> None:
    image = torch.rand(1, 3, 64, 64, requires_grad=True)
    with FlopCounterMode(display=False) as counter:
        (features,) = tiny_network(image, ["relu4_2"]).values()
        features.sum().backward()
    work = count(tiny_network, {}, {"relu4_2": 1.0}, "float32")
    assert 2 * 64 * 64 * (work.float32 + work.inner) == counter.get_total_flops()


def test_floor_is_the_greater_of_arithmetic_and_memory() -> None:
    rates = Rates(float32=10, inner=20, bytes=4)
    assert rates.floor(Work(float32=10, inner=20, bytes=4)) == 2
    assert rates.floor(Work(float32=10, inner=20, bytes=16)) == 4


def test_works_take_turns_and_the_first_round_does_not_count() -> None:
    calls: list[str] = []
    works = {name: lambda name=name: calls.append(name) for name in "ab"}
    taken = in_turns(works, rounds=2)
    assert "".join(calls) == "ababab"
    assert [len(seconds) for seconds in taken.values()] == [2, 2]
    assert median_ratio([1, 4, 9], [1, 2, 3]) == 2


def test_whole_run_is_extrapolated_from_the_steps_of_the_last_scale() -> None:
    scales = [(100, 1000), (60, 4000)]
    assert equal_steps(scales) == (101 * 1000 + 61 * 4000) / 4000
    assert step_seconds([9.0, 5.0, 2.0, 1.0, 3.0]) == 2.0
    # 20 seconds, of which 4 evaluations took 2 each
    assert whole_run(20.0, 3, 2.0, scales) == 12 + 2 * equal_steps(scales)


def test_clock_keeps_no_iterate() -> None:
    def make(step: int) -> Iterate:
        iterates.append(weakref.ref(iterate := Iterate(step, 3, {}, torch.zeros(1))))
        return iterate

    iterates: list[weakref.ref[Iterate]] = []
    seconds: list[float] = []
    for iterate in clocked(seconds, (make(step) for step in range(1, 4))):
        assert iterate.step == len(seconds)
        del iterate
        assert sum(reference() is not None for reference in iterates) <= 1
    assert len(seconds) == 3


def test_what_is_asked_for_stands_in_the_plan() -> None:
    arguments = ["--sizes", "0.25,16", "--pixels", "512,4096", "--memory", "4GiB"]
    plan = make_plan(make_parser().parse_args(arguments))
    assert (plan.megapixels, plan.pixels) == ((0.25, 16.0), (512, 4096))
    assert "--memory=4GiB" in plan.options()
    assert make_plan(make_parser().parse_args([])) == FULL


@pytest.mark.parametrize("sizes", ["", "1,-4", "large"])
def test_sizes_that_are_no_sizes_are_refused(
    sizes: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        make_parser().parse_args(["--sizes", sizes])
    assert "1,4,16 is" in capsys.readouterr().err


def test_samples_are_brought_to_their_megapixels() -> None:
    width, height = size_of("landscape", 4)
    assert width * height == pytest.approx(4e6, rel=1e-3)
    assert width / height == pytest.approx(1024 / 683, rel=1e-2)


@pytest.fixture
def size_runs() -> list[dict[str, Any]]:
    """Runs of two networks at three sizes; the largest has goals and took few steps."""
    return [
        {
            "network": network,
            "megapixels": megapixels,
            "step_seconds": megapixels,
            "peak_memory_mib": 300 + 600 * megapixels,
            "full_history": megapixels < 64,
            "goal_mib": 8192 if megapixels == 100 else None,
            "goal_seconds": 5400 if megapixels == 100 else None,
            "equal_steps": 60.0,
        }
        for network in ("vgg19-lite", "vgg19")
        for megapixels in (4, 0.25, 100)
    ]


def test_charts_hold_every_network_every_size_and_every_goal(
    size_runs: list[dict[str, Any]],
) -> None:
    charts = plots.size_charts(size_runs)
    for name, values, goal in (
        ("seconds-per-step.svg", [0.25, 4, 100], 5400 / 60),
        ("memory.svg", [450, 2700, 60300], 8192),
    ):
        (axes,) = charts[name].axes
        lines = [line for line in axes.lines if len(line.get_xdata()) > 1]
        assert [line.get_label() for line in lines] == ["vgg19-lite", "vgg19"]
        for line in lines:
            assert list(line.get_xdata()) == [0.25, 4, 100]
            assert list(line.get_ydata()) == values
        goals = [line for line in axes.lines if line.get_marker() == "_"]
        assert [line.get_xydata().tolist() for line in goals] == [[[100, goal]]] * 2
        circles = [line for line in axes.lines if line.get_marker() == "o"]
        hollow = {line.get_xdata()[0]: line.get_markerfacecolor() == "none" for line in circles}
        assert hollow == {0.25: False, 4: False, 100: True}


def test_plots_are_written_as_svg_whose_words_can_be_read(
    size_runs: list[dict[str, Any]], tmp_path: Path
) -> None:
    results = tmp_path / "results.json"
    report = {"measures": {"sizes": {"details": {"runs": size_runs}}}}
    results.write_text(json.dumps(report), "utf-8")
    for folder in ("images", "again"):
        assert plots.main([str(results), "--out", str(tmp_path / folder)]) == 0
    for name in ("seconds-per-step.svg", "memory.svg"):
        svg = ElementTree.parse(tmp_path / "images" / name).getroot()
        words = [element.text for element in svg.iter() if element.tag.endswith("}text")]
        assert words.count("goal") == 2
        assert {"vgg19-lite", "vgg19", "megapixels", "hollow: few steps", "100"} <= set(words)
        again = (tmp_path / "again" / name).read_bytes()
        assert again == (tmp_path / "images" / name).read_bytes()


def test_losses_are_painted_and_timed(tiny_weights: Path, tmp_path: Path) -> None:
    options = ["--size", "48", "--steps", "2", "--pairs", "2", "--weights", str(tiny_weights)]
    named = ["--loss", "swd", "--loss", "gram=1,remd=1@relu4_1"]
    judged = ["--judge", str(tiny_weights)]
    assert losses.main([*options, *named, *judged, "--out", str(tmp_path)]) == 0
    figures = json.loads((tmp_path / "figures.json").read_text("utf-8"))
    assert list(figures) == ["swd", "gram=1,remd=1@relu4_1"]
    assert {"step_over_gram", "content", "color", "motif", "edges"} <= figures["swd"].keys()
    assert all(value > 0 for found in figures.values() for value in found.values())
    assert (tmp_path / "swd.jpg").exists() and (tmp_path / "all.jpg").exists()
    assert (tmp_path / "gram=1_remd=1_relu4_1.jpg").exists()


def test_sheets_show_the_default_before_and_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "PAIRS", (("fox", "ink"),))
    monkeypatch.setattr(sheets, "STRENGTHS", (0.0, 1.0))
    monkeypatch.setattr(sheets, "TEXTURED", ("ink",))
    monkeypatch.setattr(sheets, "WAYS", (("fox", "mosaic"),))
    monkeypatch.setattr(sheets, "FRAMES", 2)
    monkeypatch.setattr(sheets, "CONTROLS", ("strength map", "regions"))
    cells = sheets.before_after(64)[0]
    assert (cells[0].picture - cells[1].picture).abs().mean() > 0.005
    sheets.main(["--out", str(tmp_path), "--size", "64"])
    assert {path.stem for path in tmp_path.iterdir()} == set(sheets.SHEETS)


def test_a_layer_at_half_the_size_does_a_quarter_of_the_work(
    tiny_network: PerceptualNetwork,
) -> None:
    whole = count(tiny_network, {"relu2_1": 1.0}, {"relu3_1": 1.0}, "float32")
    half = count(tiny_network, {"relu2_1/2": 1.0}, {"relu3_1/2": 1.0}, "float32")
    both = count(
        tiny_network,
        {"relu2_1": 1.0, "relu2_1/2": 1.0},
        {"relu3_1": 1.0, "relu3_1/2": 1.0},
        "float32",
    )
    for name in ("float32", "inner", "bytes"):
        assert getattr(half, name) == pytest.approx(getattr(whole, name) / 4)
        assert getattr(both, name) == pytest.approx(1.25 * getattr(whole, name))
