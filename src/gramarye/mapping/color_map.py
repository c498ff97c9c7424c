"""A map of colors: a grid or a table, applied to pictures of any size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from gramarye.mapping.grids import grid_roughness, grid_shape, through_grid
from gramarye.mapping.settings import MapKind, MapSettings
from gramarye.mapping.tables import SHAPE, table_roughness, through_table

STRIP = 1 << 18  # pixels mapped at a time: what a grid makes of them takes 30 MiB


def map_shape(settings: MapSettings, height: int, width: int) -> tuple[int, ...]:
    """The shape of a map's parameters, for a picture of that size."""
    return SHAPE if settings.kind == "lut" else grid_shape(height, width, settings.cells)


@final
@dataclass(frozen=True)
class ColorMap:
    """What the optimizer moves in place of pixels: see `grids` and `tables` for the parameters."""

    kind: MapKind
    parameters: Tensor

    def rows(self, colors: Tensor, rows: tuple[int, int], height: int) -> Tensor:
        """Some rows (1, 3, h, W) of a picture of that height, mapped; differentiable in the map."""
        if self.kind == "lut":
            return through_table(colors, self.parameters)
        return through_grid(colors, self.parameters, rows, height)

    def whole(self, picture: Tensor) -> Tensor:
        """A picture (1, 3, H, W) mapped in one piece, for its gradient."""
        height = picture.shape[-2]
        return self.rows(picture, (0, height), height)

    @torch.no_grad()
    def of(self, picture: Tensor) -> Tensor:
        """A picture (1, 3, H, W) mapped in strips, so that it may be of any size."""
        height, width = picture.shape[-2:]
        result = torch.empty_like(picture)
        step = max(1, STRIP // width)
        for top in range(0, height, step):
            rows = top, min(top + step, height)
            result[..., rows[0] : rows[1], :] = self.rows(
                picture[..., rows[0] : rows[1], :], rows, height
            )
        return result

    def roughness(self) -> Tensor:
        """How uneven the map is (1,), differentiable: zero where it is one affine map."""
        rough = table_roughness if self.kind == "lut" else grid_roughness
        return rough(self.parameters)
