"""Blends: the pictures on the way from one style to another, or from a photograph to a painting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gramarye.blending import FRAME_STEPS, after_photograph, frame_name, mixing_of, plan_frames
from gramarye.config import make_config
from gramarye.errors import InputError, SettingsError
from gramarye.files import same_file, user_path
from gramarye.finishing import as_picture
from gramarye.pictures.picture import Picture, Source, load_picture
from gramarye.scales.resizing import resize
from gramarye.scales.sizes import fit
from gramarye.stylize import check_others, make_picture
from gramarye.surroundings import undisturbed

OF_FRAMES = ("init", "style_weights")  # settings that the frames have for themselves


@undisturbed
def blend(
    content: Source,
    styles: Source | Sequence[Source],
    frames: int = 9,
    *,
    frame_steps: int = FRAME_STEPS,
    preset: str = "default",
    inputs: Mapping[str, Source] | None = None,
    **settings: Any,
) -> Iterator[Picture]:
    """The content on its way through the styles, picture by picture, both ends included.

    Of one style, the way leads from the content as it is, of several from the first to the last.
    `inputs` are those of `stylize`, with the numbers of the styles given here.
    Each picture begins with the one before and takes `frame_steps` at the result's size, so that
    the way is steady. Between two styles the means and covariances of features are interpolated
    (`style_mixing="between"`), where the loss is one of them.
    """
    check_others(inputs)
    for name in OF_FRAMES:
        if name in settings:
            text = f"{name} changes from frame to frame of a blend: leave it out"
            raise SettingsError(text, setting=name)
    photograph = load_picture(content)
    given: Sequence[Source] = styles if isinstance(styles, list | tuple) else [styles]  # type: ignore[list-item]
    if not given:
        raise InputError("there is no style: name the picture that the way leads to, or several")
    stops = [photograph if same_source(style, content) else load_picture(style) for style in given]
    others = dict(inputs or {})
    if len(stops) == 1:
        stops, others = [photograph, *stops], after_photograph(others)
    config = make_config(preset, **settings)
    settings = {"style_mixing": mixing_of(config.value("style_loss"))} | settings
    picture: Picture | None = None
    for frame in plan_frames(frames, len(stops), frame_steps):
        if picture is None and stops[0] is photograph:
            size = fit(photograph.height, photograph.width, config.picture.size)
            picture = as_picture(resize(photograph.pixels, *size).clamp(0, 1), photograph)
        else:
            own = {**settings, **frame.settings}
            if picture is not None:
                name = frame_name(frame.number - 1, frames)
                unread = replace(picture.metadata, name=name, sha256=None)
                picture, own["init"] = replace(picture, metadata=unread), name
            made = make_config(preset, **own)
            picture = make_picture(photograph, stops, made, others, first=picture)
        yield picture


def same_source(one: Source, other: Source) -> bool:
    """Whether both are one picture: the photograph itself is no style to be painted in."""
    if isinstance(one, str | Path) and isinstance(other, str | Path):
        return same_file(user_path(one), user_path(other))
    return one is other
