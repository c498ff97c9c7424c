"""Regions: which belong together, what is said of the others, and where they are at a scale."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.distributed.bands import whole
from gramarye.errors import InputError, SettingsError
from gramarye.inputs.coloring import match_regions
from gramarye.inputs.inputs import Input, Inputs
from gramarye.inputs.kinds import check_names, check_sizes
from gramarye.inputs.regions import unpainted
from gramarye.pictures.color import mean_and_covariance
from gramarye.pictures.settings import PictureSettings

CPU = torch.device("cpu")
RED, GREEN, BLUE, BLACK = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.0, 0.0, 0.0)
FREE = PictureSettings(color="free")


def stripes(*colors: tuple[float, float, float], height: int = 40, width: int = 60) -> Tensor:
    """A label picture of stripes as wide as each other, from left to right."""
    picture = torch.zeros(1, 3, height, width)
    for i, color in enumerate(colors):
        part = slice(i * width // len(colors), (i + 1) * width // len(colors))
        picture[..., part] = torch.tensor(color).view(1, 3, 1, 1)
    return picture


def inputs_of(content: Tensor, *styles: Tensor, **others: Tensor) -> Inputs:
    pictures = {"content": torch.rand(1, 3, 40, 60), "content-regions": content}
    for i, labels in enumerate(styles):
        pictures |= {f"style/{i}": torch.rand(1, 3, 40, 60), f"style-regions/{i}": labels}
    return Inputs({n: Input.of(p, n) for n, p in (pictures | others).items()})


def seen_at(
    inputs: Inputs, height: int, width: int, rows: tuple[int, int] | None = None
) -> Mapping:
    return inputs.at(whole(height, width).bands, rows or (0, height), FREE, CPU)


def test_regions_of_one_color_belong_together() -> None:
    inputs = inputs_of(stripes(RED, GREEN), stripes(GREEN, GREEN, RED))
    seen = seen_at(inputs, 40, 60)
    assert inputs.region_count == 2 and not inputs.notes
    for r in range(2):
        here = seen["content-regions"][0, r]
        there = seen["style-regions/0"][0, r]
        assert here[:, :30].unique().tolist() in ([0], [1]) and here[0, 0] != here[0, 59]
        assert there[0, 59] == here[0, 0] and there[0, 0] == here[0, 59]
        assert there.mean() == pytest.approx(1 / 3 if here[0, 0] else 2 / 3)


def test_colors_that_jpeg_has_moved_are_the_same() -> None:
    near = (0.98, 0.02, 0.01)
    inputs = inputs_of(stripes(RED, GREEN), stripes(near, BLUE))
    assert inputs.region_count == 1
    classes = [stripes(*[(i / 255,) * 3 for i in some]) for some in ((0, 1, 2), (0, 1, 3))]
    assert inputs_of(*classes).region_count == 2  # two levels apart is another class


def test_a_region_without_counterpart_is_named_and_left_out() -> None:
    inputs = inputs_of(stripes(RED, RED, BLUE), stripes(RED, GREEN))
    assert any("#0000ff (33.3%) of content-regions" in note for note in inputs.notes)
    assert any("#00ff00 of style-regions/0 is nowhere" in note for note in inputs.notes)
    seen = seen_at(inputs, 40, 60)["content-regions"]
    assert seen.shape == (1, 1, 40, 60) and not seen[..., 40:].any() and (seen[..., :40] == 1).all()


def test_nothing_that_matches_is_one_sentence_with_the_colors() -> None:
    with pytest.raises(InputError, match=r"#ff0000.* #00ff00; paint what belongs together in one"):
        inputs_of(stripes(RED), stripes(GREEN))


def test_a_style_may_have_some_of_the_regions_only() -> None:
    inputs = inputs_of(stripes(RED, GREEN), stripes(RED), stripes(GREEN), stripes(BLUE))
    seen = seen_at(inputs, 40, 60)
    assert seen["style-regions/0"].mean((2, 3)).sum() == 1
    assert (seen["style-regions/0"] + seen["style-regions/1"] == 1).all()
    assert "style-regions/2" not in seen


def test_label_pictures_are_of_any_size_and_rows_are_those_of_the_whole() -> None:
    small = stripes(RED, BLUE, height=20, width=30)
    inputs = inputs_of(small, stripes(BLUE, RED, height=200, width=300))
    all_rows = seen_at(inputs, 32, 48)
    assert all_rows["content-regions"].shape == (1, 2, 32, 48)
    assert_close(all_rows["content-regions"].sum(1), torch.ones(1, 32, 48), rtol=0, atol=0.1)
    assert set(all_rows["content-regions"][..., :20].unique().tolist()) == {0.0, 1.0}
    some = seen_at(inputs, 32, 48, (8, 20))["content-regions"]
    assert_close(some, all_rows["content-regions"][..., 8:20, :], rtol=0, atol=1e-6)


def test_each_region_takes_the_colors_of_its_own_counterpart() -> None:
    content, style = torch.rand(1, 3, 40, 60) / 2, torch.rand(1, 3, 40, 60) / 4
    style[..., :30] += torch.tensor([0.6, 0.1, 0.1]).view(1, 3, 1, 1)
    style[..., 30:] += torch.tensor([0.1, 0.1, 0.6]).view(1, 3, 1, 1)
    labels = {"content-regions": stripes(RED, GREEN), "style-regions/0": stripes(GREEN, RED)}
    pictures = {"content": content, "style/0": style} | labels
    inputs = Inputs({name: Input.of(picture) for name, picture in pictures.items()})
    moved = inputs.colored(PictureSettings())["content"].pixels
    for here, there in ((slice(0, 30), slice(30, 60)), (slice(30, 60), slice(0, 30))):
        found, expected = (
            mean_and_covariance(p[..., s]) for p, s in ((moved, here), (style, there))
        )
        assert_close(found[0], expected[0], rtol=0, atol=0.01)
    with pytest.raises(SettingsError, match="histograms are of whole pictures"):
        inputs.matched = None
        inputs.colored(PictureSettings(color_map="histogram"))


def test_the_styles_take_the_colors_of_the_content_however_much_each_counts() -> None:
    content, *styles = (torch.rand(1, 3, 20, 30) / n for n in (1, 2, 3))
    masks = [torch.ones(1, 1, 20, 30)] * 3
    of_content = PictureSettings(color="content")
    _, expected = match_regions(content, styles, of_content, masks)
    _, found = match_regions(content, styles, of_content, masks, (1, 2))
    for picture, there, before in zip(found, expected, styles, strict=True):
        assert torch.equal(picture, there)
        assert abs(picture.mean() - content.mean()) < 0.1 * abs(before.mean() - content.mean())


@pytest.mark.parametrize("mix", [(1, 0), (0, 1), (1, 1), (1e-50, 1e-50)])
def test_the_palette_of_a_region_heeds_the_styles_weights(mix: tuple[float, float]) -> None:
    content = 0.4 + 0.2 * torch.rand(1, 3, 8, 8)
    dark, light = 0.1 + 0.1 * torch.rand(1, 3, 4, 4), 0.7 + 0.1 * torch.rand(1, 3, 16, 16)
    masks = [torch.ones_like(picture[:, :1]) for picture in (content, dark, light)]
    moved, _ = match_regions(content, [dark, light], PictureSettings(), masks, mix)
    expected = torch.lerp(dark.mean(), light.mean(), mix[1] / sum(mix))
    assert_close(moved.mean(), expected, rtol=0, atol=0.01)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["content-regions"], "there are no style-regions"),
        (["style-regions/0"], "there are no content-regions"),
        (["content-regions", "style-regions/1"], "1 picture of style-regions for 2 styles"),
        (["content-regions", "style-regions/2"], "1 picture of style-regions for 2 styles"),
    ],
)
def test_regions_are_of_the_content_and_of_each_style(names: list[str], told: str) -> None:
    with pytest.raises(InputError, match=told):
        check_names(["content", "style/0", "style/1", *names])


def test_a_label_picture_has_the_shape_of_what_it_is_laid_over() -> None:
    sizes = {"content": (40, 60), "style/0": (50, 50), "style-regions/0": (40, 60)}
    with pytest.raises(InputError, match=r"style-regions/0 is 60 x 40 .* give a label picture"):
        check_sizes(sizes)


def test_labels_take_a_byte_of_a_pixel() -> None:
    inputs = inputs_of(stripes(RED, GREEN), stripes(GREEN, RED))
    assert inputs.held(CPU) == 2 * (12 + 12 + 1 + 1) * 40 * 60


def test_a_region_that_only_styles_of_weight_0_have_is_noted() -> None:
    inputs = inputs_of(stripes(RED, GREEN), stripes(RED), stripes(GREEN, RED))
    assert inputs.regions is not None
    assert not unpainted(inputs.regions, ()) and not unpainted(inputs.regions, (1, 1))
    assert not unpainted(inputs.regions, (0, 1))
    assert unpainted(inputs.regions, (1, 0)) == [
        "only styles of weight 0 have #00ff00 of content-regions: no style is painted there"
    ]


def test_one_picture_is_not_several() -> None:
    names = ("content", "style/0", "style/1", "content-regions", "style-regions/0")
    with pytest.raises(InputError, match=r"^there is 1 picture of style-regions for 2 styles"):
        check_names(names)
