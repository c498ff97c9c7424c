"""Moments: known answers, additivity, order of positions, gradients, layouts in memory."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from gramarye.losses import statistics
from gramarye.losses.statistics import (
    Moments,
    add_sums_gradient,
    gram_matrix,
    mix_moments,
    moments,
)


def random_features(channels: int = 3, height: int = 4, width: int = 5, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, channels, height, width, generator=generator, dtype=torch.float64)


def test_gram_matrix_of_orthogonal_channels() -> None:
    features = torch.tensor([[1.0, 1.0], [1.0, -1.0]]).reshape(1, 2, 1, 2)
    assert_close(gram_matrix(features), torch.eye(2)[None])


def test_gram_matrix_by_hand() -> None:
    features = torch.tensor([[1.0, 2.0, 3.0], [0.0, 1.0, -1.0]]).reshape(1, 2, 1, 3)
    expected = torch.tensor([[14.0, -1.0], [-1.0, 2.0]])[None] / 3
    assert_close(gram_matrix(features), expected)


def test_gram_matrix_ignores_the_order_of_positions() -> None:
    features = random_features()
    order = torch.randperm(20, generator=torch.Generator().manual_seed(1))
    shuffled = features.flatten(2)[:, :, order].view_as(features)
    assert_close(gram_matrix(shuffled), gram_matrix(features))


def test_moments_of_halves_add_up_to_those_of_the_whole() -> None:
    features = random_features()
    total = moments(features[..., :2]) + moments(features[..., 2:])
    whole = moments(features)
    assert_close(total.second, whole.second)
    assert_close(total.first, whole.first)
    assert_close(total.count, whole.count)


def test_weights_of_one_and_zero_select_positions() -> None:
    features = random_features()
    mask = torch.zeros(1, 1, 4, 5, dtype=torch.float64)
    mask[..., :2] = 1
    selected, part = moments(features, mask), moments(features[..., :2])
    assert_close(selected.gram(), part.gram())
    assert_close(selected.mean(), part.mean())
    for found, expected in zip(vars(selected).values(), vars(part).values(), strict=True):
        assert_close(found, expected)


def test_a_positions_weight_is_how_often_it_counts() -> None:
    features = random_features()
    times = torch.arange(20).view(1, 1, 4, 5) % 3
    repeated = features.flatten(2).repeat_interleave(times.flatten(), dim=2)[..., None]
    found, expected = moments(features, times.double()), moments(repeated)
    for a, b in zip(vars(found).values(), vars(expected).values(), strict=True):
        assert_close(a, b)


def test_each_image_of_a_batch_may_have_weights_of_its_own() -> None:
    features = torch.cat([random_features(seed=1), random_features(seed=2)])
    weights = torch.rand(2, 1, 4, 5, dtype=torch.float64)
    both = moments(features, weights)
    for i in range(2):
        alone = moments(features[i : i + 1], weights[i : i + 1])
        for a, b in zip(vars(both).values(), vars(alone).values(), strict=True):
            assert_close(a[i : i + 1], b)
    shared = moments(features, weights[:1])
    for a, b in zip(vars(shared).values(), vars(both).values(), strict=True):
        assert_close(a[0], b[0])
        assert not torch.allclose(a[1], b[1])


def test_covariance_is_that_of_torch() -> None:
    features = random_features()
    expected = torch.cov(features[0].flatten(1), correction=0)
    assert_close(moments(features).covariance()[0], expected)


def test_augmented_moments_are_those_of_features_with_a_constant() -> None:
    features = random_features()
    constant = torch.ones_like(features[:, :1])
    expected = moments(torch.cat([features, constant], dim=1)).gram()
    assert_close(moments(features).augmented(), expected)


def test_mixed_moments_do_not_depend_on_picture_sizes() -> None:
    small, large = random_features(seed=1), random_features(height=40, seed=2)
    mixed = mix_moments([moments(small), moments(large)])
    assert_close(mixed.gram(), (gram_matrix(small) + gram_matrix(large)) / 2)
    weighted = mix_moments([moments(small), moments(large)], [3.0, 1.0])
    assert_close(weighted.mean(), (3 * moments(small).mean() + moments(large).mean()) / 4)


def test_gradients_of_the_second_moment_agree_with_finite_differences() -> None:
    features = random_features().requires_grad_(True)
    weights = torch.rand(1, 1, 4, 5, generator=torch.Generator().manual_seed(3)).double() + 0.1
    assert torch.autograd.gradcheck(lambda x: moments(x).second, (features,))
    assert torch.autograd.gradcheck(lambda x: moments(x, weights).second, (features,))
    assert torch.autograd.gradcheck(lambda x: moments(x, weights).first, (features,))


def test_an_unsymmetric_gradient_reaches_the_features_whole() -> None:
    features = random_features().requires_grad_(True)
    coefficients = torch.randn(1, 3, 3, dtype=torch.float64)
    (ours,) = torch.autograd.grad((moments(features).second * coefficients).sum(), features)
    x = features.flatten(2)
    (plain,) = torch.autograd.grad(((x @ x.mT) * coefficients).sum(), features)
    assert_close(ours, plain)


def test_empty_moments_are_those_of_zero_features() -> None:
    zeros = torch.zeros(1, 3, 4, 5, dtype=torch.float64)
    empty, expected = moments(random_features()).empty(), moments(zeros)
    assert isinstance(empty, Moments)
    assert_close(empty.gram(), expected.gram())


def channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "channels first": lambda x: x.contiguous(),
    "channels last": channels_last,
    "inside a border": lambda x: channels_last(F.pad(x, (1,) * 4, value=9.0))[:, :, 1:-1, 1:-1],
    "a tile, channels first": lambda x: F.pad(x, (3, 2, 1, 4), value=9.0)[:, :, 1:-4, 3:-2],
    "a tile, channels last": lambda x: channels_last(F.pad(x, (3, 2, 1, 4)))[:, :, 1:-4, 3:-2],
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(1, 5, 9, 7), (2, 3, 6, 11), (1, 1, 4, 5), (1, 40, 90, 100)])
def test_moments_do_not_depend_on_the_layout_in_memory(
    shape: tuple[int, ...], dtype: torch.dtype, layout: str
) -> None:
    features = torch.randn(shape, dtype=torch.float64).to(dtype)
    exact = features.double().flatten(2)
    found = moments(LAYOUTS[layout](features))
    assert found.second.dtype == torch.promote_types(dtype, torch.float32)
    limit = 1e-13 if dtype == torch.float64 else 1e-6
    for sums, expected in ((found.second, exact @ exact.mT), (found.first, exact.sum(2))):
        # Beside what is added up: the first moments of noise nearly cancel.
        size = (exact.abs() @ exact.abs().mT).max() if sums.ndim == 3 else exact.abs().sum(2).max()
        assert (sums.double() - expected).abs().max() <= limit * size
    assert found.count.tolist() == [shape[2] * shape[3]] * shape[0]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("into_layout", LAYOUTS)
@pytest.mark.parametrize("channels", [1, 4])
def test_gradients_of_moments_are_autograds_in_every_layout(
    channels: int, into_layout: str, layout: str
) -> None:
    features = torch.randn(2, channels, 6, 5, dtype=torch.float64)
    second = torch.randn(2, channels, channels, dtype=torch.float64)
    first = torch.randn(2, channels, dtype=torch.float64)
    x = features.clone().requires_grad_(True)
    flat = x.flatten(2)
    plain = ((flat @ flat.mT) * second).sum() + (flat.sum(2) * first).sum()
    (expected,) = torch.autograd.grad(plain, x)
    into = LAYOUTS[into_layout](torch.ones_like(features))
    add_sums_gradient(into, LAYOUTS[layout](features), second, first)
    assert_close(into, expected + 1)  # added to what was there
    x = LAYOUTS[layout](features).detach().requires_grad_(True)
    found = moments(x)
    (ours,) = torch.autograd.grad((found.second * second).sum() + (found.first * first).sum(), x)
    assert_close(ours, expected)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("into_layout", LAYOUTS)
@pytest.mark.parametrize("channels", [1, 4])
def test_gradients_of_weighted_moments_are_autograds_in_every_layout(
    channels: int, into_layout: str, layout: str
) -> None:
    features = torch.randn(2, channels, 6, 5, dtype=torch.float64)
    weights = torch.rand(1, 1, 6, 5, dtype=torch.float64)
    second = torch.randn(2, channels, channels, dtype=torch.float64)
    first = torch.randn(2, channels, dtype=torch.float64)
    x = features.clone().requires_grad_(True)
    found = moments(x, weights)
    (expected,) = torch.autograd.grad(
        (found.second * second).sum() + (found.first * first).sum(), x
    )
    into = LAYOUTS[into_layout](torch.ones_like(features))
    add_sums_gradient(into, LAYOUTS[layout](features), second, first, weights)
    assert_close(into, expected + 1)


@pytest.mark.parametrize("chunk", [1, 50, 10_000])
@pytest.mark.parametrize("shape", [(2, 4, 6, 5), (1, 3, 1, 5), (1, 3, 5, 1), (1, 3, 0, 5)])
def test_gradients_of_moments_a_few_rows_at_a_time_are_the_same_and_stay_inside(
    shape: tuple[int, ...], chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "CHUNK", chunk)
    b, c = shape[:2]
    features = torch.randn(shape, dtype=torch.float64)
    second = torch.randn(b, c, c, dtype=torch.float64)
    first = torch.randn(b, c, dtype=torch.float64)
    flat = (second + second.mT) @ features.flatten(2) + first[:, :, None]
    expected = F.pad(flat.view(shape), (1,) * 4)
    framed = channels_last(torch.zeros_like(expected))
    add_sums_gradient(
        framed[:, :, 1:-1, 1:-1], LAYOUTS["a tile, channels last"](features), second, first
    )
    assert_close(framed, expected)


def test_gradients_in_bfloat16_are_those_of_the_same_features() -> None:
    features = torch.randn(1, 4, 12, 10).bfloat16()
    second, first = torch.randn(1, 4, 4), torch.randn(1, 4)
    x = features.double().requires_grad_(True)
    flat = x.flatten(2)
    plain = ((flat @ flat.mT) * second).sum() + (flat.sum(2) * first).sum()
    (expected,) = torch.autograd.grad(plain, x)
    for layout in LAYOUTS.values():
        into = layout(torch.zeros_like(features))
        add_sums_gradient(into, layout(features), second, first)
        assert (into.double() - expected).norm() < 0.01 * expected.norm()  # 8 bits each


def test_no_positions_have_moments_of_zero() -> None:
    for empty in (torch.rand(1, 3, 0, 5), channels_last(torch.rand(1, 3, 4, 6))[..., 2:2]):
        found = moments(empty)
        assert found.second.abs().max() == 0 and found.first.abs().max() == 0
        assert found.count.item() == 0
