"""Collects the columns of a batch, message by message, without touching points one by one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lamplighter.domain.observation import (
    ByteArray,
    FloatArray,
    LongArray,
    MessageRecord,
    PointColumns,
)
from lamplighter.pipeline.judge import Judge


class Columns:
    """Grows by whole messages; `close` gives the batch's columns."""

    def __init__(self) -> None:
        self.messages: list[MessageRecord] = []
        self._ids: list[int] = []
        self._times: list[LongArray] = []
        self._values: list[FloatArray] = []
        self._quality: list[ByteArray] = []
        self._places: list[np.ndarray] = []
        self._counts: list[int] = []
        self._plain_times: list[int] = []
        self._plain_values: list[float] = []
        self._plain_counts: list[int] = []

    def add_plain(
        self, record: MessageRecord, ids: list[int], times: list[int], values: list[float]
    ) -> None:
        """One message whose points are all good and in their places: equally long lists."""
        self.messages.append(record)
        self._counts.append(len(ids))
        self._ids += ids
        self._plain_times += times
        self._plain_values += values
        self._plain_counts.append(len(ids))

    def _gather_plain(self) -> None:
        """Make columns of the messages of `add_plain` so far."""
        if self._plain_times:
            counts = np.array(self._plain_counts, np.int64)
            starts = np.repeat(np.cumsum(counts) - counts, counts)
            self._times.append(np.array(self._plain_times, np.int64))
            self._values.append(np.array(self._plain_values, np.float64))
            self._quality.append(np.zeros(len(starts), np.uint8))
            self._places.append(np.arange(len(starts)) - starts)
        self._plain_times, self._plain_values, self._plain_counts = [], [], []

    def add(
        self,
        record: MessageRecord,
        ids: Sequence[int],
        times: LongArray,
        values: FloatArray,
        quality: ByteArray | None = None,
        places: Sequence[int] | None = None,
    ) -> None:
        """One message with its points (possibly none). Raises ValueError and adds nothing when
        the columns do not fit together."""
        count = len(ids)
        marks = np.zeros(count, np.uint8) if quality is None else quality
        where = np.arange(count) if places is None else np.array(places, np.int64)
        if not len(times) == len(values) == len(marks) == len(where) == count:
            raise ValueError("columns of different length")
        self._gather_plain()
        self.messages.append(record)
        self._counts.append(count)
        if count:
            self._ids.extend(ids)
            self._times.append(times)
            self._values.append(values)
            self._quality.append(marks)
            self._places.append(where)

    def close(self, judge: Judge) -> tuple[PointColumns, dict[int, int]]:
        """The judged columns, and by message index how many ms a wrong clock was off."""
        if not self._ids:
            return PointColumns.empty(), {}
        self._gather_plain()
        message = np.repeat(np.arange(len(self.messages), dtype=np.int32), self._counts)
        received = np.array([m.received_ms for m in self.messages], np.int64)[message]
        datastream = np.array(self._ids, np.int32)
        time_ms = np.concatenate(self._times)
        value = np.concatenate(self._values)
        quality = np.concatenate(self._quality)
        place = np.concatenate(self._places).astype(np.int32, copy=False)
        broken = judge.clocks(time_ms, received, quality)
        judge.values(datastream, time_ms, value, quality)
        columns = PointColumns(datastream, time_ms, value, quality, message, place)
        return columns, {int(message[row]): off for row, off in broken.items()}
