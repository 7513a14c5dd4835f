"""The faceplate where nothing is selected: whether anything waits, and what may fail next."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from lamplighter.domain.alarm import AlarmState
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.maintenance_list import best, has_forecast
from lamplighter.ui.parts import Elided, Text, button
from lamplighter.ui.words import tr


class QuietFace(QWidget):
    """Two lines of words, and the three likeliest failures."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(8)
        self.head = Text(tr("Nothing needs you"), "heading")
        self.text = Text("", "body", "secondary", wrap=True)
        box.addWidget(self.head)
        box.addWidget(self.text)
        self._title = Text(tr("Likely to fail within 30 days"), "caption", "secondary")
        box.addSpacing(8)
        box.addWidget(self._title)
        self._rows = QGridLayout()
        self._rows.setColumnStretch(1, 1)
        self._rows.setVerticalSpacing(6)
        box.addLayout(self._rows)

    def tell(self) -> None:
        """After what is known of the city changed."""
        active = [a for a in self._desk.standing() if a.state is AlarmState.UNACK]
        if not self._desk.city_known:
            head, text = tr("Waiting for the city"), tr("The recorder is starting.")
        elif not self._desk.city.assets:
            head = tr("No city yet")
            text = tr("Import a city model or a network: Ctrl+I, or drop files into the window. "
                      "Everything you import appears here.")  # fmt: skip
        elif active:
            head = tr("{n} alarms wait for you", n=numbers.number(len(active), 1))
            text = tr("Select one in the list, or press F2 to acknowledge the line above.")
        else:
            head = tr("Nothing needs you")
            text = self._feeds_text()
        self.head.setText(head)
        self.text.setText(text)
        self._forecasts()

    def _feeds_text(self) -> str:
        status = self._desk.status
        select = tr("Select an asset to see its values, limits and history.")
        if status is None or not status.feeds:
            return tr("No feed is connected.") + " " + select
        live = self._desk.live_feeds()
        if live == len(status.feeds):
            all_live = (
                tr("The feed is live.") if live == 1 else tr("All {n} feeds are live.", n=live)
            )
            return all_live + " " + select
        return tr("{a} of {b} feeds are live.", a=live, b=len(status.feeds)) + " " + select

    def _forecasts(self) -> None:
        ranked = sorted(filter(has_forecast, self._desk.prognoses), key=best, reverse=True)
        self._title.setVisible(bool(ranked))
        wanted = tuple((p.asset, p.low, p.high) for p in ranked[:3])
        if self._rows.property("shown") == wanted:
            return
        self._rows.setProperty("shown", wanted)
        while self._rows.count():
            cell = self._rows.takeAt(0)
            old = cell.widget() if cell is not None else None
            if old is not None:
                old.hide()
                old.deleteLater()
        for number, item in enumerate(ranked[:3]):
            label = button(item.asset, lambda a=item.asset: self._desk.selection.select(a),  # type: ignore[misc]
                           kind="flat")  # fmt: skip
            self._rows.addWidget(label, number, 0)
            self._rows.addWidget(Elided(item.what, "body", "secondary"), number, 1)
            chance = numbers.percent_range(item.low or 0.0, item.high or 0.0)
            self._rows.addWidget(Text(chance, "bodyStrong"), number, 2)
