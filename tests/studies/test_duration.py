"""How long a study will take: runs that differ in cost are measured each, others once."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from gramarye.errors import WeightsError
from gramarye.plan import Plan
from gramarye.studies import duration
from gramarye.studies.duration import describe_duration
from gramarye.studies.making import StudyRun
from gramarye.studies.study import Axis, Value, layers_axis, setting_axis
from tests.studies.conftest import TINY, make_study

Open = Callable[..., StudyRun]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of layers that were measured; a run takes ten seconds a layer."""
    layers = []

    def forecast(plan: Plan, network: object) -> SimpleNamespace:
        layers.append(len(plan.config.value("content_layers")))
        return SimpleNamespace(seconds=10.0 * layers[-1])

    monkeypatch.setattr(duration, "forecast", forecast)
    return layers


def test_runs_of_other_layers_are_measured_each(open_study: Open, measured: list[int]) -> None:
    sets = {"one": ["relu1_1"], "three": ["relu1_1", "relu1_2", "relu2_1"]}
    run = open_study(make_study(columns=layers_axis("content_layers", sets, "l"), paper=TINY))
    assert describe_duration(run) == "the papers' settings: 2 runs of about 20 s, 40 s in all here"
    assert measured == [1, 3]


def test_runs_that_are_alike_are_measured_once(open_study: Open, measured: list[int]) -> None:
    columns = setting_axis("style_weight", [1.0, 2.0, 4.0])
    run = open_study(make_study(columns=columns, seeds=(0, 1)))
    assert describe_duration(run).startswith("the papers have no settings for it: 6 runs of about")
    assert len(measured) == 1


def test_what_is_there_takes_nothing(open_study: Open, measured: list[int]) -> None:
    for _ in open_study(make_study()).steps():
        pass
    assert describe_duration(open_study(make_study())) == "all runs are here"
    other = make_study(columns=setting_axis("style_weight", [1.0, 50.0]))
    assert "1 run of about" in describe_duration(open_study(other))


def test_a_network_that_is_not_here_is_told_before_the_first_run(
    open_study: Open, measured: list[int], tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAMARYE_HOME", str(tmp_path))
    some = setting_axis("network", ["vgg16", "vgg19-lite"])
    assert "1 run of about" in describe_duration(open_study(make_study(columns=some)))
    none = setting_axis("network", ["vgg16"])
    with pytest.raises(WeightsError, match="the weights of vgg16 are not here"):
        describe_duration(open_study(make_study(columns=none)))


def test_looks_are_no_runs(open_study: Open, measured: list[int]) -> None:
    looks = Axis("", (Value("", {"content_layers": {"relu1_1": 1.0}}, task="channel"),))
    assert "no runs, only looks" in describe_duration(open_study(make_study(columns=looks)))
    assert measured == []
