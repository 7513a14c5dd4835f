"""What every message is."""

from __future__ import annotations

from msgspec import Struct


class Message(Struct, frozen=True, tag=True):
    """Base: the class name is the tag on the wire."""
