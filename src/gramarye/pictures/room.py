"""Pictures continued at their far sides, in the memory that they lie in where it has room."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def continued(image: Tensor, multiple: int, *, in_place: bool = False) -> Tensor:
    """The image (1, C, H, W), mirrored at its far sides up to a multiple of pixels.

    It is a copy. With `in_place` it is not if the memory has room (`load_picture`): what lies there
    behind rows and columns is written over, and must be nobody's.
    """
    height, width = image.shape[-2:]
    down, right = -height % multiple, -width % multiple
    mirrored = down < height and right < width
    if not in_place or not mirrored or not has_room(image, height + down, width + right):
        mode = "reflect" if mirrored else "replicate"
        return F.pad(image, (0, right, 0, down), mode=mode)
    sides = (*image.shape[:2], height + down, width + right)
    larger = image.as_strided(sides, image.stride())
    larger[..., :height, width:] = image[..., width - 1 - right : width - 1].flip(-1)
    larger[..., height:, :] = larger[..., height - 1 - down : height - 1, :].flip(-2)
    return larger


def has_room(image: Tensor, height: int, width: int) -> bool:
    """Whether rows and columns behind those of the image (1, C, H, W) lie in its memory."""
    _, channels, *_ = image.shape
    _, plane, row, column = image.stride()
    last = image.storage_offset() + (channels - 1) * plane + height * row
    held = image.untyped_storage().nbytes() // image.element_size()
    return column == 1 and row >= width and plane >= height * row and last <= held
