"""Layers that look at the whole image only, for tests that are about something else."""

from __future__ import annotations

from typing import Any

STYLE_LAYERS = {"relu1_1": 8.0, "relu2_1": 4.0, "relu3_1": 2.0, "relu4_1": 1.0}
WHOLE: dict[str, Any] = {"style_layers": STYLE_LAYERS, "content_layers": {"relu4_2": 1.0}}
