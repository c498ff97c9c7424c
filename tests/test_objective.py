"""The objective: named losses, the exact gradient, and an independent Gatys loss."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from gramarye.config import make_config
from gramarye.losses.content import make_content_loss
from gramarye.losses.distances import paper_gram_distance
from gramarye.losses.statistics import moments
from gramarye.losses.style import StyleLoss
from gramarye.losses.total_variation import TotalVariationLoss
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.vgg import narrow_vgg
from gramarye.objective import Objective, Term
from gramarye.stylize import make_objective


def double_network(seed: int = 0) -> PerceptualNetwork:
    """A VGG-19 of three channels per layer in float64, with random weights."""
    network = narrow_vgg("tiny", [(3, 3), (3, 3), (3,) * 4, (3,) * 4, (3,)], "reflect").double()
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.copy_(0.4 * torch.randn(parameter.shape, generator=generator))
    return network


def picture(seed: int, side: int = 32) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3, side, side, generator=generator, dtype=torch.float64)


def gatys_objective(network: PerceptualNetwork, content: Tensor, style: Tensor) -> Objective:
    with torch.no_grad():
        p, a = network(content, ["relu4_2"]), network(style, ["relu1_1", "relu2_1"])
    return Objective(
        network,
        [
            Term("content", 2.0, make_content_loss("relu4_2", p["relu4_2"], "sum"), ("relu4_2",)),
            *(
                Term(
                    f"style/{layer}",
                    3.0,
                    StyleLoss(layer, moments(a[layer]), paper_gram_distance),
                    (layer,),
                )
                for layer in a
            ),
            Term("tv", 5.0, TotalVariationLoss()),
        ],
    )


def test_the_gradient_agrees_with_finite_differences() -> None:
    network = double_network()
    objective = gatys_objective(network, picture(1), picture(2))
    image = picture(3)
    evaluation = objective.evaluate(image)
    direction = torch.randn(image.shape, dtype=torch.float64)
    step = 1e-6

    def total(x: Tensor) -> float:
        return sum(value.item() for value in objective.losses(x).values())

    slope = (total(image + step * direction) - total(image - step * direction)) / (2 * step)
    assert_close(slope, (evaluation.gradient * direction).sum().item(), rtol=1e-5, atol=1e-8)


def test_losses_are_those_of_the_paper_written_out_plainly() -> None:
    network = double_network()
    content, style, image = picture(1), picture(2), picture(3)
    losses = gatys_objective(network, content, style).evaluate(image).losses

    def activations(x: Tensor) -> dict[str, Tensor]:
        found, x = {}, (x - 0.5) / 0.25
        for block, depth in enumerate((2, 2, 4, 2), start=1):
            for layer in range(1, depth + 1):
                conv = network.body[f"conv{block}_{layer}"]
                x = F.relu(F.conv2d(F.pad(x, (1,) * 4, "reflect"), conv.weight, conv.bias))
                found[f"relu{block}_{layer}"] = x[0].flatten(1)
            x = F.max_pool2d(x, 2)
        return found

    f, p, a = activations(image), activations(content), activations(style)
    assert_close(losses["content"], 2.0 * 0.5 * ((f["relu4_2"] - p["relu4_2"]) ** 2).sum())
    for layer in ("relu1_1", "relu2_1"):
        n, m = f[layer].shape
        gram, target = f[layer] @ f[layer].T, a[layer] @ a[layer].T
        expected = 3.0 * ((gram - target) ** 2).sum() / (4 * n**2 * m**2)
        assert_close(losses[f"style/{layer}"], expected)


def test_losses_are_zero_and_the_gradient_vanishes_where_all_targets_are_met() -> None:
    network, image = double_network(), picture(1)
    config = make_config(color="free", tv_weight=0.0)
    evaluation = make_objective(network, image, [image], config).evaluate(image)
    assert evaluation.total.item() == 0
    assert evaluation.gradient.abs().max().item() == 0


def test_the_total_is_the_sum_of_the_named_losses() -> None:
    network = double_network()
    objective = make_objective(network, picture(1), [picture(2)], make_config(tv_weight=0.5))
    evaluation = objective.evaluate(picture(3))
    assert_close(evaluation.total, sum(evaluation.losses.values()))
    assert list(evaluation.losses) == [
        "content/relu4_2",
        *(f"style/relu{block}_1" for block in range(1, 5)),
        "tv",
    ]


def test_the_relative_style_loss_of_the_content_is_the_style_weight() -> None:
    network, content, style = double_network(), picture(1), picture(2)
    config = make_config(style_weight=7.0, strength=0.5)
    losses = make_objective(network, content, [style], config).evaluate(content).losses
    total = sum(value for name, value in losses.items() if name.startswith("style/"))
    assert_close(float(total), 7.0)


def test_strength_multiplies_the_style_weight_by_ten_each_way() -> None:
    network = double_network()

    def style(strength: float) -> float:
        config = make_config(strength=strength)
        objective = make_objective(network, picture(1), [picture(2)], config)
        return objective.evaluate(picture(3)).losses["style/relu3_1"].item()

    assert_close(style(1.0), 10 * style(0.5))
    assert_close(style(0.0), style(0.5) / 10)


def test_a_term_of_weight_zero_is_left_out() -> None:
    network = double_network()
    config = make_config(content_weight=0.0, style_layers={"relu1_1": 1.0, "relu2_1": 0.0})
    objective = make_objective(network, picture(1), [picture(2)], config)
    assert [term.name for term in objective.terms] == ["style/relu1_1"]
