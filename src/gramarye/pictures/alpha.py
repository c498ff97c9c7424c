"""Transparency: how much the pixels of a picture count, and colors for those that do not."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.errors import ImageError

# Of the greatest opacity there is in a picture: the colors of what has less are not trusted fully.
TRUSTED = 0.25


def opacity(alpha: Tensor | None, name: str) -> Tensor | None:
    """The alpha (1, 1, H, W) of a picture of that name; None where everything is opaque.

    ImageError where nothing is.
    """
    if alpha is None or float(alpha.amin()) >= 1:
        return None
    if float(alpha.amax()) <= 0:
        raise ImageError(f"{name} is entirely transparent: give a picture that shows something")
    return alpha


def fill_hidden(pixels: Tensor, alpha: Tensor) -> Tensor:
    """The pixels (1, 3, H, W), those that alpha (1, 1, H, W) hides in the colors around them.

    Programs leave anything under what is transparent; resizing and a network's receptive fields
    would carry it over the border. The nearest colors are found as Gortler, Grzeszczuk, Szeliski
    and Cohen (1996, The Lumigraph, section 3.4) fill gaps: by a pyramid of means.
    """
    known = alpha / (TRUSTED * alpha.amax())
    return _filled(pixels, known.clamp_(max=1))


def _filled(colors: Tensor, known: Tensor) -> Tensor:
    """The colors where they are known, and means of the known around them elsewhere."""
    if colors.shape[-2:] == (1, 1) or float(known.amin()) >= 1:
        return colors
    share = _halved(known)
    coarse = _halved(colors * known).div_(share.clamp_min(torch.finfo(share.dtype).tiny))
    coarse = _filled(coarse, share.mul_(4).clamp_(max=1))  # one known pixel of four is enough
    coarse = F.interpolate(coarse, size=colors.shape[-2:], mode="bilinear", align_corners=False)
    return torch.lerp(coarse, colors, known)


def _halved(image: Tensor) -> Tensor:
    return F.avg_pool2d(image, 2, ceil_mode=True, count_include_pad=False)
