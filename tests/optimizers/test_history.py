"""Rows in memory and in a file: what is written is read again, whatever the blocks."""

from pathlib import Path

import pytest
import torch

from gramarye.optimizers import history
from gramarye.optimizers.history import History, PairStorage, spans


@pytest.mark.parametrize(("entries", "block"), [(10, 3), (9, 3), (2, 5)])
def test_spans_cover_everything_once(entries: int, block: int) -> None:
    covered = [i for start, stop in spans(entries, block) for i in range(start, stop)]
    assert covered == list(range(entries))


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("entries", [64, 1000])
def test_rows_come_back(
    entries: int,
    rounded: bool,
    on_disk: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(history, "CPU_BLOCK", 64)
    monkeypatch.setattr(history, "SHORTEST", 64)
    monkeypatch.setattr(history, "PART", 500)  # three blocks of three rows do not fit
    image = torch.zeros(entries)
    storage = PairStorage(rounded, str(tmp_path) if on_disk else None)
    rows = torch.randn(3, entries, generator=torch.Generator().manual_seed(0))
    first, second = (History(image, 3, storage) for _ in range(2))
    for start, stop in first.spans:
        for row in range(3):
            first.write(row, start, stop, rows[row, start:stop])
    for part in first.parts():
        second.unpack(first.pack(part, 2), part, 2)
    for start, stop in first.spans:
        expected = first.rounded(rows[:, start:stop])
        assert torch.equal(first.read(start, stop, 3), expected)
        assert torch.equal(second.read(start, stop, 2), expected[:2])
    first.close()
    second.close()
    assert list(tmp_path.iterdir()) == []


def test_bfloat16_rounds_and_float32_does_not() -> None:
    value = torch.tensor([1 + 2**-10])
    exact, rounded = (History(value, 1, PairStorage(bfloat16)) for bfloat16 in (False, True))
    assert exact.rounded(value).item() == 1 + 2**-10
    assert rounded.rounded(value).item() == 1.0
