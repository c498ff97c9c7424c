"""What shows of a picture: its pixels, and how opaque each is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor

from gramarye.errors import ImageError
from gramarye.inputs.viewing import StyleView
from gramarye.pictures.alpha import fill_hidden, opacity
from gramarye.pictures.picture import Picture, holds_pixels
from gramarye.surroundings import ordinary
from gramarye.validation import check_kind


@final
@dataclass(frozen=True)
class Shown:
    """What shows of a picture: its pixels (1, 3, H, W), and how opaque each is.

    Of what is hidden, the pixels have the colors around it; `alpha` (1, 1, H, W) is None where
    nothing is.
    """

    pixels: Tensor
    alpha: Tensor | None = None

    @classmethod
    def of(cls, picture: Tensor | Picture, name: str = "a picture") -> Shown:
        """ImageError, with the name, for what is no picture, or one that shows nothing."""
        if isinstance(picture, Tensor):
            return cls(ordinary(checked_image(picture, name)))
        wanted = "a tensor (1, 3, H, W), as load_image makes one, a Picture, or a function that "
        check_kind(name, picture, Picture, wanted + "loads one")
        pixels, alpha = ordinary(picture.pixels), opacity(picture.alpha, name)
        if alpha is None:
            return cls(pixels)
        alpha = ordinary(alpha).to(pixels.device)
        return cls(fill_hidden(pixels, alpha), alpha)

    def seen(self, view: StyleView, *, labels: bool) -> Shown:
        """What a view shows of it; the colors of a label picture stay those they are."""
        pixels = view.of(self.pixels, "nearest" if labels else "bicubic")
        return Shown(pixels, None if self.alpha is None else view.of(self.alpha))

    def gray(self) -> Tensor:
        """How light each pixel is (1, 1, H, W); what is transparent is as black."""
        light = self.pixels.mean(1, keepdim=True)
        return light if self.alpha is None else light * self.alpha


def checked_image(image: Tensor, name: str) -> Tensor:
    """The tensor; ImageError unless it is an image of ours, but for its range."""
    shaped = image.ndim == 4 and image.shape[:2] == (1, 3) and 0 not in image.shape
    if not shaped or not image.is_floating_point() or not holds_pixels(image):
        raise ImageError(
            f"{name} is a tensor of {image.dtype} and shape {tuple(image.shape)}: give floats in "
            "[0, 1] of shape (1, 3, H, W), as load_image makes them"
        )
    return image
