"""The storage dialog: figures, the rule with what it would take away, the last backup."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from lamplighter.domain import wire
from lamplighter.domain.problems import problem
from lamplighter.domain.retention import Retention
from lamplighter.ui.desk import Desk
from lamplighter.ui.storage_dialog import StorageDialog, size_words
from tests.ui.conftest import Open

FOUND = wire.Storage(
    Retention(), 12_000_000, 0, 40, 11_000_000, 33_000_000, 60_000_000, 1_760_000_000_000, 1e6, 5.2,
    73_000_000_000, 212.4, True,
    (
        wire.StoragePart("hot", 9_000_000),
        wire.StoragePart("sealed", 33_000_000, 40),
        wire.StoragePart("cache", 812_000_000, 20_000, False),
    ),
    5_200_000.0, None,
)  # fmt: skip
PREVIEW = wire.RetentionPreview(7_000_000, 30, 21_000_000, 1_763_000_000_000, 0, None)


@dataclass
class Recorder:
    """Answers as one does."""

    storage: wire.Storage = FOUND
    preview: wire.Reply = PREVIEW
    asked: list[wire.Request] = field(default_factory=list)

    def ask(self, request: wire.Request, done: Callable[[wire.Reply], None] | None = None) -> None:
        self.asked.append(request)
        reply: wire.Reply = self.storage
        if isinstance(request, wire.PreviewRetention):
            reply = self.preview
        elif isinstance(request, wire.SetRetention):
            self.storage = replace(self.storage, retention=request.retention)
            reply = self.storage
        if done is not None:
            done(reply)

    def rules(self) -> list[Retention]:
        return [r.retention for r in self.asked if isinstance(r, wire.SetRetention)]


@pytest.fixture
def opened(qtbot: QtBot, themed: None) -> Iterator[tuple[StorageDialog, Recorder]]:
    desk, parent, recorder = Desk(), QWidget(), Recorder()
    qtbot.addWidget(parent)
    desk.ask = recorder.ask  # type: ignore[method-assign]
    dialog = StorageDialog(desk, parent)
    dialog.show()
    yield dialog, recorder
    dialog.close()


def test_figures_are_words(opened: tuple[StorageDialog, Recorder]) -> None:
    dialog, _ = opened
    assert dialog.lasts.text() == "The disk lasts 212 days"
    assert "5.2" in dialog.facts.text()
    assert "12,000,000 points are kept" in dialog.facts.text()
    assert [p.kind for p in dialog.shares.parts] == ["cache", "sealed", "hot"]
    assert "more than 20,000 files" in dialog.shares.accessibleName()
    assert "No backup" in dialog.backup.text()
    assert dialog.meaning.text() == "Now: everything is kept."


def test_a_rule_that_takes_points_away_is_counted_first_and_confirmed_by_typing(
    opened: tuple[StorageDialog, Recorder],
) -> None:
    dialog, recorder = opened
    dialog.raw.setValue(90)
    assert not dialog.primary.isEnabled()
    dialog._ask_preview()
    assert "7,000,000 points in 30 segments" in dialog.meaning.text()
    assert dialog.confirm.isVisible()
    dialog.set_rule()
    assert recorder.rules() == []
    QTest.keyClicks(dialog.confirm, "expire")
    dialog.primary.click()
    assert recorder.rules() == [Retention(90)]
    assert dialog.confirm.text() == ""
    assert "points 90 days" in dialog.meaning.text()


def test_a_rule_that_takes_nothing_needs_no_word(opened: tuple[StorageDialog, Recorder]) -> None:
    dialog, recorder = opened
    recorder.preview = wire.RetentionPreview(0, 0, 0, 0, 0, None)
    dialog.raw.setValue(3_000)
    dialog._ask_preview()
    assert not dialog.confirm.isVisible()
    dialog.primary.click()
    assert recorder.rules() == [Retention(3_000)]


def test_a_rule_that_makes_no_sense_says_why(opened: tuple[StorageDialog, Recorder]) -> None:
    dialog, recorder = opened
    recorder.preview = wire.Refused(
        problem("U-801", what="rollups must be kept at least as long", name="retention")
    )
    dialog.raw.setValue(90)
    dialog.rollups.setValue(30)
    dialog._ask_preview()
    assert "at least as long" in dialog.meaning.text()
    assert not dialog.primary.isEnabled()


def test_what_is_being_chosen_stays_when_the_figures_come_anew(
    opened: tuple[StorageDialog, Recorder],
) -> None:
    dialog, _ = opened
    dialog.raw.setValue(90)
    dialog.look()
    assert dialog.raw.value() == 90


def test_the_last_backup_is_named(opened: tuple[StorageDialog, Recorder]) -> None:
    dialog, recorder = opened
    last = wire.LastBackup(1_764_338_520_000, "/mnt/safe/town.backup", 12_300_000, True)
    recorder.storage = replace(recorder.storage, backup=last)
    dialog.look()
    assert "/mnt/safe/town.backup" in dialog.backup.text()
    assert ", encrypted" in dialog.backup.text()


def test_the_disk_meter_opens_it(open_window: Open) -> None:
    window, session = open_window()
    session.emit(session.status())
    window.status.grab()
    place = window.status.disk_place.center().toPoint()
    assert not place.isNull()
    QTest.mouseClick(window.status, Qt.MouseButton.LeftButton, pos=QPoint(20, place.y()))
    assert window.furnish().project.opened.get("storage") is None
    QTest.mouseClick(window.status, Qt.MouseButton.LeftButton, pos=place)
    dialog = window.furnish().project.opened.get("storage")
    assert dialog is not None
    assert dialog.isVisible()
    dialog.close()


def test_sizes_are_short() -> None:
    assert [size_words(n).replace("\u202f", " ") for n in (0, 999, 1_500, 2.5e6, 3e9, 4e12)] == [
        "0 B", "999 B", "1.5 kB", "2.5 MB", "3.0 GB", "4.0 TB",
    ]  # fmt: skip
