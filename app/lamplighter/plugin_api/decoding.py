"""`decoders.toml`: where the values lie in a device's messages.

Checked with the plugin: kinds, units and states must be its own, and its examples must become what
stands beside them. It is what the author states of his devices; what a feed reads is written in the
feed's mapping.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lamplighter.plugin_api.manifest import Contract, Identifier, Line, Slug


class PointPath(Contract):
    """One value of a message."""

    path: Line
    """members from the message's root, separated by dots, e.g. `pressure.value`"""
    name: Line
    """name of the datastream within its source"""
    kind: Identifier
    unit: str = ""
    scale: float = 1.0
    offset: float = 0.0
    enum: dict[str, Line] = Field(default_factory=dict)
    """words for what the device sends as a number or code, e.g. `{"0" = "stopped"}`"""

    @model_validator(mode="after")
    def _number_or_word(self) -> PointPath:
        if self.enum and (self.scale != 1.0 or self.offset != 0.0):
            raise ValueError(f"{self.name}: a value with words has neither scale nor offset")
        return self


class Example(Contract):
    """A message of the device as it came, and what it becomes; tried when the plugin is checked."""

    topic: Line
    message: str
    """JSON text"""
    values: Annotated[dict[str, float | str], Field(min_length=1)]
    """name of the datastream -> number in the point's unit, or word"""


class Decoder(Contract):
    """One message layout."""

    id: Slug
    topic: Line
    """MQTT filter; `+` stands for one level"""
    source_level: Annotated[int, Field(ge=0)] = 0
    """which level of the topic names the source, counted from 0"""
    format: Literal["json"] = "json"
    time_path: str = ""
    """empty: the time of arrival is used and marked uncertain"""
    time_unit: Literal["ms", "s", "iso"] = "ms"
    point: Annotated[tuple[PointPath, ...], Field(min_length=1)]
    example: tuple[Example, ...] = ()

    @model_validator(mode="after")
    def _level_exists(self) -> Decoder:
        if self.source_level >= len(self.topic.split("/")):
            raise ValueError(f"decoder {self.id}: the topic has no level {self.source_level}")
        return self


class Decoders(Contract):
    """The content of `decoders.toml`."""

    decoder: tuple[Decoder, ...] = ()
