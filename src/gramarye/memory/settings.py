"""The settings of the machine."""

from __future__ import annotations

import re
from typing import ClassVar, Literal, final

from pydantic import ByteSize, Field, field_validator

from gramarye.settings import Part

DEVICES = ("cpu", "cuda", "mps", "xpu")


@final
class MachineSettings(Part):
    """What the run computes on, in which numbers, and how much memory it may take."""

    title: ClassVar[str] = "the machine"

    device: str = Field("auto", description="cpu, cuda, mps, xpu or auto; cuda:1 is the second")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="numbers the network computes with: bfloat16 is twice as fast where the "
        "processor has it, which auto finds out",
    )
    memory: ByteSize | None = Field(
        None,
        gt=0,
        lt=1 << 62,
        description="most memory to take, such as 4GiB (default: most of what is free)",
    )

    @field_validator("memory", mode="before")
    @classmethod
    def amount(cls, memory: object) -> object:
        """That nothing follows the amount: pydantic would drop it, and read 4,5GB as 4 bytes."""
        if isinstance(memory, str) and not re.fullmatch(r"\s*\d+(\.\d+)?\s*[a-zA-Z]*\s*", memory):
            raise ValueError("that is no amount: write 4GiB, 1.5GB or 800MiB")
        return memory

    @field_validator("device")
    @classmethod
    def known(cls, device: str) -> str:
        """That there is such a kind of device; whether this machine has one is another question."""
        kind, colon, index = device.partition(":")
        if device == "auto" or (kind in DEVICES and (not colon or re.fullmatch("[0-9]+", index))):
            return device
        raise ValueError(f"there are {', '.join(DEVICES)} (cuda:0, cuda:1 ...) and auto")
