"""Training a narrow VGG-19 to see as the wide one does (knowledge distillation).

The student has VGG-19's topology and layer names at a fraction of the channels. A linear 1x1 head
and a ReLU per layer predict the teacher's activations; the loss is the squared error relative to
the squared target, summed over the layers. Afterwards the heads are folded into small symmetric
matrices, so that Gram distances of the narrow features are distances in the teacher's feature space
(`distillation.folding`).
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from gramarye.distillation.crops import CropSampler
from gramarye.distillation.settings import TARGETS, DistillConfig
from gramarye.distillation.teachers import Teachers
from gramarye.errors import OptimizationError
from gramarye.matrices import symmetric_power
from gramarye.networks.vgg import narrow_vgg

Features = dict[str, Tensor]


class Whitened(nn.Module):
    """A first layer's weights as a linear map of whitened 3x3 patches.

    Neighboring pixels are nearly equal, so an edge filter needs weights many times those of a color
    filter, and a common step length suits neither. Learned against whitened patches, all have one
    size; the product is an ordinary convolution.
    """

    whitening: Tensor

    def __init__(self, patches: Tensor, floor: float = 1e-3) -> None:
        super().__init__()
        centered = patches - patches.mean(0)  # (N, 27)
        covariance = centered.mT @ centered / len(patches)
        covariance = covariance + floor * torch.eye(27)
        self.register_buffer("whitening", symmetric_power(covariance, -0.5))

    def forward(self, weight: Tensor) -> Tensor:
        return (weight.flatten(1) @ self.whitening).view_as(weight)


class Student(nn.Module):
    """The narrow network with the heads it is trained through."""

    def __init__(self, config: DistillConfig, widths: dict[str, int]) -> None:
        super().__init__()
        self.network = narrow_vgg("student", config.blocks, config.padding, config.pooling)
        self.heads = nn.ModuleDict(
            {
                layer: nn.Conv2d(self.network.geometry(layer).channels, width, 1)
                for layer, width in widths.items()
            }
        )

    def whiten(self, images: Tensor) -> None:
        """Learn the first layer against whitened patches of such images."""
        patches = F.unfold(self.network.normalize(images), 3).transpose(1, 2).reshape(-1, 27)
        first = self.network.body["conv1_1"]
        parametrize.register_parametrization(first, "weight", Whitened(patches), unsafe=True)

    def reset(self, seed: int) -> None:
        """Draw all weights anew (He et al., 2015), from a generator of their own."""
        generator = torch.Generator().manual_seed(seed)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                gain = math.sqrt(2 / (module.in_channels * math.prod(module.kernel_size)))
                weight = torch.randn(module.weight.shape, generator=generator)
                module.weight.data.copy_(gain * weight)
                assert module.bias is not None
                module.bias.data.zero_()

    def groups(self) -> list[dict[str, object]]:
        """The parameters by pace: the first blocks have the longest way to go in each weight."""
        paces: dict[float, list[nn.Parameter]] = {1.0: [], 2.0: [], 4.0: []}
        for name, parameter in self.named_parameters():
            block = int(re.findall(r"(?:conv|relu)(\d)", name)[0])
            paces[{1: 4.0, 2: 2.0}.get(block, 1.0)].append(parameter)
        return [{"params": parameters, "pace": pace} for pace, parameters in paces.items()]

    def forward(self, image: Tensor, phase: tuple[int, int] = (0, 0)) -> Features:
        features = thin(self.network(image, TARGETS), phase)
        return {layer: F.relu(head(features[layer])) for layer, head in self.heads.items()}


def thin(features: Features, phase: tuple[int, int]) -> Features:
    """Every second row and column of relu1_1, from `phase` on; the other layers whole.

    At full resolution, head and error of relu1_1 cost as much as the whole student; a quarter of
    its positions, another quarter each step, teaches as well.
    """
    y, x = phase
    return features | {"relu1_1": features["relu1_1"][:, :, y::2, x::2]}


def relative_error(prediction: Tensor, target: Tensor) -> Tensor:
    """||prediction - target||^2 / ||target||^2 of features (B, C, h, w), in float32."""
    target = target.float()
    return (prediction.float() - target).square().sum() / target.square().sum()


@dataclass(frozen=True)
class DistillRecord:
    """One step of training: the relative squared error per layer, averaged over recent steps."""

    step: int
    errors: dict[str, float]
    learning_rate: float


class Training:
    """The state of a run: student, averaged student, optimizer, crops, step.

    Iterating `run` trains; `state_dict` and `load_state_dict` make it resumable to the bit (the
    crops of a step depend on the seed and the step alone).
    """

    def __init__(self, config: DistillConfig, teachers: Teachers, crops: CropSampler) -> None:
        self.config, self.teachers, self.crops = config, teachers, crops
        with torch.no_grad():
            probe = teachers(torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
        self.widths = {layer: target.shape[1] for layer, target in probe.items()}
        self.student = Student(config, self.widths).requires_grad_(True)
        self.student.reset(config.seed)
        self.student.whiten(crops.batch(0))
        self.student.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.student).requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            self.student.groups(), betas=(0.9, 0.99), weight_decay=config.weight_decay
        )
        self.step = 0

    def batch_errors(self, image: Tensor) -> Features:
        """The loss terms of one batch of crops."""
        with torch.autocast(image.device.type, torch.bfloat16, enabled=self.config.bfloat16):
            phase = (self.step % 2, self.step // 2 % 2)
            targets = thin(self.teachers(image), phase)
            predictions = self.student(image, phase)
        return {layer: relative_error(predictions[layer], targets[layer]) for layer in targets}

    def run(self) -> Iterator[DistillRecord]:
        """Train to the last step, yielding after each."""
        smooth: dict[str, float] = {}
        while self.step < self.config.steps:
            rate = self.config.rate(self.step)
            self.step += 1
            for group in self.optimizer.param_groups:
                group["lr"] = rate * group["pace"]
            errors = self.batch_errors(self.crops.batch(self.step))
            self.optimizer.zero_grad(set_to_none=True)
            total = torch.stack(list(errors.values())).sum()
            if not total.isfinite():
                raise OptimizationError(
                    f"the training diverged at step {self.step}: lower the learning rate, and see "
                    "whether the teachers answer to these pictures at all"
                )
            total.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.student.parameters(), 1.0)
            self.optimizer.step()
            self.update_average()
            for layer, error in errors.items():
                value = math.sqrt(error.item())
                smooth[layer] = 0.98 * smooth.get(layer, value) + 0.02 * value
            yield DistillRecord(self.step, dict(smooth), rate)

    @torch.no_grad()
    def update_average(self) -> None:
        # Early on the average must forget the random start: its memory grows with the steps.
        decay = min(self.config.average, (1 + self.step) / (10 + self.step))
        for mean, weight in zip(self.average.parameters(), self.student.parameters(), strict=True):
            mean.lerp_(weight, 1 - decay)

    def state_dict(self) -> dict[str, object]:
        return {
            "config": self.config.model_dump(mode="json"),
            "step": self.step,
            "student": self.student.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
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
        self.step = state["step"]

    def check_state(self) -> None:
        """Raise ValueError for numbers that are not finite, or do not fit what they belong to."""
        tensors = [*self.student.parameters(), *self.average.parameters()]
        for parameter, moments in self.optimizer.state.items():
            if set(moments) != {"step", "exp_avg", "exp_avg_sq"} or moments["step"].numel() != 1:
                raise ValueError("the optimizer's state is of another kind")
            for name in ("exp_avg", "exp_avg_sq"):
                if moments[name].shape != parameter.shape:
                    raise ValueError("the optimizer's state is of another network")
                tensors.append(moments[name])
        if not all(tensor.isfinite().all() for tensor in tensors):
            raise ValueError("there are numbers that are not finite")
