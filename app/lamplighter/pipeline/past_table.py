"""Rows of a table of the past become named points; what cannot be read is set aside, with its line.

Conservation, in points: cells that are empty are no points; every other one is stored or set aside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from lamplighter.domain.exchange import NamedStream, ReceivedPoints
from lamplighter.domain.problems import fault, problem
from lamplighter.domain.quality import WORDS, Quality, QualityMark
from lamplighter.pipeline.past_columns import Floats, Longs, Mask, conversion, numbers, times
from lamplighter.pipeline.past_mapping import PastMapping, PastStream, PastTime

HISTORICAL: Final = int(QualityMark.HISTORICAL)
SHOWN: Final = 500
Row = Sequence[str]


@dataclass(frozen=True, slots=True)
class Aside:
    """Something of the table that is no observation."""

    line: int
    why: str
    text: str
    code: str = "I-521"


@dataclass(slots=True)
class PastPoints:
    """Points of one piece with the names they need. `points.message` is 0 throughout."""

    streams: tuple[NamedStream, ...]
    words: tuple[str, ...]
    points: ReceivedPoints
    aside: list[Aside] = field(default_factory=list)
    empty: int = 0
    uncertain: int = 0
    """points whose local time happens twice or never"""


@dataclass(frozen=True, slots=True)
class _Meant:
    """What a tag or column of the file stands for."""

    stream: NamedStream
    scale: float
    offset: float


class PastTable:
    """One table and its mapping. `units`: (source, datastream) -> unit the project has for it.

    Raises LamplighterError (U-801) when a column that the mapping names is not there.
    """

    def __init__(
        self,
        mapping: PastMapping,
        columns: Sequence[str],
        units: Mapping[tuple[str, str], str],
    ) -> None:
        assert mapping.time is not None
        self._mapping = mapping
        self._columns = list(columns)
        self._units = units
        self._time: PastTime = mapping.time
        named_times = mapping.time.columns or (mapping.time.column,)
        self._time_at = [self._at(c) for c in named_times]
        self._meant: dict[tuple[str, str, str], _Meant | str] = {}
        long = mapping.long
        if long is not None:
            self._tag_at = self._at(long.datastream)
            self._value_at = self._at(long.value)
            self._source_at = self._at(long.source) if long.source else -1
            self._quality_at = self._at(long.quality) if long.quality else -1
            self._unit_at = self._at(long.unit) if long.unit else -1
            self.points_per_row = 1
        else:
            named = mapping.wide.columns if mapping.wide is not None else ()
            chosen = named or tuple(c for i, c in enumerate(columns) if i not in self._time_at)
            self._wide = [(c, self._at(c)) for c in chosen if c]
            self.points_per_row = max(len(self._wide), 1)
            for name, _ in self._wide:
                found = self._meaning(name, "", "")
                if isinstance(found, str):
                    raise fault("U-801", what=found, name="import")

    def _at(self, column: str) -> int:
        try:
            return self._columns.index(column)
        except ValueError:
            have = ", ".join(self._columns[:8])
            what = f"the file has no column {column} (it has {have})"
            raise fault("U-801", what=what, name="import") from None

    def read(self, rows: Sequence[Row], lines: Sequence[int]) -> PastPoints:
        """The points of some rows, in their order."""
        if self._mapping.long is not None:
            return self._long_rows(rows, lines)
        return self._wide_rows(rows, lines)

    def _times(self, cells: Sequence[Sequence[str]]) -> Sequence[str]:
        if len(self._time_at) == 1:
            return cells[self._time_at[0]]
        parts = [cells[at] for at in self._time_at]
        return [" ".join(each) for each in zip(*parts, strict=True)]

    # ------------------------------------------------------------ what a tag means
    def _meaning(self, tag: str, source: str, unit: str) -> _Meant | str:
        """The meaning, or why there is none."""
        key = (tag, source, unit)
        found = self._meant.get(key)
        if found is None:
            found = self._meant[key] = self._find(tag, source, unit)
        return found

    def _find(self, tag: str, source: str, unit: str) -> _Meant | str:
        entry = self._mapping.datastreams.get(tag, PastStream())
        name = entry.datastream or tag
        source = entry.source or source or self._mapping.source
        if not name or not source:
            return "it names no datastream or no source"
        if "\ufffd" in name + source or "\0" in name + source or len(name) > 256:
            return "its datastream has no usable name"
        unit = entry.unit or unit
        known = self._units.get((source, name), "")
        to = entry.to or known or unit
        try:
            scale, offset = conversion(unit, to)
        except ValueError as error:
            return str(error)
        stream = NamedStream(source, name, entry.text, to)
        return _Meant(stream, entry.scale * scale, entry.offset * scale + offset)

    # ------------------------------------------------------------ long tables
    def _long_rows(self, rows: Sequence[Row], lines: Sequence[int]) -> PastPoints:
        cells = list(zip(*rows, strict=True)) if rows else [()] * len(self._columns)
        tags = cells[self._tag_at]
        sources = cells[self._source_at] if self._source_at >= 0 else ("",) * len(rows)
        units = cells[self._unit_at] if self._unit_at >= 0 else ("",) * len(rows)
        meant: dict[tuple[str, str, str], int] = {}
        which = np.fromiter(
            (meant.setdefault(k, len(meant)) for k in zip(tags, sources, units, strict=True)),
            np.int32,
            len(rows),
        )
        found = [self._meaning(*key) for key in meant]
        time_ms, no_time, unsure = times(self._times(cells), self._time.format, self._time.zone)
        raw = cells[self._value_at]
        value, no_number = numbers(raw, self._mapping.decimal)
        empty = np.fromiter((not c.strip() for c in raw), bool, len(rows))
        quality = self._qualities(cells, len(rows))
        return self._assemble(
            rows, lines, found, which, time_ms, value, quality,
            np.arange(len(rows)), np.arange(len(rows), dtype=np.int32),
            no_time, no_number, empty, unsure, raw,
        )  # fmt: skip

    def _qualities(self, cells: Sequence[Sequence[str]], count: int) -> np.ndarray:
        if self._quality_at < 0:
            return np.zeros(count, np.uint8)
        words = {w: int(WORDS[q]) for w, q in self._mapping.quality.items()}
        for word, number in WORDS.items():
            words.setdefault(word, int(number))
        words.setdefault("", int(Quality.GOOD))
        unknown = int(Quality.UNCERTAIN)
        return np.fromiter(
            (words.get(c, unknown) for c in cells[self._quality_at]), np.uint8, count
        )

    # ------------------------------------------------------------ wide tables
    def _wide_rows(self, rows: Sequence[Row], lines: Sequence[int]) -> PastPoints:
        count, width = len(rows), len(self._wide)
        cells = list(zip(*rows, strict=True)) if rows else [()] * len(self._columns)
        time_ms, no_time, unsure = times(self._times(cells), self._time.format, self._time.zone)
        value = np.empty((count, width))
        no_number = np.empty((count, width), bool)
        empty = np.empty((count, width), bool)
        for at, (_, column) in enumerate(self._wide):
            raw = cells[column]
            value[:, at], no_number[:, at] = numbers(raw, self._mapping.decimal)
            wrong = no_number[:, at]
            empty[:, at] = False
            for row in np.flatnonzero(wrong).tolist():
                empty[row, at] = not raw[row].strip()
        texts = _WideTexts(rows, [c for _, c in self._wide])
        found = [self._meaning(name, "", "") for name, _ in self._wide]
        owner = np.repeat(np.arange(count), width)
        which = np.tile(np.arange(width, dtype=np.int32), count)
        return self._assemble(
            rows, lines, found, which, time_ms[owner], value.reshape(-1),
            np.zeros(count * width, np.uint8), owner,
            np.arange(count * width, dtype=np.int32), no_time[owner], no_number.reshape(-1),
            empty.reshape(-1), unsure[owner], texts,
        )  # fmt: skip

    # ------------------------------------------------------------ both
    def _assemble(
        self,
        rows: Sequence[Row],
        lines: Sequence[int],
        found: Sequence[_Meant | str],
        which: np.ndarray,
        time_ms: Longs,
        value: Floats,
        quality: np.ndarray,
        owner: np.ndarray,
        place: np.ndarray,
        no_time: Mask,
        no_number: Mask,
        empty: Mask,
        unsure: Mask,
        raw: Sequence[str],
    ) -> PastPoints:
        """Points and what is set aside. `owner`: the row of each point."""
        meant = [m for m in found if isinstance(m, _Meant)]
        place_of = {id(m): i for i, m in enumerate(meant)}
        index = np.array(
            [place_of[id(m)] if isinstance(m, _Meant) else -1 for m in found], np.int32
        )
        textual = np.array([isinstance(m, _Meant) and m.stream.text for m in found], bool)
        scale = np.array([m.scale if isinstance(m, _Meant) else 1.0 for m in found])
        offset = np.array([m.offset if isinstance(m, _Meant) else 0.0 for m in found])
        is_text = textual[which] if len(found) else np.zeros(len(which), bool)
        nameless = (index[which] < 0) if len(found) else np.zeros(len(which), bool)
        bad = (no_time | nameless | (no_number & ~is_text)) & ~empty
        good = ~bad & ~empty
        chosen = np.flatnonzero(good)
        shown = which[chosen]
        final = value[chosen] * scale[shown] + offset[shown] if len(chosen) else value[chosen]
        words: dict[str, int] = {}
        for at in np.flatnonzero(is_text[chosen]).tolist():
            final[at] = words.setdefault(raw[int(chosen[at])].strip(), len(words))
        marks = np.where(unsure[chosen], int(QualityMark.TIME_UNCERTAIN), 0) | HISTORICAL
        aside = [
            self._aside(rows[int(owner[at])], lines[int(owner[at])], raw[int(at)],
                        bool(no_time[at]), found[int(which[at])])
            for at in np.flatnonzero(bad).tolist()
        ]  # fmt: skip
        points = ReceivedPoints(
            index[shown].astype(np.int32) if len(chosen) else np.empty(0, np.int32),
            time_ms[chosen],
            final,
            (quality[chosen] | marks).astype(np.uint8),
            np.zeros(len(chosen), np.int32),
            place[chosen],
        )
        return PastPoints(
            tuple(m.stream for m in meant),
            tuple(words),
            points,
            aside,
            int(empty.sum()),
            int(unsure[chosen].sum()),
        )

    def _aside(self, row: Row, line: int, cell: str, no_time: bool, meant: _Meant | str) -> Aside:
        text = (self._mapping.delimiter or ";").join(row)[:SHOWN]
        if no_time:
            said = " ".join(row[at] for at in self._time_at)
            why = f"'{said[:40]}' is no time"
        elif isinstance(meant, str):
            why = meant
        else:
            why = f"'{cell[:40]}' is no number"
        return Aside(line, why, text)


class _WideTexts(Sequence[str]):
    """The cells of a wide table in the order of its points, without a copy."""

    def __init__(self, rows: Sequence[Row], columns: Sequence[int]) -> None:
        self._rows = rows
        self._columns = columns

    def __len__(self) -> int:
        return len(self._rows) * len(self._columns)

    def __getitem__(self, at):  # type: ignore[no-untyped-def]
        row, column = divmod(at, len(self._columns))
        return self._rows[row][self._columns[column]]


def worded(aside: Aside, file: str) -> str:
    """The reason as the quarantine shows it."""
    return problem(aside.code, name=file, what=f"{aside.line} could not be read: {aside.why}").text
