import math
import subprocess
import sys

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.errors import ImageError, SettingsError
from gramarye.pictures import color
from gramarye.pictures.color import (
    color_transform,
    grayed,
    is_gray,
    keep_content_color,
    luminance,
    match_color,
    match_histogram,
    match_luminance,
    mean_and_covariance,
)

LINEAR = ("monge-kantorovich", "cholesky", "pca")


def colors(seed: int, height: int = 12, width: int = 9) -> Tensor:
    """A picture in float64 whose channels are correlated."""
    generator = torch.Generator().manual_seed(seed)
    mix = torch.rand(3, 3, generator=generator, dtype=torch.float64)
    values = torch.rand(3, height * width, generator=generator, dtype=torch.float64)
    return (mix @ values / 3).reshape(1, 3, height, width)


def test_mean_and_covariance_of_two_pixels() -> None:
    image = torch.tensor([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]).reshape(1, 3, 1, 2)
    mean, covariance = mean_and_covariance(image)
    assert_close(mean, torch.tensor([0.5, 0.5, 0.5], dtype=torch.float64))
    expected = [[0.25, 0.0, -0.25], [0.0, 0.0, 0.0], [-0.25, 0.0, 0.25]]
    assert_close(covariance, torch.tensor(expected, dtype=torch.float64))


def test_mean_and_covariance_agree_with_torch_cov() -> None:
    image = colors(0)
    _, covariance = mean_and_covariance(image)
    assert_close(covariance, torch.cov(image[0].flatten(1), correction=0))


@pytest.mark.parametrize("method", LINEAR)
def test_matched_picture_has_the_mean_and_covariance_of_the_reference(method) -> None:
    image, reference = colors(1), colors(2, 7, 15)
    matched = match_color(image, reference, method)
    for found, wanted in zip(
        mean_and_covariance(matched), mean_and_covariance(reference), strict=True
    ):
        assert_close(found, wanted, atol=1e-12, rtol=0)


@pytest.mark.parametrize("method", [*LINEAR, "histogram"])
def test_a_picture_matched_to_itself_stays(method) -> None:
    image = colors(3)
    assert_close(match_color(image, image, method), image, atol=1e-9, rtol=0)


@pytest.mark.parametrize("method", LINEAR)
def test_every_transform_of_independent_channels_scales_standard_deviations(method) -> None:
    old = torch.diag(torch.tensor([1.0, 4.0, 9.0], dtype=torch.float64))
    new = torch.diag(torch.tensor([4.0, 1.0, 1.0], dtype=torch.float64))
    expected = torch.diag(torch.tensor([2.0, 1 / 2, 1 / 3], dtype=torch.float64))
    assert_close(color_transform(old, new, method, eps=0), expected)


def test_monge_kantorovich_is_symmetric_and_moves_colors_least() -> None:
    image, reference = colors(4), colors(5)
    old, new = mean_and_covariance(image)[1], mean_and_covariance(reference)[1]
    transforms = {method: color_transform(old, new, method, eps=0) for method in LINEAR}
    assert_close(transforms["monge-kantorovich"], transforms["monge-kantorovich"].mT)

    def cost(a: Tensor) -> float:  # E |Ax - x|^2 for x of covariance `old`
        moved = a - torch.eye(3, dtype=a.dtype)
        return float((moved @ old @ moved.mT).trace())

    costs = {method: cost(a) for method, a in transforms.items()}
    assert min(costs, key=costs.__getitem__) == "monge-kantorovich"


def test_cholesky_transform_is_lower_triangular() -> None:
    a = color_transform(
        mean_and_covariance(colors(6))[1], mean_and_covariance(colors(7))[1], "cholesky"
    )
    assert_close(a, a.tril())


@pytest.mark.parametrize("method", [*LINEAR, "histogram"])
@pytest.mark.parametrize("flat", ["image", "reference", "both"])
def test_flat_pictures_stay_finite_and_take_the_mean(method, flat: str) -> None:
    plain = torch.full((1, 3, 8, 8), 0.3)
    image = plain if flat in ("image", "both") else colors(8).float()
    reference = plain * 2 if flat in ("reference", "both") else colors(9).float()
    matched = match_color(image, reference, method)
    assert matched.dtype == torch.float32
    assert matched.isfinite().all()
    assert_close(matched.mean(dim=(0, 2, 3)), reference.mean(dim=(0, 2, 3)), atol=1e-5, rtol=0)


@pytest.mark.parametrize("method", LINEAR)
def test_gray_pictures_take_the_reference_mean_and_stay_finite(method) -> None:
    gray = colors(10)[:, :1].expand(-1, 3, -1, -1).float()
    matched = match_color(gray, colors(11).float(), method)
    assert matched.isfinite().all()
    assert matched.abs().max() < 10


def test_histogram_of_the_result_is_that_of_the_reference() -> None:
    image, reference = colors(12), colors(13)
    matched = match_histogram(image, reference)
    assert_close(matched.flatten(2).sort().values, reference.flatten(2).sort().values)
    order = image.flatten(2).argsort()
    assert (matched.flatten(2).gather(2, order).diff() >= 0).all()


def test_histogram_of_another_size_keeps_the_mean() -> None:
    matched = match_histogram(colors(14, 5, 7), reference := colors(15, 11, 13))
    assert_close(matched.mean(dim=(2, 3)), reference.mean(dim=(2, 3)))
    assert matched.min() >= reference.min()
    assert matched.max() <= reference.max()


def test_equal_values_share_the_mean_of_their_quantiles() -> None:
    image = torch.tensor([0.2, 0.2, 0.7, 0.7]).reshape(1, 1, 1, 4).expand(-1, 3, -1, -1)
    reference = torch.tensor([0.1, 0.3, 0.5, 0.9]).reshape(1, 1, 1, 4).expand(-1, 3, -1, -1)
    expected = torch.tensor([0.2, 0.2, 0.7, 0.7]).reshape(1, 1, 1, 4).expand(-1, 3, -1, -1)
    assert_close(match_histogram(image, reference), expected)


def test_result_is_clamped_only_when_asked() -> None:
    image = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(0)) ** 4
    reference = (torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(1)) > 0.5).float()
    free = match_color(image, reference)
    assert free.max() > 1
    assert_close(match_color(image, reference, clamp=True), free.clamp(0, 1))
    bright = torch.ones(1, 3, 2, 2)
    content = torch.tensor([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1).expand(-1, -1, 2, 2)
    assert keep_content_color(bright, content).max() > 1
    assert keep_content_color(bright, content, clamp=True).max() <= 1


def test_an_image_may_be_written_over() -> None:
    image, reference = torch.rand(1, 3, 40, 50), torch.rand(1, 3, 20, 30).square()
    expected, before = match_color(image, reference), image.clone()
    assert torch.equal(image, before)
    found = match_color(image, reference, in_place=True)
    assert found is image and torch.equal(image, expected)


def test_unknown_method_names_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="did you mean 'cholesky'"):
        match_color(colors(0), colors(1), "choleski")  # type: ignore[arg-type]


def test_luminance_of_the_primaries() -> None:
    primaries = torch.eye(3).reshape(1, 3, 1, 3)
    assert_close(luminance(primaries), torch.tensor([0.299, 0.587, 0.114]).reshape(1, 1, 1, 3))
    assert math.isclose(float(luminance(torch.ones(1, 3, 1, 1))), 1.0, rel_tol=1e-6)


def test_kept_color_has_the_result_luminance_and_the_content_chroma() -> None:
    # The published YIQ matrix, three digits (FCC, 1953); its rows are Y, I and Q.
    yiq = torch.tensor(
        [[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]],
        dtype=torch.float64,
    )
    result, content = colors(16), colors(17)
    kept = torch.einsum("ij,bjhw->bihw", yiq, keep_content_color(result, content))
    assert_close(kept[:, :1], luminance(result))
    content_yiq = torch.einsum("ij,bjhw->bihw", yiq, content)
    assert_close(kept[:, 1:], content_yiq[:, 1:], atol=1e-3, rtol=0)


def test_kept_color_of_the_content_itself_is_the_content() -> None:
    content = colors(18)
    assert_close(keep_content_color(content, content), content)


def test_kept_color_refuses_pictures_of_two_sizes() -> None:
    with pytest.raises(ImageError, match="9 x 12 and the content 12 x 9"):
        keep_content_color(colors(0), colors(1, 9, 12))


def test_weighted_mean_and_covariance_by_hand() -> None:
    image = torch.tensor([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]).reshape(1, 3, 1, 2)
    mean, covariance = mean_and_covariance(image, torch.tensor([3.0, 1.0]).view(1, 1, 1, 2))
    assert_close(mean, torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64))
    v = 3 / 16  # 3/4 of 1/4^2 and 1/4 of (3/4)^2
    expected = [[v, 0.0, -v], [0.0, 0.0, 0.0], [-v, 0.0, v]]
    assert_close(covariance, torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("method", LINEAR)
def test_what_counts_for_nothing_is_as_if_cut_out(method) -> None:
    image, reference = colors(1), colors(2)
    weights, reference_weights = torch.zeros(2, 1, 1, 12, 9, dtype=torch.float64)
    weights[..., :5], reference_weights[..., 3:, :] = 1.0, 0.5
    found = match_color(
        image, reference, method, weights=weights, reference_weights=reference_weights
    )
    expected = match_color(image[..., :5], reference[..., 3:, :], method)
    assert_close(found[..., :5], expected, atol=1e-12, rtol=0)


def test_histograms_have_no_weights() -> None:
    image = colors(0)
    with pytest.raises(SettingsError, match="histograms are matched without weights"):
        match_color(image, image, "histogram", weights=torch.ones(1, 1, 12, 9))


def test_gray_is_gray_but_for_one_level() -> None:
    gray = torch.rand(1, 1, 5, 6).expand(-1, 3, -1, -1).clone()
    assert is_gray(gray)
    gray[0, 1, 2, 3] += 1 / 255
    assert is_gray(gray)
    gray[0, 1, 2, 3] += 0.5 / 255
    assert not is_gray(gray)


def test_grayed_is_the_luminance_in_all_channels() -> None:
    color = torch.tensor([1.0, 0.5, 0.0]).view(1, 3, 1, 1)
    assert_close(grayed(color), torch.full((1, 3, 1, 1), 0.299 + 0.587 / 2))


def test_matched_luminance_has_the_references_mean_and_deviation() -> None:
    generator = torch.Generator().manual_seed(0)
    image = 0.3 + 0.1 * torch.rand(1, 3, 20, 30, generator=generator)
    reference = 0.4 + 0.2 * torch.rand(1, 3, 16, 16, generator=generator)
    found, wanted = match_luminance(image, reference), luminance(reference)
    assert_close(found[:, :1], found[:, 1:2])
    assert_close(found.mean(), wanted.mean())
    assert_close(found.std(correction=0), wanted.std(correction=0))
    flat = match_luminance(torch.full((1, 3, 4, 4), 0.2), reference)
    assert_close(flat, wanted.mean().expand_as(flat))


def test_what_is_hidden_does_not_count_in_the_luminance() -> None:
    reference = torch.tensor([0.2, 0.4, 0.9]).view(1, 1, 1, 3).expand(1, 3, 1, 3)
    weights = torch.tensor([1.0, 1.0, 0.0]).view(1, 1, 1, 3)
    image = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2).expand(1, 3, 1, 2)
    found = match_luminance(image, reference, None, weights)
    assert_close(found[0, 0, 0], torch.tensor([0.2, 0.4]))


def test_colors_of_rows_that_lie_apart_are_measured_without_a_copy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image = colors(3, 30, 17)
    memory = torch.zeros(1, 3, 32, 24, dtype=torch.float64)
    view = memory[..., :30, :17].copy_(image)
    whole = mean_and_covariance(image)
    for count in (5, 40, 10000):  # of pixels at a time: less than a row, and more
        monkeypatch.setattr(color, "_PIXELS", count)
        parts = list(color._parts(view))
        assert torch.equal(torch.cat(parts, 1), image[0].flatten(1))
        assert max(part.shape[1] for part in parts) <= count
        for found, expected in zip(mean_and_covariance(view), whole, strict=True):
            assert_close(found, expected)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's memory is looked at")
def test_the_colors_of_a_picture_whose_rows_lie_apart_are_measured_in_a_parts_memory() -> None:
    """What stayed of each part would keep the next from its place: 930 MiB of 100 megapixels."""
    code = (
        "import torch\n"
        "from gramarye.devices import keep_freed_memory, resident_memory\n"
        "from gramarye.pictures.color import mean_and_covariance\n"
        "keep_freed_memory()\n"
        "picture = torch.zeros(1, 3, 4100, 4096)[:, :, :4096]\n"
        "mean_and_covariance(picture[:, :, :300])\n"
        "before = resident_memory()\n"
        "mean_and_covariance(picture)\n"
        "print(resident_memory() - before - picture.numel() * 4)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 60 << 20
