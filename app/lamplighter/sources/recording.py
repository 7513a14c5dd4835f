"""Reads a recording (CSV) row by row: finds the separator, the time column and what is numeric."""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

from lamplighter.domain.problems import fault

_TIME_NAMES: Final = ("datetime", "timestamp", "time", "date", "date_time", "zeit")
_FORMATS: Final = (
    "%d/%m/%y %H",
    "%d/%m/%y %H:%M",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
)
_PROBE_ROWS: Final = 50
_MILLISECONDS_FROM: Final = 1e11


@dataclass(frozen=True, slots=True)
class Row:
    """One line: its time and (column, value) for each number in it; None where it is no number."""

    time_ms: int
    values: tuple[tuple[str, float | None], ...]


class Recording:
    """A CSV file (plain or .gz) with one time column and numeric columns.

    Raises I-507 when the file cannot be read and I-504 when it has no usable times or numbers.
    """

    def __init__(self, file: Path, *, columns: tuple[str, ...] = ()) -> None:
        self.file = file
        with _open(file) as text:
            head = text.read(64_000)
        lines = head.splitlines()
        if len(lines) < 2:
            raise fault("I-504", name=file.name, what="no rows")
        self._separator = max(";,\t", key=lines[0].count)
        rows = list(csv.reader(lines[: _PROBE_ROWS + 1], delimiter=self._separator))
        self._header: list[str] = [name.strip().lstrip("\ufeff") for name in rows[0]]
        probe = [row for row in rows[1:] if len(row) == len(self._header)]
        self._time: int = self._time_column(probe)
        self._numeric = [
            at
            for at, name in enumerate(self._header)
            if at != self._time
            and (not columns or name in columns)
            and any(_float(row[at]) is not None for row in probe)
        ]
        if not self._numeric:
            raise fault("I-504", name=file.name, what="no numeric columns")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the numeric columns."""
        return tuple(self._header[at] for at in self._numeric)

    def rows(self) -> Iterator[Row]:
        """All rows with a readable time, in the file's order; others are skipped."""
        with _open(self.file) as text:
            reader = csv.reader(text, delimiter=self._separator)
            next(reader, None)
            for cells in reader:
                if len(cells) != len(self._header):
                    continue
                time_ms = time_of(cells[self._time])
                if time_ms is not None:
                    yield Row(time_ms, tuple(self._cells(cells)))

    def _cells(self, cells: list[str]) -> Iterator[tuple[str, float | None]]:
        for at in self._numeric:
            if cells[at].strip():
                yield self._header[at], _float(cells[at])

    def _time_column(self, probe: list[list[str]]) -> int:
        named = [n for n, name in enumerate(self._header) if name.strip().lower() in _TIME_NAMES]
        order: list[int] = [*named, *range(len(self._header))]
        for at in order:
            if probe and all(time_of(row[at]) is not None for row in probe):
                return at
        raise fault("I-504", name=self.file.name, what="no column with times")


def time_of(text: str) -> int | None:
    """UTC ms of a time in one of the usual spellings; None when it is none."""
    text = text.strip()
    number = _float(text)
    if number is not None:
        if number < 1e8:
            return None
        return int(number if number > _MILLISECONDS_FROM else number * 1000)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        for pattern in _FORMATS:
            try:
                moment = datetime.strptime(text, pattern)
                break
            except ValueError:
                continue
        else:
            return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


def _float(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def _open(file: Path) -> TextIO:
    try:
        if file.suffix == ".gz":
            return io.TextIOWrapper(gzip.open(file, "rb"), "utf-8", "replace", newline="")
        return file.open(encoding="utf-8", errors="replace", newline="")
    except OSError as error:
        raise fault("I-507", name=file.name, what=error.strerror or "unreadable") from None
