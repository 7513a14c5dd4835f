"""Whether what comes in can be written: told once when it cannot, and once when it can again."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError

import structlog

from lamplighter.domain import wire
from lamplighter.domain.clock import iso
from lamplighter.domain.problems import LamplighterError, Problem, fault, problem

log = structlog.get_logger(__name__)


class StorageFault:
    """What keeps the writer from writing; `emit` takes the events that tell of it."""

    def __init__(self, emit: Callable[[wire.Event], None]) -> None:
        self._emit = emit
        self._problem: Problem | None = None

    @property
    def problem(self) -> Problem | None:
        """Why nothing can be written now; None while all is well."""
        return self._problem

    def failed(self, error: BaseException) -> None:
        """A batch was not written."""
        if isinstance(error, CancelledError):
            return  # the writer was stopped; what it held was never acknowledged
        found = error.problem if isinstance(error, LamplighterError) else None
        found = found or problem("A-401", what=str(error))
        if self._problem is None or self._problem.code != found.code:
            log.error("not written", why=str(found))
            before, self._problem = self._problem, found
            if before is not None:  # only the newest one is ended by what is written again
                self._emit(wire.ProblemRaised(before, over=True))
            self._emit(wire.ProblemRaised(found))

    def well(self) -> None:
        """A batch was written."""
        ended, self._problem = self._problem, None
        if ended is not None:
            log.info("written again", after=ended.code)
            self._emit(wire.ProblemRaised(ended, over=True))

    def look(self, full_since_ms: int | None) -> None:
        """A full disk is told also when nothing comes in that would have to be stored."""
        if full_since_ms is not None:
            self.failed(fault("A-401", what=iso(full_since_ms)))
        elif self._problem is not None and self._problem.code == "A-401":
            self.well()
