"""The rows of numbers that L-BFGS remembers, in memory or in a file, read block by block."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from gramarye.errors import OutputError

# Numbers in a block, all rows together. Smaller ones stay in a core's cache between two products
# with them and sum more exactly, but every block costs some calls on all threads: with a quarter of
# it a step takes 1.2 times as long. An accelerator wants few, large kernels.
CPU_BLOCK, ACCELERATOR_BLOCK = 1 << 22, 1 << 24
SHORTEST = 4096  # entries of one row in a block
PART = 1 << 24  # numbers in one tensor of a snapshot: 64 MiB of float32


@final
@dataclass(frozen=True)
class PairStorage:
    """Where L-BFGS keeps its pairs, and in which numbers."""

    bfloat16: bool = False  # else in the image's own precision
    folder: str | None = None  # of a temporary file; None is in memory


IN_MEMORY = PairStorage()


def spans(entries: int, block: int) -> list[tuple[int, int]]:
    """0 .. entries in pieces of at most `block`: (start, stop)."""
    return [(start, min(start + block, entries)) for start in range(0, entries, block)]


def block_size(device: torch.device) -> int:
    return CPU_BLOCK if device.type == "cpu" else ACCELERATOR_BLOCK


@final
class History:
    """`rows` rows as long as the flattened image, of which blocks of columns are read and written.

    A block's rows lie one after the other, so that reading the first rows of a block is one run of
    bytes. In bfloat16 what is read is rounded.
    """

    def __init__(self, image: Tensor, rows: int, storage: PairStorage = IN_MEMORY) -> None:
        self.rows, self.dtype, self.device = rows, image.dtype, image.device
        self.stored = torch.bfloat16 if storage.bfloat16 else image.dtype
        block = max(block_size(image.device) // rows // 64 * 64, SHORTEST)
        self.spans = spans(image.numel(), block)
        size = rows * image.numel()
        self.store: MemoryStore | FileStore = (
            MemoryStore(size, self.stored, image.device)
            if storage.folder is None
            else FileStore(size, self.stored, storage.folder)
        )
        self.scratch = torch.empty(0, dtype=self.dtype, device=self.device)

    def read(self, start: int, stop: int, rows: int) -> Tensor:
        """The first rows of a block (rows, stop - start), valid until the next is read."""
        length = stop - start
        block = self.store.read(start * self.rows, rows * length)
        if (block.dtype, block.device) != (self.dtype, self.device):
            if self.scratch.numel() < block.numel():
                self.scratch = torch.empty(self.rows * length, dtype=self.dtype, device=self.device)
            block = self.scratch[: block.numel()].copy_(block)
        return block.view(rows, length)

    def write(self, row: int, start: int, stop: int, values: Tensor) -> None:
        self.store.write(start * self.rows + row * (stop - start), values)

    def rounded(self, values: Tensor) -> Tensor:
        """The values as they would be read after being written."""
        return values if self.stored == self.dtype else values.to(self.stored).to(self.dtype)

    def parts(self) -> list[list[tuple[int, int]]]:
        """The blocks in groups that make one tensor of a snapshot each."""
        count = max(1, PART // (self.rows * self.spans[0][1]))
        return [self.spans[i : i + count] for i in range(0, len(self.spans), count)]

    def pack(self, part: list[tuple[int, int]], rows: int) -> Tensor:
        """A copy of the first rows of these blocks, flat, as stored."""
        entries = part[-1][1] - part[0][0]
        packed = torch.empty(rows * entries, dtype=self.stored)
        for target, (start, stop) in pieces(packed, part, rows):
            target.copy_(self.store.read(start * self.rows, rows * (stop - start)))
        return packed

    def unpack(self, packed: Tensor, part: list[tuple[int, int]], rows: int) -> None:
        """Write back what `pack` gave."""
        for source, (start, _stop) in pieces(packed, part, rows):
            self.store.write(start * self.rows, source)

    def close(self) -> None:
        self.store.close()


def pieces(
    packed: Tensor, part: list[tuple[int, int]], rows: int
) -> Iterator[tuple[Tensor, tuple[int, int]]]:
    """Each block's share of a packed tensor."""
    lengths = [rows * (stop - start) for start, stop in part]
    return zip(torch.split(packed, lengths), part, strict=True)


@final
class MemoryStore:
    """Numbers in memory on the image's device; the system gives the pages when they are written."""

    def __init__(self, size: int, dtype: torch.dtype, device: torch.device) -> None:
        self.numbers = torch.empty(size, dtype=dtype, device=device)

    def read(self, first: int, count: int) -> Tensor:
        """`count` numbers (count,), to be used before the next are read."""
        return self.numbers[first : first + count]

    def write(self, first: int, values: Tensor) -> None:
        self.numbers[first : first + values.numel()].copy_(values)

    def close(self) -> None:
        self.numbers = self.numbers.new_empty(0)


@final
class FileStore:
    """Numbers in a nameless file, which the system removes however the process ends.

    Plain reads and writes, no memory map: what the system caches of the file is not this process's
    memory.
    """

    def __init__(self, size: int, dtype: torch.dtype, folder: str) -> None:
        self.folder, self.dtype = folder, dtype
        self.bytes = size * dtype.itemsize
        self.buffer = torch.empty(0, dtype=dtype)
        try:
            free = shutil.disk_usage(folder).free
            if free < self.bytes:
                raise self.error(f"{free / 2**30:.1f} GiB are free")
            self.file = tempfile.TemporaryFile(dir=folder, prefix="gramarye-", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise self.error(error.strerror or str(error)) from error

    def read(self, first: int, count: int) -> Tensor:
        if self.buffer.numel() < count:
            self.buffer = torch.empty(count, dtype=self.dtype)
        values = self.buffer[:count]
        left = as_bytes(values)
        try:
            self.file.seek(first * self.dtype.itemsize)
            while left:
                done = self.file.readinto(left)
                if not done:
                    raise self.error("it ends too early")
                left = left[done:]
        except OSError as error:
            raise self.error(error.strerror or str(error)) from error
        return values

    def write(self, first: int, values: Tensor) -> None:
        left = as_bytes(values.to("cpu", self.dtype).contiguous())
        try:
            self.file.seek(first * self.dtype.itemsize)
            while left:
                left = left[self.file.write(left) :]  # a disk that fills up takes a part first
        except OSError as error:
            raise self.error(error.strerror or str(error)) from error

    def error(self, reason: str) -> OutputError:
        return OutputError(
            f"the optimizer's history of {self.bytes / 2**30:.1f} GiB cannot be kept in "
            f"{self.folder}: {reason}; make room there, name another folder, or remember less: "
            "a smaller history or one in bfloat16"
        )

    def close(self) -> None:
        self.file.close()


def as_bytes(values: Tensor) -> memoryview:
    """The memory of a contiguous tensor on the CPU."""
    numbers: Any = values.view(torch.uint8).numpy()
    return memoryview(numbers)
