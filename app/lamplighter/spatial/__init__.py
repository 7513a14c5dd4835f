"""Reads city models and networks into assets and geometry in one local metric frame."""

from __future__ import annotations

from lamplighter.spatial.reader import expand
from lamplighter.spatial.task import ImportAnswer, ImportOrder, take

__all__ = ["ImportAnswer", "ImportOrder", "expand", "take"]
