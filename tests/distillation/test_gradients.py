"""What is taught besides values: style gradients, pictures being optimized, a start."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.testing import assert_close

from gramarye.distillation.crops import CropSampler
from gramarye.distillation.folding import export
from gramarye.distillation.gradients import (
    DistanceName,
    agreement,
    style_distances,
    style_gradients,
)
from gramarye.distillation.replay import LIFE, Replay
from gramarye.distillation.running import DistillJob, distill, open_distillation
from gramarye.distillation.settings import GRADIENT_SHARES, TARGETS, DistillConfig
from gramarye.distillation.teachers import FileTeacher, Teachers
from gramarye.distillation.training import Training
from gramarye.errors import WeightsError
from gramarye.losses.distances import (
    covariance_distance,
    gram_distance,
    head_covariance_distance,
    head_gram_distance,
)
from gramarye.losses.statistics import moments
from gramarye.networks.registry import load_lite
from gramarye.pictures.folders import picture_files, read_pictures

SMALL = DistillConfig(
    blocks=((4, 4), (4, 4), (4,) * 4, (4,) * 4, (4,)),
    steps=40,
    pixels=8192,
    gradient_pixels=8192,
    crops=(32, 48),
    warmup=5,
)


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator, dtype=torch.float64)


@pytest.fixture
def crops(images: Path) -> CropSampler:
    pictures, _ = read_pictures(picture_files([images]))
    return CropSampler(pictures, SMALL.pixels, SMALL.crops, SMALL.seed)


@pytest.fixture
def training(teacher_file: Path, crops: CropSampler) -> Training:
    return Training(SMALL, Teachers([FileTeacher(teacher_file)]), crops)


@pytest.mark.parametrize("distance", ["gram", "covariance"])
def test_the_distance_is_that_of_the_losses(distance: DistanceName) -> None:
    features = random(3, 4, 5, 6)
    known = {"gram": gram_distance, "covariance": covariance_distance}[distance]
    expected = known(moments(features), moments(features.roll(-1, 0)))
    assert_close(style_distances(features, distance), 16 * expected)


@pytest.mark.parametrize("distance", ["gram", "covariance"])
def test_through_a_head_it_is_that_of_the_heads(distance: DistanceName) -> None:
    features, weight, bias = random(2, 3, 4, 5), random(7, 3, seed=1), random(7, seed=2)
    affine = torch.cat([weight, bias[:, None]], 1)
    known = {"gram": head_gram_distance, "covariance": head_covariance_distance}[distance]
    here, there = moments(features), moments(features.roll(-1, 0))
    expected = known(here, there, affine.mT @ affine, 7)
    assert_close(style_distances(features, distance, (weight, bias)), 49 * expected)


def test_a_gradient_of_one_channel_by_hand() -> None:
    # f is the first channel's value; G = mean f^2, dE/df = 2 (G - A) 2 f / M.
    images = torch.zeros(2, 3, 1, 2, dtype=torch.float64)
    images[0, 0] = torch.tensor([[1.0, 2.0]])  # G = 2.5, and A = 0
    found = style_gradients(lambda x: x[:, :1], images, "gram")
    assert_close(found[0, 0], torch.tensor([[5.0, 10.0]], dtype=torch.float64))
    assert found[1].abs().max() == 0 and found[0, 1:].abs().max() == 0


def test_the_agreement_of_gradients_by_hand() -> None:
    ours = torch.tensor([[3.0, 4.0], [1.0, 0.0], [0.0, 0.0]]).view(3, 1, 1, 2)
    theirs = torch.tensor([[6.0, 8.0], [0.0, 2.0], [1.0, 1.0]]).view(3, 1, 1, 2)
    assert_close(agreement(ours, theirs), torch.tensor([1.0, 0.0, 0.0]))


def test_gradients_can_be_differentiated_in_the_weights() -> None:
    images, weight = random(2, 3, 4, 4), random(2, 3, 1, 1, seed=1).requires_grad_(True)

    def cosine(weight: Tensor) -> Tensor:
        layer = partial(torch.nn.functional.conv2d, weight=weight)
        ours = style_gradients(lambda x: layer(x).tanh(), images, "covariance", taught=True)
        return (ours * images).sum()

    torch.autograd.gradcheck(cosine, [weight])


def test_canvases_depend_on_seed_and_step_and_move_towards_their_style(crops: CropSampler) -> None:
    def run() -> Replay:
        replay = Replay(crops, 8192, seed=3)
        for step in range(6):
            canvases = replay.draw(32, step)
            pairs = torch.stack([x for c in canvases for x in (c.image, c.style)])
            replay.move(canvases, style_gradients(torch.square, pairs, "gram")[::2])
        return replay

    one, two = run(), run()
    assert one.canvases.keys() == {32} and len(one.canvases[32]) == 16
    for a, b in zip(one.canvases[32], two.canvases[32], strict=True):
        assert_close(a.image, b.image, rtol=0, atol=0)
        assert a.image.min() >= 0 and a.image.max() <= 1


def test_a_step_lowers_the_distance_and_lives_end(crops: CropSampler) -> None:
    replay = Replay(crops, 2048, seed=0)
    (canvas,) = replay.draw(32, 0)
    # Squares, since the image begins with the style's colors, mean and covariance.
    pair = torch.stack([canvas.image, canvas.style])
    gradient = style_gradients(torch.square, pair, "gram")
    before = style_distances(pair.square(), "gram")[0]
    left = canvas.life
    replay.move([canvas], gradient[:1])
    assert canvas.life == left - 1
    after = torch.stack([canvas.image, canvas.style]).square()
    assert style_distances(after, "gram")[0] < before
    for kept in replay.canvases[32]:
        kept.life = 0
    assert all(0 < c.life <= LIFE for step in range(9) for c in replay.draw(32, step))


def test_hints_are_a_narrow_teachers_own_layers(teacher_file: Path, training: Training) -> None:
    teacher, image = FileTeacher(teacher_file), torch.rand(3, 3, 32, 32)
    lesson = Teachers([teacher]).lesson(image)
    assert len(lesson.hints) == 13 and lesson.hints["relu2_2"].shape == (3, 5, 16, 16)
    assert lesson.targets["relu3_1"].shape == (3, 7, 8, 8)
    assert set(training.student.hints) == set(lesson.hints)


def test_a_wide_teacher_answers_for_every_second_image(teacher_file: Path, tmp_path: Path) -> None:
    own = {k: v for k, v in load_file(teacher_file).items() if "aux" not in k}
    save_file(own, tmp_path / "wide.safetensors")
    image = torch.rand(3, 3, 32, 32)
    teachers = Teachers([FileTeacher(tmp_path / "wide.safetensors"), FileTeacher(teacher_file)])
    lesson = teachers.lesson(image)
    assert lesson.targets["relu1_1"].shape == (2, 5, 32, 32) and not lesson.hints
    assert_close(lesson.targets["relu2_1"], teachers(image[::2])["relu2_1"])


def test_agreement_alone_teaches_a_layer() -> None:
    torch.manual_seed(0)
    conv, linear = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 6, 1)
    teacher = nn.Conv2d(3, 6, 3).requires_grad_(False)
    optimizer = torch.optim.Adam([*conv.parameters(), *linear.parameters()], 1e-2)

    def cosine(images: Tensor, taught: bool) -> Tensor:
        head = linear.weight.flatten(1), linear.bias
        theirs = style_gradients(lambda x: teacher(x).relu(), images, "gram")
        ours = style_gradients(lambda x: conv(x).relu(), images, "gram", head, taught=taught)
        return agreement(ours, theirs).mean()

    fresh = torch.rand(4, 3, 16, 16)
    before = cosine(fresh, taught=False)
    for _ in range(60):
        optimizer.zero_grad()
        (1 - cosine(torch.rand(4, 3, 16, 16), taught=True)).backward()
        optimizer.step()
    assert cosine(fresh, taught=False) > before + 0.4


def test_each_layer_is_taught_in_its_turn(training: Training) -> None:
    *_, last = training.run()
    assert set(last.cosines) == set(GRADIENT_SHARES)


def test_without_the_gradient_nothing_is_optimized(teacher_file: Path, crops: CropSampler) -> None:
    config = SMALL.model_copy(update={"gradient": 0.0, "steps": 2})
    training = Training(config, Teachers([FileTeacher(teacher_file)]), crops)
    assert [record.cosines for record in training.run()] == [{}, {}]
    assert training.replay.canvases == {}


@pytest.mark.parametrize("wider", [False, True])
def test_a_training_begins_with_the_network_it_is_given(
    training: Training, teacher_file: Path, images: Path, tmp_path: Path, wider: bool
) -> None:
    export(training, tmp_path / "first.st")
    blocks = ((6, 4), (4, 5), (4,) * 4, (8,) * 4, (4,)) if wider else SMALL.blocks
    config = SMALL.model_copy(update={"blocks": blocks, "steps": 1, "learning_rate": 1e-9})
    start = str(tmp_path / "first.st")
    job = DistillJob((images,), (str(teacher_file),), tmp_path / "next.st", config, start=start)
    run = open_distillation(job)
    assert run.notes == (f"beginning with the network of '{start}'",)
    image = torch.rand(1, 3, 40, 36)
    before = load_lite(Path(start))(image, TARGETS)
    with torch.no_grad():
        now = run.training.average.network(image, TARGETS)
    for layer, features in before.items():
        ours = now[layer][:, : features.shape[1]]
        assert (ours - features).norm() < 1e-3 * features.norm()
    list(distill(run))  # and its checkpoint knows where it began
    other = replace(job, start=None)
    with pytest.raises(Exception, match="began with another network"):
        open_distillation(other)


def test_a_start_that_is_too_wide_or_none_is_a_sentence(
    training: Training, teacher_file: Path, images: Path, tmp_path: Path
) -> None:
    export(training, tmp_path / "first.st")
    narrow = SMALL.model_copy(update={"blocks": ((4, 4), (4, 3), (4,) * 4, (4,) * 4, (4,))})
    job = DistillJob((images,), (str(teacher_file),), tmp_path / "next.st", narrow)
    with pytest.raises(WeightsError, match=r"conv2_2 .* has 4 channels and is to have 3"):
        open_distillation(replace(job, start=str(tmp_path / "first.st")))
    with pytest.raises(WeightsError, match="missing"):
        open_distillation(replace(job, start=str(tmp_path / "missing.st")))
