"""Tables of the past as pieces of rows, in bounded memory, each row with its line number."""

from __future__ import annotations

import csv
import functools
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lamplighter.domain.problems import LamplighterError, fault

PARQUET: Final = (".parquet", ".pq")
_SAMPLE: Final = 65_536
_READ: Final = 1 << 20
Row = list[str]


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of a table. `lines`: the line each begins in (rows from 1 in a Parquet file).

    `broken`: (line, text, why) of rows that do not have the table's columns.
    """

    rows: Sequence[Row]
    lines: Sequence[int]
    broken: Sequence[tuple[int, str, str]]
    done: int
    """bytes (rows in a Parquet file) read until here, for progress"""


class PastFile:
    """A CSV or Parquet file. Raises LamplighterError (I-507, I-503, I-510) when it cannot be."""

    def __init__(self, file: Path, *, delimiter: str = "", encoding: str = "utf-8") -> None:
        self.file = file
        self._encoding = "utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding
        self._parquet = file.suffix.lower() in PARQUET
        try:
            self.total = file.stat().st_size
        except OSError as error:
            raise _unreadable(file, error) from None
        self._delimiter = delimiter
        if self._parquet:
            self._table = _parquet(file)
            self.columns = tuple(str(n) for n in self._table.schema_arrow.names)
            self.total = int(self._table.metadata.num_rows)
        else:
            self.columns = self._head()

    @functools.cached_property
    def hash(self) -> bytes:
        """Of the whole content; it reads the file once. Raises LamplighterError (I-507)."""
        try:
            return _hash(self.file)
        except OSError as error:
            raise _unreadable(self.file, error) from None

    def _head(self) -> tuple[str, ...]:
        try:
            with self.file.open(encoding=self._encoding, errors="replace", newline="") as text:
                sample = text.read(_SAMPLE)
                self._delimiter = self._delimiter or _delimiter(sample)
                text.seek(0)
                head = next(csv.reader(text, delimiter=self._delimiter), [])
        except (OSError, csv.Error) as error:
            raise _unreadable(self.file, error) from None
        if "\0" in sample:
            what = "it is no table of text; what is packed has to be unpacked first"
            raise fault("I-503", name=self.file.name, what=what)
        if not any(head):
            raise fault("I-503", name=self.file.name, what="it has no line of names")
        return tuple(name.strip() for name in head)

    def pieces(self, rows: int) -> Iterator[Piece]:
        """The table in pieces of `rows` rows (broken ones counted in), always cut alike."""
        yield from self._parquet_pieces(rows) if self._parquet else self._csv_pieces(rows)

    # ------------------------------------------------------------ CSV
    def _csv_pieces(self, size: int) -> Iterator[Piece]:
        width = len(self.columns)
        with self.file.open(encoding=self._encoding, errors="replace", newline="") as text:
            reader = csv.reader(text, delimiter=self._delimiter)
            next(reader, None)
            line = reader.line_num + 1
            ended = False
            while not ended:
                rows: list[Row] = []
                lines: list[int] = []
                broken: list[tuple[int, str, str]] = []
                while len(rows) + len(broken) < size:
                    try:
                        row = next(reader)
                    except StopIteration:
                        ended = True
                        break
                    except csv.Error as error:
                        broken.append((line, "", str(error)))
                        line = reader.line_num + 1
                        continue
                    if len(row) == width:
                        rows.append(row)
                        lines.append(line)
                    elif row:
                        shown = self._delimiter.join(row)[:1_000]
                        broken.append((line, shown, f"{len(row)} columns instead of {width}"))
                    line = reader.line_num + 1
                if rows or broken:
                    yield Piece(rows, lines, broken, _place(text))

    # ------------------------------------------------------------ Parquet
    def _parquet_pieces(self, size: int) -> Iterator[Piece]:
        done = 0
        held: list[Row] = []
        try:
            for batch in self._table.iter_batches(batch_size=size):
                columns = [_texts(batch.column(i)) for i in range(batch.num_columns)]
                held += [list(r) for r in zip(*columns, strict=True)]
                while len(held) >= size:
                    done += size
                    yield Piece(held[:size], range(done - size + 1, done + 1), (), done)
                    held = held[size:]
        except (OSError, ValueError) as error:
            raise fault("I-503", name=self.file.name, what=str(error)[:200]) from None
        if held:
            yield Piece(held, range(done + 1, done + len(held) + 1), (), done + len(held))


def _place(text: Any) -> int:
    try:
        return int(text.buffer.tell())
    except (OSError, ValueError):
        return 0


def _hash(file: Path) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    with file.open("rb") as data:
        while piece := data.read(_READ):
            digest.update(piece)
    return digest.digest()


def _delimiter(sample: str) -> str:
    head = sample.splitlines()[0] if sample else ""
    return max((";", "\t", ",", "|"), key=head.count)


def _parquet(file: Path) -> Any:
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise fault("I-510", name=file.name, what="pyarrow, which reads Parquet") from None
    try:
        return parquet.ParquetFile(file)
    except (OSError, ValueError) as error:
        raise fault("I-503", name=file.name, what=str(error)[:200]) from None


def _texts(column: Any) -> list[str]:
    """Cells as the texts a CSV would hold: times in ISO 8601; nothing, and what is no number in a
    column of numbers, as empty."""
    import pyarrow as arrow

    if arrow.types.is_timestamp(column.type):
        zoned = column.type.tz is not None
        moments = column.cast(arrow.timestamp("ms")).cast(arrow.int64()).to_pylist()
        return [_moment(ms, zoned) for ms in moments]
    if arrow.types.is_floating(column.type):
        import numpy as np

        # as short as the file's own precision, so that 28.7 does not become 28.700000762939453
        kind = np.float32 if column.type.bit_width <= 32 else np.float64
        return ["" if v is None or v != v else str(kind(v)) for v in column.to_pylist()]
    return ["" if v is None else str(v) for v in column.to_pylist()]


def _moment(ms: int | None, zoned: bool) -> str:
    if ms is None:
        return ""
    import datetime as dt

    text = (dt.datetime(1970, 1, 1) + dt.timedelta(milliseconds=ms)).isoformat("T", "milliseconds")
    return f"{text}Z" if zoned else text


def _unreadable(file: Path, error: Exception) -> LamplighterError:
    what = getattr(error, "strerror", None) or str(error)
    return fault("I-507", name=file.name, what=what)
