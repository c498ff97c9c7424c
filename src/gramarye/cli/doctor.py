"""`gramarye doctor`: what is installed, what the machine has, and whether it works."""

from __future__ import annotations

import platform
import sys
import time
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import gramarye
from gramarye.cli.commands import Command
from gramarye.errors import SettingsError

PACKAGES = ("torch", "numpy", "pillow", "safetensors", "pydantic", "rich", "pillow-heif")
CHECK_SIZE = 96  # pixels; with the steps below the check takes a few seconds on two cores
CHECK_STEPS = 20


def command() -> Command:
    return Command(
        "doctor",
        run,
        "show versions and devices, and check that everything works",
        help="Show versions, devices and the cache, and make a small picture as a check (a few "
        "seconds). Exit code 0 says that it worked.",
    )


def run(args: SimpleNamespace) -> int:
    from gramarye.devices import available_kinds, choose_device, describe_device
    from gramarye.networks.cache import cache_folder

    lines = {"gramarye": gramarye.__version__}
    lines["python"] = f"{platform.python_version()} ({sys.executable})"
    lines["system"] = f"{platform.system()} {platform.release()} {platform.machine()}"
    lines |= {name: version(name) for name in PACKAGES}
    devices = [describe_device(choose_device(kind)) for kind in available_kinds()]
    lines["devices"] = "; ".join(devices)
    unusable = None
    try:
        lines["cache"] = describe_cache(cache_folder())
    except SettingsError as error:  # the rest is still worth knowing, and vgg19-lite needs none
        lines["cache"], unusable = "cannot be used, see below", error
    for name, value in lines.items():
        print(f"{name:12} {value}", flush=True)
    trouble = check()
    if unusable and not trouble:
        raise unusable
    print(f"{'check':12} {trouble or 'all is well'}")
    return 1 if trouble else 0


def describe_cache(folder: Path) -> str:
    there = folder.glob("*") if folder.is_dir() else ()
    files = sorted(file.name for file in there if file.suffix != ".lock")
    return f"{folder} ({', '.join(files) or 'empty: vgg19-lite needs none'})"


def version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def check() -> str:
    """Make a small picture of the samples; what is wrong with it, or nothing."""
    from gramarye.config import make_config
    from gramarye.pictures.picture import load_image
    from gramarye.samples import CONTENTS, STYLES, sample_path
    from gramarye.stylize import stylize_steps

    start = time.perf_counter()
    content, style = load_image(sample_path(CONTENTS[0])), load_image(sample_path(STYLES[0]))
    config = make_config(size=CHECK_SIZE, steps=CHECK_STEPS)
    totals = [sum(i.losses.values()) for i in stylize_steps(content, [style], config)]
    seconds = time.perf_counter() - start
    took = f"{len(totals)} steps at {CHECK_SIZE} px in {seconds:.1f} s"
    print(f"{'self-check':12} {took}", flush=True)
    if not totals[-1] < totals[0]:
        return f"the loss did not fall ({totals[0]:.3g} to {totals[-1]:.3g}): reinstall PyTorch"
    return ""
