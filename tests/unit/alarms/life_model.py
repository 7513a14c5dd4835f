"""The life of an alarm, written a second time from the words of the standard's state diagram.

It knows nothing of the engine: it keeps separate facts (does the condition hold, did a person
acknowledge, does it wait for a reset, is it set aside) and derives the state from them.
"""

from __future__ import annotations


class Life:
    def __init__(self, latching: bool = False) -> None:
        self.latching = latching
        self.holds = False
        self.unseen = False
        self.waits_for_reset = False
        self.aside = ""  # shelved | suppressed | out of service

    @property
    def state(self) -> str:
        if self.aside:
            return self.aside
        if self.holds:
            return "UNACK" if self.unseen else "ACKED"
        if self.waits_for_reset:
            return "LATCHED"
        return "RTN_UNACK" if self.unseen else "NORM"

    def happens(self, event: str) -> bool:
        """Whether the event is possible now; if so it takes place."""
        action = getattr(self, "on_" + event)
        return bool(action())

    def on_raise(self) -> bool:
        if self.holds:
            return False
        self.holds = True
        self.unseen = self.unseen if self.aside else True
        self.waits_for_reset = False
        return True

    def on_clear(self) -> bool:
        if not self.holds:
            return False
        self.holds = False
        if not self.aside and self.latching:
            self.waits_for_reset = True
        return True

    def on_ack(self) -> bool:
        if self.aside or not self.unseen:
            return False
        self.unseen = False
        return True

    def on_realarm(self) -> bool:
        if self.state != "ACKED":
            return False
        self.unseen = True
        return True

    def on_reset(self) -> bool:
        if self.state != "LATCHED" or self.unseen:
            return False
        self.waits_for_reset = False
        return True

    def on_shelve(self) -> bool:
        return self._set_aside("SHELVED", also_from={"SHELVED"})

    def on_suppress(self) -> bool:
        return self._set_aside("SUPPRESSED")

    def on_disable(self) -> bool:
        return self._set_aside("OUT_OF_SERVICE", also_from={"SHELVED", "SUPPRESSED"})

    def on_unshelve(self) -> bool:
        return self._return_from("SHELVED")

    def on_unsuppress(self) -> bool:
        return self._return_from("SUPPRESSED")

    def on_enable(self) -> bool:
        return self._return_from("OUT_OF_SERVICE")

    def _set_aside(self, where: str, also_from: set[str] | None = None) -> bool:
        if self.aside and self.aside not in (also_from or set()):
            return False
        self.aside, self.waits_for_reset = where, False
        return True

    def _return_from(self, where: str) -> bool:
        if self.aside != where:
            return False
        self.aside, self.unseen = "", self.holds
        return True
