"""What is done to pictures beforehand and afterwards."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.pictures import finishing
from gramarye.pictures.color import luminance
from gramarye.pictures.finishing import Canvas, curved, denoised, film_grain, finished
from gramarye.pictures.settings import FinishingSettings
from gramarye.scales.rows import cut

SIZE = (60, 80)
ALL = {"detail": 0.7, "contrast": 0.4, "canvas": 0.5, "film_grain": 0.5}


def picture(seed: int = 0) -> Tensor:
    return torch.rand(1, 3, *SIZE, generator=torch.Generator().manual_seed(seed))


def done(image: Tensor, content: Tensor | None = None, **settings: Any) -> Tensor:
    rows = None if content is None else partial(cut, content, (0, content.shape[-2]))
    return finished(image.clone(), FinishingSettings(**settings), rows, seed=3)


def test_nothing_is_done_by_default() -> None:
    image = picture()
    assert torch.equal(done(image, picture(1)), image)
    assert denoised(image, 0) is image


@pytest.mark.parametrize("settings", [ALL, *({k: v} for k, v in ALL.items())])
def test_strips_are_the_whole(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = done(picture(), picture(1), **settings)
    smooth = denoised(picture(), 0.5)
    monkeypatch.setattr(finishing, "STRIP", 7 * SIZE[1])
    assert_close(done(picture(), picture(1), **settings), whole, atol=1e-6, rtol=0)
    assert_close(denoised(picture(), 0.5), smooth, atol=1e-6, rtol=0)
    assert not torch.equal(whole, picture())


def test_gray_stays_gray_and_the_range_is_kept() -> None:
    gray = picture()[:, :1].expand(-1, 3, -1, -1).contiguous()
    found = done(gray, picture(1), **ALL)
    assert_close(found.amax(1), found.amin(1), atol=1e-6, rtol=0)
    assert float(found.min()) >= 0 and float(found.max()) <= 1


def test_contrast_keeps_black_middle_and_white_and_the_order() -> None:
    x = torch.linspace(0, 1, 101)
    assert_close(curved(x)[[0, 50, 100]], x[[0, 50, 100]])
    assert float(curved(torch.tensor(0.25))) == pytest.approx(0.15625)  # 3/16 - 2/64
    for amount in (-1, 1):
        assert (x + amount * (curved(x) - x)).diff().min() >= 0


def test_detail_is_the_contents_luminance_that_is_not_smooth() -> None:
    flat = torch.full((1, 3, *SIZE), 0.5)
    assert_close(done(flat, torch.full((1, 3, *SIZE), 0.3), detail=1), flat, atol=1e-5, rtol=0)
    found = done(flat, 0.5 + 0.02 * (picture(1) - 0.5), detail=1)
    wanted = luminance(0.02 * (picture(1) - 0.5))
    moved = luminance(found) - 0.5
    pair = torch.stack([moved.flatten(), wanted.flatten()])
    assert float(torch.corrcoef(pair)[0, 1]) > 0.9 and moved.std() > 0.7 * wanted.std()


def test_a_canvas_has_threads_over_and_under_and_no_light_of_its_own() -> None:
    weave = Canvas((1600, 1600), seed=0)
    weave.thick[:] = 1
    relief = weave.rows(0, 1600)
    assert weave.pitch == 10 and abs(float(relief.mean())) < 1e-4
    assert_close(relief[..., :-20, :], relief[..., 20:, :], atol=1e-4, rtol=0)  # two threads on
    assert_close(relief[..., :-10, :-10], relief[..., 10:, 10:], atol=1e-4, rtol=0)
    assert (relief[..., :-10, :] - relief[..., 10:, :]).abs().mean() > 0.05


def test_film_grain_is_noise_of_deviation_1_that_has_no_seam() -> None:
    grain = film_grain((2000, 3000), seed=1)
    assert abs(float(grain.mean())) < 1e-6 and float(grain.std()) == pytest.approx(1, rel=1e-4)
    jump = (grain[..., 0] - grain[..., -1]).square().mean()
    assert float(jump / grain.diff(dim=-1).square().mean()) == pytest.approx(1, abs=0.5)
    assert not torch.equal(grain, film_grain((2000, 3000), seed=2))


def test_there_is_no_grain_in_black_and_white() -> None:
    ends = torch.zeros(1, 3, *SIZE)
    ends[..., 40:] = 1
    assert torch.equal(done(ends, film_grain=1), ends)


def test_denoising_takes_noise_and_keeps_edges() -> None:
    step = (torch.arange(SIZE[1]) >= 40).float().expand(1, 3, *SIZE)
    noisy = step + 0.05 * (picture() - 0.5)
    found = denoised(noisy, 1.0)
    assert found[..., 45:].var() < 0.4 * noisy[..., 45:].var()
    assert (found[..., 42:].mean() - found[..., :38].mean()) > 0.95
