"""From a trained student to the file that ships: metric heads, folded normalization, float16."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from gramarye.image_files.writing import write_atomically
from gramarye.losses.distances import symmetric_power
from gramarye.networks.distill import Student, Training

STYLE_HEADS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


def fold_head(affine: Tensor) -> Tensor:
    """H = (A^T A)^(1/2) (C + 1, C + 1) of an affine map A = [W b] (C_wide, C + 1).

    ||H X H||_F = ||A X A^T||_F for every symmetric X, so the small matrix measures Gram distances
    in the wide feature space.
    """
    return symmetric_power(affine.mT @ affine, 0.5).float()


@torch.no_grad()
def fit_heads(training: Training, batches: int = 16) -> dict[str, Tensor]:
    """The affine maps [W b] (C_wide, C + 1) that best predict the teacher, by least squares.

    The heads the student is trained through are followed by a ReLU, which lets them run far below
    zero where the teacher is silent; a linear measure would take that for distance. So the maps
    that are folded are fitted anew, without it.
    """
    inner: dict[str, Tensor] = {}
    cross: dict[str, Tensor] = {}
    for batch in range(batches):
        image = training.crops.batch(-1 - batch)
        targets = training.teachers(image)
        features = training.average.network(image, STYLE_HEADS)
        for layer in STYLE_HEADS:
            x = features[layer].transpose(0, 1).flatten(1)  # (C, N)
            x = torch.cat([x, torch.ones_like(x[:1])]).double()
            t = targets[layer].transpose(0, 1).flatten(1).double()
            inner[layer] = inner.get(layer, 0) + x @ x.mT
            cross[layer] = cross.get(layer, 0) + t @ x.mT
    # A channel that never fires leaves the normal equations singular; a trace of ridge picks zero.
    return {
        layer: torch.linalg.solve(
            g + 1e-6 * g.diagonal().mean() * torch.eye(len(g), dtype=g.dtype), cross[layer].mT
        ).mT
        for layer, g in inner.items()
    }


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
    data = save(student_tensors(training.average, fit_heads(training)), metadata)
    write_atomically(path, data)
