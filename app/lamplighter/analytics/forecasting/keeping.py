"""A version of the model of the next hours: learned in a worker, kept as a file, judged later.

A version holds, for every datastream and figure and every hour ahead, which naive rule was nearer,
the shares of the candidates and how the latest departures count. It was fitted on the hours before
the last four weeks and judged on those. The file is text, read against its exact layout.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from lamplighter.analytics.forecasting import experts
from lamplighter.analytics.forecasting.live import (
    HOUR_MS,
    JUDGED_LEAD,
    Item,
    LiveRequest,
    Past,
    hours_of,
    too_poor,
    walked,
)
from lamplighter.analytics.forecasting.walk import Walked
from lamplighter.analytics.model_files import Kept, sha256, verify_files
from lamplighter.domain.forecast import ENOUGH_HOURS
from lamplighter.domain.problems import fault
from lamplighter.domain.task import Progress

FILE: Final = "forecasts.json"
FEWEST: Final = ENOUGH_HOURS
"""judged hours below which nothing is said of how a version fared with an item"""
ENOUGH: Final = 2 * FEWEST
"""the same over all its items: below it a version is neither praised nor frozen"""


class Version(Struct, frozen=True):
    """What was learned of each item."""

    items: tuple[Item, ...]
    first_ms: int
    end_ms: int
    seed: int = 0
    abstained: int = 0
    """items of which nothing could be learned"""
    seconds: float = 0.0
    simulated: bool = False
    """whether what it learned from is a simulated past"""

    def ratios(self) -> np.ndarray:
        """(n,) error over the naive rule's, of every item that the model was shown for."""
        return np.array([i.ratio for i in self.items if i.ratio is not None])

    def whole(self) -> np.ndarray:
        """(n,) the same over all judged hours, shown or not."""
        return np.array([i.whole for i in self.items if i.whole is not None])

    @property
    def young(self) -> str:
        """Why it cannot be judged yet; empty when it can."""
        hours = sum(i.judged for i in self.items if i.whole is not None)
        if hours >= ENOUGH:
            return ""
        return f"{hours} hours could be judged, {ENOUGH} are needed, {FEWEST} of each item"


class Learning(Struct, frozen=True):
    """Learn a version from these pasts and leave it in `folder`."""

    request: LiveRequest
    folder: str


class Later(Struct, frozen=True):
    """How the version before fared in the hours that came after it was learned."""

    from_ms: int
    to_ms: int
    ratio: float
    """median over items: mean absolute error over that of its naive rule"""
    items: int


class KeptVersion(Struct, frozen=True):
    """What was learned, the file it lies in (name -> sha256), and what became of the one before."""

    version: Version
    files: dict[str, str]
    later: Later | None = None


def learn(payload: Learning, progress: Progress) -> KeptVersion:
    """Learn, judge, keep. For workers."""
    begun = time.perf_counter()
    ask, found, firsts, abstained = payload.request, [], [], 0
    for turn, past in enumerate(ask.items):
        progress(turn, len(ask.items), past.name or past.id)
        if too_poor(past, ask.least_hours):
            abstained += 1
            continue
        item, first_ms = _item(replace(past, taught=None), ask)
        found.append(item)
        firsts.append(first_ms)
    version = Version(
        tuple(found), min(firsts, default=0), max((i.end_ms for i in found), default=0),
        ask.seed, abstained, simulated=ask.simulated,
    )  # fmt: skip
    later = _later(ask)
    version = replace(version, seconds=round(time.perf_counter() - begun, 2))
    return KeptVersion(version, save(Path(payload.folder), version), later)


def reload(payload: Kept, progress: Progress) -> Version:
    """A kept version. For workers. Raises LamplighterError (P-603, P-604) for any other file."""
    folder = Path(payload.folder)
    verify_files(folder, payload.files)
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Version)
    except (OSError, msgspec.MsgspecError) as error:
        what = f"its file cannot be read: {type(error).__name__}"
        raise fault("P-604", name=folder.parent.name, what=what) from None


def save(folder: Path, version: Version) -> dict[str, str]:
    """Write a version; returns name -> sha256."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_bytes(msgspec.json.encode(version))
    return {FILE: sha256(folder / FILE)}


class _Judged(NamedTuple):
    """How a walk fared, and what its band held."""

    ratio: float | None
    """error over the naive rule's in the hours in which the model was shown; None where these are
    too few, or nothing ever moved
    """
    whole: float | None
    """the same over all judged hours"""
    naive_error: float
    inside: int
    judged: int
    width: float


def _judged(one: Walked, value: np.ndarray, begin: int) -> _Judged:
    """How a walk fared from row `begin` on."""
    came = value[begin:]
    rows = np.isfinite(came)
    came = came[rows]

    def of(column: np.ndarray) -> np.ndarray:
        found: np.ndarray = column[begin : value.size][rows]
        return found

    miss = np.abs(of(one.blended) - came)
    naive_miss = np.abs(of(one.candidates[one.naive_name]) - came)
    shown, low, high = ~of(one.frozen), of(one.low), of(one.high)
    return _Judged(
        _ratio(miss[shown], naive_miss[shown]),
        _ratio(miss, naive_miss),
        float(naive_miss.mean()) if came.size else 0.0,
        int(((came >= low) & (came <= high)).sum()),
        int(came.size),
        float((high - low).mean()) if came.size else 0.0,
    )


def _ratio(miss: np.ndarray, naive_miss: np.ndarray) -> float | None:
    if miss.size < FEWEST or not naive_miss.any():
        return None
    return float(miss.mean() / naive_miss.mean())


def _item(past: Past, ask: LiveRequest) -> tuple[Item, int]:
    hours = hours_of(past)
    walks = [walked(past, hours, lead, ask.seed) for lead in range(1, ask.leads + 1)]
    one = walks[min(JUDGED_LEAD, ask.leads) - 1]
    found = _judged(one, hours.value, hours.cut)
    item = Item(
        past.id,
        start_ms=hours.first_ms + hours.start * HOUR_MS,
        cut_ms=hours.first_ms + hours.cut * HOUR_MS,
        end_ms=hours.first_ms + hours.value.size * HOUR_MS,
        boosted=experts.BOOSTED in one.share,
        leads=tuple(w.taught for w in walks),
        ratio=found.ratio,
        whole=found.whole,
        inside=found.inside,
        judged=found.judged,
        width=found.width / found.naive_error if found.naive_error else 0.0,
    )
    return item, hours.first_ms


def _later(ask: LiveRequest) -> Later | None:
    """The version in use over the hours since it was learned, item by item; None while too few
    of them have come.
    """
    ratios, begin, end, judged = [], [], [], 0
    for past in ask.items:
        if past.taught is None or too_poor(past, ask.least_hours):
            continue
        hours = hours_of(past)
        if hours.taught is None:
            continue
        since = (hours.taught.end_ms - hours.first_ms) // HOUR_MS
        if hours.value.size - since < FEWEST:
            continue
        one = walked(past, hours, min(JUDGED_LEAD, ask.leads), ask.seed)
        found = _judged(one, hours.value, since)
        if found.ratio is not None:
            ratios.append(found.ratio)
            judged += found.judged
            begin.append(hours.taught.end_ms)
            end.append(hours.first_ms + hours.value.size * HOUR_MS)
    if judged < ENOUGH:
        return None
    return Later(min(begin), max(end), float(np.median(ratios)), len(ratios))
