"""The gradient in a map, and where it is zero."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from gramarye.mapping.color_map import map_shape
from gramarye.mapping.objective import MapObjective
from gramarye.mapping.settings import MapSettings
from gramarye.networks.features import PerceptualNetwork
from gramarye.objective import Evaluation
from gramarye.special_configs import make_photoreal_config
from gramarye.stylize import make_objective


def picture(seed: int, size: int = 12) -> Tensor:
    return torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(seed)).double()


@dataclass
class Squares:
    """Half the squared distance from a picture."""

    wanted: Tensor

    def evaluate(self, image: Tensor) -> Evaluation:
        loss = (image - self.wanted).square().sum()[None] / 2
        return Evaluation({"square": loss}, loss, image - self.wanted)


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("kind", ["grid", "lut"])
def test_the_gradient_is_that_of_the_total(kind: str, gray: bool) -> None:
    settings = MapSettings(kind=kind, cells=3, smoothness=0.7)  # type: ignore[arg-type]
    objective = MapObjective(Squares(picture(0)), picture(1), settings, gray=gray)
    generator = torch.Generator().manual_seed(2)
    at = 0.1 * torch.randn(map_shape(settings, 12, 12), generator=generator).double()
    along = torch.randn(at.shape, generator=generator).double()
    found = objective.evaluate(at)
    assert found.losses.keys() == {"square", "map"}
    step = 1e-5
    up, down = (objective.evaluate(at + sign * step * along).total for sign in (1, -1))
    slope = float((up - down) / (2 * step))
    assert float((found.gradient * along).sum()) == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("kind", ["grid", "lut"])
def test_the_identity_is_at_rest_where_the_content_is_the_reference(
    kind: str, tiny_network: PerceptualNetwork
) -> None:
    content = picture(3, 64).float()
    config = make_photoreal_config("map", (64, 64), map=kind, network="vgg19")
    objective = make_objective(tiny_network, {"content": content, "style/0": content}, config)
    mapped = MapObjective(objective, content, config.map)
    at = torch.zeros(map_shape(config.map, 64, 64))
    still = mapped.evaluate(at)
    assert float(still.total) < 1e-6
    elsewhere = mapped.evaluate(at + 0.05)
    assert float(still.gradient.abs().max()) < 1e-3 * float(elsewhere.gradient.abs().max())
