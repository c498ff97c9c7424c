"""A color map as a .cube file, which photo and film programs read (Adobe's Cube LUT 1.0)."""

from __future__ import annotations

import torch
from torch import Tensor

from gramarye.mapping.color_map import ColorMap
from gramarye.mapping.tables import NODES
from gramarye.units import show_text

OF_GRID = 33  # nodes of the table that a grid becomes: its maps meet at lightnesses in between


def cube_nodes(color_map: ColorMap) -> Tensor:
    """The colors of a cube's nodes as a picture (1, 3, N N, N): red goes along the rows."""
    count = NODES if color_map.kind == "lut" else OF_GRID
    line = torch.linspace(0, 1, count)
    blue, green, red = torch.meshgrid(line, line, line, indexing="ij")
    return torch.stack([red, green, blue]).flatten(1, 2)[None]


def without_place(color_map: ColorMap) -> ColorMap:
    """The map as one for the whole picture: of a grid, the mean of its maps at each lightness."""
    if color_map.kind == "lut":
        return color_map
    return ColorMap(
        "grid", color_map.parameters.mean((3, 4), keepdim=True).expand(-1, -1, -1, 2, 2)
    )


def cube_text(colors: Tensor, title: str) -> str:
    """The file of a cube whose nodes, in `cube_nodes`' order, have these colors (1, 3, N N, N)."""
    count = colors.shape[-1]
    name = show_text(title).replace('"', "'")
    lines = [f'TITLE "{name}"', f"LUT_3D_SIZE {count}", "DOMAIN_MIN 0 0 0", "DOMAIN_MAX 1 1 1"]
    rows = colors[0].flatten(1).T.clamp(0, 1).tolist()
    lines += [f"{red:.6f} {green:.6f} {blue:.6f}" for red, green, blue in rows]
    return "\n".join(lines) + "\n"
