"""What came, what is allowed: our words for whatever pydantic finds."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ByteSize, Field, ValidationError

from gramarye.config import all_settings, make_config
from gramarye.distillation.settings import DistillConfig, make_distill_config
from gramarye.errors import GramaryeError, SettingsError
from gramarye.jobs.output import Output
from gramarye.validation import allowed, first_problem, found_at

Share = Annotated[float, Field(gt=0, lt=1)]
ODD: list[Any] = [
    None, True, -1, 0, 10**400, 0.5, float("nan"), float("inf"), "", "odd", "0,7", b"odd", [],
    ["odd"], (1, "odd"), {}, {"odd": 1}, {1: 2}, {"relu1_1": "odd"}, object(), Path("odd"), {1},
    "\0\x1b[2J",
]  # fmt: skip
PYDANTICS = r"Input|should|valid |Value error|required|permitted|instance of|\n|\x1b|\0"


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (Annotated[int, Field(ge=1, le=9)], "a whole number from 1 to 9"),
        (Annotated[int, Field(gt=0, lt=9)], "a whole number from 1 to 8"),
        (Annotated[int | None, Field(ge=1)], "a whole number of at least 1"),
        (Share, "a number above 0, below 1"),
        (Annotated[float, Field(gt=0, le=8)], "a number above 0, at most 8"),
        (float, "a number"),
        (tuple[Share, ...], "a list of numbers above 0, below 1"),
        (
            Annotated[tuple[int, ...], Field(min_length=1, max_length=3)],
            "a list of whole numbers, 1 to 3 of them",
        ),
        (dict[str, Share], "names, each with a number above 0, below 1"),
        (Literal["soft", "hard", 8] | None, "soft, hard or 8"),
        (ByteSize, "an amount with its unit, such as 4GiB, 1.5GB or 800MiB"),
        (str | None, "a text"),
        (bool, "true or false"),
        (Output, "names with their values"),
        (object, ""),
    ],
)
def test_what_is_allowed_in_words(kind: Any, told: str) -> None:
    assert allowed(kind) == told


@pytest.mark.parametrize("setting", all_settings())
def test_no_setting_speaks_in_pydantics_words(setting: str) -> None:
    for value in ODD:
        try:
            make_config(**{setting: value})
        except SettingsError as error:
            assert not re.search(PYDANTICS, str(error)), error
            assert re.match(f"{setting} (is|has) .*: give [^ ]|unknown|nothing pulls", str(error))
            # What is unknown or missing is said without a setting's name.
            whole = re.match("unknown|nothing pulls", str(error))
            assert error.setting == ("" if whole else setting), error
        except GramaryeError as error:
            assert str(error).startswith("unknown layer")


@pytest.mark.parametrize("setting", DistillConfig.model_fields)
def test_no_setting_of_a_distillation_does_either(setting: str) -> None:
    for value in ODD:
        try:
            make_distill_config(**{setting: value})
        except SettingsError as error:
            assert not re.search(PYDANTICS, str(error)), error
            assert re.match(f"{setting} (is|has) .*: give [^ ]", str(error))


class Inner(BaseModel):
    sizes: tuple[Annotated[int, Field(ge=3)], ...] = ()
    weights: dict[str, Share] = {}


class Outer(BaseModel, extra="forbid"):
    inner: Inner


@pytest.mark.parametrize(
    ("given", "setting", "in_a_file"),
    [
        ({"inner": {"sizes": [4, 1]}}, "s has 1 in it: give a whole", "s has 1 in it, not a whole"),
        ({"inner": {"weights": {"a": 2}}}, "s has 2 at a: give a num", "s has 2 at a, not a numb"),
        ({"inner": 5}, "s is 5: give names with", "s is 5, not names with"),
        ({}, "inner is missing", "s: inner is missing"),
        ({"inner": {}, "\x1b": 1}, r"'\x1b' is not known", r"s: '\x1b' is not known"),
    ],
)
def test_what_is_wrong_is_told_wherever_it_lies(
    given: dict[str, Any], setting: str, in_a_file: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(given)
    problem = first_problem(caught.value, Outer)
    inside = problem.path[2:]
    assert problem.of_setting("s", inside).startswith(setting)
    assert problem.of_file("s", inside).startswith(in_a_file)


def test_a_place_nobody_knows_has_no_words() -> None:
    assert found_at(Outer, ("inner", "unheard", "of")) is None
    assert found_at(Output, ("quality",)) is not None
    assert found_at(None, ("a",)) is None
