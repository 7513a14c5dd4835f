"""Answers about trends: kept sets of charts, and curves written into a file."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from lamplighter.domain import wire
from lamplighter.domain.clock import iso
from lamplighter.domain.problems import fault
from lamplighter.domain.quality import CLASS_MASK, Quality, QualityMark
from lamplighter.domain.spreadsheet import safe_cell
from lamplighter.governance.roles import Permission
from lamplighter.runtime.answering import Answering, Table
from lamplighter.runtime.history_answers import corrected

PREFIX: Final = "trend/"
MOST_NAME: Final = 80
HEAD: Final = (
    "datastream", "label", "unit", "phenomenon_time", "phenomenon_time_ms", "value", "low", "high",
    "quality", "hand_set",
)  # fmt: skip
FORMATS: Final = (".csv", ".parquet")


class TrendAnswers(Answering):
    def table(self) -> Table:
        return {
            wire.GetTrendPresets: lambda _: self._presets(),
            wire.PutTrendPreset: self._put,
            wire.DropTrendPreset: self._drop,
            wire.WriteTrend: self._write,
        }

    # ---------------------------------------------------------------- presets
    def _presets(self) -> wire.TrendPresets:
        found = []
        for text in self._recorder.store.settings(PREFIX).values():
            try:
                found.append(msgspec.json.decode(text, type=wire.TrendPreset))
            except msgspec.MsgspecError:
                continue  # written by a newer version; the others still serve
        return wire.TrendPresets(tuple(sorted(found, key=lambda p: p.name.casefold())))

    def _put(self, ask: wire.PutTrendPreset) -> wire.Reply:
        self._need(Permission.WORK, ask.preset.name)
        name = ask.preset.name.strip()
        if not name or len(name) > MOST_NAME or not any(ask.preset.charts):
            what = f"a set of charts needs a name of at most {MOST_NAME} letters, and a chart"
            raise fault("U-801", what=what, name="the trends")
        kept = msgspec.structs.replace(ask.preset, name=name)
        text = msgspec.json.encode(kept).decode()
        self._recorder.store.writer.call(
            lambda access: access.put_setting(PREFIX + name, text)
        ).result(10)
        return self._changed()

    def _drop(self, ask: wire.DropTrendPreset) -> wire.Reply:
        self._need(Permission.WORK, ask.name)
        self._recorder.store.writer.call(
            lambda access: access.remove_setting(PREFIX + ask.name)
        ).result(10)
        return self._changed()

    def _changed(self) -> wire.Reply:
        found = self._presets()
        self._recorder.server.emit(found)
        return found

    # ---------------------------------------------------------------- files
    def _write(self, ask: wire.WriteTrend) -> wire.Reply:
        self._need(Permission.VIEW, ask.path)
        path = Path(ask.path)
        if path.suffix.lower() not in FORMATS:
            what = f"'{path.suffix}' is neither {FORMATS[0]} nor {FORMATS[1]}"
            raise fault("U-804", name=path.name, what=what)
        rows = list(self._rows(ask))
        try:
            if path.suffix.lower() == ".csv":
                _write_csv(path, rows)
            else:
                _write_parquet(path, rows)
        except (OSError, ImportError) as error:
            raise fault("U-804", name=path.name, what=str(error)) from None
        reduced = any(row[6] != row[7] for row in rows)
        return wire.TrendWritten(str(path), len(rows), reduced)

    def _rows(self, ask: wire.WriteTrend) -> Iterator[tuple[Any, ...]]:
        store = self._recorder.store
        streams = {d.id: d for d in self._recorder.core.city.streams}
        for ident in ask.datastreams:
            stream = streams.get(ident)
            if stream is None:
                raise fault("U-802", name=str(ident))
            span = store.series(ident, ask.from_ms, ask.to_ms, ask.points, ask.as_known_at_ms)
            series = corrected(span)
            low = series.low if series.reduced else series.value
            high = series.high if series.reduced else series.value
            columns = (series.time_ms, series.value, low, high, series.quality)
            for at, value, least, most, grade in zip(*(c.tolist() for c in columns), strict=True):
                yield (
                    stream.key, stream.label or stream.name, stream.unit, iso(at), at, value,
                    least, most, Quality(grade & CLASS_MASK).word,
                    bool(grade & QualityMark.HAND_SET),
                )  # fmt: skip


def _write_csv(path: Path, rows: list[tuple[Any, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEAD)
        for row in rows:
            writer.writerow([safe_cell(cell) for cell in row])


def _write_parquet(path: Path, rows: list[tuple[Any, ...]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = list(zip(*rows, strict=True)) if rows else [() for _ in HEAD]
    kinds = (pa.string(), pa.string(), pa.string(), pa.string(), pa.int64(), pa.float64(),
             pa.float64(), pa.float64(), pa.string(), pa.bool_())  # fmt: skip
    table = pa.table({
        name: pa.array(column, kind)
        for name, column, kind in zip(HEAD, columns, kinds, strict=True)
    })  # fmt: skip
    pq.write_table(table, path)
