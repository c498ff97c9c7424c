"""The gradients printed in the papers: by hand, against autograd, and against the objective's."""

from __future__ import annotations

import copy

import torch
from torch import Tensor
from torch.testing import assert_close

import gramarye
from gramarye.losses import published_gradients as papers
from gramarye.networks.features import PerceptualNetwork
from gramarye.stylize import make_objective


def rand(*shape: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def before_relu(seed: int) -> Tensor:
    """What goes into a ReLU; about half of it is negative."""
    return rand(2, 3, 4, 5, seed=seed) - 0.5


def test_the_content_gradient_is_that_of_its_loss_through_the_relu() -> None:
    x, target = before_relu(0).requires_grad_(), before_relu(1).relu()
    features = x.relu()
    (gradient,) = torch.autograd.grad(papers.content_loss(features, target).sum(), x)
    assert_close(papers.content_gradient(features.detach(), target), gradient)
    assert (gradient == 0).any()
    assert (gradient != 0).any()


def test_the_style_gradient_is_that_of_its_loss_through_the_relu() -> None:
    x, target = before_relu(0).requires_grad_(), papers.gram_matrix(before_relu(1).relu())
    features = x.relu()
    (gradient,) = torch.autograd.grad(papers.style_loss(features, target).sum(), x)
    assert_close(papers.style_gradient(features.detach(), target), gradient)
    assert (gradient != 0).any()


def test_the_losses_by_hand() -> None:
    features = torch.tensor([[[[1.0, 2.0]], [[0.0, 3.0]]]])  # two channels at two positions
    target = torch.tensor([[[[0.0, 2.0]], [[1.0, 1.0]]]])
    assert papers.content_loss(features, target).tolist() == [(1 + 0 + 1 + 4) / 2]
    assert papers.content_gradient(features, target).tolist() == [[[[1.0, 0.0]], [[0.0, 2.0]]]]
    assert papers.gram_matrix(features).tolist() == [[[5.0, 6.0], [6.0, 9.0]]]
    identity = torch.eye(2)[None]
    assert papers.style_loss(features, identity).tolist() == [(16 + 36 + 36 + 64) / 64]
    # (G - A) F = [[4, 6], [6, 8]] [[1, 2], [0, 3]], over 16; nothing where a feature is silent
    gradient = papers.style_gradient(features, identity)
    assert gradient.tolist() == [[[[4 / 16, 26 / 16]], [[0.0, 36 / 16]]]]


def test_an_objective_of_the_paper_has_the_papers_gradients(
    tiny_network: PerceptualNetwork,
) -> None:
    """In the pixels: the printed gradients, sent back from the ReLUs to the image."""
    network = copy.deepcopy(tiny_network).double()
    content, style, image = (rand(1, 3, 32, 32, seed=seed) for seed in range(3))
    config = gramarye.make_config(
        size=32,
        coarse_to_fine=False,
        color="free",
        content_layers={"relu2_1": 1.0},
        content_loss="sum",
        content_weight=0.7,
        style_layers={"relu1_1": 1.0},
        style_loss="gram-paper",
        balance="absolute",
        style_weight=2.0,
        precision="float32",
    )
    found = make_objective(network, {"content": content, "style/0": style}, config).evaluate(image)
    x = image.clone().requires_grad_()
    before = network(x, ["conv1_1", "conv2_1"])
    wanted = network(content, ["relu2_1"])["relu2_1"]
    seen = network(style, ["relu1_1"])["relu1_1"]
    pulls = [
        2.0 * papers.style_gradient(before["conv1_1"].relu(), papers.gram_matrix(seen)),
        0.7 * papers.content_gradient(before["conv2_1"].relu(), wanted),
    ]
    (gradient,) = torch.autograd.grad([before["conv1_1"], before["conv2_1"]], x, pulls)
    assert_close(found.gradient, gradient, rtol=1e-6, atol=1e-12)
