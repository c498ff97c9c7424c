"""A training that begins with a network that was trained before, not with random weights."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn.utils import parametrize

from gramarye.distillation.folding import LeastSquares
from gramarye.distillation.student import Student
from gramarye.distillation.training import Training
from gramarye.errors import WeightsError
from gramarye.networks.features import PerceptualNetwork

BATCHES = 6  # that the linear maps are fitted to


def begin_with(training: Training, network: PerceptualNetwork, path: Path) -> None:
    """Take up a network's convolutions, and fit the linear maps anew by least squares.

    The student may be wider: a new channel's weights are drawn at random, and nothing that was
    there before reads it yet. WeightsError if the student is narrower or has fewer layers.
    """
    student = training.student
    with torch.no_grad():
        for name, conv in convolutions(student):
            copy_into(conv, name, network, path, student)
        fit_maps(training)
        student.whiten_rest(training.crops.batch(-1 - batch) for batch in range(2 * BATCHES))
    training.begin()


def convolutions(student: Student) -> list[tuple[str, nn.Conv2d]]:
    body = student.network.body.items()
    return [(name, module) for name, module in body if isinstance(module, nn.Conv2d)]


def copy_into(
    conv: nn.Conv2d, name: str, network: PerceptualNetwork, path: Path, student: Student
) -> None:
    """Give a convolution of the student the weights that the network has in its place."""
    there = dict(network.body.items()).get(name)
    if not isinstance(there, nn.Conv2d) or there.bias is None or conv.bias is None:
        raise WeightsError(f"'{path}' has no {name} to begin with: name another file for --start")
    weight, bias = there.weight.clone(), there.bias.clone()
    out, inputs = weight.shape[:2]
    if out > conv.out_channels or inputs > conv.in_channels:
        raise WeightsError(
            f"{name} of '{path}' has {out} channels and is to have {conv.out_channels}: give "
            "--blocks as many channels as the file has, or more"
        )
    if name == "conv1_1":
        bias += (weight * student.network.mean).sum((1, 2, 3))  # the student normalizes its input
        weight *= student.network.std
    weights, biases = conv.weight.clone(), conv.bias.clone()
    weights[:out, :inputs] = weight
    weights[:out, inputs:] = 0
    biases[:out] = bias
    for key, value in (("weight", weights), ("bias", biases)):  # the weight first: see `Centered`
        known = parametrize.is_parametrized(conv, key)
        setattr(conv, key, value if known else nn.Parameter(value))


def fit_maps(training: Training) -> None:
    """Fit heads, measures and hints to the student's features by least squares."""
    student = training.student
    fits: dict[tuple[str, str], LeastSquares] = {}
    maps = {
        (kind, layer): head
        for kind in ("heads", "measures", "hints")
        for layer, head in getattr(student, kind).items()
    }
    for batch in range(BATCHES):
        image = training.crops.batch(-1 - batch)
        targets, lesson = training.teachers(image), training.teachers.lesson(image)
        features = student.network(image, {layer for _, layer in maps})
        for kind, layer in maps:
            wanted = lesson.hints[layer] if kind == "hints" else targets[layer]
            fits.setdefault((kind, layer), LeastSquares()).add(features[layer], wanted)
    for key, head in maps.items():
        affine = fits[key].solution().float()
        head.weight.copy_(affine[:, :-1, None, None])
        head.bias.copy_(affine[:, -1])
