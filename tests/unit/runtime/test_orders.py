"""Work orders and attachments of a project: gated closing, history, search, backup."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.kit import photos

from lamplighter.domain import wire
from lamplighter.domain.attachments import media_place, object_of
from lamplighter.domain.city import Asset
from lamplighter.domain.edits import Edit
from lamplighter.domain.maintenance import JobTemplate, Part, Step, WorkOrder
from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime import project as projects
from lamplighter.runtime.backups import backup_alone, restore
from lamplighter.runtime.fleet_past import renewals
from lamplighter.runtime.records_alone import Alone
from lamplighter.store import Store

STEPS = (
    Step("a", "Lock"),
    Step("r", "Vibration", reads=True, unit="mm/s", low=0.0, high=4.5),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    projects.create(tmp_path / "town")
    with projects.opened(tmp_path / "town", write=True) as found:
        pump = Asset("P-22", "Pump", "Booster, Hillside", "water", 4.48, 51.9)
        found.writer.call(lambda access: access.put_assets([pump])).result()
        yield found


@pytest.fixture
def desks(store: Store) -> Alone:
    return Alone(store)


def _made(desks: Alone, **more: object) -> str:
    order = WorkOrder("", "P-22", "Inspect the bearing", steps=STEPS, **more)  # type: ignore[arg-type]
    reply = desks.answer(wire.PutWorkOrder(order))
    assert isinstance(reply, wire.Ok)
    return reply.text


def _edit(desks: Alone, order: str, **fields: object) -> wire.Reply:
    changes = {name.replace("__", "."): value for name, value in fields.items()}
    return desks.answer(wire.EditFields(f"order/{order}", changes, "test"))  # type: ignore[arg-type]


def _close(order: str, **more: str) -> wire.CloseOrder:
    fields = {"finding": "found", "cause": "worn", "signer": "Ada", "reason": "tested"} | more
    return wire.CloseOrder(order, **fields)


def test_an_order_is_closed_only_when_its_checklist_says_so(desks: Alone) -> None:
    order = _made(desks)
    with pytest.raises(LamplighterError, match=r"'Lock' is not done; the reading 'Vibration'"):
        desks.answer(_close(order))
    _edit(desks, order, step__a__done=True, step__r__reading=6.1)
    with pytest.raises(LamplighterError, match="outside its limits and has no note"):
        desks.answer(_close(order))
    _edit(desks, order, step__r__note="bearing worn")
    for lack in ("signer", "reason", "cause"):
        with pytest.raises(LamplighterError, match=r"say what was wrong|a signature is"):
            desks.answer(_close(order, **{lack: " "}))
    with pytest.raises(LamplighterError, match="say what was found"):
        desks.answer(_close(order, finding="perhaps"))
    desks.answer(_close(order))
    closed = desks.orders.get(order)
    assert (closed.state, closed.finding) == ("done", "found: worn")
    assert closed.signature.startswith("Ada, ") and closed.closed_ms
    with pytest.raises(LamplighterError, match="done already"):
        desks.answer(_close(order))


def test_no_way_round_the_signature(desks: Alone) -> None:
    order = _made(desks)
    with pytest.raises(LamplighterError, match="closed with a finding and a signature"):
        _edit(desks, order, state="done")
    with pytest.raises(LamplighterError, match="'Lock' is not done"):
        desks.answer(wire.PutWorkOrder(replace(desks.orders.get(order), state="done")))
    for fields in ({"state": "perhaps"}, {"due_ms": "soon"}, {"title": " "}, {"minutes": "x"}):
        with pytest.raises(LamplighterError, match="U-841"):
            _edit(desks, order, **fields)
    assert desks.orders.get(order).state == "open"
    _edit(desks, order, state="cancelled")
    assert desks.orders.get(order).state == "cancelled"


def test_what_is_signed_stays_until_it_is_opened_again(desks: Alone) -> None:
    order = _made(desks)
    with pytest.raises(LamplighterError, match="given when it is closed"):
        _edit(desks, order, signature="Eve, today: fine")
    _edit(desks, order, step__a__done=True, step__r__reading=1.0)
    desks.answer(_close(order))
    signed = desks.orders.get(order)
    for fields in ({"note": "later"}, {"step__r__reading": 2.0}, {"signature": "Eve"}):
        with pytest.raises(LamplighterError, match="it is signed"):
            _edit(desks, order, **fields)
    with pytest.raises(LamplighterError, match="it is signed"):
        desks.answer(wire.PutWorkOrder(replace(signed, note="later")))
    assert desks.orders.get(order) == signed
    _edit(desks, order, state="open", finding="", signature="", closed_ms=0, closed_by="")
    _edit(desks, order, note="later")
    assert desks.orders.get(order).note == "later"


def test_a_field_that_two_places_say_differently_keeps_it_open_until_decided(desks: Alone) -> None:
    order = _made(desks, isolation="Off")
    _edit(desks, order, step__a__done=True, step__r__reading=1.0)
    base = desks.edits.edits.heads(f"order/{order}", "isolation")[0]
    here = desks.edits.change(f"order/{order}", {"isolation": "Off and locked"})[0]
    away = Edit("other", f"order/{order}", "isolation", "Off, earthed", (base.id,), "far", 5, "bo")
    desks.edits.merge([away])
    with pytest.raises(LamplighterError, match="disagree on isolation"):
        desks.answer(_close(order))
    seen = {"isolation": (here.id, away.id)}
    words = {"isolation": "Off, locked, earthed"}
    with pytest.raises(LamplighterError, match="name the second person"):
        desks.answer(wire.EditFields(f"order/{order}", words, "both", seen))
    desks.answer(wire.EditFields(f"order/{order}", words, "both", seen, "Bo Berg"))
    desks.answer(_close(order))


def test_an_own_checklist_is_kept_without_what_was_ticked(desks: Alone) -> None:
    job = JobTemplate("", "Ours", ("Pump",), steps=(replace(STEPS[0], done=True, done_by="ada"),))
    reply = desks.answer(wire.PutJob(job))
    assert isinstance(reply, wire.Ok)
    jobs = desks.answer(wire.GetJobs("Pump"))
    assert isinstance(jobs, wire.Jobs)
    own = next(j for j in jobs.items if j.id == reply.text)
    assert not own.steps[0].done and not own.steps[0].done_by
    assert {"water.pump-bearing"} <= {j.id for j in jobs.items}, "and those of the plugins"
    assert all("Valve" not in j.asset_types for j in jobs.items)
    desks.answer(wire.DropJob(own.id))
    assert own.id not in {j.id for j in desks.orders.jobs()}
    with pytest.raises(LamplighterError, match="no checklist of this project"):
        desks.answer(wire.DropJob("water.pump-bearing"))


def test_what_was_found_decides_whether_a_new_life_begins() -> None:
    base = WorkOrder("W", "P", "Inspect", "done", closed_ms=5, forecast="P|bearing")
    found = replace(base, finding="found: worn")
    nothing = replace(base, finding="not found")
    failed = replace(base, finding="failed: seized", forecast="")
    swapped = replace(nothing, parts=(Part("p", "Bearing", used=True),))
    by_hand = replace(found, forecast="")
    told = [[(r.time_ms, r.failed) for r in renewals([o])]
            for o in (found, nothing, failed, swapped, by_hand)]  # fmt: skip
    assert told == [[(5, True)], [], [(5, True)], [(5, False)], []]
    repair = replace(found, id="R", title="Replace bearing", forecast="", closed_ms=5 + 3_600_000)
    later = replace(repair, id="L", closed_ms=5 + 40 * 86_400_000)
    away = replace(repair, id="A", asset="Q")
    several = sorted(renewals([later, repair, failed, away]), key=lambda r: r.time_ms)
    assert [(r.asset, r.time_ms, r.failed) for r in several] == [
        ("P", 5, True), ("Q", repair.closed_ms, True), ("P", later.closed_ms, True)
    ], "the repair of a failure ends no second life"  # fmt: skip


def test_files_are_found_by_asset_order_date_and_words(desks: Alone, tmp_path: Path) -> None:
    order = _made(desks)
    photo, paper = tmp_path / "IMG_1.jpg", tmp_path / "plan.pdf"
    photo.write_bytes(photos.jpeg())
    paper.write_bytes(b"%PDF-1.7\n%%EOF")
    for ask in (
        wire.AttachFile(str(photo), "P-22", order, caption="Outer race, pitted"),
        wire.AttachFile(str(paper), lon=4.5, lat=51.9, note="Cable route"),
    ):
        assert isinstance(desks.answer(ask), wire.Attachments)

    def found(**more: object) -> list[str]:
        answer = desks.attachments.find(wire.FindAttachments(**more))  # type: ignore[arg-type]
        return [a.name for a in answer.items]

    assert found() == ["plan.pdf", "IMG_1.jpg"], "newest first, a photo by when it was taken"
    assert found(text="PITTED race") == ["IMG_1.jpg"] == found(order=order) == found(asset="P-22")
    assert found(text="cable") == ["plan.pdf"] and found(text="cable pitted") == []
    year = {"from_ms": 1_767_225_600_000, "to_ms": 1_775_000_000_000}
    assert found(**year) == ["IMG_1.jpg"]
    item = desks.attachments.find(wire.FindAttachments(text="cable")).items[0]
    desks.answer(wire.EditFields(object_of(item.id), {"caption": "Old route", "removed": True}))
    assert found(text="route") == []
    again = Alone(desks._store)
    assert [a.name for a in again.attachments.find(wire.FindAttachments()).items] == ["IMG_1.jpg"]
    for wrong, words in (
        (wire.AttachFile(str(photo)), "hangs on"),
        (wire.AttachFile(str(photo), "X"), "no asset X"),
        (wire.AttachFile(str(photo), order="X"), "no work order X"),
        (wire.AttachFile(str(photo), lon=400.0, lat=0.0), "no longitude"),
    ):
        with pytest.raises(LamplighterError, match=words):
            desks.answer(wrong)


def test_what_a_file_is_cannot_be_edited_and_no_name_leads_out_of_its_folder(
    desks: Alone, tmp_path: Path
) -> None:
    photo = tmp_path / "a.jpg"
    photo.write_bytes(photos.jpeg())
    reply = desks.answer(wire.AttachFile(str(photo), "P-22"))
    assert isinstance(reply, wire.Attachments)
    item = reply.items[0]
    for changes in ({"file": "../../keys/console.key"}, {"kind": "exe"}, {"lon": "east"}):
        with pytest.raises(LamplighterError, match="I-531"):
            desks.answer(wire.EditFields(object_of(item.id), changes))  # type: ignore[arg-type]
    with pytest.raises(LamplighterError, match="no such attachment"):
        desks.answer(wire.EditFields("attachment/none", {"caption": "x"}))
    object = "attachment/evil"
    for field, value in (("file", "../../keys/console.key"), ("kind", "jpeg"), ("name", "x")):
        desks.edits.merge([Edit(field, object, field, value, (), "far", 5, "bo")])
    found = desks.attachments.find(wire.FindAttachments()).items
    assert [a.id for a in found] == [item.id]


def test_a_value_from_elsewhere_that_fits_no_field_is_passed_over(desks: Alone) -> None:
    order = _made(desks)
    object = f"order/{order}"
    bad = {"due_ms": "soon", "step.a.reading": "high", "step.a.place": "x", "crew": "Crew 2"}
    desks.edits.merge([Edit(f, object, f, v, (), "far", 2**45, "bo") for f, v in bad.items()])
    found = desks.orders.get(order)
    assert found.crew == "Crew 2" and len(found.steps) == 2
    assert Alone(desks._store).orders.get(order) == found


def test_a_backup_brings_the_files_back(desks: Alone, store: Store, tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    photo.write_bytes(photos.jpeg())
    reply = desks.answer(wire.AttachFile(str(photo), "P-22"))
    assert isinstance(reply, wire.Attachments)
    place = media_place(reply.items[0].file)
    store.close()

    def quiet(done: int, total: int, text: str) -> None:
        """Tells nobody."""

    backup_alone(tmp_path / "town", tmp_path / "b", "", quiet)
    assert restore(tmp_path / "b", tmp_path / "back", "", quiet)["ok"]
    there = (tmp_path / "back").joinpath(*place)
    assert there.read_bytes() == (tmp_path / "town").joinpath(*place).read_bytes()
