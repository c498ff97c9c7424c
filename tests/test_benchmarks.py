"""Every measure runs, at 48 pixels and with the tiny network, and says something finite."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from benchmarks.__main__ import MEASURES, make_parser, measure
from benchmarks.baselines import gatys, gatys_losses, gradient, gram, random_vgg19
from benchmarks.memory import slope
from benchmarks.plan import FULL, PAIRS, Plan
from benchmarks.results import Figure, Result
from benchmarks.time_to_quality import Point, first
from torch.testing import assert_close

from gramarye.config import make_config
from gramarye.networks.features import PerceptualNetwork
from gramarye.samples import sample_path
from gramarye.stylize import make_objective

NEVER = ("fraction until both", "fraction until their", "of the time plain")  # may not happen


@pytest.fixture(scope="module")
def report(tiny_weights: Path) -> dict[str, Any]:
    settings = {"weights": str(tiny_weights), "min_size": 32, "steps": 2, "finer_steps": 2}
    plan = Plan(
        size=48,
        pairs=PAIRS[:1],
        repeats=1,
        vgg_gradients=1,
        block=1,
        plain_steps=4,
        megapixels=(0.002,),
        settings=settings,
    )
    report: dict[str, Any] = json.loads(json.dumps(measure(list(MEASURES), plan), allow_nan=False))
    return report


@pytest.mark.parametrize("name", MEASURES)
def test_figures_are_finite_and_positive(report: dict[str, Any], name: str) -> None:
    figures = report["measures"][name]["figures"]
    assert figures
    for figure in figures:
        if figure["value"] is not None or not figure["name"].startswith(NEVER):
            assert math.isfinite(figure["value"]) and figure["value"] > 0, figure


def test_report_names_the_machine(report: dict[str, Any]) -> None:
    assert report["machine"]["cpu"]
    assert report["machine"]["cores"] >= report["machine"]["threads"] >= 1
    assert report["machine"]["torch"] == torch.__version__


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
    config = make_config("gatys2016")
    ours = make_objective(tiny_network, content, [style], config)
    plain = gatys_losses(tiny_network, content, style)(image)
    for name, loss in ours.losses(image).items():
        assert_close(plain[name.removesuffix("/relu4_2")], loss, rtol=1e-4, atol=1e-7)


def test_plain_steps_lower_the_loss(tiny_network: PerceptualNetwork) -> None:
    content, style = torch.rand(2, 1, 3, 40, 48, generator=torch.Generator().manual_seed(2))
    totals = [
        sum(losses.values())
        for losses in gatys(content, gatys_losses(tiny_network, content, style), steps=10)
    ]
    assert len(totals) == 10
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
