"""The backup dialog: what is asked for, how far it is, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from lamplighter.domain import wire
from lamplighter.domain.problems import problem
from lamplighter.domain.task import Task, TaskState
from lamplighter.ui.backup_dialog import BackupDialog
from lamplighter.ui.desk import Desk
from tests.ui.conftest import directly
from tests.ui.fake_session import FakeSession
from tests.ui.pages import another

Asked = list[wire.Request]


@pytest.fixture
def dialog(qtbot: QtBot) -> Iterator[tuple[BackupDialog, Desk, Asked]]:
    desk, parent = Desk(), QWidget()
    qtbot.addWidget(parent)
    asked: Asked = []

    def ask(request: wire.Request, done: Callable[[wire.Reply], None] | None = None) -> None:
        asked.append(request)
        if done is not None:
            done(wire.TaskStarted(7))

    desk.ask = ask  # type: ignore[method-assign]
    yield BackupDialog(desk, parent), desk, asked  # the parent lives as long as the test


def test_two_passphrases_must_be_the_same(dialog: tuple[BackupDialog, Desk, Asked]) -> None:
    box, _, asked = dialog
    box.file.setText("/x/town.tar.zst")
    QTest.keyClicks(box.word, "correct horse")
    assert not box.primary.isEnabled()
    box.take()
    assert asked == []
    box.again.setText("correct horse")
    box.primary.click()
    assert asked == [wire.TakeBackup("/x/town.backup", "correct horse")]


def test_progress_and_outcome_are_told_in_place(dialog: tuple[BackupDialog, Desk, Asked]) -> None:
    box, desk, _ = dialog
    box.file.setText("/x/town.tar.zst")
    box.take()
    assert not box.primary.isEnabled()
    desk.take_event(wire.TaskChanged(Task(7, "Backup", TaskState.RUNNING, 3, 10, "packing")))
    assert box.said.text() == "packing"
    desk.take_event(wire.BackupDone(8, "/x/other"))
    assert box.said.text() == "packing"
    desk.take_event(wire.BackupDone(7, "/x/town.tar.zst", 5_000_000, 2.0, 4, 812))
    assert "/x/town.tar.zst is whole: 5.0 MB" in box.said.text()
    assert box.primary.isEnabled()


def test_a_failure_is_told_and_can_be_tried_again(dialog: tuple[BackupDialog, Desk, Asked]) -> None:
    box, desk, _ = dialog
    box.file.setText("/x/town.tar.zst")
    box.take()
    told = problem("A-408", name="town.tar.zst", what="there is not enough room for it")
    desk.take_event(wire.BackupDone(7, "/x/town.tar.zst", problem=told))
    assert "A-408" in box.said.text()
    assert box.primary.isEnabled()


def test_a_backup_that_went_with_its_recorder_is_not_waited_for(
    dialog: tuple[BackupDialog, Desk, Asked],
) -> None:
    box, desk, asked = dialog
    session = FakeSession(directly, buildings=5)
    desk.connect_session(session)
    box.file.setText("/x/town.tar.zst")
    box.take()
    desk.take_event(wire.TaskChanged(Task(7, "Backup", TaskState.RUNNING, 3, 10, "packing")))
    desk.connect_session(session)  # the line alone was cut
    assert not box.primary.isEnabled() and box.bar.isVisibleTo(box)
    desk.connect_session(another(session))
    assert "restarted" in box.said.text() and not box.bar.isVisibleTo(box)
    desk.take_event(wire.TaskChanged(Task(7, "Another", TaskState.RUNNING, 1, 2, "other work")))
    assert "restarted" in box.said.text()
    box.primary.click()
    assert [type(a) for a in asked].count(wire.TakeBackup) == 2


def test_cancel_reaches_the_task(dialog: tuple[BackupDialog, Desk, Asked]) -> None:
    box, _, asked = dialog
    box.file.setText("/x/town.tar.zst")
    box.take()
    box._stop.click()
    assert asked[-1] == wire.CancelTask(7)
