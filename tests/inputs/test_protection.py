"""What is protected stays as the content has it, in the end and on the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

import gramarye
from gramarye.config import make_config
from gramarye.distributed.bands import whole
from gramarye.errors import ImageError, InputError
from gramarye.inputs.inputs import Input, Inputs
from gramarye.inputs.kinds import check_names
from gramarye.inputs.protection import Protected, protection
from gramarye.networks.features import PerceptualNetwork
from gramarye.pictures.picture import Picture, load_image
from gramarye.pictures.settings import PictureSettings
from gramarye.stylize import make_objective

HEIGHT, WIDTH = 40, 48
SMALL = {"style_layers": {"relu1_1": 1, "relu2_1": 1}, "content_layers": {"relu2_2": 1}}


def picture(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    levels = torch.randint(0, 256, (1, 3, HEIGHT, WIDTH), generator=generator)
    return levels.float() / 255


def mask() -> Tensor:
    """White on the left, black on the right, and a slope of twelve pixels between them."""
    row = (1 - (torch.arange(WIDTH) - 18) / 12).clamp(0, 1)
    return row.expand(1, 3, HEIGHT, WIDTH).contiguous()


def seen_of(share: Tensor) -> dict[str, Tensor]:
    """The inputs at a scale, in float64."""
    seen = {"content": picture(1) / 2, "style/0": picture(2), "own-content": picture(1)}
    return {name: p.double() for name, p in seen.items()} | {"protect": share.double()}


@pytest.mark.parametrize("color", ["style", "content", "luminance", "free"])
def test_the_white_part_is_the_content_to_the_last_bit(
    color: str, tiny_weights: Path, tmp_path: Path
) -> None:
    content, style = picture(1), picture(2)
    settings = {"size": WIDTH, "min_size": 32, "steps": 3, "weights": str(tiny_weights)}
    inputs = {"protect": mask()}
    painted = gramarye.stylize(content, style, inputs=inputs, color=color, **settings, **SMALL)
    assert torch.equal(painted.pixels[..., :18], content[..., :18])
    changed = (painted.pixels - content)[..., 32:].abs().mean()
    assert changed > 0.01
    painted.save(tmp_path / "a.png")
    assert torch.equal(load_image(tmp_path / "a.png")[..., :18], content[..., :18])
    edge = (painted.pixels - content)[..., 20:28].abs().mean()
    assert 0 < edge < changed


def test_white_and_black_are_those_of_a_jpeg_too() -> None:
    light = torch.tensor([0.0, 0.015, 0.5, 0.985, 1.0])
    assert_close(protection(light), torch.tensor([0.0, 0.0, 0.5, 1.0, 1.0]))


def test_what_is_shown_is_a_mixture_by_hand() -> None:
    share = torch.tensor([0.0, 0.25, 1.0]).view(1, 1, 1, 3)
    held = Protected(torch.full((1, 3, 1, 3), 0.8), share)
    image = torch.full((2, 3, 1, 3), 0.4)
    assert_close(held.shown(image)[1, 2, 0], torch.tensor([0.4, 0.5, 0.8]))
    assert_close(held.gradient(image)[0, 0, 0], torch.tensor([0.4, 0.3, 0.0]))


def test_the_gradient_is_that_through_what_is_shown(tiny_network: PerceptualNetwork) -> None:
    share = protection(mask()[:, :1])
    objective = make_objective(
        tiny_network.double(), seen_of(share), make_config(precision="float32", **SMALL)
    )
    image = picture(3).double().requires_grad_(True)
    total = torch.stack(list(objective.losses(image).values())).sum()
    (expected,) = torch.autograd.grad(total, image)
    found = objective.evaluate(image.detach())
    assert_close(found.total.sum(), total.detach(), rtol=1e-10, atol=0)
    assert_close(found.gradient, expected, rtol=1e-8, atol=1e-14)
    assert not found.gradient[..., :18].any() and found.gradient[..., 24:].any()


def test_protected_places_are_in_no_loss(tiny_network: PerceptualNetwork) -> None:
    """Neither the content's nor the style's: nothing need make up for them."""
    pictures = {"content": picture(1), "style/0": picture(2), "protect": mask()}
    inputs = Inputs({name: Input.of(p) for name, p in pictures.items()})
    bands = whole(HEIGHT, WIDTH).bands
    seen = inputs.at(bands, (0, HEIGHT), PictureSettings(color="free"), torch.device("cpu"))
    for name in ("content-mask", "content-alpha"):
        assert not seen[name][..., :18].any() and (seen[name][..., 31:] == 1).all()
    assert torch.equal(seen["own-content"], picture(1))
    config = make_config(precision="float32", balance="absolute", **SMALL)
    losses = []
    for other in (seen, seen | {"own-content": picture(5)}):
        other = other | {"protect": other["protect"].round()}  # no soft edge
        objective = make_objective(tiny_network, other, config)
        objective.protected = None  # the image's own pixels there
        image = picture(3)
        image[..., :12] = other["own-content"][..., :12]
        losses.append(objective.evaluate(image).total)
    assert_close(*losses)


def test_an_entirely_white_mask_is_refused() -> None:
    pictures = {"content": picture(1), "style/0": picture(2), "protect": torch.ones(1, 3, 4, 5)}
    with pytest.raises(ImageError, match=r"^protect is white everywhere.* black where"):
        Inputs({name: Input.of(p) for name, p in pictures.items()})
    with pytest.raises(InputError, match="give protect, which says where"):
        check_names(["content", "style/0", "own-content"])


def test_a_transparent_content_is_protected_with_its_transparency(tiny_weights: Path) -> None:
    alpha = torch.ones(1, 1, HEIGHT, WIDTH)
    alpha[:, :, :10] = 0.0
    content = Picture(picture(1), alpha)
    settings = {"size": WIDTH, "min_size": WIDTH, "steps": 2, "weights": str(tiny_weights)}
    painted = gramarye.stylize(content, picture(2), inputs={"protect": mask()}, **settings, **SMALL)
    assert painted.alpha is not None and np.array_equal(painted.alpha, alpha)
    assert torch.equal(painted.pixels[..., 10:, :18], content.pixels[..., 10:, :18])
