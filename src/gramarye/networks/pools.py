"""Pools there and back, by hand where they take the largest of two by two."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gramarye.networks.borders import bordered_empty, fill_border, interior, padded
from gramarye.networks.features import Pool

CHUNK = 1 << 18  # numbers on their way back at a time: enough for all threads, few for the cache
RUN = 64  # bytes from one column to the next that PyTorch writes as quickly as whole rows


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
    bordered = bordered_empty(inputs, gradient.dtype)
    inner = interior(bordered)
    height, width = inputs.shape[2] // 2 * 2, inputs.shape[3] // 2 * 2
    # A few rows at a time, whose tensors stay in a cache.
    step = max(2, CHUNK // (inputs.shape[1] * inputs.shape[3]) // 2 * 2)
    for top in range(0, height, step):
        bottom = min(top + step, height)
        into, part = inner[:, :, top:bottom], gradient[:, :, top // 2 : bottom // 2]
        unpool_rows(inputs[:, :, top:bottom], part, into)
    inner[:, :, height:] = 0
    inner[..., width:] = 0
    fill_border(bordered, "zeros")
    return bordered


def unpool_rows(inputs: Tensor, gradient: Tensor, into: Tensor) -> None:
    """The gradient in a pool's inputs, an even number of rows and all channels of them.

    Each gradient goes to the larger of two, of equals to the first: first of the rows, then of the
    columns. By subtraction and a ReLU's way back, which unlike comparisons are quick in every
    precision.
    """
    left, right = columns(inputs)
    larger = torch.maximum(left, right)
    above, below = rows(larger)
    above -= below
    first_of_two(gradient, above, above)
    torch.sub(gradient, above, out=below)  # `larger` now holds its own gradient
    first, second = columns(into)
    difference = left - right
    if inputs.shape[1] * inputs.element_size() >= RUN:
        first_of_two(larger, difference, first)
        torch.sub(larger, first, out=second)
    else:
        first_of_two(larger, difference, difference)
        larger -= difference
        first.copy_(difference)
        second.copy_(larger)


def first_of_two(gradient: Tensor, difference: Tensor, into: Tensor) -> None:
    """The gradient where the first is not the smaller, else zero."""
    torch.ops.aten.threshold_backward.grad_input(gradient, difference, -1e-38, grad_input=into)


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
