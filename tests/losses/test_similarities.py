"""Self-similarity: by hand, and what it does not see."""

import torch
from torch.testing import assert_close

from gramarye.losses.maps_loss import Map
from gramarye.losses.similarities import shares_of_distance, similarity_distance
from tests.losses.making import random_features


def test_shares_by_hand() -> None:
    # Three positions: two alike, one at a right angle to both.
    x = torch.tensor([[1.0, 2.0, 0.0], [0.0, 0.0, 5.0]]).double().view(1, 2, 1, 3)
    expected = torch.tensor([[0, 0, 0.5], [0, 0, 0.5], [1, 1, 0]]).double()
    assert_close(shares_of_distance(Map(x))[0], expected, rtol=0, atol=1e-9)


def test_it_sees_no_rotation_of_all_features_and_no_scale() -> None:
    content, other = random_features(0), random_features(1)
    distance = similarity_distance(Map(content))
    turn = torch.linalg.qr(random_features(2, 1, 4, 4)[0, 0]).Q
    turned = 3 * torch.einsum("dc,bchw->bdhw", turn, content)
    assert distance({"x": Map(turned)}).item() < 1e-9
    assert 0.1 < distance({"x": Map(other)}).item() < 2


def test_it_has_the_gradient_of_finite_differences_and_batches() -> None:
    distance = similarity_distance(Map(random_features(0)))
    image = random_features(1).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: distance({"x": Map(x)}), (image,), fast_mode=True)
    three = torch.cat([random_features(seed) for seed in (1, 2, 1)])
    alone = [distance({"x": Map(random_features(seed))}) for seed in (1, 2, 1)]
    assert_close(distance({"x": Map(three)}), torch.cat(alone))
