"""Inside other programs: whatever PyTorch is set to, the picture is the same, and so is PyTorch."""

import asyncio
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

import gramarye
from gramarye.errors import InputError
from gramarye.handover import uniform_image
from gramarye.scales.grain import spot_noise
from gramarye.warned import own_warnings

FAST: dict[str, Any] = {
    "size": 64, "min_size": 48, "steps": 3, "finer_steps": 2, "device": "cpu",
    "precision": "float32",
}  # fmt: skip


@contextmanager
def changed(change: Callable[[Any], None], to: object, back: object) -> Iterator[None]:
    change(to)
    try:
        yield
    finally:
        change(back)


HOSTS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "inference mode": torch.inference_mode,
    "no_grad": torch.no_grad,
    "gradients off": lambda: torch.set_grad_enabled(False),
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "default dtype float64": lambda: changed(torch.set_default_dtype, torch.float64, torch.float32),
    "default dtype float16": lambda: changed(torch.set_default_dtype, torch.float16, torch.float32),
    "default device": lambda: changed(torch.set_default_device, "meta", None),
    "deterministic": lambda: changed(torch.use_deterministic_algorithms, True, False),
}


def modes() -> list[object]:
    """Everything that a host can have set, and that we could have changed."""
    return [
        torch.is_inference_mode_enabled(), torch.is_grad_enabled(),
        torch.is_autocast_enabled("cpu"), torch.get_default_dtype(), torch.get_default_device(),
        torch.are_deterministic_algorithms_enabled(), torch.get_float32_matmul_precision(),
        torch.get_num_threads(), torch.random.get_rng_state().tolist(),
    ]  # fmt: skip


@pytest.fixture
def settings(tiny_weights: Path) -> dict[str, Any]:
    return {**FAST, "weights": tiny_weights}


@pytest.mark.parametrize("more", [{}, {"init": "noise", "optimizer": "adam", "average": 0.5,
                                       "tv_weight": 1.0, "style_loss": "wasserstein",
                                       "normalize_weights": True}])  # fmt: skip
@pytest.mark.parametrize("host", HOSTS)
def test_the_picture_and_the_host_are_what_they_were(
    host: str, more: dict[str, Any], photo: Path, painting: Path, settings: dict[str, Any]
) -> None:
    settings = settings | more
    expected = gramarye.stylize(photo, painting, **settings).pixels
    with HOSTS[host]():
        before = modes()
        found = gramarye.stylize(photo, painting, **settings).pixels
        assert modes() == before
    assert found.dtype == torch.float32 and not found.is_inference()
    assert torch.equal(found, expected)


@pytest.mark.parametrize("host", HOSTS)
def test_step_by_step_with_what_the_host_has_loaded(
    host: str, photo: Path, painting: Path, settings: dict[str, Any]
) -> None:
    def images() -> list[torch.Tensor]:
        content, style = (gramarye.load_image(path) for path in (photo, painting))
        network = gramarye.load_network("vgg19-lite", weights=settings["weights"])
        found, before = [], modes()
        for iterate in gramarye.stylize_steps(
            content, [style], gramarye.make_config(**settings), network=network
        ):
            assert modes() == before  # while the host has its turn
            found.append(iterate.image)
        return found

    expected = images()
    with HOSTS[host]():
        found = images()
    assert all(map(torch.equal, found, expected)) and len(found) == len(expected) == 5


def test_a_run_that_is_left_leaves_the_host_alone(
    photo: Path, painting: Path, settings: dict[str, Any]
) -> None:
    content, style = (gramarye.load_image(path) for path in (photo, painting))
    with torch.inference_mode():
        before = modes()
        steps = gramarye.stylize_steps(content, [style], gramarye.make_config(**settings))
        next(steps)
        steps.close()  # type: ignore[attr-defined]
        assert modes() == before


def test_less_precise_products_are_the_hosts_to_choose(
    photo: Path, painting: Path, settings: dict[str, Any]
) -> None:
    with changed(torch.set_float32_matmul_precision, "medium", "highest"):
        picture = gramarye.stylize(photo, painting, **settings)
        assert torch.get_float32_matmul_precision() == "medium"
    assert picture.pixels.isfinite().all()


def test_two_runs_at_once_give_the_pictures_they_give_alone(
    photo: Path, painting: Path, settings: dict[str, Any]
) -> None:
    pairs = [(photo, painting), (painting, photo)] * 2
    alone = [gramarye.stylize(*pair, **settings).pixels for pair in pairs]
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(gramarye.stylize, *pair, **settings) for pair in pairs]
        together = [run.result().pixels for run in runs]
    assert all(map(torch.equal, together, alone))


def test_a_program_with_an_event_loop(
    photo: Path, painting: Path, settings: dict[str, Any]
) -> None:
    async def host() -> list[gramarye.Picture]:
        here = gramarye.stylize(photo, painting, **settings)
        there = await asyncio.to_thread(gramarye.stylize, photo, painting, **settings)
        return [here, there]

    here, there = asyncio.run(host())
    assert torch.equal(here.pixels, there.pixels)


def test_paths_may_be_paths(photo: Path, painting: Path, settings: dict[str, Any]) -> None:
    """For weights and the first image too, which are text in a recipe."""
    paths = gramarye.stylize(photo, painting, init=painting, **settings)
    as_text = settings | {"init": str(painting), "weights": str(settings["weights"])}
    texts = gramarye.stylize(str(photo), str(painting), **as_text)
    assert torch.equal(paths.pixels, texts.pixels)
    assert paths.recipe == texts.recipe


def test_no_style_is_told(photo: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="no style"):
        gramarye.stylize(photo, [], **settings)
    with pytest.raises(InputError, match="no style"):
        next(gramarye.stylize_steps(gramarye.load_image(photo), [], gramarye.make_config()))


def test_noise_is_float32_whatever_the_host_prefers() -> None:
    expected = uniform_image(4, 4, 0, torch.empty(0)), spot_noise([torch.ones(1, 3, 4, 4)], 0)
    with HOSTS["default dtype float64"]():
        found = uniform_image(4, 4, 0, torch.empty(0)), spot_noise([torch.ones(1, 3, 4, 4)], 0)
    assert all(map(torch.equal, found, expected))


def test_warnings_of_two_threads_leave_the_filters_as_they_were() -> None:
    before, inside, most = list(warnings.filters), [0], [0]

    def work(number: int) -> list[str]:
        with own_warnings() as caught:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            warnings.warn(str(number), stacklevel=1)
            time.sleep(0.001)
            inside[0] -= 1
        return [str(warning.message) for warning in caught]

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(work, range(20))) == [[str(number)] for number in range(20)]
    assert most == [1] and warnings.filters == before
