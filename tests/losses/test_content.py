"""The content term: its settings, what it needs, and its terms."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from gramarye.distributed.bands import whole
from gramarye.losses.content import CONTENT, ContentSettings
from gramarye.losses.kind import ErrorUnit, Needs
from gramarye.losses.targets import Targets
from gramarye.networks.features import PerceptualNetwork
from gramarye.tiles.extractor import FeatureExtractor
from gramarye.tiles.plan import choose_tiles

LAYERS = {"relu1_1": 3.0, "relu2_2": 1.0, "relu3_1": 0.0}


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("relative", {"relu1_1": 1.5, "relu2_2": 0.5}),
        ("mean", {"relu1_1": 6.0, "relu2_2": 2.0}),
        ("sum", {"relu1_1": 6.0, "relu2_2": 2.0}),
    ],
)
def test_layers_are_shares_where_errors_are_relative(
    unit: ErrorUnit, expected: dict[str, float]
) -> None:
    assert ContentSettings(layers=LAYERS, unit=unit, weight=2.0).weights() == expected


def test_it_needs_its_layers_of_the_image_and_their_features_of_the_content() -> None:
    layers = frozenset({"relu1_1", "relu2_2"})
    needs = CONTENT.needs(ContentSettings(layers=LAYERS))
    content = frozenset({"content"})
    assert needs == Needs(inputs=content, layers=layers, features={"content": layers})
    assert CONTENT.needs(ContentSettings(weight=0.0)) == Needs()


@pytest.mark.parametrize("unit", ["relative", "mean", "sum"])
def test_its_terms_compare_with_the_content(
    tiny_network: PerceptualNetwork, unit: ErrorUnit
) -> None:
    content, image = torch.rand(2, 1, 3, 36, 44)
    tiles = choose_tiles(tiny_network, ["relu1_1", "relu2_2"], 36, 44, None)
    extractor = FeatureExtractor(tiny_network)
    targets = Targets(extractor, {"content": content}, whole(36, 44), tiles)
    make = CONTENT.prepare(ContentSettings(layers=LAYERS, unit=unit, weight=2.0), targets)
    targets.measure()
    terms = {term.name: term for term in make()}
    weights = ContentSettings(layers=LAYERS, unit=unit, weight=2.0).weights()
    assert {name: term.weight for name, term in terms.items()} == {
        f"content/{layer}": weight for layer, weight in weights.items()
    }
    p, f = tiny_network(content, weights), tiny_network(image, weights)
    for layer in weights:
        assert terms[f"content/{layer}"].layers == (layer,)
        error = (f[layer] - p[layer]).square().sum()
        divisor = {"relative": p[layer].square().sum(), "mean": p[layer].numel(), "sum": 2}[unit]
        assert_close(terms[f"content/{layer}"].loss(f), (error / divisor)[None])
