"""Run-to-failure text: unit, cycle, three settings, then any sensors; blanks between, no header.

The format that NASA's turbofan sets are published in, zipped or not; commas, semicolons or tabs
between and a line of names are read as well. What cannot be read is said in one line with its
place.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.problems import fault

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SETTINGS: Final = 3
FEWEST_COLUMNS: Final = 2 + SETTINGS + 1
SEPARATORS: Final = (";", ",", "\t")
BEYOND: Final = 1e18
"""larger numbers, and endless ones, are no measurement"""
MISSING: Final = frozenset({"", "na", "n/a", "null", "none", "?"})


@dataclass(frozen=True, slots=True)
class Lives:
    """Units in the order they first appear, each unit's rows by cycle, without a gap between units.

    `unit` (u,) as written; `begin`, `length` (u,); `cycle` (n,); `settings` (n, 3);
    `sensors` (n, s), NaN = not measured.
    """

    unit: Floats
    begin: Ints
    length: Ints
    cycle: Floats
    settings: Floats
    sensors: Floats

    @property
    def last(self) -> Ints:
        """(u,) each unit's last row."""
        return self.begin + self.length - 1

    @property
    def of_row(self) -> Ints:
        """(n,) place of each row's unit."""
        return np.repeat(np.arange(len(self.length)), self.length)

    def remaining(self) -> Floats:
        """(n,) cycles until the unit's last row: true remaining life where units ran to failure."""
        result: Floats = self.cycle[self.last][self.of_row] - self.cycle
        return result

    def chosen(self, units: Ints) -> Lives:
        """These units alone, in this order."""
        rows = np.concatenate(
            [np.arange(self.begin[u], self.begin[u] + self.length[u]) for u in units]
            or [np.zeros(0, np.int64)]
        )
        length = self.length[units]
        begin = np.cumsum(length) - length
        return Lives(
            self.unit[units],
            begin,
            length,
            self.cycle[rows],
            self.settings[rows],
            self.sensors[rows],
        )


def arrange(table: Floats) -> Lives:
    """Rows (n, 2 + 3 + s) in any order as lives."""
    unit, first = np.unique(table[:, 0], return_index=True)
    order = np.argsort(first, kind="stable")
    place = np.empty(len(unit), np.int64)
    place[order] = np.arange(len(unit))
    of_row = place[np.searchsorted(unit, table[:, 0])]
    rank = np.lexsort((table[:, 1], of_row))
    length = np.bincount(of_row, minlength=len(unit)).astype(np.int64)
    rows = table[rank]
    edge = 2 + SETTINGS
    return Lives(
        unit[order], np.cumsum(length) - length, length, rows[:, 1], rows[:, 2:edge], rows[:, edge:]
    )


def read(path: Path) -> Lives:
    """The lives of a file. Raises LamplighterError (U-831) that says in one line what is wrong."""
    table = numbers(path)
    if table.shape[1] < FEWEST_COLUMNS:
        raise _wrong(path, f"{table.shape[1]} columns, at least {FEWEST_COLUMNS} are needed")
    if not np.isfinite(table[:, :2]).all():
        raise _wrong(path, "a unit or a cycle is not a number")
    table[:, 2:] = np.where(np.abs(table[:, 2:]) <= BEYOND, table[:, 2:], np.nan)
    pairs = np.unique(table[:, :2], axis=0)
    if len(pairs) < len(table):
        raise _wrong(path, f"{len(table) - len(pairs)} rows repeat a unit's cycle")
    return arrange(table)


def numbers(path: Path) -> Floats:
    """All numbers of a text file, one row a line; `nan` or an empty field is not measured."""
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
    except FileNotFoundError:
        raise _wrong(path, "there is no such file") from None
    except (OSError, EOFError, UnicodeDecodeError) as cause:
        raise _wrong(path, f"it cannot be read as text ({type(cause).__name__})") from None
    rows = [(number, words) for number, words in enumerate(_fields(text), 1) if words]
    if rows and not any(_is_number(word) for word in rows[0][1]):
        rows = rows[1:]  # a line of names
    if not rows:
        raise _wrong(path, "it is empty")
    width = len(rows[0][1])
    for number, words in rows:
        if len(words) != width:
            raise _wrong(path, f"line {number} has {len(words)} columns, the first has {width}")
    try:
        return np.array([words for _, words in rows], dtype=float)
    except ValueError:
        number, word = next((n, w) for n, words in rows for w in words if not _is_number(w))
        raise _wrong(path, f"line {number} holds '{word[:40]}', which is no number") from None


def _fields(text: str) -> list[list[str]]:
    """The words of every line; what parts them is read off the first line that has any."""
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    mark = max(SEPARATORS, key=first.count)
    if not first.count(mark) or (mark == "\t" and "\t" not in first.strip()):
        return [line.split() for line in lines]
    return [[_known(word) for word in line.split(mark)] if line.strip() else [] for line in lines]


def _known(word: str) -> str:
    word = word.strip().strip('"')
    return "nan" if word.lower() in MISSING else word


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def truth(path: Path, units: int) -> Floats:
    """(u,) true remaining life, one line a unit, in the order of the units in the test file."""
    table = numbers(path)
    if table.shape[1] != 1 or len(table) != units:
        raise _wrong(path, f"{len(table)} lines, the test file has {units} units")
    if not np.isfinite(table).all() or (table < 0).any():
        raise _wrong(path, "a remaining life is negative or no number")
    result: Floats = table[:, 0]
    return result


def _wrong(path: Path, what: str) -> Exception:
    return fault("U-831", name=path.name, what=what)
