"""Distillation on a toy: teachers, crops, training, resuming, folding, the command."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor
from torch.testing import assert_close

from gramarye.distillation.crops import CropSampler
from gramarye.distillation.folding import (
    STYLE_HEADS,
    calibrate_heads,
    export,
    fit_heads,
    fold_head,
    student_tensors,
)
from gramarye.distillation.settings import TARGETS, DistillConfig
from gramarye.distillation.student import Student
from gramarye.distillation.teachers import FileTeacher, Teachers
from gramarye.distillation.training import Training, relative_error
from gramarye.errors import WeightsError
from gramarye.losses.distances import gram_distance, head_gram_distance
from gramarye.losses.statistics import moments
from gramarye.networks.registry import load_lite
from gramarye.pictures.folders import picture_files, read_pictures

DEPTHS = (2, 2, 4, 4, 1)
SMALL = DistillConfig(
    blocks=((4, 4), (4, 4), (4,) * 4, (4,) * 4, (4,)),
    steps=40,
    pixels=8192,
    crops=(32, 48),
    warmup=5,
)


@pytest.fixture
def training(teacher_file: Path, images: Path) -> Training:
    pictures, _ = read_pictures(picture_files([images]))
    crops = CropSampler(pictures, SMALL.pixels, SMALL.crops, SMALL.seed)
    return Training(SMALL, Teachers([FileTeacher(teacher_file)]), crops)


def test_a_teacher_is_a_stack_of_padded_convolutions(teacher_file: Path) -> None:
    from safetensors.torch import load_file

    tensors, image = load_file(teacher_file), torch.rand(1, 3, 32, 32)
    found = FileTeacher(teacher_file)(image, TARGETS)
    x = 4 * image - 2
    for block, depth in enumerate(DEPTHS, start=1):
        for layer in range(1, depth + 1):
            key, name = f"conv{block}{layer}", f"relu{block}_{layer}"
            x = F.pad(x, (1, 1, 1, 1), mode="reflect")
            x = F.conv2d(x, tensors[f"{key}.weight"], tensors[f"{key}.bias"]).relu()
            if layer == 1:
                aux = tensors[f"{key}_aux.weight"], tensors[f"{key}_aux.bias"]
                assert_close(found[name], F.conv2d(x, *aux).relu())
        x = F.max_pool2d(x, 2)
    assert found["relu4_2"].shape == (1, 5, 4, 4)


def test_a_layer_itself_comes_before_a_head_that_predicts_it(
    teacher_file: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    first = ("conv0.weight", "conv0.bias", "conv11.weight", "conv11.bias")
    own = {key: value for key, value in load_file(teacher_file).items() if key in first}
    save_file(own, tmp_path / "own.safetensors")
    teachers = Teachers([FileTeacher(teacher_file), FileTeacher(tmp_path / "own.safetensors")])
    channels = {layer: f.shape[1] for layer, f in teachers(torch.rand(1, 3, 32, 32)).items()}
    assert channels["relu1_1"] == 5 and channels["relu2_1"] == 7


def test_a_missing_layer_and_a_file_of_another_kind_are_named(
    teacher_file: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    short = {k: v for k, v in load_file(teacher_file).items() if not k.startswith("conv5")}
    save_file(short, tmp_path / "short.safetensors")
    with pytest.raises(WeightsError, match="no teacher knows relu5_1"):
        Teachers([FileTeacher(tmp_path / "short.safetensors")])
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="is no teacher"):
        FileTeacher(tmp_path / "other.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(WeightsError, match="cannot be read"):
        FileTeacher(tmp_path / "text.safetensors")


def test_relative_error_by_hand() -> None:
    assert_close(
        relative_error(torch.tensor([3.0, 0.0]), torch.tensor([3.0, 4.0])), torch.tensor(0.64)
    )


def test_the_rate_warms_up_holds_and_falls_to_zero() -> None:
    config = DistillConfig(steps=100, warmup=10, decay=0.4, learning_rate=1.0)
    assert config.rate(0) == pytest.approx(0.1)
    assert config.rate(9) == config.rate(60) == 1.0
    assert config.rate(80) == pytest.approx(0.5)
    assert config.rate(100) == pytest.approx(0.0)


def test_crops_depend_on_seed_and_step_alone(images: Path) -> None:
    files, _ = read_pictures(picture_files([images]))
    once, again = (CropSampler(files, 8192, (32, 48), seed=1) for _ in range(2))
    again.batch(3)
    assert torch.equal(once.batch(7), again.batch(7))
    one, other = (CropSampler(files, 8192, (32,), seed) for seed in (1, 2))
    for batch in (one.batch(7), one.batch(8), other.batch(7)):
        assert batch.shape == (8, 3, 32, 32) and batch.min() >= 0 and batch.max() <= 1
    assert not torch.equal(one.batch(7), one.batch(8))
    assert not torch.equal(one.batch(7), other.batch(7))


def test_training_lowers_every_layers_error(training: Training) -> None:
    # Values alone: a random teacher's gradients are little but noise.
    values = {"gradient": 0.0, "hints": 0.0, "measures": 0.0, "learning_rate": 3e-3}
    config = SMALL.model_copy(update=values)
    training = Training(config, training.teachers, training.crops)
    records = list(training.run())
    assert [record.step for record in records] == list(range(1, 41))
    before, after = records[0].errors, records[-1].errors
    assert all(after[layer] < before[layer] for layer in TARGETS), (before, after)


def test_a_resumed_training_is_the_uninterrupted_one(
    training: Training, teacher_file: Path
) -> None:
    run = training.run()
    for _ in range(3):
        next(run)
    state = training.state_dict()
    copied = torch.load(_saved(state), weights_only=True)
    for _ in range(3):
        next(run)
    other = Training(SMALL, Teachers([FileTeacher(teacher_file)]), training.crops)
    other.load_state_dict(copied)
    again = other.run()
    for _ in range(3):
        next(again)
    for mine, theirs in zip(training.average.parameters(), other.average.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def _saved(state: dict[str, object]) -> object:
    import io

    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return file


def test_one_seed_is_one_student() -> None:
    def weights(seed: int) -> Tensor:
        student = Student(SMALL, dict.fromkeys(TARGETS, 5))
        student.reset(seed)
        return student.network.body["conv3_2"].weight.detach().clone()

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_the_folded_head_measures_wide_gram_distances() -> None:
    generator = torch.Generator().manual_seed(2)
    affine = torch.randn(9, 5, generator=generator, dtype=torch.float64)
    narrow = [torch.rand(1, 4, 6, 6, generator=generator) for _ in range(2)]
    wide = [
        torch.einsum("dc,bchw->bdhw", affine[:, :4].float(), x) + affine[:, 4, None, None].float()
        for x in narrow
    ]
    head = fold_head(affine)
    ours = head_gram_distance(moments(narrow[0]), moments(narrow[1]), head.mT @ head, width=9)
    assert_close(ours, gram_distance(moments(wide[0]), moments(wide[1])), rtol=1e-4, atol=1e-6)


def test_fitted_heads_are_the_least_squares_solution(training: Training) -> None:
    affine = fit_heads(training, batches=2)["relu2_1"]
    xs, ts = [], []
    for batch in (-1, -2):
        image = training.crops.batch(batch)
        x = training.average.network(image, ["relu2_1"])["relu2_1"].transpose(0, 1).flatten(1)
        xs.append(torch.cat([x, torch.ones_like(x[:1])]))
        ts.append(training.teachers(image)["relu2_1"].transpose(0, 1).flatten(1))
    x, t = torch.cat(xs, 1).detach().double().numpy(), torch.cat(ts, 1).double().numpy()
    expected = np.linalg.lstsq(x.T, t.T, rcond=None)[0].T
    residual = np.linalg.norm(affine.numpy() @ x - t)
    assert residual == pytest.approx(np.linalg.norm(expected @ x - t), rel=1e-4)


def test_calibrated_distances_have_the_teachers_size(training: Training) -> None:
    heads = fit_heads(training, batches=2)
    shrunk = {layer: 0.3 * affine for layer, affine in heads.items()}
    ours, theirs = (calibrate_heads(training, h, batches=2) for h in (heads, shrunk))
    for layer in STYLE_HEADS:
        assert_close(ours[layer], theirs[layer])


def test_the_shipped_file_sees_what_the_student_sees(training: Training, tmp_path: Path) -> None:
    export(training, tmp_path / "lite.safetensors")
    network = load_lite(tmp_path / "lite.safetensors")
    image = torch.rand(1, 3, 40, 36, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = training.average.network(image, TARGETS)
    for layer, features in network(image, TARGETS).items():
        assert (features - expected[layer]).norm() < 0.01 * expected[layer].norm()  # float16
    assert network.widths == dict.fromkeys(STYLE_HEADS, 7)
    tensors = student_tensors(training.average, fit_heads(training, batches=1))
    assert tensors["head.relu5_1"].shape == (5, 5)
