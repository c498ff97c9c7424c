from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from benchmarks import distillation
from benchmarks.distillation import agreement, cosine
from gramarye.distillation.teachers import FileTeacher, Teachers
from gramarye.networks.catalog import VGG_STYLE_LAYERS


def test_every_layers_gradient_is_held_against_the_teacher_of_that_layer(
    teacher_file: Path, make_picture: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distillation, "GRADIENT_SIDE", 48)
    teachers = Teachers([FileTeacher(teacher_file)])
    photo, painting = make_picture("a.png", 64, 64, seed=1), make_picture("b.png", 64, 64, seed=2)
    found = agreement(teachers, [photo], [painting])
    assert list(found) == list(VGG_STYLE_LAYERS)
    for row in found.values():
        assert len(row) == 4
        assert all(-1 <= value <= 1 and value != 0 for value in row)


def test_a_cosine_is_that_of_an_angle() -> None:
    a, b = torch.tensor([[3.0, 0.0]]), torch.tensor([[1.0, 1.0]])
    assert cosine(a, b) == pytest.approx(0.5**0.5)
    assert cosine(a, -2 * a) == pytest.approx(-1)
