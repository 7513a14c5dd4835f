"""Whether the recorder that was asked for something is still the one that answers.

A recorder that began anew knows nothing of the tasks of the one before, and gives their numbers
out again: whoever waits for such a task has to hear that it will never end.
"""

from __future__ import annotations

from lamplighter.ui.desk import Desk


class Restarts:
    """Remembers which recorder was asked."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._began_ms = self._now()

    def note(self) -> None:
        """From here on the recorder of now counts."""
        self._began_ms = self._now()

    def happened(self) -> bool:
        """True when another recorder answers than the one that was noted."""
        now = self._now()
        return bool(now) and now != self._began_ms

    def _now(self) -> int:
        """When the recorder of the session began, ms; 0 without a session."""
        session = self._desk.session
        return session.welcome.started_ms if session is not None else 0
