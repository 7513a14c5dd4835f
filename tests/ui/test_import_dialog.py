"""Importing in the window: look, take, undo; and the panel that shows what was imported."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QWidget

from lamplighter.domain import wire
from lamplighter.domain.importing import (
    Binding,
    Difference,
    FileReport,
    RegisterReport,
    Unbound,
    Unplaced,
)
from lamplighter.domain.layers import Layer, LayerRemoval, LayerView
from lamplighter.ui.desk import Desk
from lamplighter.ui.import_dialog import ImportDialog
from lamplighter.ui.import_table import CRS
from lamplighter.ui.layers_panel import LayersPanel, removal_words
from lamplighter.ui.register_dialog import RegisterDialog
from tests.ui.fake_session import FakeSession
from tests.ui.pages import another, seated

TOWN = Layer("town", "town", "model", "buildings", "/d/town.json", objects=40, lods=(1.0, 2.2),
             licence="CC0", terms_from="LICENSE", format="CityJSON")  # fmt: skip
SCAN = Layer("scan", "scan", "mesh", "city", "/d/tileset.json", objects=1)
REMOVAL = LayerRemoval("town", "town", "/d/town.json", 40, 2, 0, 3, 1)
GOOD = FileReport("/d/town.json", "CityJSON", "2.0", "EPSG:28992", "named", placed=40,
                  objects={"Building": 40}, layer="town", licence="CC0",
                  terms_from="LICENSE")  # fmt: skip
BAD = FileReport("/d/x.bin", error="x.bin is in no known format (ending '.bin'). [I-504]")
LOST = FileReport("/d/net.inp", "EPANET INP", unplaced=[Unplaced("J1", "no system")])
PART = FileReport("/d/town.jpg", "part of town.json", part_of="/d/town.json")


class _Session(FakeSession):
    """A recorder that imports nothing and remembers what it was asked."""

    asked: list[wire.Request]

    def _reply(self, request: wire.Request) -> wire.Reply:
        self.__dict__.setdefault("asked", []).append(request)
        if isinstance(request, wire.ImportFiles | wire.RegisterAssets):
            return wire.TaskStarted(7)
        if isinstance(request, wire.RemoveLayer):
            return wire.LayerRemoved(replace(REMOVAL, done=not request.preview))
        if isinstance(request, wire.GetCity):
            return replace(self.city, layers=(TOWN, SCAN))
        return super()._reply(request)


@pytest.fixture
def session(desk: Desk) -> _Session:
    return seated(desk, _Session)


@pytest.fixture
def dialog(desk: Desk, session: _Session, qtbot: object) -> Iterator[ImportDialog]:
    parent = QWidget()
    made = ImportDialog(desk, parent)
    made.show()
    yield made
    made.close()
    parent.deleteLater()


def _answer(desk: Desk, *files: FileReport, preview: bool, **more: object) -> None:
    desk.take_event(wire.ImportDone(files, 7, preview=preview, **more))  # type: ignore[arg-type]


def test_dropped_files_are_looked_at_before_anything_is_kept(
    desk: Desk, session: _Session, dialog: ImportDialog
) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile("/d")])
    drop = QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
                      Qt.KeyboardModifier.NoModifier)  # fmt: skip
    dialog.dropEvent(drop)
    asked = session.asked[-1]
    assert isinstance(asked, wire.ImportFiles)
    assert (asked.paths, asked.preview) == (("/d",), True)
    _answer(desk, GOOD, BAD, LOST, PART, preview=True)
    shown = [dialog.model.index(n, 6).data() for n in range(dialog.model.rowCount())]
    assert shown == ["ready", BAD.error, "no place: no system"]
    assert dialog.primary.text() == "Import 2 files"
    assert "CC0 (from LICENSE)" in dialog._story.text()


def test_a_system_for_one_file_and_two_points_reach_the_import(
    desk: Desk, session: _Session, dialog: ImportDialog
) -> None:
    dialog.add(["/d"])
    _answer(desk, GOOD, LOST, preview=True)
    assert dialog.model.setData(dialog.model.index(1, CRS), "28992")
    assert not dialog.model.setData(dialog.model.index(1, CRS), "Dutch")
    for field, text in zip(dialog.points, ("0, 0", "4.4,51.9", "10,0", "4.5, 51.9"), strict=True):
        field.setText(text)
    dialog.primary.click()
    asked = session.asked[-1]
    assert isinstance(asked, wire.ImportFiles)
    assert asked.crs_of == {"/d/net.inp": "EPSG:28992"}
    assert asked.two_points == "0,0=4.4,51.9;10,0=4.5,51.9"
    assert not asked.preview


def test_the_result_shows_differences_and_can_be_undone_after_a_count(
    desk: Desk, session: _Session, dialog: ImportDialog
) -> None:
    dialog.add(["/d"])
    _answer(desk, GOOD, preview=True)
    dialog.take()
    newer = FileReport(**{f: getattr(GOOD, f) for f in GOOD.__struct_fields__})
    newer.difference = Difference(added=1, removed=2, added_ids=["B-9"])
    _answer(desk, newer, BAD, preview=False, cancelled=True, unread=3)
    assert "1 added, 2 removed" in dialog._story.text()
    assert "3 files were not read" in dialog._say.text()
    dialog._undo.click()
    assert "takes away 40 assets" in dialog._question.text()
    assert session.asked[-1] == wire.RemoveLayer("town", preview=True)
    dialog._yes.click()
    assert session.asked[-1] == wire.RemoveLayer("town", preview=False)
    assert [r.file for r in dialog.model.reports] == ["/d/x.bin"]


def test_the_layers_panel_states_what_the_picture_shows(desk: Desk, session: _Session) -> None:
    panel = LayersPanel(desk)
    views: list[LayerView] = []
    desk.layer_view_changed.connect(views.append)
    panel.choose("town")
    assert panel.current() == "town"
    assert "CC0 (from LICENSE)" in panel.details._facts.text()
    item = panel.tree.currentItem()
    item.setCheckState(0, Qt.CheckState.Unchecked)
    assert views[-1].hidden == {"town"}
    item.setCheckState(0, Qt.CheckState.Checked)
    panel.details._lod.setCurrentIndex(2)
    panel.details._lod.activated.emit(2)
    panel.details._ghost.click()
    panel.details._isolate.click()
    panel._reality.buttons()[2].click()
    assert views[-1] == LayerView(
        ghosted=frozenset({"town"}), lod={"town": 2.2}, isolated="town", reality="mesh"
    )
    desk.show_layers(LayerView(hidden=frozenset({"town"})))
    assert item.checkState(0) is Qt.CheckState.Unchecked, "follows what others state"
    panel.deleteLater()


def test_a_removal_is_counted_and_asked_about(desk: Desk, session: _Session) -> None:
    panel = LayersPanel(desk)
    panel.choose("town")
    panel.details._remove.click()
    assert panel.details._question.text() == removal_words(REMOVAL)
    assert "2 assets stay" in removal_words(REMOVAL)
    panel.details._no.click()
    assert panel.details._question.isHidden()
    panel.details._remove.click()
    panel.details._yes.click()
    assert session.asked[-1] == wire.RemoveLayer("town", preview=False)
    panel.deleteLater()


def test_a_register_is_applied_only_as_it_was_previewed(desk: Desk, session: _Session) -> None:
    parent = QWidget()
    dialog = RegisterDialog(desk, parent)
    dialog.file.setText("/d/assets.csv")
    assert not dialog.primary.isEnabled()
    dialog.preview.click()
    assert session.asked[-1] == wire.RegisterAssets("/d/assets.csv", "", "", preview=True)
    report = RegisterReport(
        "/d/assets.csv", "assets", 3, 1, 2,
        [Binding("gw/p1", "P-1", "pattern", "pressure")], [Unbound("gw/x", "no asset X")],
    )  # fmt: skip
    desk.take_event(wire.RegisterDone(7, report))
    shown = [dialog.table.item(1, column).text() for column in (0, 3)]
    assert shown == ["gw/x", "no asset X"]
    assert dialog.primary.isEnabled()
    dialog.mapping.setPlainText("near_m = 5.0")
    assert not dialog.primary.isEnabled(), "the mapping changed after the preview"
    dialog.mapping.setPlainText("")
    dialog.primary.click()
    assert session.asked[-1] == wire.RegisterAssets("/d/assets.csv", "", "", preview=False)
    desk.take_event(wire.RegisterDone(7, None, "it cannot be used"))
    assert dialog._say.text() == "it cannot be used"
    dialog.preview.click()
    assert not dialog.preview.isEnabled()
    desk.connect_session(another(session))
    assert "restarted" in dialog._say.text() and dialog.preview.isEnabled()
    dialog.close()
    parent.deleteLater()
