"""The picture of the Models page: two versions of the demo's model and a year of closed cases.

The cases are invented, as all of the demo is: forecasts and closed work orders of its
transformers and signals are written into a copy of it; the real recorder trains, the real window
shows.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

from lamplighter.cli.sitting import Sitting
from lamplighter.cli.starters import Starters
from lamplighter.domain import wire
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.maintenance import Prognosis, WorkOrder
from lamplighter.runtime.demo import prepare
from lamplighter.runtime.project import opened
from lamplighter.ui.app import Runner
from lamplighter.ui.report import ReportOptions
from lamplighter.ui.theme import start

NAME: Final = "models"
DAY_MS: Final = 86_400_000
CASES: Final = 31
PATIENCE_S: Final = 150.0
SETTLE_S: Final = 3.0


def make(
    out: Path,
    wanted: Sequence[str] = (),
    *,
    size: tuple[int, int] = (1600, 1000),
    look: str = "dark",
) -> list[Path]:
    """Write the picture when it is wanted, and name it."""
    if wanted and NAME not in wanted:
        return []
    made: list[Path] = []
    with tempfile.TemporaryDirectory(prefix="harbour-") as place:
        project = prepare(lambda _: None)
        write_record(project)

        def window(**options: Any) -> int:
            app = QApplication.instance() or QApplication(["lamplighter"])
            start(look, 1.0)
            runner = Runner(options["session_factory"], ReportOptions(), Path(place),
                            options["on_first_frame"], False)  # fmt: skip
            play = _Play(runner, out / f"{NAME}.png", made)
            runner.window.resize(*size)
            runner.window.show()
            code = app.exec()
            play.timer.stop()
            runner.close()
            return int(code)

        starters = Starters(field=lambda _: 2, window=window)
        Sitting(starters, project, False, 0.0, None, None, False, look).run()
    if not made:
        raise RuntimeError(f"no picture of {NAME}")
    return made


def write_record(project: Path) -> None:
    """A year in which transformers were forecast and looked at, and some failed unannounced; the
    demo's model follows pumps alone, so it learns nothing from what was invented here."""
    rng = random.Random(20261128)
    now = SystemClock().wall_ms()
    with opened(project, write=True) as store:
        assets = store.assets()
        many = sorted(a.id for a in assets if a.type == "Transformer")[:16]
        others = sorted(a.id for a in assets if a.type == "Traffic signal")[:4]
        told: list[Prognosis] = []
        orders: list[WorkOrder] = []
        for number in range(CASES):
            asset = many[number % len(many)]
            closed = now - int((380 - number * 10) * DAY_MS)
            lead = rng.uniform(3, 19)
            chance = 0.2 if number % 7 == 3 else 0.8
            told += [
                Prognosis(asset, closed - 34 * DAY_MS, 30.0, 0.1, 0.02, 0.2),
                Prognosis(asset, closed - int(lead * DAY_MS), 30.0, chance, 0.6, 0.9,
                          lead * 0.4, lead * (1.8 if number % 11 else 0.9)),
            ]  # fmt: skip
            finding = "failed: seized" if number % 7 == 3 or number % 3 == 0 else "found: worn"
            if number % 9 == 5:
                finding = "not found"
            origin = "hand" if chance < 0.5 else "forecast"
            orders.append(_order(number, asset, closed, finding, origin))
        for number, asset in enumerate(others):
            told.append(Prognosis(asset, now - 60 * DAY_MS, 30.0, 0.6, 0.4, 0.8))
            orders.append(
                _order(900 + number, asset, now - 50 * DAY_MS, "found: lamp dim", "forecast")
            )
        told.sort(key=lambda p: p.made_ms)
        store.writer.call(lambda access: access.put_prognoses(told)).result(30)

        def keep(access: Any) -> None:
            for order in orders:
                access.put_work_order(order)

        store.writer.call(keep).result(30)


def _order(number: int, asset: str, closed: int, finding: str, origin: str) -> WorkOrder:
    return WorkOrder(
        f"WO-{7000 + number}", asset, "Look at it", "done", closed - 2 * DAY_MS, origin=origin,
        finding=finding, closed_ms=closed,
    )  # fmt: skip


class _Play(QObject):
    """Waits for the trained model, has a second one trained, shows the page."""

    def __init__(self, runner: Runner, target: Path, made: list[Path]) -> None:
        super().__init__()
        self._window, self._desk = runner.window, runner.desk
        self._target, self._made = target, made
        self._steps: Iterator[tuple[Callable[[], bool], Callable[[], object]]] = iter(
            [
                (self._drawn, self._show),
                (lambda: self._versions >= 1, self._train),
                (lambda: self._versions >= 2, self._choose),
                (self._settled, self._keep),
            ]
        )
        self._step = next(self._steps)
        self._since = time.monotonic()
        self.timer = QTimer(self)
        self.timer.setInterval(150)
        self.timer.timeout.connect(self._tick)
        self.timer.start()

    def _tick(self) -> None:
        ready, act = self._step
        now = time.monotonic()
        if not ready() and now - self._since < PATIENCE_S:
            return
        act()
        self._since = now
        following = next(self._steps, None)
        if following is None:
            self.timer.stop()
            self._window.close()
        else:
            self._step = following

    def _drawn(self) -> bool:
        view = self._window.furnish().twin.view if self._desk.city_known else None
        return view is not None and getattr(view, "scene", None) is not None

    @property
    def _versions(self) -> int:
        """Of the model of bearings; what the recorder learns of its own stands beside them."""
        return sum(r.card.kind == "maintenance" for r in self._desk.models.records.values())

    def _show(self) -> None:
        """The page with room for versions and record."""
        furniture = self._window.furnish()
        furniture.workspace("Trends")
        furniture.docks.reset()
        furniture.docks.show("models")

    def _choose(self) -> None:
        """The newest version of the model of bearings, with its card."""
        table = self._window.furnish().docks.docks["models"].widget().versions
        for number in range(table.rowCount()):
            if table.item(number, 0).text().startswith("maintenance/"):
                table.selectRow(number)
                return

    def _train(self) -> None:
        self._desk.ask(wire.TrainModel("maintenance"))

    def _settled(self) -> bool:
        return time.monotonic() - self._since > SETTLE_S

    def _keep(self) -> None:
        if self._versions < 2:
            return
        self._window.blink.rest()
        self._window.grab().save(str(self._target), "PNG")
        self._made.append(self._target)
        sys.stderr.write(f"shots: {NAME}\n")
