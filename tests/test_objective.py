"""The objective: named losses, the exact gradient, and an independent Gatys loss."""

from collections.abc import Iterable, Mapping

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from gramarye.config import StylizeConfig, make_config
from gramarye.errors import SettingsError
from gramarye.losses.distances import paper_gram_distance
from gramarye.losses.moments_loss import MomentsLoss
from gramarye.losses.squared_error import content_loss
from gramarye.losses.statistics import moments
from gramarye.losses.style_losses import STYLE_LOSSES
from gramarye.losses.variation import TotalVariation
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.passes import ChainPasses, Pass
from gramarye.networks.vgg import narrow_vgg
from gramarye.objective import Objective, Term
from gramarye.stylize import make_objective
from tests.whole_image import WHOLE


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
            Term("content", 2.0, content_loss("relu4_2", p["relu4_2"], "sum"), ("relu4_2",)),
            *(
                Term(
                    f"style/{layer}",
                    3.0,
                    MomentsLoss(layer, moments(a[layer]), paper_gram_distance),
                    (layer,),
                )
                for layer in a
            ),
            Term("tv", 5.0, TotalVariation()),
        ],
    )


def configured(
    network: PerceptualNetwork, content: Tensor, style: Tensor, config: StylizeConfig
) -> Objective:
    return make_objective(network, {"content": content, "style/0": style}, config)


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
    assert_close(losses["content"], 2.0 * 0.5 * ((f["relu4_2"] - p["relu4_2"]) ** 2).sum()[None])
    for layer in ("relu1_1", "relu2_1"):
        n, m = f[layer].shape
        gram, target = f[layer] @ f[layer].T, a[layer] @ a[layer].T
        expected = 3.0 * ((gram - target) ** 2).sum() / (4 * n**2 * m**2)
        assert_close(losses[f"style/{layer}"], expected[None])


def test_losses_are_zero_and_the_gradient_vanishes_where_all_targets_are_met() -> None:
    network, image = double_network(), picture(1)
    config = make_config(color="free", tv_weight=0.0)
    evaluation = configured(network, image, image, config).evaluate(image)
    # Not quite zero where target and image went through differently laid out memory: a sum of
    # squares of differences of 1e-15, and a gradient as small as they are.
    assert evaluation.total.item() < 1e-20
    assert evaluation.gradient.abs().max().item() < 1e-10


def test_the_total_is_the_sum_of_the_named_losses() -> None:
    network = double_network()
    objective = configured(network, picture(1), picture(2), make_config(tv_weight=0.5, **WHOLE))
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
    losses = configured(network, content, style, config).evaluate(content).losses
    total = sum(value for name, value in losses.items() if name.startswith("style/"))
    assert_close(float(total), 7.0)


def test_strength_multiplies_the_style_weight_by_ten_each_way() -> None:
    network = double_network()

    def style(strength: float) -> float:
        config = make_config(strength=strength)
        objective = configured(network, picture(1), picture(2), config)
        return objective.evaluate(picture(3)).losses["style/relu3_1"].item()

    assert_close(style(1.0), 10 * style(0.5))
    assert_close(style(0.0), style(0.5) / 10)


def test_a_term_of_weight_zero_is_left_out() -> None:
    network = double_network()
    config = make_config(content_weight=0.0, style_layers={"relu1_1": 1.0, "relu2_1": 0.0})
    objective = configured(network, picture(1), picture(2), config)
    assert [term.name for term in objective.terms] == ["style/relu1_1"]


# memory


class Cramped:
    """Passes on a machine that has no memory for a window of more than `most` pixels."""

    def __init__(self, network: PerceptualNetwork, most: int, error: Exception) -> None:
        self.passes, self.most, self.error = ChainPasses(network), most, error
        self.failures = 0

    def __call__(self, image: Tensor, layers: Iterable[str], *, keep: bool) -> Pass:
        if image.shape[2] * image.shape[3] > self.most:
            self.failures += 1
            raise self.error
        return self.passes(image, layers, keep=keep)


def cramped_objective(most: int, error: Exception) -> tuple[Objective, Objective, Cramped]:
    """An objective, the same with too little memory, and its passes."""
    network = double_network()
    roomy = gatys_objective(network, picture(1, 160), picture(2))
    cramped = Cramped(network, most, error)
    return roomy, Objective(network, roomy.terms, passes=cramped), cramped


OUT_OF_MEMORY = (
    RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("could not create a primitive: out of memory"),
    MemoryError(),
)


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
def test_out_of_memory_it_goes_on_with_smaller_tiles_and_says_so(error: Exception) -> None:
    roomy, cramped, passes = cramped_objective(16_000, error)
    image = picture(3, 160)
    expected, found = roomy.evaluate(image), cramped.evaluate(image)
    tiles = len(cramped.plan(160, 160).tiles)
    assert tiles > 1 and passes.failures > 0
    assert found.notes[-1].startswith(f"out of memory: going on with {tiles} tiles instead of ")
    assert (found.gradient - expected.gradient).norm() <= 1e-12 * expected.gradient.norm()
    for name, value in expected.losses.items():
        assert_close(found.losses[name], value, rtol=1e-12, atol=1e-12)
    failures = passes.failures
    assert cramped.evaluate(image).notes == ()  # it stays with them
    assert passes.failures == failures


def test_out_of_memory_with_the_smallest_tiles_is_an_error() -> None:
    _, cramped, _ = cramped_objective(1, OUT_OF_MEMORY[0])
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        cramped.evaluate(picture(3, 160))


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    _, cramped, passes = cramped_objective(1, RuntimeError("a mistake"))
    with pytest.raises(RuntimeError, match="a mistake"):
        cramped.evaluate(picture(3, 160))
    assert passes.failures == 1


def brightest(features: Mapping[str, Tensor]) -> Tensor:
    """A loss that is no function of sums: of the largest activation alone."""
    return features["relu2_1"].square().amax((1, 2, 3)) + features["image"].amax((1, 2, 3))


def test_a_loss_that_is_no_function_of_sums_refuses_tiles_and_says_what_to_do() -> None:
    network = double_network()
    term = Term("brightest", 1.0, brightest, ("relu2_1",))
    with pytest.raises(
        SettingsError,
        match=r"loss brightest .* choose a smaller size, allow more memory, start one process, or "
        r"leave the loss out",
    ):
        Objective(network, [term], memory=100_000).evaluate(picture(3, 160))


def test_in_one_piece_any_loss_joins_the_others() -> None:
    network, image = double_network(), picture(3)
    terms = gatys_objective(network, picture(1), picture(2)).terms
    objective = Objective(network, [*terms, Term("brightest", 0.5, brightest, ("relu2_1",))])
    leaf = image.clone().requires_grad_(True)
    losses = objective.losses(leaf)
    (gradient,) = torch.autograd.grad(torch.stack(list(losses.values())).sum(), leaf)
    found = objective.evaluate(image)
    for name, value in losses.items():
        assert_close(found.losses[name], value.detach())
    assert (found.gradient - gradient).norm() <= 1e-12 * gradient.norm()


def test_terms_of_the_image_alone_need_no_network() -> None:
    objective = Objective(double_network(), [Term("tv", 2.0, TotalVariation())], memory=40_000)
    image = picture(3, 60).requires_grad_(True)
    loss = objective.losses(image)["tv"]
    (gradient,) = torch.autograd.grad(loss.sum(), image)
    found = objective.evaluate(image.detach())
    assert len(objective.plan(60, 60).tiles) > 1
    assert_close(found.total, loss.detach())
    assert_close(found.gradient, gradient)


# batches


@pytest.mark.parametrize("memory", [None, 300_000])
def test_a_batch_moves_as_its_images_would_alone(memory: int | None) -> None:
    network = double_network()
    terms = list(gatys_objective(network, picture(1, 96), picture(2)).terms)
    if memory is None:
        terms.append(Term("brightest", 0.5, brightest, ("relu2_1",)))
    objective = Objective(network, terms, memory=memory)
    images = [picture(seed, 96) for seed in (3, 4, 3)]
    found = objective.evaluate(torch.cat(images))
    assert (len(objective.plan(96, 96).tiles) > 1) == (memory is not None)
    for i, image in enumerate(images):
        alone = objective.evaluate(image)
        for name, value in alone.losses.items():
            assert found.losses[name].shape == (3,)
            assert_close(found.losses[name][i : i + 1], value, rtol=1e-12, atol=0)
        assert_close(found.total[i : i + 1], alone.total, rtol=1e-12, atol=0)
        difference = found.gradient[i : i + 1] - alone.gradient
        assert difference.norm() <= 1e-12 * alone.gradient.norm()


@pytest.mark.parametrize("distance", sorted(STYLE_LOSSES))
@pytest.mark.parametrize("memory", [None, 300_000])
def test_a_batch_of_copies_has_per_image_the_losses_of_one(
    distance: str, memory: int | None
) -> None:
    network = double_network()
    config = make_config(tv_weight=0.5, style_loss=distance, **WHOLE)
    mask = torch.rand(1, 1, 96, 96, dtype=torch.float64)
    seen = {"content": picture(1, 96), "style/0": picture(2), "content-mask": mask}
    terms = make_objective(network, seen, config).terms
    objective = Objective(network, terms, memory=memory)
    if memory is not None and STYLE_LOSSES[distance].of == "maps":
        with pytest.raises(SettingsError, match="no function of sums"):
            objective.evaluate(picture(3, 96))
        return
    one, three = (objective.evaluate(picture(3, 96).expand(n, -1, -1, -1)) for n in (1, 3))
    assert (len(objective.plan(96, 96).tiles) > 1) == (memory is not None)
    for name, value in one.losses.items():
        assert_close(three.losses[name], value.expand(3), rtol=1e-10, atol=0)
    expected = one.gradient.expand_as(three.gradient)
    assert (three.gradient - expected).norm() <= 1e-10 * expected.norm()
