"""Forecasts by age alone, for classes nobody measures: from the register and closed work orders.

Asked now and then in a worker, of every asset that no learned model and no trend speaks of.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import structlog
from msgspec.structs import replace

from lamplighter.analytics.fleet import Renewal
from lamplighter.analytics.life.ages import DAY_MS, FEWEST, AgesRequest, Lives
from lamplighter.domain.city import Asset
from lamplighter.domain.life import built_events
from lamplighter.domain.maintenance import Prognosis, WorkOrder
from lamplighter.domain.order_rules import FAILED, finding_of
from lamplighter.runtime.fleet_past import SIMULATED, renewals
from lamplighter.runtime.rounds import Rounds

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder

log = structlog.get_logger(__name__)
EVERY_S: Final = 1_800
FIRST_S: Final = 40
"""after the start of a recorder"""


class AgeWatch:
    """`found` holds the newest forecasts by asset; `every_second` is called on the core's beat."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.rounds = Rounds(EVERY_S, FIRST_S)
        self._busy = threading.Event()
        self.found: dict[str, Prognosis] = {}

    def every_second(self, spoken_of: frozenset[str]) -> None:
        """`spoken_of`: assets that a model follows; age alone adds nothing there."""
        if self.rounds.due(spoken_of, busy=self._busy.is_set()):
            self._busy.set()
            threading.Thread(target=self._ask, args=(spoken_of,), name="ages", daemon=True).start()

    def _ask(self, spoken_of: frozenset[str]) -> None:
        try:
            request = self.request(spoken_of)
            if not request.classes:
                self.found = {}
                self._busy.clear()
                return
            self._submit(request)
        except Exception:
            log.exception("forecasts by age could not begin")
            self._busy.clear()

    def request(self, spoken_of: frozenset[str]) -> AgesRequest:
        """What is asked of the worker: the lives of each class with enough failures on record, also
        of those that a model follows: of the few that are left there is no curve, or a wrong one.
        """
        recorder = self._recorder
        now = recorder.clock.wall_ms()
        city = recorder.core.city
        silent = {a.type for a in city.assets.values() if a.id not in spoken_of}
        assets = [a for a in city.assets.values() if a.type in silent]
        classes = lives_of(assets, recorder.store.work_orders(), now)
        simulated = recorder.store.setting(SIMULATED) == "yes"
        return AgesRequest(classes, now, simulated, tuple(sorted(spoken_of)))

    def _submit(self, request: AgesRequest) -> None:
        def end(value: Any) -> None:
            self._busy.clear()
            if isinstance(value, tuple):
                people = self._recorder.core.city.graph.people_behind
                self.found = {p.asset: replace(p, people=people(p.asset)) for p in value}

        self._recorder.jobs.pool.submit(
            "lamplighter.analytics.life.ages:risks",
            request,
            name="Look at ages and failures",
            timeout_s=120.0,
            on_end=end,
            result=tuple[Prognosis, ...],
            code="P-604",
        )


def lives_of(
    assets: Iterable[Asset], orders: Iterable[WorkOrder], now_ms: int
) -> tuple[Lives, ...]:
    """The lives of every class with at least `FEWEST` failures on record.

    An asset lives from its making, as the register says, to its first failure or renewal on record,
    and anew from each of those. Records begin with the oldest failure, which itself is not counted:
    what was in service before is counted from then on, for nobody wrote down what had failed until
    then. Renewals that were written down earlier tell ages and no more.
    An asset of unknown making is left out until its first renewal.
    """
    orders = tuple(orders)
    known: dict[str, list[Renewal]] = {}
    for one in renewals(orders):
        if 0 < one.time_ms <= now_ms:
            known.setdefault(one.asset, []).append(one)
    failures = [r.time_ms for found in known.values() for r in found if r.failed]
    begin = min(failures, default=now_ms)
    broke = {o.asset for o in orders if finding_of(o)[0] == FAILED}
    by_kind: dict[str, list[Asset]] = {}
    for asset in assets:
        by_kind.setdefault(asset.type, []).append(asset)
    found = []
    for kind, members in sorted(by_kind.items()):
        if kind and any(a.id in broke for a in members):
            lives = _lives(kind, members, known, begin, now_ms)
            if lives is not None and int(lives.failed.sum()) >= FEWEST:
                found.append(lives)
    return tuple(found)


def _lives(
    kind: str, members: list[Asset], known: dict[str, list[Renewal]], begin: int, now_ms: int
) -> Lives | None:
    rows: list[tuple[float, float, bool, int, int, bool]] = []
    names: list[str] = []
    for asset in members:
        made = [e.at_ms for e in built_events(asset) if e.at_ms < now_ms]
        start = max(made) if made else None
        place, before = len(names), len(rows)
        ends = sorted(known.get(asset.id, ()), key=lambda r: r.time_ms)
        for time_ms, failed, running in [
            *((r.time_ms, r.failed, False) for r in ends), (now_ms, False, True)
        ]:  # fmt: skip
            if start is not None and time_ms > start and time_ms > begin:
                entry = max(0, begin - start) / DAY_MS
                rows.append((entry, (time_ms - start) / DAY_MS, failed, place, time_ms, running))
            if start is None or time_ms > start:
                start = time_ms
        if len(rows) > before:
            names.append(asset.id)
    if not rows:
        return None
    entries, ages, fell, whose, when, running_ = zip(*rows, strict=True)
    return Lives(
        kind, np.array([n.encode() for n in names]), np.array(entries, float),
        np.array(ages, float), np.array(fell, bool),
        np.array(whose, np.int64), np.array(when, np.int64), np.array(running_, bool),
    )  # fmt: skip
