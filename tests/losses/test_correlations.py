"""Correlations with shifted features and across layers, by hand."""

import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.losses.correlations import shifted_gram
from gramarye.losses.maps_loss import Map
from tests.losses.making import loss_for, maps_of


def test_a_shifted_gram_by_hand() -> None:
    # 1 2 3 4 with itself two to the right: (1 * 3 + 2 * 4) / 2.
    x = torch.tensor([1.0, 2.0, 3.0, 4.0]).view(1, 1, 1, 4)
    assert shifted_gram(Map(x), 0, 2).item() == 5.5
    weights = torch.tensor([1.0, 0.0, 1.0, 1.0]).view(1, 1, 1, 4)
    assert shifted_gram(Map(x, weights), 0, 2).item() == 3.0


def test_the_loss_is_the_mean_over_shifts_that_fit() -> None:
    image, style = (maps_of(seed)["fine"] for seed in (1, 0))  # 8 x 10: shifts of 2 and of 4

    def grams(x: Tensor) -> list[Tensor]:
        found = []
        for d in (2, 4):
            for a, b in ((x[0, :, :-d], x[0, :, d:]), (x[0, ..., :-d], x[0, ..., d:])):
                found.append(torch.einsum("cyx,dyx->cd", a, b) / a[0].numel())
        return found

    parts = [(a - b).square().mean() for a, b in zip(grams(image), grams(style), strict=True)]
    found = loss_for("shifted-gram", [{"fine": style}])({"fine": image})
    assert_close(found.sum(), torch.stack(parts).mean())


def test_stripes_of_another_direction_differ_where_plain_gram_matrices_agree() -> None:
    stripes = torch.tensor([1.0, 1.0, 0.0, 0.0]).repeat(2).double()
    across = stripes.view(1, 1, 1, 8).expand(1, 1, 8, 8)
    down = across.mT
    assert loss_for("gram", [{"fine": across}])({"fine": down}).item() < 1e-12
    assert loss_for("shifted-gram", [{"fine": across}])({"fine": down}).item() > 0.05


def test_across_layers_is_the_gram_of_one_with_the_other_enlarged() -> None:
    image, style = maps_of(1), maps_of(0)

    def gram(maps: dict[str, Tensor]) -> Tensor:
        enlarged = maps["coarse"].repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        return torch.einsum("cyx,dyx->cd", maps["fine"][0], enlarged[0]) / 80

    expected = (gram(image) - gram(style)).square().mean()
    found = loss_for("cross-layer", [style], ("fine", "coarse"))(image)
    assert_close(found.sum(), expected)
