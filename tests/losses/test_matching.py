"""Losses that look for the nearest: by hand, against loops over all pairs."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from gramarye.losses.maps_loss import Map
from gramarye.tiles.regions import Box
from tests.losses.making import loss_for, maps_of, random_features


def row(*columns: tuple[float, float]) -> dict[str, Tensor]:
    """Positions side by side, of two channels."""
    return {"fine": torch.tensor(columns, dtype=torch.float64).mT.reshape(1, 2, 1, -1)}


def test_the_relaxed_earth_movers_distance_by_hand() -> None:
    # The image has one direction of the style's two: each of its positions is met (cost 0), half
    # of the style's is not, at a right angle (cost 1).
    loss = loss_for("remd", [row((1, 0), (0, 2))])
    assert_close(loss(row((3, 0), (1, 0))).item(), 0.5)
    # The other way round.
    loss = loss_for("remd", [row((1, 0), (2, 0))])
    assert_close(loss(row((3, 0), (0, 1))).item(), 0.5)


def test_it_is_the_larger_mean_over_hypercolumns() -> None:
    image, style = maps_of(1), maps_of(0)

    def columns(maps: dict[str, Tensor]) -> Tensor:
        parts = []
        for layer in ("fine", "coarse"):
            length = style[layer].square().sum(1).mean()
            x = maps[layer] if layer == "fine" else F.interpolate(maps[layer], (8, 10))
            parts.append((x / length.sqrt())[0].flatten(1))
        return F.normalize(torch.cat(parts), dim=0)

    cost = 1 - columns(image).mT @ columns(style)
    expected = max(cost.min(1).values.mean(), cost.min(0).values.mean())
    found = loss_for("remd", [style], ("fine", "coarse"))(image)
    assert_close(found.sum(), expected, rtol=1e-6, atol=0)


def test_nearest_features_by_loops() -> None:
    image, style = (maps_of(seed)["fine"] for seed in (1, 0))
    mean = style[0].flatten(1).mean(1)
    total = 0.0
    for x in image[0].flatten(1).mT:
        angles = [F.cosine_similarity(x - mean, y - mean, dim=0) for y in style[0].flatten(1).mT]
        total += 1 - float(max(angles))
    found = loss_for("nearest", [{"fine": style}])({"fine": image})
    assert_close(found.item(), total / 80, rtol=1e-8, atol=0)


def test_patches_by_loops() -> None:
    image, style = (maps_of(seed)["fine"] for seed in (1, 0))

    def cut(x: Tensor) -> list[Tensor]:
        return [
            x[0, :, top : top + 3, left : left + 3]
            for top in range(0, 6, 2)
            for left in range(0, 8, 2)
        ]

    total = 0.0
    for patch in cut(image):
        best = max(cut(style), key=lambda other: float((patch * other).sum() / other.norm()))
        total += float((patch - best).square().mean())
    found = loss_for("mrf", [{"fine": style}])({"fine": image})
    assert_close(found.item(), total / 12)


def test_maps_smaller_than_a_patch_are_compared_with_larger_ones() -> None:
    style = random_features(0, 3, 8, 9)
    loss = loss_for("mrf", [{"fine": style}])
    assert loss({"fine": style[..., :1, :2]}).item() > 0
    assert loss_for("mrf", [{"fine": style[..., :2, :2]}])({"fine": style}).item() > 0


def test_a_texture_and_its_shift_have_the_same_patches() -> None:
    tile = random_features(0, 2, 4, 4)
    texture = tile.repeat(1, 1, 4, 4)
    loss = loss_for("mrf", [{"fine": texture}])
    assert loss({"fine": texture.roll((2, 2), dims=(2, 3))}).item() < 1e-12
    assert loss({"fine": texture.flip(2)}).item() > 1e-3


def test_cells_are_means_by_hand() -> None:
    x = torch.arange(16.0).view(1, 1, 4, 4)
    assert Map(x).pooled(16).features is x
    found = Map(x).pooled(4)
    assert found.features.flatten().tolist() == [2.5, 4.5, 10.5, 12.5]
    weights = torch.ones(1, 1, 4, 4)
    weights[..., 0, 0] = 0
    weights[..., 2:, 2:] = 0
    weighted = Map(x, weights).pooled(4)
    assert weighted.weights is not None
    assert weighted.weights.flatten().tolist() == [0.75, 1, 1, 0]
    assert_close(weighted.features[0, 0, 0, 0].item(), 10 / 3)
    assert weighted.chosen().tolist() == [True, True, True, False]
    gray = Map(x, 0.1 * weights).pooled(4)  # a gray mask is one, too
    assert gray.chosen().tolist() == [True, True, True, False]


def test_every_position_keeps_a_gradient_where_there_are_more_than_are_compared() -> None:
    style, image = random_features(0, 3, 80, 70), random_features(1, 3, 80, 70)
    for name in ("remd", "nearest", "mrf"):  # 5600 positions
        leaf = image.clone().requires_grad_(True)
        value = loss_for(name, [{"fine": style}])({"fine": leaf})
        (gradient,) = torch.autograd.grad(value.sum(), leaf)
        reached = (gradient.abs().sum(1) > 0).double().mean().item()
        assert reached > 0.95, name


def test_a_mask_leaves_out_what_is_mostly_black() -> None:
    def left(layer: str, box: Box) -> Tensor:
        mask = torch.tensor([[[[1.0, 0.6, 0.4, 0.0]]]], dtype=torch.float64)
        return box.of(mask)

    style = [row((1, 0), (0, 2))]
    image = row((1, 0), (0, 1), (-1, 0), (0, -1))
    assert loss_for("remd", style, weights=left)(image).item() < 1e-9
    assert loss_for("remd", style)(image).item() > 0.1


def test_a_mask_between_the_middles_of_patches_is_heeded() -> None:
    style, image = random_features(0, 3, 9, 9), random_features(1, 3, 9, 9).requires_grad_(True)

    def spot(layer: str, box: Box) -> Tensor:
        mask = torch.zeros(1, 1, 9, 9, dtype=torch.float64)
        mask[..., 2, 4] = 1.0
        return box.of(mask)

    value = loss_for("mrf", [{"fine": style}], weights=spot)({"fine": image})
    (gradient,) = torch.autograd.grad(value.sum(), image)
    assert gradient[..., :5, 2:7].all() and not gradient[..., 5:, :].any()
