"""The life of one alarm as the standards draw it, written without the alarm engine's code.

ISA-18.2 and IEC 62682 give nine states by letter and arrows between them; the tables below are
those arrows as they are widely published. The paid texts were not read, and whoever wrote this had
seen the engine's table of states, but not what applies it. The program's `LATCHED` is the
standard's E and F: acknowledged or not.

What the drawing leaves open, and how it is read here:

- An alarm that leaves G, H or I goes where its condition says: unacknowledged (B) while it holds,
  else normal (A). Shelving therefore also ends an acknowledgement and a latch.
- A latched alarm is reset only after somebody acknowledged it (E, then F, then A). OPC UA's part on
  alarms says so in words; the drawing has no arrow from E to A.
- An alarm that is acknowledged (C) is announced again (B) when its time for that is over.
- Shelving always has an end. When the end and a change of the condition come together, the alarm
  leaves by the new condition.
- A critical alarm is never suppressed: the standard leaves it to the site, and the program says no.
- Equipment may be taken out of service (I) also while its alarm is shelved or suppressed, and a
  shelving may be given a new end. No other arrow leads from one kind of setting aside to another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NAMES: Final = {
    "A": "NORM", "B": "UNACK", "C": "ACKED", "D": "RTN_UNACK", "E": "LATCHED", "F": "LATCHED",
    "G": "SHELVED", "H": "SUPPRESSED", "I": "OUT_OF_SERVICE",
}  # fmt: skip
BEGINS: Final = {"A": "B", "D": "B", "E": "B", "F": "B"}
ENDS: Final = {"B": "D", "C": "A"}
ENDS_LATCHED: Final = {"B": "E", "C": "F"}
PEOPLE: Final = {
    "ack": {"B": "C", "D": "A", "E": "F"},
    "reset": {"F": "A"},
    "shelve": dict.fromkeys("ABCDEFG", "G"),
    "suppress": dict.fromkeys("ABCDEF", "H"),
    "disable": dict.fromkeys("ABCDEFGH", "I"),
    "unshelve": {"G": ""},
    "unsuppress": {"H": ""},
    "enable": {"I": ""},
}  # "" is by its condition


@dataclass
class Model:
    """One alarm. `act` and `process` answer with the letter after, `act` with "" when refused."""

    latching: bool = False
    critical: bool = False
    realarm_ms: int = 0
    state: str = "A"
    holds: bool = False
    until_ms: int = 0
    acked_ms: int = 0

    def act(self, action: str, now_ms: int, until_ms: int = 0) -> str:
        """What a person does. `until_ms`: the end of a shelving."""
        if self.state not in PEOPLE[action] or (self.critical and action == "suppress"):
            return ""
        self.state = PEOPLE[action][self.state] or ("B" if self.holds else "A")
        self.until_ms = until_ms if self.state == "G" else 0
        self.acked_ms = now_ms if action == "ack" else self.acked_ms
        return self.state

    def process(self, holds: bool, now_ms: int) -> str:
        """What the condition and the clock do at this moment."""
        if holds != self.holds:
            self.holds = holds
            arrows = BEGINS if holds else ENDS_LATCHED if self.latching else ENDS
            self.state = arrows.get(self.state, self.state)
        if self.state == "G" and now_ms >= self.until_ms:
            self.act("unshelve", now_ms)
        elif self.state == "C" and self.realarm_ms and now_ms >= self.acked_ms + self.realarm_ms:
            self.state = "B"
        return self.state
