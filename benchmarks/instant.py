"""Pictures in one pass: the network itself, the command from start to file, large ones, folders.

Of the plan only sizes, pairs and repeats count: the painter sees by `vgg19-lite` as it comes.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.plan import Pair, Plan, load_pair, size_along, size_of, write_jpeg
from benchmarks.results import Figure, Result
from benchmarks.timing import gramarye, in_turns, median_ratio, seconds
from gramarye.feedforward.files import load_painter
from gramarye.feedforward.settings import SHIPPED
from gramarye.inputs.inputs import match_colors
from gramarye.painted import Painting
from gramarye.plan import run_device, run_network
from gramarye.scales.resizing import resize, style_at
from gramarye.scales.sizes import fit
from gramarye.special_configs import make_instant_config

LARGE = 48  # times the pixels of the small one: 12 megapixels for 512 pixels
PICTURES = 8  # of a folder
PROCESSES = 2
COMMANDS = {
    "instant": ["instant"],
    "quick": ["stylize", "--preset", "quick"],
    "default": ["stylize"],
}


def instant(plan: Plan) -> Result:
    pair, size = plan.pairs[0], plan.size
    with TemporaryDirectory() as name:
        folder = Path(name)
        pictures = [write_jpeg(sample, size_along(sample, size), folder) for sample in pair]
        command = {
            name: partial(command_report, [*words, *map(str, pictures), f"--size={size}"], folder)
            for name, words in COMMANDS.items()
        }
        taken = in_turns(command, plan.repeats)
        megapixels = LARGE * size * size / 1e6
        large_photo = write_jpeg(pair[0], size_of(pair[0], megapixels), folder)
        words = ["instant", str(large_photo), str(pictures[1])]
        report: dict[str, Any] = {}
        large = seconds(lambda: report.update(command_report(words, folder)))
        share = folder_share(pictures, folder)
    return Result(
        "instant",
        (
            Figure(f"{size} px: the network itself", network_seconds(pair, plan), "s", goal=0.20),
            Figure(
                f"{size} px: process start to file", statistics.median(taken["instant"]), "s", 4
            ),
            Figure("of the default's", median_ratio(taken["instant"], taken["default"])),
            Figure(
                "quick, of the default's", median_ratio(taken["quick"], taken["default"]), "", 0.5
            ),
            Figure(f"{megapixels:.3g} MP: process start to file", large, "s", 12),
            Figure(f"{megapixels:.3g} MP: peak", report["peak_memory_mib"], "MiB", 1024),
            Figure(
                f"a folder, of one process's seconds on {PROCESSES}",
                share,
                "",
                1 / 0.85 / PROCESSES,
            ),
        ),
        {"size": size, "seconds": taken},
    )


def command_report(words: Sequence[str], folder: Path) -> dict[str, Any]:
    """What a command for one picture says of it."""
    out = folder / "out.jpg"
    printed = gramarye(
        [*words, "--out", str(out), "--json", "--quiet", "--device=cpu"], own_peak=True
    )
    assert out.exists()
    report: dict[str, Any] = json.loads(printed)
    return report


def network_seconds(pair: Pair, plan: Plan) -> float:
    """A picture whose styles are known, read and measured before."""
    content, style = load_pair(pair)
    config = make_instant_config((plan.size, plan.size), size=plan.size, device="cpu")
    matched, (style,) = match_colors(content, [style], config.picture)
    seen = {
        "content": resize(matched, *fit(*content.shape[-2:], plan.size)),
        "style/0": style_at(style, plan.size, 1.0),
    }
    network = run_network(config, run_device(config))
    painting = Painting(load_painter(SHIPPED, network), network, config)
    painting.paint(dict(seen))
    return statistics.median(
        seconds(lambda: painting.paint(dict(seen))) for _ in range(plan.repeats)
    )


def folder_share(pictures: Sequence[Path], folder: Path) -> float:
    """The seconds of a folder of pictures with two processes, as a share of those with one."""
    photographs = folder / "photographs"
    photographs.mkdir()
    for number in range(PICTURES):
        (photographs / f"{number}.jpg").write_bytes(pictures[0].read_bytes())
    taken = [
        seconds(
            lambda count=count: gramarye(  # type: ignore[misc]
                ["instant", str(photographs), str(pictures[1]), "--quiet", "--device=cpu",
                 "--out", str(folder / f"by-{count}"), f"--processes={count}"]
            )
        )
        for count in (PROCESSES, 1)
    ]  # fmt: skip
    return taken[0] / taken[1]
