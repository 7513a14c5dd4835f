"""The window about alarms as a whole: rules, planned works, whom to call, and figures."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QButtonGroup, QStackedWidget, QVBoxLayout, QWidget

from lamplighter.ui.design_page import DesignPage
from lamplighter.ui.desk import Desk
from lamplighter.ui.kpi_alarm_page import FigurePage
from lamplighter.ui.parts import button, centre_over, row, window_of_its_own
from lamplighter.ui.rule_page import RulePage
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr
from lamplighter.ui.works_calls import CallsPage
from lamplighter.ui.works_page import WorksPage

RULES, WORKS, CALLS, FIGURES, DESIGN = range(5)
PAGES: Final = ("Rules", "Planned works", "Calls", "Figures", "By design")


class AlarmWork(QWidget):
    """Pages and the switch between them, in a window of its own beside the city."""

    gone = Signal()

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        window_of_its_own(self, tr("Alarm rules, works, calls and figures"))
        self.rules, self.works = RulePage(desk), WorksPage(desk)
        self.calls, self.figures = CallsPage(desk), FigurePage(desk)
        self.design = DesignPage(desk)
        self._stack = QStackedWidget()
        self._group = QButtonGroup(self)
        head = row(spacing=0)
        for number, (words, page) in enumerate(zip(PAGES, self._pages(), strict=True)):
            made = button(tr(words), kind="segment")
            made.setCheckable(True)
            self._group.addButton(made, number)
            head.addWidget(made)
            self._stack.addWidget(page)
        self._group.idClicked.connect(self.show_page)
        head.addStretch(1)
        head.addWidget(button(tr("Close"), self.close))
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 12, 16, 12)
        box.setSpacing(8)
        box.addLayout(head)
        box.addWidget(self._stack, 1)
        self.resize(theme().px(1180), theme().px(680))

    def _pages(self) -> tuple[QWidget, ...]:
        return (self.rules, self.works, self.calls, self.figures, self.design)

    def show_page(self, number: int) -> None:
        """One of `PAGES`."""
        self._stack.setCurrentIndex(number)
        known = self._group.button(number)
        if known is not None:
            known.setChecked(True)

    def closeEvent(self, event: QCloseEvent) -> None:
        super().closeEvent(event)
        self.gone.emit()


class AlarmWindows:
    """Opens that window, one of it."""

    def __init__(self, desk: Desk, window: QWidget) -> None:
        self._desk, self._window = desk, window
        self.work: AlarmWork | None = None

    def open(self, page: int) -> AlarmWork:
        """Show a page of `PAGES`."""
        if self.work is None:
            self.work = AlarmWork(self._desk, self._window)
            self.work.gone.connect(self._gone)
            centre_over(self._window, self.work)
        self.work.show_page(page)
        self.work.show()
        self.work.raise_()
        self.work.activateWindow()
        return self.work

    def new_rule(self) -> None:
        """The form of a new rule on the selection, over the page of rules."""
        self.open(RULES).rules.new()

    def _gone(self) -> None:
        self.work = None
