"""The settings of a map of the content's colors."""

from __future__ import annotations

from typing import ClassVar, Literal, final

from pydantic import Field

from gramarye.settings import LARGEST_WEIGHT, Part

MapKind = Literal["none", "grid", "lut"]


@final
class MapSettings(Part):
    """What the optimizer moves: the pixels, or a map of the content's colors."""

    title: ClassVar[str] = "the color map"

    kind: MapKind = Field(
        "none",
        alias="map",
        description="paint by mapping the content's colors, which moves no edge: by a grid of "
        "local maps (by place and lightness), or by one table of colors for the whole picture "
        "(lut); none moves pixels",
    )
    size: int = Field(
        384,
        ge=16,
        le=65_536,
        alias="map_size",
        description="longest side at which a color map is found, in pixels; it is applied at the "
        "result's",
    )
    cells: int = Field(
        8,
        ge=2,
        le=64,
        alias="map_cells",
        description="local maps of a grid along the picture's longest side",
    )
    smoothness: float = Field(
        100.0,
        ge=0,
        le=LARGEST_WEIGHT,
        alias="map_smoothness",
        description="pull of a color map towards smoothness: neighboring maps alike, a table even",
    )

    @property
    def is_on(self) -> bool:
        return self.kind != "none"
