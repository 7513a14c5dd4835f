"""A real recorder in this process, with assets whose levels a test sets, and two consoles."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from lamplighter.client import Session, WireCarrier
from lamplighter.domain import wire
from lamplighter.domain.alarm import AlarmRecord
from lamplighter.domain.alarm_design import RuleDefinition
from lamplighter.domain.city import Asset, Datastream
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime.recorder import Recorder
from lamplighter.store import Store
from tests.kit.feeds import FeedBuilder

PATIENCE_S = 60.0


def make_project(folder: Path, count: int) -> None:
    """`count` tanks T0.. with a datastream `level-<n>` each, from the source `dev`."""
    clock = SystemClock()
    Store.create(folder, name="town", clock=clock)
    store = Store.open(folder, write=True, clock=clock)
    assets = [
        Asset(f"T{n}", "Tank", f"Tank {n}", "water", lon=10.0, lat=50.0) for n in range(count)
    ]
    streams = [
        Datastream(0, "dev", f"level-{n}", "m", "tank_test_level", f"T{n}", period_ms=3_600_000)
        for n in range(count)
    ]

    def keep(access: Any) -> None:
        access.put_assets(assets)
        access.put_datastream_meta(streams)

    store.writer.call(keep).result(60)
    store.close()


class AlarmRoom:
    """Use it as a context manager. `ask` raises what the recorder refuses."""

    def __init__(self, folder: Path, count: int = 3) -> None:
        self.folder = folder
        if not folder.exists():
            make_project(folder, count)
        self.clock = SystemClock()
        self.recorder = Recorder(folder, self.clock, plugin_code=False)
        self.device = FeedBuilder(self.clock, "dev", epoch=self.clock.wall_ms())
        self._seq = 0
        self.sessions: list[Session] = []

    def __enter__(self) -> AlarmRoom:
        self.recorder.start()
        self.until(lambda: self.recorder.core.alarms is not None)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for session in self.sessions:
            session.close()
        self.recorder.stop()

    def console(self) -> tuple[Session, list[wire.Event]]:
        """One more window on this recorder, and the events it gets."""
        session = Session(WireCarrier(self.folder))
        events: list[wire.Event] = []
        session.subscribe(events.append)
        self.sessions.append(session)
        return session, events

    def ask(self, request: wire.Request, session: Session | None = None) -> Any:
        if session is None and not self.sessions:
            self.console()
        reply = (session or self.sessions[0]).ask_now(request)
        if isinstance(reply, wire.Refused):
            raise LamplighterError(reply.problem)
        return reply

    def rule(self, name: str = "full", *, waive: str = "a test", **more: Any) -> None:
        """A rule of the project, above 10 on every tank; armed unless `waive` is empty."""
        words: dict[str, Any] = {"kind": "tank_test_level", "threshold": 10.0, "text": "Tank full"}
        self.ask(wire.PutRule(RuleDefinition(name, **{**words, **more})))
        if waive:
            self.ask(wire.ArmRule(name, waiver=waive))
        wanted = bool(waive)
        self.until(lambda: wanted == any(r.id == f"project.{name}" for r in self.engine.rules))

    def tell(self, levels: Sequence[float], first: int = 0) -> None:
        """The device reports the levels of tanks from `first` on."""
        now = self.clock.wall_ms()
        points = [(f"level-{first + n}", now, level) for n, level in enumerate(levels)]
        assert self.recorder.inlet.deliver(self.device.message(self._seq, points))
        self._seq += 1

    @property
    def engine(self) -> Any:
        return self.recorder.core.alarms

    def records(self) -> dict[str, AlarmRecord]:
        return {r.key: r for r in self.ask(wire.GetAlarms()).alarms}

    def until(self, holds: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
        """Wait until it holds; fails the test when it never does."""
        end = time.monotonic() + patience_s
        while time.monotonic() < end:
            if holds():
                return
            time.sleep(0.02)
        raise AssertionError("it never came to hold")

    def audited(self) -> list[Any]:
        from lamplighter.governance.audit import newest_entries

        return newest_entries(self.folder / "audit.db", 100_000)
