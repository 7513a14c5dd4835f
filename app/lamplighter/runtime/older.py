"""Spans older than the project's own history, read back from the historian where one is used.

The project answers what it has; only what lies before its first point is asked for. Without a
historian, or while it is away, the answer is the project's own, and says so.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec.structs import replace

from lamplighter.domain.city import Datastream
from lamplighter.domain.problems import LamplighterError
from lamplighter.domain.wire import Series
from lamplighter.exchange import HistorianConfig, OlderSeries, read_older, shown
from lamplighter.store import Store

EVER: Final = 1 << 62
DAY_MS: Final = 86_400_000


def first_point_ms(store: Store, datastream: int) -> int | None:
    """Phenomenon time of the oldest point that the project itself can still tell."""
    found = store.series(datastream, -EVER, EVER, 1)
    return int(found.time_ms[0]) if len(found.time_ms) else None


def with_older(
    store: Store,
    stream: Datastream,
    series: Series,
    from_ms: int,
    to_ms: int,
    points: int,
    config: HistorianConfig | None,
    password: str,
    first: int | None = None,
) -> Series:
    """`series` with what lies before it; `told_by` says where that came from, or why not.

    `first`: the project's own first point, when it is known already.
    """
    if config is None:
        return series
    first = first_point_ms(store, stream.id) if first is None else first
    until = to_ms if first is None else min(first, to_ms)
    if until <= from_ms:
        return series
    try:
        found = read_older(config, password, stream.source, stream.name, from_ms, until, points)
    except LamplighterError as error:
        return replace(series, told_by=str(error))
    if found is None or not len(found.time_ms):
        return series
    return _joined(stream, series, found, shown(config.url))


def _joined(stream: Datastream, series: Series, older: OlderSeries, name: str) -> Series:
    value, low, high = older.value, older.low, older.high
    if older.words:
        place = {word: code for code, word in enumerate(stream.states)}
        value = np.array(
            [place.get(older.words.get(int(v), ""), np.nan) for v in older.value], np.float64
        )
        low = high = value
    own_low = series.low if len(series.low) else series.value
    own_high = series.high if len(series.high) else series.value
    last = int(older.time_ms[-1])
    return Series(
        series.datastream,
        np.concatenate([older.time_ms, series.time_ms]),
        np.concatenate([value, series.value]),
        np.concatenate([older.quality, series.quality]),
        np.concatenate([low, own_low]),
        np.concatenate([high, own_high]),
        series.reduced or older.reduced,
        tuple(g for g in series.gaps if g[1] > last),
        told_by=name,
        told_until_ms=last,
    )
