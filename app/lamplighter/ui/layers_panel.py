"""The Layers panel: every imported file, what the picture shows of it, and taking it back.

The panel states one `LayerView` on the desk; the 3D view obeys. Nothing here changes the city
but the removal, which is counted first and asked about.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QHeaderView,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.domain.layers import REALITY_KINDS, Layer, LayerRemoval, LayerView
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Panel, Scroller, Text, button, row, rule
from lamplighter.ui.side_panels import Layers
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

KINDS: Final = {
    "model": "City models", "mesh": "Reality meshes", "cloud": "Point clouds",
    "terrain": "Terrain", "imagery": "Imagery", "vector": "Vectors", "network": "Networks",
    "cad": "Drawings", "bim": "Buildings (BIM)", "table": "Tables",
}  # fmt: skip
REALITIES: Final = (("both", "Both"), ("model", "Model"), ("mesh", "Mesh"))
LAYER: Final = Qt.ItemDataRole.UserRole


class LayersPanel(Panel):
    """Imported files as a tree by domain and kind, with their details below it."""

    changed = Signal(object)
    """domains of which network lines and assets are drawn"""
    to_import = Signal()
    to_register = Signal()
    show_layer = Signal(str)
    """look at this layer"""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._filling = self._old = False
        self.domains = Layers(desk)
        self.domains.changed.connect(self.changed)
        self.shown = self.domains.shown
        self.tree = QTreeWidget()
        self.tree.setColumnCount(2)
        self.tree.setHeaderLabels([tr("Layer"), tr("Objects")])
        self.tree.setAccessibleName(tr("Imported layers"))
        self.tree.setUniformRowHeights(True)
        self.tree.header().setStretchLastSection(False)
        self.tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.tree.itemChanged.connect(self._ticked)
        self.tree.itemSelectionChanged.connect(self._chosen)
        self._empty = Text(
            tr("Nothing is imported yet. Drop files or a folder here, or choose Import."),
            "body", "secondary", wrap=True,
        )  # fmt: skip
        self._reality = QButtonGroup(self)
        segments: list[QWidget] = []
        for name, word in REALITIES:
            one = button(tr(word), kind="segment")
            one.setCheckable(True)
            one.setChecked(name == "both")
            one.setProperty("reality", name)
            one.setToolTip(tr("Show the semantic model, the reality mesh, or both"))
            self._reality.addButton(one)
            segments.append(one)
        self._reality.buttonClicked.connect(self._realities)
        self.details = LayerDetails(desk)
        self.details.changed.connect(self._state)
        self.details.show_layer.connect(self.show_layer)
        self._line = rule()
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 8, 12, 8)
        box.setSpacing(6)
        box.addLayout(
            row(
                button(tr("Import…"), self.to_import.emit, tip=tr("Ctrl+I")),
                button(tr("Register…"), self.to_register.emit,
                       tip=tr("Assets, connections and datastreams from a table")),
                None,
            )
        )  # fmt: skip
        self._segments = QWidget()
        self._segments.setLayout(row(*segments, None, spacing=2))
        box.addWidget(self._segments)
        box.addWidget(self._empty)
        self.tree.setMinimumHeight(theme().px(110))
        below = Panel()
        lower = QVBoxLayout(below)
        lower.setContentsMargins(0, 0, 4, 0)
        lower.addWidget(self.details)
        lower.addWidget(self.domains)
        lower.addStretch(1)
        box.addWidget(self.tree, 1)
        box.addWidget(self._line)
        box.addWidget(Scroller(below), 1)
        desk.city_changed.connect(self._city_changed)
        desk.layer_view_changed.connect(self._viewed)
        self.refresh()

    def _city_changed(self) -> None:
        """A panel nobody sees waits until it is seen: a new city keeps the window busy enough."""
        self._old = not self.isVisible()
        if not self._old:
            self.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._old:
            self._old = False
            self.refresh()

    # ---------------------------------------------------------------- the tree
    def refresh(self) -> None:
        """The tree anew from the city; what was chosen stays chosen."""
        layers = self._desk.city.imported
        chosen = self.current()
        self._filling = True
        self.tree.clear()
        groups: dict[tuple[str, str], QTreeWidgetItem] = {}
        domains: dict[str, QTreeWidgetItem] = {}
        for layer in layers.values():
            top = domains.get(layer.domain)
            if top is None:
                top = domains[layer.domain] = self._group(None, layer.domain.capitalize())
            group = groups.get((layer.domain, layer.kind))
            if group is None:
                words = tr(KINDS.get(layer.kind, layer.kind.capitalize()))
                group = groups[layer.domain, layer.kind] = self._group(top, words)
            self._leaf(group, layer, chosen == layer.id)
        for item in (*groups.values(), *domains.values()):
            self._sum_up(item)
        self.tree.expandToDepth(1)
        self._filling = False
        self._empty.setVisible(not layers)
        for widget in (self.tree, self._line):
            widget.setVisible(bool(layers))
        kinds = {layer.kind for layer in layers.values()}
        self._segments.setVisible("model" in kinds and bool(kinds & REALITY_KINDS))
        self._chosen()

    def _group(self, parent: QTreeWidgetItem | None, words: str) -> QTreeWidgetItem:
        item = QTreeWidgetItem([words, ""])
        item.setFlags(
            item.flags() | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsAutoTristate
        )
        if parent is None:
            self.tree.addTopLevelItem(item)
        else:
            parent.addChild(item)
        return item

    def _leaf(self, group: QTreeWidgetItem, layer: Layer, chosen: bool) -> None:
        item = QTreeWidgetItem([layer.name, numbers.number(layer.objects, 1)])
        item.setData(0, LAYER, layer.id)
        item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        item.setToolTip(0, f"{layer.source_file}\n{layer.format} {layer.version}".strip())
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        hidden = layer.id in self._desk.layer_view.hidden
        item.setCheckState(0, Qt.CheckState.Unchecked if hidden else Qt.CheckState.Checked)
        group.addChild(item)
        item.setSelected(chosen)

    def _sum_up(self, item: QTreeWidgetItem) -> None:
        count = sum(layer.objects for layer in self._below(item))
        item.setText(1, numbers.number(count, 1))
        item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

    def _below(self, item: QTreeWidgetItem) -> Iterable[Layer]:
        ident = item.data(0, LAYER)
        if ident and ident in self._desk.city.imported:
            yield self._desk.city.imported[ident]
        for number in range(item.childCount()):
            yield from self._below(item.child(number))

    def current(self) -> str:
        """The id of the chosen layer; empty for none."""
        items = self.tree.selectedItems()
        return str(items[0].data(0, LAYER) or "") if items else ""

    def choose(self, layer: str) -> None:
        """Select the row of a layer."""
        found = self.tree.findItems("", Qt.MatchFlag.MatchContains | Qt.MatchFlag.MatchRecursive)
        for item in found:
            if item.data(0, LAYER) == layer:
                self.tree.setCurrentItem(item)
                return

    # ---------------------------------------------------------------- what is shown
    def _ticked(self, item: QTreeWidgetItem, column: int) -> None:
        if self._filling or column:
            return
        hidden = set(self._desk.layer_view.hidden)
        for layer in self._below(item):
            one = item.checkState(0) if item.data(0, LAYER) else None
            if one is None:
                continue
            if one is Qt.CheckState.Unchecked:
                hidden.add(layer.id)
            else:
                hidden.discard(layer.id)
        self._state(replace(self._desk.layer_view, hidden=frozenset(hidden)))

    def _realities(self) -> None:
        chosen = self._reality.checkedButton()
        if chosen is not None:
            name = str(chosen.property("reality"))
            self._state(replace(self._desk.layer_view, reality=name))

    def _state(self, view: LayerView) -> None:
        self._desk.show_layers(view)

    def _viewed(self) -> None:
        """Somebody else (a tool of the view, a shared view) may have stated it."""
        view = self._desk.layer_view
        for one in self._reality.buttons():
            one.setChecked(one.property("reality") == view.reality)
        self._filling = True
        found = self.tree.findItems("", Qt.MatchFlag.MatchContains | Qt.MatchFlag.MatchRecursive)
        for item in found:
            ident = item.data(0, LAYER)
            if ident:
                shown = Qt.CheckState.Unchecked if ident in view.hidden else Qt.CheckState.Checked
                if item.checkState(0) != shown:
                    item.setCheckState(0, shown)
        self._filling = False
        self.details.refresh()

    def _chosen(self) -> None:
        self.details.show_for(self.current())


class LayerDetails(QWidget):
    """What is known of the chosen layer, how it is drawn, and its removal."""

    changed = Signal(object)
    show_layer = Signal(str)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._id = ""
        self._facts = Text("", "caption", "secondary", wrap=True)
        self._lod = QComboBox()
        self._lod.setAccessibleName(tr("Level of detail"))
        self._lod.activated.connect(self._lod_chosen)
        self._ghost = QCheckBox(tr("Ghost"))
        self._ghost.setToolTip(tr("Draw it faintly, so that what lies behind it shows"))
        self._ghost.clicked.connect(self._ghosted)
        self._isolate = button(tr("Isolate"), self._isolated, tip=tr("All other layers as ghosts"))
        self._isolate.setCheckable(True)
        self._go = button(tr("Show in 3D"), lambda: self.show_layer.emit(self._id))
        self._remove = button(tr("Remove…"), self._ask)
        self._question = Text("", "body", wrap=True)
        self._yes = button(tr("Remove this import"), self._do, kind="primary")
        self._no = button(tr("Keep it"), self._keep)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        box.addWidget(self._facts)
        box.addLayout(row(self._lod, self._ghost, None))
        box.addLayout(row(self._isolate, self._go, self._remove, None))
        box.addWidget(self._question)
        self._answers = QWidget()
        self._answers.setLayout(row(self._yes, self._no, None))
        box.addWidget(self._answers)
        self._keep()
        self.show_for("")

    def show_for(self, layer: str) -> None:
        if layer != self._id:
            self._id = layer
            self._keep()
        self.refresh()

    def refresh(self) -> None:
        layer = self._desk.city.imported.get(self._id)
        self.setVisible(layer is not None)
        if layer is None:
            return
        view = self._desk.layer_view
        self._facts.setText("\n".join(facts(layer)))
        self._lod.clear()
        self._lod.addItem(tr("Level by itself"), None)
        for lod in layer.lods:
            self._lod.addItem(tr("LoD {n}", n=f"{lod:g}"), lod)
        at = self._lod.findData(view.lod.get(self._id))
        self._lod.setCurrentIndex(max(0, at))
        self._lod.setEnabled(len(layer.lods) > 1)
        self._ghost.setChecked(self._id in view.ghosted)
        self._isolate.setChecked(view.isolated == self._id)

    def _lod_chosen(self) -> None:
        chosen = dict(self._desk.layer_view.lod)
        chosen.pop(self._id, None)
        lod = self._lod.currentData()
        if lod is not None:
            chosen[self._id] = float(lod)
        self.changed.emit(replace(self._desk.layer_view, lod=chosen))

    def _ghosted(self) -> None:
        ghosted = set(self._desk.layer_view.ghosted) ^ {self._id}
        self.changed.emit(replace(self._desk.layer_view, ghosted=frozenset(ghosted)))

    def _isolated(self) -> None:
        view = self._desk.layer_view
        alone = "" if view.isolated == self._id else self._id
        self.changed.emit(replace(view, isolated=alone))

    # ---------------------------------------------------------------- removal
    def _ask(self) -> None:
        self._desk.ask(wire.RemoveLayer(self._id, preview=True), self._counted)

    def _counted(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.LayerRemoved):
            self._question.setText(removal_words(reply.removal))
            self._question.show()
            self._answers.show()

    def _do(self) -> None:
        self._yes.setEnabled(False)
        self._desk.ask(wire.RemoveLayer(self._id, preview=False), lambda _: self._keep())

    def _keep(self) -> None:
        self._yes.setEnabled(True)
        self._question.hide()
        self._answers.hide()


def facts(layer: Layer) -> list[str]:
    """Source, format, place, licence and date of a layer as lines of text."""
    lines = [layer.source_file]
    form = " ".join(p for p in (layer.format, layer.version) if p)
    triangles = sum(t.triangles for t in layer.finest)
    counted = tr("{n} objects", n=f"{layer.objects:,}")
    if triangles:
        counted += tr(", {n} triangles", n=f"{triangles:,}")
    lines.append(" · ".join(p for p in (form, layer.crs, counted) if p))
    licence = layer.licence or tr("licence not stated")
    if layer.licence and layer.terms_from:
        licence += tr(" (from {name})", name=layer.terms_from)
    lines.append(" · ".join(p for p in (licence, layer.attribution, layer.date) if p))
    return lines


def removal_words(removal: LayerRemoval) -> str:
    """What goes, as a sentence."""
    text = tr(
        "Removing {name} takes away {assets} assets, {edges} connections, {tiles} tiles and "
        "{bindings} datastream bindings.",
        name=removal.name, assets=f"{removal.assets:,}", edges=f"{removal.edges:,}",
        tiles=f"{removal.tiles:,}", bindings=f"{removal.bindings:,}",
    )  # fmt: skip
    if removal.kept_assets:
        text += " " + tr(
            "{n} assets stay as another file describes them.", n=f"{removal.kept_assets:,}"
        )
    return text
