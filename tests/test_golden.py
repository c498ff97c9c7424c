"""The golden run: one small picture, the same on every processor, moved by every setting.

Each tolerance is justified twice: what processors and threads leave to rounding stays below it,
and a tenth more of any weight lies above it.

float32: between AVX-512, AVX2 and SSE4.1, with one thread and two, and with gradients wrong by
1e-5 of themselves, pictures differ by 2e-5 at most. More steps would magnify that: L-BFGS's ten
leave 2e-3. bfloat16 rounds to 8 bits, and what is rounded up in one run is rounded down in another:
with contents that differ by 1e-6, pictures differ by 1.4e-3 at most, the mean over means over 4 x 4
pixels, and in single places by ten times that. A tenth more of a weight does no more than that; so
there weights are multiplied.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gramarye.config import make_config
from gramarye.networks.features import PerceptualNetwork
from gramarye.stylize import stylize_steps

FOLDER = Path(__file__).parent / "golden"
TOLERANCE = {"float32": 1e-3, "bfloat16": 1.5e-3}
# As many steps as tell the settings apart; weights that leave every term a say.
RUN: dict[str, Any] = {
    "size": 48,
    "min_size": 32,
    "steps": 4,
    "finer_steps": 3,
    "content_layers": {"relu3_2": 1.0, "relu4_2": 1.0},
    "style_layers": {"relu1_1": 8.0, "relu2_1": 4.0, "relu3_1": 2.0, "relu4_1": 1.0},
    "content_weight": 1.0,
    "style_weight": 10.0,
    "tv_weight": 30.0,
    "strength": 0.5,
    "clip": 2.0,
    "grain": 1.0,
    "style_scale": 1.0,
    "learning_rate": 1.0,
}
# Averaged: which image is the best so far is decided by less than bfloat16 rounds.
IN_BFLOAT16 = {**RUN, "steps": 2, "finer_steps": 1, "average": 0.5}


def more(settings: dict[str, Any], name: str, factor: float = 1.1) -> dict[str, Any]:
    """The settings with one of them, or the weight of one layer, larger by a tenth."""
    setting, _, layer = name.partition("/")
    if layer:
        weights = settings[setting]
        return {**settings, setting: {**weights, layer: factor * weights[layer]}}
    return {**settings, setting: factor * settings[setting]}


NUMBERS = [name for name, value in RUN.items() if isinstance(value, float)]
LAYERS = [f"{kind}/{k}" for kind in ("content_layers", "style_layers") for k in RUN[kind]]


def waves(seed: int, noise: float) -> Tensor:
    """A small picture, with as much noise as gives grain to an enlarged image."""
    generator = torch.Generator().manual_seed(seed)
    small = torch.rand(1, 3, 8, 8, generator=generator)
    smooth = torch.nn.functional.interpolate(small, size=(40, 48), mode="bilinear")
    return (smooth + noise * torch.randn(smooth.shape, generator=generator)).clamp(0, 1)


def painted(network: PerceptualNetwork, precision: str, settings: dict[str, Any]) -> np.ndarray:
    """What the golden files hold: the last image, in bfloat16 its means over 4 x 4 pixels."""
    config = make_config(precision=precision, **settings)
    *_, last = stylize_steps(waves(1, 0.0), [waves(2, 0.1)], config, network=network)
    image = last.image
    if precision == "bfloat16":
        image = torch.nn.functional.avg_pool2d(image, 4)
    return image[0].numpy()


def away(picture: np.ndarray, precision: str) -> float:
    """How far a picture is from the golden one, in tolerances: at most, in bfloat16 in the mean."""
    golden = np.load(FOLDER / f"{precision}.npy")
    assert golden.shape == picture.shape
    differences = np.abs(picture - golden)
    found = differences.mean() if precision == "bfloat16" else differences.max()
    return float(found) / TOLERANCE[precision]


def test_the_golden_run(tiny_network: PerceptualNetwork) -> None:
    assert away(painted(tiny_network, "float32", RUN), "float32") < 1


@pytest.mark.parametrize("name", [*NUMBERS, *LAYERS])
def test_a_tenth_more_of_any_weight_is_another_picture(
    tiny_network: PerceptualNetwork, name: str
) -> None:
    # A grain is a share: a tenth less of it.
    changed = more(RUN, name, 0.9 if name == "grain" else 1.1)
    assert away(painted(tiny_network, "float32", changed), "float32") > 2


@pytest.mark.bfloat16
def test_the_golden_run_in_bfloat16(tiny_network: PerceptualNetwork) -> None:
    assert away(painted(tiny_network, "bfloat16", IN_BFLOAT16), "bfloat16") < 1


@pytest.mark.bfloat16
@pytest.mark.parametrize(
    ("name", "factor"),
    # The content's weights move two steps by less than bfloat16 rounds, and so all of the style's.
    [("clip", 2.0), ("grain", 0.5), ("style_scale", 1.1), ("learning_rate", 2.0)]
    + [(name, 4.0) for name in LAYERS if name.startswith("style")],
)
def test_in_bfloat16_much_more_of_the_style_is_another_picture(
    tiny_network: PerceptualNetwork, name: str, factor: float
) -> None:
    changed = more(IN_BFLOAT16, name, factor)
    assert away(painted(tiny_network, "bfloat16", changed), "bfloat16") > 1.5
