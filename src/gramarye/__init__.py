"""Gramarye renders the content of one picture in the style of another.

    import gramarye
    gramarye.stylize("photo.jpg", "painting.jpg").save("result.png")

The names below are loaded when they are first used, so that `import gramarye` costs nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gramarye.blends import blend
    from gramarye.config import StylizeConfig, load_preset, make_config, preset_names
    from gramarye.errors import GramaryeError
    from gramarye.instants import instant
    from gramarye.networks.registry import load_network
    from gramarye.objective import Objective
    from gramarye.optimize import Iterate
    from gramarye.photographs import photoreal
    from gramarye.pictures.picture import Picture, load_image, load_picture, save_picture
    from gramarye.recipe import Recipe
    from gramarye.scoring.score import Score, score
    from gramarye.sketches import sketch
    from gramarye.studies.making import run_study
    from gramarye.studies.study import Study, setting_axis
    from gramarye.stylize import stylize, stylize_steps
    from gramarye.textures import texture
    from gramarye.training.running import train_steps
    from gramarye.video.stylizing import stylize_video

__version__ = "0.1.0"

__all__ = [
    "GramaryeError",
    "Iterate",
    "Objective",
    "Picture",
    "Recipe",
    "Score",
    "Study",
    "StylizeConfig",
    "__version__",
    "blend",
    "instant",
    "load_image",
    "load_network",
    "load_picture",
    "load_preset",
    "make_config",
    "photoreal",
    "preset_names",
    "run_study",
    "save_picture",
    "score",
    "setting_axis",
    "sketch",
    "stylize",
    "stylize_steps",
    "stylize_video",
    "texture",
    "train_steps",
]

_HOMES = {
    "GramaryeError": "gramarye.errors",
    "Iterate": "gramarye.optimize",
    "Objective": "gramarye.objective",
    "Picture": "gramarye.pictures.picture",
    "Recipe": "gramarye.recipe",
    "Score": "gramarye.scoring.score",
    "Study": "gramarye.studies.study",
    "StylizeConfig": "gramarye.config",
    "blend": "gramarye.blends",
    "instant": "gramarye.instants",
    "load_image": "gramarye.pictures.picture",
    "load_network": "gramarye.networks.registry",
    "load_picture": "gramarye.pictures.picture",
    "load_preset": "gramarye.config",
    "make_config": "gramarye.config",
    "photoreal": "gramarye.photographs",
    "preset_names": "gramarye.config",
    "run_study": "gramarye.studies.making",
    "save_picture": "gramarye.pictures.picture",
    "score": "gramarye.scoring.score",
    "setting_axis": "gramarye.studies.study",
    "sketch": "gramarye.sketches",
    "stylize": "gramarye.stylize",
    "stylize_steps": "gramarye.stylize",
    "stylize_video": "gramarye.video.stylizing",
    "texture": "gramarye.textures",
    "train_steps": "gramarye.training.running",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'gramarye' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


class _Package(ModuleType):
    def __setattr__(self, name: str, value: object) -> None:
        # Importing gramarye/stylize.py would put the module where its function belongs.
        if name == "stylize" and isinstance(value, ModuleType):
            value = value.stylize
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
