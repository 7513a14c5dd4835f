"""Tables of public benchmarks: comma, semicolon or tab between, plain or gzip, one time column.

The time is the column that is named so, or the first. Decimal commas are read where no comma stands
between columns; rows are put in the order of their time.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from msgspec import Struct

from lamplighter.domain.problems import LamplighterError, fault

FORMATS: Final = ("%d/%m/%y %H", "%d/%m/%Y %H:%M", "%d/%m/%Y %H", "%m/%d/%Y %H:%M")
"""forms of time tried after ISO 8601; the first that fits the whole column is used"""
TIMES: Final = frozenset({"time", "timestamp", "datetime", "date", "date_time"})
LARGEST: Final = 1e100
"""beyond it a number is none"""
MOST_BYTES: Final = 2_000_000_000


class Table(Struct, frozen=True):
    """`time_ms` (n,), times without a zone taken as UTC; `values` (n, c), NaN = not a number;
    `names` of the c columns beside the time."""

    name: str
    time_name: str
    time_ms: np.ndarray
    names: tuple[str, ...]
    values: np.ndarray

    def column(self, name: str) -> np.ndarray | None:
        """(n,) the column of this name in any case, or None."""
        wanted = name.strip().lower()
        for place, known in enumerate(self.names):
            if known.lower() == wanted:
                found: np.ndarray = self.values[:, place]
                return found
        return None


def unreadable(name: str, what: str) -> LamplighterError:
    """The one line for a file that cannot be judged."""
    return fault("U-831", name=name, what=what)


def read(path: str | Path, name: str = "") -> Table:
    """The whole table. Raises LamplighterError (U-831) with the reason in one line."""
    path = Path(path)
    name = name or f"{path.parent.name}/{path.name}"
    rows = _rows(path, name)
    if len(rows) < 2:
        raise unreadable(name, "it has no rows" if rows else "it is empty")
    head = [cell.strip().lstrip("\ufeff") for cell in rows[0]]
    body = [row for row in rows[1:] if any(cell.strip() for cell in row)]
    if not body:
        raise unreadable(name, "it has no rows")
    for place, row in enumerate(body):
        if len(row) != len(head):
            raise unreadable(
                name, f"line {place + 2} has {len(row)} cells, the head has {len(head)}"
            )
    columns = list(zip(*body, strict=True))
    at = next((k for k, n in enumerate(head) if n.lower() in TIMES), 0)
    time_ms = _times(columns[at])
    if time_ms is None:
        raise unreadable(name, f"its column '{head[at]}' is no time")
    names = tuple(n for k, n in enumerate(head) if k != at)
    values = np.column_stack(
        [_numbers(c) for k, c in enumerate(columns) if k != at] or [np.zeros((len(body), 0))]
    )
    order = np.argsort(time_ms, kind="stable")
    return Table(name, head[at], time_ms[order], names, values[order])


def _rows(path: Path, name: str) -> list[list[str]]:
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            with gzip.open(io.BytesIO(data)) as packed:
                data = packed.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise unreadable(name, "there is no such file") from None
    except (OSError, EOFError) as error:
        raise unreadable(name, str(error) or type(error).__name__) from None
    if len(data) > MOST_BYTES:
        raise unreadable(name, "it would expand to more than 2 GB")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise unreadable(name, "it is not UTF-8 text") from None
    head = text.split("\n", 1)[0]
    between = max((";", ",", "\t"), key=head.count)
    try:
        return list(csv.reader(io.StringIO(text), delimiter=between))
    except csv.Error as error:
        raise unreadable(name, str(error)) from None


def _times(cells: Sequence[str]) -> np.ndarray | None:
    first = cells[0].strip()
    try:
        datetime.fromisoformat(first)
        return np.array([_ms(datetime.fromisoformat(c.strip())) for c in cells], np.int64)
    except ValueError:
        pass
    for form in FORMATS:
        try:
            found = [_ms(datetime.strptime(c.strip(), form)) for c in cells]
        except ValueError:
            continue
        return np.array(found, np.int64)
    return None


def _ms(at: datetime) -> int:
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def _numbers(cells: Sequence[str]) -> np.ndarray:
    try:
        found = np.array(cells, np.float64)
    except ValueError:
        found = np.array([_number(c) for c in cells], np.float64)
    return np.where(np.abs(found) < LARGEST, found, np.nan)


def _number(cell: str) -> float:
    try:
        return float(cell.replace(",", "."))
    except ValueError:
        return float("nan")
