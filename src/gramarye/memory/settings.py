"""The settings of the machine."""

from __future__ import annotations

import re
from typing import ClassVar, Literal, final

from pydantic import ByteSize, Field, field_validator

from gramarye.errors import did_you_mean
from gramarye.settings import Part
from gramarye.validation import AMOUNTS, listed, not_allowed

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
        """That a text is an amount and its unit.

        pydantic would drop what follows, and read 4,5GB as 4 bytes. A plain number is bytes, which
        nobody means by `--memory 10`.
        """
        if not isinstance(memory, str):
            return memory
        written = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", memory)
        if not written or (not written[2] and float(written[1]) < 1 << 20):
            raise not_allowed(AMOUNTS)
        return memory

    @field_validator("device")
    @classmethod
    def known(cls, device: str) -> str:
        """That there is such a kind of device; whether this machine has one is another question."""
        kind, colon, index = device.partition(":")
        if device == "auto" or (kind in DEVICES and (not colon or re.fullmatch("[0-9]+", index))):
            return device
        hint = did_you_mean(kind, DEVICES)
        raise not_allowed(f"auto, {listed(DEVICES)}, or cuda:1 for the second{hint}")
