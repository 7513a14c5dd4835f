"""Pictures of the field kit: taken, on the laptop, brought back, and its conflicts decided.

The demo project is the office. A real kit of it becomes a laptop's project; both sides work on the
same order, and the real windows show what comes of it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from PySide6.QtWidgets import QApplication

from lamplighter.cli.sitting import Sitting
from lamplighter.cli.starters import Starters
from lamplighter.domain import wire
from lamplighter.domain.kit import KitWanted
from lamplighter.domain.maintenance import Step as Line
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.runtime import kit as kits
from lamplighter.runtime.demo import prepare
from lamplighter.ui.app import Runner
from lamplighter.ui.report import ReportOptions
from lamplighter.ui.theme import start, theme
from tests.e2e.page_shots import Step, _Play
from tests.kit.field_town import desk_of

AT_OFFICE: Final = ("kit-take", "kit-conflict", "kit-safety")
ON_LAPTOP: Final = ("kit-laptop",)
PUMP: Final = "P-22"
ORDER: Final = "order/WO-2214"


def make(out: Path, wanted: Sequence[str] = ()) -> list[Path]:
    """Write the pictures that are wanted (all without a choice) and name them."""
    chosen = [n for n in (*AT_OFFICE, *ON_LAPTOP) if not wanted or n in wanted]
    if not chosen:
        return []
    made: list[Path] = []
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="harbour-") as place:
        folder = Path(place)
        office = prepare(lambda _: None)
        laptop = _work(office, folder)
        plays: list[tuple[Path, type[_Play], tuple[str, ...]]] = [
            (laptop, _Laptop, ON_LAPTOP), (office, _Office, AT_OFFICE)
        ]  # fmt: skip
        for project, play, names in plays:
            some = [n for n in names if n in chosen]
            if some:
                _sit(project, folder, _player(play, folder, out, some, made, failed))
    if failed:
        raise RuntimeError(f"no picture of {', '.join(failed)}")
    return made


def _player(
    play: type[_Play],
    folder: Path,
    out: Path,
    names: list[str],
    made: list[Path],
    failed: list[str],
) -> Callable[[Runner], _Play]:
    return lambda runner: play(runner, folder, None, out, names, made, failed)  # type: ignore[arg-type]


def _sit(project: Path, folder: Path, play: Callable[[Runner], _Play]) -> None:
    def window(**options: Any) -> int:
        app = QApplication.instance() or QApplication(["lamplighter"])
        start("dark", 1.0)
        runner = Runner(options["session_factory"], ReportOptions(), folder / "layouts",
                        options["on_first_frame"], False)  # fmt: skip
        playing = play(runner)
        runner.window.resize(1600, 1000)
        runner.window.show()
        code = app.exec()
        playing.end()
        runner.close()
        return int(code)

    starters = Starters(field=lambda _: 2, window=window)
    Sitting(starters, project, False, 0.0, None, None, False, "dark").run()


def _work(office: Path, folder: Path) -> Path:
    """Both sides work on one order; the way back lies in `back.kit`."""
    lines = (Line("isolate", "Close V-118 and lock it"),
             Line("vibration", "Vibration after repair", reads=True, unit="mm/s"))  # fmt: skip
    order = WorkOrder(
        ORDER.partition("/")[2], PUMP, "Replace the drive-end bearing", steps=lines,
        note="Bearing 6312, type to be confirmed", created_by="Control room",
    )  # fmt: skip
    with desk_of(office, "Control room") as (_, desk):
        desk.put_order(order, None)
    kits.take_alone(office, folder / "crew.kit", KitWanted(assets=(PUMP,), purpose="Crew 2"))
    laptop = folder / "crew-2"
    kits.merge_alone(laptop, folder / "crew.kit")
    with desk_of(laptop, "Crew 2") as (_, desk):
        desk.change(ORDER, {"note": "Bearing 6312-C3 fitted"}, reason="at the pump, 2 photos")
        desk.change(ORDER, {"isolation": "V-118 closed and locked"}, reason="seen")
        desk.change(ORDER, {"step.isolate.done": True, "step.vibration.reading": 2.4})
        desk.change("note/1", {"asset": PUMP, "text": "Coupling guard is loose"})
    with desk_of(office, "Store desk") as (_, desk):
        desk.change(ORDER, {"note": "Bearing 6312-2RS"}, reason="from the store list")
        desk.change(ORDER, {"isolation": "V-118 open, breaker off"}, reason="as on the plan")
    kits.take_alone(laptop, folder / "back.kit", KitWanted(changes=True))
    with desk_of(laptop, "Crew 2") as (_, desk):
        desk.change(ORDER, {"minutes": 90}, reason="took longer")
    return laptop


class _Office(_Play):
    def _plan(self) -> list[Step]:
        kit = self._window.furnish
        return [
            (lambda: None, self._drawn, "", lambda: None),
            (self._take, lambda: bool(kit().kits.take().holds.text()), "kit-take",
             lambda: kit().kits.take()),
            (self._merge, lambda: len(self._desk.kits.conflicts) == 2, "", lambda: None),
            (lambda: self._decide("note"), lambda: True, "kit-conflict",
             lambda: kit().kits.decide()),
            (lambda: self._decide("isolation"), lambda: True, "kit-safety",
             lambda: kit().kits.decide()),
        ]  # fmt: skip

    def _take(self) -> None:
        self._desk.selection.select(PUMP)
        dialog = self._window.furnish().kits.take()
        dialog.file.setText("/media/crew-2/harbour-p-22.kit")
        dialog.purpose.setText("Crew 2, pump P-22")

    def _merge(self) -> None:
        self._window.furnish().kits.take().close()
        theme().set("sunlight")
        self._desk.ask(wire.MergeKit(str(self._folder / "back.kit")))

    def _decide(self, field: str) -> None:
        page = self._window.furnish().kits.decide()
        page.resize(1280, 720)
        fields = [c.field for c in page._ordered()]
        page.list.setCurrentRow(fields.index(field))
        page._ask_history()

    def end(self) -> None:
        super().end()
        self._window.furnish().kits.decide().close()


class _Laptop(_Play):
    def _plan(self) -> list[Step]:
        return [
            (lambda: None, self._drawn, "", lambda: None),
            (lambda: self._desk.selection.select(PUMP),
             lambda: bool(self._desk.kits.state.waiting), "kit-laptop", lambda: None),
        ]  # fmt: skip
