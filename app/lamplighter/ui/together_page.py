"""How two kinds of values go together in a neighbourhood: by lag, hour by hour, on a small map.

The words say what was compared, how sure it is, and that it says nothing about causes.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.domain.city import Datastream
from lamplighter.domain.neighbourhood import around, contained, inside, places
from lamplighter.domain.problems import problem
from lamplighter.domain.spreadsheet import safe_cell
from lamplighter.ui.desk import Desk
from lamplighter.ui.file_box import ask_save
from lamplighter.ui.parts import Panel, Text, button, row
from lamplighter.ui.together_charts import LagChart, PlaceMap, Scatter
from lamplighter.ui.words import kind_name, tr

DAY_MS: Final = 86_400_000
PERIODS: Final = ((7, "Last 7 days"), (30, "Last 30 days"), (90, "Last 90 days"))
TRAFFIC: Final = ("flow", "free_flow", "flow_ratio", "speed", "speed_ratio", "count", "occupancy")
AIR: Final = ("no2", "NO2", "pm25", "pm2_5", "PM2.5", "pm10", "PM10", "o3", "noise")
WHOLE, NEAR, DRAWN = "whole", "near", "drawn"
SAMPLE_FILES: Final = ("CSV (*.csv)", "PNG (*.png)")


class TogetherPage(Panel):
    """Kinds, neighbourhood and period above; map, lags and cloud below; words at the end."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.found: wire.Together | None = None
        self._asked = 0
        self.first, self.second = self._kinds(tr("First kind")), self._kinds(tr("Second kind"))
        self.area, self.period = QComboBox(), QComboBox()
        self.area.setAccessibleName(tr("Neighbourhood"))
        self.period.setAccessibleName(tr("Period"))
        for days, words in PERIODS:
            self.period.addItem(tr(words), days)
        self.period.setCurrentIndex(1)
        self.metres = QDoubleSpinBox()
        self.metres.setRange(50.0, 50_000.0)
        self.metres.setDecimals(0)
        self.metres.setSingleStep(100.0)
        self.metres.setValue(500.0)
        self.metres.setSuffix("\u202fm")
        self.metres.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        self.metres.setAccessibleName(tr("Radius"))
        self.rest = QCheckBox(tr("Without the usual course of day and week"))
        self.rest.setChecked(True)
        self.rest.setToolTip(
            tr("Two things that both follow the day go together by that alone; this takes it away.")
        )
        self.map = PlaceMap(tr("Neighbourhood: click around it, double click closes"))
        self.lags = LagChart(tr("Correlation by lag, with 95\u202f% interval"))
        self.cloud = Scatter(tr("Hour by hour at the strongest lag"))
        self.words = Text("", "bodyStrong", wrap=True)
        self.care = Text(
            tr("Going together is not causing: weather, season or a third thing may move both."),
            "caption", "secondary", wrap=True,
        )  # fmt: skip
        self.compare = button(tr("Compare"), self.ask, kind="primary")
        self.out = button(tr("Export…"), self.ask_file, tip=tr("The hours as CSV, or a picture"))
        self.out.setEnabled(False)
        self._lay_out()
        self.map.drawn.connect(self._drawn)
        for box in (self.first, self.second, self.area):
            box.activated.connect(lambda _: self._choose())
        self.metres.valueChanged.connect(lambda _: self._choose())
        desk.city_changed.connect(self._city)
        desk.selection.changed.connect(self._selected)
        self._city()

    @staticmethod
    def _kinds(name: str) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(name)
        box.setMinimumContentsLength(10)
        return box

    def _lay_out(self) -> None:
        charts = QHBoxLayout()
        charts.setSpacing(12)
        for chart in (self.map, self.lags, self.cloud):
            charts.addWidget(chart, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.setSpacing(6)
        layout.addLayout(
            row(self.first, Text(tr("and"), "body", "secondary"), self.second, self.area,
                self.metres, self.period, None, self.compare, self.out)
        )  # fmt: skip
        layout.addLayout(charts, 1)
        words = row(self.words, self.rest)
        words.setStretch(0, 1)
        layout.addLayout(words)
        layout.addWidget(self.care)

    # ---------------------------------------------------------------- what there is
    def _city(self) -> None:
        city = self._desk.city
        kinds = sorted(
            k for k, ids in city.by_kind.items()
            if k and any(self._usable(city.streams[int(i)]) for i in ids)
        )  # fmt: skip
        for box, wished in ((self.first, TRAFFIC), (self.second, AIR)):
            before = box.currentData()
            box.clear()
            for kind in kinds:
                box.addItem(kind_name(kind), kind)
            at = box.findData(before)
            good = [box.findData(k) for k in wished if k in kinds]
            box.setCurrentIndex(at if at >= 0 else (good[0] if good else 0 if kinds else -1))
        before = self.area.currentData()
        self.area.clear()
        self.area.addItem(tr("The whole city"), WHOLE)
        self.area.addItem(tr("Around the selection"), NEAR)
        self.area.addItem(tr("Inside the drawn line"), DRAWN)
        for id in sorted(self._areas(), key=city.name):
            self.area.addItem(city.name(id), id)
        self.area.setCurrentIndex(max(self.area.findData(before), 0))
        self._choose()

    def _usable(self, stream: Datastream) -> bool:
        return bool(stream.asset) and not stream.states

    def _areas(self) -> list[str]:
        """Areas of the model in which something is measured."""
        city = self._desk.city
        return [
            id for id in list(city.contents)[:500]
            if sum(a in city.of_asset for a in contained(city.contents, id)) >= 2
        ]  # fmt: skip

    def _selected(self) -> None:
        if self.area.currentData() == NEAR:
            self._choose()

    def _drawn(self) -> None:
        self.area.setCurrentIndex(self.area.findData(DRAWN))
        self._choose()

    def streams(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Datastreams of both kinds in the neighbourhood."""
        return tuple(  # type: ignore[return-value]
            tuple(
                s.id
                for i in self._desk.city.by_kind.get(box.currentData(), ())
                if self._usable(s := self._desk.city.streams[int(i)]) and s.asset in self.map.chosen
            )
            for box in (self.first, self.second)
        )

    def _choose(self) -> None:
        """Which assets are in the neighbourhood now."""
        city, area = self._desk.city, self.area.currentData()
        holds: list[set[str]] = []
        for box in (self.first, self.second):
            ids = city.by_kind.get(box.currentData(), ())
            holds.append({s.asset for i in ids if self._usable(s := city.streams[int(i)])})
        measured = [city.assets[a] for a in sorted(holds[0] | holds[1]) if a in city.assets]
        at = places(a for a in city.assets.values() if a.id in city.of_asset)
        self.map.first, self.map.second = holds
        self.map.all = {a.id: at[a.id] for a in measured if a.id in at}
        self.metres.setEnabled(area == NEAR)
        if area == NEAR:
            wanted = tuple(self._desk.selection.assets)
            spots = places([*measured, *(city.assets[w] for w in wanted if w in city.assets)])
            self.map.chosen = around(spots, wanted, self.metres.value())
        elif area == DRAWN:
            self.map.chosen = inside(self.map.all, self.map.line) if self.map.closed else set()
        elif area == WHOLE or area is None:
            self.map.chosen = {a.id for a in measured}
        else:
            self.map.chosen = contained(city.contents, area)
        self.map.update()
        first, second = self.streams()
        self.compare.setEnabled(bool(first and second))
        self._forget()
        counts = tr("{n} and {m} places measure them in this neighbourhood.", n=len(first),
                    m=len(second))  # fmt: skip
        if not self.map.all:
            counts = tr("Two kinds of values are compared once sensors with a place are here.")
        elif area == NEAR and not self._desk.selection.assets:
            counts = tr("Select an asset: the neighbourhood is what lies around it.")
        elif area == DRAWN and not self.map.closed:
            counts = tr(
                "Click around the neighbourhood in the map; a double click closes the line."
            )
        self.words.setText(counts)

    def _forget(self) -> None:
        self.found = None
        self._asked += 1
        self.out.setEnabled(False)
        self.lags.show_found(None)
        self.cloud.show_found(None)

    # ---------------------------------------------------------------- asking
    def ask(self) -> None:
        """Compare what is chosen, up to the shown time."""
        first, second = self.streams()
        if not first or not second:
            return
        now = self._desk.time.now_ms
        self._asked += 1
        number = self._asked
        self.words.setText(tr("The history is read…"))
        self._desk.ask(
            wire.GetTogether(first, second, now - int(self.period.currentData()) * DAY_MS, now,
                             without_course=self.rest.isChecked()),
            lambda reply: self._got(number, reply),
        )  # fmt: skip

    def _got(self, number: int, reply: wire.Reply) -> None:
        if number != self._asked:
            return
        if not isinstance(reply, wire.Together):
            self.words.setText("")
            return
        self.found = reply
        self.cloud.names = (self.first.currentText(), self.second.currentText())
        self.lags.show_found(reply)
        self.cloud.show_found(reply)
        self.out.setEnabled(reply.at >= 0)
        self.words.setText(self.said(reply))
        for chart in (self.lags, self.cloud):
            chart.setAccessibleDescription(self.words.text())

    def said(self, found: wire.Together) -> str:
        """What was found in one or two sentences."""
        if found.at < 0:
            return tr("Nothing can be said: {why}.", why=found.why)
        at, lag = found.at, int(found.lag_h[found.at])
        a, b = self.first.currentText(), self.second.currentText()
        if lag > 0:
            when = tr("{b} {n} h after {a}", a=a, b=b, n=lag)
        elif lag < 0:
            when = tr("{a} {n} h after {b}", a=a, b=b, n=-lag)
        else:
            when = tr("{a} and {b} in the same hour", a=a, b=b)
        low, high = float(found.low[at]), float(found.high[at])
        sure = tr("it may be chance") if low <= 0 <= high else tr("more than chance")
        return tr(
            "Strongest: {when}, r = {r} ({low} to {high}): {sure}. {n} hours, worth {w} "
            "independent ones; {p} and {q} places.",
            when=when, r=f"{float(found.r[at]):+.2f}", low=f"{low:+.2f}", high=f"{high:+.2f}",
            sure=sure, n=f"{int(found.hours[at]):,}", w=f"{float(found.worth[at]):,.0f}",
            p=found.used_first, q=found.used_second,
        )  # fmt: skip

    # ---------------------------------------------------------------- files
    def ask_file(self) -> None:
        """Ask for the file to write."""
        title = tr("Export the comparison")
        ask_save(self, title, lambda name: self.write(Path(name)), "together.csv", SAMPLE_FILES)

    def write(self, path: Path) -> bool:
        """The hours as CSV, or the page as a picture, by the file's ending."""
        found = self.found
        if found is None or found.at < 0:  # the window went on while a file was asked for
            self.words.setText(tr("Nothing was written: what is compared was changed meanwhile. "
                                  "Compare again."))  # fmt: skip
            return False
        try:
            if path.suffix.lower() == ".png":
                if not self.grab().save(str(path)):
                    raise OSError(tr("the picture could not be written"))
            else:
                self._csv(path, found)
        except OSError as error:
            what = error.strerror or str(error)
            self._desk.raise_problem(problem("U-813", name=path.name, what=what))
            return False
        return True

    def _csv(self, path: Path, found: wire.Together) -> None:
        a, b = self.first.currentData(), self.second.currentData()
        lag = int(found.lag_h[found.at])
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            titles = [a, b, f"{a} compared", f"{b} compared", f"lag of {b} in h"]
            rest = ["r", "low", "high", "independent hours"]
            writer.writerow(["hour", *(safe_cell(title) for title in titles), *rest])
            head = [lag, *(f"{float(c[found.at]):.4f}" for c in (found.r, found.low, found.high)),
                    f"{float(found.worth[found.at]):.0f}"]  # fmt: skip
            columns = (found.time_ms, found.raw_first, found.raw_second, found.first, found.second)
            for k, (ms, *values) in enumerate(zip(*(c.tolist() for c in columns), strict=True)):
                hour = datetime.fromtimestamp(ms / 1000, UTC).isoformat()
                cells = [hour, *(f"{v:.6g}" for v in values)]
                writer.writerow([*cells, *(head if k == 0 else [])])
