"""The shape of Johnson's network, as settings; no PyTorch here."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, final

from pydantic import Field

from gramarye.settings import Part

Norm = Literal["instance", "batch"]


@final
class JohnsonConfig(Part):
    """The shape of the network of Johnson, Alahi and Fei-Fei (2016); defaults are the paper's.

    Only the norm is not: they published batch normalization, and their own code has since taken
    instance normalization (Ulyanov et al. 2016), which makes better pictures.
    """

    title: ClassVar[str] = "Johnson's network (--paper)"

    channels: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = Field(
        (32, 64, 128),
        min_length=3,
        max_length=3,
        description="channels at the whole size, a half and a quarter",
    )
    blocks: int = Field(5, ge=0, le=100, description="residual blocks at a quarter of the size")
    norm: Norm = Field(
        "instance",
        description="instance (each picture by its own statistics) or batch, as in the paper",
    )
    border: Literal["start", "everywhere"] = Field(
        "start",
        description="start: 40 pixels of reflection before all else, as in the paper's supplement; "
        "everywhere: each convolution reflects what lies inside",
    )
    upsampling: Literal["transposed", "nearest"] = Field(
        "transposed",
        description="transposed convolutions, as in the paper, or nearest neighbors and a "
        "convolution, which leave no checkers",
    )
