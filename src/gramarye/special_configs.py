"""The settings of pictures that are not of the usual kind: a preset, and what it asks for."""

from __future__ import annotations

from numbers import Real
from typing import Any, Literal

from gramarye.config import StylizeConfig, build, find_setting, load_preset, make_config
from gramarye.errors import SettingsError, did_you_mean
from gramarye.units import show_value
from gramarye.validation import check_kind

LEAST_SIZE = 16  # of the setting `size`

# What asks for a content: kinds of terms, and other settings.
OF_CONTENT = ("content", "self_similarity", "detail", "matting", "temporal")
OF_A_CONTENT = (
    "painter",
    "drawing",
    "paper",
    "finish",
    "map",
    "map_size",
    "map_cells",
    "map_smoothness",
)


def make_texture_config(
    width: int, height: int, preset: str = "texture", **settings: Any
) -> StylizeConfig:
    """The settings of a texture of that size, of which the style is all there is.

    Whatever the preset, what it says of a content is left out, and a first image that would be the
    content, or be painted of it, is noise.
    """
    for name, side in (("width", width), ("height", height)):
        check_kind(name, side, Real, "a whole number of pixels")
    found = load_preset("texture")
    for option, value in load_preset(preset).items():
        path = find_setting(option).path
        asks = option in OF_A_CONTENT or path[:2] in [("terms", kind) for kind in OF_CONTENT]
        if not asks and value not in ("content", "instant"):
            found[option] = value
    size = {"size": max(width, height), "aspect": (width, height)}
    return build({}, {**found, **size, **settings, "preset": preset})


def make_sketch_config(preset: str = "sketch", **settings: Any) -> StylizeConfig:
    """The settings of a line drawing in color; of another preset, what it says wins."""
    found = {**load_preset("sketch"), **load_preset(preset)}
    return build({}, {**found, **settings, "drawing": True, "preset": preset})


def make_instant_config(content: tuple[int, int], **settings: Any) -> StylizeConfig:
    """The settings of a content of that width and height painted in one pass, in its own size."""
    if "size" not in settings:
        settings["size"] = own_size(content)
    return make_config("instant", **settings)


def own_size(content: tuple[int, int]) -> int:
    """The size of a content that is worked on as it is; SettingsError where that is too small."""
    if max(content) < LEAST_SIZE:
        width, height = content
        raise SettingsError(
            f"the content has {width} x {height} pixels, too few to be painted in its own size: "
            f"give a size, of at least {LEAST_SIZE}, or a larger picture"
        )
    return max(content)


PhotorealMode = Literal["map", "matting"]


def make_photoreal_config(
    mode: PhotorealMode, content: tuple[int, int], **settings: Any
) -> StylizeConfig:
    """The settings of a content of that width and height in the light of another photograph.

    What a map makes has the content's size, unless another one is asked for.
    """
    modes: dict[str, str] = {"map": "photoreal", "matting": "photoreal-matting"}
    if mode not in modes:
        hint = did_you_mean(str(mode), modes)
        raise SettingsError(f"unknown mode {show_value(mode)}: there are map, matting{hint}")
    config = make_config(modes[mode], **settings)
    if "size" in settings or not config.map.is_on:
        return config
    return config.with_settings(size=own_size(content))
