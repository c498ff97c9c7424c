"""Features tile by tile: those of the whole."""

import torch
from torch.testing import assert_close

from gramarye.networks.features import PerceptualNetwork
from gramarye.tiles.extractor import FeatureExtractor
from gramarye.tiles.tiling import plan_tiles

LAYERS = ("relu1_1", "relu3_1")


def test_features_in_tiles_are_those_of_the_whole(tiny_network: PerceptualNetwork) -> None:
    network, image = tiny_network.double(), torch.rand(1, 3, 130, 171, dtype=torch.float64)
    expected = network(image, LAYERS)
    extractor = FeatureExtractor(network, memory=500_000)
    looks = list(extractor.features(image, LAYERS))
    assert tuple(tile for tile, _ in looks) == extractor.tiles(130, 171, LAYERS)
    assert len(looks) > 4
    for tile, features in looks:
        for layer in LAYERS:
            region = tile.regions[layer]
            found = region.inside.of(features[layer])
            assert_close(found, region.whole.of(expected[layer]), rtol=1e-12, atol=1e-12)


def test_tiles_may_be_given(tiny_network: PerceptualNetwork) -> None:
    tiles = plan_tiles(tiny_network, LAYERS, 40, 52, 1, 2)
    looks = FeatureExtractor(tiny_network).features(torch.rand(1, 3, 40, 52), LAYERS, tiles)
    assert [tile for tile, _ in looks] == tiles
    assert len(tiles) == 2


def test_without_layers_nothing_is_looked_at(tiny_network: PerceptualNetwork) -> None:
    assert list(FeatureExtractor(tiny_network).features(torch.rand(1, 3, 4, 4), [])) == []
