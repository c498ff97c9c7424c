"""The machine's settings: amounts of memory in words, and kinds of devices."""

import re

import pytest

from gramarye.config import make_config
from gramarye.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4GiB", 4 * 2**30),
        ("500 MB", 500_000_000),
        ("2.5gib", 5 * 2**29),
        (" 800 mIb ", 800 * 2**20),
        ("1tb", 10**12),
        ("3kb", 3000),
        ("4194304", 4 * 2**20),
        ("7b", 7),
    ],
)
def test_amounts_in_words(text: str, expected: int) -> None:
    assert make_config(memory=text).machine.memory == expected


@pytest.mark.parametrize(
    "text",
    ["", "GiB", "four GiB", "-4GiB", "4GiBs", "1e9", "4,5GB", "nan", "4 G B", "50%", ".5GB", "10"],
)
def test_what_is_no_amount_is_told_with_examples(text: str) -> None:
    told = "memory is {}: give an amount with its unit, such as 4GiB, 1.5GB or 800MiB"
    with pytest.raises(SettingsError, match=re.escape(told.format(repr(text)))):
        make_config(memory=text)


def test_an_amount_may_be_a_number_of_bytes_but_not_nothing() -> None:
    assert make_config(memory=4096).machine.memory == 4096
    assert make_config().machine.memory is None
    with pytest.raises(SettingsError, match="memory is 0: give an amount with its unit"):
        make_config(memory=0)


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:1", "mps", "xpu"])
def test_devices_are_known_by_kind(device: str) -> None:
    assert make_config(device=device).machine.device == device


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "auto:1", ""])
def test_other_devices_are_told_what_there_is(device: str) -> None:
    with pytest.raises(SettingsError, match=r"device is .*: give auto, cpu, cuda, mps or xpu, or"):
        make_config(device=device)
