"""One time and one mode for the whole window: live, replay or scenario."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from PySide6.QtCore import QObject, Signal

from lamplighter.domain.clock import Clock

STEP_MS: Final = 10_000


class Mode(StrEnum):
    LIVE = "live"
    REPLAY = "replay"
    SCENARIO = "scenario"


class TimeModel(QObject):
    """The mode and the moment that is shown. `moment_ms` matters in replay only."""

    changed = Signal()

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._mode = Mode.LIVE
        self._moment_ms = clock.wall_ms()
        self.first_ms = 0
        self.as_known = True
        self.speed = 1

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

    def _set(self, mode: Mode, moment_ms: int) -> None:
        if (mode, moment_ms) != (self._mode, self._moment_ms):
            self._mode, self._moment_ms = mode, moment_ms
            self.changed.emit()
