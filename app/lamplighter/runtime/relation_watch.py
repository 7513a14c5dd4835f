"""Assets judged by how their signals go together, a share of them at every beat.

Each time a slot of five minutes closes, all assets are due; at every beat as many are judged as
fit into a few milliseconds, so thousands of assets take a hundredth of one core. An asset of
which a signal is unknown, doubted or far outside what was learned is not judged, and says so.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
import numpy.typing as npt
import structlog
from msgspec import Struct

from lamplighter.analytics.anomaly import relation
from lamplighter.analytics.anomaly.columns import Columns
from lamplighter.analytics.anomaly.plant import STAY
from lamplighter.analytics.anomaly.relation import RelationModel
from lamplighter.domain import wire
from lamplighter.domain.anomaly import KnownEvent
from lamplighter.domain.quality import QualityMark
from lamplighter.runtime.signal_ring import ROWS, STEP_MS, SignalRing

if TYPE_CHECKING:
    from lamplighter.analytics.anomaly.relation_tables import RelationTable
    from lamplighter.runtime.recorder import Recorder

log = structlog.get_logger(__name__)
BEAT_MS: Final = 10
"""of each second at most, on one core"""
LOOKED: Final = relation.CONTEXT
"""newest slots that are looked at"""
AN_HOUR: Final = 3_600_000 // STEP_MS
BEFORE: Final = "it was learned before"
DOUBTS: Final = np.uint8(QualityMark.SUSPECT | QualityMark.WITHHELD)


class RelationFinding(Struct, frozen=True):
    """An asset whose signals do not fit together now; the signal that is farthest off first."""

    asset: str
    signals: tuple[int, ...]
    """datastream ids"""
    begin_ms: int
    score: float
    reason: str
    value: float
    fits: float
    """what the other signals say the first one should read"""
    spread: float
    curve: tuple[float, ...]
    """of the first one: limits off, the farthest in each hour"""


class RelationState(Struct, frozen=True):
    """What was last made of one asset: `score` 1 is the limit, None = not judged, and why."""

    at_ms: int
    score: float | None = None
    why: str = ""


class RelationWatch:
    """`every_second` is called on the core's beat; what it finds is told by a thread of its own."""

    def __init__(self, recorder: Recorder, ring: SignalRing) -> None:
        self._recorder = recorder
        self._ring = ring
        self.models: dict[str, RelationModel] = {}
        self.why_not: dict[str, str] = {}
        """assets without a model, and why"""
        self.frozen = ""
        self.states: dict[str, RelationState] = {}
        self._ids: dict[str, npt.NDArray[np.int64]] = {}
        self._due: deque[str] = deque()
        self._quiet: dict[str, KnownEvent] = {}
        self._slot = -1
        self._found: dict[str, RelationFinding] = {}
        self._calm: set[str] = set()
        self._thread: threading.Thread | None = None

    def use(self, table: RelationTable | None, why_not: dict[str, str], frozen: str = "") -> None:
        """Judge by these from the next beat on. From any thread."""
        models = table.models() if table is not None else {}
        ids = {a: np.array([int(n) for n in m.names], np.int64) for a, m in models.items()}

        def use() -> None:
            self.models, self._ids, self.why_not, self.frozen = models, ids, why_not, frozen
            self.states, self._slot = {}, -1
            self._due.clear()

        self._recorder.core.on_beat(use)

    def stop(self, deadline_s: float = 3.0) -> None:
        if self._thread is not None:
            self._thread.join(deadline_s)

    def covers(self, asset: str) -> bool:
        """Whether this watch speaks for the asset's signals together."""
        return asset in self.models

    def said(self, asset: str) -> wire.Relation:
        """What is known of an asset now. From any thread."""
        model, state = self.models.get(asset), self.states.get(asset)
        if model is None:
            return wire.Relation(asset, why=self.frozen or self.why_not.get(asset, ""))
        judged = tuple(int(model.names[k]) for k in model.told.tolist())
        if state is None:
            return wire.Relation(asset, why="it is looked at within five minutes", judged=judged)
        return wire.Relation(asset, state.score, state.at_ms, state.why, judged)

    # ------------------------------------------------------------------ on the core's beat
    def every_second(self, events: Sequence[KnownEvent]) -> None:
        """Judge as many of the due assets as fit into the budget."""
        if not self.models:
            return
        if self._ring.slot != self._slot:
            self._slot = self._ring.slot
            left = list(self._due)  # who waited longest comes first
            waiting = set(left)
            self._due = deque([*left, *[a for a in self.models if a not in waiting]])
            self._quiet = _quiet(events, self._recorder.clock.wall_ms())
        clock = self._recorder.clock
        begun = clock.monotonic_ms()
        while self._due and clock.monotonic_ms() - begun < BEAT_MS:
            asset = self._due.popleft()
            try:
                self._judge(asset)
            except Exception:
                log.exception("an asset could not be judged", asset=asset)
        self._tell()

    def _judge(self, asset: str) -> None:
        model, ids = self.models[asset], self._ids[asset]
        at_ms = (self._slot + 1) * STEP_MS
        if ids.max() >= self._ring.values.shape[1]:
            self._abstain(asset, at_ms, "its values are not known yet")
            return
        window = self._ring.values[ROWS - LOOKED :, ids]
        times = at_ms + (np.arange(LOOKED, dtype=np.int64) - LOOKED + 1) * STEP_MS
        columns = Columns(model.names, times, window)
        why = self._why_not(asset, model, columns)
        if why:
            self._abstain(asset, at_ms, why)
            if why.startswith(BEFORE):
                self._calm.add(asset)  # what was said of it is said of another pump
            return
        judged = relation.judge(model, columns)
        now = float(judged.score[-1])
        if not np.isfinite(now):
            self._abstain(asset, at_ms, "it is being switched")
            return
        self.states[asset] = RelationState(at_ms, round(now, 3))
        recent = judged.score[-relation.HOLD :]
        if judged.alarm[-1] and now > STAY:
            found = self._finding(asset, model, columns, judged)
            if found is not None:
                self._found[asset] = found
        elif not (np.nan_to_num(recent) > STAY).any():
            self._calm.add(asset)

    def _abstain(self, asset: str, at_ms: int, why: str) -> None:
        """Nothing can be said now; after an hour of that, what was said stands no more."""
        before = self.states.get(asset)
        since = before.at_ms if before is not None and before.why else at_ms
        self.states[asset] = RelationState(since, None, why)
        if at_ms - since >= relation.HOLD * STEP_MS:
            self._calm.add(asset)

    def _why_not(self, asset: str, model: RelationModel, columns: Columns) -> str:
        quiet = self._quiet.get(asset)
        if quiet is not None and (quiet.from_ms <= columns.time_ms[-1] < quiet.to_ms):
            return quiet.text
        if quiet is not None and quiet.renewed and quiet.to_ms > model.first_ms:
            return f"{BEFORE} {quiet.text}"
        marks = self._recorder.core.marks
        mine = self._ids[asset]
        known = mine[mine < marks.shape[0]]
        doubted = known[(marks[known] & DOUBTS) != 0]
        if doubted.size:
            return f"{self._name(int(doubted[0]))} is suspect"
        place, why = relation.why_not(model, relation.taken(model, columns)[-1])
        return f"{self._name(int(model.names[place]))} {why}" if why else ""

    def _name(self, ident: int) -> str:
        streams = self._recorder.core.city.streams
        return streams[ident].label or streams[ident].name if ident < len(streams) else str(ident)

    def _finding(
        self, asset: str, model: RelationModel, columns: Columns, judged: relation.RelationJudged
    ) -> RelationFinding | None:
        """In words, with the names of now."""
        streams = self._recorder.core.city.streams
        ids = [int(n) for n in model.names]
        names = [self._name(i) for i in ids]
        twice = {n for n, count in Counter(names).items() if count > 1}
        names = [f"{n} ({streams[i].key})" if n in twice else n
                 for n, i in zip(names, ids, strict=True)]  # fmt: skip
        named = msgspec.structs.replace(model, names=tuple(names))
        units = tuple(streams[i].unit for i in ids)
        told = Columns(named.names, columns.time_ms, columns.values, units)
        found = relation.findings(named, told, judged)
        if not found:
            return None
        last = found[-1]
        at = named.names.index(last.signals[0].signal)
        here = int(np.flatnonzero(model.told == at)[0])
        away = judged.departure[:, :, here]
        far = np.where(np.abs(away[0]) > np.abs(away[1]), away[0], away[1])
        hours = [far[k : k + AN_HOUR] for k in range(0, far.size, AN_HOUR)]
        asset_name = self._recorder.core.city.name_of(asset)
        return RelationFinding(
            asset,
            tuple(ids[named.names.index(s.signal)] for s in last.signals),
            last.begin_ms,
            last.score,
            f"{asset_name}: {last.reason}",
            float(relation.taken(model, columns)[-1, at]),
            float(judged.expected[-1, here]),
            float(model.spread[here] * model.scale[at]),
            tuple(round(float(h[np.abs(h).argmax()]), 2) for h in hours if h.size),
        )

    # ------------------------------------------------------------------ told
    def _tell(self) -> None:
        if not self._found and not self._calm:
            return
        if self._thread is not None and self._thread.is_alive():
            return  # it writes still; what was found is kept until then
        found, calm = tuple(self._found.values()), frozenset(self._calm - set(self._found))
        self._found, self._calm = {}, set()
        anomalies = self._recorder.anomalies
        if not found and not anomalies.stands(calm):
            return
        self._thread = threading.Thread(
            target=anomalies.told_by_relations,
            args=(found, calm),
            name="relations-told",
            daemon=True,
        )
        self._thread.start()


def _quiet(events: Sequence[KnownEvent], now_ms: int) -> dict[str, KnownEvent]:
    """By asset the event that matters now: one that lasts, else the newest new beginning."""
    found: dict[str, KnownEvent] = {}
    for event in sorted(events, key=lambda e: e.to_ms):
        begun = event.renewed and event.to_ms <= now_ms
        if event.from_ms <= now_ms < event.to_ms or begun:
            found[event.asset] = event
    return found
