"""Pools there and back, by hand where they take the largest of two by two."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gramarye.networks.borders import bordered_empty, fill_border, interior, padded
from gramarye.networks.features import Pool


def pooled(pool: nn.Module, x: Tensor) -> Tensor:
    """What a pool makes of x (B, C, H, W) in channels-last memory."""
    if not halves(pool):
        outputs: Tensor = pool(x)
        return outputs
    left, right = columns(x)
    above, below = rows(torch.maximum(left, right))
    return torch.maximum(above, below)


def unpooled(pool: nn.Module, inputs: Tensor, gradient: Tensor) -> Tensor:
    """The gradient in a pool's inputs, with a border of zeros.

    The pool is done again: that costs a hundredth of the pass, and keeping what it had picked
    would cost half as much memory as all activations.
    """
    if not halves(pool):
        with torch.enable_grad():
            leaf = inputs.detach().requires_grad_(True)
            outputs = pool(leaf)
        (result,) = torch.autograd.grad(
            outputs, leaf, gradient.contiguous(memory_format=torch.channels_last)
        )
        return padded(result, "zeros", result.dtype)
    left, right = (x.clone(memory_format=torch.channels_last) for x in columns(inputs))
    larger = torch.maximum(left, right)
    divide(gradient, *rows(larger))  # which is the gradient in itself from here on
    larger[:, :, gradient.shape[2] * 2 :] = 0
    divide(larger, left, right)
    bordered = bordered_empty(inputs, gradient.dtype)
    inner = interior(bordered)
    for target, part in zip(columns(inner), (left, right), strict=True):
        target.copy_(part)
    inner[..., gradient.shape[3] * 2 :] = 0
    fill_border(bordered, "zeros")
    return bordered


def divide(gradient: Tensor, first: Tensor, second: Tensor) -> None:
    """The way back of max(first, second): each gradient goes to the larger, of equals to the first.

    The gradients take the inputs' places. By subtraction and a ReLU's way back, which unlike
    comparisons are quick in every precision.
    """
    first -= second
    torch.ops.aten.threshold_backward.grad_input(gradient, first, -1e-38, grad_input=first)
    torch.sub(gradient, first, out=second)


def halves(pool: nn.Module) -> bool:
    """Whether it takes the largest of two by two, leaving out a last odd row or column."""
    assert isinstance(pool, Pool)
    shape = (pool.kind, pool.kernel, pool.stride, pool.padding, pool.ceil)
    return shape == ("max", 2, 2, 0, False)


def rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """Views of the even and the odd rows, without a last one that has no partner."""
    height = x.shape[2] // 2 * 2
    return x[:, :, 0:height:2], x[:, :, 1:height:2]


def columns(x: Tensor) -> tuple[Tensor, Tensor]:
    """Views of the even and the odd columns, without a last one that has no partner."""
    width = x.shape[3] // 2 * 2
    return x[..., 0:width:2], x[..., 1:width:2]
