"""Layers of the plugins: which of them run, and why one does not."""

from __future__ import annotations

from lamplighter.domain.problems import Problem
from lamplighter.domain.wire.message import Message


class LayerState(Message, frozen=True):
    """A plugin's layer: running | greyed | off. Also an event, whenever one changes."""

    plugin: str
    state: str
    why: str = ""
    problem: Problem | None = None
    """the fault behind it, where there is one"""


class GetLayers(Message, frozen=True):
    pass


class Layers(Message, frozen=True):
    items: tuple[LayerState, ...]


Request = GetLayers
Reply = Layers
Event = LayerState
