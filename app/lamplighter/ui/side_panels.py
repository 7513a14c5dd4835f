"""The smaller panels: layers of the city, and what depends on the selected asset."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Panel, Text
from lamplighter.ui.words import tr


class Layers(Panel):
    """Which domains are drawn, and which plugin layers stand still and why."""

    changed = Signal(object)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._boxes: dict[str, QCheckBox] = {}
        self._why = Text("", "caption", "secondary", wrap=True)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(12, 12, 12, 12)
        self._layout.addWidget(Text(tr("Network lines and assets"), "caption", "secondary"))
        self._layout.addStretch(1)
        self._layout.addWidget(self._why)
        desk.city_changed.connect(self.refresh)
        desk.layers_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        for domain in self._desk.city.domains:
            if domain not in self._boxes:
                box = QCheckBox(domain.capitalize())
                box.setChecked(True)
                box.toggled.connect(lambda _: self.changed.emit(self.shown()))
                self._layout.insertWidget(self._layout.count() - 2, box)
                self._boxes[domain] = box
        grey = [s for s in self._desk.layers.values() if s.state != "running"]
        for state in self._desk.layers.values():
            known = self._boxes.get(state.plugin)
            if known is not None:
                words = state.plugin.capitalize()
                known.setText(words if state.state == "running" else f"{words} ({state.state})")
        self._why.setText("\n".join(f"{s.plugin}: {s.state}. {s.why}" for s in grey))

    def shown(self) -> tuple[str, ...]:
        return tuple(d for d, b in self._boxes.items() if b.isChecked())


class Effects(Panel):
    """What the selected asset feeds and what feeds it, by the dependency graph."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._head = Text("", "bodyStrong", wrap=True)
        self._list = QListWidget()
        self._list.setAccessibleName(tr("Dependent assets"))
        self._list.itemActivated.connect(self._go)
        self._list.itemClicked.connect(self._go)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.addWidget(self._head)
        layout.addWidget(self._list, 1)
        desk.selection.changed.connect(self.refresh)
        desk.city_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        self._list.clear()
        current, city = self._desk.selection.current, self._desk.city
        if not current:
            self._head.setText(tr("Select an asset to see who loses service with it."))
            return
        down = self._downstream(current)
        people = sum(city.assets[a].people for a in down if a in city.assets)
        count = numbers.number(len(down), 1)
        text = tr("{n} assets depend on {name}", n=count, name=city.name(current))
        if people:
            text += tr(", about {n} people", n=numbers.number(people, 1))
        self._head.setText(text)
        for word, ids in ((tr("fed by"), city.fed_by.get(current, [])), (tr("feeds"), down)):
            for asset in ids[:300]:
                item = QListWidgetItem(f"{word}  {city.name(asset)}")
                item.setData(256, asset)
                item.setToolTip(city.path(asset))
                self._list.addItem(item)

    def _downstream(self, start: str) -> list[str]:
        seen, queue = {start}, [start]
        for asset in queue:
            for target in self._desk.city.feeds.get(asset, []):
                if target not in seen:
                    seen.add(target)
                    queue.append(target)
            if len(queue) > 20_000:
                break
        return queue[1:]

    def _go(self, item: QListWidgetItem) -> None:
        self._desk.selection.select(str(item.data(256)))
