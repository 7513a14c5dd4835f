"""Cells of minimum, maximum, sum and count over growing steps, kept as data arrives."""

from __future__ import annotations

import sqlite3

from lamplighter.domain.observation import PointColumns


class Roller:
    """Used by the writer thread alone."""

    def __init__(self, connection: sqlite3.Connection, number: int) -> None:
        self._sql = connection

    def add(self, number: int, points: PointColumns) -> None:
        """Take the points of a stored batch."""

    @property
    def due(self) -> bool:
        return False

    def flush(self) -> None:
        """Write what is held."""
