"""From a trained student to the file that ships: metric heads, folded normalization, float16."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from gramarye.distillation.student import Student
from gramarye.distillation.training import Training
from gramarye.errors import OptimizationError
from gramarye.files import write_atomically
from gramarye.losses.statistics import moments
from gramarye.matrices import symmetric_power
from gramarye.networks.catalog import VGG_STYLE_LAYERS

STYLE_HEADS = VGG_STYLE_LAYERS


def fold_head(affine: Tensor) -> Tensor:
    """H = (A^T A)^(1/2) (C + 1, C + 1) of an affine map A = [W b] (C_wide, C + 1).

    ||H X H||_F = ||A X A^T||_F for every symmetric X, so the small matrix measures Gram distances
    in the wide feature space.
    """
    return symmetric_power(affine.mT @ affine, 0.5).float()


class LeastSquares:
    """The affine map [W b] (C_wide, C + 1) that best predicts wide features from narrow ones."""

    def __init__(self) -> None:
        self.inner: Tensor | int = 0
        self.cross: Tensor | int = 0

    def add(self, features: Tensor, targets: Tensor) -> None:
        """Take in features (B, C, h, w) and what is to be predicted, (B, C_wide, h, w)."""
        x = features.transpose(0, 1).flatten(1)  # (C, N)
        x = torch.cat([x, torch.ones_like(x[:1])]).double()
        self.inner = self.inner + x @ x.mT
        self.cross = self.cross + targets.transpose(0, 1).flatten(1).double() @ x.mT

    def solution(self) -> Tensor:
        """The map, in float64.

        A channel that never fires leaves the equations singular; a trace of ridge picks zero.
        """
        assert isinstance(self.inner, Tensor) and isinstance(self.cross, Tensor)
        ridge = 1e-6 * self.inner.diagonal().mean() * torch.eye(len(self.inner)).double()
        result: Tensor = torch.linalg.solve(self.inner + ridge, self.cross.mT).mT
        return result


@torch.no_grad()
def fit_heads(training: Training, batches: int = 16) -> dict[str, Tensor]:
    """The affine maps [W b] (C_wide, C + 1) that best predict the teacher, by least squares.

    The heads the student is trained through are followed by a ReLU, which lets them run far below
    zero where the teacher is silent; a linear measure would take that for distance. So the maps
    that are folded are fitted anew, without it.
    """
    fits = {layer: LeastSquares() for layer in STYLE_HEADS}
    for batch in range(batches):
        image = training.crops.batch(-1 - batch)
        targets = training.teachers(image)
        features = training.average.network(image, STYLE_HEADS)
        for layer, fit in fits.items():
            fit.add(features[layer], targets[layer])
    return {layer: fit.solution() for layer, fit in fits.items()}


@torch.no_grad()
def calibrate_heads(
    training: Training, heads: dict[str, Tensor], batches: int = 16
) -> dict[str, Tensor]:
    """The same maps (C_wide, C + 1), scaled so that Gram distances have the teacher's size.

    Least squares shrinks what it cannot predict, in deep layers by half. The distances compared
    are those between the crops of a batch; their ratio's geometric mean is the scale's fourth
    power, as a Gram distance is of fourth order in the features.
    """
    logs: dict[str, list[Tensor]] = {layer: [] for layer in heads}
    for batch in range(batches):
        image = training.crops.batch(-1001 - batch)
        targets = training.teachers(image)
        features = training.average.network(image, STYLE_HEADS)
        for layer, affine in heads.items():
            wide = moments(targets[layer]).gram()
            narrow = affine @ moments(features[layer]).augmented().double() @ affine.mT
            logs[layer].append(log_ratio(wide.double(), narrow))
    return {layer: affine * scale_of(torch.cat(logs[layer])) for layer, affine in heads.items()}


def log_ratio(wide: Tensor, narrow: Tensor) -> Tensor:
    """log ||W - W'||^2 / ||N - N'||^2 of neighboring matrices (B, C, C), where both differ."""
    over, under = (gram.diff(dim=0).square().sum((1, 2)) for gram in (wide, narrow))
    differ = (over > 0) & (under > 0)
    return over[differ].log() - under[differ].log()


def scale_of(logs: Tensor) -> Tensor:
    """The factor of the features whose Gram distances then have the right size; 1 for no pairs."""
    return (logs.mean() / 4).exp() if len(logs) else logs.new_ones(())


def student_tensors(student: Student, heads: dict[str, Tensor]) -> dict[str, Tensor]:
    """What is shipped: convolutions that read sRGB in [0, 1], in float16, and the folded heads."""
    tensors: dict[str, Tensor] = {}
    network = student.network
    for step in network.steps:
        if isinstance(step.module, nn.Conv2d):
            weight, bias = step.module.weight.detach(), step.module.bias
            assert bias is not None
            bias = bias.detach()
            if step.name == "conv1_1":  # its padding repeats pixels, so normalization folds exactly
                weight = weight / network.std
                bias = bias - (weight * network.mean).sum((1, 2, 3))
            tensors[f"{step.name}.weight"] = weight.half().contiguous()
            tensors[f"{step.name}.bias"] = bias.half()
    for layer, affine in heads.items():
        tensors[f"head.{layer}"] = fold_head(affine).contiguous()
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():  # float16 ends at 65504
            raise OptimizationError(
                f"the trained network cannot be written: {name} is beyond float16; train with a "
                "lower learning rate"
            )
    return tensors


def export(training: Training, path: Path) -> None:
    """Write the averaged student as a network file, whole or not at all."""
    config = training.config
    metadata = {
        "blocks": json.dumps(config.blocks),
        "padding": config.padding,
        "pooling": config.pooling,
        "head_widths": json.dumps({layer: training.widths[layer] for layer in STYLE_HEADS}),
        "steps": str(training.step),
        "config": config.model_dump_json(),
    }
    heads = calibrate_heads(training, fit_heads(training))
    data = save(student_tensors(training.average, heads), metadata)
    write_atomically(path, data)
