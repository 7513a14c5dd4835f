"""What a model says is believed only while it can be true: never late, never old, a number."""

from __future__ import annotations

import math
import threading
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace
from tests.kit.clocks import FakeClock

from lamplighter.domain import wire
from lamplighter.domain.maintenance import (
    AGE_MODEL,
    OLD_MS,
    TREND_MODEL,
    Prognosis,
    aged,
    one_each,
    without_number,
)
from lamplighter.domain.models import Figure, Judged, ModelCard
from lamplighter.domain.newest_block import blank
from lamplighter.domain.problems import problem
from lamplighter.runtime import class_fleet, fleet_model
from lamplighter.runtime.class_fleet import ClassFleet
from lamplighter.runtime.maintenance import MaintenanceDesk

DAY = 86_400_000
SOUND = Prognosis("P", 0, 30.0, 0.4, 0.2, 0.6, 3.0, 9.0, naive_probability=0.1)


class Room:
    """Stands where the recorder stands, as far as the desk looks."""

    def __init__(self, folder: Path) -> None:
        self.project = folder
        self.clock = FakeClock()
        self.started_ms = 0
        self.kept: list[Prognosis] = []
        self.emitted: list[wire.Event] = []
        self.server = SimpleNamespace(emit=self.emitted.append)
        self.core = SimpleNamespace(batch=lambda: 0)
        access = SimpleNamespace(put_prognoses=lambda items, batch: self.kept.extend(items))

        def full(work: Any) -> Future[None]:
            done: Future[None] = Future()
            done.set_exception(OSError("no space left"))
            return done

        keeping = SimpleNamespace(call=full, keep=lambda work: work(access))
        self.store = SimpleNamespace(writer=keeping)
        """only what waits for room on the disk is kept"""


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


@pytest.fixture
def desk(room: Room) -> MaintenanceDesk:
    return MaintenanceDesk(room)  # type: ignore[arg-type]


def sound(room: Room) -> Prognosis:
    return replace(SOUND, made_ms=room.clock.wall_ms())


def shown(room: Room) -> Prognosis:
    event = room.emitted[-1]
    assert isinstance(event, wire.PrognosisChanged)
    return event.items[0]


def test_a_sound_forecast_is_told_and_kept(desk: MaintenanceDesk, room: Room) -> None:
    desk._publish((sound(room),))

    assert shown(room) == sound(room) and room.kept == [sound(room)]


def test_what_is_no_number_is_neither_told_nor_kept(desk: MaintenanceDesk, room: Room) -> None:
    desk._publish((replace(sound(room), probability_30d=math.nan),))

    assert shown(room).probability_30d is None
    assert shown(room).basis == "no basis: its model gave no number"
    assert [p.low for p in room.kept] == [None]


def test_without_an_answer_the_old_number_is_taken_back(desk: MaintenanceDesk, room: Room) -> None:
    desk._publish((sound(room),))

    late = problem("P-604", name="Score the fleet", what="no answer within 30 s")
    desk._withdraw(late, frozenset({"Q"}))
    assert len(room.emitted) == 1, "another fleet's assets"
    desk._withdraw(late, frozenset({"P"}))

    assert shown(room).probability_30d is None
    assert shown(room).basis == "no basis: its model did not answer [P-604]"
    assert room.kept[-1].probability_30d is None


def test_of_a_forecast_that_does_not_move_one_a_day_is_kept(
    desk: MaintenanceDesk, room: Room
) -> None:
    def told(chance: float, wait_ms: int) -> int:
        room.clock.advance(wait_ms)
        before = len(room.kept)
        desk._publish((replace(sound(room), probability_30d=chance, high=0.9),))
        return len(room.kept) - before

    assert told(0.40, 0) == 1
    assert [told(0.41, 5_000) for _ in range(20)] == [0] * 20
    assert told(0.47, 5_000) == 1  # it moved
    assert told(0.49, 5_000) == 0
    assert told(0.51, 5_000) == 1  # it began to warn
    assert told(0.51, DAY) == 1


def test_a_forecast_nobody_made_anew_grows_old() -> None:
    assert aged(SOUND, OLD_MS) == SOUND
    old = aged(SOUND, OLD_MS + DAY)

    assert (old.probability_30d, old.low, old.days_high) == (None, None, None)
    assert old.basis == "no basis: the newest forecast is 4 days old"


def test_the_desk_judges_its_model_and_a_worse_one_is_frozen(
    desk: MaintenanceDesk, room: Room
) -> None:
    told = [
        Prognosis(f"P{n}", day * DAY, 30.0, 0.9, 0.8, 1.0, naive_probability=0.1,
                  model="a method, version 1")
        for day in range(5)
        for n in range(6)
    ]  # fmt: skip
    judged: list[Judged] = []
    card = ModelCard("maintenance", "", "a method", "", 0, 0, 1, 1, (), "", "", version=1)
    room.store.prognosis_journal = lambda since: iter(told)
    room.store.work_orders = list
    room.models = SimpleNamespace(  # type: ignore[attr-defined]
        stamp=1,
        in_use=lambda kind: SimpleNamespace(card=card, frozen=""),
        record=lambda kind: SimpleNamespace(judged=tuple(judged)),
        judged=lambda kind, window: judged.append(window),
    )

    desk.model.judge()
    desk.model.judge()  # the same window says nothing new

    assert len(judged) == 1
    figure: Figure = judged[0].figure
    assert figure.ours == pytest.approx(0.81) and figure.naive == pytest.approx(0.01)
    assert not figure.beats_naive


class Pool:
    """Stands where the pool stands: it remembers what was asked."""

    def __init__(self, cluster: str) -> None:
        self.cluster = cluster
        self.asked: list[dict[str, Any]] = []

    def submit(self, task: str, payload: object, **options: Any) -> int:
        self.asked.append(options)
        return len(self.asked)


@pytest.mark.parametrize(("cluster", "where"), [("tcp://h:1", [True, False]), ("", [True])])
def test_a_training_that_the_cluster_cannot_do_is_done_here(
    desk: MaintenanceDesk,
    room: Room,
    monkeypatch: pytest.MonkeyPatch,
    cluster: str,
    where: list[bool],
) -> None:
    pool, told = Pool(cluster), []
    room.jobs = SimpleNamespace(pool=pool)  # type: ignore[attr-defined]
    room.tell = told.append  # type: ignore[attr-defined]
    monkeypatch.setattr(fleet_model, "training", lambda *_: None)
    lost = problem("P-604", name="the fleet", what="no machine of the cluster is left")

    desk.model.train(None)  # type: ignore[arg-type]
    assert desk.model.train(None) == 0  # type: ignore[arg-type]
    pool.asked[0]["on_end"](lost)
    pool.asked[-1]["on_end"](lost)

    assert [options["afar"] for options in pool.asked][:2] == where
    assert told[0] == lost and len(pool.asked) == len(where)


def test_a_cancelled_training_is_not_begun_again(
    desk: MaintenanceDesk, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = Pool("tcp://h:1")
    room.jobs = SimpleNamespace(pool=pool)  # type: ignore[attr-defined]
    monkeypatch.setattr(fleet_model, "training", lambda *_: None)

    desk.model.train(None)  # type: ignore[arg-type]
    pool.asked[0]["on_end"](problem("P-607", name="Train"))

    assert len(pool.asked) == 1
    assert desk.model.train(None) == 2  # type: ignore[arg-type]


def test_one_training_at_a_time_also_while_its_past_is_put_together(
    desk: MaintenanceDesk, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.jobs = SimpleNamespace(pool=Pool(""))  # type: ignore[attr-defined]
    meanwhile: list[int] = []

    def slow(*_: Any) -> None:
        meanwhile.append(desk.model.train(None))  # type: ignore[arg-type]

    def fails(*_: Any) -> None:
        raise OSError("a damaged file")

    monkeypatch.setattr(fleet_model, "training", fails)
    with pytest.raises(OSError, match="damaged"):
        desk.model.train(None)  # type: ignore[arg-type]
    monkeypatch.setattr(fleet_model, "training", slow)
    assert desk.model.train(None) == 1  # type: ignore[arg-type]
    assert meanwhile == [0]


def test_a_model_that_gained_nothing_is_frozen_in_the_registry_too(
    desk: MaintenanceDesk, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    room.models = SimpleNamespace(  # type: ignore[attr-defined]
        adopt=lambda *_, frozen, **more: said.append(frozen)
    )
    monkeypatch.setattr(fleet_model, "card", lambda *_: None)
    for frozen in (True, False):
        report = SimpleNamespace(files={}, frozen=frozen, seconds=1.0, failures=9)
        desk.model._adopt(report, "automatic")  # type: ignore[arg-type]
    assert said[0].startswith("no better than rules without signals") and said[1] == ""


def test_of_a_class_whose_model_is_silent_a_trend_has_the_word(
    desk: MaintenanceDesk, room: Room
) -> None:
    silent = replace(sound(room), probability_30d=None, low=None, high=None, basis="frozen: so")
    desk._beside = {"P": replace(sound(room), model="trend 1")}
    desk._publish((silent, replace(silent, asset="Q")))

    event = room.emitted[-1]
    assert isinstance(event, wire.PrognosisChanged)
    assert {p.asset: p.model for p in event.items} == {"P": "trend 1", "Q": SOUND.model}


def test_bearings_whose_model_falls_silent_are_handed_over_with_words_that_say_so(
    desk: MaintenanceDesk, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, list[frozenset[str]]] = {"trends": [], "ages": []}
    monkeypatch.setattr(desk.trends, "_ask", asked["trends"].append)
    monkeypatch.setattr(desk.ages, "_ask", asked["ages"].append)
    number = sound(room)
    silent = without_number(number, "vibration rms is missing")

    def beats(count: int) -> None:
        for _ in range(count):
            desk.every_second()
        for thread in threading.enumerate():
            if thread.name in ("trends", "ages"):
                thread.join(30)
        desk.trends._busy.clear()
        desk.ages._busy.clear()

    desk._publish((number, replace(number, asset="Q")))
    beats(120)
    first = {name: len(rounds) for name, rounds in asked.items()}
    desk._publish((silent,))
    beats(120)
    for name, rounds in asked.items():
        assert len(rounds) == first[name] + 1, "soon, and once"
        assert rounds[-1] == {"Q"}, "the silent one is asked about"

    for again in (number, silent):  # it comes and goes: what was found stands
        desk._publish((again,))
        beats(120)
    assert {name: len(rounds) for name, rounds in asked.items()} == {
        name: count + 1 for name, count in first.items()
    }

    age = replace(number, model=AGE_MODEL, basis="9 failures by age", what="Pump by age")
    desk._publish_beside({"P": age})
    event = room.emitted[-1]
    assert isinstance(event, wire.PrognosisChanged)
    told = {p.asset: p for p in event.items}["P"]
    assert (told.model, told.probability_30d) == (AGE_MODEL, 0.4)
    assert told.basis == "9 failures by age; its model says nothing: vibration rms is missing"
    assert len(event.items) == 2


def test_of_an_asset_one_forecast_is_listed_and_the_rest_in_its_detail() -> None:
    model = replace(SOUND, model="hazard, version 3", what="Pump, bearing")
    trend = replace(SOUND, model=TREND_MODEL, what="strain", probability_30d=0.9)
    age = replace(SOUND, model=AGE_MODEL, what="Pump by age", probability_30d=0.7)
    other = replace(age, asset="Q", probability_30d=0.5)
    found = one_each((age, trend, other, model))
    assert [(p.asset, p.model) for p in found] == [("Q", AGE_MODEL), ("P", "hazard, version 3")]
    assert found[1].others == (
        "strain, trend 1: 90.0% within 30 days",
        "Pump by age, survival by age 1: 70.0% within 30 days",
    )
    assert found[1].basis == model.basis and found[0].others == ()

    mute = without_number(model, "its sensor is silent")
    ended = without_number(trend, "nothing speaks for it any more")
    (only,) = one_each((mute, ended, age))
    assert (only.model, only.probability_30d) == (AGE_MODEL, 0.7)
    assert only.basis.endswith("its model says nothing: its sensor is silent")
    assert only.others == (), "what has no number says nothing"
    (none,) = one_each((ended, mute))
    assert none.basis == "no basis: its sensor is silent"
    assert one_each(()) == ()


def test_where_a_model_has_a_number_it_has_the_word_whoever_spoke_before(
    desk: MaintenanceDesk, room: Room
) -> None:
    def words() -> dict[str, str]:
        event = room.emitted[-1]
        assert isinstance(event, wire.PrognosisChanged)
        told = {p.asset: p.model for p in event.items}
        assert len(told) == len(event.items)
        return told

    age = replace(sound(room), model="age", what="by age")
    model = replace(sound(room), model="model")
    desk._publish_beside({"P": age})
    assert words() == {"P": "age"} and "P" not in desk._spoken()
    desk._publish((model,))
    assert words() == {"P": "model"} and "P" in desk._spoken()
    desk._publish((replace(model, asset="Q"),))  # another fleet
    assert words() == {"P": "model", "Q": "model"}
    desk._publish_beside({})  # nobody asks the age of what a model follows
    assert words() == {"P": "model", "Q": "model"}

    silent = replace(model, probability_30d=None, low=None, high=None)
    desk._publish_beside({"P": age})
    desk._publish((silent,))
    assert words() == {"P": "age", "Q": "model"} and "P" not in desk._spoken()


def test_of_a_trend_that_does_not_move_one_a_day_is_kept(desk: MaintenanceDesk, room: Room) -> None:
    for _ in range(2 * 96 + 1):  # a quarter of an hour each
        desk._publish_beside({"P": sound(room)})
        room.clock.advance(900_000)

    assert len(room.kept) == 3


def test_a_clock_that_is_set_back_does_not_end_what_is_kept_each_day(
    desk: MaintenanceDesk, room: Room
) -> None:
    desk._publish_beside({"P": sound(room)})
    room.clock.jump(-365 * DAY)
    for _ in range(3):
        room.clock.advance(DAY)
        desk._publish_beside({"P": sound(room)})

    assert len(room.kept) == 4


def test_values_are_sampled_after_a_clock_that_was_ahead_is_set_right(room: Room) -> None:
    fleet = ClassFleet(room, lambda items: None, lambda why, assets: None)  # type: ignore[arg-type]
    newest = blank(2)
    newest.value[:], newest.quality[:] = 3.0, 0
    room.core.newest, room.started_ms = newest, room.clock.wall_ms()
    past = SimpleNamespace(meaning={0: ("P", "vibration_rms"), 1: ("P", "motor_current")})
    room.clock.jump(-365 * DAY)
    newest.time_ms[:] = (room.clock.wall_ms(), room.clock.wall_ms() - DAY)

    fleet._sample(past)  # type: ignore[arg-type]

    ids = [sample[0].tolist() for sample in fleet._live.all()]
    assert ids == [[0]]  # the other one is of before, and stands in the past already


def test_datastreams_that_were_bound_after_the_start_are_followed(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    def past(store: object, meaning: Any) -> Any:
        return SimpleNamespace(time_ms=[], meaning=meaning)

    monkeypatch.setattr(class_fleet, "past_points", past)
    monkeypatch.setattr(class_fleet, "failures_of", lambda points, orders: 0)
    room.store.work_orders = list
    fleet = ClassFleet(room, lambda items: None, lambda why, assets: None)  # type: ignore[arg-type]
    monkeypatch.setattr(fleet.model, "usable", lambda: object())
    fleet.look_again({1: ("P", "vibration_rms")})
    assert fleet.assets == {"P"}
    fleet.look_again({1: ("P", "vibration_rms"), 2: ("Q", "vibration_rms")})
    assert fleet.assets == {"P", "Q"}


@pytest.mark.parametrize(("machines", "sampled"), [(60, 60), (61, 5)])
def test_a_large_fleet_is_sampled_seldomer_so_that_months_of_it_fit_in(
    room: Room, monkeypatch: pytest.MonkeyPatch, machines: int, sampled: int
) -> None:
    monkeypatch.setattr(
        class_fleet, "past_points",
        lambda store, meaning: SimpleNamespace(time_ms=[], meaning=meaning),
    )  # fmt: skip
    made = ClassFleet(room, lambda items: None, lambda why, assets: None)  # type: ignore[arg-type]
    monkeypatch.setattr(made.model, "usable", lambda: object())
    taken: list[object] = []
    monkeypatch.setattr(made, "_sample", taken.append)
    made.start({5 * m + k: (f"P-{m}", f"s{k}") for m in range(machines) for k in range(5)})
    for _ in range(60):
        made.every_second()

    assert len(taken) == sampled
    assert made.signal_of(5 * machines - 1) == "s4"


def test_every_forecast_stays_told_when_one_fleet_speaks(desk: MaintenanceDesk, room: Room) -> None:
    desk._publish((sound(room),))
    desk._publish((replace(sound(room), asset="Q"),))

    event = room.emitted[-1]
    assert isinstance(event, wire.PrognosisChanged)
    assert {p.asset for p in event.items} == {"P", "Q"}


def test_a_class_with_enough_failures_begins_beside_the_core(
    desk: MaintenanceDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    monkeypatch.setattr(desk, "_class_streams", lambda: {"Valve": {1: ("V", "torque")}})
    monkeypatch.setattr(
        "lamplighter.runtime.class_fleet.ClassFleet.start",
        lambda fleet, meaning: begun.append(fleet.model.kind),
    )
    desk._begin_classes()
    desk._begin_classes()
    for thread in threading.enumerate():
        if thread.name == "past":
            thread.join(30)

    assert begun == ["maintenance-valve"]
    assert desk.kinds == ("maintenance", "maintenance-valve")


def test_whoever_speaks_the_likeliest_to_fail_is_told_first(
    desk: MaintenanceDesk, room: Room
) -> None:
    one = sound(room)
    desk._publish_beside({"bridge": replace(one, asset="bridge", probability_30d=0.6)})
    desk._publish(
        tuple(replace(one, asset=a, probability_30d=p) for a, p in (("A", 0.1), ("B", 0.9)))
    )
    desk._publish((replace(one, asset="C", probability_30d=None, low=None, high=None),))

    event = room.emitted[-1]
    assert isinstance(event, wire.PrognosisChanged)
    assert [p.asset for p in event.items] == ["B", "bridge", "A", "C"]
