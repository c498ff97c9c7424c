"""The settings of the perceptual network."""

from __future__ import annotations

from typing import ClassVar, Literal, final

from pydantic import Field, field_validator

from gramarye.networks.catalog import find_network
from gramarye.settings import Part, as_text


@final
class NetworkSettings(Part):
    """Which network defines the losses, and how it pools and pads."""

    title: ClassVar[str] = "the network"

    name: str = Field("vgg19-lite", alias="network", description="network that defines the losses")
    weights: str | None = Field(None, description="file of the network's weights")
    pooling: Literal["default", "max", "avg", "l2"] = Field(
        "default", description="pooling inside the network"
    )
    padding: Literal["default", "zeros", "reflect", "replicate"] = Field(
        "default", description="what a convolution sees beyond the border"
    )
    normalize_weights: bool = Field(
        False, description="rescale the network to a mean activation of 1 (Gatys 2015)"
    )

    _path = field_validator("weights", mode="before")(as_text)

    @field_validator("name")
    @classmethod
    def known(cls, name: str) -> str:
        find_network(name)
        return name
