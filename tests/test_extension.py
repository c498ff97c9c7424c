"""A new kind of loss term and a new kind of input, defined here: the package takes them in.

Nothing in `src/` knows of them. Their setting is an option with help, is in the recipe, and is
obeyed by `redo` and `resume`; the term is evaluated in tiles and in bands exactly as in one piece,
and counted by the budget; the input is read, hashed, found again and checked.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from pydantic import Field
from torch import Tensor
from torch.testing import assert_close

import gramarye
from gramarye.cli import main
from gramarye.config import make_config
from gramarye.distributed.bands import Band, plan_bands
from gramarye.distributed.processes import Processes
from gramarye.inputs.inputs import Input, Inputs
from gramarye.inputs.kinds import INPUTS, InputKind
from gramarye.jobs.job import Job, name_inputs
from gramarye.jobs.opening import open_job
from gramarye.jobs.output import Output
from gramarye.losses.kind import Needs, Term, TermKind
from gramarye.losses.targets import Placed, Targets
from gramarye.losses.terms import TERMS, needs_of
from gramarye.memory.budget import budget_scale
from gramarye.networks.features import PerceptualNetwork
from gramarye.pictures.picture import load_image
from gramarye.plan import make_plan
from gramarye.recipe import Recipe
from gramarye.scales.rows import cut
from gramarye.settings import Part
from gramarye.stylize import make_objective
from gramarye.tiles.regions import IMAGE, Box, Region, Sums, whole_region
from tests.stopping import stop_after
from tests.whole_image import WHOLE

FAST = ["--size", "96", "--min-size", "48", "--steps", "4", "--finer-steps", "3", "-q"]


class GuideSettings(Part):
    """The pull towards a guide."""

    title: ClassVar[str] = "the guide"

    weight: float = Field(
        0.0, ge=0, alias="guide_weight", description="pull towards the guide's colors"
    )


@dataclass(frozen=True)
class GuideLoss:
    """The mean squared difference of the image from a guide, by pixel."""

    target: Callable[..., Tensor]

    layer = IMAGE
    separable = True

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        image = features[IMAGE]
        return self.value(self.sums(image, whole_region(image)))

    def sums(self, features: Tensor, region: Region) -> Sums:
        height, width = region.size
        difference = region.inside.of(features) - self.target(region.whole)
        return (difference.square().sum((1, 2, 3)) / (3 * height * width),)

    def value(self, sums: Sums) -> Tensor:
        return sums[0]

    def add_gradient(self, into: Tensor, features: Tensor, region: Region, slopes: Sums) -> None:
        height, width = region.size
        difference = region.inside.of(features) - self.target(region.whole)
        region.inside.of(into).add_(difference * slopes[0] * 2 / (3 * height * width))


def prepare(settings: GuideSettings, targets: Targets) -> Callable[[], list[Term]]:
    if not settings.weight:
        return list
    target = targets.pixels("guide")
    return lambda: [Term("guide", settings.weight, GuideLoss(target))]


GUIDE = TermKind(
    "guide",
    GuideSettings,
    lambda settings: Needs(
        inputs=frozenset({"guide"} if settings.weight else ()),
        bytes_per_pixel=12.0 if settings.weight else 0.0,
    ),
    prepare,
)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(TERMS, "guide", GUIDE)
    monkeypatch.setitem(INPUTS, "guide", InputKind("guide", "picture to follow", "image"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def guide(make_picture: Callable[..., Path]) -> Path:
    return make_picture("guide.png", 40, 30, seed=5)


@pytest.fixture
def stylize(tiny_weights: Path, photo: Path, painting: Path) -> Callable[..., int]:
    def run(*options: str) -> int:
        weights = ["--weights", shutil.copy(tiny_weights, ".")]  # where redo finds it
        return main(["stylize", photo.name, painting.name, *weights, *FAST, *options])

    return run


def test_the_setting_and_the_input_are_options_with_help(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["stylize", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "The guide: --guide-weight X pull towards the guide's colors [0]" in text
    assert "--guide FILE picture to follow" in text
    assert main(["stylize", "a", "b", "--guide-wieght", "1"]) == 2
    assert "did you mean '--guide-weight'?" in capsys.readouterr().err


def test_they_are_obeyed_and_in_the_recipe(stylize: Callable[..., int], guide: Path) -> None:
    options = ["--guide", guide.name, "--steps", "12"]
    assert stylize(*options, "-o", "without.png") == 0
    assert stylize(*options, "--guide-weight", "1e4", "-o", "with.png") == 0
    wanted = load_image(guide)
    far, near = (
        torch.nn.functional.interpolate(load_image(name), (30, 40)).sub(wanted).square().mean()
        for name in ("without.png", "with.png")
    )
    assert near < far / 4
    recipe = Recipe.of_picture("with.png")
    assert recipe.settings.value("guide_weight") == 1e4
    assert recipe.inputs["guide"].name == "guide.png"
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_a_missing_input_is_one_sentence(
    stylize: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert stylize("--guide-weight", "5", "-o", "a.png") == 2
    error = capsys.readouterr().err
    assert "there is no guide: name one" in error and error.count("\n") == 1


def test_redo_obeys_them(
    stylize: Callable[..., int], guide: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stylize("--guide", guide.name, "--guide-weight", "50", "-o", "a.png") == 0
    assert main(["redo", "a.png", "-q", "-o", "b.png"]) == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    assert main(["redo", "a.png", "-q", "-o", "c.png", "--guide-weight", "0"]) == 0
    assert Path("a.png").read_bytes() != Path("c.png").read_bytes()
    guide.unlink()
    assert main(["redo", "a.png", "-q", "-o", "d.png"]) == 2
    assert "say where it is with --guide" in capsys.readouterr().err


@pytest.mark.parametrize("step", [2, 5])
def test_resume_obeys_them(
    stylize: Callable[..., int],
    guide: Path,
    step: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ["--guide", guide.name, "--guide-weight", "50"]
    assert stylize(*options, "-o", "whole.png") == 0
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, step)
        assert stylize(*options, "-o", "out.png") == 130
    checkpoint = Path("out.png.checkpoint")
    kept = checkpoint.read_bytes()
    assert main(["resume", "out.png.checkpoint", "-q"]) == 0
    assert torch.equal(load_image("out.png"), load_image("whole.png"))
    checkpoint.write_bytes(kept)
    guide.write_bytes(Path("photo.png").read_bytes())
    assert main(["resume", "out.png.checkpoint", "-q"]) == 2
    assert "guide.png' has changed since the run began" in capsys.readouterr().err


def inputs_of(height: int, width: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    names = ("content", "style/0", "guide")
    return {
        name: torch.rand(1, 3, height, width, generator=generator, dtype=torch.float64)
        for name in names
    }


def test_the_term_is_tiled_exactly(tiny_network: PerceptualNetwork) -> None:
    network, seen = tiny_network.double(), inputs_of(96, 70)
    config = make_config(guide_weight=3.0, precision="float32", **WHOLE)
    image = torch.rand(1, 3, 96, 70, dtype=torch.float64)
    whole = make_objective(network, seen, config)
    needs = needs_of(config.terms)
    budget = budget_scale(
        network, (96, 70), (0, 96), needs, config.optimizer, "float32", 110_000_000
    )
    tiled = make_objective(network, seen, config)
    tiled.plans.clear()
    tiled.memory = 400_000
    assert len(tiled.plan(96, 70).tiles) > 1 and budget.bytes <= 110_000_000
    one, many = whole.evaluate(image), tiled.evaluate(image)
    assert "guide" in one.losses
    for name, value in one.losses.items():
        assert_close(many.losses[name], value, rtol=1e-12, atol=1e-15)
    assert_close(many.gradient, one.gradient, rtol=1e-9, atol=1e-15)


def test_the_term_is_shared_exactly() -> None:
    """Two bands, one after the other: their values add up, their gradients join."""
    target = torch.rand(1, 3, 40, 9, dtype=torch.float64)
    image = torch.rand(1, 3, 40, 9, dtype=torch.float64)
    loss = GuideLoss(Placed(target))
    expected = loss({IMAGE: image})
    found, gradient = torch.zeros(1, dtype=torch.float64), torch.zeros_like(image)
    for rows in ((0, 24), (24, 40)):
        window = (max(0, rows[0] - 4), min(40, rows[1] + 4))
        here = GuideLoss(Placed(cut(target, (0, 40), window), window[0]))
        seen = cut(image, (0, 40), window)
        box = Box(*rows, 0, 9)
        region = Region(box.down(-window[0]), box, (40, 9))
        found += here.value(here.sums(seen, region))
        into = torch.zeros_like(seen)
        here.add_gradient(into, seen, region, (torch.ones(1, dtype=torch.float64),))
        cut(gradient, (0, 40), window).add_(into)
    assert_close(found, expected)
    leaf = image.clone().requires_grad_(True)
    (by_autograd,) = torch.autograd.grad(loss({IMAGE: leaf}).sum(), leaf)
    assert_close(gradient, by_autograd)


def test_every_process_sees_its_rows_of_the_input(tiny_network: PerceptualNetwork) -> None:
    pictures = inputs_of(96, 70)
    inputs = Inputs({name: Input.of(picture) for name, picture in pictures.items()})
    bands = plan_bands(tiny_network, ["relu2_1"], 96, 70, 3)
    settings = make_config(color="free").picture
    for rank in range(bands.count):
        band = Band(bands, Processes(rank, 3))
        seen = inputs.at(bands, band.window, settings, torch.device("cpu"))
        assert torch.equal(seen["guide"], cut(pictures["guide"], (0, 96), band.window))
        assert torch.equal(seen["style/0"], pictures["style/0"])


def test_the_budget_counts_what_the_term_keeps(tiny_network: PerceptualNetwork) -> None:
    sizes = dict.fromkeys(("content", "style/0", "guide"), (96, 70))
    device = torch.device("cpu")
    without, with_guide = (
        make_plan(make_config(size=1000, guide_weight=weight), tiny_network, sizes, device)
        for weight in (0.0, 1.0)
    )
    pixels = with_guide.size[0] * with_guide.size[1]
    more = [last.scales[-1].budget for last in (without, with_guide)]
    assert more[0] is not None and more[1] is not None
    assert more[1].bytes - more[0].bytes == pytest.approx(12 * pixels, rel=0.01)


def test_the_library_takes_them(
    photo: Path, painting: Path, guide: Path, tiny_weights: Path
) -> None:
    settings = {"size": 48, "steps": 3, "weights": str(tiny_weights), "guide_weight": 5.0}
    picture = gramarye.stylize(photo, painting, inputs={"guide": guide}, **settings)
    assert picture.recipe is not None
    assert Recipe.from_json(picture.recipe).inputs["guide"].name == "guide.png"


def test_a_job_runs_from_python_with_progress_cancel_and_checkpoint(
    photo: Path, painting: Path, guide: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    config = make_config(size=48, steps=30, weights=str(tiny_weights), guide_weight=5.0)
    inputs = name_inputs(photo, [painting], config, {"guide": guide})
    job = Job(inputs, tmp_path / "a.png", config, Output(checkpoint_every=1e-9))
    run = open_job(job)
    assert [scale.scale.size for scale in run.plan.scales] == [(36, 48)]
    seen = []
    for iterate in run.steps():
        seen.append((iterate.step, iterate.losses["guide"]))
        if iterate.step == 3:
            assert (tmp_path / "a.png.checkpoint").exists()  # of the step before
        if iterate.step == 5:
            run.stop()
    report = run.finish()
    assert report is not None and report.stopped and report.steps == 5
    assert [step for step, _ in seen] == [1, 2, 3, 4, 5]
    assert seen[-1][1] < seen[0][1]
    assert "gramarye resume" in report.notes[-1]
    assert load_image(report.output).shape == (1, 3, 36, 48)


def test_a_job_does_not_know_the_command_line() -> None:
    code = (
        "import sys, gramarye.jobs.opening\n"
        "print([name for name in sys.modules if name.startswith('gramarye.cli')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_job_prints_nothing(
    photo: Path,
    painting: Path,
    tiny_weights: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    config = make_config(size=48, steps=2, weights=str(tiny_weights))
    job = Job(name_inputs(photo, [painting], config), tmp_path / "a.png", config)
    run = open_job(job)
    assert len(list(run.steps())) == 2
    run.finish()
    assert capfd.readouterr() == ("", "")


@dataclass(frozen=True)
class WholeLoss:
    """A loss of the whole image: the largest pixel."""

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        return features[IMAGE].amax((1, 2, 3)).relu()


def test_a_term_that_is_no_function_of_sums_is_refused_where_tiles_are_planned(
    photo: Path,
    painting: Path,
    tiny_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kind = TermKind(
        "peak",
        type("PeakSettings", (Part,), {"__module__": __name__}),
        lambda settings: Needs(whole=frozenset({"peak"})),
        lambda settings, targets: lambda: [Term("peak", 0.1, WholeLoss())],
    )
    monkeypatch.setitem(TERMS, "peak", kind)
    options = ["--weights", str(tiny_weights), "--steps", "1", "-q", "--color", "free"]
    pictures = [photo.name, painting.name]
    assert main(["stylize", *pictures, *options, "--size", "48", "-o", "a.png"]) == 0
    capsys.readouterr()
    tight = ["--size", "1500", "--min-size", "1500", "--memory", "200MiB", "-o", "b.png"]
    assert main(["stylize", *pictures, *options, *tight]) == 2
    error = capsys.readouterr().err
    assert "as peak cannot be taken in tiles" in error and error.count("\n") == 1
    assert not Path("b.png").exists()
