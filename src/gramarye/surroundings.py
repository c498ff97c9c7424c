"""The modes of PyTorch that a program around us may be in, kept out of what is computed here.

A host may run everything in inference mode, under autocast or with another default device. These
belong to a thread and can be set aside for a while. The default dtype belongs to the whole process,
threads that know nothing of us among them: it is never changed, and new tensors name their own.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor

from gramarye.devices import available_kinds

P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def plain_torch() -> Iterator[None]:
    """PyTorch in this thread as it is after import; afterwards as it was."""
    with ExitStack() as modes:
        modes.enter_context(torch.inference_mode(False))
        modes.enter_context(torch.enable_grad())
        for kind in available_kinds():
            if torch.is_autocast_enabled(kind):
                modes.enter_context(torch.autocast(kind, enabled=False))
        if torch.get_default_device() != torch.device("cpu"):
            modes.enter_context(torch.device("cpu"))
        yield


def undisturbed(generate: Callable[P, Iterator[T]]) -> Callable[P, Iterator[T]]:
    """The generator with all it does in `plain_torch`; what runs between its steps is not."""

    @wraps(generate)
    def steps(*args: P.args, **kwargs: P.kwargs) -> Generator[T, None, None]:
        found = generate(*args, **kwargs)
        try:
            while True:
                with plain_torch():
                    try:
                        item = next(found)
                    except StopIteration:
                        return
                yield item
                del item  # whoever takes it decides how long it is kept
        finally:
            if isinstance(found, Generator):
                found.close()

    return steps


def ordinary(tensor: Tensor) -> Tensor:
    """The tensor without a history; a copy, where it was made in inference mode.

    Such tensors can never take part in a gradient.
    """
    tensor = tensor.detach()
    return tensor.clone() if tensor.is_inference() else tensor
