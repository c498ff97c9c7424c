"""A picture painted in one pass: in tiles, regions, styles and sizes, and what is refused."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

import gramarye
from gramarye import painted, stepping, wanted
from gramarye.cli import main
from gramarye.errors import SettingsError
from gramarye.feedforward.files import make_painter, packed
from gramarye.feedforward.network import Painter
from gramarye.feedforward.settings import PainterConfig, StepConfig, reach
from gramarye.feedforward.transport import Move, transport
from gramarye.files import file_sha256
from gramarye.jobs import reading
from gramarye.losses.masks import MaskWeights
from gramarye.losses.statistics import moments
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.registry import load_network
from gramarye.painted import Painting, at_part, paint_image
from gramarye.pictures.picture import load_picture
from gramarye.plan import check_shared, run_needs
from gramarye.recipe import Recipe
from gramarye.scales import rows as rows_module
from gramarye.scales.resizing import resize
from gramarye.stepping import Span, differences, heard_at, margin_of, windows
from gramarye.tiles.extractor import FeatureExtractor
from gramarye.tiles.regions import Box
from gramarye.wanted import Target, aims, goals_at, own_moments, samples

# Thin, and as deep as the one of the package: it sees as far.
SHAPE = PainterConfig(
    coarse=StepConfig(
        layers=("relu4_1", "relu3_1", "relu2_1", "relu1_1"),
        widths=(6, 4, 4, 3),
        blocks=(2, 2, 1, 0),
    ),
    fine=StepConfig(layers=("relu3_1", "relu2_1", "relu1_1"), widths=(4, 4, 3), blocks=(2, 1, 0)),
    parts=(4, 2, 2, 1),
)


@pytest.fixture
def painter(tiny_network: PerceptualNetwork) -> Painter:
    return strong(make_painter(SHAPE, tiny_network))


@pytest.fixture
def halving(tiny_network: PerceptualNetwork) -> Painter:
    """One that begins at a half of the size: it sees less far."""
    coarse = SHAPE.coarse.model_copy(update={"blocks": (0, 0, 0, 0)})
    shape = SHAPE.model_copy(update={"parts": (2, 1), "coarse": coarse})
    return strong(make_painter(shape, tiny_network))


def strong(painter: Painter) -> Painter:
    """With steps that move the picture, as those that have learned do."""
    for step in (painter.coarse, painter.fine):
        step.finish.weight.data *= 3
    return painter.requires_grad_(False)


def config(**settings: Any) -> gramarye.StylizeConfig:
    return gramarye.make_config(painter="instant", precision="float32", **settings)


def picture(height: int, width: int, seed: int = 0, cells: int = 8) -> Tensor:
    """Soft spots of color."""
    drawn = torch.rand(1, 3, cells, cells, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(drawn, size=(height, width), mode="bicubic").clamp(0, 1)


def halves(height: int, width: int) -> Tensor:
    """A mask (1, 1, H, W): black on the left, white on the right."""
    mask = torch.zeros(1, 1, height, width)
    mask[..., width // 2 :] = 1
    return mask


@pytest.fixture
def paint(painter: Painter, tiny_network: PerceptualNetwork) -> Callable[..., Tensor]:
    """A function that paints inputs by name with some settings."""

    def call(seen: Mapping[str, Tensor], by: Painter = painter, **settings: Any) -> Tensor:
        return paint_image(by, tiny_network, seen, config(**settings))

    return call


Paint = Callable[..., Tensor]

# tiles


@pytest.mark.parametrize("window", [1, 256**2])
def test_a_picture_in_tiles_is_the_picture_in_one_piece(
    paint: Paint, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {"content": picture(352, 416, cells=40), "style/0": picture(96, 128, 1, 30)}
    seen["content-mask"] = picture(352, 416, 2)[:, :1]
    whole = paint(seen)
    assert (whole - seen["content"]).abs().mean() > 0.05
    assert ((whole > 0) & (whole < 1)).float().mean() > 0.5  # of others, clamping hides something
    monkeypatch.setattr(painted, "PIECE", 64**2)
    monkeypatch.setattr(stepping, "WINDOW", window)
    assert_close(paint(seen), whole, atol=1e-5, rtol=0)


def test_what_is_heard_is_what_the_first_convolutions_make_of_it(
    painter: Painter, tiny_network: PerceptualNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By products of a few rows at a time, with one move, with masks, and with none."""
    layer, step = "relu2_1", painter.fine
    features = tiny_network(picture(64, 96, cells=40), [layer])[layer]
    place, channels = Box.whole(*features.shape[-2:]), features.shape[1]
    drawn = torch.Generator().manual_seed(0)
    matrix = torch.rand(1, channels, channels, generator=drawn)
    move = Move(matrix, matrix[:, 0] - 0.5, torch.tensor([0.3]))
    other = Move(matrix.mT, matrix[:, 1], torch.tensor([0.6]))
    monkeypatch.setattr(stepping, "CHUNK", channels * place.width * 5)
    mask = MaskWeights("content-mask", halves(64, 96), tiny_network, (64, 96))
    moves = [Target(None, {layer: move}), Target(mask, {layer: other})]
    for targets in (moves[:1], moves[1:], moves, []):
        felt, missing = differences(features, targets, layer, place)
        here, wanted = step.ears(layer)
        expected = here(felt) + wanted(1.3 * missing)
        found = heard_at(step, layer, features, targets, place, 1.3)
        assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_a_painting_lets_go_of_its_inputs(
    painter: Painter, tiny_network: PerceptualNetwork
) -> None:
    """A large content must not be there to the end."""
    seen = {"content": picture(64, 96), "style/0": picture(64, 64, 1, 30)}
    Painting(painter, tiny_network, config()).paint(seen)
    assert not seen


def test_memory_decides_the_tiles_of_the_statistics_and_nothing_else(
    painter: Painter, tiny_network: PerceptualNetwork
) -> None:
    seen = {"content": picture(256, 320, cells=40), "style/0": picture(128, 128, 1, 30)}
    whole = paint_image(painter, tiny_network, seen, config())
    assert_close(
        paint_image(painter, tiny_network, seen, config(), 1 << 20), whole, atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("size", [(352, 416), (192, 1504), (1504, 192)])
def test_samples_of_a_large_image_lie_all_over_it(
    size: tuple[int, int], tiny_network: PerceptualNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sixth of it, in places as far from each other as from the border."""
    monkeypatch.setattr(wanted, "SAMPLE", 48)
    monkeypatch.setattr(wanted, "SAMPLED", size[0] * size[1] // 6)
    count = torch.zeros(size)
    for tile in samples(tiny_network, frozenset({"relu3_1"}), *size):
        tile.owned.of(count).add_(1)
    assert set(count.unique().tolist()) == {0.0, 1.0}
    assert abs(float(count.mean()) - 1 / 6) < 0.05
    for third in (*count.tensor_split(3, 0), *count.tensor_split(3, 1)):
        assert abs(float(third.mean()) - 1 / 6) < 0.12
    monkeypatch.setattr(wanted, "SAMPLED", size[0] * size[1] // 2)
    assert samples(tiny_network, frozenset({"relu3_1"}), *size) == ()


def test_moments_of_samples_are_nearly_those_of_all(
    painter: Painter, tiny_network: PerceptualNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a mask says what counts, all of it is seen: it may be small."""
    image, extractor = picture(352, 416, cells=60), FeatureExtractor(tiny_network)
    seen = {"content": image, "style/0": picture(64, 64, 1)}
    plain = goals_at(painter, extractor, seen, config(), 1)
    masked = goals_at(painter, extractor, {**seen, "content-mask": halves(352, 416)}, config(), 1)
    whole = [own_moments(goals, extractor, image, None) for goals in (plain, masked)]
    monkeypatch.setattr(wanted, "SAMPLE", 48)
    monkeypatch.setattr(wanted, "SAMPLED", image.shape[-2] * image.shape[-1] // 6)
    (some,), (all_of,) = (own_moments(goals, extractor, image, None) for goals in (plain, masked))
    for layer, found in some.items():
        exact = whole[0][0][layer]
        assert abs(float(found.count / exact.count) - 1 / 6) < 0.05
        apart = (found.gram() - exact.gram()).norm() / exact.gram().norm()
        assert 0 < float(apart) < 0.1
        assert torch.equal(all_of[layer].second, whole[1][0][layer].second)


@pytest.mark.parametrize("size", [(1408, 2112), (2816, 4224), (96, 4096), (4098, 96), (64, 64)])
@pytest.mark.parametrize(("margin", "stride"), [(44, 4), (112, 8)])
def test_windows_of_one_size_show_all_there_is_around_what_tiles_own(
    size: tuple[int, int], margin: int, stride: int
) -> None:
    rows, columns = windows(*size, margin, stride, 768**2)
    for side, found in zip(size, (rows, columns), strict=True):
        assert [span.start for span in found] == [0, *(span.stop for span in found[:-1])]
        assert found[-1].stop == side
        for span in found:
            assert span.first % stride == 0 and span.start < span.stop
            assert span.first == max(0, span.first) <= max(0, span.start - margin)
            assert min(side, span.stop + margin) <= span.last <= side
        lengths = {span.last - span.first for span in found}
        assert max(lengths) - min(lengths) < stride
    assert (rows[0].last - rows[0].first) * (columns[0].last - columns[0].first) < 1.02 * 768**2


def test_two_windows_share_two_margins() -> None:
    """Of 280 pixels each sees (280 + 2 * 40) / 2."""
    rows, columns = windows(280, 280, 40, 4, 180 * 280)
    assert rows == [Span(0, 280, 0, 280)]
    assert columns == [Span(0, 140, 0, 180), Span(140, 280, 100, 280)]


@pytest.mark.parametrize("part", ["coarse", "fine"])
def test_a_step_of_the_package_sees_no_further_than_its_margin(part: str) -> None:
    """Beyond the margin anything may change, and no pixel notices; within it some do."""
    network = load_network("vgg19-lite").requires_grad_(False)
    step = getattr(make_painter(PainterConfig(), network), part)
    margin, side = margin_of(step, network), 320

    def moved(image: Tensor) -> Tensor:
        felt = network(image, step.layers)
        made: Tensor = step(image, felt, {k: 0.5 * v for k, v in felt.items()})
        return made.detach()

    image = picture(32, side, cells=16)
    other = image.clone()
    other[..., 160 + margin :] = picture(32, side, 1, 16)[..., 160 + margin :]
    apart = (moved(other) - moved(image)).abs().amax((0, 1, 2))
    assert float(apart[:160].max()) < 1e-5 < float(apart[160 + margin - 40 :].max())


# what is missing


def test_without_strength_nothing_is_missing(painter: Painter, paint: Paint) -> None:
    """What a step has learned of missing features then changes nothing."""
    seen = {"content": picture(64, 96), "style/0": picture(64, 64, 1, 30)}
    still, moved = paint(seen, strength=0), paint(seen)
    assert (still - moved).abs().mean() > 0.01
    for step in (painter.coarse, painter.fine):
        for conv in step.wanted.values():
            conv.weight.zero_()
    assert torch.equal(paint(seen, strength=0), still)
    assert_close(paint(seen), still, atol=1e-5, rtol=0)


def test_strength_is_how_much_of_it_is_told(painter: Painter, paint: Paint) -> None:
    seen = {"content": picture(64, 96), "style/0": picture(64, 64, 1, 30)}
    some, twice = paint(seen, strength=0.25), paint(seen, strength=0.5)
    for step in (painter.coarse, painter.fine):
        for conv in step.wanted.values():
            conv.weight *= 2
    assert (some - twice).abs().mean() > 0.005
    assert_close(paint(seen, strength=0.25), twice, atol=1e-4, rtol=0)


def test_strength_reaches_the_style_in_the_middle_and_beyond_it_at_the_end() -> None:
    assert [reach(s) for s in (0.0, 0.25, 0.5, 0.75, 1.0)] == pytest.approx(
        [0.0, 0.5, 1.0, 1.5, 2.0]
    )


@pytest.mark.parametrize("name", ["content-mask", "strength-map"])
def test_where_a_mask_is_black_nothing_is_missing(
    halving: Painter, paint: Paint, name: str
) -> None:
    seen = {"content": picture(64, 640, cells=40), "style/0": picture(64, 64, 1, 30)}
    still = paint(seen, halving, strength=0)
    masked = paint({**seen, name: halves(64, 640)}, halving)
    assert_close(masked[..., :128], still[..., :128], atol=1e-6, rtol=0)
    assert (masked - still)[..., 448:].abs().mean() > 0.01


def test_a_mask_all_white_is_no_mask() -> None:
    network = load_network("vgg19-lite")  # whose features are not so thin that rounding shows
    painter = strong(make_painter(SHAPE, network))
    seen = {"content": picture(64, 96), "style/0": picture(64, 64, 1, 30)}
    plain = paint_image(painter, network, seen, config())
    for name in ("content-mask", "strength-map"):
        masked = {**seen, name: torch.ones(1, 1, 64, 96)}
        assert_close(paint_image(painter, network, masked, config()), plain, atol=1e-4, rtol=0)


def test_a_mask_may_leave_out_layers_that_see_beyond_it(paint: Paint) -> None:
    """In the mode inside, no position of deep layers counts in a small part of a picture."""
    mask = torch.zeros(1, 1, 96, 128)
    mask[..., 24:72, 32:96] = 1
    seen = {"content": picture(96, 128), "style/0": picture(64, 64, 1, 30), "content-mask": mask}
    inside = paint(seen, mask_mode="inside")
    assert inside.isfinite().all() and not torch.equal(inside, paint(seen))


def two_regions() -> dict[str, Tensor]:
    """A picture of two regions; of two styles, each all of one."""
    right = halves(64, 640)
    one, none = torch.ones(1, 1, 64, 64), torch.zeros(1, 1, 64, 64)
    return {
        "content": picture(64, 640, cells=40),
        "content-regions": torch.cat([1 - right, right], 1),
        "style/0": picture(64, 64, 1, 30),
        "style-regions/0": torch.cat([one, none], 1),
        "style/1": picture(64, 64, 2, 10),
        "style-regions/1": torch.cat([none, one], 1),
    }


@pytest.mark.parametrize("still", ["coarse", "fine"])
def test_a_region_takes_up_its_own_style_only(halving: Painter, paint: Paint, still: str) -> None:
    """One step of two: the second begins with statistics that the first has changed at borders."""
    getattr(halving, still).finish.weight.zero_()
    seen = two_regions()
    first = paint(seen, halving)
    other = paint({**seen, "style/1": 0.2 * picture(64, 64, 3, 20)}, halving)
    assert_close(first[..., :128], other[..., :128], atol=1e-6, rtol=0)
    assert (first - other)[..., 448:].abs().mean() > 0.01


def test_regions_are_moved_from_their_own_statistics_to_their_styles(
    halving: Painter, tiny_network: PerceptualNetwork
) -> None:
    seen = two_regions()
    extractor = FeatureExtractor(tiny_network, "float32", None)
    goals = goals_at(halving, extractor, seen, config(), 1)
    targets = aims(goals, own_moments(goals, extractor, seen["content"], None))
    known = tiny_network(seen["content"], halving.fine.layers)
    again = aims(goals, own_moments(goals, extractor, seen["content"], known))
    assert len(targets) == len(again) == 2
    names = ["content", "style/0", "style/1"]
    content, *styles = (tiny_network(seen[name], halving.fine.layers) for name in names)
    for layer in halving.fine.layers:
        middle = content[layer].shape[-1] // 2
        parts = content[layer][..., :middle], content[layer][..., middle:]
        for target, same, part, style in zip(targets, again, parts, styles, strict=True):
            wanted = transport(moments(part.double()), moments(style[layer].double()))
            for found in (target.moves[layer], same.moves[layer]):
                assert_close(found.matrix, wanted.matrix, atol=1e-3, rtol=1e-3)
                assert_close(found.offset, wanted.offset, atol=1e-3, rtol=1e-3)
                assert_close(found.size, wanted.size)


# several styles


def test_a_style_that_counts_nothing_is_not_there(paint: Paint) -> None:
    seen = {"content": picture(64, 96), "style/0": picture(64, 64, 1, 30)}
    both = {**seen, "style/1": picture(64, 64, 2, 10)}
    assert torch.equal(paint(both, style_weights=[1, 0]), paint(seen))
    second = {"content": seen["content"], "style/0": both["style/1"]}
    assert torch.equal(paint(both, style_weights=[0, 2]), paint(second))
    mixed = paint(both, style_weights=[1, 1])
    assert (mixed - paint(seen)).abs().mean() > 0.002
    assert not torch.equal(mixed, paint(both, style_weights=[1, 1], style_mixing="between"))


def test_roles_say_which_style_gives_forms_and_which_strokes(
    halving: Painter, paint: Paint
) -> None:
    forms = {"content": picture(64, 96), "style/0": picture(64, 64, 1, 30)}
    strokes = {"content": forms["content"], "style/0": picture(64, 64, 2, 10)}
    both = {**forms, "style/1": strokes["style/0"]}

    def told(seen: Mapping[str, Tensor], **settings: Any) -> Tensor:
        return paint(seen, halving, **settings)

    roles = {"style_roles": ["forms", "strokes"]}
    assert not torch.equal(told(both, **roles), told(both))
    halving.fine.finish.weight.zero_()  # only forms are painted
    assert torch.equal(told(both, **roles), told(forms))
    halving.fine.finish.weight.normal_()
    halving.coarse.finish.weight.zero_()  # only strokes
    assert torch.equal(told(both, **roles), told(strokes))


def test_forms_have_another_size_in_coarse_parts_only() -> None:
    seen = {
        "content": picture(64, 96),
        "style/0": picture(48, 64, 1),
        "form/0": picture(96, 128, 2),
    }
    whole, half = (at_part(seen, part, 2.0) for part in (1, 2))
    assert set(whole) == set(half) == {"content", "style/0"}
    assert torch.equal(whole["style/0"], seen["style/0"])
    assert_close(half["style/0"], resize(seen["form/0"], 48, 64).clamp(0, 1))
    assert_close(half["content"], resize(seen["content"], 32, 48).clamp(0, 1))
    plain = at_part(seen, 2, 1.0)
    assert_close(plain["style/0"], resize(seen["style/0"], 24, 32).clamp(0, 1))


# sizes and seeds


@pytest.mark.parametrize("size", [(50, 37), (17, 200), (200, 17), (33, 65), (16, 16), (8, 300)])
def test_a_picture_of_any_size_is_painted_in_its_size(paint: Paint, size: tuple[int, int]) -> None:
    seen = {"content": picture(*size), "style/0": picture(41, 67, 1, 30)}
    made = paint(seen)
    assert made.shape == (1, 3, *size) and made.isfinite().all()
    assert made.min() >= 0 and made.max() <= 1
    assert (made - paint({**seen, "style/0": picture(41, 67, 2, 5)})).abs().max() > 1e-3


@pytest.mark.parametrize("size", [(5, 200), (1, 1), (200, 3)])
def test_a_style_may_be_small(paint: Paint, size: tuple[int, int]) -> None:
    seen = {"content": picture(64, 64), "style/0": picture(*size, 1)}
    assert paint(seen).isfinite().all()


def test_flat_pictures_are_painted(paint: Paint) -> None:
    for content, style in ((0.0, 0.0), (0.5, 1.0), (1.0, 0.0)):
        flat = {"content": torch.full((1, 3, 64, 64), content)}
        assert paint({**flat, "style/0": torch.full((1, 3, 64, 64), style)}).isfinite().all()


def test_one_seed_is_one_picture(paint: Paint, painter: Painter) -> None:
    seen = {"content": picture(64, 96), "style/0": picture(64, 64, 1, 30)}
    one, again, other = (paint(seen, seed=seed) for seed in (5, 5, 6))
    assert torch.equal(one, again) and not torch.equal(one, other)
    assert not torch.equal(one, paint(seen, seed=2**63 - 1))
    painter.config = painter.config.model_copy(update={"grain": 0.0})
    assert torch.equal(paint(seen, seed=5), paint(seen, seed=6))


def test_the_inputs_stay_as_they_are(paint: Paint) -> None:
    seen = {
        "content": picture(50, 37),
        "style/0": picture(64, 64, 1),
        "content-mask": halves(50, 37),
    }
    before = {name: pixels.clone() for name, pixels in seen.items()}
    paint(seen)
    assert seen.keys() == before.keys()
    assert all(torch.equal(seen[name], before[name]) for name in seen)


# from outside


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A painter by the packaged network."""
    path = tmp_path / "painter.safetensors"
    path.write_bytes(packed(strong(make_painter(SHAPE, load_network("vgg19-lite"))), 1))
    return path


def test_it_is_one_step_in_the_styles_colors(file: Path) -> None:
    style = 0.5 + 0.5 * picture(64, 64, 1, 30)
    settings = gramarye.make_config(painter=str(file), size=96, steps=7, device="cpu")
    (iterate,) = gramarye.stylize_steps(picture(64, 96), [style], settings)
    assert (iterate.step, iterate.steps, iterate.scale, iterate.scales) == (1, 1, 0, 1)
    assert iterate.image.shape == (1, 3, 64, 96)


def test_a_gray_style_makes_a_gray_picture(file: Path) -> None:
    style = picture(64, 64, 1, 30)[:, :1].expand(1, 3, 64, 64)
    made = gramarye.stylize(picture(64, 96), style, painter=str(file), size=96, device="cpu").pixels
    assert_close(made, made[:, :1].expand_as(made))
    assert made.std() > 0.05


def test_several_processes_are_refused() -> None:
    settings = config()
    with pytest.raises(SettingsError, match="a painter paints in one process: leave torchrun out"):
        check_shared(settings, run_needs(settings))


@pytest.fixture
def command(
    photo: Path, painting: Path, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., int]:
    """A function that paints the two pictures with the painter, in the test's folder."""
    monkeypatch.chdir(tmp_path)

    def call(*options: str) -> int:
        pictures = ["stylize", photo.name, painting.name, "--painter", file.name, "--size", "64"]
        return main([*pictures, "-q", *options])

    return call


def test_a_painted_picture_carries_its_recipe_and_is_made_again(
    command: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("-o", "made.png", "--seed", "3") == 0
    assert "64 x 48 pixels, 1 step, " in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "made.png", "painter.safetensors", "painting.png", "photo.png"
    ]  # fmt: skip
    made = load_picture("made.png")
    assert (made.width, made.height) == (64, 48)
    recipe = Recipe.of_picture(tmp_path / "made.png")
    assert recipe.settings.painter.by == "painter.safetensors"
    assert recipe.painter_sha256 == file_sha256(tmp_path / "painter.safetensors")
    assert main(["redo", "made.png", "-q"]) == 0
    assert (tmp_path / "made-redo.png").read_bytes() == (tmp_path / "made.png").read_bytes()
    assert main(["redo", "made.png", "-q", "--seed", "4", "-o", "other.png"]) == 0
    assert (load_picture("other.png").pixels != made.pixels).any()
    assert main(["recipe", "made.png"]) == 0
    assert "painter.safetensors" in capsys.readouterr().out


def test_a_recipe_names_no_folder_and_finds_the_painter_beside_its_picture(
    command: Callable[..., int],
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command("-o", "made.png", "--painter", str(file)) == 0
    assert str(tmp_path) not in Recipe.of_picture(tmp_path / "made.png").to_json()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(["redo", "../made.png", "-q", "-o", "again.png"]) == 0
    assert Path("again.png").read_bytes() == (tmp_path / "made.png").read_bytes()
    assert "note" not in capsys.readouterr().err

    file.write_bytes(packed(make_painter(SHAPE, load_network("vgg19-lite")), 2))
    assert main(["redo", "../made.png", "-q", "-o", "other.png"]) == 2
    assert "is not the network that painted the picture" in capsys.readouterr().err
    assert not Path("other.png").exists()
    file.rename(tmp_path / "elsewhere" / "moved")
    assert main(["redo", "../made.png", "-q"]) == 2
    err = capsys.readouterr().err
    assert "the painter 'painter.safetensors' was not found: say where it is" in err
    assert main(["redo", "../made.png", "-q", "--painter", "moved"]) == 0


def test_a_painter_is_never_written_over(
    command: Callable[..., int], file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = file.rename(file.with_name("painter.png"))
    before = own.read_bytes()
    assert command("--painter", "painter.png", "-o", "painter.png") == 2
    assert "one of the inputs" in capsys.readouterr().err
    assert own.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--map grid", "either a painter makes the picture or a color map does: leave out"),
        ("--init noise", "the painter begins with the content: leave --init out"),
        ("--network vgg19", "the painter sees by vgg19-lite as it comes: leave out --network"),
        ("--pooling avg", "the painter sees by vgg19-lite as it comes"),
        ("--painter nowhere", "'nowhere'"),
        ("--painter photo.png", "photo.png cannot be read as weights"),
        ("--style-weights 1,2", "--style-weights has 2 numbers, and there is 1 style"),
    ],
)
def test_what_a_painter_cannot_do_is_told_in_one_sentence(
    command: Callable[..., int],
    options: str,
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = sorted(tmp_path.iterdir())
    assert command("-o", "made.png", *options.split()) == 2
    err = capsys.readouterr().err
    assert words in err and err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_a_texture_has_no_painter(
    painting: Path, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "made.png")
    assert main(["texture", str(painting), "--painter", str(file), "-q", "-o", out]) == 2
    err = capsys.readouterr().err
    assert "the painter needs a content, and a texture has none" in err and err.count("\n") == 1


# as a first image


def test_init_instant_begins_with_the_painters_picture() -> None:
    """A step that moves nothing shows what `instant` paints at the first scale's size."""
    content, style = picture(64, 96), picture(64, 64, 1, 30)
    still = {"steps": 1, "optimizer": "gradient-descent", "learning_rate": 1e-12}
    settings = {"size": 96, "coarse_to_fine": False, "seed": 3}
    begun = gramarye.stylize(content, style, **settings, **still, init="instant").pixels
    painted = gramarye.instant(content, style, size=96, seed=3).pixels
    assert_close(begun, painted, atol=1e-5, rtol=0)
    assert (painted - content).abs().mean() > 0.02


def test_what_cannot_begin_with_a_painter_is_refused_in_one_sentence() -> None:
    for settings in ({"network": "vgg16"}, {"aspect": (3, 2)}, {"map": "grid"}):
        with pytest.raises(gramarye.GramaryeError):
            gramarye.make_config(init="instant", **settings)  # type: ignore[arg-type]


# a large content


def test_a_content_that_is_made_again_is_not_held_while_its_parts_are_painted(
    painter: Painter, tiny_network: PerceptualNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the picture is the same, to the bit."""
    content, style = picture(120, 200, cells=40), picture(64, 64, 1, 30)
    expected = paint_image(painter, tiny_network, {"content": content, "style/0": style}, config())
    held: list[bool] = []
    first = content.clone()
    gone = weakref.ref(first.untyped_storage())
    seen = {"content": first, "style/0": style}
    del first

    def again() -> Tensor:
        held.append(gone() is not None)
        return content.clone()

    step = Painting.after_step

    def watched(*given: Any) -> Tensor:
        held.append(gone() is not None)
        return step(*given)

    monkeypatch.setattr(Painting, "after_step", watched)
    found = Painting(painter, tiny_network, config()).paint(seen, again=again)
    assert torch.equal(found, expected)
    assert held == [False] * 5  # a quarter, twice a half, the content anew, the whole


def test_the_command_paints_a_content_that_it_reads_twice_as_one_that_it_holds(
    make_picture: Callable[..., Path], painting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = make_picture("large.png", 200, 136, seed=3)
    monkeypatch.chdir(photo.parent)
    pictures = ["instant", photo.name, painting.name, "-q", "--runtime", "torch", "-o"]
    assert main([*pictures, "held.png"]) == 0
    monkeypatch.setattr(reading, "LARGE_PAINTED", 0)
    monkeypatch.setattr(painted, "HELD", 0)
    read: list[str] = []
    load = reading.load_with_room
    monkeypatch.setattr(
        reading, "load_with_room", lambda path, n: (read.append(path.name), load(path, n))[1]
    )
    assert main([*pictures, "read.png"]) == 0
    assert read.count("large.png") == 2
    assert torch.equal(load_picture("read.png").pixels, load_picture("held.png").pixels)


def test_noise_is_one_however_many_rows_are_drawn_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = torch.rand(1, 3, 50, 30, generator=torch.Generator().manual_seed(9))
    for count in (40, 1 << 20):
        monkeypatch.setattr(rows_module, "BAND", count)
        image = torch.zeros(1, 3, 50, 30)
        painted.add_noise(image, 0.5, 9)
        assert_close(image, 0.5 * (drawn - 0.5) * 12**0.5)
