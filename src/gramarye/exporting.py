"""A trained network as ONNX graphs for other programs, each checked against PyTorch's picture."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from torch import Tensor

import gramarye
from gramarye.errors import RunError, WeightsError
from gramarye.feedforward.metadata import KEY, painter_path, painter_sha256
from gramarye.feedforward.network import Painter
from gramarye.feedforward.settings import MULTIPLE
from gramarye.graphs.files import open_arrays, open_network
from gramarye.graphs.images import uniform_noise
from gramarye.graphs.johnson import johnson_graph
from gramarye.graphs.runtime import Session, onnxruntime
from gramarye.graphs.whole import picture_graph, style_graph
from gramarye.graphs.writing import Array, model
from gramarye.inputs.coloring import match_colors
from gramarye.johnson.files import load_trained, read_johnson
from gramarye.johnson.network import one_of
from gramarye.johnson.painting import transformed
from gramarye.networks.registry import load_network
from gramarye.painted import paint_image
from gramarye.pictures.picture import load_image
from gramarye.samples import sample_path
from gramarye.scales.resizing import resize
from gramarye.special_configs import make_instant_config
from gramarye.surroundings import plain_torch

FORMAT = "onnx 1"
TOLERANCE = 2e-3  # half a level of 8 bits: of any color of any pixel
CONTENTS, STYLE = ((231, 153), (130, 205)), (187, 252)  # no multiples of anything


@final
@dataclass(frozen=True)
class Exported:
    """ONNX files' contents by what they are called after the network, and how far they are off."""

    files: Mapping[str, bytes]
    difference: float  # the largest from PyTorch's picture, of values from 0 to 1


@plain_torch()
def export(painter: str | Path) -> Exported:
    """The graphs of a trained network's file, or of the painter that comes with gramarye.

    "-style" and "-picture" of a painter, "" of a Johnson network. WeightsError for a file that
    cannot be exported, RunError where ONNX Runtime paints another picture than PyTorch.
    """
    onnxruntime()  # which tells that it is missing before anything is done
    network = load_network("vgg19-lite")
    trained = load_trained(painter, network)  # says what is wrong with a file
    if not isinstance(trained, Painter):
        return export_johnson(Path(painter))
    found = open_network(painter)
    if found is None:
        raise WeightsError(
            f"'{painter}' has no graph: its layers are others than those of vgg19-lite, block by "
            "block, at the picture's size; give a painter that 'gramarye train' has made"
        )
    shape = {"network": found.config.model_dump(mode="json"), "sides": MULTIPLE}
    files = {
        f"-{graph.name}": model(
            graph, gramarye.__version__, metadata(painter, {"graph": graph.name, **shape})
        )
        for graph in (style_graph(found), picture_graph(found))
    }
    sessions = {name: Session(content) for name, content in files.items()}
    parts = [p for p in dict.fromkeys(found.config.parts) if p > 1]
    differences = []
    for number, size in enumerate(CONTENTS):
        content, style = sample("fox", size), sample("impasto", STYLE)
        config = make_instant_config((512, 512), seed=number, strength=0.5)
        matched, _ = match_colors(content, [style], config.picture)
        ours = paint_image(trained, network, {"content": matched, "style/0": style}, config)
        code = sessions["-style"](style=style.numpy())["code"]
        theirs = sessions["-picture"](
            content=content.numpy(),
            code=code,
            noise=noise_for(size, parts, found.config.parts, number),
            strength=np.array(0.5, np.float32),
        )
        differences.append(largest(ours, theirs["picture"]))
    return checked(files, differences)


def export_johnson(path: Path) -> Exported:
    about, file = read_johnson(path), open_arrays(painter_path(path))
    assert about is not None
    if file is None:
        raise WeightsError(
            f"'{path}' has no graph: it is no safetensors file of float16 and float32; give one "
            "that 'gramarye train' has written"
        )
    styles = len(about.styles)
    graph = johnson_graph(about.network, file.tensors, styles)
    more = {"graph": graph.name, "network": about.network.model_dump(mode="json")}
    content = model(
        graph, gramarye.__version__, metadata(path, {**more, "styles": list(about.styles)})
    )
    session, network = Session(content), load_trained(path, load_network("vgg19-lite"))
    assert not isinstance(network, Painter)
    differences = []
    for size in CONTENTS:
        image = sample("fox", size)
        for which in {0, styles - 1}:
            mix = one_of(styles, which)
            found = session(content=image.numpy(), mix=mix.numpy())
            differences.append(largest(transformed(network, image, mix), found["picture"]))
    return checked({"": content}, differences)


def checked(files: Mapping[str, bytes], differences: list[float]) -> Exported:
    worst = max(differences, key=lambda value: np.inf if np.isnan(value) else value)
    if not worst <= TOLERANCE:
        raise RunError(
            f"ONNX Runtime's picture is {worst:.4f} off PyTorch's, of values from 0 to 1, and at "
            f"most {TOLERANCE} are allowed: nothing was written (please report it)"
        )
    return Exported(files, worst)


def noise_for(
    size: tuple[int, int], parts: Sequence[int], steps: Sequence[int], seed: int
) -> Array:
    """What PyTorch draws for each part of a picture of that size but the whole, in one row."""
    height, width = (-(-side // MULTIPLE) * MULTIPLE for side in size)
    drawn = [
        uniform_noise(height // part, width // part, seed + steps.index(part)) for part in parts
    ]
    return np.concatenate([noise.ravel() for noise in drawn] or [np.zeros(1, np.float32)])


def metadata(painter: str | Path, more: Mapping[str, object]) -> dict[str, str]:
    """What a graph says of itself, as JSON under one key."""
    about = {"format": FORMAT, "gramarye": gramarye.__version__, **more}
    return {KEY: json.dumps({**about, "painter_sha256": painter_sha256(painter)})}


def sample(name: str, size: tuple[int, int]) -> Tensor:
    return resize(load_image(sample_path(name)), *size).clamp(0, 1)


def largest(ours: Tensor, theirs: Array) -> float:
    return float((ours - torch.from_numpy(theirs)).abs().max())
