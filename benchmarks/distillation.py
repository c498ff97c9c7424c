"""How well vgg19-lite sees: errors per layer and agreement of the style gradient with the teacher.

    python -m benchmarks.distillation [--checkpoint RUN.checkpoint] --teacher A --teacher B \
        --photos FILE ... --paintings FILE ...

Errors are relative L2 errors of the heads the network was trained through (they are in the
checkpoint, not in the package: without it there are none) on whole pictures. The gradient's
agreement is the cosine between the gradients, in the image, of one layer's Gram distance measured
by the teacher and by the packaged network, at a content whose colors were matched and halfway
through a stylization; both as they are and smoothed over 8 x 8 pixels.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.config import make_config
from gramarye.distillation.crops import CropSampler
from gramarye.distillation.folding import STYLE_HEADS
from gramarye.distillation.settings import DistillConfig
from gramarye.distillation.teachers import Teachers, load_teacher
from gramarye.distillation.training import Training
from gramarye.losses.distances import gram_distance
from gramarye.losses.moments_loss import Distance
from gramarye.losses.statistics import moments
from gramarye.losses.style_terms import style_distance
from gramarye.networks.registry import load_network
from gramarye.pictures.color import match_color
from gramarye.pictures.folders import read_pictures
from gramarye.pictures.picture import load_image
from gramarye.scales.resizing import resize
from gramarye.scales.sizes import fit
from gramarye.stylize import stylize_steps

Network = Callable[[Tensor, list[str]], dict[str, Tensor]]

SIDE = 384  # pixels, the longest side the errors are measured at
GRADIENT_SIDE = 192


def shrunk(path: Path, longest: int) -> Tensor:
    image = load_image(path)
    return resize(image, *fit(image.shape[-2], image.shape[-1], longest)).clamp(0, 1)


def layer_errors(training: Training, image: Tensor) -> dict[str, float]:
    """The relative L2 error of each layer on a whole picture."""
    student = training.average
    with torch.no_grad():
        targets = training.teachers(image)
        features = student.network(image, targets)
        predictions = {
            layer: F.relu(head(features[layer])) for layer, head in student.heads.items()
        }
    return {
        layer: float((predictions[layer] - target).norm() / target.norm())
        for layer, target in targets.items()
    }


def gradient(
    features: Callable[[Tensor], Tensor], distance: Distance, image: Tensor, style: Tensor
) -> Tensor:
    image = image.clone().requires_grad_(True)
    with torch.no_grad():
        target = moments(features(style))
    (result,) = torch.autograd.grad(distance(moments(features(image)), target), image)
    return result


def one_layer(network: Network, layer: str, image: Tensor) -> Tensor:
    return network(image, [layer])[layer]


def cosine(a: Tensor, b: Tensor) -> float:
    return float((a * b).sum() / (a.norm() * b.norm()))


def agreement(
    teachers: Teachers, contents: list[Path], styles: list[Path]
) -> dict[str, list[float]]:
    """Cosines per layer: [at the content, smoothed, halfway, smoothed], averaged over the pairs."""
    network = load_network("vgg19-lite")
    owner = {k: teacher for teacher, layers in teachers.assigned.items() for k in layers}
    sums: dict[str, list[float]] = {layer: [0.0] * 4 for layer in STYLE_HEADS}
    for content_path, style_path in zip(contents, styles, strict=True):
        style = shrunk(style_path, GRADIENT_SIDE)
        content = match_color(shrunk(content_path, GRADIENT_SIDE), style, clamp=True)
        config = make_config(size=GRADIENT_SIDE, steps=20)
        *_, last = stylize_steps(content, [style], config, network=network)
        for at, image in enumerate((content, last.image.clamp(0, 1))):
            for layer in STYLE_HEADS:
                wide = gradient(
                    partial(one_layer, owner[layer], layer), gram_distance, image, style
                )
                distance = style_distance("gram", network, layer)
                narrow = gradient(partial(one_layer, network, layer), distance, image, style)
                sums[layer][2 * at] += cosine(narrow, wide)
                smooth = [F.avg_pool2d(g, 8) for g in (narrow, wide)]
                sums[layer][2 * at + 1] += cosine(*smooth)
    return {layer: [value / len(contents) for value in row] for layer, row in sums.items()}


def errors(
    checkpoint: Path, teachers: Teachers, photos: list[Path], paintings: list[Path]
) -> dict[str, object]:
    """The mean error of each layer on the photographs and on the paintings, and after how long."""
    state = torch.load(checkpoint, weights_only=True)
    config = DistillConfig(**state["config"])
    pictures, _ = read_pictures(photos[:1])
    crops = CropSampler(pictures, config.pixels, config.crops, config.seed)
    training = Training(config, teachers, crops)
    training.load_state_dict(state)
    result: dict[str, object] = {"steps": training.step}
    for kind, paths in (("photographs", photos), ("paintings", paintings)):
        rows = [layer_errors(training, shrunk(path, SIDE)) for path in paths]
        result[kind] = {
            layer: round(sum(row[layer] for row in rows) / len(rows), 3) for layer in rows[0]
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--teacher", action="append", required=True)
    parser.add_argument("--photos", type=Path, nargs="+", required=True)
    parser.add_argument("--paintings", type=Path, nargs="+", required=True)
    args = parser.parse_args()
    teachers = Teachers([load_teacher(name) for name in args.teacher])
    result: dict[str, object] = {}
    if args.checkpoint:
        result |= errors(args.checkpoint, teachers, args.photos, args.paintings)
    pairs = min(len(args.photos), len(args.paintings), 6)
    result["gradient cosine"] = {
        layer: [round(value, 3) for value in row]
        for layer, row in agreement(teachers, args.photos[:pairs], args.paintings[:pairs]).items()
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
