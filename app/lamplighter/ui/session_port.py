"""What the window needs of a recorder: the small door through which all data come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from lamplighter.domain import wire
from lamplighter.domain.newest_block import NewestValues

Deliver = Callable[[Callable[[], None]], None]
"""Runs a call on the GUI thread, later, in order."""


class SessionPort(Protocol):
    """One conversation with the recorder; `done` and listeners are called on the GUI thread."""

    welcome: wire.Welcome

    def ask(self, request: wire.Request, done: Callable[[wire.Reply], None]) -> None:
        """Asynchronous; a refused or lost request answers `wire.Refused`."""
        ...

    def subscribe(self, listener: Callable[[wire.Event], None]) -> None:
        """Every event from now on, in order."""
        ...

    def newest(self) -> NewestValues | None:
        """A consistent copy, arrays indexed by datastream id; None when there is none now."""
        ...

    def when_lost(self, tell: Callable[[str], None]) -> None:
        """`tell` gets the reason, once, when the recorder goes away."""
        ...

    def close(self) -> None: ...


SessionFactory = Callable[[Deliver], SessionPort]
