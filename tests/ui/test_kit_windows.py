"""The windows of the field kit: what is asked of the recorder and what is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from lamplighter.domain import wire
from lamplighter.domain.edits import Conflict, Edit
from lamplighter.domain.kit import KitOrigin, KitReport, KitState, KitWanted
from lamplighter.domain.problems import problem
from lamplighter.ui.conflicts_page import ConflictsPage
from lamplighter.ui.desk import Desk
from lamplighter.ui.kit_dialog import EVERYTHING, SELECTED, KitDialog
from lamplighter.ui.kit_line import KitLine
from lamplighter.ui.return_dialog import ReturnDialog

Asked = list[wire.Request]
ORIGIN = KitOrigin(kit="k", store="home", name="Office", key="ab" * 32, scope="harbour",
                   made_ms=1, expires_ms=0, begun_ms=2)  # fmt: skip


def edit(id: str, origin: str, field: str, value: str, at: int = 1) -> Edit:
    return Edit(id, "order/WO-1", field, value, ("first",), origin, at, f"{origin}'s author")


def conflict(field: str, *, safety: bool = False) -> Conflict:
    heads = (
        edit("b" + field, "there", field, "theirs", 9),
        edit("a" + field, "here", field, "mine"),
    )
    return Conflict("order/WO-1", field, heads, "agreed", "agreed", safety)


@pytest.fixture
def desk(qtbot: QtBot) -> Iterator[tuple[Desk, Asked, QWidget]]:
    made, parent = Desk(), QWidget()
    qtbot.addWidget(parent)
    asked: Asked = []

    def ask(request: wire.Request, done: Callable[[wire.Reply], None] | None = None) -> None:
        asked.append(request)
        if done is not None and isinstance(request, wire.TakeKit | wire.MergeKit | wire.SendKit):
            done(wire.TaskStarted(7))

    made.ask = ask  # type: ignore[method-assign]
    made.kits.take(wire.KitIs(KitState(store="here", places={"there": "Crew 2"})))
    asked.clear()
    yield made, asked, parent


def page_of(desk: Desk, parent: QWidget, *conflicts: Conflict) -> ConflictsPage:
    desk.take_event(wire.Conflicts(conflicts))
    return ConflictsPage(desk, parent)


def test_mine_is_first_and_enter_keeps_it_with_both_heads_seen(
    desk: tuple[Desk, Asked, QWidget],
) -> None:
    made, asked, parent = desk
    page = page_of(made, parent, conflict("note"))
    assert [c.edit.value for c in page.choices] == ["mine", "theirs"]
    assert page.primary.text() == "Keep mine"
    page.decide()
    assert isinstance(asked[-1], wire.EditFields)
    assert asked[-1].changes == {"note": "mine"}
    assert asked[-1].seen == {"note": ("anote", "bnote")}


def test_keys_choose_a_side_and_take_theirs(desk: tuple[Desk, Asked, QWidget]) -> None:
    made, asked, parent = desk
    page = page_of(made, parent, conflict("note"))
    page.pick(1)
    assert page.picked is page.choices[1] and page.primary.text() == "Take the chosen one"
    page.take_side(mine=False)
    assert isinstance(asked[-1], wire.EditFields) and asked[-1].changes == {"note": "theirs"}


def test_something_else_may_be_written(desk: tuple[Desk, Asked, QWidget]) -> None:
    made, asked, parent = desk
    page = page_of(made, parent, conflict("note"))
    QTest.keyClicks(page.other, "both")
    assert page.picked is None and page.primary.text() == "Write this"
    QTest.keyClicks(page.reason, "asked the crew")
    page.decide()
    found = asked[-1]
    assert isinstance(found, wire.EditFields)
    assert (found.changes, found.reason) == ({"note": "both"}, "asked the crew")


def test_safety_is_never_chosen_beforehand_and_needs_two_people(
    desk: tuple[Desk, Asked, QWidget],
) -> None:
    made, asked, parent = desk
    page = page_of(made, parent, conflict("isolation", safety=True))
    assert page.picked is None
    for work in (lambda: page.pick(0), page.decide, page.keep_both,
                 lambda: page.take_side(mine=True)):  # fmt: skip
        work()
    assert page.picked is None and asked == []
    assert not page.primary.isEnabled() and not page.theirs.isEnabled()
    page.second.setText("M. Berg")
    assert not page.choices[0].isEnabled()
    page.reason.setText("looked at the valve")
    assert page.choices[0].isEnabled() and page.picked is None
    page.pick(0)
    page.decide()
    found = asked[-1]
    assert isinstance(found, wire.EditFields) and found.changes == {"isolation": "mine"}
    assert (found.second, found.reason) == ("M. Berg", "looked at the valve")


def test_both_are_kept_as_a_note_and_the_field_goes_back(
    desk: tuple[Desk, Asked, QWidget],
) -> None:
    made, asked, parent = desk
    page = page_of(made, parent, conflict("note"))
    page.keep_both()
    note, back = asked[-2:]
    assert isinstance(note, wire.EditFields) and note.object.startswith("note/")
    assert "mine" in str(note.changes["text"]) and "Crew 2" in str(note.changes["text"])
    assert isinstance(back, wire.EditFields) and back.changes == {"note": "agreed"}


def test_one_may_be_put_off_and_the_next_is_asked(desk: tuple[Desk, Asked, QWidget]) -> None:
    made, _, parent = desk
    page = page_of(made, parent, conflict("note"), conflict("crew"))
    first = page.conflict
    page.later()
    assert page.conflict is not None and page.conflict != first
    made.take_event(wire.Conflicts((conflict("note"),)))
    assert page.list.count() == 1
    made.take_event(wire.Conflicts(()))
    assert page.conflict is None and "Nothing waits" in page.question.text()


def test_letters_typed_into_a_field_are_letters(desk: tuple[Desk, Asked, QWidget]) -> None:
    made, asked, parent = desk
    page = page_of(made, parent, conflict("note"), conflict("crew"))
    page.other.setFocus()
    QTest.keyClicks(page.other, "lb 1")
    assert page.other.text() == "lb 1" and asked == []


def test_a_kit_says_what_it_holds_before_it_is_taken(
    desk: tuple[Desk, Asked, QWidget], qtbot: QtBot
) -> None:
    made, asked, parent = desk
    box = KitDialog(made, parent)
    assert box.what.currentIndex() == EVERYTHING
    qtbot.waitUntil(lambda: any(isinstance(a, wire.PreviewKit) for a in asked), timeout=20_000)
    box._previewed(wire.KitPreview("the whole project", {"assets": 4, "orders": 2}, 5_000_000))
    assert "4 assets" in box.holds.text() and "5.0 MB" in box.holds.text()
    box.what.setCurrentIndex(SELECTED)
    assert not box.primary.isEnabled()  # nothing is selected
    made.selection.select(("P-1", "P-2"))
    assert box.primary.isEnabled()
    box.file.setText("/x/k.kit")
    box.word.setText("one")
    assert not box.primary.isEnabled()
    box.again.setText("one")
    box.take()
    found = asked[-1]
    assert isinstance(found, wire.TakeKit) and found.wanted.assets == ("P-1", "P-2")
    assert found.passphrase == "one" and not box.primary.isEnabled()
    report = KitReport(action="take", file="/x/k.kit", kit="k", key="cd" * 32, records=12)
    made.take_event(wire.KitDone(7, report))
    assert "12 records" in box.said.text() and not box.word.text()


def test_work_is_brought_back_from_a_kit_and_merged_at_home(
    desk: tuple[Desk, Asked, QWidget],
) -> None:
    made, asked, parent = desk
    box = ReturnDialog(made, parent)
    assert not box._home.isVisibleTo(box)
    made.kits.take(wire.KitIs(KitState(origin=ORIGIN, waiting=3, store="here")))
    assert box._home.isVisibleTo(box) and "3 changes wait" in box.about.text()
    box.where.setText("10.0.0.2:7461")
    assert not box.send.isEnabled()
    box.code.setText("ABCD-EFGH-JKMN")
    box.send.click()
    assert asked[-1] == wire.SendKit("10.0.0.2:7461", "ABCD-EFGH-JKMN")
    told = problem("A-424", name="back.kit", what="the link was cut")
    made.take_event(wire.KitDone(7, None, told))
    assert "A-424" in box.said.text() and box.send.isEnabled()
    box.out.setText("/usb/back.kit")
    box.write.click()
    assert asked[-1] == wire.TakeKit("/usb/back.kit", KitWanted(changes=True))
    made.take_event(wire.KitDone(7, KitReport(action="take", file="f", kit="k")))
    box.file.setText("/usb/k")
    box.trust.setText("AB CD")
    box.merge.click()
    assert asked[-1] == wire.MergeKit("/usb/k", "", "abcd")


def test_the_line_says_where_a_kit_is_from_and_what_waits(
    desk: tuple[Desk, Asked, QWidget],
) -> None:
    made, _, parent = desk
    line = KitLine(made, parent)
    assert not line.isVisibleTo(parent)
    made.kits.take(wire.KitIs(KitState(origin=ORIGIN, waiting=3, store="here")))
    assert line.isVisibleTo(parent) and "Office" in line.words.full and "3" in line.words.full
    made.take_event(wire.Conflicts((conflict("note"),)))
    assert line.decide.text() == "1 to decide"
