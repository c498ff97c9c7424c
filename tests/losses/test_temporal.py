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
from gramarye.losses.temporal import TEMPORAL, TemporalSettings, check_warped
from gramarye.networks.features import PerceptualNetwork
from gramarye.objective import Objective
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
    weights = torch.zeros(1, 1, *SIZE, dtype=torch.float64)
    weights[..., : SIZE[1] // 2] = 1
    gray = torch.full((1, 3, *SIZE), 0.5, dtype=torch.float64)
    (term,) = terms(tiny_network.double(), warped_0=gray, mask_0=weights)
    assert_close(term.loss({IMAGE: gray + 0.1}), torch.tensor([0.005], dtype=torch.float64))


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
    network, size = tiny_network.double(), (320, 384)
    generator = torch.Generator().manual_seed(0)
    names = {"content": 3, "style/0": 3, "warped/0": 3, "warped-weights/0": 1}
    seen = {k: torch.rand(1, n, *size, generator=generator).double() for k, n in names.items()}
    whole = make_objective(network, seen, make_config(temporal_weight=5.0))
    tiled = Objective(network, whole.terms, memory=whole.plan(*size).bytes // 2)
    assert len(tiled.plan(*size).tiles) > 1
    image = seen["content"] ** 2
    one, other = whole.evaluate(image), tiled.evaluate(image)
    assert_close(one.losses["temporal/0"], other.losses["temporal/0"])
    assert_close(one.gradient, other.gradient)


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


def test_frames_that_nothing_pulls_towards_are_told() -> None:
    check_warped(TemporalSettings(weight=1.0), ["content", "warped/0"])
    check_warped(TemporalSettings(), ["content", "style/0"])
    with pytest.raises(InputError, match="nothing pulls towards it: give --temporal-weight"):
        check_warped(TemporalSettings(), ["content", "warped/0"])
