"""Streams with labelled windows (the NAB form), judged by the detector of single streams."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from msgspec import Struct

from lamplighter.analytics.anomaly import judging, stream
from lamplighter.analytics.anomaly.columns import Floats
from lamplighter.analytics.anomaly.tables import Table, read, unreadable
from lamplighter.domain.task import Progress

GRID: Final = tuple(round(float(x), 3) for x in np.geomspace(0.8, 2.7, 25))
"""thresholds tried where one is chosen on other groups"""
SPACING: Final = 4
"""alarms of a stream keep apart by this part of its probation"""


class StreamsRequest(Struct, frozen=True):
    """`files`: path of each stream by its key in the file of labels."""

    files: dict[str, str]
    labels: str
    threshold: float = stream.THRESHOLD


class StreamsReport(Struct, frozen=True):
    """`standard`, `low_fp`, `low_fn`: 0 silent, 100 perfect, all with one `threshold`.

    `left_out_standard`: each group judged with the threshold best on all other groups, null for
    one group; `own_standard`: with the threshold best on these very streams, too rosy;
    `naive_standard`: an alarm at every turn, without any look at the values.
    """

    standard: float
    low_fp: float
    low_fn: float
    threshold: float
    threshold_source: str
    left_out_standard: float | None
    own_standard: float
    naive_standard: float
    judge_seconds: float
    streams: int
    windows: int
    rows: int
    without_labels: tuple[str, ...]
    without_file: tuple[str, ...]


class _Stream(Struct, frozen=True):
    group: str
    rows: int
    windows: tuple[tuple[int, int], ...]
    score: np.ndarray


def judge_streams(payload: StreamsRequest, progress: Progress) -> StreamsReport:
    """Scores every stream causally, then counts by the official rule."""
    labels = _labels(payload.labels)
    found: list[_Stream] = []
    begun = time.perf_counter()
    keys = [k for k in payload.files if k in labels]
    if not keys:
        raise unreadable(Path(payload.labels).name, "it names none of the streams found")
    for place, key in enumerate(keys):
        progress(place, len(keys), key)
        table = read(payload.files[key], key)
        if table.values.shape[1] != 1:
            raise unreadable(key, f"it has {table.values.shape[1]} columns of values, not one")
        score = stream.judge(table.time_ms, table.values[:, 0]).score
        group = key.rsplit("/", 1)[0]
        found.append(_Stream(group, score.size, _windows(table, labels[key]), score))
    seconds = time.perf_counter() - begun
    progress(len(keys), len(keys), "scored")
    points = judging.streams([_alarms(s, payload.threshold) for s in found])
    fixed = payload.threshold == stream.THRESHOLD
    return StreamsReport(
        points["standard"],
        points["low_fp"],
        points["low_fn"],
        payload.threshold,
        "fixed with the program, chosen once on 31 public streams" if fixed else "given",
        _left_out(found),
        _best(found)[0],
        judging.streams([_turns(s) for s in found])["standard"],
        round(seconds, 2),
        len(found),
        sum(len(s.windows) for s in found),
        sum(s.rows for s in found),
        tuple(k for k in payload.files if k not in labels),
        tuple(k for k in labels if k not in payload.files),
    )


def _labels(path: str) -> Mapping[str, Sequence[Sequence[str]]]:
    name = Path(path).name
    try:
        data = Path(path).read_bytes()
        found: Any = json.loads(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
    except (OSError, EOFError, ValueError) as error:
        raise unreadable(name, f"it is no JSON ({error})") from None
    right = isinstance(found, dict) and all(
        isinstance(windows, list)
        and all(isinstance(w, list) and [type(x) for x in w] == [str, str] for w in windows)
        for windows in found.values()
    )
    if not right:
        raise unreadable(name, "it does not give a list of [begin, end] for each stream")
    labels: Mapping[str, Sequence[Sequence[str]]] = found
    return labels


def _windows(table: Table, labels: Sequence[Sequence[str]]) -> tuple[tuple[int, int], ...]:
    found = []
    for begin, end in labels:
        try:
            first, last = (
                round(datetime.fromisoformat(t).replace(tzinfo=UTC).timestamp() * 1000)
                for t in (begin, end)
            )
        except ValueError:
            raise unreadable(table.name, f"its window {begin} to {end} is no time") from None
        rows = np.flatnonzero((table.time_ms >= first) & (table.time_ms <= last))
        if rows.size:
            found.append((int(rows[0]), int(rows[-1])))
    return tuple(sorted(found))


def _alarms(one: _Stream, threshold: float) -> tuple[int, Sequence[tuple[int, int]], np.ndarray]:
    begin = judging.probation(one.rows)
    rows = stream.alarms(one.score, threshold, begin // SPACING, begin)
    return one.rows, one.windows, rows


def _turns(one: _Stream) -> tuple[int, Sequence[tuple[int, int]], np.ndarray]:
    begin = judging.probation(one.rows)
    return one.rows, one.windows, np.arange(begin, one.rows, begin // SPACING + 1)


def _raw(found: Sequence[_Stream]) -> tuple[Floats, int]:
    """(raw standard score per threshold of GRID, windows)."""
    cost, miss = judging.PROFILES["standard"]
    total, windows = np.zeros(len(GRID)), 0
    for one in found:
        for place, threshold in enumerate(GRID):
            score, count = judging.stream_parts(*_alarms(one, threshold), cost, miss)
            total[place] += score
        windows += count
    return total, windows


def _best(found: Sequence[_Stream]) -> tuple[float, float]:
    total, windows = _raw(found)
    place = int(total.argmax())
    return _percent(float(total[place]), windows), GRID[place]


def _left_out(found: Sequence[_Stream]) -> float | None:
    groups = sorted({s.group for s in found})
    if len(groups) < 2:
        return None
    each = [_raw([s for s in found if s.group == g]) for g in groups]
    total = sum(e[0] for e in each)
    score = sum(float(own[int((total - own).argmax())]) for own, _ in each)
    return _percent(score, sum(e[1] for e in each))


def _percent(score: float, windows: int) -> float:
    return 100.0 * (score + windows) / (2.0 * windows) if windows else float("nan")
