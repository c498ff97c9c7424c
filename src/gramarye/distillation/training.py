"""Training a narrow VGG-19 to see as the wide one does (knowledge distillation).

The student has VGG-19's topology and layer names at a fraction of the channels. It is taught

- values: a linear 1x1 head and a ReLU per layer predict the teacher's activations;
- hints: linear heads predict a narrow teacher's own layers, all of them (Romero et al., *FitNets*,
  2015), which guides the layers between;
- measures: at the style layers a linear head without ReLU predicts the same as the values. Folded
  into small symmetric matrices, these are what ships: Gram distances of the narrow features are
  then distances in the teacher's feature space (`distillation.folding`);
- gradients: a style loss seen through a measure pulls an image where the teacher's does
  (`distillation.gradients`), on pictures that are being optimized (`distillation.replay`) too.

The first three are squared errors relative to the squared target, summed over the layers.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from gramarye.averages import check_adam, follow, follow_weights
from gramarye.distillation.crops import CropSampler
from gramarye.distillation.gradients import DistanceName, agreement, style_gradients
from gramarye.distillation.replay import Replay
from gramarye.distillation.settings import GRADIENT_SHARES, DistillConfig
from gramarye.distillation.student import Features, Student
from gramarye.distillation.teachers import Teachers
from gramarye.errors import OptimizationError


def thin(features: Features, phase: tuple[int, int]) -> Features:
    """Every second row and column of the first block, from `phase` on; the other layers whole.

    At full resolution, head and error of relu1_1 cost as much as the whole student; a quarter of
    its positions, another quarter each step, teaches as well.
    """
    y, x = phase
    return {
        layer: f[:, :, y::2, x::2] if layer.startswith("relu1_") else f
        for layer, f in features.items()
    }


def answered(features: Tensor, target: Tensor) -> Tensor:
    """The features of those images that there is a target of: of all, or of every second."""
    return features if len(target) == len(features) else features[::2]


def relative_error(prediction: Tensor, target: Tensor) -> Tensor:
    """||prediction - target||^2 / ||target||^2 of features (B, C, h, w), in float32."""
    target = target.float()
    return (prediction.float() - target).square().sum() / target.square().sum()


@dataclass(frozen=True)
class DistillRecord:
    """One step of training: error and agreement per layer, averaged over recent steps."""

    step: int
    errors: dict[str, float]
    cosines: dict[str, float]  # of the style gradients with the teacher's, by layer
    learning_rate: float


class Training:
    """The state of a run: student, averaged student, optimizer, crops, step.

    Iterating `run` trains; `state_dict` and `load_state_dict` make it resumable to the bit (the
    crops of a step depend on the seed and the step alone).
    """

    def __init__(self, config: DistillConfig, teachers: Teachers, crops: CropSampler) -> None:
        self.config, self.teachers, self.crops = config, teachers, crops
        with torch.no_grad():
            image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
            probe = teachers(image)
            hints = teachers.lesson(image).hints if config.hints else {}
        self.widths = {layer: target.shape[1] for layer, target in probe.items()}
        hint_widths = {layer: hint.shape[1] for layer, hint in hints.items()}
        self.student = Student(config, self.widths, hint_widths).requires_grad_(True)
        self.student.reset(config.seed)
        self.student.whiten_first(crops.batch(0))
        self.student.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.begin()
        self.replay = Replay(crops, config.gradient_pixels, config.seed)
        self.step = 0

    def begin(self) -> None:
        """Average and optimizer of the student as it is now."""
        self.student.requires_grad_(True)
        self.average = copy.deepcopy(self.student).requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            self.student.groups(), betas=(0.9, 0.99), weight_decay=self.config.weight_decay
        )

    def autocast(self, image: Tensor) -> torch.autocast:
        return torch.autocast(image.device.type, torch.bfloat16, enabled=self.config.bfloat16)

    def value_terms(self, image: Tensor) -> tuple[Features, Tensor]:
        """The heads' squared errors by layer, and all terms of values as they count."""
        phase = (self.step % 2, self.step // 2 % 2)
        student, config = self.student, self.config
        with self.autocast(image):
            lesson = self.teachers.lesson(image)
            targets, hints = thin(lesson.targets, phase), thin(lesson.hints, phase)
            features = thin(student.network(image, {*targets, *student.hints}), phase)
            errors = {
                layer: relative_error(
                    F.relu(head(answered(features[layer], targets[layer]))), target
                )
                for layer, target in targets.items()
                for head in [student.heads[layer]]
            }
            total = torch.stack(list(errors.values())).sum()
            for weight, heads, wanted in (
                (config.measures, student.measures, targets),
                (config.hints, student.hints, hints),
            ):
                for layer, head in heads.items() if weight else ():
                    here = head(answered(features[layer], wanted[layer]))
                    total = total + weight * relative_error(here, wanted[layer])
        return errors, total

    def gradient_term(self, pairs: Tensor) -> tuple[str, Tensor, Tensor]:
        """A layer, its cosines (B,) of the style gradients in the pairs, and our gradients.

        Which layer, and which of the two distances, depends on the seed and the step alone.
        """
        generator = torch.Generator().manual_seed((self.config.seed + 7919 * self.step) % 2**63)
        shares = torch.tensor(list(GRADIENT_SHARES.values()))
        layer = list(GRADIENT_SHARES)[int(torch.multinomial(shares, 1, generator=generator))]
        even = torch.rand((), generator=generator) < 0.5
        distance: DistanceName = "gram" if even else "covariance"
        with self.autocast(pairs):
            theirs = style_gradients(self.teachers.layer(layer), pairs, distance)
            ours = style_gradients(
                lambda image: self.student.network(image, [layer])[layer],
                pairs,
                distance,
                self.student.measure(layer),
                taught=True,
            )
        return layer, agreement(ours, theirs), ours.detach()

    def run(self) -> Iterator[DistillRecord]:
        """Train to the last step, yielding after each."""
        errors: dict[str, float] = {}
        cosines: dict[str, float] = {}
        while self.step < self.config.steps:
            rate = self.config.rate(self.step)
            self.step += 1
            for group in self.optimizer.param_groups:
                group["lr"] = rate * group["pace"]
            found, cosine = self.learn(self.crops.batch(self.step))
            follow(errors, {layer: math.sqrt(error) for layer, error in found.items()}, 0.98)
            follow(cosines, cosine, 0.95)
            yield DistillRecord(self.step, dict(errors), dict(cosines), rate)

    def learn(self, crops: Tensor) -> tuple[dict[str, float], dict[str, float]]:
        """One step: the squared errors and the cosine found before it, by layer."""
        with parametrize.cached():  # the weights are computed once for all that is asked of them
            return self.step_down(crops)

    def step_down(self, crops: Tensor) -> tuple[dict[str, float], dict[str, float]]:
        canvases = self.replay.draw(crops.shape[-1], self.step) if self.config.gradient else []
        images = torch.cat([crops, *(canvas.image[None] for canvas in canvases)])
        errors, total = self.value_terms(images.contiguous(memory_format=torch.channels_last))
        found: dict[str, float] = {}
        if canvases:
            pairs = torch.stack([x for canvas in canvases for x in (canvas.image, canvas.style)])
            pairs = pairs.contiguous(memory_format=torch.channels_last)
            layer, cosines, gradients = self.gradient_term(pairs)
            total = total + self.config.gradient * (1 - cosines).mean()
            found = {layer: float(cosines.detach().mean())}
            self.replay.move(canvases, gradients[::2])
        if not total.isfinite():
            raise OptimizationError(
                f"the training diverged at step {self.step}: lower the learning rate, and see "
                "whether the teachers answer to these pictures at all"
            )
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.student.parameters(), 1.0)
        self.optimizer.step()
        follow_weights(self.average, self.student, self.step, self.config.average)
        return {layer: error.item() for layer, error in errors.items()}, found

    def state_dict(self) -> dict[str, object]:
        return {
            "config": self.config.model_dump(mode="json"),
            "step": self.step,
            "student": self.student.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "replay": self.replay.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave; ValueError and its like if it is of something else.

        The step lengths are the config's, whatever the state says.
        """
        if not isinstance(state["step"], int) or state["step"] < 0:
            raise ValueError("the number of steps is none")
        self.student.load_state_dict(state["student"])
        self.average.load_state_dict(state["average"])
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict(
            {"state": state["optimizer"]["state"], "param_groups": groups}
        )
        self.check_state()
        self.replay.load_state_dict(state["replay"])
        self.step = state["step"]

    def check_state(self) -> None:
        """Raise ValueError for numbers that are not finite, or do not fit what they belong to."""
        check_adam(self.optimizer)
        tensors = [*self.student.parameters(), *self.average.parameters()]
        if not all(tensor.isfinite().all() for tensor in tensors):
            raise ValueError("there are numbers that are not finite")
