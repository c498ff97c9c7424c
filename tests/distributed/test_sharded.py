"""Three processes that share pictures get what one gets, to rounding."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gramarye.config import make_config
from gramarye.errors import SettingsError
from gramarye.losses.kind import Needs
from gramarye.losses.terms import needs_of
from gramarye.plan import check_shared

SIZE = 3
SCRIPT = Path(__file__).with_name("together.py")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each process of `together.py` found."""
    folder = tmp_path_factory.mktemp("together")
    running = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), str(rank), str(SIZE), str(folder)],
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(SIZE)
    ]
    told = [process.communicate(timeout=120)[1] for process in running]
    assert [process.returncode for process in running] == [0] * SIZE, "\n".join(told)
    return [json.loads((folder / f"{rank}.json").read_text("utf-8")) for rank in range(SIZE)]


def test_losses_and_gradients_are_those_of_the_whole_image(found: list[dict[str, Any]]) -> None:
    evaluations = [case for of_process in found for case in of_process["evaluations"]]
    assert len(evaluations) == 7 * 3 + 2  # one case is for two of the processes
    assert max(case["losses"] for case in evaluations) < 1e-11  # histograms lose a digit
    assert max(case["gradient"] for case in evaluations) < 1e-12
    assert max(case["tiles"] for case in evaluations) > 1  # bands in tiles are among them


def test_every_process_sees_the_same_bits_of_the_losses(found: list[dict[str, Any]]) -> None:
    for first, *others in zip(*(of_process["evaluations"] for of_process in found), strict=False):
        assert all(first["values"] == other["values"] for other in others)
    assert len({tuple(of_process["totals"]) for of_process in found}) == 1
    assert len({tuple(of_process["lbfgs"]["losses"]) for of_process in found}) == 1


def test_ten_steps_of_lbfgs_end_at_the_same_image(found: list[dict[str, Any]]) -> None:
    result = found[0]["lbfgs"]
    assert result["image"] < 1e-9 < 1e-3 < result["moved"]


@pytest.mark.parametrize("case", ["lbfgs", "adam", "transparent"])
def test_a_run_over_scales_on_one_then_two_then_three_processes(
    found: list[dict[str, Any]], case: str
) -> None:
    results = [of_process[f"scales/{case}"] for of_process in found]
    assert results[0]["processes"] == [1, 2, 3]
    assert results[0]["image"] < 1e-9 < 1e-3 < results[0]["moved"]
    assert {result["iterates"] for result in results} == {4 + 3 + 3}


def test_an_image_is_resized_from_bands_to_bands(found: list[dict[str, Any]]) -> None:
    assert found[0]["resizing"] < 1e-12


def test_a_line_search_is_refused() -> None:
    with pytest.raises(SettingsError, match="leave --line-search out"):
        check_shared(make_config(line_search="strong-wolfe"), Needs())


def test_a_term_that_is_no_function_of_sums_is_refused() -> None:
    with pytest.raises(SettingsError, match="patches cannot be computed in bands"):
        check_shared(make_config(), Needs(whole=frozenset({"patches"})))
    config = make_config(style_loss="covariance=1,remd=0.2")
    with pytest.raises(SettingsError, match="the style loss remd cannot be computed in bands"):
        check_shared(config, needs_of(config.terms))
