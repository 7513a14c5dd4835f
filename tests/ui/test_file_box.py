"""Asking for a file: the window goes on, the ending follows the chosen kind."""

from __future__ import annotations

from PySide6.QtWidgets import QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from lamplighter.ui.file_box import ask_open, ask_save


def box_of(parent: QWidget) -> QFileDialog:
    found = parent.findChildren(QFileDialog)
    assert len(found) == 1
    return found[0]


def test_the_chosen_path_is_heard_and_the_box_goes(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    heard: list[str] = []
    ask_open(parent, "Which", heard.append, ("TOML (*.toml)", "* (*)"))
    box = box_of(parent)
    assert not box.isModal() and box.fileMode() is QFileDialog.FileMode.ExistingFile
    box.fileSelected.emit("/a/b.toml")
    box.close()
    qtbot.waitUntil(lambda: not parent.findChildren(QFileDialog), timeout=20_000)
    assert heard == ["/a/b.toml"]


def test_a_name_without_an_ending_gets_that_of_the_chosen_kind(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    ask_save(parent, "Where", print, "journal", ("CSV (*.csv)", "JSON lines (*.jsonl *.json)"))
    box = box_of(parent)
    assert box.acceptMode() is QFileDialog.AcceptMode.AcceptSave and box.defaultSuffix() == "csv"
    box.filterSelected.emit("JSON lines (*.jsonl *.json)")
    assert box.defaultSuffix() == "jsonl"
    box.close()


def test_a_whole_file_name_is_proposed_as_it_is(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    ask_save(parent, "Where", print, "/nowhere/city.tar.zst")
    box = box_of(parent)
    assert box.defaultSuffix() == "" and box.selectedFiles()[0].endswith("city.tar.zst")
    box.close()
