"""One time and one mode for the whole window: live, replay or scenario."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from PySide6.QtCore import QObject, Signal

from lamplighter.domain.clock import Clock

STEP_MS: Final = 10_000
DAY_MS: Final = 86_400_000
SPEEDS: Final = (1, 10, 60, 600)
GHOSTS: Final = (0, DAY_MS, 7 * DAY_MS)
"""how far back the curve lies that trends show for comparison; 0 for none"""


class Mode(StrEnum):
    LIVE = "live"
    REPLAY = "replay"
    SCENARIO = "scenario"


class TimeModel(QObject):
    """The mode and the moment that is shown. `moment_ms` matters in replay only."""

    changed = Signal()
    pace_changed = Signal()
    """the speed of the replay, or whether it runs"""
    ghost_changed = Signal()

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._mode = Mode.LIVE
        self._moment_ms = clock.wall_ms()
        self.first_ms = 0
        self.as_known = True
        self.speed = 1
        self.running = False
        self.ghost_ms = 0

    @property
    def mode(self) -> Mode:
        return self._mode

    @property
    def now_ms(self) -> int:
        """What every view takes as 'now': the wall clock, in replay the chosen moment."""
        return self._moment_ms if self._mode is Mode.REPLAY else self._clock.wall_ms()

    @property
    def wall_ms(self) -> int:
        return self._clock.wall_ms()

    @property
    def monotonic_ms(self) -> int:
        return self._clock.monotonic_ms()

    @property
    def known_ms(self) -> int | None:
        """What had been recorded by then counts; None when all that is known now does."""
        return self._moment_ms if self._mode is Mode.REPLAY and self.as_known else None

    @property
    def commands_locked(self) -> bool:
        return self._mode is not Mode.LIVE

    def live(self) -> None:
        self._set(Mode.LIVE, self._moment_ms)

    def scenario(self) -> None:
        self._set(Mode.SCENARIO, self._moment_ms)

    def replay(self, moment_ms: int | None = None) -> None:
        """Goes to a moment of the record; without one, a minute ago."""
        wall = self._clock.wall_ms()
        wanted = wall - 60_000 if moment_ms is None else moment_ms
        self._set(Mode.REPLAY, max(self.first_ms, min(wanted, wall)))

    def step(self, steps: int) -> None:
        """`,` and `.`: moves the moment; from live it enters replay."""
        self.replay(self.now_ms + steps * STEP_MS)

    def swap_known(self) -> None:
        """Between what was known then and what is known now about that moment."""
        self.set_as_known(not self.as_known)

    def set_as_known(self, as_known: bool) -> None:
        if as_known != self.as_known:
            self.as_known = as_known
            self.changed.emit()

    # ---------------------------------------------------------------- pace and comparison
    def run(self, running: bool) -> None:
        """Lets the moment move on by itself, or stops it; runs in replay only."""
        running = running and self._mode is Mode.REPLAY
        if running != self.running:
            self.running = running
            self.pace_changed.emit()

    def set_speed(self, speed: int) -> None:
        """One of `SPEEDS`."""
        if speed in SPEEDS and speed != self.speed:
            self.speed = speed
            self.pace_changed.emit()

    def change_speed(self, by: int) -> None:
        """The next faster or slower speed; stays at the ends."""
        at = SPEEDS.index(self.speed) + by
        self.set_speed(SPEEDS[min(max(at, 0), len(SPEEDS) - 1)])

    def set_ghost(self, back_ms: int) -> None:
        """Compare with the same time so long before; 0 for nothing."""
        if back_ms != self.ghost_ms:
            self.ghost_ms = back_ms
            self.ghost_changed.emit()

    def next_ghost(self) -> None:
        """Nothing, yesterday, last week, in turn."""
        at = GHOSTS.index(self.ghost_ms) if self.ghost_ms in GHOSTS else 0
        self.set_ghost(GHOSTS[(at + 1) % len(GHOSTS)])

    def _set(self, mode: Mode, moment_ms: int) -> None:
        if (mode, moment_ms) != (self._mode, self._moment_ms):
            self._mode, self._moment_ms = mode, moment_ms
            if mode is not Mode.REPLAY:
                self.run(False)
            self.changed.emit()
