"""The temporal term: zero at its target, its closed form, its gradient, in tiles and bands."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.config import make_config
from gramarye.errors import InputError
from gramarye.inputs.inputs import Input, Inputs
from gramarye.losses.kind import Needs, Term
from gramarye.losses.temporal import TEMPORAL, TemporalSettings
from gramarye.networks.features import PerceptualNetwork
from gramarye.plan import make_plan
from gramarye.stylize import make_objective
from gramarye.tiles.regions import IMAGE

SIZE = (40, 56)


def drawn(seed: int, channels: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, channels, *SIZE, generator=generator, dtype=torch.float64)


def terms(network: PerceptualNetwork, weight: float = 2.0, **seen: Tensor) -> list[Term]:
    config = make_config(temporal_weight=weight)
    inputs = {"content": drawn(1), "style/0": drawn(2)}
    inputs |= {
        name.replace("_", "/").replace("mask", "warped-weights"): x for name, x in seen.items()
    }
    objective = make_objective(network, inputs, config)
    return [term for term in objective.terms if term.name.startswith("temporal")]


def test_it_is_the_weighted_mean_square(tiny_network: PerceptualNetwork) -> None:
    warped, weights, image = drawn(3), drawn(4, 1), drawn(5)
    (term,) = terms(tiny_network.double(), warped_0=warped, mask_0=weights)
    wanted = (weights * (image - warped).square()).sum() / image.numel()
    assert (term.name, term.weight, term.layers) == ("temporal/0", 2.0, ())
    assert_close(term.loss({IMAGE: image}), wanted[None])


def test_a_half_apart_by_a_tenth_is_half_a_hundredth(tiny_network: PerceptualNetwork) -> None:
    weights = torch.zeros(1, 1, *SIZE)
    weights[..., : SIZE[1] // 2] = 1
    gray = torch.full((1, 3, *SIZE), 0.5)
    (term,) = terms(tiny_network, warped_0=gray, mask_0=weights)
    assert_close(term.loss({IMAGE: gray + 0.1}), torch.tensor([0.005]))


def test_it_is_zero_at_the_frame_before_and_where_nothing_counts(
    tiny_network: PerceptualNetwork,
) -> None:
    none = torch.zeros(1, 1, *SIZE, dtype=torch.float64)
    first, second = terms(tiny_network.double(), warped_0=drawn(3), warped_1=drawn(6), mask_1=none)
    assert float(first.loss({IMAGE: drawn(3)})) == 0
    assert float(second.loss({IMAGE: drawn(3)})) == 0
    assert float(first.loss({IMAGE: drawn(5)})) > 0  # without weights all pixels count


def test_its_gradient_is_that_of_its_value(tiny_network: PerceptualNetwork) -> None:
    (term,) = terms(tiny_network.double(), warped_0=drawn(3), mask_0=drawn(4, 1))
    image = drawn(5)[..., :6, :7].requires_grad_(True)
    assert torch.autograd.gradcheck(
        lambda x: term.loss({IMAGE: torch.nn.functional.pad(x, (0, 49, 0, 34))}), (image,)
    )


def test_tiles_change_nothing(tiny_network: PerceptualNetwork) -> None:
    network, size = tiny_network.double(), (160, 192)
    config = make_config(temporal_weight=5.0, size=192, min_size=192)
    generator = torch.Generator().manual_seed(0)
    names = ("content", "style/0", "warped/0", "warped-weights/0")
    pictures = {k: torch.rand(1, 3, *size, generator=generator).double() for k in names}
    inputs = Inputs({name: Input.of(x) for name, x in pictures.items()}, config.picture)
    found = []
    for memory in (None, 6 * 2**20):
        plan = make_plan(config, network, inputs.sizes, torch.device("cpu"), memory=memory)
        scale = plan.scales[-1]
        seen = inputs.at(scale.bands, (0, size[0]), config.picture, plan.device)
        objective = make_objective(network, seen, config, scale.budget)
        assert (len(objective.plan(*size).tiles) > 1) == (memory is not None)
        found.append(objective.evaluate(pictures["content"] ** 2))
    whole, tiled = found
    assert_close(whole.losses["temporal/0"], tiled.losses["temporal/0"])
    assert_close(whole.gradient, tiled.gradient)


def test_switched_off_it_needs_nothing() -> None:
    assert TEMPORAL.needs(TemporalSettings()) == Needs()
    assert TEMPORAL.needs(TemporalSettings(weight=1.0)).inputs == {"warped"}


def test_it_asks_for_a_frame_and_weights_for_theirs(tiny_network: PerceptualNetwork) -> None:
    config, sizes = make_config(temporal_weight=1.0), {"content": SIZE, "style/0": SIZE}
    with pytest.raises(InputError, match="there is no warped"):
        make_plan(config, tiny_network, sizes, torch.device("cpu"))
    pictures = {name: drawn(1) for name in ("content", "style/0", "warped-weights/0")}
    with pytest.raises(InputError, match="warped-weights/0 is of no frame: give 'warped/0'"):
        Inputs({name: Input.of(picture) for name, picture in pictures.items()})
