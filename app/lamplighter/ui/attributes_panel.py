"""What is known of the selected asset beside its values: attributes, parts, its source."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QHeaderView,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.domain.city import Asset, Attribute
from lamplighter.domain.layers import Layer
from lamplighter.domain.places import address_of, degrees_text
from lamplighter.ui.desk import Desk
from lamplighter.ui.glyphs import icon
from lamplighter.ui.parts import Panel, Text
from lamplighter.ui.theme import theme
from lamplighter.ui.words import plain, tr

Row = tuple[str, str]
MOST_PARTS: Final = 200
_ASSET: Final = 256


class Attributes(Panel):
    """Sections: the clicked surface, the object, its attributes, its parts, its source."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._surface: tuple[str, str] = ("", "")
        """asset and surface word of the last click in 3D"""
        self._told: wire.Disagreements | None = None
        self._asked = ""
        self._head = Text("", "body", "secondary", wrap=True)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText(tr("Filter attributes"))
        self.filter.setAccessibleName(tr("Filter attributes"))
        self.filter.setClearButtonEnabled(True)
        self.filter.addAction(icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self.filter.textChanged.connect(self._narrow)
        self.tree = _Tree()
        self.tree.itemActivated.connect(self._go)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(8)
        layout.addWidget(self._head)
        layout.addWidget(self.filter)
        layout.addWidget(self.tree, 1)
        desk.selection.changed.connect(self.refresh)
        desk.city_changed.connect(self.refresh)
        theme().changed.connect(self.refresh)
        self.refresh()

    def show_surface(self, asset: str, surface: str) -> None:
        """The meaning of the surface that was clicked in 3D."""
        self._surface = (asset, surface)
        self.refresh()

    def refresh(self) -> None:
        """Fill the tree for the selected asset."""
        current = self._desk.selection.current
        asset = self._desk.city.assets.get(current)
        if current != self._asked:
            self._asked, self._told = current, None
            if asset is not None:
                self._desk.ask(wire.GetDisagreements(current), self._got_told)
        self.tree.clear()
        self.filter.setVisible(asset is not None)
        self.tree.setVisible(asset is not None)
        self._head.setVisible(asset is None)
        if asset is None:
            self._head.setText(
                tr("Select an asset to see its attributes and where they come from.")
            )
            return
        for title, rows in self.sections(asset):
            self._section(title, rows)
        self._parts(asset)
        self._narrow(self.filter.text())

    def _got_told(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Disagreements) and reply.asset == self._asked:
            self._told = reply
            if reply.items:
                self.refresh()

    def _contradictions(self) -> list[Row]:
        """What the sources of the asset say differently; the last named one stands."""
        told = self._told.items if self._told is not None else ()
        return [
            (plain(one.what), "; ".join(f"{who}: {value}" for who, value in one.said))
            for one in told
        ]

    def sections(self, asset: Asset) -> list[tuple[str, list[Row]]]:
        """Titles with rows of (name, value); empty sections are left out."""
        surface = self._surface[1] if self._surface[0] == asset.id else ""
        found = [
            (tr("Clicked surface"), [(tr("Meaning"), plain(surface))] if surface else []),
            (tr("Object"), self._object(asset)),
            (tr("Sources contradict each other"), self._contradictions()),
            (tr("Attributes"), [(k, _words(v)) for k, v in sorted(asset.attributes.items())]),
            (tr("Source"), self._source(asset, self._desk.city.layer_of(asset.id))),
        ]
        return [(title, rows) for title, rows in found if rows]

    def _object(self, asset: Asset) -> list[Row]:
        rows = [(tr("Name"), asset.name), (tr("Type"), asset.type), (tr("Identifier"), asset.id)]
        address = address_of(asset.attributes)
        if address:
            rows.append((tr("Address"), address))
        if asset.lon is not None and asset.lat is not None:
            rows.append((tr("Place"), degrees_text(asset.lon, asset.lat)))
        else:
            rows.append((tr("Place"), tr("not known: it has no place in the city")))
        if asset.height_m is not None:
            rows.append((tr("Height of its foot"), f"{asset.height_m:.2f}\u202fm"))
        if asset.parent:
            rows.append((tr("Part of"), self._desk.city.name(asset.parent)))
        return rows

    def _source(self, asset: Asset, layer: Layer | None) -> list[Row]:
        rows = [(tr("File"), asset.source_file or tr("made by hand"))]
        if layer is None:
            return rows
        rows.append((tr("Layer"), layer.name))
        rows.append((tr("Format"), f"{layer.format} {layer.version}".strip()))
        if layer.crs:
            rows.append((tr("Coordinate system"), layer.crs))
        rows.append((tr("Date of the data"), layer.date or tr("not stated")))
        rows.append((tr("Licence"), layer.licence or tr("not stated; ask its owner")))
        if layer.attribution:
            rows.append((tr("Attribution"), layer.attribution))
        if layer.lods and any(layer.lods):
            levels = ", ".join(f"{lod:g}" for lod in layer.lods)
            rows.append((tr("Levels of detail"), levels))
        return rows

    # ---------------------------------------------------------------- the tree
    def _section(self, title: str, rows: list[Row]) -> QTreeWidgetItem:
        top = QTreeWidgetItem([title])
        top.setFont(0, theme().font("bodyStrong"))
        top.setFlags(top.flags() & ~Qt.ItemFlag.ItemIsSelectable)
        self.tree.addTopLevelItem(top)
        top.setFirstColumnSpanned(True)  # of no effect before the item is in the tree
        for name, value in rows:
            item = QTreeWidgetItem([name, value])
            item.setForeground(0, theme().colour("text.secondary"))
            item.setToolTip(0, name)
            item.setToolTip(1, value)
            top.addChild(item)
        top.setExpanded(True)
        return top

    def _parts(self, asset: Asset) -> None:
        city = self._desk.city
        parts = city.children.get(asset.id, [])
        if not parts:
            return
        title = tr("Parts ({n})", n=f"{len(parts):,}")
        rows = [(city.assets[p].type, city.name(p)) for p in parts[:MOST_PARTS]]
        if len(parts) > MOST_PARTS:
            rows.append(("", tr("and {n} more", n=f"{len(parts) - MOST_PARTS:,}")))
        top = self._section(title, rows)
        for number, part in enumerate(parts[:MOST_PARTS]):
            top.child(number).setData(0, _ASSET, part)
        top.setExpanded(len(parts) <= 12)

    def _go(self, item: QTreeWidgetItem) -> None:
        asset = item.data(0, _ASSET)
        if isinstance(asset, str):
            self._desk.selection.select(asset)

    def _narrow(self, text: str) -> None:
        """Show only rows whose name or value holds the text."""
        wanted = text.casefold().strip()
        for number in range(self.tree.topLevelItemCount()):
            top = self.tree.topLevelItem(number)
            if top is None:
                continue
            seen = False
            for row in range(top.childCount()):
                item = top.child(row)
                fits = wanted in f"{item.text(0)} {item.text(1)}".casefold()
                item.setHidden(not fits)
                seen |= fits
            top.setHidden(not seen)


class _Tree(QTreeWidget):
    """Two columns; Ctrl+C copies the value of the row."""

    def __init__(self) -> None:
        super().__init__()
        self.setColumnCount(2)
        self.setHeaderHidden(True)
        self.setRootIsDecorated(True)
        self.setIndentation(12)
        self.setUniformRowHeights(True)
        self.setAccessibleName(tr("Attributes"))
        self.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        self.header().resizeSection(0, theme().px(132))
        self.header().setStretchLastSection(True)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        item = self.currentItem()
        if event.matches(QKeySequence.StandardKey.Copy) and item is not None:
            QGuiApplication.clipboard().setText(item.text(1))
            return
        super().keyPressEvent(event)


def _words(value: Attribute) -> str:
    if value is None:
        return tr("not known")
    if isinstance(value, bool):
        return tr("yes") if value else tr("no")
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    return str(value)


def attribution_line(layers: list[Layer]) -> str:
    """What must stand on every picture of these layers: each attribution or licence once."""
    words: list[str] = []
    for layer in layers:
        said = layer.attribution or layer.licence
        text = " ".join(said.split())
        if text and text not in words:
            words.append(text)
    if not words:
        files = sorted({Path(layer.source_file).name for layer in layers if layer.source_file})
        more = f" + {len(files) - 2}" if len(files) > 2 else ""
        return tr("Data: {files}", files=", ".join(files[:2]) + more) if files else ""
    return "\u00a9 " + " · ".join(words)
