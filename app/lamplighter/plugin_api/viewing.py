"""`views.toml`: map layers, panels and key figures, declared from widgets the window knows."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lamplighter.plugin_api.catalogue import TypeName
from lamplighter.plugin_api.manifest import Contract, Identifier, Line, Slug


class Layer(Contract):
    """Assets on the map, drawn as points or lines and coloured by state."""

    id: Slug
    name: Line
    asset_types: Annotated[tuple[TypeName, ...], Field(min_length=1)]
    tint_by: Identifier | None = None
    """kind whose value sets the tint; none: only alarms show"""
    visible: bool = True


class Panel(Contract):
    """A panel made of one known widget."""

    id: Slug
    title: Line
    widget: Literal["trend", "table", "states", "histogram"]
    kinds: Annotated[tuple[Identifier, ...], Field(min_length=1)]


class Figure(Contract):
    """A key figure of the strip: one number over all datastreams of a kind."""

    id: Slug
    name: Line
    kind: Identifier
    reduce: Literal["mean", "min", "max", "sum", "count", "share"]
    state: str = ""
    """for `count` and `share`: how many are in this state"""
    unit: str = ""


class Views(Contract):
    """The content of `views.toml`."""

    layer: tuple[Layer, ...] = ()
    panel: tuple[Panel, ...] = ()
    figure: tuple[Figure, ...] = ()
