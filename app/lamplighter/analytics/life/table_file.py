"""A table of anyone's machines: columns of numbers or words with gaps, and which may be looked at.

A column that only numbers the rows teaches nothing, and one that is the answer in other words
teaches a model to cheat; both are left out by name.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.problems import fault

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MISSING: Final = frozenset({"", "na", "nan", "null", "none", "?", "n/a"})
YES: Final = frozenset({"1", "1.0", "true", "yes", "y", "t"})
NO: Final = frozenset({"0", "0.0", "false", "no", "n", "f"})
MOST_WORDS: Final = 60
"""different words of a column; more are no category"""
TELLS: Final = 0.98
"""share of a word's rows with a failure from which the word is the answer"""
FEWEST_TOLD: Final = 5
BEYOND: Final = 1e18
"""larger numbers are no measurement; twice multiplied they would leave what trees can hold"""
_COMMA: Final = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Table:
    """`columns` name -> words (n,), in the file's order."""

    name: str
    columns: dict[str, tuple[str, ...]]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))


def read(path: Path) -> Table:
    """A CSV with a header, zipped or not. Raises LamplighterError (U-831) in one line."""
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
    except FileNotFoundError:
        raise wrong(path, "there is no such file") from None
    except (OSError, EOFError, UnicodeDecodeError) as cause:
        raise wrong(path, f"it cannot be read as text ({type(cause).__name__})") from None
    first = text.partition("\n")[0]
    mark = max(",;\t", key=first.count)
    try:
        rows = [r for r in csv.reader(io.StringIO(text), delimiter=mark) if r]
    except csv.Error as cause:
        raise wrong(path, str(cause)) from None
    if len(rows) < 2:
        raise wrong(path, "it holds no rows")
    head = [h.strip() for h in rows[0]]
    if len(set(head)) < len(head):
        raise wrong(path, "two columns have one name")
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(head):
            raise wrong(path, f"line {number} has {len(row)} fields, the header has {len(head)}")
    columns = [tuple(v.strip() for v in c) for c in zip(*rows[1:], strict=True)]
    if mark != ",":
        columns = [_pointed(c) for c in columns]
    return Table(path.name, dict(zip(head, columns, strict=True)))


def _pointed(column: tuple[str, ...]) -> tuple[str, ...]:
    """Numbers with a decimal comma as numbers with a point; other columns as they are."""
    known = [w for w in column if w.lower() not in MISSING]
    commas = [w for w in known if "," in w]
    if not commas or not all(_COMMA.fullmatch(w) for w in commas):
        return column
    pointed = tuple(w.replace(",", ".") for w in column)
    return pointed if numeric(pointed) is not None else column


def wrong(path: Path, what: str) -> Exception:
    return fault("U-831", name=path.name, what=what)


def outcome(table: Table, target: str) -> Bools:
    """(n,) whether each row failed. Raises LamplighterError (U-831)."""
    words = [w.lower() for w in table.columns[target]]
    strange = sorted({w for w in words if w not in YES and w not in NO})
    if strange:
        what = f"{target} is '{strange[0]}' in a row, not yes or no (1/0, true/false)"
        raise fault("U-831", name=table.name, what=what)
    return np.array([w in YES for w in words])


def numeric(words: tuple[str, ...]) -> Floats | None:
    """(n,) numbers with NaN where missing or endless; None when a word is no number."""
    try:
        return _bounded([np.nan if w.lower() in MISSING else float(w) for w in words])
    except ValueError:
        return None


def _bounded(values: list[float]) -> Floats:
    found = np.array(values, float)
    return np.where(np.abs(found) <= BEYOND, found, np.nan)


@dataclass(frozen=True, slots=True)
class Inputs:
    """Which columns are looked at, learned from training rows, and what was left out and why."""

    numbers: tuple[str, ...]
    words: dict[str, tuple[str, ...]]
    """column -> its known words"""
    warnings: tuple[str, ...]

    def of(self, table: Table) -> tuple[Floats, Floats]:
        """(numbers (n, a), codes of words (n, b)); what was never seen is missing."""
        count = len(table)
        left = [_number_or_gap(table.columns[c]) for c in self.numbers]
        right = []
        for name, known in self.words.items():
            place = {w: float(p) for p, w in enumerate(known)}
            right.append(np.array([place.get(w, np.nan) for w in table.columns[name]]))
        return (
            np.column_stack(left) if left else np.zeros((count, 0)),
            np.column_stack(right) if right else np.zeros((count, 0)),
        )


def _number_or_gap(words: tuple[str, ...]) -> Floats:
    def one(word: str) -> float:
        try:
            return float(word)
        except ValueError:
            return float("nan")

    return _bounded([one(w) for w in words])


def choose(table: Table, failed: Bools, leave: frozenset[str]) -> Inputs:
    """The columns of training rows that may be looked at."""
    numbers: list[str] = []
    words: dict[str, tuple[str, ...]] = {}
    warnings: list[str] = []
    for name, column in table.columns.items():
        if name in leave:
            continue
        values = numeric(column)
        why = _left_out(column, values, failed)
        if why:
            warnings.append(f"{name} was left out: {why}")
        elif values is not None:
            numbers.append(name)
        else:
            words[name] = tuple(sorted({w for w in column if w.lower() not in MISSING}))
    return Inputs(tuple(sorted(numbers)), dict(sorted(words.items())), tuple(warnings))


def _left_out(column: tuple[str, ...], values: Floats | None, failed: Bools) -> str:
    known = [w for w in column if w.lower() not in MISSING]
    different = set(known)
    if len(different) < 2:
        return "it holds one value"
    if values is None:
        if len(different) > max(MOST_WORDS, 0.5 * len(known)):
            return "it names the rows"
        if len(different) > MOST_WORDS:
            return f"it holds {len(different)} different words"
    elif len(different) == len(column) and _counts_up(values):
        return "it numbers the rows"
    if len(different) <= MOST_WORDS and (told := _telling(column, failed)):
        return f"it is the answer: '{told}' always comes with a failure"
    if values is not None and _tells_all(values, failed):
        return "it is the answer: it alone parts all failures from the rest"
    return ""


def _counts_up(values: Floats) -> bool:
    whole = np.isfinite(values).all() and bool((values == np.round(values)).all())
    if not whole:
        return False
    steps = np.diff(np.sort(values))
    return bool(np.median(steps) <= 2.0)


def _telling(column: tuple[str, ...], failed: Bools) -> str:
    """A rare word of few that comes with failures alone, empty when there is none."""
    different = sorted(set(column))
    if len(different) > 3:
        return ""
    array = np.array(column)
    for word in different:
        mine = array == word
        if mine.sum() >= FEWEST_TOLD and failed[mine].mean() >= TELLS and failed.mean() < 0.9:
            return word
    return ""


def _tells_all(values: Floats, failed: Bools) -> bool:
    yes, no = values[failed & np.isfinite(values)], values[~failed & np.isfinite(values)]
    if yes.size < FEWEST_TOLD or not no.size:
        return False
    return bool(yes.min() > no.max() or yes.max() < no.min())
