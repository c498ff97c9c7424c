"""A distillation as a whole: what is checked first, what is skipped, resumed, refused and kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from gramarye import files
from gramarye.distillation import running
from gramarye.distillation.running import Distillation, DistillJob, distill, open_distillation
from gramarye.distillation.settings import DistillConfig, make_distill_config
from gramarye.distillation.training import DistillRecord
from gramarye.errors import (
    CheckpointError,
    ImageError,
    InputError,
    LayerError,
    OptimizationError,
    OutputError,
    SettingsError,
    WeightsError,
)
from gramarye.networks import training_file
from gramarye.networks.registry import load_lite

CONFIG = DistillConfig(
    blocks=((2,), (2,), (2,), (2, 2), (2,)), steps=3, pixels=4096, crops=(32,), warmup=2
)


@pytest.fixture
def job(teacher_file: Path, images: Path, tmp_path: Path) -> DistillJob:
    return DistillJob((images,), (str(teacher_file),), tmp_path / "made" / "lite.st", CONFIG)


def run(job: DistillJob) -> Distillation:
    opened = open_distillation(job)
    for _ in distill(opened):
        pass
    return opened


def weights_of(path: Path) -> dict[str, torch.Tensor]:
    return load_file(path)


def test_a_run_leaves_a_network_and_a_checkpoint(job: DistillJob) -> None:
    assert run(job).notes == ()
    assert load_lite(job.out).layers[-1] == "relu5_1"
    assert sorted(f.name for f in job.out.parent.iterdir()) == ["lite.st", "lite.st.checkpoint"]


def test_stopped_and_gone_on_with_it_is_the_uninterrupted_run(job: DistillJob) -> None:
    run(job)
    stopped = replace(job, out=job.out.with_name("again.st"))
    opened = open_distillation(stopped)
    assert isinstance(next(distill(opened)), DistillRecord)
    opened.save()
    assert not stopped.out.exists()
    assert run(stopped).notes == ("going on after step 1",)
    assert_close(weights_of(stopped.out), weights_of(job.out), rtol=0, atol=0)


def test_a_finished_run_says_that_it_trains_no_more(job: DistillJob) -> None:
    run(job)
    notes = " ".join(run(job).notes)
    assert "all 3 steps were made before" in notes
    longer = replace(job, config=CONFIG.model_copy(update={"steps": 4}))
    assert run(longer).notes == ("going on after step 3",)


CHANGES: dict[str, dict[str, Any]] = {
    "seed": {"seed": 1},
    "padding": {"padding": "replicate"},
    "blocks": {"blocks": ((3,), (2,), (2,), (2, 2), (2,))},
    "crops": {"crops": (32, 48)},
    "learning_rate": {"learning_rate": 0.5},
    "bfloat16": {"bfloat16": True},
}


@pytest.mark.parametrize("name", CHANGES)
def test_another_runs_checkpoint_is_refused_and_left(job: DistillJob, name: str) -> None:
    run(job)
    before = job.out.read_bytes(), job.checkpoint.read_bytes()
    other = replace(job, config=CONFIG.model_copy(update=CHANGES[name]))
    with pytest.raises(CheckpointError, match=f"other settings: {name} was"):
        open_distillation(other)
    assert (job.out.read_bytes(), job.checkpoint.read_bytes()) == before


def test_fewer_steps_than_were_made_are_refused(job: DistillJob) -> None:
    run(job)
    with pytest.raises(CheckpointError, match="3 steps were made, of 2 asked for"):
        open_distillation(replace(job, config=CONFIG.model_copy(update={"steps": 2})))


def test_another_teacher_is_refused_and_other_pictures_are_told(
    job: DistillJob, teacher_file: Path, make_picture: Callable[..., Path], tmp_path: Path
) -> None:
    run(job)
    make_picture("train/new_1.png", 50, 50)
    assert "the pictures are not those the run began with" in run(job).notes
    changed = load_file(teacher_file)
    changed["conv0.bias"] += 0.5
    save_file(changed, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="other teachers"):
        open_distillation(replace(job, teachers=(str(tmp_path / "other.safetensors"),)))


def odd_checkpoints(good: dict[str, Any]) -> dict[str, Any]:
    """Contents that some program or accident might leave."""
    student = dict(good["student"])
    first = next(iter(student))
    state = good["optimizer"]["state"]
    moments = {**state[0], "exp_avg": torch.ones(1)}
    return {
        "a tensor": torch.ones(3),
        "a list": [1, 2],
        "empty": {},
        "no step": {k: v for k, v in good.items() if k != "step"},
        "a step before the first": {**good, "step": -1},
        "half a step": {**good, "step": 1.5},
        "a step as text": {**good, "step": "1"},
        "no config": {**good, "config": None},
        "a config of another version": {**good, "config": {"blocks": 3}},
        "a student without a weight": {
            **good, "student": {k: v for k, v in student.items() if k != first},
        },
        "a student of other shapes": {**good, "student": {**student, first: torch.ones(7)}},
        "a student that is none": {**good, "student": 3},
        "a student with NaN": {
            **good, "student": {**student, first: student[first] * float("nan")},
        },
        "an average that is none": {**good, "average": []},
        "an optimizer of other shapes": {
            **good, "optimizer": {"state": {**state, 0: moments}, "param_groups": []},
        },
        "an optimizer of another kind": {
            **good, "optimizer": {"state": {0: {"momentum": torch.ones(1)}}},
        },
        "an optimizer that is none": {**good, "optimizer": None},
    }  # fmt: skip


@pytest.mark.filterwarnings("error")
def test_odd_checkpoints_are_a_sentence_and_stay(job: DistillJob) -> None:
    opened = open_distillation(job)
    next(distill(opened))
    opened.save()
    good = torch.load(job.checkpoint, weights_only=True)
    for name, content in odd_checkpoints(good).items():
        torch.save(content, job.checkpoint)
        kept = job.checkpoint.read_bytes()
        with pytest.raises(CheckpointError, match="start anew") as error:
            open_distillation(job)
        assert str(error.value).isprintable(), name
        assert job.checkpoint.read_bytes() == kept, name


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04" + bytes(50), b"\x80\x02]."])
def test_what_is_no_checkpoint_is_a_sentence(job: DistillJob, content: bytes) -> None:
    job.out.parent.mkdir()
    job.checkpoint.write_bytes(content)
    with pytest.raises(CheckpointError, match="move the checkpoint away"):
        open_distillation(job)


# pictures


def test_bad_pictures_are_left_out_and_counted(job: DistillJob, images: Path) -> None:
    alone = weights_of(run(job).job.out)
    (images / "zz_text.jpg").write_text("hello")
    (images / "zz_cut.png").write_bytes((images / "a_0.png").read_bytes()[:60])
    (images / "zz_empty.webp").touch()
    (images / "zz_folder.png").mkdir()
    (images / "zz_lost.png").symlink_to(images / "nowhere.png")
    (note,) = run(replace(job, out=job.out.with_name("again.st"))).notes
    assert note.startswith("5 pictures could not be read and are left out: ")
    assert "zz_cut.png" in note and "and 2 more" in note
    assert_close(weights_of(job.out.with_name("again.st")), alone)


def test_only_bad_pictures_are_a_sentence(job: DistillJob, tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.png").write_text("hello")
    with pytest.raises(ImageError, match=r"none of the 1 pictures can be read; .*a\.png"):
        open_distillation(replace(job, images=(tmp_path / "bad",)))


def test_pictures_of_one_pixel_can_be_trained_with(
    job: DistillJob, make_picture: Callable[..., Path]
) -> None:
    folder = make_picture("tiny/a_1.png", 1, 1).parent
    make_picture("tiny/a_2.png", 1, 300)
    run(replace(job, images=(folder,)))
    assert load_lite(job.out)


@pytest.mark.parametrize("folder", ["n" * 300, "nowhere", "file", "file/below", "~nobody-here"])
def test_folders_that_are_none_are_a_sentence(job: DistillJob, tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImageError, match="folder"):
        open_distillation(replace(job, images=(tmp_path / folder,)))


def test_a_folder_without_permission_is_a_sentence(
    job: DistillJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(self: Path) -> None:  # as it is for everyone but root
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", forbidden)
    with pytest.raises(ImageError, match="Permission denied"):
        open_distillation(job)


# what is written


def test_where_it_goes_is_checked_before_anything_is_read(
    job: DistillJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, teacher_file: Path
) -> None:
    monkeypatch.setattr(running, "load_teacher", lambda _: pytest.fail("read a teacher"))
    monkeypatch.setattr(running, "read_pictures", lambda _: pytest.fail("read a picture"))
    (tmp_path / "file").touch()
    (tmp_path / "x.checkpoint").mkdir()
    for out, wrong in (
        (tmp_path, InputError),
        (tmp_path / ("n" * 300), OutputError),
        (tmp_path / ("n" * 250), OutputError),  # the checkpoint's name is longer
        (tmp_path / "file" / "lite.st", OutputError),
        (tmp_path / "x", InputError),  # whose checkpoint would be a folder
        (teacher_file, InputError),
        (job.images[0] / "a_0.png", InputError),
    ):
        with pytest.raises(wrong):
            open_distillation(replace(job, out=out))


def test_a_checkpoint_that_cannot_be_written_is_told_and_does_not_end_the_training(
    job: DistillJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = files.write_atomically

    def full(path: Path, data: bytes) -> None:
        if path.suffix == ".checkpoint":
            raise OutputError("no space left")
        written(path, data)

    steps = distill(open_distillation(replace(job, checkpoint_every=1e-9)))
    told = [next(steps)]
    monkeypatch.setattr(training_file, "write_atomically", full)
    told += steps
    assert [str(t) for t in told if isinstance(t, OutputError)] == ["no space left"] * 4
    assert [t.step for t in told if isinstance(t, DistillRecord)] == [1, 2, 3]
    assert load_lite(job.out)


def test_a_place_that_cannot_be_written_to_ends_it_before_the_first_step(
    job: DistillJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OutputError("no space left")

    monkeypatch.setattr(training_file, "write_atomically", full)
    opened = open_distillation(job)
    with pytest.raises(OutputError):
        next(distill(opened))
    assert opened.training.step == 0


def test_a_network_that_cannot_be_written_names_the_checkpoint(
    job: DistillJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OutputError("no space left")

    monkeypatch.setattr(running, "export", full)
    with pytest.raises(OutputError, match=r"no space left; what was learned is in .*checkpoint"):
        run(job)
    monkeypatch.undo()
    assert "all 3 steps were made before" in " ".join(run(job).notes)


def test_a_training_that_diverges_says_so_and_leaves_the_last_checkpoint(
    job: DistillJob,
) -> None:
    opened = open_distillation(replace(job, checkpoint_every=1e-9))
    steps = distill(opened)
    next(steps)
    next(steps)
    kept = job.checkpoint.read_bytes()
    for parameter in opened.training.student.parameters():
        parameter.data.fill_(1e30)
    with pytest.raises(OptimizationError, match=r"diverged at step 3.*learning rate"):
        list(steps)
    assert not job.out.exists() and torch.load(job.checkpoint, weights_only=True)["step"] == 2
    assert job.checkpoint.read_bytes() != kept


def test_weights_beyond_float16_are_not_written(job: DistillJob) -> None:
    opened = open_distillation(job)
    opened.training.average.network.body["conv2_1"].weight.data[0] = 1e6
    with pytest.raises(OptimizationError, match=r"conv2_1\.weight is beyond float16"):
        running.export(opened.training, job.out)
    assert not job.out.exists()


# teachers


@pytest.mark.parametrize(
    ("name", "wrong", "words"),
    [
        ("vg19", WeightsError, "did you mean 'vgg19'"),
        ("nowhere.safetensors", WeightsError, "there is no teacher"),
        ("/", WeightsError, "is a folder"),
        ("n" * 300, WeightsError, "too long"),
        ("alexnet", LayerError, "alexnet has"),
        ("squeezenet", LayerError, "squeezenet1_1 has"),
    ],
)
def test_teachers_that_are_none_are_a_sentence(
    job: DistillJob, name: str, wrong: type[InputError], words: str
) -> None:
    with pytest.raises(wrong, match=words):
        open_distillation(replace(job, teachers=(name,)))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("conv0.weight", None),
        ("conv0.bias", None),
        ("conv0.weight", torch.ones(3)),
        ("conv11.bias", None),
        ("conv11.bias", torch.ones(4)),
        ("conv21.weight", torch.ones(())),
        ("conv22.weight", torch.ones(5, 6, 3, 3)),
        ("conv22.weight", torch.ones(5, 5, 5, 5)),
        ("conv31_aux.weight", torch.ones(7, 5, 3, 3)),
        ("conv31_aux.bias", None),
        ("conv41.weight", torch.full((5, 5, 3, 3), float("nan"))),
        ("conv41.bias", torch.ones(5, dtype=torch.int64)),
    ],
)
def test_odd_teachers_are_a_sentence(
    job: DistillJob, teacher_file: Path, tmp_path: Path, key: str, value: torch.Tensor | None
) -> None:
    tensors = {k: v for k, v in load_file(teacher_file).items() if k != key}
    save_file(tensors | ({} if value is None else {key: value}), tmp_path / "odd.safetensors")
    with pytest.raises(WeightsError, match=r"odd\.safetensors"):
        open_distillation(replace(job, teachers=(str(tmp_path / "odd.safetensors"),)))


def test_a_teacher_may_lack_no_block(job: DistillJob, teacher_file: Path, tmp_path: Path) -> None:
    kept = {k: v for k, v in load_file(teacher_file).items() if not k.startswith("conv2")}
    save_file(kept, tmp_path / "gap.safetensors")
    with pytest.raises(WeightsError, match="leaves out a block"):
        open_distillation(replace(job, teachers=(str(tmp_path / "gap.safetensors"),)))


def test_a_teacher_may_be_of_torch_in_half_precision_with_a_prefix(
    job: DistillJob, teacher_file: Path, tmp_path: Path
) -> None:
    halved = {f"module.{k}": v.half() for k, v in load_file(teacher_file).items()}
    torch.save({"model": halved}, tmp_path / "teacher.pth")
    run(replace(job, teachers=(str(tmp_path / "teacher.pth"),)))
    assert load_lite(job.out)


# settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("blocks", ()),
        ("blocks", ((4,),)),
        ("blocks", ((4,), (4,), (4,), (4,), (4,))),  # without relu4_2
        ("blocks", ((), (4,), (4,), (4, 4), (4,))),
        ("blocks", ((0,), (4,), (4,), (4, 4), (4,))),
        ("blocks", ((-4,), (4,), (4,), (4, 4), (4,))),
        ("blocks", ((10**9,), (4,), (4,), (4, 4), (4,))),
        ("blocks", ((4,), (4,), (4,), (4, 4), (4,), (4,))),
        ("crops", ()),
        ("crops", (0,)),
        ("crops", (31,)),
        ("crops", (96, -1)),
        ("crops", (10**9,)),
        ("steps", 0),
        ("steps", 10**30),
        ("pixels", 10**20),
        ("learning_rate", float("nan")),
        ("learning_rate", float("inf")),
        ("learning_rate", 1e300),
        ("weight_decay", float("inf")),
        ("seed", -1),
        ("seed", 2**64),
        ("average", 1),
        ("padding", "zeros"),
        ("no_such", 1),
    ],
)
def test_odd_settings_are_a_sentence(name: str, value: object) -> None:
    with pytest.raises(SettingsError, match=name) as error:
        make_distill_config(**{name: value})
    assert len(str(error.value)) < 300


def test_the_smallest_and_the_largest_seed_can_be_trained_with(job: DistillJob) -> None:
    for seed in (0, 2**63 - 1):
        config = make_distill_config(**{**CONFIG.model_dump(), "seed": seed, "steps": 1})
        run(replace(job, config=config, out=job.out.with_name(f"{seed}.st")))
