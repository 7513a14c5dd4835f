"""Edits of records that other consoles sent through the historian: merged like a field kit's."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lamplighter.domain.clock import SystemClock
from lamplighter.domain.edits import Edit
from lamplighter.exchange.exchanger import TakeEdits
from lamplighter.governance.roles import local_identity
from lamplighter.runtime import alarm_edits
from lamplighter.runtime.edits import EditDesk
from lamplighter.runtime.kit_trust import NAME, names_of
from lamplighter.store import Store, WriteAccess

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder


def take_in(desk: EditDesk, store: Store, origin: str, name: str, edits: list[Edit]) -> int:
    """Merge edits; returns how many were not taken because their id stands for another edit."""
    sound = [e for e in edits if desk.edits.get(e.id) in (None, e)]
    orders = {e.object.partition("/")[2] for e in sound if e.object.startswith("order/")}
    desk.baseline(sorted(orders))

    def keep(access: WriteAccess) -> None:
        if name and store.setting(NAME + origin) != name:
            access.put_setting(NAME + origin, name)

    if any(e.id not in desk.edits for e in sound):
        desk.merge(sound, keep)
    return len(edits) - len(sound)


def taker_alone(store: Store) -> TakeEdits:
    """For a project nobody records."""
    desks: list[EditDesk] = []

    def take(origin: str, name: str, edits: list[Edit]) -> int:
        clock = SystemClock()
        if not desks:
            desks.append(EditDesk(store, author=local_identity().user, now_ms=clock.wall_ms))
        refused = take_in(desks[0], store, origin, name, edits)
        alarm_edits.settle_alone(store, desks[0], names_of(store), clock.wall_ms())
        return refused

    return take


def taker_beside(recorder: Recorder) -> TakeEdits:
    """For a running recorder."""

    def take(origin: str, name: str, edits: list[Edit]) -> int:
        refused = take_in(recorder.edits, recorder.store, origin, name, edits)
        recorder.core.on_beat(acknowledge(recorder))
        return refused

    return take


def acknowledge(recorder: Recorder) -> Callable[[], None]:
    """What acknowledges, on the core's thread, the alarms that were acknowledged elsewhere."""
    places = names_of(recorder.store)

    def run() -> None:
        engine, now_ms = recorder.core.alarms, recorder.clock.wall_ms()
        for record, edit in alarm_edits.answered(recorder.edits.edits, engine.records()):
            events = engine.act(
                "ack", [record.key], actor=edit.author, batch=recorder.core.batch(),
                now_ms=alarm_edits.moment(record, edit, now_ms),
                note=alarm_edits.words(edit, places.get(edit.origin, ""), now_ms), partial=True,
            )  # fmt: skip
            recorder.core.tell_alarms(events, by=edit.author, action="ack")

    return run
