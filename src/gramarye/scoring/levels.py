"""The levels a style is compared at, from finest to coarsest. Nothing here needs PyTorch."""

from __future__ import annotations

# Of relu1_1 ... relu5_1 of a VGG, or the five style layers another network has in their place.
LEVELS = ("color", "fine stroke", "stroke", "motif", "large form")
