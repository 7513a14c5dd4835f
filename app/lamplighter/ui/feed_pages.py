"""The dock about feeds: how they are, what was set aside, how good their days were; and the
historian they are shared through.
"""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from lamplighter.ui.coverage_page import CoveragePage
from lamplighter.ui.data_quality import QualityPage
from lamplighter.ui.desk import Desk
from lamplighter.ui.feed_list import FeedList
from lamplighter.ui.historian_page import HistorianPage
from lamplighter.ui.parts import Panel, button, row
from lamplighter.ui.quarantine_page import QuarantinePage
from lamplighter.ui.suspicion_page import SuspicionPage
from lamplighter.ui.words import tr

PAGES: Final = ("Feeds", "Quarantine", "Data quality", "Historian", "Suspect sensors", "Coverage")


class FeedPages(Panel):
    """Six pages and the switch between them."""

    add = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.feeds = FeedList(desk)
        self.quarantine = QuarantinePage(desk)
        self.quality = QualityPage(desk)
        self.historian = HistorianPage(desk)
        self.suspicion = SuspicionPage(desk)
        self.coverage = CoveragePage(desk, desk.coverage)
        self.feeds.add.connect(self.add)
        self._stack = QStackedWidget()
        pages = (self.feeds, self.quarantine, self.quality, self.historian, self.suspicion,
                 self.coverage)  # fmt: skip
        for page in pages:
            self._stack.addWidget(page)
        self._group = QButtonGroup(self)
        buttons: list[QPushButton] = []
        for number, words in enumerate(PAGES):
            made = button(tr(words), kind="segment")
            made.setCheckable(True)
            self._group.addButton(made, number)
            buttons.append(made)
        self._group.idClicked.connect(self.show_page)
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 8, 12, 8)
        box.setSpacing(8)
        box.addLayout(row(*buttons, None, spacing=0))
        box.addWidget(self._stack, 1)
        self.show_page(0)

    def show_page(self, number: int) -> None:
        """0 feeds, 1 quarantine, 2 data quality, 3 the historian, 4 suspect sensors, 5 coverage."""
        self._stack.setCurrentIndex(number)
        known = self._group.button(number)
        if known is not None:
            known.setChecked(True)
