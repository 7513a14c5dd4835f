"""Forecasts of a recorder: of learned models, trends and ages, told as one list and kept as facts.

Bearings of all machines that measure their vibration have one model. Every other class with enough
failures on record and values of its own gets one as well; where such a model has nothing to say, a
drift to a limit speaks, and where nothing drifts, age.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import structlog

from lamplighter.analytics.scoreboard import WARNS
from lamplighter.domain import wire
from lamplighter.domain.maintenance import Prognosis, one_each, without_number
from lamplighter.domain.problems import Problem, fault
from lamplighter.runtime.age_watch import AgeWatch
from lamplighter.runtime.class_fleet import ClassFleet
from lamplighter.runtime.fleet_model import KIND, FleetModel, believable
from lamplighter.runtime.fleet_past import Meaning, class_streams, feature_streams, kind_of
from lamplighter.runtime.trend_watch import TrendWatch
from lamplighter.store import WriteAccess

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder

log = structlog.get_logger(__name__)
CLASS_EVERY_S: Final = 300
"""between two scorings of a class; bearings are scored every few seconds"""
LOOK_EVERY_S: Final = 6 * 3_600
"""without a model the past is looked at so often"""
KEPT_MS: Final = 86_400_000
"""a forecast of every asset is kept as a fact so often, and each that moved by more than `MOVED` or
began or ceased to warn"""
MOVED: Final = 0.05


class MaintenanceDesk:
    """One recorder's maintenance. `every_second` is called on the core's beat."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.trends = TrendWatch(recorder)
        self.ages = AgeWatch(recorder)
        self._bearings = ClassFleet(recorder, self._publish, self._withdraw)
        self._classes: dict[str, ClassFleet] = {}
        self._beside: dict[str, Prognosis] = {}
        """what trends and ages say, by asset"""
        self._shown: dict[str, Prognosis] = {}
        """what the models said last, by asset"""
        self._kept: dict[tuple[str, str], Prognosis] = {}
        """what was kept as a fact last, by asset and what fails"""
        self._silent: frozenset[str] = frozenset()
        """assets whose model had no number last second"""
        self._found = (self.ages.found, self.trends.found)
        self._beats = 0

    @property
    def model(self) -> FleetModel:
        """The model of the bearings."""
        return self._bearings.model

    # ------------------------------------------------------------------ training
    def start(self) -> None:
        """Use the signed models there are, else train where the project has a past."""
        streams = feature_streams(self._recorder.core.city.streams)
        if streams:
            self._bearings.start(streams)
        self._begin_classes()

    def _class_streams(self) -> dict[str, Meaning]:
        recorder = self._recorder
        city = recorder.core.city
        return class_streams(city.streams, city.type_of, recorder.store.work_orders())

    def _begin_classes(self) -> None:
        """A fleet for every class that has enough failures by now and has none yet.

        Their past is read beside the core: it may be long.
        """
        for of, meaning in self._class_streams().items():
            kind = kind_of(of)
            if kind not in self._classes:
                made = ClassFleet(
                    self._recorder, self._publish, self._withdraw,
                    kind=kind, of=of, every_s=CLASS_EVERY_S,
                )  # fmt: skip
                self._classes = self._classes | {kind: made}
                threading.Thread(
                    target=self._start_class, args=(made, meaning), name="past", daemon=True
                ).start()

    def _start_class(self, made: ClassFleet, meaning: Meaning) -> None:
        try:
            made.start(meaning)
        except Exception:
            log.exception("the past of a class could not be read", of=made.of)

    def _look_again(self) -> None:
        try:
            streams = feature_streams(self._recorder.core.city.streams)
            if streams:
                self._bearings.look_again(streams)
            found = self._class_streams()
            for made in self._classes.values():
                if made.of in found:
                    made.look_again(found[made.of])
            self._begin_classes()
        except Exception:
            log.exception("the past could not be looked at")

    @property
    def kinds(self) -> tuple[str, ...]:
        """What its models are called."""
        return (KIND, *sorted(self._classes))

    def signal_of(self, datastream: int) -> str:
        """Which signal of a model a datastream is; empty where no model reads it."""
        fleets = (self._bearings, *self._classes.values())
        return next((s for s in (f.signal_of(datastream) for f in fleets) if s), "")

    def train(self, by: str, kind: str = KIND) -> int:
        """Train a new version on the recorded past; the task's number.

        Raises LamplighterError (P-604) where there is no past to learn from, or while it runs.
        """
        if kind == KIND:
            return self._bearings.train(by, feature_streams(self._recorder.core.city.streams))
        made = self._classes.get(kind)
        if made is None:
            raise fault("P-604", name=kind, what="there is no past to learn from")
        return made.train(by, self._class_streams().get(made.of, {}))

    # ------------------------------------------------------------------ scoring
    def every_second(self) -> None:
        """Let every source of forecasts do what is due."""
        self._beats += 1
        if self._beats % LOOK_EVERY_S == 0:
            threading.Thread(target=self._look_again, name="past", daemon=True).start()
        spoken = self._spoken()
        silent = frozenset(self._shown) - spoken
        fell = silent - self._silent
        if fell:  # others may have something to say
            self.trends.rounds.soon(fell)
            self.ages.rounds.soon(fell)
        self._silent = silent
        self.trends.every_second(spoken)
        self.ages.every_second(spoken)
        found = (self.ages.found, self.trends.found)
        if found[0] is not self._found[0] or found[1] is not self._found[1]:
            self._found = found
            self._publish_beside(found[0] | found[1])
        self._bearings.every_second()
        for made in self._classes.values():
            made.every_second()

    def _spoken(self) -> frozenset[str]:
        """Assets of which a model gives a number: they need no trend and no age."""
        return frozenset(a for a, p in self._shown.items() if p.probability_30d is not None)

    def _withdraw(self, why: Problem, assets: frozenset[str]) -> None:
        """Without an answer there is no forecast: old numbers do not stand in for it."""
        shown = tuple(without_number(p, f"its model did not answer [{why.code}]")
                      for a, p in self._shown.items()
                      if a in assets and p.probability_30d is not None)  # fmt: skip
        if shown:
            self._publish(shown)

    def _publish(self, items: tuple[Prognosis, ...]) -> None:
        now = self._recorder.clock.wall_ms()
        items = tuple(believable(p, now) for p in items)
        self._keep(items)
        self._shown = self._shown | {p.asset: p for p in items}
        self._recorder.server.emit(wire.PrognosisChanged(self._told()))

    def _publish_beside(self, found: dict[str, Prognosis]) -> None:
        """Drifts to a limit and ages, beside what the models say of their assets."""
        found = {a: believable(p, p.made_ms) for a, p in found.items()}
        before, self._beside = self._beside, found
        if found == before:
            return
        ended = [without_number(p, "nothing speaks for it any more")
                 for a, p in before.items() if a not in found]  # fmt: skip
        self._keep((*found.values(), *ended))
        told = self._told()
        names = {p.asset for p in told}
        over = tuple(p for p in ended if p.asset not in names)
        self._recorder.server.emit(wire.PrognosisChanged(told + over))

    def _told(self) -> tuple[Prognosis, ...]:
        """One word for each asset, the likeliest to fail first: a model's number, else what stands
        beside it, which says that the model is silent, else why its model has none.
        """
        return one_each((*self._shown.values(), *self._beside.values()))

    def _keep(self, items: Iterable[Prognosis]) -> None:
        """As facts: what moved, and each once a day."""
        moved = [p for p in items if _moved(self._kept.get((p.asset, p.what)), p)]
        if not moved:
            return
        self._kept |= {(p.asset, p.what): p for p in moved}
        batch = self._recorder.core.batch()

        def keep(access: WriteAccess) -> None:
            access.put_prognoses(moved, batch)

        self._recorder.store.writer.keep(keep)  # on a full disk it waits and is not lost


def _moved(before: Prognosis | None, now: Prognosis) -> bool:
    if before is None:
        return True
    old = abs(now.made_ms - before.made_ms) >= KEPT_MS  # before or after: clocks are set back too
    if before.probability_30d is None or now.probability_30d is None:
        other = before.probability_30d is not now.probability_30d
        return other or old
    was, is_now = before.probability_30d, now.probability_30d
    if old or (was >= WARNS) != (is_now >= WARNS):
        return True
    return abs(was - is_now) > MOVED
