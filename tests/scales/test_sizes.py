"""Working sizes, resizing, first images."""

import pytest
import torch
from torch.testing import assert_close

from gramarye.config import make_config
from gramarye.scales.sizes import (
    first_image,
    fit,
    plan_scales,
    resize,
    style_at,
    uniform_image,
)


def sizes(height: int, width: int, **settings: object) -> list[tuple[int, int]]:
    return [(s.height, s.width) for s in plan_scales(height, width, make_config(**settings))]


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
    plan = plan_scales(300, 300, make_config(size=512, steps=7, finer_steps=3, min_size=256))
    assert [scale.steps for scale in plan] == [7, 3]


def test_an_elongated_picture_starts_where_its_short_side_can_be_seen() -> None:
    plan = sizes(100, 1000, size=1024, min_size=256)
    assert min(plan[0]) >= 32


@pytest.mark.parametrize(("height", "width"), [(300, 400), (1, 1), (3, 1000), (999, 1000)])
def test_the_last_scale_has_the_size_asked_for(height: int, width: int) -> None:
    assert sizes(height, width, size=512)[-1] == fit(height, width, 512)


def test_resizing_to_the_same_size_is_the_identity() -> None:
    image = torch.rand(1, 3, 5, 7)
    assert resize(image, 5, 7) is image


def test_resizing_keeps_a_flat_color() -> None:
    flat = torch.full((1, 3, 9, 9), 0.3)
    assert_close(resize(flat, 4, 20), torch.full((1, 3, 4, 20), 0.3))


def test_a_style_is_shrunk_but_never_enlarged() -> None:
    style = torch.rand(1, 3, 100, 200)
    assert style_at(style, 100, 1.0).shape == (1, 3, 50, 100)
    assert style_at(style, 1000, 1.0) is style
    assert style_at(style, 100, 1.5).shape == (1, 3, 75, 150)


def test_noise_is_the_same_for_the_same_seed_and_not_for_another() -> None:
    like = torch.zeros(1)
    once, again = (uniform_image(4, 5, 3, like) for _ in range(2))
    assert_close(once, again, rtol=0, atol=0)
    assert not torch.equal(once, uniform_image(4, 5, 4, like))
    # The first number of PyTorch's Mersenne Twister for seed 3: a changed generator would show.
    assert once[0, 0, 0, 0].item() == pytest.approx(0.0042635202)


def test_first_images_are_what_they_are_called_in_the_contents_size() -> None:
    content, style, given = (torch.rand(1, 3, *size) for size in ((6, 9), (20, 20), (30, 10)))
    expected = {
        "content": content,
        "noise": uniform_image(6, 9, 4, content),
        "gray": torch.full_like(content, 0.5),
        "style": resize(style, 6, 9).clamp(0, 1),
        "file.png": resize(given, 6, 9).clamp(0, 1),
    }
    for init, image in expected.items():
        assert_close(first_image(init, content, style, seed=4, given=given), image)


def test_the_first_image_does_not_share_the_contents_memory() -> None:
    content = torch.rand(1, 3, 6, 9)
    first_image("content", content, content, seed=0).zero_()
    assert content.max() > 0


@pytest.mark.parametrize(
    ("size", "longest", "expected"),
    [
        ((6000, 4000), 1024, (1024, 683)),
        ((4000, 6000), 1024, (683, 1024)),
        ((3, 2), 3, (3, 2)),
        ((1000, 1), 10, (10, 1)),
        ((4, 1), 10, (10, 3)),  # 2.5 rounds up
        ((100, 50), 400, (400, 200)),
        ((7, 7), 3, (3, 3)),
    ],
)
def test_fit_size_keeps_the_ratio_to_the_pixel(size, longest: int, expected) -> None:
    width, height = size
    assert fit(height, width, longest) == expected[::-1]
