"""The alarm figures of a period, from the journal alone (designed toward EEMUA 191 / ISA-18.2).

Input: every `AlarmEvent` of the journal in the order it was written, from before `from_ms` on (what
stood at the beginning must be known). A period is [from_ms, to_ms).

An *annunciation* is an event after which an alarm newly asks for attention: `after` is UNACK and
`before` is not (raised, unshelved, unsuppressed, enabled, realarmed). The twelve figures:

1. `per_10_min`, 2. `per_hour`, 3. `per_day`: annunciations in the period divided by its length.
4. `flood_share`: the period is cut into ten-minute slices from `from_ms` on (the last may be
   shorter). A flood begins with a slice of more than 10 annunciations and lasts until before the
   next slice of fewer than 5. Share of the period's time.
   `over_10_share`: share of slices above 10.
5. `peak_10_min`: most annunciations in one slice; `peak_from_ms` its (first) beginning.
6. `top_10_share`: share of the annunciations that the ten most frequent keys have; a key is
   `rule@asset`; equal counts by key.
7. `chattering`: keys annunciated at least three times within 60 s (first to third, inclusive).
   Beside it `fleeting`: keys that at least three times in the period were `cleared` within 10 s of
   their `raised`.
8. `stale`: keys whose condition held without a break for more than 24 h at some time in the period;
   it begins with a `raised` whose `active` was false before, and ends with `cleared`.
9. `priorities`: share of the annunciations by priority.
10. `ack_median_s`, `ack_p95_s`: from an annunciation in the period to the next `acked` or `reset`
    of its key (also after the period), unless the key is annunciated anew before; `unacknowledged`
    counts the others. The 95th percentile is the nearest rank.
11. `shelved`: events `shelved` in the period. 12. `suppressed`: events `suppressed` in the period.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Final

from lamplighter.alarms.nuisance import FLOOD_ENDS_BELOW, FLOOD_STARTS_ABOVE, chatters
from lamplighter.domain.alarm import AlarmEvent, AlarmState
from lamplighter.domain.alarm_report import AlarmKpis

SLICE_MS: Final = 600_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
TOP: Final = 10
FLEETING_MS: Final = 10_000
FLEETS: Final = 3


def annunciates(event: AlarmEvent) -> bool:
    """Whether an alarm newly asks for attention."""
    return event.after is AlarmState.UNACK and event.before is not AlarmState.UNACK


def kpis(events: Iterable[AlarmEvent], from_ms: int, to_ms: int) -> AlarmKpis:
    """The figures of [from_ms, to_ms). Raises ValueError for an empty period."""
    if to_ms <= from_ms:
        raise ValueError("the period is empty")
    times: list[int] = []
    by_key: dict[str, list[int]] = defaultdict(list)
    priorities: Counter[int] = Counter()
    words: Counter[str] = Counter()
    waiting: dict[str, int] = {}
    delays: list[int] = []
    standing: dict[str, int] = {}
    stale: set[str] = set()
    fleeting: Counter[str] = Counter()
    for event in events:
        key, at, inside = event.record.key, event.time_ms, from_ms <= event.time_ms < to_ms
        if inside:
            words[event.event] += 1
        if annunciates(event):
            waiting.pop(key, None)
            if inside:
                times.append(at)
                by_key[key].append(at)
                priorities[event.record.priority] += 1
                waiting[key] = at
        elif event.event in {"acked", "reset"} and key in waiting:
            delays.append(at - waiting.pop(key))
        if event.event == "raised":
            standing.setdefault(key, at)
        elif event.event == "cleared":
            begun = standing.pop(key, None)
            if begun is None:
                continue  # it began before the journal
            if _long(begun, at, from_ms, to_ms):
                stale.add(key)
            fleeting[key] += inside and at - begun <= FLEETING_MS
    stale |= {k for k, begun in standing.items() if _long(begun, to_ms, from_ms, to_ms)}
    return _report(from_ms, to_ms, times, by_key, priorities, words, delays, stale, fleeting)


def _long(begun: int, ended: int, from_ms: int, to_ms: int) -> bool:
    """Whether it had stood for more than a day at some time in the period."""
    return min(ended, to_ms) - begun > DAY_MS and ended > from_ms and begun < to_ms


def _report(
    from_ms: int,
    to_ms: int,
    times: list[int],
    by_key: dict[str, list[int]],
    priorities: Counter[int],
    words: Counter[str],
    delays: list[int],
    stale: set[str],
    fleeting: Counter[str],
) -> AlarmKpis:
    length, count = to_ms - from_ms, len(times)
    slices = Counter((t - from_ms) // SLICE_MS for t in times)
    peak = min(slices, key=lambda n: (-slices[n], n), default=0)
    often = sorted(by_key, key=lambda k: (-len(by_key[k]), k))
    top = tuple((k, len(by_key[k])) for k in often[:TOP])
    total = math.ceil(length / SLICE_MS)
    delays.sort()
    return AlarmKpis(
        from_ms=from_ms,
        to_ms=to_ms,
        alarms=count,
        per_10_min=count * SLICE_MS / length,
        per_hour=count * HOUR_MS / length,
        per_day=count * DAY_MS / length,
        flood_share=_flood_ms(slices, total, length) / length,
        over_10_share=sum(n > FLOOD_STARTS_ABOVE for n in slices.values()) / total,
        peak_10_min=slices.get(peak, 0),
        peak_from_ms=from_ms + peak * SLICE_MS if count else 0,
        top_10_share=sum(n for _, n in top) / count if count else 0.0,
        top_10=top,
        chattering=tuple(k for k in often if chatters(sorted(by_key[k]))),
        fleeting=tuple(
            sorted((k for k, n in fleeting.items() if n >= FLEETS), key=lambda k: (-fleeting[k], k))
        ),
        stale=tuple(sorted(stale)),
        priorities={str(p): priorities[p] / count if count else 0.0 for p in (1, 2, 3, 4)},
        acknowledged=len(delays),
        ack_median_s=median(delays) / 1000.0 if delays else None,
        ack_p95_s=nearest_rank(delays, 0.95) / 1000.0 if delays else None,
        unacknowledged=count - len(delays),
        shelved=words["shelved"],
        suppressed=words["suppressed"],
    )


def _flood_ms(slices: Counter[int], total: int, length: int) -> int:
    flooded, spent, last = False, 0, -1
    for n in sorted(slices):
        if flooded and n > last + 1:
            flooded = False  # a slice without any alarm lay between
        flooded = slices[n] > FLOOD_STARTS_ABOVE or (flooded and slices[n] >= FLOOD_ENDS_BELOW)
        if flooded:
            spent += min(SLICE_MS, length - n * SLICE_MS)
        last = n
    return spent


def nearest_rank(ordered: Sequence[int], share: float) -> int:
    """The smallest value that at least `share` of the ascending values do not exceed."""
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]
