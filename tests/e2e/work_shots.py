"""Pictures of one repair, from the sensor to the repaired pump, in the demo without a network.

The demo runs as it always does, its broker and its devices on this machine; where the system
allows it, it is put where there is no network but the machine itself, as with the cable out.
The photo that is attached is drawn here and shows no real bearing.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QDate, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QRadialGradient
from PySide6.QtWidgets import QApplication, QWidget

from lamplighter.cli.sitting import Sitting
from lamplighter.cli.starters import Starters
from lamplighter.domain import wire
from lamplighter.domain.command import CommandRequest
from lamplighter.domain.crew_plan import Crew
from lamplighter.domain.edits import Value
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.order_fields import object_of
from lamplighter.domain.order_rules import FOUND
from lamplighter.ui.app import Runner
from lamplighter.ui.report import ReportOptions
from lamplighter.ui.theme import start
from tests.e2e.make_shots import Director, Step, at_once

PUMP: Final = "P-22"
NAMES: Final = (
    "pump-1-values", "pump-2-forecast", "pump-3-order", "pump-4-crew", "pump-5-readings",
    "pump-6-photo", "pump-7-signed", "pump-8-after", "pump-9-life", "pump-10-record",
)  # fmt: skip
LIKELY: Final = 0.5
CALM: Final = 0.25
MIN_VIBRATION: Final = 1.0
RISING: Final = 3.2
WORN: Final = 4.7
"""mm/s; over the limit of the checklist"""


def draw_bearing(file: Path) -> None:
    """A drawn bearing with a worn place."""
    image = QImage(1600, 1200, QImage.Format.Format_RGB32)
    image.fill(QColor(58, 60, 62))
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    middle = QPointF(800, 600)
    painter.setPen(Qt.PenStyle.NoPen)
    for radius, shade in ((520, 150), (430, 95), (300, 160), (210, 40)):
        light = QRadialGradient(middle + QPointF(-180, -220), radius * 2)
        light.setColorAt(0, QColor(shade + 60, shade + 58, shade + 52))
        light.setColorAt(1, QColor(shade // 2, shade // 2, shade // 2 + 4))
        painter.setBrush(light)
        painter.drawEllipse(middle, radius, radius)
    for number in range(10):
        painter.save()
        painter.translate(middle)
        painter.rotate(36 * number)
        ball = QRadialGradient(QPointF(350, -20), 60)
        ball.setColorAt(0, QColor(230, 230, 226))
        ball.setColorAt(1, QColor(90, 92, 96))
        painter.setBrush(ball)
        painter.drawEllipse(QPointF(365, 0), 56, 56)
        painter.restore()
    painter.setBrush(QColor(96, 52, 30, 210))
    for place in (QPointF(1180, 330), QPointF(1225, 395), QPointF(1150, 285)):
        painter.drawEllipse(place, 46, 20)
    painter.end()
    image.save(str(file), quality=88)


class WorkDirector(Director):
    """The repair, step after step; each waits for what it shows."""

    folder: Path
    _day_ms = 0
    _before = 0.0

    def _plan(self) -> list[Step]:
        fresh = self._fresh
        return [
            Step("values", self._rising, self._values, 4.0, NAMES[0], fresh),
            Step("forecast", self._likely, self._forecast_card, 3.0, NAMES[1], fresh),
            Step("order", at_once, self._make_order, 2.0),
            Step("checklist", self._has_order, self._open_order, 2.0, NAMES[2], of=self._dialog),
            Step("plan", at_once, self._plan_crew, 2.0),
            Step("crew", self._planned, self._show_orders, 2.0, NAMES[3]),
            Step("armed", at_once, self._arm, 2.0),
            Step("stopped", self._worn, lambda: self._command("stop"), 12.0, good=self._stands),
            Step("worked", at_once, self._work, 2.0, good=lambda: self._order.steps[5].done),
            Step("started", at_once, lambda: self._command("start"), 14.0, good=self._runs),
            Step("readings", at_once, self._read_after, 2.0, NAMES[4], of=self._dialog),
            Step("photo", at_once, self._photo, 1.0),
            Step(
                "caption",
                self._has_photo,
                self._describe,
                2.0,
                NAMES[5],
                self._described,
                self._dialog,
            ),
            Step("sign", at_once, self._ready_to_sign, 1.0),
            Step("signed", self._can_sign, self._sign, 2.0, NAMES[6], self._closed, self._dialog),
            Step("after", self._calm, self._after, 4.0, NAMES[7], fresh),
            Step("life", at_once, self._life, 3.0, NAMES[8]),
            Step("record", at_once, self._record, 4.0, NAMES[9]),
        ]

    def _tick(self) -> None:
        try:
            super()._tick()
        except Exception as error:
            self.missed.append(str(error))
            sys.stderr.write(f"shots: {type(error).__name__}: {error}\n")
            self._end()

    # ---------------------------------------------------------------- what it waits for
    def _chance(self) -> float:
        found = [p.probability_30d or 0.0 for p in self._desk.prognoses if p.asset == PUMP]
        return found[0] if found else -1.0

    def _value(self, kind: str) -> float:
        stream = next(s for s in self._desk.city.of_asset[PUMP] if s.kind == kind)
        values = self._desk.live_values
        return float(values.value[stream.id]) if values is not None else 0.0

    def _rising(self) -> bool:
        return bool(self._began) and self._value("vibration_rms") > RISING

    def _likely(self) -> bool:
        return self._chance() > LIKELY

    def _calm(self) -> bool:
        return 0 <= self._chance() < CALM

    def _stands(self) -> bool:
        return self._value("vibration_rms") < MIN_VIBRATION

    def _runs(self) -> bool:
        return MIN_VIBRATION < self._value("vibration_rms") < 4.0

    @property
    def _furniture(self) -> Any:
        return self._window.furnish()

    @property
    def _order(self) -> WorkOrder:
        mine = [o for o in self._desk.orders.values() if o.asset == PUMP and o.forecast]
        return max(mine, key=lambda o: o.created_ms)

    def _has_order(self) -> bool:
        return any(o.asset == PUMP and o.forecast for o in self._desk.orders.values())

    def _dialog(self) -> QWidget | None:
        opened = self._furniture.order_windows.open_ones
        return opened.get(self._order.id) if self._has_order() else None

    def _planned(self) -> bool:
        return bool(self._order.crew)

    def _worn(self) -> bool:
        self._before = round(self._value("vibration_rms"), 1)
        return self._before > WORN

    def _closed(self) -> bool:
        return self._order.state == "done"

    # ---------------------------------------------------------------- what it does
    def _values(self) -> None:
        self._go("Trends")
        self._desk.selection.select(PUMP)
        streams = self._desk.city.of_asset[PUMP]
        kinds = ("vibration_rms", "bearing_temperature")
        self._furniture.trends.set_charts([[s.id] for k in kinds for s in streams if s.kind == k])
        self._near(PUMP, 0.5)

    def _forecast_card(self) -> None:
        self._go("Work")
        self._desk.selection.select(PUMP)

    def _make_order(self) -> None:
        form = self._furniture.order_windows.new(PUMP)
        form.checklist.setCurrentIndex(form.checklist.findData("water.pump-bearing"))
        form.save()

    def _open_order(self) -> None:
        self._furniture.order_windows.open(self._order.id)

    def _plan_crew(self) -> None:
        ask = self._desk.ask
        for crew in (Crew("Crew 1", "Crew 1", ("pipes", "electrical")),
                     Crew("Crew 2", "Crew 2", ("pumps", "electrical"))):  # fmt: skip
            ask(wire.PutCrew(crew))
        noon = datetime.now().astimezone() + timedelta(days=1)
        self._day_ms = round(
            noon.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000
        )
        ask(wire.ProposeCrewPlan(self._day_ms, {}), self._take_plan)

    def _take_plan(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.CrewPlan):
            ways = {c.id: tuple(v.order for v in reply.plan.of(c.id)) for c in reply.crews}
            self._desk.ask(wire.TakeCrewPlan(self._day_ms, ways, "tomorrow's plan"))

    def _show_orders(self) -> None:
        self._go("Work")
        self._furniture.docks.show("orders")
        self._furniture.docks.show("crew")
        self._furniture.crew.day.setDate(QDate.currentDate().addDays(1))

    def _arm(self) -> None:
        self._desk.ask(wire.SetMode(PUMP, "twin", "stopped for the work on its bearing"))

    def _command(self, action: str) -> None:
        seen = next((self._desk.value(s).text for s in self._desk.city.of_asset[PUMP] if s.states),
                    "")  # fmt: skip
        why = f"work order {self._order.id}"
        self._desk.ask(wire.SendCommand(CommandRequest(PUMP, action, None, why, seen)))

    def _set(self, fields: dict[str, Value], reason: str) -> None:
        self._desk.records.change(object_of(self._order.id), fields, reason=reason)

    def _line(self, words: str) -> str:
        return next(s.id for s in self._order.steps if s.text.startswith(words))

    def _work(self) -> None:
        user = self._desk.session.welcome.user if self._desk.session else ""
        done: dict[str, Value] = {}
        for words in ("Isolation checked", "Bearing looked", "Bearing mended", "Coupling"):
            done |= {f"step.{self._line(words)}.done": True,
                     f"step.{self._line(words)}.done_by": user}  # fmt: skip
        before = self._line("Vibration before")
        done |= {f"step.{before}.reading": self._before,
                 f"step.{before}.note": "grinding, drive end",
                 f"part.{self._order.parts[0].id}.used": True}  # fmt: skip
        self._set(done, "at the pump")

    def _read_after(self) -> None:
        user = self._desk.session.welcome.user if self._desk.session else ""
        last = self._line("Isolation taken away")
        self._set(
            {
                f"step.{last}.done": True,
                f"step.{last}.done_by": user,
                f"step.{self._line('Vibration after')}.reading": round(
                    self._value("vibration_rms"), 1
                ),
            },
            "measured after the start",
        )
        dialog: Any = self._dialog()
        dialog.show_page(0)

    def _photo(self) -> None:
        dialog: Any = self._dialog()
        dialog.show_page(1)
        file = self.folder / "IMG_2026.jpg"
        draw_bearing(file)
        dialog.files.attach([str(file)])
        dialog.files.look()

    def _has_photo(self) -> bool:
        dialog: Any = self._dialog()
        return bool(dialog.files.items)

    def _describe(self) -> None:
        dialog: Any = self._dialog()
        dialog.files.caption.setText("Outer race, drive end, pitted")
        dialog.files.bound[0].keep()

    def _described(self) -> bool:
        dialog: Any = self._dialog()
        return any(item.caption for item in dialog.files.items)

    def _ready_to_sign(self) -> None:
        dialog: Any = self._dialog()
        dialog.show_page(3)
        closing = dialog.closing
        closing.findings.button(0).click()
        closing.cause.setText("drive-end bearing worn, replaced")
        closing.reason.setText("tested, handed back to the control room")

    def _can_sign(self) -> bool:
        dialog: Any = self._dialog()
        return bool(dialog.closing.sign.isEnabled()) and dialog.closing.finding == FOUND

    def _sign(self) -> None:
        dialog: Any = self._dialog()
        dialog.closing.send()

    def _after(self) -> None:
        dialog = self._dialog()
        if dialog is not None:
            dialog.close()
        self._go("Work", "forecast", "trends")
        self._desk.selection.select(PUMP)

    def _life(self) -> None:
        self._furniture.life_line()
        self._furniture.orders.state.setCurrentIndex(self._furniture.orders.state.findData("done"))
        self._furniture.docks.show("orders")
        self._furniture.orders.rebuild()

    def _record(self) -> None:
        self._furniture.docks.show("models")


def play(out: Path, wanted: Sequence[str]) -> tuple[list[Path], list[str]]:
    """The pictures that were made and the steps that did not come."""
    directors: list[WorkDirector] = []
    with tempfile.TemporaryDirectory() as layouts:

        def window(**options: Any) -> int:
            sys.setswitchinterval(0.0005)
            app = QApplication.instance() or QApplication(["lamplighter"])
            start("dark", 1.0)
            runner = Runner(options["session_factory"], ReportOptions(), Path(layouts),
                            options["on_first_frame"], False)  # fmt: skip
            WorkDirector.folder = Path(layouts)
            directors.append(WorkDirector(runner, out, wanted))
            runner.window.resize(1600, 1000)
            runner.window.show()
            code = app.exec()
            runner.close()
            return int(code)

        starters = Starters(field=lambda _: 2, window=window)
        Sitting(starters, None, True, 0.0, None, None, False, "dark").run()
    return directors[0].made, directors[0].missed


def make(out: Path, wanted: Sequence[str] = ()) -> list[Path]:
    """Write the pictures that are wanted (all without a choice) and name them.

    A process of its own, without any network but the machine itself where that can be had.
    Raises RuntimeError when a step of the repair did not come.
    """
    chosen = [n for n in NAMES if not wanted or n in wanted]
    if not chosen:
        return []
    own = [sys.executable, "-m", "tests.e2e.work_shots", "--out", str(out), "--only", *chosen]
    done = subprocess.run([*cable_out(), *own], check=False)
    if done.returncode:
        raise RuntimeError("the repair of the pump was not shown as it should")
    return [out / f"{n}.png" for n in chosen]


def cable_out() -> list[str]:
    """What to put before a command so that it sees no network; empty where it is not allowed."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return []
    before = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    tried = subprocess.run([*before, "true"], check=False, capture_output=True)
    return before if tried.returncode == 0 else []


def main() -> int:
    """Exit code 0 when every step came."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=())
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    _, missed = play(asked.out, asked.only)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
