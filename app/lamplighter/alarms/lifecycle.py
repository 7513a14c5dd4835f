"""The life of one alarm as one explicit table (designed toward ISA-18.2).

`transition(state, event, active=..., latching=...)` is pure and total: it gives the state after,
or None where the pair does not exist (a person's action is refused; for the process nothing
changes). The pairs that exist:

| state | events | goes to |
|---|---|---|
| NORM | raise | UNACK |
| UNACK | ack / clear | ACKED / RTN_UNACK, latching: LATCHED |
| ACKED | clear / realarm | NORM, latching: LATCHED / UNACK |
| RTN_UNACK | ack / raise | NORM / UNACK |
| LATCHED | ack (once) / then reset / raise | LATCHED (seen, still held) / NORM / UNACK |
| SHELVED | unshelve; raise, clear, shelve (a new end) | where it returns to; SHELVED |
| SUPPRESSED | unsuppress; raise, clear | where it returns to; SUPPRESSED |
| OUT_OF_SERVICE | enable; raise, clear | where it returns to; OUT_OF_SERVICE |
| the first five | shelve, suppress, disable | SHELVED, SUPPRESSED, OUT_OF_SERVICE |
| SHELVED, SUPPRESSED | disable | OUT_OF_SERVICE |

An alarm that was set aside returns to UNACK when its condition holds then, else to NORM; also when
it latches and also when it had been acknowledged before. Whether the condition holds is kept
beside the state, so a return to normal while set aside is not lost. `raise` and `clear` alternate:
the engine never gives one twice.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from lamplighter.domain.alarm import AlarmState


class AlarmInput(StrEnum):
    """What can happen to an alarm: from the process, from a design rule, or from a person."""

    RAISE = "raise"
    CLEAR = "clear"
    ACK = "ack"
    RESET = "reset"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    SUPPRESS = "suppress"
    UNSUPPRESS = "unsuppress"
    DISABLE = "disable"
    ENABLE = "enable"
    REALARM = "realarm"
    """it still holds long after its acknowledgement, or became more urgent: it rings again"""


S = AlarmState
I = AlarmInput  # noqa: E741
HELD: Final = frozenset({S.SHELVED, S.SUPPRESSED, S.OUT_OF_SERVICE})
"""states in which an alarm is set aside: it asks nobody for anything"""

Outcome = tuple[AlarmState, AlarmState, AlarmState]
"""where to go (ordinary and normal, latching and normal, condition holds)"""


def _to(state: AlarmState) -> Outcome:
    return (state, state, state)


_RETURN: Final[Outcome] = (S.NORM, S.NORM, S.UNACK)

TABLE: Final[dict[tuple[AlarmState, AlarmInput], Outcome]] = {
    (S.NORM, I.RAISE): _to(S.UNACK),
    (S.NORM, I.SHELVE): _to(S.SHELVED),
    (S.NORM, I.SUPPRESS): _to(S.SUPPRESSED),
    (S.NORM, I.DISABLE): _to(S.OUT_OF_SERVICE),
    (S.UNACK, I.CLEAR): (S.RTN_UNACK, S.LATCHED, S.UNACK),
    (S.UNACK, I.ACK): _to(S.ACKED),
    (S.UNACK, I.SHELVE): _to(S.SHELVED),
    (S.UNACK, I.SUPPRESS): _to(S.SUPPRESSED),
    (S.UNACK, I.DISABLE): _to(S.OUT_OF_SERVICE),
    (S.ACKED, I.CLEAR): (S.NORM, S.LATCHED, S.ACKED),
    (S.ACKED, I.REALARM): _to(S.UNACK),
    (S.ACKED, I.SHELVE): _to(S.SHELVED),
    (S.ACKED, I.SUPPRESS): _to(S.SUPPRESSED),
    (S.ACKED, I.DISABLE): _to(S.OUT_OF_SERVICE),
    (S.RTN_UNACK, I.RAISE): _to(S.UNACK),
    (S.RTN_UNACK, I.ACK): _to(S.NORM),
    (S.RTN_UNACK, I.SHELVE): _to(S.SHELVED),
    (S.RTN_UNACK, I.SUPPRESS): _to(S.SUPPRESSED),
    (S.RTN_UNACK, I.DISABLE): _to(S.OUT_OF_SERVICE),
    (S.LATCHED, I.RAISE): _to(S.UNACK),
    (S.LATCHED, I.ACK): _to(S.LATCHED),
    (S.LATCHED, I.RESET): _to(S.NORM),
    (S.LATCHED, I.SHELVE): _to(S.SHELVED),
    (S.LATCHED, I.SUPPRESS): _to(S.SUPPRESSED),
    (S.LATCHED, I.DISABLE): _to(S.OUT_OF_SERVICE),
    (S.SHELVED, I.RAISE): _to(S.SHELVED),
    (S.SHELVED, I.CLEAR): _to(S.SHELVED),
    (S.SHELVED, I.SHELVE): _to(S.SHELVED),
    (S.SHELVED, I.UNSHELVE): _RETURN,
    (S.SHELVED, I.DISABLE): _to(S.OUT_OF_SERVICE),
    (S.SUPPRESSED, I.RAISE): _to(S.SUPPRESSED),
    (S.SUPPRESSED, I.CLEAR): _to(S.SUPPRESSED),
    (S.SUPPRESSED, I.UNSUPPRESS): _RETURN,
    (S.SUPPRESSED, I.DISABLE): _to(S.OUT_OF_SERVICE),
    (S.OUT_OF_SERVICE, I.RAISE): _to(S.OUT_OF_SERVICE),
    (S.OUT_OF_SERVICE, I.CLEAR): _to(S.OUT_OF_SERVICE),
    (S.OUT_OF_SERVICE, I.ENABLE): _RETURN,
}


def transition(
    state: AlarmState,
    event: AlarmInput,
    *,
    active: bool = False,
    latching: bool = False,
    seen: bool = False,
) -> AlarmState | None:
    """The state after `event`, or None where the table does not allow it.

    `active` says whether the condition holds when the event happens; it decides where a shelved,
    suppressed or disabled alarm returns to. A latching alarm that was set aside while it waited
    for its reset is not held for ever: it returns by its condition like any other.
    `seen`: whether a latched alarm was acknowledged; only then it may be reset, and not before.
    """
    if state is S.LATCHED and event is (I.ACK if seen else I.RESET):
        return None
    outcome = TABLE.get((state, event))
    if outcome is None:
        return None
    if event is I.CLEAR:
        return outcome[1] if latching else outcome[0]
    if event is I.RAISE or active:
        return outcome[2]
    return outcome[1] if latching else outcome[0]
