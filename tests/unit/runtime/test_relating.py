"""Assets whose signals break their relation: learned, told and ended by a recorder, live."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.kit.patience import until
from tests.kit.pumping_town import ROWS_A_DAY, pump, worn, write_pumps

from lamplighter.analytics.anomaly.relation_tables import Histories
from lamplighter.client import Session, WireCarrier
from lamplighter.domain import wire
from lamplighter.domain.anomaly import Anomaly, KnownEvent
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.models import RELATIONS, ModelState
from lamplighter.domain.quality import QualityMark
from lamplighter.runtime.recorder import Recorder
from lamplighter.runtime.relating import blank
from lamplighter.runtime.relation_watch import RelationFinding
from lamplighter.runtime.relation_words import of_relations

DAYS = 4
BROKEN = 30
"""rows before now from which pump 1 moves less water"""


class Town:
    """Three pumps, the second worn for two and a half hours."""

    def __init__(self, folder: Path) -> None:
        values = [pump(DAYS * ROWS_A_DAY, seed) for seed in (1, 2, 3)]
        values[1] = worn(values[1], -BROKEN)
        self.folder = folder
        write_pumps(folder, SystemClock(), values)
        self.start()

    def start(self) -> None:
        self.recorder = Recorder(self.folder, SystemClock(), plugin_code=False)
        self.recorder.start()
        self.session = Session(WireCarrier(self.folder))
        self.desk = self.recorder.anomalies.relations
        self.watch = self.desk.watch

    def close(self) -> None:
        self.session.close()
        self.recorder.stop()

    def again(self) -> None:
        """All assets are due once more, as after a slot."""
        self.recorder.core.on_beat(lambda: setattr(self.watch, "_slot", -1))

    def standing(self) -> dict[str, Anomaly]:
        reply = self.session.ask_now(wire.GetAnomalies())
        assert isinstance(reply, wire.Anomalies)
        return {a.asset: a for a in reply.items if a.kind == "together" and a.standing}


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path / "town")
    yield made
    made.close()


def test_a_worn_pump_is_told_judged_and_ends_with_its_repair_and_what_was_learned_is_kept(
    town: Town,
) -> None:
    until(lambda: town.recorder.anomalies.signals._filled)
    until(lambda: len(town.watch.models) == 3)  # four days are enough: it learns by itself
    town.again()
    until(town.standing)

    record = town.recorder.models.record(RELATIONS)
    assert record.state is ModelState.IN_USE and not record.frozen
    assert record.card.units == 3 and record.card.figures[0].beats_naive
    found = town.standing()
    assert list(found) == ["P1"]
    one = found["P1"]
    assert one.reason.startswith("Pump 1: Flow is low for this current and pressure: ")
    assert " l/s where " in one.reason and one.reason.endswith(".") and "\n" not in one.reason
    assert one.since_ms < one.found_ms and one.score > 1.0 and one.value is not None
    assert town.watch.states["P0"].score is not None and town.watch.states["P0"].score < 1.0
    assert len(one.signals) >= 1 and one.shown == one.signals
    said = town.session.ask_now(wire.GetRelation("P0"))
    assert isinstance(said, wire.Relation) and said.score is not None and len(said.judged) == 4
    assert not town.watch.covers("T0")  # one signal alone
    assert town.session.ask_now(wire.GetRelation("T0")) == wire.Relation("T0")

    asked = town.session.ask_now(wire.JudgeAnomaly(one.id, "real", "impeller"))
    assert isinstance(asked, wire.Ok) and town.standing() == {}

    closed = town.recorder.clock.wall_ms()
    order = WorkOrder(
        "WO-1", "P1", "Impeller replaced", "done", closed_ms=closed, created_ms=closed
    )
    town.recorder.store.writer.call(lambda access: access.put_work_order(order)).result(30)
    town.recorder.anomalies._look()
    town.again()
    until(lambda: town.watch.states["P1"].why.startswith("it was learned before work order WO-1"))
    until(lambda: "P1" not in town.recorder.anomalies._open)

    # what was learned comes back from its files; a doubted signal is not judged
    before = town.watch.models
    town.desk._load()
    until(lambda: town.watch.models is not before)
    assert town.watch.models["P0"].last_ms == before["P0"].last_ms
    flow = int(town.watch.models["P0"].names[0])
    marks = np.zeros(len(town.recorder.core.city.streams), np.uint8)
    marks[flow] = int(QualityMark.SUSPECT)
    town.recorder.core.marks = marks
    town.again()
    until(lambda: town.watch.said("P0").why == "Flow is suspect")


def one(asset: str, score: float, signals: tuple[int, ...] = (1,)) -> RelationFinding:
    return RelationFinding(asset, signals, 5, score, "x", 1.0, 2.0, 0.1, (score,))


def test_one_anomaly_stands_for_an_asset_and_alarms_and_single_signals_come_first() -> None:
    old = Anomaly("AN-1", "together", "P1", -1, 3, 4, "x", score=2.0)
    single = Anomaly("AN-2", "drift", "P2", 7, 3, 4, "x")
    open_: dict[int | str, Anomaly] = {"P1": old, 7: single}
    found = (one("P1", 2.1), one("P2", 9.0, (7, 8)), one("P3", 4.0), one("P4", 3.0))

    told = of_relations(found, {"P9"}, open_, {"P4"}, 100)
    assert [(a.asset, a.found_ms) for a in told] == [("P3", 100)]
    grown = of_relations((one("P1", 3.0),), (), open_, (), 100)
    assert [(a.id, a.since_ms, a.found_ms, a.score) for a in grown] == [("AN-1", 3, 4, 3.0)]
    over = of_relations((), {"P1", "P2"}, open_, (), 100)
    assert [(a.id, a.until_ms) for a in over] == [("AN-1", 100)]
    many = tuple(one(f"Q{n}", 1.0 + n / 100) for n in range(200))
    assert [a.asset for a in of_relations(many, (), {}, (), 1)][:2] == ["Q199", "Q198"]
    assert len(of_relations(many, (), {}, (), 1)) == 50


def test_works_teach_nothing_a_repair_begins_anew_and_a_set_point_does_not() -> None:
    def history() -> Histories:
        times = np.arange(10, dtype=np.int64) * 100
        return Histories(
            ("A", "B"),
            np.array([0, 2, 3]),
            np.array([5, 6, 7]),
            times,
            np.ones((10, 3), np.float32),
        )

    def blanks(event: KnownEvent) -> list[list[int]]:
        made = history()
        blank(made, [event])
        return [np.flatnonzero(np.isnan(c)).tolist() for c in made.values.T]

    assert blanks(KnownEvent("A", 200, 400, "works")) == [[2, 3, 4], [2, 3, 4], []]
    assert blanks(KnownEvent("B", 200, 400, "repair", True, renewed=True)) == [
        [], [], [0, 1, 2, 3, 4],
    ]  # fmt: skip
    assert blanks(KnownEvent("A", 200, 400, "set", True)) == [[2, 3, 4], [2, 3, 4], []]
    assert blanks(KnownEvent("A", 200, 300, "one", False, 6)) == [[], [2, 3], []]
    assert blanks(KnownEvent("Z", 0, 900, "elsewhere")) == [[], [], []]
