"""What people do to alarms, as edits that travel: acknowledged once is acknowledged for ever.

An acknowledgement belongs to one time the alarm asked for it, so it never answers a later one.
Shelving and taking out of service are about safety: they travel as a record of who did it and why,
and no merge ever sets an alarm aside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from lamplighter.alarms.lives import AlarmLives
from lamplighter.domain.alarm import AlarmEvent, AlarmRecord, AlarmState
from lamplighter.domain.clock import iso
from lamplighter.domain.edits import Edit, Edits, Value
from lamplighter.runtime.edits import EditDesk
from lamplighter.store import Store

KIND: Final = "alarm/"
ACKNOWLEDGED: Final = "acknowledged."
"""followed by when the alarm began to ask for it"""
ASKS: Final = frozenset({AlarmState.UNACK, AlarmState.RTN_UNACK, AlarmState.LATCHED})


def changes(action: str, record: AlarmRecord, until_ms: int) -> dict[str, Value]:
    """Fields of the alarm's record that an action sets; `record` as it was before."""
    if action == "ack" and record.unacked_ms:
        return {f"{ACKNOWLEDGED}{record.unacked_ms}": True}
    if action in ("shelve", "unshelve"):
        return {"shelved": until_ms if action == "shelve" else 0}
    if action in ("disable", "enable"):
        return {"out_of_service": action == "disable"}
    return {}


def note(
    desk: EditDesk,
    action: str,
    before: Iterable[AlarmRecord],
    *,
    until_ms: int,
    who: str,
    reason: str,
) -> list[Edit]:
    """Keep what was done to these alarms as edits."""
    made = {KIND + r.key: changes(action, r, until_ms) for r in before}
    return desk.change_many(
        {o: c for o, c in made.items() if c}, reason=reason, author=who, wait=False
    )


def answered(edits: Edits, records: Iterable[AlarmRecord]) -> list[tuple[AlarmRecord, Edit]]:
    """Alarms that still ask here and were acknowledged somewhere, each with that edit."""
    found = []
    for record in records:
        if record.state not in ASKS or not record.unacked_ms:
            continue
        field = f"{ACKNOWLEDGED}{record.unacked_ms}"
        said = [e for e in edits.history(KIND + record.key, field) if e.value]
        if said:
            found.append((record, said[0]))
    return found


def moment(record: AlarmRecord, edit: Edit, now_ms: int) -> int:
    """When it was acknowledged by that console's clock, never before it asked or after now."""
    return min(max(edit.made_ms, record.unacked_ms), now_ms)


def words(edit: Edit, place: str, now_ms: int) -> str:
    """For the journal: what was done elsewhere, and when it became known here."""
    return f"acknowledged on {place or 'another console'}, known here {iso(now_ms)}"


def settle_alone(
    store: Store, desk: EditDesk, places: dict[str, str], now_ms: int
) -> Sequence[AlarmEvent]:
    """Acknowledge what was acknowledged elsewhere, in a project nobody records."""
    lives = _Alone(store.alarms())
    batch = store.last_batch()
    done: list[AlarmEvent] = []
    for record, edit in answered(desk.edits, lives.records()):
        done += lives.act(
            "ack", [record.key], actor=edit.author, batch=batch,
            now_ms=moment(record, edit, now_ms),
            note=words(edit, places.get(edit.origin, ""), now_ms), partial=True,
        )  # fmt: skip
    if done:
        store.writer.call(lambda access: access.put_alarm_events(done)).result(30)
    return done


class _Alone(AlarmLives):
    """Alarms as they stand, with no engine around them."""

    def __init__(self, records: Iterable[AlarmRecord]) -> None:
        super().__init__(records)
        self._index = {}

    def _with_folding(self, events: list[AlarmEvent], batch: int, now_ms: int) -> list[AlarmEvent]:
        return events
