"""The catalog knows every network's layers, and says so without PyTorch."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gramarye.errors import LayerError
from gramarye.networks.catalog import NETWORKS, check_layers
from gramarye.networks.registry import define, load_network


@pytest.mark.parametrize("name", NETWORKS)
def test_the_layers_are_those_of_the_network_itself(name: str) -> None:
    info = NETWORKS[name]
    network = load_network(name) if info.embedded else define(name, "max", "zeros")
    assert info.layers == network.layers


def test_layers_by_hand() -> None:
    assert NETWORKS["vgg16"].layers[-7:] == (
        "conv5_1", "relu5_1", "conv5_2", "relu5_2", "conv5_3", "relu5_3", "pool5",
    )  # fmt: skip
    assert len(NETWORKS["vgg19"].layers) == 16 * 2 + 5
    assert NETWORKS["squeezenet1_0"].layers[:8] == (
        "conv1", "relu1", "pool1", "fire2", "fire3", "fire4", "pool2", "fire5",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "layer", "meant"),
    [
        ("vgg19-lite", "relu1_9", "relu1_2"),
        ("vgg19", "relu44_1", "relu4_1"),
        ("alexnet", "relu", "relu5"),
        ("googlenet", "inception4f", "inception4"),
        ("squeezenet1_1", "fire99", "fire9"),
    ],
)
def test_a_wrong_layer_gets_the_networks_own_sentence(name: str, layer: str, meant: str) -> None:
    info = NETWORKS[name]
    network = load_network(name) if info.embedded else define(name, "max", "zeros")
    with pytest.raises(LayerError, match=f"did you mean '{meant}") as told:
        check_layers(info, ["relu1_1" if "relu1_1" in info.layers else "relu1", layer])
    with pytest.raises(LayerError) as own:
        network.check_layers([layer])
    assert str(told.value) == str(own.value)


def test_layers_that_are_there_pass() -> None:
    for info in NETWORKS.values():
        check_layers(info, (*info.layers, *info.style_layers, info.content_layer))


def test_the_catalog_needs_no_torch() -> None:
    code = "import sys, gramarye.networks.catalog; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
