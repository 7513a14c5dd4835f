"""What goes into tables that people open in a spreadsheet: nothing in them may run there."""

from __future__ import annotations

from typing import Final, TypeVar

Cell = TypeVar("Cell")
_RISKY: Final = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(cell: Cell) -> Cell | str:
    """Text that a spreadsheet would take for a formula, with an apostrophe in front."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_RISKY) else cell
