"""Pictures in and out: the one place where files, Pillow, numpy and tensors meet.

Inside the package a picture's pixels are (1, 3, H, W) float32 sRGB in [0, 1], upright. What the
file held besides stays beside them in a Picture and goes back into the result.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gramarye.errors import ImageError
from gramarye.files import check_target, user_path
from gramarye.pictures.decoding import Decoded, decode_file, decode_image
from gramarye.pictures.encoding import pillow_image
from gramarye.pictures.formats import format_of
from gramarye.pictures.levels import check_floats, write_floats
from gramarye.pictures.metadata import Metadata
from gramarye.pictures.profiles import srgb_profile
from gramarye.pictures.rows import Array
from gramarye.pictures.stored import (
    MAX_PIXELS,
    Saved,
    check_output,
    open_source,
    picture_size,
    read_recipe,
    result_rows,
    save_planes,
)
from gramarye.units import show_size
from gramarye.validation import check_kind

__all__ = [
    "MAX_PIXELS",
    "Picture",
    "Saved",
    "Source",
    "check_output",
    "holds_pixels",
    "load_image",
    "load_picture",
    "picture_size",
    "read_recipe",
    "save_picture",
]

_NOTEBOOK_SIDE = 1024  # pixels; a notebook stores every picture it shows


@dataclass(frozen=True, eq=False, repr=False)
class Picture:
    """A picture with what came with it; made by `load_picture` or `Picture.from_tensor`."""

    pixels: Tensor  # (1, 3, H, W), float32, sRGB in [0, 1]
    alpha: Tensor | None = None  # (1, 1, H, W) in [0, 1]; the pixels are not multiplied by it
    metadata: Metadata = field(default_factory=Metadata)
    notes: tuple[str, ...] = ()  # what a user should know about the reading
    recipe: str | None = None  # what made the picture, if gramarye did just now

    @property
    def height(self) -> int:
        return self.pixels.shape[-2]

    @property
    def width(self) -> int:
        return self.pixels.shape[-1]

    def on(self, device: torch.device) -> "Picture":
        """The picture with its pixels and alpha on a device."""
        alpha = None if self.alpha is None else self.alpha.to(device)
        return replace(self, pixels=self.pixels.to(device), alpha=alpha)

    def __repr__(self) -> str:
        name = f"{self.metadata.name}: " if self.metadata.name else ""
        return (
            f"<Picture {name}{show_size(self.width, self.height)}, {self.metadata.bit_depth} bits>"
        )

    @classmethod
    def from_tensor(cls, tensor: Tensor) -> "Picture":
        """A picture of (1, 3, H, W), or another layout `load_picture` takes, clamped to [0, 1]."""
        check_kind("the picture", tensor, Tensor, "a tensor, or call load_picture")
        return _from_tensor(tensor, clamp=True)

    def save(
        self,
        target: str | PathLike[str] | BinaryIO,
        *,
        format: str = "png",  # noqa: A002 (the name it has in Pillow)
        quality: int = 95,
        strip: bool = False,
        bit_depth: int | None = None,
        recipe: str | None = None,
        inputs: Sequence[str | Path] = (),
        overwrite: bool = True,
    ) -> Saved:
        """Write the picture in the format its extension asks for, whole or not at all.

        `target` may also be a file that is open for writing, such as a BytesIO: `format` is then
        the extension. The bit depth is the source's where the format can hold it. `strip` leaves
        out the metadata of the source, not the recipe; the sRGB profile is always embedded.
        Files named in `inputs` are never overwritten.
        """
        written = "a path, or a file that is open for writing bytes"
        if isinstance(target, type) or not callable(getattr(target, "write", None)):
            check_kind("the target", target, (str, PathLike), written)
        check_kind("format", format, str, "an extension, such as png")
        check_kind("inputs", inputs, (list, tuple, set, frozenset), "a list of paths")
        check_kind("recipe", "" if recipe is None else recipe, str, "a text, as to_json writes it")
        to = user_path(target) if isinstance(target, str | PathLike) else target
        if isinstance(to, Path):
            check_target(to, inputs, overwrite)
        extension = to if isinstance(to, Path) else Path(f"picture.{format.removeprefix('.')}")
        format_ = format_of(extension)
        return save_planes(
            *_planes(self),
            self.metadata,
            to,
            format_,
            quality=quality,
            strip=strip,
            bit_depth=bit_depth,
            recipe=recipe or self.recipe,
            overwrite=overwrite,
        )

    def to_pil(self) -> Image.Image:
        """An 8-bit Pillow image, RGB or RGBA, that says it is sRGB."""
        image = pillow_image(result_rows(*_planes(self), 8))
        image.info["icc_profile"] = srgb_profile()
        return image

    def show(self) -> None:
        """Open the picture in the desktop's viewer."""
        self.to_pil().show(title=self.metadata.name)

    def _repr_png_(self) -> bytes:
        """What a notebook shows: a PNG of at most 1024 pixels a side."""
        image = self.to_pil()
        image.thumbnail((_NOTEBOOK_SIDE, _NOTEBOOK_SIDE))
        file = BytesIO()
        image.save(file, "PNG")
        return file.getvalue()


# What `load_picture` makes a Picture of.
Source = str | PathLike[str] | bytes | IO[bytes] | Image.Image | Array | Tensor | Picture


def load_picture(source: Source, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """A picture from whatever holds one.

    Sources are a path, a file's bytes, a file opened for reading, a Pillow image, an array, a
    tensor or a Picture. Arrays are (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) of uint8, uint16 or
    floats in [0, 1]; tensors the same with the channels before H and W, and one picture in a batch.
    Both are taken as sRGB. `max_pixels` is checked before a file is decoded.
    """
    check_kind("max_pixels", max_pixels, (int, float), "a number of pixels")
    if isinstance(source, Picture):
        return source
    if isinstance(source, Tensor):
        return _from_tensor(source)
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        return _from_decoded(decode_image(source))
    with open_source(source) as (file, name):
        return _from_decoded(decode_file(file, name, max_pixels))


def load_with_room(path: Path, multiple: int) -> Picture:
    """A file's picture, in memory with room for sides of a multiple of pixels (`continued`)."""
    with open_source(path) as (file, name):
        return _from_decoded(decode_file(file, name, MAX_PIXELS, multiple))


def load_image(source: Source, *, max_pixels: int = MAX_PIXELS) -> Tensor:
    """The pixels alone: (1, 3, H, W), float32, sRGB in [0, 1]; alpha is dropped."""
    return load_picture(source, max_pixels=max_pixels).pixels


save_picture = Picture.save


def _from_decoded(decoded: Decoded) -> Picture:
    alpha = None if decoded.alpha is None else torch.from_numpy(decoded.alpha)[None]
    # Of all the memory that the color lies in: it may have room behind rows and columns.
    whole = decoded.color if decoded.color.base is None else decoded.color.base
    height, width = decoded.color.shape[-2:]
    color = torch.from_numpy(whole)[None, :3, :height, :width]
    return Picture(color, alpha, decoded.metadata, decoded.notes)


def _from_array(array: Array) -> Picture:
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[-1] not in (1, 3, 4) or 0 in array.shape:
        first = array.ndim == 3 and array.shape[0] in (1, 3, 4)
        hint = ": move the channels last with .transpose(1, 2, 0)" if first else ""
        raise ImageError(
            f"an array of shape {array.shape} is no picture: (H, W), (H, W, 1), (H, W, 3) or "
            f"(H, W, 4) are{hint}"
        )
    if np.issubdtype(array.dtype, np.floating):
        check_floats(array.min(), array.max())
    elif array.dtype not in (np.uint8, np.uint16):
        raise ImageError(
            f"an array of {array.dtype} is no picture: uint8, uint16 or floats in [0, 1] are"
        )
    planes = np.empty((1, array.shape[2], *array.shape[:2]), np.float32)
    write_floats(planes[0].transpose(1, 2, 0), array)
    return _split(torch.from_numpy(planes), 16 if array.dtype == np.uint16 else 8)


def _from_tensor(tensor: Tensor, clamp: bool = False) -> Picture:
    """A picture of the tensor's values; those outside [0, 1] are refused, or clamped."""
    if not holds_pixels(tensor):
        raise ImageError(
            "a tensor that is sparse, or on no device, is no picture: give a dense one"
        )
    tensor = tensor.detach()
    given = tuple(tensor.shape)
    if tensor.ndim == 2:
        tensor = tensor[None]
    if tensor.ndim == 3:
        tensor = tensor[None]  # (1, C, H, W)
    if tensor.ndim != 4 or len(tensor) != 1 or tensor.shape[1] not in (1, 3, 4) or 0 in given:
        raise ImageError(
            f"a tensor of shape {given} is no picture: (1, 3, H, W) is, or without the 1, or with "
            "1 or 4 channels"
        )
    if tensor.dtype == torch.uint8:
        return _split(tensor.float().div_(255), 8)
    if not tensor.is_floating_point():
        raise ImageError(f"a tensor of {tensor.dtype} is no picture: uint8 or floats in [0, 1] are")
    low, high = (float(value) for value in tensor.aminmax())  # NaN and infinity show in them
    check_floats(*np.clip([low, high], 0, 1) if clamp else (low, high))
    return _split(tensor.float().clamp(0, 1), 8)


def holds_pixels(tensor: Tensor) -> bool:
    """Whether every number is there: not in a sparse tensor, nor in one of shapes alone."""
    return tensor.layout == torch.strided and not tensor.is_meta


def _split(tensor: Tensor, bit_depth: int) -> Picture:
    """(1, 1, 3 or 4, H, W) channels as pixels and alpha."""
    alpha = tensor[:, 3:] if tensor.shape[1] == 4 else None
    pixels = tensor[:, :3] if tensor.shape[1] >= 3 else tensor.expand(-1, 3, -1, -1)
    return Picture(pixels.contiguous(), alpha, Metadata(bit_depth=bit_depth))


def _planes(picture: Picture) -> tuple[Array, Array | None]:
    """Color (3, H, W) and alpha (1, H, W) as arrays, in the same memory if they are on the CPU."""
    color, *rest = (
        plane.detach()[0].cpu().numpy()
        for plane in (picture.pixels, picture.alpha)
        if plane is not None
    )
    return color, rest[0] if rest else None
