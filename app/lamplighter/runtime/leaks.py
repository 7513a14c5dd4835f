"""Leaks looked for in each water network of a recorder, once a day, in a worker.

The hours of all pressure and flow sensors of one network are read from the store and handed to a
worker; what it finds stands among the anomalies. Where nothing could be said, why is kept with the
project, so that nobody takes silence for soundness.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import structlog
from msgspec.structs import replace

from lamplighter.analytics.leak_watch import DAY_MS, LeakReport, LeakWindow
from lamplighter.analytics.season import HOUR_MS
from lamplighter.domain.anomaly import LEAK, Anomaly, KnownEvent
from lamplighter.domain.city import Datastream
from lamplighter.runtime.hours import hourly_history, numeric
from lamplighter.runtime.known_events import known_events
from lamplighter.store import WriteAccess

if TYPE_CHECKING:
    from lamplighter.runtime.city_state import CityState
    from lamplighter.runtime.recorder import Recorder

log = structlog.get_logger(__name__)
STATE: Final = "leaks."
"""prefix of the settings that hold what became of each network last"""
DAYS: Final = 120
"""how far back is read"""
PRESSURES: Final = ("pressure",)
FLOWS: Final = ("flow",)
FIRST_MS: Final = 240_000
"""after the start, when the recorder has caught up"""
LOOK_MS: Final = 1_800_000
"""between two looks whether a new day has ended"""
MOST_SENSORS: Final = 400
"""of one network that are compared"""
SAME_MS: Final = 4 * DAY_MS
"""findings of one sensor that begin no further apart are one leak"""
SETTLED_MS: Final = 7 * DAY_MS
"""of the judged days, in which a fall may go unseen because the base is learned"""
NAME: Final = "Look for leaks"


class LeakState(msgspec.Struct, frozen=True):
    """What became of one network when it was last looked at."""

    network: str
    at_ms: int
    why: str = ""
    """why nothing could be said; empty when it was judged"""
    sensors: int = 0
    learned_days: int = 0
    found: int = 0


class LeakDesk:
    """`every_second` is called on the core's beat and returns at once."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._due_ms = 0
        self._day = -1
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._due_ms = self._recorder.clock.monotonic_ms() + FIRST_MS

    def stop(self, deadline_s: float = 3.0) -> None:
        self._stopping = True
        if self._thread is not None:
            self._thread.join(deadline_s)

    def every_second(self) -> None:
        """Begin when a day has ended since the last time."""
        clock = self._recorder.clock
        if self._stopping or clock.monotonic_ms() < self._due_ms:
            return
        self._due_ms = clock.monotonic_ms() + LOOK_MS
        day = clock.wall_ms() // DAY_MS
        if day != self._day:
            self._day = day
            self.begin()

    def begin(self) -> None:
        """Read and ask, on a thread of its own."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._thread = threading.Thread(target=self._run, name="leaks", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            now = self._recorder.clock.wall_ms()
            for window in self.windows(now):
                if self._stopping:
                    return
                self._submit(window)
        except Exception:
            if not self._stopping:
                log.exception("the hours of a network could not be read")

    def windows(self, now_ms: int) -> list[LeakWindow]:
        """What a worker is asked of each network: whole days up to the last midnight (UTC)."""
        recorder, city = self._recorder, self._recorder.core.city
        events = known_events(recorder.store, city)
        end = now_ms // DAY_MS * DAY_MS
        found = []
        for name, pressures, flows in networks(city):
            chosen = [*pressures, *flows][:MOST_SENSORS]
            hours = hourly_history(
                recorder.store, city, events, end, days=DAYS, only={s.id for s in chosen}
            )
            row = {int(d): n for n, d in enumerate(hours.datastream)}
            skip = int(-hours.first_ms // HOUR_MS % 24)
            values = hours.mean[[row[s.id] for s in chosen], skip:].T
            first = hours.first_ms + skip * HOUR_MS
            mine = {s.asset for s in chosen if s.asset}
            found.append(
                LeakWindow(
                    name,
                    names_of(city, chosen),
                    np.array([s.id for s in chosen], np.int64),
                    first + HOUR_MS * np.arange(values.shape[0], dtype=np.int64),
                    np.ascontiguousarray(values, np.float64),
                    min(len(pressures), len(chosen)),
                    tuple(sorted(e.to_ms for e in events if e.anew and e.asset in mine)),
                )
            )
        return found

    def _submit(self, window: LeakWindow) -> None:
        def end(value: Any) -> None:
            if isinstance(value, LeakReport):
                threading.Thread(
                    target=self.told, args=(value,), name="leaks-told", daemon=True
                ).start()
            elif not self._stopping:
                log.warning("a network was not judged", network=window.network, why=str(value))

        self._recorder.jobs.pool.submit(
            "lamplighter.analytics.leak_watch:judge_network",
            window,
            name=NAME,
            timeout_s=300.0,
            on_end=end,
            result=LeakReport,
            memory_mb=2_048,
            code="P-604",
        )

    def told(self, report: LeakReport) -> None:
        """Put what was found among the anomalies, and keep what became of the network."""
        state = LeakState(
            report.network, self._recorder.clock.wall_ms(), report.why,
            len(report.judged), report.learned_days, len(report.found),
        )  # fmt: skip
        text = msgspec.json.encode(state).decode()

        def put(access: WriteAccess) -> None:
            access.put_setting(STATE + report.network, text)

        try:
            self._recorder.store.writer.call(put).result(10)
            self._recorder.anomalies.told_by_leaks(report)
        except Exception:
            if not self._stopping:
                log.exception("leaks could not be told")


def new_leaks(
    report: LeakReport, known: Sequence[Anomaly], streams: Sequence[Datastream], now_ms: int
) -> list[Anomaly]:
    """Findings that nobody was told of; one that a person judged is not told again."""
    made = []
    for one in report.found:
        since = one.day_ms - DAY_MS
        told = any(
            a.datastream == one.datastream and abs(a.since_ms - since) <= SAME_MS for a in known
        )
        if not told and one.datastream < len(streams):
            made.append(
                Anomaly(
                    f"AN-{secrets.token_hex(4)}", LEAK, streams[one.datastream].asset,
                    one.datastream, since, now_ms, one.reason, score=one.score,
                    curve=(-one.fall,),
                )
            )  # fmt: skip
    return made


def mended_leaks(
    report: LeakReport, standing: Sequence[Anomaly], events: Sequence[KnownEvent], now_ms: int
) -> list[Anomaly]:
    """Those that are over: a repair was reported, or the same days say so no longer, or people
    judged it and it is no longer seen. One that only grows old stands on.
    """
    found = {f.datastream for f in report.found}
    over = []
    for leak in standing:
        if leak.kind != LEAK:
            continue
        mended = any(e.anew and e.asset == leak.asset and e.to_ms > leak.since_ms for e in events)
        gone = leak.datastream in report.judged and leak.since_ms >= report.from_ms + SETTLED_MS
        if mended or ((gone or leak.verdict) and leak.datastream not in found):
            over.append(replace(leak, until_ms=now_ms))
    return over


def networks(city: CityState) -> list[tuple[str, list[Datastream], list[Datastream]]]:
    """(name, pressures, flows) of each network that has both a name and pressure sensors.

    A network is the assets of one domain that are connected with each other; sensors that are
    connected with none of them belong to the domain's largest one.
    """
    groups: dict[str, list[Datastream]] = {}
    for s in numeric(city):
        asset = city.assets.get(s.asset)
        if asset is not None and asset.domain and s.kind in (*PRESSURES, *FLOWS):
            groups.setdefault(asset.domain, []).append(s)
    found = []
    for domain, streams in sorted(groups.items()):
        root = _connected(city, domain)
        parts: dict[str, list[Datastream]] = {}
        for s in streams:
            parts.setdefault(root.get(s.asset, ""), []).append(s)
        lone = parts.pop("", [])
        every = sorted(parts.values(), key=len, reverse=True) or [[]]
        every[0] = [*every[0], *lone]
        for number, part in enumerate(every):
            pressures = [s for s in part if s.kind in PRESSURES]
            if pressures:
                name = domain if not number else f"{domain} {number + 1}"
                found.append((name, pressures, [s for s in part if s.kind in FLOWS]))
    return found


def _connected(city: CityState, domain: str) -> dict[str, str]:
    """Asset -> one asset that stands for all it is connected with, within the domain."""
    above: dict[str, str] = {}

    def top(asset: str) -> str:
        while above.setdefault(asset, asset) != asset:
            above[asset] = above[above[asset]]
            asset = above[asset]
        return asset

    for edge in city.edges:
        ends = [city.assets.get(a) for a in (edge.source, edge.target)]
        if all(a is not None and a.domain == domain for a in ends):
            above[top(edge.source)] = top(edge.target)
    return {asset: top(asset) for asset in list(above)}


def names_of(city: CityState, streams: list[Datastream]) -> tuple[str, ...]:
    """What each is called in a sentence: its asset, and its own label where that has several."""
    names = [city.name_of(s.asset) if s.asset else s.key for s in streams]
    return tuple(
        f"{name}, {s.label or s.name}" if names.count(name) > 1 else name
        for name, s in zip(names, streams, strict=True)
    )
