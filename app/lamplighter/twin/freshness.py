"""When a value is no longer live, and how far a value can be trusted.

One rule for all views: the recorder computes the mask once per frame and stores it in the quality
byte of the newest values, so nothing downstream decides for itself what is stale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.city import Datastream
from lamplighter.domain.observation import SourceLife
from lamplighter.domain.quality import (
    CLASS_MASK,
    Quality,
    QualityMark,
    silent_after_ms,
    stale_ages_ms,
    unannounced_silences_ms,
)
from lamplighter.twin.state import LEARNED_AFTER, TwinState

OFFLINE_AFTER_MS: Final = 2_000
UNCHANGED_MS: Final = 1e15
"""stands for the period of a value that is only sent when it changes"""
STUCK_AFTER: Final = 120
"""equal values in a row, in a datastream that used to move, before its trust falls"""


@dataclass(frozen=True, slots=True)
class StreamTable:
    """What is declared of each datastream, as arrays by datastream id."""

    source: npt.NDArray[np.int32]
    """source id, -1 where not known"""
    period_ms: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64]
    """lowest plausible value; NaN for none"""
    high: npt.NDArray[np.float64]
    text: npt.NDArray[np.bool_]
    """true for datastreams whose values are words: they may stay the same for ever"""

    def __len__(self) -> int:
        return int(self.source.shape[0])


def stream_table(
    datastreams: Sequence[Datastream],
    source_ids: Mapping[str, int],
    plausible: Mapping[tuple[str, str], tuple[float | None, float | None]] | None = None,
) -> StreamTable:
    """Arrays from the datastream list; `plausible` gives (low, high) per kind and unit."""
    count = max((d.id for d in datastreams), default=-1) + 1
    table = StreamTable(
        np.full(count, -1, np.int32),
        np.full(count, 1000.0),
        np.full(count, np.nan),
        np.full(count, np.nan),
        np.zeros(count, np.bool_),
    )
    for d in datastreams:
        table.source[d.id] = source_ids.get(d.source, -1)
        table.period_ms[d.id] = d.period_ms
        table.text[d.id] = bool(d.states)
        low, high = (plausible or {}).get((d.kind, d.unit), (None, None))
        table.low[d.id] = np.nan if low is None else low
        table.high[d.id] = np.nan if high is None else high
    return table


def expected_period_ms(
    state: TwinState,
    declared_ms: npt.NDArray[np.float64],
    lives: Mapping[int, SourceLife] | None = None,
    source_of: npt.NDArray[np.int32] | None = None,
) -> npt.NDArray[np.float64]:
    """The learned period where enough intervals were seen, else the declared one.

    Never below what a source says of itself; `UNCHANGED_MS` for one that sends changes only.
    """
    rows = state.datastreams
    declared = np.full(rows, 1000.0)
    n = min(rows, declared_ms.shape[0])
    declared[:n] = declared_ms[:n]
    period = np.where(state.intervals >= LEARNED_AFTER, state.period_ms, declared)
    said = {
        source: UNCHANGED_MS if life.on_change else 1000.0 * life.period_s
        for source, life in (lives or {}).items()
        if source >= 0 and (life.on_change or life.period_s > 0)
    }
    if said and source_of is not None:
        least = np.zeros(max(said) + 1)
        least[list(said)] = list(said.values())
        m = min(rows, source_of.shape[0])
        source = source_of[:m]
        known = (source >= 0) & (source < least.shape[0])
        period[:m] = np.maximum(period[:m], np.where(known, least[np.where(known, source, 0)], 0.0))
    return period


def stale(
    state: TwinState,
    now_ms: int,
    lives: Mapping[int, SourceLife],
    source_of: npt.NDArray[np.int32],
    declared_ms: npt.NDArray[np.float64] | None = None,
) -> npt.NDArray[np.bool_]:
    """Mask by datastream id: true where the newest value must not be shown as live.

    A value is stale when it is older than twice its expected period (at least 2 s), when its
    source said goodbye two seconds ago, said it is stale, or is silent for too long. A datastream
    that was never heard counts as stale.
    """
    period = expected_period_ms(
        state,
        declared_ms if declared_ms is not None else np.empty(0, np.float64),
        lives,
        source_of,
    )
    mask = (now_ms - state.time_ms) > stale_ages_ms(period)
    dead = dead_sources(state, now_ms, lives)
    if dead.any():
        n = min(state.datastreams, source_of.shape[0])
        source = source_of[:n]
        known = (source >= 0) & (source < dead.shape[0])
        mask[:n] |= known & dead[np.where(known, source, 0)]
    mask |= state.time_ms == 0
    # the source itself said that this value does not hold any more
    mask |= (state.quality & np.uint8(CLASS_MASK)) == np.uint8(Quality.STALE)
    return mask


def dead_sources(
    state: TwinState, now_ms: int, lives: Mapping[int, SourceLife]
) -> npt.NDArray[np.bool_]:
    """Mask by source id: said goodbye, or silent beyond its limit."""
    count = max(state.sources, max(lives, default=-1) + 1)
    heard = np.zeros(count, np.int64)
    heard[: state.sources] = state.source_heard_ms
    learned = np.zeros(count)
    learned[: state.sources] = state.source_period_ms
    limit = unannounced_silences_ms(learned)
    offline = np.zeros(count, np.bool_)
    for source, life in lives.items():
        if source < 0:
            continue
        if life.offline:
            # a message that came after the goodbye belongs to a new life not yet announced
            offline[source] = now_ms - life.heard_ms >= OFFLINE_AFTER_MS
        heard[source] = max(int(heard[source]), life.heard_ms)
        if life.heartbeat_s > 0:
            limit[source] = silent_after_ms(1000.0 * life.heartbeat_s)
    return offline | ((heard > 0) & (now_ms - heard > limit))


def shown_quality(state: TwinState, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Quality bytes for the views: the class becomes `stale` where the mask says so."""
    quality = state.quality.copy()
    quality[mask] = (quality[mask] & np.uint8(~CLASS_MASK & 0xFF)) | np.uint8(Quality.STALE)
    return quality


def live_counts(state: TwinState, mask: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """(live, stale) over the datastreams that were ever heard."""
    heard = state.time_ms > 0
    return int((heard & ~mask).sum()), int((heard & mask).sum())


def trust(
    state: TwinState,
    now_ms: int,
    mask: npt.NDArray[np.bool_],
    table: StreamTable,
    lives: Mapping[int, SourceLife] | None = None,
) -> npt.NDArray[np.float32]:
    """Trust 0-1 by datastream id: the product of freshness, quality, plausibility and provenance.

    Freshness falls from 1 at the stale limit to 0 at ten times that age; uncertain halves, bad
    gives 0; a value outside its plausible range keeps 0.1, one that is stuck 0.4; uncertain time,
    values set by hand and historical values take a fifth each.
    """
    rows = state.datastreams
    period = expected_period_ms(state, table.period_ms, lives, table.source)
    limit = stale_ages_ms(period)
    age = (now_ms - state.time_ms).astype(np.float64)
    fresh = np.clip((10.0 * limit - age) / (9.0 * limit), 0.0, 1.0)
    fresh = np.where(mask, np.minimum(fresh, 0.5), fresh)

    kind = state.quality & CLASS_MASK
    quality = np.array([1.0, 0.5, 0.0, 0.5])[kind]
    marks = state.quality
    for mark in (QualityMark.TIME_UNCERTAIN, QualityMark.HAND_SET, QualityMark.HISTORICAL):
        quality = np.where(marks & int(mark), 0.8 * quality, quality)

    n = min(rows, len(table))
    plausible = np.ones(rows)
    value = state.value[:n]
    out = (value < table.low[:n]) | (value > table.high[:n])
    plausible[:n] = np.where(out, 0.1, 1.0)
    numeric = np.ones(rows, np.bool_)
    numeric[:n] = ~table.text[:n]
    stuck = numeric & (state.same_count >= STUCK_AFTER) & (state.intervals > 2 * state.same_count)
    plausible[stuck] *= 0.4
    result: npt.NDArray[np.float32] = (fresh * quality * plausible).astype(np.float32)
    result[state.time_ms == 0] = 0.0
    return result
