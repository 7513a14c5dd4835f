"""Which alarms the list shows: by state, priority, domain and words; the counts never lie."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QLineEdit, QPushButton, QWidget

from lamplighter.domain.alarm import AlarmRecord, AlarmState
from lamplighter.ui.city_index import CityIndex
from lamplighter.ui.glyphs import glyph_pixmap
from lamplighter.ui.parts import button, row
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

QUIET: Final = frozenset({AlarmState.SHELVED, AlarmState.SUPPRESSED, AlarmState.OUT_OF_SERVICE})
ALL, ACTIVE, WAITING = "all", "active", "waiting"
SHOWS: Final = (
    (ALL, "All alarms"),
    (ACTIVE, "Standing"),
    (WAITING, "Unacknowledged"),
    (AlarmState.SHELVED.value, "Shelved"),
    (AlarmState.SUPPRESSED.value, "Suppressed"),
    (AlarmState.OUT_OF_SERVICE.value, "Out of service"),
)
ASKING: Final = frozenset({AlarmState.UNACK, AlarmState.RTN_UNACK, AlarmState.LATCHED})


def kinds(state: AlarmState) -> tuple[str, ...]:
    """Under which of `SHOWS` an alarm of this state stands."""
    if state in QUIET:
        return ALL, state.value
    return (ALL, ACTIVE, WAITING) if state in ASKING else (ALL, ACTIVE)


@dataclass(frozen=True, slots=True)
class AlarmFilter:
    """Empty fields let everything through."""

    show: str = ALL
    priorities: frozenset[int] = frozenset()
    domain: str = ""
    words: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self != AlarmFilter()

    def takes(self, alarm: AlarmRecord, city: CityIndex) -> bool:
        """Whether the list shows it."""
        if self.show not in kinds(alarm.state):
            return False
        if self.priorities and alarm.priority not in self.priorities:
            return False
        if self.domain and domain_of(alarm, city) != self.domain:
            return False
        if not self.words:
            return True
        name = city.name(alarm.asset)
        parts = (name, alarm.asset, alarm.text, alarm.state, f"p{alarm.priority}", alarm.reason,
                 alarm.acked_by)  # fmt: skip
        text = " ".join(parts).casefold()
        return all(w in text for w in self.words)


def domain_of(alarm: AlarmRecord, city: CityIndex) -> str:
    """The domain of its asset; empty when that is not known."""
    asset = city.assets.get(alarm.asset)
    return asset.domain if asset is not None else ""


class FilterBar(QWidget):
    """State, priorities, domain and words; `changed` when one of them did."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = QLineEdit()
        self.words.setPlaceholderText(tr("Filter alarms"))
        self.words.setAccessibleName(tr("Filter alarms"))
        self.words.setClearButtonEnabled(True)
        self.words.setMaximumWidth(theme().px(190))
        self.show_box = QComboBox()
        self.show_box.setAccessibleName(tr("Which alarms"))
        for name, words in SHOWS:
            self.show_box.addItem(tr(words), name)
        self.domain = QComboBox()
        self.domain.setAccessibleName(tr("Domain"))
        self.domain.addItem(tr("All domains"), "")
        self.levels: list[QPushButton] = []
        for priority in (1, 2, 3, 4):
            made = button("", kind="segment", tip=tr("Only priority {p}", p=priority))
            made.setCheckable(True)
            made.setFixedWidth(theme().px(34))
            made.setAccessibleName(tr("Only priority {p}", p=priority))
            made.toggled.connect(lambda _: self.changed.emit())
            self.levels.append(made)
        layout = row(self.words, self.show_box, 4, *self.levels, 4, self.domain, spacing=4)
        self.setLayout(layout)
        self.words.textChanged.connect(lambda _: self.changed.emit())
        self.show_box.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.domain.currentIndexChanged.connect(lambda _: self.changed.emit())
        theme().changed.connect(self._restyle)
        self._restyle()

    def _restyle(self) -> None:
        for priority, made in enumerate(self.levels, 1):
            made.setIcon(glyph_pixmap(priority, size=theme().px(14), ratio=2.0))

    @property
    def chosen(self) -> AlarmFilter:
        """What the fields say."""
        levels = frozenset(n for n, b in enumerate(self.levels, 1) if b.isChecked())
        words = tuple(self.words.text().casefold().split())
        return AlarmFilter(
            str(self.show_box.currentData()), levels, str(self.domain.currentData() or ""), words
        )

    def clear(self) -> None:
        """Everything again."""
        self.words.clear()
        self.show_box.setCurrentIndex(0)
        self.domain.setCurrentIndex(0)
        for made in self.levels:
            made.setChecked(False)

    def show_kind(self, name: str) -> None:
        """One of `SHOWS`."""
        self.show_box.setCurrentIndex(max(0, self.show_box.findData(name)))

    def tell(self, alarms: Iterable[AlarmRecord], domains: Iterable[str]) -> None:
        """How many there are of each state, and the domains of the city."""
        counts = Counter(k for a in alarms for k in kinds(a.state))
        for at, (name, words) in enumerate(SHOWS):
            text = f"{tr(words)} ({counts[name]:,})"
            if self.show_box.itemText(at) != text:
                self.show_box.setItemText(at, text)
        known = [self.domain.itemData(n) for n in range(1, self.domain.count())]
        wanted = [d for d in domains if d]
        if known != wanted:
            before = self.domain.currentData()
            self.domain.blockSignals(True)
            self.domain.clear()
            self.domain.addItem(tr("All domains"), "")
            for one in wanted:
                self.domain.addItem(one.capitalize(), one)
            self.domain.setCurrentIndex(max(0, self.domain.findData(before)))
            self.domain.blockSignals(False)
