"""What the sizes of inputs leave room for: layers that have to wait, and pictures too small."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gramarye.config import StylizeConfig
from gramarye.errors import SettingsError
from gramarye.inputs.bringing import Size
from gramarye.inputs.kinds import kind_of
from gramarye.losses.style import has_role
from gramarye.losses.terms import layers_by_kind, needs_of, without_layers
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.layers import split_layer
from gramarye.pictures.settings import LARGEST
from gramarye.units import show_size


def config_at(
    config: StylizeConfig, network: PerceptualNetwork, seen: Mapping[str, Size]
) -> StylizeConfig:
    """The config where inputs are seen at these sizes: without layers of too small a part of one.

    `relu4_1/4` sees forms that a small picture has no room for: it joins at the scales that have.
    A term that has no other layer keeps it, and `check_large_enough` refuses the run.
    """
    missing = {
        layer
        for _, (height, width), wanted in looked_at(config, seen)
        for layer in wanted
        if split_layer(layer)[1] > 1 and not network.fits(min(height, width), [layer])
    }
    terms = without_layers(config.terms, missing)
    return config.model_copy(update={"terms": terms}) if missing else config


def looked_at(
    config: StylizeConfig, seen: Mapping[str, Size]
) -> Iterator[tuple[str, Size, frozenset[str]]]:
    """Each input's name, its size, and the layers it is looked at with."""
    layers = layers_by_kind(config.terms) | {"content": needs_of(config.terms).all_layers}
    if config.picture.form_scale != 1:
        of_style = layers.get("style", frozenset())
        layers["form"] = frozenset(layer for layer in of_style if has_role("forms", layer))
        layers["style"] = of_style - layers["form"]
    for name, size in seen.items():
        yield name, size, layers.get(kind_of(name).name, frozenset())


def check_large_enough(
    config: StylizeConfig,
    network: PerceptualNetwork,
    seen: Mapping[str, Size],
    sizes: Mapping[str, Size],
    files: Mapping[str, object],
) -> None:
    """Raise SettingsError for inputs that are too small for the network as they are seen."""
    for name, (height, width), wanted in looked_at(config, seen):
        if network.fits(min(height, width), wanted):
            continue
        least = network.minimum_size(wanted)
        file = f" ('{files[name]}')" if name in files else ""
        # What paints in one pass looks at the layers that it was trained with.
        chosen, other = "it looks at", ""
        if not config.painter.is_on:
            chosen, other = "asked for", ", or layers nearer to the image"
        raise SettingsError(
            f"{name}{file} is worked on at {show_size(width, height)} pixels, and {network.name} "
            f"needs at least {least} of both sides for the layers {chosen}: "
            f"{larger(name, sizes[name], least)}{other}"
        )


def larger(name: str, size: Size, least: int) -> str:
    """What makes both sides of an input of that size at least so long at a scale."""
    short, long = min(size), max(size)
    if kind_of(name).size == "own":
        return "choose a larger picture" if short < least else "choose a larger --size"
    needed = -(-least * long // short)
    if needed > LARGEST:
        return "cut it less long and narrow"
    return f"choose a --size of at least {needed}"
