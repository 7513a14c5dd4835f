"""A project's crews and their days: proposed, taken, taken back; and what waiting costs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from lamplighter.cli.app import run
from lamplighter.cli.starters import Starters
from lamplighter.domain import wire
from lamplighter.domain.city import Asset
from lamplighter.domain.crew_plan import DAY_MS, Crew
from lamplighter.domain.maintenance import Prognosis, WorkOrder
from lamplighter.domain.problems import LamplighterError
from lamplighter.domain.waiting import WaitingCosts
from lamplighter.runtime import project as projects
from lamplighter.runtime.crews import CrewDesk
from lamplighter.runtime.records_alone import Alone
from lamplighter.store import Store

WITHOUT = Starters(field=lambda _: 2, window=lambda **_: 2)
DAY = 1_795_305_600_000 // DAY_MS * DAY_MS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    projects.create(tmp_path / "town")
    with projects.opened(tmp_path / "town", write=True) as found:
        pumps = [Asset(f"P-{n}", "Pump", f"Pump {n}", "water", 4.4 + n / 100, 51.9) for n in "12"
                 for n in [int(n)]]  # fmt: skip
        risky = Prognosis("P-2", DAY, 30, 0.6, 0.4, 0.8, naive_probability=0.05, people=900)

        def keep(access: object) -> None:
            access.put_assets(pumps)  # type: ignore[attr-defined]
            access.put_prognoses([risky])  # type: ignore[attr-defined]

        found.writer.call(keep).result()
        yield found


@pytest.fixture
def alone(store: Store) -> Alone:
    return Alone(store)


def ordered(alone: Alone, asset: str, skill: str = "pumps") -> str:
    reply = alone.answer(wire.PutWorkOrder(WorkOrder("", asset, "Look at it", skill=skill)))
    assert isinstance(reply, wire.Ok)
    return reply.text


def test_a_proposed_day_changes_nothing_and_a_taken_one_is_on_the_orders(
    alone: Alone, store: Store
) -> None:
    crew = alone.crews.put(Crew("", "Ash", ("pumps",), lon=4.4, lat=51.9))
    calm, risky = ordered(alone, "P-1"), ordered(alone, "P-2")
    electric = ordered(alone, "P-1", "electrical")
    found = alone.crews.propose(DAY, {})
    assert [v.order for v in found.plan.visits] == [calm, risky]  # the shorter way serves both
    assert found.plan.unplanned[0].why == "no crew with the skill electrical"
    assert all(o.state == "open" for o in store.work_orders())

    alone.answer(wire.TakeCrewPlan(DAY, {crew.id: (risky, calm)}))
    orders = {o.id: o for o in store.work_orders()}
    assert orders[risky].crew == crew.name and orders[risky].state == "planned"
    assert DAY < orders[risky].planned_ms < orders[calm].planned_ms
    assert [v.order for v in alone.crews.day(DAY).plan.visits] == [risky, calm]

    alone.answer(wire.TakeCrewPlan(DAY, {crew.id: (calm,)}))
    orders = {o.id: o for o in store.work_orders()}
    assert (orders[risky].state, orders[risky].crew, orders[risky].planned_ms) == ("open", "", 0)
    assert orders[electric].state == "open"


def test_a_renamed_crew_keeps_its_day_and_no_second_one_has_its_name(
    alone: Alone, store: Store
) -> None:
    crew = alone.crews.put(Crew("", "Ash", ("pumps",), lon=4.4, lat=51.9))
    order = ordered(alone, "P-1")
    alone.answer(wire.TakeCrewPlan(DAY, {crew.id: (order,)}))
    alone.crews.put(replace(crew, name="Birch"))
    assert next(o.crew for o in store.work_orders() if o.id == order) == "Birch"
    assert [v.order for v in alone.crews.day(DAY).plan.visits] == [order]
    with pytest.raises(LamplighterError, match="there is a crew birch already"):
        alone.crews.put(Crew("", "birch"))


def test_a_day_is_taken_in_one_transaction(
    alone: Alone, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    crew = alone.crews.put(Crew("", "Ash", ("pumps",)))
    orders = [ordered(alone, "P-1"), ordered(alone, "P-2")]
    calls: list[object] = []
    call = store.writer.call
    monkeypatch.setattr(store.writer, "call", lambda work: calls.append(work) or call(work))
    alone.crews.take(DAY, {crew.id: tuple(orders)})
    assert len(calls) == 1
    assert {o.state for o in store.work_orders()} == {"planned"}


def test_what_is_planned_for_tomorrow_is_no_job_of_today(alone: Alone) -> None:
    crew = alone.crews.put(Crew("", "Ash", ("pumps",)))
    order = ordered(alone, "P-1")
    alone.crews.take(DAY + DAY_MS, {crew.id: (order,)})
    assert alone.crews.day(DAY).jobs == ()
    assert alone.crews.day(DAY + DAY_MS).jobs[0].order == order
    assert alone.crews.day(DAY + 2 * DAY_MS).jobs[0].order == order  # it was not done


@pytest.mark.parametrize("ways", [{"nobody": ()}, {"": ("WO-none",)}])
def test_a_day_with_what_is_not_there_is_refused(
    alone: Alone, ways: dict[str, tuple[str, ...]]
) -> None:
    crew = alone.crews.put(Crew("", "Ash"))
    with pytest.raises(LamplighterError, match="U-801"):
        alone.crews.take(DAY, {k or crew.id: v for k, v in ways.items()})


def test_a_dropped_crew_is_gone(alone: Alone) -> None:
    crew = alone.crews.put(Crew("", "Ash", ("pumps", "electrical"), 360, 840, 4.4, 51.9, 3))
    assert alone.crews.crews() == (crew,)
    alone.crews.drop(crew.id)
    assert alone.crews.crews() == ()


def test_amounts_of_waiting_are_kept_by_class(store: Store, alone: Alone) -> None:
    desk = CrewDesk(store, alone.edits)
    assert desk.waiting("P-2").choices and not desk.waiting("P-2").costs.own
    desk.set_costs("Pump", WaitingCosts(planned=500.0))
    assert desk.waiting("P-2").costs == WaitingCosts(planned=500.0, own=True)
    assert desk.waiting("P-1").basis.startswith("no basis")


def test_the_verbs_print_the_same(
    store: Store, alone: Alone, capsys: pytest.CaptureFixture[str]
) -> None:
    alone.crews.put(Crew("", "Ash", ("pumps",), lon=4.4, lat=51.9))
    ordered(alone, "P-2")
    folder = str(store.folder)
    store.close()
    assert run(["crew", "plan", folder, "--json"], WITHOUT) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["visits"][0]["crew_name"] == "Ash" and "540 people" in found["visits"][0]["why"]
    assert run(["waiting", folder, "P-2", "--json"], WITHOUT) == 0
    assert len(json.loads(capsys.readouterr().out)["choices"]) == 3
