"""A recording as text becomes times and numbers, with what had to be found out about it.

Separator, decimal sign, layout of the times and the mark of a missing value are found from the
file itself; what was found is told, so that a wrong guess can be seen.
"""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.analytics.forecasting.moments import Moments, clock_words, read_moments
from lamplighter.domain.problems import fault

Floats = npt.NDArray[np.float64]
MOST_ROWS: Final = 5_000_000
_SAMPLE: Final = 65_536
_COMMA: Final = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?\s*", re.ASCII)
_EMPTY: Final = frozenset({"", "na", "nan", "n/a", "null", "none", "-", "?"})


@dataclass(frozen=True, slots=True)
class Recording:
    """n rows of a file: their moments and its columns of numbers (n,), NaN where there is none."""

    moments: Moments
    columns: dict[str, Floats]
    time_columns: tuple[str, ...]
    separator: str
    decimal: str
    bad_times: int
    """rows left out because their time could not be read"""
    bad_values: int
    """cells of the target that are neither a number nor a usual word for a missing one"""


def read_recording(file: Path, time: str, target: str) -> Recording:
    """`time` may join several columns by `+` (day+hour). Raises LamplighterError (P-604)."""
    rows, head, separator = _rows(file)
    names = [name.strip() for name in head]
    wanted = [part.strip() for part in time.split("+")] if time not in names else [time]
    for column in (*wanted, target):
        if column not in names:
            raise _no_column(file, column, names)
    cells = list(zip(*rows, strict=True))
    by_name = {name: cells[at] for at, name in enumerate(names) if name}
    if len(wanted) == 1:
        beside = clock_words(by_name, wanted[0])
        wanted += [beside] if beside else []
    moments, bad = read_moments([by_name[name] for name in wanted])
    if bad.all():
        raise fault("P-604", name=file.name, what=f"no times in column {time}")
    decimal = _decimal(by_name[target])
    columns: dict[str, Floats] = {}
    for name, texts in by_name.items():
        if name in wanted:
            continue
        found = numbers(texts, decimal)
        if name == target or np.isfinite(found).sum() > 0.5 * len(found):
            columns[name] = found[~bad]
    values = columns[target]
    if not np.isfinite(values).any():
        raise fault("P-604", name=file.name, what=f"no numbers in column {target}")
    words = [c for c, ok in zip(by_name[target], np.isfinite(numbers(by_name[target], decimal)),
                                strict=True) if not ok]  # fmt: skip
    odd = sum(word.strip().lower() not in _EMPTY for word in words)
    kept = moments.only(~bad)
    return Recording(kept, columns, tuple(wanted), separator, decimal, int(bad.sum()), odd)


def numbers(cells: Sequence[str], decimal: str) -> Floats:
    """(n,) what the cells say; NaN where it is no finite number."""
    texts: Sequence[str] = cells
    if decimal == ",":
        texts = [c.replace(",", ".") for c in cells]
    found = np.fromiter((_number(t) for t in texts), np.float64, len(texts))
    found[~np.isfinite(found)] = np.nan
    return found


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _decimal(cells: Sequence[str]) -> str:
    sample = [c for c in islice(cells, 5_000) if c.strip()]
    commas = sum(_COMMA.fullmatch(c) is not None for c in sample)
    return "," if commas > 0.2 * len(sample) else "."


def _rows(file: Path) -> tuple[list[list[str]], list[str], str]:
    """(rows as wide as the head, head, separator)."""
    opener = gzip.open if file.suffix.lower() == ".gz" else open
    try:
        with opener(file, "rt", encoding="utf-8-sig", errors="replace", newline="") as text:
            sample = text.read(_SAMPLE)
            first = sample.split("\n", 1)[0]
            separator = max(";\t|,", key=first.count)
            text.seek(0)
            reader = csv.reader((line.replace("\0", "") for line in text), delimiter=separator)
            head = next(reader, [])
            rows = [row for row in islice(reader, MOST_ROWS) if any(c.strip() for c in row)]
    except (OSError, EOFError, csv.Error) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise fault("P-604", name=file.name, what=why) from None
    if not any(c.strip() for c in head):
        raise fault("P-604", name=file.name, what="it has no line of names")
    if not rows:
        raise fault("P-604", name=file.name, what="it has no rows")
    width = len(head)
    return [(row + [""] * width)[:width] for row in rows], head, separator


def _no_column(file: Path, column: str, names: Sequence[str]) -> Exception:
    if not all(name.isprintable() for name in names):
        return fault("P-604", name=file.name, what="it is no table of text")
    known = ", ".join(names[:12])
    return fault("P-604", name=file.name, what=f"it has no column {column}; it has {known}"[:300])
