"""The settings of a stylization: the parts that each room describes, in one frozen model.

They are nested here and in recipes, and flat for users: `--style-layers` on the command line and
`style_layers=` in Python are `config.terms["style"].layers`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Annotated, Any, ClassVar, final

from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationError, model_validator

from gramarye.errors import SettingsError, did_you_mean
from gramarye.feedforward.settings import PaintingSettings
from gramarye.inputs.kinds import INPUTS
from gramarye.losses import terms
from gramarye.losses.style import STYLE_LAYERS, check_forms
from gramarye.mapping.settings import MapSettings
from gramarye.memory.settings import MachineSettings
from gramarye.networks.catalog import check_layers, find_network
from gramarye.networks.layers import split_layer
from gramarye.networks.settings import NetworkSettings
from gramarye.optimizers.settings import OptimizerSettings
from gramarye.pictures.settings import FinishingSettings, PictureSettings
from gramarye.scales.settings import ScaleSettings
from gramarye.settings import Part, Setting, get, put, settings_of
from gramarye.units import show_text, show_value
from gramarye.validation import first_problem, whole_problem


def checked_terms(given: object) -> object:
    """The settings of every kind of term in the table."""
    if not isinstance(given, Mapping):
        return given
    terms.check_names(given)
    found = {}
    for name, kind in terms.TERMS.items():
        try:
            found[name] = kind.settings.model_validate(given.get(name, {}))
        except ValidationError as error:
            problem = first_problem(error, kind.settings)
            raise whole_problem(problem.at("terms", name)) from error
    return found


@final
class StylizeConfig(Part):
    """Everything that decides the picture, besides the pictures it is made from.

    A config that exists is valid, on any machine: only whether this one has the device, the memory
    and the weights file shows when a run is planned.
    """

    title: ClassVar[str] = "the picture"

    preset: str = Field("default", description="named set of settings the others start from")
    picture: PictureSettings = PictureSettings()
    map: MapSettings = MapSettings()
    painter: PaintingSettings = PaintingSettings()
    network: NetworkSettings = NetworkSettings()
    terms: Annotated[Mapping[str, SerializeAsAny[Part]], BeforeValidator(checked_terms)] = Field(
        default_factory=dict, validate_default=True
    )
    optimizer: OptimizerSettings = OptimizerSettings()
    scales: ScaleSettings = ScaleSettings()
    finishing: FinishingSettings = FinishingSettings()
    machine: MachineSettings = MachineSettings()

    @model_validator(mode="after")
    def consistent(self) -> StylizeConfig:
        layers = terms.needs_of(self.terms).layers
        if not layers:
            raise ValueError(
                "nothing pulls at the picture: give a content or a style layer a weight above 0"
            )
        check_layers(find_network(self.network.name), layers)
        if self.picture.form_scale != 1:
            check_forms(self.terms["style"])  # type: ignore[arg-type]
        if self.map.is_on and self.picture.aspect is not None:
            raise ValueError(
                "a color map is of a content's colors, and a texture has none: leave --map out"
            )
        if self.map.is_on and self.picture.drawing:
            raise ValueError(
                "a drawing is painted, and a map moves the colors of a photograph: leave out "
                "--drawing or --map"
            )
        if self.map.is_on and self.picture.init != "content":
            raise ValueError(
                "a color map begins with the content's own colors, or matched ones, and not with "
                "another first image: leave --init out, and a blend without --map"
            )
        if self.map.is_on and (self.optimizer.name == "adam" or self.optimizer.searches):
            raise ValueError(
                "a color map is moved by L-BFGS without line search, or by gradient descent: leave "
                "--optimizer and --line-search as they are, or choose --map none"
            )
        if self.is_painted:
            self.check_painter()
        return self

    @property
    def is_painted(self) -> bool:
        """Whether a network paints in one pass: the picture, or its first image."""
        return self.painter.is_on or self.picture.init == "instant"

    def check_painter(self) -> None:
        """Raise ValueError for what a network that paints in one pass cannot do."""
        instead = "--painter optimizer" if self.painter.is_on else "another --init"
        if self.network != NetworkSettings():
            raise ValueError(
                "the painter sees by vgg19-lite as it comes: leave out --network and what belongs "
                f"to it, or choose {instead}"
            )
        if self.picture.aspect is not None:
            raise ValueError(
                f"the painter needs a content, and a texture has none: choose {instead}"
            )
        if self.map.is_on:
            raise ValueError(
                "either a painter makes the picture or a color map does: leave out --painter or "
                "--map"
            )
        if self.painter.is_on and self.picture.init != "content":
            raise ValueError(
                f"the painter begins with the content: leave --init out, or choose {instead}"
            )

    def with_settings(self, **changes: Any) -> StylizeConfig:
        """The config with some settings changed, by their options' names."""
        return build(self.model_dump(), changes)

    @property
    def color_mix(self) -> tuple[float, ...]:
        """How much each of several styles counts for colors; empty where nobody has said."""
        mix: tuple[float, ...] = self.terms["style"].color_mix  # type: ignore[attr-defined]
        return mix

    def value(self, option: str) -> Any:
        """A setting by its option's name."""
        return get(self, find_setting(option).path)


def all_settings() -> dict[str, Setting]:
    """Every setting by its option's name, part after part; those of registered terms among them."""
    found = [Setting("preset", ("preset",), StylizeConfig.model_fields["preset"], "the picture")]
    for name, field in StylizeConfig.model_fields.items():
        if name == "terms":
            for kind in terms.TERMS.values():
                found += settings_of(kind.settings, ("terms", kind.name))
        elif isinstance(field.annotation, type) and issubclass(field.annotation, Part):
            found += settings_of(field.annotation, (name,))
    options = {setting.option: setting for setting in found}
    assert len(options) == len(found), "two settings share a name"
    return options


def find_setting(option: str) -> Setting:
    """The setting of that name; SettingsError if there is none."""
    known = all_settings()
    if option not in known:
        name = option.replace("_", "-")
        if name in INPUTS:
            given = f"{name}/0" if INPUTS[name].many else name
            raise SettingsError(f"{option} is a picture: give it in inputs={{{given!r}: ...}}")
        raise SettingsError(f"unknown setting {option!r}{did_you_mean(option, known)}")
    return known[option]


def changed_settings(config: StylizeConfig) -> dict[str, Any]:
    """The settings that differ from the defaults, by their options' names."""
    default = StylizeConfig()
    return {
        option: get(config, setting.path)
        for option, setting in all_settings().items()
        if get(config, setting.path) != get(default, setting.path)
    }


def preset_names() -> tuple[str, ...]:
    """The presets shipped with the package, sorted."""
    folder = resources.files("gramarye") / "presets"
    return tuple(
        sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))
    )


def read_preset(name: str) -> dict[str, Any]:
    """A preset's file: what it sets, part by part, and its `about`."""
    names = preset_names()
    if str(name) not in names:
        hint = did_you_mean(str(name), names)
        raise SettingsError(
            f"unknown preset {show_value(name)}: there are {', '.join(names)}{hint}"
        )
    text = (resources.files("gramarye") / "presets" / f"{name}.toml").read_text("utf-8")
    return tomllib.loads(text)


def load_preset(name: str) -> dict[str, Any]:
    """What a preset sets, by the options' names; SettingsError if there is no such preset."""
    tree = read_preset(name)
    found = {}
    for option, setting in all_settings().items():
        try:
            found[option] = get(tree, setting.path)
        except (KeyError, TypeError, AttributeError):
            continue
    return found


def make_config(preset: str = "default", **settings: Any) -> StylizeConfig:
    """A preset's settings with some of them changed; SettingsError says what is wrong with one."""
    return build({}, {**load_preset(preset), **settings, "preset": preset})


def build(tree: dict[str, Any], changes: Mapping[str, Any]) -> StylizeConfig:
    """The config of nested settings with some of them changed, by their options' names."""
    changes = {**network_layers(changes.get("network")), **changes}
    for option, value in changes.items():
        put(tree, find_setting(option).path, value)
    try:
        return StylizeConfig.model_validate(tree)
    except ValidationError as error:
        problem = first_problem(error, StylizeConfig)
        option, inside = option_at(problem.path)
        text = problem.of_setting(option, inside)
        raise SettingsError(text, setting="" if problem.text else option) from error


def option_at(path: tuple[int | str, ...]) -> tuple[str, tuple[int | str, ...]]:
    """The option of the setting at a path of the config, and what is left of the path.

    Where there is no setting, the path itself.
    """
    for setting in all_settings().values():
        if path[: len(setting.path)] in (setting.path, (*setting.path[:-1], setting.option)):
            return setting.option, path[len(setting.path) :]
    return ".".join(map(str, path)), ()


def sentence(error: ValidationError, model: Any) -> str:
    """What is wrong in a text that holds a config as its `settings`, such as a recipe."""
    problem = first_problem(error, model)
    path = problem.path
    if "settings" in path[:-1]:
        return problem.of_file(*option_at(path[path.index("settings") + 1 :]))
    return problem.of_file(show_text(".".join(map(str, path))))


def network_layers(name: object) -> dict[str, Any]:
    """The layers that stand for VGG-19's in a network with other names; nothing for a VGG."""
    info = find_network(name) if isinstance(name, str) else None
    if info is None or set(info.style_layers) >= {split_layer(k)[0] for k in STYLE_LAYERS}:
        return {}
    weights = (8.0, 4.0, 2.0, 1.0, 1.0)
    return {
        "style_layers": dict(zip(info.style_layers, weights, strict=True)),
        "content_layers": {info.content_layer: 1.0},
    }
