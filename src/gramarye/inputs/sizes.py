"""The size of every input at a scale, and of the picture that is made of them."""

from __future__ import annotations

from collections.abc import Mapping

from gramarye.inputs.bringing import Size
from gramarye.inputs.kinds import check_content, form_of, kind_of, under
from gramarye.pictures.settings import PictureSettings
from gramarye.scales.sizes import SMALLEST_SIDE, fit, style_size

# Forms are looked at by layers of a style at half its size, or less: at twice its pixels they still
# find all that it has, and beyond that only blur.
LARGEST_FORM = 2.0


def at_scale(sizes: Mapping[str, Size], image: Size, settings: PictureSettings) -> dict[str, Size]:
    """The size of every input at a scale whose image has that size.

    A texture may be larger than its style: their proportion is the same at all scales.
    """
    found = {}
    texture = settings.aspect is not None
    for name, own in sizes.items():
        rule = kind_of(name).size
        if rule == "image":
            found[name] = image
        else:
            whose = own if rule == "own" else sizes[under(name)]
            found[name] = style_size(*whose, max(image), settings.style_scale)
            if texture:
                at_last = style_size(*whose, settings.size, settings.style_scale)
                found[name] = style_size(*at_last, max(image), max(at_last) / settings.size)
    if settings.form_scale != 1:
        styles = [name for name in found if kind_of(name).size != "image"]
        found |= {
            form_of(name): form_size(found[name], sizes[under(name)], settings.form_scale)
            for name in styles
        }
    return found


def form_size(style: Size, own: Size, form_scale: float) -> Size:
    """A style's size for its large forms, of its size at a scale and of its own."""
    side = round(min(max(style) * form_scale, max(own) * LARGEST_FORM))
    height, width = fit(*style, side)
    return max(height, SMALLEST_SIDE), max(width, SMALLEST_SIDE)


def least_longest(sizes: Mapping[str, Size], settings: PictureSettings, least: int) -> int:
    """The longest side of a texture whose largest style is that long at least, if it can be."""
    styles = [size for name, size in sizes.items() if kind_of(name).name == "style"]
    if settings.aspect is None or not styles:
        return 0
    longest = max(max(style_size(*s, settings.size, settings.style_scale)) for s in styles)
    return round(least * settings.size / longest)


def canvas_size(sizes: Mapping[str, Size], settings: PictureSettings) -> Size:
    """(height, width) of the content, or the proportions of a texture; InputError for neither."""
    check_content(sizes, settings)
    if settings.aspect is None:
        return sizes["content"]
    width, height = settings.aspect
    return height, width
