"""A field kit is taken, shown, begun from and merged back, and the same one twice adds nothing."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest
from tests.kit.field_town import PHOTO, PHOTO_NAME, change, chunk, desk_of, records, town
from tests.kit.program import Recording, json_of, verb

from lamplighter.analytics import model_files
from lamplighter.domain import wire
from lamplighter.domain.alarm import AlarmEvent, AlarmRecord, AlarmState
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.kit import KitWanted
from lamplighter.domain.models import Figure, ModelCard
from lamplighter.domain.problems import LamplighterError
from lamplighter.governance.keys import signing_key
from lamplighter.governance.roles import local_identity
from lamplighter.runtime import alarm_edits, records_alone
from lamplighter.runtime import kit as kits
from lamplighter.runtime import project as projects
from lamplighter.runtime.alarm_watch import SOURCE
from lamplighter.runtime.intake import StoreDoor
from lamplighter.runtime.model_registry import ModelRegistry

EVERYTHING = KitWanted(everything=True)
CHANGES = KitWanted(changes=True)


@pytest.fixture
def office(tmp_path: Path) -> Path:
    return town(tmp_path / "office")


def laptop(office: Path, name: str = "laptop", wanted: KitWanted = EVERYTHING) -> Path:
    """A project begun from a kit of the office."""
    file, folder = office.parent / f"{name}.kit", office.parent / name
    kits.take_alone(office, file, wanted)
    kits.merge_alone(folder, file)
    return folder


def back(laptop: Path, office: Path) -> kits.KitReport:
    file = laptop.with_suffix(".back")
    kits.take_alone(laptop, file, CHANGES)
    return kits.merge_alone(office, file)


def test_a_kit_of_everything_becomes_a_project_that_says_the_same(office: Path) -> None:
    (office / "media" / "stills").mkdir()
    (office / "media" / "stills" / "cam.jpg").write_bytes(b"people on a square")
    there = laptop(office)
    assert not (there / "media" / "stills").exists()
    assert records(there)["order/WO-1"] == records(office).get(
        "order/WO-1", records(there)["order/WO-1"]
    )
    with projects.opened(there) as store, projects.opened(office) as home:
        assert {a.id for a in store.assets()} == {a.id for a in home.assets()}
        assert {e.target for e in store.edges()} == {e.target for e in home.edges()}
        mine = [(r.datastream, r.phenomenon_time_ms, r.value) for r in store.export_rows(0, 2**62)]
        theirs = [(r.datastream, r.phenomenon_time_ms, r.value) for r in home.export_rows(0, 2**62)]
        assert sorted(mine) == sorted(theirs)
        assert store.store_id != home.store_id
        assert {o.id for o in store.work_orders()} == {o.id for o in home.work_orders()}
        assert store.setting("past.simulated") == "yes" and not store.setting("command.counter")
        origin = kits.state_of(store).origin
        assert origin is not None and origin.name == "Office"
    assert (there / "media" / PHOTO_NAME).read_bytes() == PHOTO
    assert projects.verify_history(there)["ok"]


def test_an_area_takes_what_lies_in_it_and_no_more(office: Path) -> None:
    there = laptop(office, wanted=KitWanted(area=(9.995, 53.4, 10.015, 53.6)))
    with projects.opened(there) as store:
        assert {a.id for a in store.assets()} == {"A-0", "A-1"}
        assert [(e.source, e.target) for e in store.edges()] == [("A-0", "A-1")]
        assert {r.datastream for r in store.export_rows(0, 2**62)} == {"p0", "p1"}
        assert {o.id for o in store.work_orders()} == {"WO-0", "WO-1"}


@pytest.mark.parametrize(
    "wanted",
    [
        KitWanted(),
        KitWanted(everything=True, changes=True),
        KitWanted(assets=("nobody",)),
        KitWanted(district="nowhere"),
        KitWanted(area=(11.0, 50.0, 10.0, 51.0)),
    ],
)
def test_a_scope_that_cannot_be_is_refused(office: Path, wanted: KitWanted) -> None:
    with pytest.raises(LamplighterError, match="U-801"):
        kits.take_alone(office, office.parent / "k", wanted)
    assert not (office.parent / "k").exists()


def test_work_comes_back_once_with_its_author_place_and_time(office: Path) -> None:
    there = laptop(office)
    change(there, "order/WO-0", {"note": "gland replaced", "step.a.done": True}, "crew 2")
    change(there, "note/n1", {"asset": "A-0", "text": "valve stiff"}, "crew 2")
    first = back(there, office)
    assert first.records == first.counts["edits"] > 0 and first.conflicts == ()
    said = records(office)
    assert said["order/WO-0"]["note"] == "gland replaced"
    assert said["note/n1"]["text"] == "valve stiff"
    with projects.opened(office) as store, projects.opened(there) as other:
        edit = next(e for e in store.edits() if e.field == "note")
        assert (edit.author, edit.origin, edit.reason) == (
            "crew 2",
            other.store_id,
            "crew 2 says so",
        )
        order = next(o for o in store.work_orders() if o.id == "WO-0")
        assert order.steps[0].done
    again = back(there, office)
    assert (again.records, again.counts) == (0, {})
    found = kits.given(office)
    assert [k["scope"] for k in found["kits"]] == ["the whole project"]
    assert [c["name"] for c in found["consoles"]] == ["Office (laptop)"]
    assert "token" not in str(found)


def test_the_past_shows_work_when_it_was_done_and_when_it_became_known(office: Path) -> None:
    there = laptop(office)
    before = SystemClock().wall_ms()
    time.sleep(0.01)
    change(there, "order/WO-0", {"note": "done in the field"}, "crew")
    time.sleep(0.01)
    between = SystemClock().wall_ms()
    time.sleep(0.01)
    back(there, office)
    after = SystemClock().wall_ms()

    def note(at_ms: int, as_known: bool) -> str:
        with projects.opened(office) as store:
            return next(o.note for o in store.rewind.orders(at_ms, as_known) if o.id == "WO-0")

    assert [note(t, False) for t in (before, between, after)] == [
        "", "done in the field", "done in the field"
    ]  # fmt: skip
    assert [note(t, True) for t in (before, between, after)] == ["", "", "done in the field"]


def test_two_values_of_one_field_are_listed_with_both_sides(office: Path) -> None:
    there = laptop(office)
    change(there, "order/WO-0", {"note": "6312-C3", "isolation": "valve closed"}, "crew 2")
    change(office, "order/WO-0", {"note": "6312-2RS", "isolation": "breaker open"}, "store desk")
    found = {c.field: c for c in back(there, office).conflicts}
    assert set(found) == {"note", "isolation"}
    assert (found["note"].mine, found["note"].theirs) == ("6312-2RS", "6312-C3")
    assert found["isolation"].safety and not found["note"].safety
    assert records(office)["order/WO-0"].get("isolation") is None


def test_safety_that_changed_elsewhere_is_told(office: Path) -> None:
    there = laptop(office)
    change(there, "order/WO-0", {"isolation": "valve closed"}, "crew 2")
    told = back(there, office).safety
    assert [(s.field, s.value, s.by) for s in told] == [("isolation", "valve closed", "crew 2")]


def test_observations_of_the_laptop_come_once_with_their_origin(office: Path) -> None:
    there = laptop(office)
    now = SystemClock().wall_ms()
    with projects.opened(there, write=True) as store:
        StoreDoor(store).take(chunk("probe", 3, 0, [("v", now, 1.5), ("v", now + 1, 1.6)]))
    report = back(there, office)
    assert report.counts["points"] == 2
    assert back(there, office).records == 0
    with projects.opened(office) as store, projects.opened(there) as other:
        rows = [r for r in store.export_rows(0, 2**62) if r.source == "probe"]
        assert [r.value for r in rows] == [1.5, 1.6]
        origin = store.history_sql.execute("SELECT store FROM origin").fetchall()
        assert origin == [(other.store_id,)]


def test_files_come_back_by_their_content(office: Path) -> None:
    there = laptop(office)
    (there / "media" / "new.png").write_bytes(b"picture")
    change(there, "attachment/x", {"asset": "A-1", "file": "new.png"}, "crew 2")
    assert back(there, office).counts["files"] == 1
    assert (office / "media" / "new.png").read_bytes() == b"picture"


def test_a_stranger_is_refused_until_a_person_vouches(office: Path, tmp_path: Path) -> None:
    stranger = town(tmp_path / "other")
    kits.take_alone(stranger, tmp_path / "s.kit", EVERYTHING)
    with pytest.raises(LamplighterError, match="A-423"):
        kits.merge_alone(office, tmp_path / "s.kit")
    key = kits.show(tmp_path / "s.kit").key
    assert kits.merge_alone(office, tmp_path / "s.kit", trust=key[:20]).action == "merge"
    kits.merge_alone(office, tmp_path / "s.kit")


def test_an_edit_rewritten_by_a_trusted_console_is_refused_and_nothing_is_taken(
    office: Path,
) -> None:
    there = laptop(office)
    change(there, "note/n", {"text": "as it was", "asset": "A-0"}, "crew")
    back(there, office)
    with sqlite3.connect(there / "city.db") as sql:
        for n, body in sql.execute("SELECT n, body FROM fact WHERE kind = 'edit'").fetchall():
            new = body.replace(b"as it was", b"not so at")
            sql.execute("UPDATE fact SET body = ? WHERE n = ?", (new, n))
    change(there, "note/other", {"text": "beside it"}, "crew")
    with pytest.raises(LamplighterError, match="rewritten"):
        back(there, office)
    assert records(office)["note/n"]["text"] == "as it was"
    assert "note/other" not in records(office)


def test_a_passphrase_seals_the_kit(office: Path, tmp_path: Path) -> None:
    file = tmp_path / "s.kit"
    kits.take_alone(office, file, EVERYTHING, "correct horse")
    assert b"Pump" not in file.read_bytes()
    for wrong in ("", "wrong"):
        with pytest.raises(LamplighterError, match="A-422"):
            kits.merge_alone(tmp_path / "l", file, wrong)
    assert not (tmp_path / "l").exists()
    assert kits.merge_alone(tmp_path / "l", file, "correct horse").counts["assets"] == 4


def test_an_expired_kit_begins_no_project(office: Path, tmp_path: Path) -> None:
    wanted = KitWanted(everything=True, valid_days=1e-9)
    kits.take_alone(office, tmp_path / "old.kit", wanted)
    time.sleep(0.01)
    with pytest.raises(LamplighterError, match="expired"):
        kits.merge_alone(tmp_path / "l", tmp_path / "old.kit")
    assert not (tmp_path / "l").exists()


def test_a_model_in_use_goes_along_and_is_signed_anew(office: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (scratch / "tables.npz").write_bytes(b"tables")
    files = {"tables.npz": model_files.sha256(scratch / "tables.npz")}
    with projects.opened(office, write=True) as store:
        registry = ModelRegistry(store, signing_key(office / "keys"), SystemClock())
        card = ModelCard(
            "maintenance", "Pumps that fail", "a method", "12 failures", 0, 1, 24, 900, (0,),
            "whole assets", "training rows", (Figure("Brier score", 0.1, 0.2, n=24),),
        )  # fmt: skip
        registry.adopt(scratch, files, card)
    there = laptop(office)
    with projects.opened(there, write=True) as store:
        used = ModelRegistry(store, signing_key(there / "keys"), SystemClock()).in_use(
            "maintenance"
        )
        assert used is not None and used.files == files
    (office / "models" / "maintenance" / "0001" / "tables.npz").write_bytes(b"changed")
    other = laptop(office, "second")
    with projects.opened(other, write=True) as store:
        registry = ModelRegistry(store, signing_key(other / "keys"), SystemClock())
        with pytest.raises((LamplighterError, OSError)):
            registry.in_use("maintenance")


def test_a_conflict_is_settled_by_a_verb_that_sees_all_sides(office: Path) -> None:
    there = laptop(office)
    change(there, "order/WO-0", {"note": "6312-C3", "isolation": "closed"}, "crew 2")
    change(office, "order/WO-0", {"note": "6312-2RS", "isolation": "open"}, "store desk")
    back(there, office)
    kits.settle_alone(office, "order/WO-0", "note", take="theirs", reason="asked the crew")
    assert records(office)["order/WO-0"]["note"] == "6312-C3"
    me = local_identity().user
    for reason, second, said in (
        ("", "", "name the second person"), ("valve looked at", "", "name the second person"),
        ("", "M. Berg", "say why"), ("valve looked at", me.upper(), "somebody else"),
    ):  # fmt: skip
        with pytest.raises(LamplighterError, match=said):
            kits.settle_alone(
                office, "order/WO-0", "isolation", take="mine", reason=reason, second=second
            )
        ask = wire.EditFields("order/WO-0", {"isolation": "closed"}, reason, {}, second)
        with records_alone.alone(office) as desk, pytest.raises(LamplighterError, match=said):
            desk.answer(ask)
    kits.settle_alone(
        office, "order/WO-0", "isolation", value="closed", reason="valve looked at",
        second="M. Berg",
    )  # fmt: skip
    with desk_of(office) as (_, edits):
        reasons = {e.reason for e in edits.edits.history("order/WO-0")}
    assert "valve looked at (decided with M. Berg)" in reasons
    assert kits.conflicts(office) == []
    with pytest.raises(LamplighterError, match="no conflict"):
        kits.settle_alone(office, "order/WO-0", "note", take="mine", reason="again")
    news = office.parent / "news.kit"
    kits.take_alone(office, news, EVERYTHING)
    kits.merge_alone(there, news)
    assert kits.conflicts(there) == []
    assert records(there)["order/WO-0"]["isolation"] == "closed"


def test_a_merge_that_is_cut_anywhere_is_begun_again_and_comes_to_the_same(
    office: Path, tmp_path: Path
) -> None:
    there = laptop(office)
    now = SystemClock().wall_ms()
    with projects.opened(there, write=True) as store:
        StoreDoor(store).take(chunk("probe", 3, 0, [("v", now, 1.5)]))
    (there / "media" / "new.png").write_bytes(b"picture")
    change(there, "attachment/x", {"asset": "A-1", "file": "new.png"}, "crew 2")
    change(there, "order/WO-0", {"note": "from the field"}, "crew 2")
    kits.take_alone(there, tmp_path / "r", CHANGES)

    class Cut(Exception):
        pass

    for left in range(1, 30):
        steps = [left]

        def cable(*_: object, steps: list[int] = steps) -> None:
            steps[0] -= 1
            if steps[0] == 0:
                raise Cut

        try:
            kits.merge_alone(office, tmp_path / "r", steps=cable)
        except Cut:
            said = records(office)
            assert ("attachment/x" in said) == (said.get("order/WO-0", {}).get("note") is not None)
            continue
        break
    assert left > 3
    assert records(office)["order/WO-0"]["note"] == "from the field"
    assert (office / "media" / "new.png").read_bytes() == b"picture"
    with projects.opened(office) as store:
        rows = [r for r in store.export_rows(0, 2**62) if r.source == "probe"]
    assert len(rows) == 1 and projects.verify_history(office)["ok"]


def test_the_way_back_begins_no_project(office: Path, tmp_path: Path) -> None:
    there = laptop(office)
    change(there, "note/n", {"text": "x"}, "crew")
    kits.take_alone(there, tmp_path / "r", CHANGES)
    with pytest.raises(LamplighterError, match="came from"):
        kits.merge_alone(tmp_path / "empty", tmp_path / "r")
    assert not (tmp_path / "empty").exists()


def test_a_kit_that_was_cut_goes_on_where_it_was(
    office: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cut.kit"

    class Cut(Exception):
        pass

    def cable(done: int, total: int, text: str) -> None:
        if text == "files":
            raise Cut

    with pytest.raises(Cut):
        kits.take_alone(office, file, EVERYTHING, steps=cable)
    part = tmp_path / "cut.kit.part"
    before = part.stat().st_size
    assert before > 0 and not file.exists()
    kept: list[int] = []
    from lamplighter.exchange.kit_file import KitWriter

    real = KitWriter.close
    finish = KitWriter.finish

    def watch(self: KitWriter, *args: object) -> object:
        kept.append(self.kept)
        return finish(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(KitWriter, "finish", watch)
    monkeypatch.setattr(KitWriter, "close", real)
    kits.take_alone(office, file, EVERYTHING)
    assert kept[0] >= before and not part.exists()
    assert kits.merge_alone(tmp_path / "l", file).counts["assets"] == 4


def test_the_verbs_work_beside_a_recorder(office: Path, tmp_path: Path) -> None:
    key = _silent(office)
    with Recording(office) as recording:
        recording.ready()
        taken = json_of("kit", "take", office, tmp_path / "k", "--all", "--for", "crew 2")
        assert taken["records"] > 0 and taken["conflicts"] == []
        shown = kits.show(tmp_path / "k")
        assert shown.purpose == "crew 2" and shown.counts == taken["counts"]
        there = tmp_path / "laptop"
        kits.merge_alone(there, tmp_path / "k")
        change(there, "order/WO-2", {"note": "done at noon"}, "crew 2")
        with desk_of(there, "crew 2") as (store, desk):
            alarms = store.alarms()
            assert [a.key for a in alarms] == [key]
            for action, until in (("ack", 0), ("shelve", SystemClock().wall_ms() + 3_600_000)):
                alarm_edits.note(
                    desk, action, alarms, until_ms=until, who="crew 2", reason="seen on site"
                )
        kits.take_alone(there, tmp_path / "r", CHANGES)
        merged = json_of("kit", "merge", office, tmp_path / "r")
        assert merged["counts"]["edits"] >= 3
        assert [s["field"] for s in merged["safety"]] == ["shelved"]
        bad = verb("kit", "merge", office, tmp_path / "missing")
        assert bad.returncode == 3 and "A-422" in bad.stderr and "Traceback" not in bad.stderr
        recording.end()
    assert records(office)["order/WO-2"]["note"] == "done at noon"
    assert projects.verify_audit(office)["ok"]
    with projects.opened(office) as store:
        (alarm,) = store.alarms()
        assert (alarm.state, alarm.acked_by) == (AlarmState.ACKED, "crew 2")  # and not shelved
        done = [e for e in store.alarm_journal() if e.event == "acked"]
        assert len(done) == 1 and "known here" in done[0].note


def _silent(office: Path) -> str:
    """An alarm that asks for an acknowledgement; its key."""
    now = SystemClock().wall_ms()
    record = AlarmRecord(
        SOURCE, "plc", -1, AlarmState.UNACK, 3, "Source silent", True, now, now, unacked_ms=now
    )
    event = AlarmEvent(SOURCE, "plc", 1, now, "raised", AlarmState.NORM, AlarmState.UNACK, record)
    with projects.opened(office, write=True) as store:
        store.writer.call(lambda access: access.put_alarm_events([event])).result(30)
    return record.key
