from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.errors import SettingsError
from gramarye.networks.features import PerceptualNetwork, Pooling
from gramarye.networks.googlenet import googlenet_steps
from gramarye.networks.normalization import normalize_to_unit_activation, sample_images
from gramarye.networks.squeezenet import squeezenet_steps
from gramarye.networks.vgg import vgg_steps

BLOCKS = ((5, 6), (7, 4), (6, 5), (8,))


@pytest.fixture
def images() -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    sizes = ((33, 40), (24, 31), (48, 48))
    return [torch.rand(1, 3, *size, generator=generator).double() for size in sizes]


def network(pooling: Pooling = "max") -> PerceptualNetwork:
    made = PerceptualNetwork("some", vgg_steps(BLOCKS, pooling, "reflect")).double()
    generator = torch.Generator().manual_seed(0)
    for parameter in made.parameters():
        value = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        parameter.copy_(3 * value)
    return made


def exactness(pooling: Pooling) -> dict[str, float]:
    # The root of L2 pooling is rounded off at zero, by 1e-6, which no factor scales.
    return dict.fromkeys(("rtol", "atol"), 1e-3 if pooling == "l2" else 1e-6)


@pytest.mark.parametrize("pooling", ["max", "avg", "l2"])
def test_the_mean_activation_of_every_filter_becomes_one(
    images: list[Tensor], pooling: Pooling
) -> None:
    some = network(pooling)
    normalize_to_unit_activation(some, images)
    relus = [layer for layer in some.layers if layer.startswith("relu")]
    features = [some(image, relus) for image in images]
    for layer in relus:
        activations = torch.cat([f[layer][0].flatten(1) for f in features], dim=1)
        means = activations.mean(1)
        assert (means > 0).sum() > 2, "the test would say nothing of dead filters"
        assert_close(means[means > 0], torch.ones_like(means[means > 0]), **exactness(pooling))


@pytest.mark.parametrize("pooling", ["max", "avg", "l2"])
def test_the_network_sees_the_same_up_to_a_factor_per_channel(
    images: list[Tensor], pooling: Pooling
) -> None:
    before, after = network(pooling), network(pooling)
    normalize_to_unit_activation(after, images)
    old, new = (n(images[1], n.layers) for n in (before, after))
    for layer in before.layers:
        sizes = (old[layer].norm(dim=(2, 3)), new[layer].norm(dim=(2, 3)))
        ratio = (sizes[0] / sizes[1]).nan_to_num(1.0)[:, :, None, None]
        error = (new[layer] * ratio - old[layer]).norm() / old[layer].norm()
        assert error < exactness(pooling)["rtol"], layer


def test_a_normalized_network_stays_as_it_is(images: list[Tensor]) -> None:
    some = network()
    normalize_to_unit_activation(some, images)
    weights = {key: value.clone() for key, value in some.state_dict().items()}
    normalize_to_unit_activation(some, images)
    assert_close(dict(some.state_dict()), weights)


def test_a_filter_that_never_fires_is_left_alone(images: list[Tensor]) -> None:
    some = network()
    some.body["conv1_1"].bias[2] = -1e6
    filter_before = some.body["conv1_1"].weight[2].clone()
    normalize_to_unit_activation(some, images)
    assert_close(some.body["conv1_1"].weight[2], filter_before)
    assert all(parameter.isfinite().all() for parameter in some.parameters())


def test_heads_measure_the_same_distances_as_before(images: list[Tensor]) -> None:
    def distance(some: PerceptualNetwork) -> Tensor:
        moments = []
        for image in images[:2]:
            x = some(image, ["relu2_1"])["relu2_1"][0].flatten(1)  # (C, M)
            x = torch.cat([x, torch.ones_like(x[:1])])
            moments.append(x @ x.mT / x.shape[1])
        head = some.heads["relu2_1"]
        return (head @ (moments[0] - moments[1]) @ head).norm()

    some = network()
    half = torch.randn(8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    some.heads["relu2_1"] = half @ half.mT
    before = distance(some)
    normalize_to_unit_activation(some, images)
    assert_close(distance(some), before, rtol=1e-6, atol=0)


@pytest.mark.parametrize("steps", [squeezenet_steps("1.1"), googlenet_steps()])
def test_networks_with_branches_say_that_they_cannot(steps: list, images: list[Tensor]) -> None:  # type: ignore[type-arg]
    branched = PerceptualNetwork("branched", steps)
    with pytest.raises(SettingsError, match="branched cannot be rescaled"):
        normalize_to_unit_activation(branched, images)


def test_the_packaged_samples_are_small_images() -> None:
    images = sample_images()
    assert len(images) == 9
    for image in images:
        assert image.shape[:2] == (1, 3) and max(image.shape[-2:]) <= 256
        assert image.min() >= 0 and image.max() <= 1
