"""What a plugin's model is handed and what of its answer is taken: nothing unchecked crosses.

The answer comes from code that is not trusted. It is used only when every column has the right
shape, every number is finite, and every row stands for a datastream of the plugin itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import structlog

from lamplighter.analytics.expected import DAY_MS, ExpectedTable
from lamplighter.domain.city import Datastream
from lamplighter.domain.newest_block import NewestValues
from lamplighter.domain.quality import CLASS_MASK, Quality
from lamplighter.plugin_api import ExpectedColumns, ModelInputs

log = structlog.get_logger(__name__)
SECONDS: Final = 300
"""how far back a model sees"""
MOST_STREAMS: Final = 20_000
MOST_NEIGHBOURS: Final = 16
MOST_SLOTS: Final = 288
VALID_S: Final = (60.0, 86_400.0)
STALE_PERIODS: Final = 5
Floats = npt.NDArray[np.float64]


class Samples:
    """The last minutes of a plugin's own datastreams, one column a second, oldest first."""

    def __init__(self) -> None:
        self.streams: tuple[Datastream, ...] = ()
        self._ids = np.zeros(0, np.int64)
        self._times: list[int] = []
        self._columns: list[Floats] = []

    def describe(self, streams: Sequence[Datastream]) -> None:
        """The datastreams from now on; what is known of those that stay is kept."""
        kept = tuple(sorted(streams, key=lambda s: s.id)[:MOST_STREAMS])
        if len(streams) > MOST_STREAMS:
            log.warning("a model is handed a part", datastreams=len(streams), of=MOST_STREAMS)
        ids = np.array([s.id for s in kept], np.int64)
        if not np.array_equal(ids, self._ids):
            _, old, new = np.intersect1d(self._ids, ids, return_indices=True)
            columns = []
            for column in self._columns:
                wider = np.full(ids.size, np.nan)
                wider[new] = column[old]
                columns.append(wider)
            self._columns = columns
        self.streams, self._ids = kept, ids

    def take(self, newest: NewestValues, stale: npt.NDArray[np.bool_], now_ms: int) -> None:
        """Add this second. Stale, bad and missing values are NaN."""
        column = np.full(self._ids.size, np.nan)
        known = self._ids < min(len(newest), stale.shape[0])
        ids = self._ids[known]
        good = (newest.quality[ids] & CLASS_MASK) <= int(Quality.UNCERTAIN)
        good &= ~stale[ids] & (newest.time_ms[ids] > 0) & np.isfinite(newest.value[ids])
        column[known] = np.where(good, newest.value[ids], np.nan)
        if not good.any() and not self._columns:
            return  # nothing has been heard yet
        self._times.append(now_ms)
        self._columns.append(column)
        del self._times[:-SECONDS], self._columns[:-SECONDS]

    def inputs(self, now_ms: int) -> ModelInputs:
        """Everything as one value."""
        shape = (self._ids.size, len(self._columns))
        values = np.stack(self._columns, axis=1) if self._columns else np.zeros(shape)
        return ModelInputs(
            now_ms,
            self._ids,
            [s.kind for s in self.streams],
            [s.asset or "" for s in self.streams],
            [s.unit for s in self.streams],
            np.array(self._times, np.int64),
            values,
        )


def checked(answer: ExpectedColumns, own: Sequence[Datastream], now_ms: int) -> ExpectedTable:
    """The answer as a table the core evaluates. Raises ValueError that says what is wrong."""
    rows = _ids(answer.datastream, "datastream", 1)
    known = {s.id: s for s in own}
    strange = [int(d) for d in rows if int(d) not in known]
    if strange:
        raise ValueError(f"{len(strange)} rows are for datastreams that are not its own")
    if np.unique(rows).size != rows.size:
        raise ValueError("a datastream has two rows")
    valid_s = float(answer.valid_s)
    if not VALID_S[0] <= valid_s <= VALID_S[1]:
        raise ValueError(f"valid_s is {valid_s:g}, not within {VALID_S[0]:g} to {VALID_S[1]:g}")
    count = rows.size
    level = _numbers(answer.level, "level")
    season = level[:, None] if level.ndim == 1 else level
    if season.ndim != 2 or season.shape[0] != count or not (1 <= season.shape[1] <= MOST_SLOTS):
        raise ValueError(f"level has shape {level.shape} for {count} rows")
    spread = _numbers(answer.spread, "spread")
    if spread.shape != (count,) or bool((spread <= 0).any()):
        raise ValueError("spread is not one number above 0 a row")
    neighbour, weight = _neighbours(answer, rows)
    stale = [STALE_PERIODS * known[int(d)].period_ms for d in rows]
    return ExpectedTable(
        datastream=rows,
        period_ms=DAY_MS,
        season=season,
        neighbour=neighbour,
        weight=weight,
        spread=spread,
        stale_ms=np.array(stale, np.int64),
        valid_from_ms=now_ms - 1_000,
        valid_to_ms=now_ms + round(valid_s * 1000),
    )


def _neighbours(
    answer: ExpectedColumns, rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], Floats]:
    count = rows.size
    if answer.neighbour is None and answer.weight is None:
        return np.full((count, 1), -1, np.int64), np.zeros((count, 1))
    if answer.neighbour is None or answer.weight is None:
        raise ValueError("neighbour and weight only go together")
    neighbour = _ids(answer.neighbour, "neighbour", 2)
    weight = _numbers(answer.weight, "weight")
    if neighbour.shape != weight.shape or neighbour.shape[0] != count:
        raise ValueError(f"neighbour {neighbour.shape} and weight {weight.shape} do not fit")
    if neighbour.shape[1] > MOST_NEIGHBOURS:
        raise ValueError(f"{neighbour.shape[1]} neighbours a row; at most {MOST_NEIGHBOURS}")
    if not np.isin(neighbour, np.append(rows, -1)).all():
        raise ValueError("a neighbour has no row of its own")
    if bool((neighbour == rows[:, None]).any()):
        raise ValueError("a datastream is its own neighbour")
    return neighbour, np.where(neighbour < 0, 0.0, weight)


def _ids(column: Any, name: str, dimensions: int) -> npt.NDArray[np.int64]:
    array = np.asarray(column)
    if array.dtype.kind not in "iu" and array.size:
        raise ValueError(f"{name} holds no whole numbers")
    if array.ndim != dimensions:
        raise ValueError(f"{name} has {array.ndim} dimensions, not {dimensions}")
    return array.astype(np.int64)


def _numbers(column: Any, name: str) -> Floats:
    array = np.asarray(column)
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{name} holds no numbers")
    values: Floats = array.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"{name} is not finite everywhere")
    return values
