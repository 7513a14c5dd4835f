"""A recorder looks at a file of the past, brings it in as previewed, and ends it when asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.kit.patience import until

from lamplighter.domain import wire
from lamplighter.domain.city import Asset
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime import past_import
from lamplighter.runtime.project import create, opened
from lamplighter.runtime.recorder import Recorder

pytestmark = pytest.mark.timeout(200)


class Desk:
    """A running recorder with one pump, and what it told."""

    def __init__(self, folder: Path) -> None:
        create(folder)
        with opened(folder, write=True) as store:
            pump = Asset("P-17", "Pump", "Pump 17", "water")
            store.writer.call(lambda access: access.put_assets([pump])).result(60)
        self.recorder = Recorder(folder, SystemClock(), plugin_code=False)
        self.done: list[wire.ImportDone] = []
        real = self.recorder.server.emit

        def emit(event: Any) -> None:
            if isinstance(event, wire.ImportDone):
                self.done.append(event)
            real(event)

        self.recorder.server.emit = emit  # type: ignore[method-assign]
        self.recorder.start()

    def ask(self, request: wire.Request) -> Any:
        return self.recorder._handle(request)

    def take(self, file: Path, look: wire.PastLook) -> wire.ImportDone:
        before = len(self.done)
        bindings = tuple((r.key, r.asset, r.unit) for r in look.values if r.asset)
        self.ask(wire.ImportPast((str(file),), look.mapping, "m", bindings=bindings))
        until(lambda: len(self.done) > before)
        return self.done[-1]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "town")
    yield made
    made.recorder.stop()


def table(folder: Path, rows: int) -> Path:
    file = folder / "scada.csv"
    lines = [f"2020-01-{1 + n // 1440:02}T{n // 60 % 24:02}:{n % 60:02}Z,{n}" for n in range(rows)]
    file.write_text("\n".join(["time,P-17 pressure (bar)", *lines, ""]))
    return file


def test_what_was_previewed_comes_in_on_its_asset(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(LamplighterError, match="I-507"):
        desk.ask(wire.LookAtPast(str(tmp_path / "none.csv")))
    file = table(tmp_path, 20)
    look = desk.ask(wire.LookAtPast(str(file)))
    (row,) = look.values
    assert (row.unit, row.asset, row.value) == ("bar", "P-17", "19")
    done = desk.take(file, look)
    assert done.files[0].objects == {"Observation": 20} and not done.cancelled
    (stream,) = desk.recorder.store.datastreams()
    assert (stream.key, stream.unit, stream.asset) == (row.key, "bar", "P-17")
    wish = wire.LookAtPast(str(file), mapping=look.mapping)
    until(lambda: desk.ask(wish).values[0].how == "bound already")


def test_a_cancelled_import_tells_what_is_in_and_the_rest_comes_later(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past_import, "POINTS", 10)
    file = table(tmp_path, 200)
    look = desk.ask(wire.LookAtPast(str(file)))
    real = past_import.PastImport._submit

    def cancelled(one: past_import.PastImport, waiting: Any, *rest: Any) -> None:
        real(one, waiting, *rest)
        if rest[2] == 4:
            (running,) = [t for t in desk.ask(wire.GetTasks()).items if t.name.startswith("Bring")]
            desk.ask(wire.CancelTask(running.id))

    with monkeypatch.context() as planted:
        planted.setattr(past_import.PastImport, "_submit", cancelled)
        first = desk.take(file, look)
    assert first.cancelled and first.files[0].objects == {"Observation": 50}
    second = desk.take(file, look)
    assert not second.cancelled and second.files[0].objects == {"Observation": 150}
    assert sum(1 for _ in desk.recorder.store.export_rows()) == 200
