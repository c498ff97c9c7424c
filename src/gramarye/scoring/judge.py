"""A network that looks at pictures to say how near their styles are: registered, or from a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from torch import Tensor

from gramarye.distillation.teachers import FileTeacher
from gramarye.errors import WeightsError, did_you_mean
from gramarye.files import check_readable, user_path
from gramarye.losses.distances import gram_distance
from gramarye.losses.moments_loss import Distance
from gramarye.losses.style_terms import style_distance
from gramarye.networks import download
from gramarye.networks.catalog import ALIASES, NETWORKS, NetworkInfo, find_network
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.registry import define, load_network
from gramarye.networks.weights_file import WeightsFile, open_weights
from gramarye.scales.sizes import SMALLEST_SIDE
from gramarye.scoring.levels import LEVELS


@final
@dataclass(frozen=True)
class Judge:
    """A network, and which of its layers stand for the levels of a style.

    A level it has no layer for is missing in `levels`.
    """

    name: str
    sha256: str | None  # of its weights' file
    levels: Mapping[str, str]  # level -> layer
    content_layer: str
    features: Callable[[Tensor, Sequence[str]], dict[str, Tensor]]
    distances: Mapping[str, Distance]  # layer -> the Gram distance, through a head if it has one
    minimum_size: int  # pixels of the shortest side it can look at

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.levels.values(), self.content_layer]))


def load_judge(
    name: str | Path,
    weights: str | Path | None = None,
    *,
    fetch: Callable[[NetworkInfo], Path] = download.fetch,
) -> Judge:
    """The judge of that name, a registered network's or a file's.

    A network's weights may be a file of their own, also one that ends before the network's last
    layer. A file by itself is one that distillation learns from (`FileTeacher`), or a distilled
    network (`load_lite`). WeightsError, LayerError or SettingsError say what is wrong with either.
    """
    if str(name) in (*NETWORKS, *ALIASES):
        return network_judge(find_network(str(name)), weights, fetch)
    path, hint = user_path(name), did_you_mean(str(name), [*NETWORKS, *ALIASES])
    advice = f"name a network ({', '.join(NETWORKS)}) or a weights file{hint}"
    check_readable(path, "judge", advice, WeightsError)
    file = open_weights(path)
    if "conv0.weight" in file:
        return file_judge(path)
    if "features.0.weight" in file:
        raise WeightsError(
            f"{path} does not say which network it is for: name that, as in --judge vgg16 "
            f"--weights vgg16={path}"
        )
    return network_judge(find_network("vgg19-lite"), path, fetch, name=path.name)


def network_judge(
    info: NetworkInfo,
    weights: str | Path | None,
    fetch: Callable[[NetworkInfo], Path],
    name: str | None = None,
) -> Judge:
    """A registered network as a judge; of a file that ends early, only the layers it has."""
    layers: Sequence[str] = info.layers
    if weights is not None:
        weights = user_path(weights)
        if not info.embedded:
            layers = layers_in(open_weights(weights), info)
    wanted = [layer for layer in (*info.style_layers, info.content_layer) if layer in layers]
    if info.embedded and weights is not None:  # its file says how deep it is
        network = load_network(info.name, weights=weights)
        wanted = [layer for layer in wanted if layer in network.layers]
        network.truncate(wanted)
    else:
        network = load_network(info.name, weights=weights, layers=wanted or None, fetch=fetch)
    levels = dict(zip(LEVELS, info.style_layers, strict=True))
    levels = {level: layer for level, layer in levels.items() if layer in wanted}
    if not levels:
        raise no_levels(str(weights), info.style_layers)
    return Judge(
        name or info.name,
        network.weights_sha256,
        levels,
        known_or_deepest(info.content_layer, network.layers, levels),
        network,
        {layer: style_distance("gram", network, layer) for layer in levels.values()},
        max(SMALLEST_SIDE, network.minimum_size(wanted)),
    )


def layers_in(file: WeightsFile, info: NetworkInfo) -> tuple[str, ...]:
    """The layers of a network up to the first whose weights are not in the file."""
    network: PerceptualNetwork = define(info.name, "max", "zeros")
    known: list[str] = []
    for i, step in enumerate(network.steps):
        keys = step.module.state_dict()
        if any(f"features.{i}.{k}" not in file and f"{step.name}.{k}" not in file for k in keys):
            break
        known.append(step.name)
    return tuple(known)


def file_judge(path: Path) -> Judge:
    """A file that distillation learns from, by its own layers or the heads it has on them."""
    teacher = FileTeacher(path)
    names = [layer for layer in teacher.targets if layer.endswith("_1")]
    levels = {
        level: f"relu{depth}_1"
        for depth, level in enumerate(LEVELS, 1)
        if f"relu{depth}_1" in names
    }
    if not levels:
        raise no_levels(str(path), [f"relu{depth}_1" for depth in range(1, 6)])
    return Judge(
        path.name,
        teacher.sha256,
        levels,
        known_or_deepest("relu4_2", teacher.targets, levels),
        teacher,
        dict.fromkeys(levels.values(), gram_distance),
        SMALLEST_SIDE,
    )


def known_or_deepest(layer: str, known: Sequence[str], levels: Mapping[str, str]) -> str:
    """The layer the content is compared at, or where that is missing the deepest of the style's."""
    return layer if layer in known else list(levels.values())[-1]


def no_levels(name: str, layers: Sequence[str]) -> WeightsError:
    return WeightsError(
        f"'{name}' cannot judge a style: it has none of the layers {', '.join(layers)}; name "
        "another file"
    )
