"""Typed text is kept, offered by the next window and gone once it is sent."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PySide6.QtWidgets import QLineEdit

from lamplighter.domain.by_hand import VALUE
from lamplighter.domain.clock import SystemClock
from lamplighter.ui.app import Runner
from lamplighter.ui.draft_files import Draft, DraftFiles
from lamplighter.ui.drafts import Drafts
from lamplighter.ui.report import ReportOptions
from tests.ui.conftest import Open
from tests.ui.fake_session import FakeSession


def _files(folder: Path) -> list[Path]:
    return sorted((folder / "drafts").glob("*.draft.json"))


def _leave(folder: Path, project: str, **about: Any) -> None:
    """A draft whose window is gone."""
    files = DraftFiles(folder / "drafts", project)
    files.put(Draft("one", project, **about))
    (file,) = _files(folder)
    draft = msgspec.json.decode(file.read_bytes(), type=Draft)
    file.write_bytes(msgspec.json.encode(msgspec.structs.replace(draft, pid=0)))


def test_typed_text_is_kept_and_gone_once_sent(open_window: Open, tmp_path: Path) -> None:
    window, _ = open_window()
    furniture = window.furnish()
    furniture.new_order("P-14")
    form = furniture.order_windows.form
    assert form is not None
    assert _files(tmp_path) == []
    form._note.setText("the seal leaks")
    window.desk.drafts.keep_all()
    (file,) = _files(tmp_path)
    assert "the seal leaks" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    form._title.setText("Replace the seal")
    form.save()
    assert _files(tmp_path) == []


def test_a_lost_focus_keeps_at_once(open_window: Open, tmp_path: Path, qtbot: Any) -> None:
    window, _ = open_window()
    furniture = window.furnish()
    furniture.new_order("P-14")
    form = furniture.order_windows.form
    assert form is not None
    form._note.setText("while the focus")
    form._note.setFocus()
    form._title.setFocus()
    if not _files(tmp_path):  # no window is active on some platforms: the event itself then
        from PySide6.QtCore import QCoreApplication, QEvent
        from PySide6.QtGui import QFocusEvent

        QCoreApplication.sendEvent(form._note, QFocusEvent(QEvent.Type.FocusOut))
    assert len(_files(tmp_path)) == 1


def test_a_form_closed_by_its_user_leaves_nothing(open_window: Open, tmp_path: Path) -> None:
    window, _ = open_window()
    furniture = window.furnish()
    furniture.new_order("P-14")
    form = furniture.order_windows.form
    assert form is not None
    form._note.setText("never mind")
    window.desk.drafts.keep_all()
    form.close()
    assert _files(tmp_path) == []


def test_a_window_that_closes_keeps_what_was_not_sent(open_window: Open, tmp_path: Path) -> None:
    window, _ = open_window()
    furniture = window.furnish()
    furniture.new_order("P-14")
    form = furniture.order_windows.form
    assert form is not None
    form._note.setText("half a note")
    window.shut()
    assert len(_files(tmp_path)) == 1


def test_the_next_window_offers_a_left_text_and_puts_it_back(
    open_window: Open, tmp_path: Path
) -> None:
    _leave(tmp_path, "/nowhere", kind="order", subject="P-14", title="work order for P-14",
           fields={"job": "Seal", "note": "leaks at night"}, changed_ms=1)  # fmt: skip
    window, _ = open_window()
    assert window.recovery.isVisible()
    assert "leaks at night" in window.recovery._text.full
    window.recovery.carry_on.click()
    form = window.furnish().order_windows.form
    assert form is not None
    assert (form._title.text(), form._note.text()) == ("Seal", "leaks at night")
    assert not window.recovery.isVisible()
    form.close()
    assert _files(tmp_path) == []


def test_a_dropped_text_is_gone(open_window: Open, tmp_path: Path) -> None:
    _leave(tmp_path, "/nowhere", kind="order", subject="", title="work order",
           fields={"note": "old"}, changed_ms=1)  # fmt: skip
    window, _ = open_window()
    window.recovery.drop.click()
    assert not window.recovery.isVisible()
    assert _files(tmp_path) == []


def test_a_reason_for_a_value_by_hand_comes_back(open_window: Open, tmp_path: Path) -> None:
    window, _ = open_window()
    stream = next(iter(window.desk.city.streams.values()))
    _leave(tmp_path, "/other", kind="hand", subject=f"{VALUE}\n{stream.key}", title="value",
           fields={"value": "3.5", "reason": "sensor is wet"}, changed_ms=1)  # fmt: skip
    window.desk.drafts.open(tmp_path / "drafts", "/other")
    window.recovery.carry_on.click()
    form = window.furnish().faceplate.hand.form
    assert form is not None
    assert form.reason.text() == "sensor is wet"
    assert form.value.currentText() == "3.5"
    form.close()


def test_a_reason_to_shelve_comes_back(open_window: Open, tmp_path: Path) -> None:
    window, _ = open_window(incident=True)
    key = next(iter(window.desk.alarms))
    _leave(tmp_path, "/other", kind="aside", subject=f"shelve\n{key}", title="reason",
           fields={"reason": "crew on site"}, changed_ms=1)  # fmt: skip
    window.desk.drafts.open(tmp_path / "drafts", "/other")
    window.recovery.carry_on.click()
    form = window.furnish().alarms.form
    assert form is not None
    assert form.reason.currentText() == "crew on site"
    form.close()


def test_the_words_of_a_rule_come_back(open_window: Open, tmp_path: Path) -> None:
    window, _ = open_window()
    _leave(tmp_path, "/other", kind="rule", subject="dry-run", title="alarm rule",
           fields={"justification": "two pumps lost last year", "threshold": "2.4"},
           changed_ms=1)  # fmt: skip
    window.desk.drafts.open(tmp_path / "drafts", "/other")
    window.recovery.carry_on.click()
    work = window.furnish().alarm_work.work
    assert work is not None and work.rules.form is not None
    rule = work.rules.form.definition()
    assert (rule.id, rule.threshold) == ("dry-run", 2.4)
    assert rule.justification == "two pumps lost last year"
    work.rules.form.keep()
    assert _files(tmp_path) == []
    work.close()


def test_texts_of_a_living_window_and_of_other_projects_are_not_offered(tmp_path: Path) -> None:
    files = DraftFiles(tmp_path / "drafts", "/nowhere")
    files.put(Draft("mine", "/nowhere", "order", "", "t", {"note": "n"}, 1))
    assert DraftFiles(tmp_path / "drafts", "/nowhere").left() == []
    _leave(tmp_path / "b", "/other", kind="order", subject="", title="t",
           fields={}, changed_ms=1)  # fmt: skip
    assert DraftFiles(tmp_path / "b" / "drafts", "/nowhere").left() == []


def test_a_file_that_is_no_draft_is_set_aside_and_told(open_window: Open, tmp_path: Path) -> None:
    folder = tmp_path / "drafts"
    folder.mkdir()
    (folder / "x.draft.json").write_text("{")
    window, _ = open_window()
    assert any("set aside" in p.problem.text for p in window.desk.problems.values())
    assert len(list(folder.glob("*.unreadable"))) == 1


def test_a_folder_that_cannot_be_written_is_told_once(open_window: Open, tmp_path: Path) -> None:
    (tmp_path / "drafts").write_text("a file, not a folder")
    window, _ = open_window()
    furniture = window.furnish()
    furniture.new_order("P-14")
    form = furniture.order_windows.form
    assert form is not None
    form._note.setText("x")
    window.desk.drafts.keep_all()
    assert any("drafts" in p.problem.text for p in window.desk.problems.values())


def test_secret_fields_are_refused(qtbot: Any) -> None:
    field = QLineEdit()
    field.setEchoMode(QLineEdit.EchoMode.Password)
    qtbot.addWidget(field)
    with pytest.raises(ValueError, match="secret"):
        Drafts(SystemClock()).watch("x", "", "x", {"password": field})


def test_safe_mode_says_so_and_is_left_by_a_button(open_window: Open) -> None:
    window, _ = open_window()
    left: list[bool] = []
    window.recovery.show_safe("Safe mode, because.", lambda: left.append(True))
    assert window.recovery.isVisible()
    assert window.recovery.safe_words.full == "Safe mode, because."
    window.recovery.leave_safe.click()
    assert left == [True]
    assert not window.recovery.isVisible()


def test_a_safe_window_draws_nothing_in_3d_until_it_is_asked_to(
    qtbot: Any, themed: None, tmp_path: Path
) -> None:
    left: list[bool] = []
    runner = Runner(lambda deliver: FakeSession(deliver, buildings=2), ReportOptions(), tmp_path,
                    None, True, None, lambda: left.append(True), "Safe mode, because.")  # fmt: skip
    qtbot.addWidget(runner.window, before_close_func=lambda w: runner.close())
    runner.window.show()
    qtbot.waitUntil(lambda: runner.window.recovery.isVisible(), timeout=20_000)
    assert "Safe mode leaves it out" in runner.window.furnish().twin._text.text()
    assert left == []
    runner.window.recovery.leave_safe.click()
    qtbot.waitUntil(lambda: left == [True], timeout=20_000)
    assert "Safe mode" not in runner.window.furnish().twin._text.text()
