"""The settings of the picture itself."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, final

from pydantic import Field, field_validator

from gramarye.settings import Part, as_text
from gramarye.validation import not_allowed

# Any other is a file.
NAMED_FIRST_IMAGES = ("content", "noise", "style-noise", "gray", "style", "instant")

ColorMethod = Literal["monge-kantorovich", "cholesky", "pca", "histogram"]

LARGEST = 65_536  # pixels of a side
Side = Annotated[int, Field(ge=1, le=LARGEST)]


@final
class PictureSettings(Part):
    """What the picture is to be: its size, its colors, where it starts from."""

    title: ClassVar[str] = "the picture"

    size: int = Field(512, ge=16, le=LARGEST, description="longest side of the result, in pixels")
    aspect: tuple[Side, ...] | None = Field(
        None,
        min_length=2,
        max_length=2,
        description="width and height, in proportion, of a picture that has no content, such as "
        "3,2: it is a texture of the style",
    )
    tileable: bool = Field(
        False,
        description="let a texture go on at its left where it ends at its right, and at its top "
        "where it ends at its bottom",
    )
    color: Literal["style", "content", "luminance", "free"] = Field(
        "style",
        description="whose colors the picture takes: the style's (moved to the content before the "
        "first step), the content's (kept; with luminance, only light and dark are painted), or "
        "free (whatever the losses find)",
    )
    color_map: ColorMethod = Field(
        "monge-kantorovich",
        description="how colors are moved: so that mean and covariance agree, by the map that "
        "moves them least or by one of two others, or each channel's histogram",
    )
    palette: float = Field(
        1.0, ge=0, le=1, description="how far colors are moved before the first step: 1 is wholly"
    )
    init: str = Field(
        "content",
        description="first image: content, noise, style-noise (with the style's colors and "
        "spectrum), gray, style, instant (what 'gramarye instant' paints) or the path of a picture",
    )
    style_scale: float = Field(
        1.0,
        gt=0,
        le=8,
        description="size of the style's strokes, relative to the style picture "
        "brought to the result's size",
    )
    form_scale: float = Field(
        1.0,
        ge=0.25,
        le=4,
        description="size of the style's large forms, relative to its strokes'",
    )
    style_crop: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(
        (),
        description="the part of the styles that is looked at: left, top, right and bottom, from "
        "0 to 1 (default: all)",
    )
    style_flip: bool = Field(False, description="mirror the styles, left to right")
    style_turn: float = Field(
        0.0,
        ge=-360,
        le=360,
        description="turn the styles clockwise by so many degrees: strokes run another way",
    )
    denoise: float = Field(
        0.0, ge=0, le=1, description="how much fine noise is taken from the content beforehand"
    )
    drawing: bool = Field(
        False,
        description="take the content as a line drawing: its lines stay, and the areas between "
        "them get colors of the style ('gramarye sketch' does)",
    )
    paper: bool = Field(False, description="leave the paper around a drawing white")
    area_colors: int = Field(
        6, ge=1, le=64, description="how many colors of the style the areas of a drawing have"
    )
    gaps: float = Field(
        2.0,
        ge=0,
        le=10,
        description="widest gap in a drawing's line that still closes an area, in percent of the "
        "longest side",
    )
    finish: Literal["none", "guided"] = Field(
        "none",
        description="after the last step: none, or guided, the picture's colors with the edges of "
        "the content alone (a guided filter), so that no brushwork is left",
    )
    seed: int = Field(0, ge=0, lt=2**63, description="seed of the noise, and of a drawing's colors")

    _path = field_validator("init", mode="before")(as_text)

    @field_validator("style_crop")
    @classmethod
    def a_part(cls, crop: tuple[float, ...]) -> tuple[float, ...]:
        if crop and (len(crop) != 4 or crop[0] >= crop[2] or crop[1] >= crop[3]):
            raise not_allowed(
                "four numbers, left less than right and top less than bottom, such as 0,0,0.5,1"
            )
        return crop

    @property
    def init_file(self) -> str | None:
        """The path of the first image, where it comes from a file."""
        return None if self.init in NAMED_FIRST_IMAGES else self.init


@final
class FinishingSettings(Part):
    """What is done to the picture once it is painted; 0 is nothing."""

    title: ClassVar[str] = "the finish"

    detail: float = Field(
        0.0, ge=0, le=2, description="how much of the content's fine detail is brought back"
    )
    contrast: float = Field(
        0.0, ge=-1, le=1, description="light and dark further apart, or below 0 nearer together"
    )
    canvas: float = Field(0.0, ge=0, le=1, description="relief of a woven canvas")
    film_grain: float = Field(0.0, ge=0, le=1, description="fine gray noise, as film has it")

    @property
    def any(self) -> bool:
        """Whether there is anything to do."""
        return any((self.detail, self.contrast, self.canvas, self.film_grain))
