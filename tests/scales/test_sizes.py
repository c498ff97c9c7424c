"""Working sizes from coarse to fine."""

import pytest

from gramarye.scales.settings import ScaleSettings
from gramarye.scales.sizes import Scale, fit, plan_scales


def sizes(height: int, width: int, size: int, **settings: object) -> list[tuple[int, int]]:
    return [s.size for s in plan_scales(height, width, size, ScaleSettings(**settings))]


def test_scales_double_from_the_first_to_the_last() -> None:
    assert sizes(600, 800, size=1024, min_size=256, scale_factor=2.0) == [
        (192, 256), (384, 512), (768, 1024)
    ]  # fmt: skip


def test_scales_share_a_ratio_where_doubling_does_not_fit() -> None:
    assert sizes(100, 100, size=768, min_size=256, scale_factor=2.0) == [
        (256, 256), (443, 443), (768, 768)
    ]  # fmt: skip


def test_a_small_picture_has_one_scale() -> None:
    assert sizes(300, 200, size=200, min_size=256) == [(200, 133)]


def test_the_first_scale_has_its_own_steps() -> None:
    plan = plan_scales(300, 300, 512, ScaleSettings(steps=7, finer_steps=3, min_size=256))
    assert [scale.steps for scale in plan] == [7, 3]


def test_an_elongated_picture_starts_where_its_short_side_can_be_seen() -> None:
    plan = sizes(100, 1000, size=1024, min_size=256)
    assert min(plan[0]) >= 32


@pytest.mark.parametrize(("height", "width"), [(300, 400), (1, 1), (3, 1000), (999, 1000)])
def test_the_last_scale_has_the_size_asked_for(height: int, width: int) -> None:
    assert sizes(height, width, size=512)[-1] == fit(height, width, 512)


def test_later_scales_take_fewer_steps_and_those_of_none_are_left_out() -> None:
    settings = ScaleSettings(steps=60, finer_steps=10, step_decay=0.5, min_size=128)
    plan = plan_scales(300, 300, 1024, settings)
    assert [scale.steps for scale in plan] == [60, 10, 5, 3]
    none = settings.model_copy(update={"finer_steps": 0})
    assert [(s.height, s.steps) for s in plan_scales(300, 300, 1024, none)] == [
        (128, 60),
        (1024, 0),
    ]


def test_without_coarse_to_fine_there_is_the_results_size_alone() -> None:
    assert sizes(100, 1000, size=512, coarse_to_fine=False) == [fit(100, 1000, 512)]


def test_a_size_by_hand() -> None:
    assert fit(600, 800, 400) == (300, 400)
    assert fit(3, 1000, 100) == (1, 100)  # never nothing
    scale = Scale(30, 40, 5)
    assert (scale.size, scale.pixels, scale.bytes) == ((30, 40), 1200, 14400)


def test_scales_before_the_last_may_be_multiples_of_a_number_and_begin_larger() -> None:
    settings = ScaleSettings(min_size=128)
    plan = plan_scales(320, 480, 480, settings, multiple=32)
    assert [s.size for s in plan] == [(96, 128), (160, 256), (320, 480)]
    assert [s.size for s in plan_scales(300, 300, 600, settings, least=400)] == [
        (400, 400),
        (600, 600),
    ]
