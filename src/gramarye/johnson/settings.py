"""The shape of Johnson's network, as settings; no PyTorch here."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, final

from pydantic import Field, field_validator

from gramarye.settings import Part
from gramarye.validation import not_allowed

Norm = Literal["instance", "batch"]

EPSILON = 1e-5  # added to variances under a root
STRIDE = 4  # which sides are made a multiple of
# Each block's two 3x3 convolutions without a border take 2 positions of a quarter of the size.
LOST = 2 * STRIDE  # pixels on each side that a block takes


@final
class JohnsonConfig(Part):
    """The shape of the network of Johnson, Alahi and Fei-Fei (2016); defaults are the paper's.

    Only the norm is not: they published batch normalization, and their own code has since taken
    instance normalization (Ulyanov et al. 2016), which makes better pictures.
    """

    title: ClassVar[str] = "Johnson's network (--paper, --small, --video)"

    channels: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = Field(
        (32, 64, 128),
        min_length=3,
        max_length=3,
        description="channels at the whole size, a half and a quarter (--small, --video 8,16,32)",
    )
    kernel: int = Field(
        9,
        ge=1,
        le=31,
        description="pixels of the first and the last convolution's side (--small, --video 5)",
    )
    blocks: int = Field(5, ge=0, le=100, description="residual blocks at a quarter of the size")
    norm: Norm = Field(
        "instance",
        description="instance (each picture by its own statistics) or batch, as in the paper",
    )
    border: Literal["start", "everywhere"] = Field(
        "start",
        description="start: 40 pixels of reflection before all else, as in the paper's supplement; "
        "everywhere: each convolution reflects what lies inside (--small, --video)",
    )
    upsampling: Literal["transposed", "nearest"] = Field(
        "transposed",
        description="transposed convolutions, as in the paper, or nearest neighbors and a "
        "convolution, which leave no checkers (--small, --video)",
    )

    @field_validator("kernel")
    @classmethod
    def odd(cls, kernel: int) -> int:
        """An odd number, so that a pixel is in the middle."""
        if kernel % 2 == 0:
            raise not_allowed("an odd number, such as 5 or 9")
        return kernel
