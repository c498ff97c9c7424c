"""The two ways a clip is painted: by a network in one pass, or by the optimizer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gramarye.config import StylizeConfig, make_config
from gramarye.errors import InputError, SettingsError
from gramarye.feedforward.settings import SHIPPED
from gramarye.files import user_path
from gramarye.instants import holds_style
from gramarye.johnson.files import load_johnson
from gramarye.networks.cache import cache_home
from gramarye.networks.weights_file import open_weights
from gramarye.pictures.picture import Picture
from gramarye.special_configs import make_instant_config
from gramarye.video.flow_cache import FlowCache
from gramarye.video.flows import FlowFolder, FlowSource, FoundFlows
from gramarye.video.optimizing import OptimizingPainter
from gramarye.video.painter import FramePainter
from gramarye.video.settings import NO_CACHE, VideoSettings
from gramarye.video.shot_colors import check_colors
from gramarye.video.steady import SteadyPainter
from gramarye.video.transforming import TransformedFrames

# Of what is at rest: found by looking, and by how far a still scene drifts (docs/video.md).
TEMPORAL_WEIGHT = 1e4


def make_video_config(
    video: VideoSettings, frame: tuple[int, int], /, **settings: Any
) -> StylizeConfig:
    """The settings of frames of that (height, width); SettingsError for what a clip cannot have."""
    if video.way == "instant":
        if holds_style(settings.get("painter", SHIPPED)):
            settings = {"color": "free", **settings}  # it has colors of its own
        config = make_instant_config((frame[1], frame[0]), **settings)
    else:
        given = {"size": max(frame), "temporal_weight": TEMPORAL_WEIGHT, **settings}
        config = make_config(**given)
        check_optimized(config)
    check_colors(config)
    return config


def check_optimized(config: StylizeConfig) -> None:
    """Raise SettingsError for what is of single pictures."""
    picture = config.picture
    for setting, is_on, why in (
        ("map", config.map.is_on, "a color map is found for one picture"),
        ("painter", config.painter.is_on, "a network paints in --way instant"),
        ("drawing", picture.drawing, "a line drawing is one picture"),
        ("aspect", picture.aspect is not None, "a clip has its own shape"),
        ("tileable", picture.tileable, "a clip has a border"),
        ("init", picture.init_file is not None, "a file is the first image of one picture"),
    ):
        if is_on:
            text = f"{setting} is not for clips that are optimized, as {why}: leave it out"
            raise SettingsError(text, setting=setting)


def flow_source(
    video: VideoSettings, film_size: tuple[int, int], tell: Callable[[str], None] | None
) -> FlowSource:
    """The flows asked for; found ones are kept, unless there is nobody to `tell` what goes wrong.

    InputError for a folder without flows.
    """
    if video.flow is not None:
        return FlowFolder(user_path(video.flow), film_size)
    if tell is None or video.flow_cache == Path(NO_CACHE):
        return FoundFlows()
    try:
        given = video.flow_cache
        folder = cache_home() / "flows" if given is None else user_path(given)
    except SettingsError as error:
        tell(f"flows are not kept for another run: {error}")
        return FoundFlows()
    return FlowCache(FoundFlows(), folder, tell)


def steady_painter(
    styles: Sequence[Picture],
    config: StylizeConfig,
    size: tuple[int, int],
    steady: float,
    flows: FlowSource | None = None,
) -> SteadyPainter:
    """What paints frames of that size by the network that the settings name, in one pass each."""
    painter: FramePainter | TransformedFrames
    file = config.painter.file
    if file is not None and holds_style(file):
        if styles:
            raise InputError(f"'{file}' has its style in itself: give no other")
        painter = TransformedFrames(load_johnson(open_weights(user_path(file))), config)
    else:
        painter = FramePainter(styles, config, size)
    return SteadyPainter(painter, size, steady, flows)


def optimizing_painter(
    styles: Sequence[Picture],
    config: StylizeConfig,
    size: tuple[int, int],
    video: VideoSettings,
    flows: FlowSource,
) -> OptimizingPainter:
    """What paints frames of that size by the optimizer, with the flow asked for."""
    return OptimizingPainter(
        styles, config, size, flows, frame_steps=video.frame_steps, offsets=video.offsets
    )
