"""`gramarye forecast --of video`: what a clip will take, measured at its first frames."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from gramarye.cli.options import given_inputs
from gramarye.cli.video import given_run, is_of_use
from gramarye.config import all_settings
from gramarye.errors import InputError, SettingsError

if TYPE_CHECKING:
    from gramarye.video.forecast import VideoForecast


def run(args: SimpleNamespace) -> int:
    if args.mode is not None:
        raise SettingsError("--mode is of --of photoreal: leave it out")
    if not args.styles:
        raise InputError("no style was given: name the picture that the clip is painted like")
    if given := [name for name in given_inputs(args) if name != "protect"]:
        raise InputError(f"--{given[0]} is laid over one picture, and a clip takes none")
    check_settings(args)
    args.source, args.out, args.strip = args.content, None, None
    video, _ = given_run(args)

    from gramarye.devices import keep_freed_memory
    from gramarye.video.forecast import forecast_clip

    keep_freed_memory()
    expected = forecast_clip(video)
    print(json.dumps(as_dict(expected)) if args.json else describe(expected))
    return 0


def check_settings(args: SimpleNamespace) -> None:
    """Raise SettingsError for a setting that `video` has no option for."""
    from gramarye.cli.options import setting_options

    known = {option.name for option in setting_options() if is_of_use(option)}
    for name in all_settings():
        if getattr(args, name, None) is not None and name not in known:
            option = name.replace("_", "-")
            raise SettingsError(f"--{option} is not of 'gramarye video': leave it out")


def as_dict(expected: VideoForecast) -> dict[str, Any]:
    """The forecast as --json prints it."""
    return {
        "frames": expected.frames,
        "width": expected.width,
        "height": expected.height,
        "frame_seconds": round(expected.frame_seconds, 3),
        "seconds": None if expected.seconds is None else round(expected.seconds, 1),
        "memory_mib": round(expected.memory / 2**20),
    }


def describe(expected: VideoForecast) -> str:
    """The forecast in one line."""
    from gramarye.units import counted, show_bytes, show_seconds, show_size

    size = show_size(expected.width, expected.height)
    memory = f"{show_bytes(expected.memory)} of memory"
    each = f"{expected.frame_seconds:.2f} s each"
    if expected.frames is None or expected.seconds is None:
        return f"forecast: {size}, frames of {each}, {memory}; the clip does not say how many"
    frames, took = counted(expected.frames, "frame"), show_seconds(expected.seconds)
    return f"forecast: {size}, {frames} of {each}, {took}, {memory}"
