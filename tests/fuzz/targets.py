"""What is fuzzed: each target is made with a folder for its sound files, and called per case.

A case gets an empty folder and a source of draws, and raises where the promise is broken.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, final

import torch
from PIL import Image

from gramarye.cli import main
from gramarye.config import all_settings
from gramarye.errors import GramaryeError
from gramarye.jobs.running import JobRun
from gramarye.networks.registry import load_network
from gramarye.networks.vgg import narrow_vgg
from gramarye.optimize import Iterate
from gramarye.pictures.picture import load_picture, read_recipe
from gramarye.recipe import Recipe
from tests.altering import (
    NUMBERS,
    OTHERS,
    alter_checkpoint,
    altered,
    dumps,
    read_archive,
    with_bytes_altered,
    write_archive,
)
from tests.pictures import zoo

Draw = random.Random
MAX_PIXELS = 4_000_000
FAST = ["--size", "48", "--min-size", "40", "--steps", "3", "--finer-steps", "2", "-q"]
MOST_STEPS = 4  # after which a run is asked to stop: an altered file may ask for a million


def command(*arguments: str | Path) -> tuple[int, str, str]:
    """A command's exit code and what it printed; raises unless that is a result or a sentence."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    told = err.getvalue()
    errors = [line for line in told.splitlines() if line.startswith("gramarye: ")]
    assert code in (0, 1, 2, 130), told
    assert len(errors) == (code in (1, 2)), told
    assert "mistake of ours" not in told and "Traceback" not in told, told
    assert "out of memory" not in told, told
    for text in (out.getvalue(), told):
        assert all(line.isprintable() for line in text.split("\n")), ascii(text)
    return code, out.getvalue(), told


@contextlib.contextmanager
def short_runs() -> Iterator[None]:
    counted = JobRun.counted

    def stopped(run: JobRun, iterates: Iterator[Iterate]) -> Iterator[Iterate]:
        for number, iterate in enumerate(counted(run, iterates), start=1):
            if number >= MOST_STEPS:
                run.stop()
            yield iterate

    JobRun.counted = stopped  # type: ignore[method-assign]
    try:
        yield
    finally:
        JobRun.counted = counted  # type: ignore[method-assign]


def make_pair(folder: Path) -> tuple[Path, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(0)
    paths = folder / "content.png", folder / "style.png"
    for path in paths:
        blocks = Image.frombytes("RGB", (6, 5), draw.randbytes(90))
        blocks.resize((48, 40), Image.Resampling.BICUBIC).save(path)
    return paths


def make_weights(path: Path) -> Path:
    """A vgg19-lite of two channels per layer."""
    from safetensors.torch import save_file

    blocks = [(2,) * depth for depth in (2, 2, 4, 4, 1)]
    state = narrow_vgg("tiny", blocks, "reflect").state_dict()
    generator = torch.Generator().manual_seed(0)
    tensors = {
        name.removeprefix("body."): 0.4 * torch.randn(value.shape, generator=generator)
        for name, value in state.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, {"padding": "reflect", "pooling": "max"})
    return path


@final
class Pictures:
    """Picture files of every format we read, their bytes altered, put together, or made up."""

    def __init__(self, folder: Path) -> None:
        self.files = [
            (animal.name, animal.data)
            for make in (zoo.pngs, zoo.tiffs, zoo.odd_tiffs, zoo.packed_tiffs, zoo.others)
            for animal in make()
        ]
        heic = io.BytesIO()
        with contextlib.suppress(ImportError):
            import pillow_heif

            image = pillow_heif.from_pillow(Image.frombytes("RGB", (16, 12), bytes(576)))
            image.save(heic)
            self.files.append(("flat.heic", heic.getvalue()))

    def __call__(self, case: Path, draw: Draw) -> None:
        name, data = draw.choice(self.files)
        for _ in range(draw.choice([1, 1, 2, 5])):
            data = with_bytes_altered(data, draw) or b"\0"
        if draw.random() < 0.1:  # the head of one, the rest of another
            data = data[: draw.randrange(200)] + draw.choice(self.files)[1][draw.randrange(200) :]
        if draw.random() < 0.02:
            data = data[:12] + draw.randbytes(draw.randrange(2000))
        path = case / name
        path.write_bytes(data)
        try:
            picture = load_picture(path, max_pixels=MAX_PIXELS)
        except GramaryeError as error:
            assert "\n" not in str(error), str(error)
        else:
            assert picture.pixels.shape[1] == 3 and picture.pixels.dtype == torch.float32
            assert 0 <= float(picture.pixels.min()) <= float(picture.pixels.max()) <= 1
            assert picture.width * picture.height <= MAX_PIXELS
        with contextlib.suppress(GramaryeError):
            read_recipe(path)


@final
class Recipes:
    """Recipes in pictures, altered: shown, and followed as far as they can be."""

    def __init__(self, folder: Path) -> None:
        self.content, self.style = make_pair(folder)
        self.weights = make_weights(folder / "tiny.safetensors")
        made = folder / "made.png"
        command("stylize", self.content, self.style, *FAST, "--weights", self.weights, "-o", made)
        self.recipe = json.loads(Recipe.of_picture(made).to_json())
        self.picture = load_picture(made)

    def __call__(self, case: Path, draw: Draw) -> None:
        recipe = self.recipe
        for _ in range(draw.choice([1, 1, 2, 4])):
            with contextlib.suppress(RecursionError):  # nested too deep to be altered again
                recipe = altered(recipe, draw)
        text = dumps(recipe)
        if draw.random() < 0.1:
            text = with_bytes_altered(text.encode(), draw).decode("ascii", "ignore")
        odd = case / "odd.png"
        self.picture.save(odd, recipe=text)
        code, out, _ = command("recipe", odd, "--json")
        if code == 0:
            assert json.loads(out)["recipe"] == 2
        command("recipe", odd)
        for path in (self.content, self.style, self.weights):
            (case / path.name).write_bytes(path.read_bytes())
        with short_runs():
            small = ["--size", "48", "--history", "5", "-q", "--checkpoint-every", "0"]
            command("redo", odd, *small, "-o", case / "again.png")


@final
class Checkpoints:
    """Checkpoints of several optimizers, altered, and gone on from."""

    def __init__(self, folder: Path) -> None:
        content, style = make_pair(folder)
        weights = make_weights(folder / "tiny.safetensors")
        self.files = []
        for number, options in enumerate(
            (
                ["--history", "3"],
                ["--optimizer", "adam", "--learning-rate", "0.02", "--average", "0.9"],
                ["--line-search", "strong-wolfe"],
                ["--memory", "3MiB"],
            )
        ):
            out = folder / f"out{number}.png"
            long = [*FAST, "--steps", "9", "--weights", str(weights)]
            with short_runs():
                code, _, told = command("stylize", content, style, *long, *options, "-o", out)
            assert code == 130, told
            self.files.append((folder / f"{out.name}.checkpoint").read_bytes())

    def __call__(self, case: Path, draw: Draw) -> None:
        path = case / "out.png.checkpoint"
        path.write_bytes(draw.choice(self.files))
        for _ in range(draw.choice([1, 1, 2])):
            with contextlib.suppress(Exception):  # the second time it may be no archive any more
                alter_checkpoint(path, draw)
        with short_runs():
            command("resume", path, "-q", "-o", case / "out.png")


@final
class Weights:
    """Weights files of safetensors and of torch.save in both formats, altered."""

    def __init__(self, folder: Path) -> None:
        path = make_weights(folder / "tiny.safetensors")
        state = dict(load_network("vgg19-lite", weights=path).state_dict())
        self.files = [path.read_bytes()]
        for wrapped, old in ((False, False), (True, False), (False, True)):
            file = io.BytesIO()
            content: Any = {"model": state, "epoch": 3} if wrapped else state
            torch.save(content, file, _use_new_zipfile_serialization=not old)
            self.files.append(file.getvalue())

    def __call__(self, case: Path, draw: Draw) -> None:
        path = case / draw.choice(["w.safetensors", "w.pth", "w"])
        data = draw.choice(self.files)
        path.write_bytes(data)
        if data[8:9] == b"{" and draw.random() < 0.6:
            length = int.from_bytes(data[:8], "little")
            text = dumps(altered(json.loads(data[8 : 8 + length]), draw)).encode()
            path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])
        elif data[:2] == b"PK" and draw.random() < 0.5:
            entries = read_archive(path)
            name = draw.choice([name for name in entries if entries[name]])
            entries[name] = with_bytes_altered(entries[name], draw)
            write_archive(path, entries, compress=draw.random() < 0.2)
        else:
            path.write_bytes(with_bytes_altered(data, draw) or b"\0")
        try:
            network = load_network(draw.choice(["vgg19-lite", "vgg19-lite", "vgg19"]), weights=path)
        except GramaryeError as error:
            assert "weights_only" not in str(error) and "\x1b" not in str(error), str(error)
        else:
            assert all(value.isfinite().all() for value in network.state_dict().values())


@final
class Settings:
    """Options with values at, near and beyond their ends, alone and together."""

    def __init__(self, folder: Path) -> None:
        self.content, self.style = make_pair(folder)
        self.weights = make_weights(folder / "tiny.safetensors")
        self.options = [name.replace("_", "-") for name in all_settings()]

    def __call__(self, case: Path, draw: Draw) -> None:
        given: list[str] = []
        for name in draw.sample(self.options, draw.choice([1, 1, 2, 3])):
            given += self.option(name, draw)
        pair = [self.content, self.style]
        with short_runs():
            common = [*FAST, "--weights", self.weights, "--checkpoint-every", "0"]
            code, _, told = command("stylize", *pair, *common, *given, "-o", case / "out.png")
        if code == 2 and re.search("unknown option|takes a value|requires an arg", told):
            return
        options = [part for part in common[:-2] if part != "-q"]
        forecast, _, foretold = command("forecast", *pair, *options, *given)
        # Whether a run diverges is not known beforehand.
        assert (code == 2) == (forecast == 2), (given, told, foretold)

    def option(self, name: str, draw: Draw) -> list[str]:
        if name in ("size", "min-size"):  # what is allowed and large takes long, and no more
            values = ["0", "15", "16", "17", "33", "64", "-5", "1e3", "65537", "x"]
        elif name == "scale-factor":
            values = ["1", "1.05", "1.0499", "2", "3.7", "65536", "1e300", "nan"]
        elif name == "history":
            values = ["0", "1", "2", "50", "1001", "-1", "1.5"]
        else:
            plain = [value for value in NUMBERS if value != 10**400]
            values = [str(value) for value in (*plain, *OTHERS) if value != "\0"]  # argv ends there
            values += ["relu1_1", "relu2_1=3,relu3_1", "relu1_1=1e15", "relu1_1=", "=", ",", "1,2"]
            values += ["free", "content", "auto", "adam", "avg", "1GiB", "3MiB", "cpu:0", "noise"]
        value = draw.choice(values)
        return [f"--{name}"] if draw.random() < 0.05 else [f"--{name}={value}"]


TARGETS: dict[str, Callable[[Path], Callable[[Path, Draw], None]]] = {
    "pictures": Pictures,
    "recipes": Recipes,
    "checkpoints": Checkpoints,
    "weights": Weights,
    "settings": Settings,
}
