"""From the last image to the picture: its size, edges, colors, and what else is written of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from torch import Tensor

from gramarye.config import StylizeConfig
from gramarye.inputs.bringing import brought
from gramarye.inputs.inputs import Inputs
from gramarye.mapping.color_map import ColorMap
from gramarye.mapping.cubes import cube_nodes, cube_text, without_place
from gramarye.optimize import Iterate
from gramarye.pictures.color import grayed, is_gray, keep_content_color
from gramarye.pictures.finishing import denoised, finished
from gramarye.pictures.guided import guided
from gramarye.pictures.picture import Picture
from gramarye.plan import Plan
from gramarye.scales.resizing import resize, resize_around
from gramarye.scales.rows import Rows, bands_of


def at_full_size(last: Iterate, inputs: Inputs, plan: Plan) -> Tensor:
    """The last image at the result's size: the last scale may have no steps of its own.

    Where a map is moved, the content at that size goes through it.
    """
    if last.map is not None:
        return last.map.of(resize(inputs["content"].load().pixels, *plan.size))
    larger = resize_around if plan.config.picture.tileable else resize
    return larger(last.image, *plan.size)


def finish(image: Tensor, inputs: Inputs, config: StylizeConfig) -> Tensor:
    """The picture of an iterate's image (1, 3, H, W), in [0, 1]: with the edges and in the colors
    asked for, and with what is protected as it was.
    """
    if config.finishing.any or not in_range(image):  # what is finished is written over
        image = image.clamp(0, 1)
    if config.picture.finish == "guided":
        content = resize(inputs["content"].load().pixels, *image.shape[-2:]).clamp(0, 1)
        image = guided(image, content.to(image.device)).clamp_(0, 1)
    image = in_colors(image, inputs, config)
    image = finished(image, config.finishing, detailed(image, inputs, config), config.picture.seed)
    return inputs.protect(image, config.picture, config.color_mix)


def in_range(image: Tensor) -> bool:
    """Whether all values lie in [0, 1], looked at row by row: rows that lie apart are copied."""
    bands = (image[..., slice(*rows), :].aminmax() for rows in bands_of(image.shape[-2:]))
    return all(low >= 0 and high <= 1 for low, high in bands)


def detailed(
    image: Tensor, inputs: Inputs, config: StylizeConfig
) -> Callable[[Rows], Tensor] | None:
    """Rows of the content at the image's size; None where no detail of it is asked for.

    A drawing's detail are its lines, which stay anyway.
    """
    if not config.finishing.detail or not inputs.has_content or config.picture.drawing:
        return None
    content = inputs["content"].load().pixels
    return partial(brought, content, (image.shape[-2], image.shape[-1]))


def in_colors(image: Tensor, inputs: Inputs, config: StylizeConfig) -> Tensor:
    if config.picture.color in ("content", "luminance"):
        content = denoised(inputs["content"].load().pixels, config.picture.denoise)
        content = resize(content, *image.shape[-2:]).clamp(0, 1)
        if is_gray(content):
            return grayed(image)
        return keep_content_color(image, content.to(image.device), clamp=True)
    return grayed(image) if inputs.gray(config.picture, config.color_mix) else image


def canvas_of(content: Picture | None, config: StylizeConfig) -> Picture | None:
    """The content, whose transparency the result has; a colored drawing covers its paper."""
    return replace(content, alpha=None) if content and config.picture.drawing else content


def cube_of(color_map: ColorMap, inputs: Inputs, config: StylizeConfig, title: str) -> str:
    """The text of a .cube file that does to colors what the map and the color settings do."""
    colors = cube_nodes(color_map)
    one = without_place(color_map)
    shown = ColorMap(one.kind, one.parameters.cpu()).of(colors).clamp(0, 1)
    if config.picture.color in ("content", "luminance"):
        shown = keep_content_color(shown, colors, clamp=True)
    elif inputs.gray(config.picture, config.color_mix):
        shown = grayed(shown)
    return cube_text(shown, title)


def as_picture(image: Tensor, content: Picture | None) -> Picture:
    """The image as a picture with the content's transparency and metadata, if there is one."""
    if content is None:
        return Picture.from_tensor(image.cpu())
    alpha = content.alpha
    if alpha is not None:
        alpha = resize(alpha, *image.shape[-2:]).clamp(0, 1)
    return replace(content, pixels=image.cpu(), alpha=alpha, notes=())
