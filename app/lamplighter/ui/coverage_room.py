"""What the window knows of where the city is measured; follows the session and the shown time.

It asks only while somebody looks: the page, or the hatching of the 3D view.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QObject, Signal

from lamplighter.domain import wire
from lamplighter.domain.coverage import EVERYTHING, MEASURED
from lamplighter.domain.districts import Districts
from lamplighter.ui.time_model import Mode
from lamplighter.ui.words import kind_name, tr

if TYPE_CHECKING:
    from lamplighter.ui.desk import Desk

EVERY: Final = 3
"""seconds between two questions; one that would say the same is answered in a word"""
GLANCE: Final = 30
"""the same where nobody looks but who only counts"""
FIRST: Final = 60
"""seconds after the opening in which a count is asked for as often as a look: values arrive"""


class CoverageRoom(QObject):
    """`found` as it was told last for the shown time; views listen to `changed`."""

    changed = Signal()
    wanted = Signal()
    """somebody wants the Coverage page"""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self.found: wire.Coverage | None = None
        self.districts: Districts | None = None
        self.subject = EVERYTHING
        self.picked = ""
        """id of the chosen district"""
        self.hatched = False
        """whether the 3D view shows it"""
        self._watchers: set[str] = set()
        self._glances: set[str] = set()
        self._asking = self._stale = False
        self._told_by: object = None
        """the session of `found`: versions of another recorder count anew"""
        self._seconds = 0
        desk.status_changed.connect(self._second)
        desk.moment_changed.connect(self._moved)
        desk.city_changed.connect(self.ask)
        desk.import_done.connect(lambda _: self.ask())
        desk.time.changed.connect(self._time)

    # ---------------------------------------------------------------- asking
    def watch(self, who: str, on: bool) -> None:
        """Somebody begins or ends to look."""
        (self._watchers.add if on else self._watchers.discard)(who)
        if on:
            self.ask()

    def glance(self, who: str) -> None:
        """Somebody who wants a rough count of the present, and never costs the past a question."""
        self._glances.add(who)
        self.ask()

    def hatch(self, on: bool) -> None:
        """Show districts that are not measured in the 3D view, or not."""
        self.hatched = on
        if not on:
            self.picked = ""
        self.watch("city", on)
        self.changed.emit()

    def _moved(self) -> None:
        if self._watchers:
            self.ask()

    def _time(self) -> None:
        if self._desk.time.mode is not Mode.REPLAY and self.past:
            self.ask()

    @property
    def past(self) -> bool:
        """Whether what is shown is a moment of the past."""
        return self.found is not None and self.found.version < 0

    def _second(self) -> None:
        self._seconds += 1
        often = self._watchers or self.found is None or self._seconds <= FIRST
        pace = EVERY if often else GLANCE
        if self._seconds % pace == 0 and self._desk.time.mode is not Mode.REPLAY:
            self.ask()

    def ask(self) -> None:
        """Ask for the shown time; one question at a time, the newest wish is kept."""
        past = self._desk.time.mode is Mode.REPLAY
        looked_at = self._watchers or (self._glances and not past)
        if not looked_at or self._desk.session is None:
            return
        if self._asking:
            self._stale = True
            return
        moment = self._desk.moment if self._desk.time.mode is Mode.REPLAY else None
        if self._desk.time.mode is Mode.REPLAY and moment is None:
            return
        self._asking = True
        if moment is not None:
            self._desk.ask(wire.GetCoverage(moment.at_ms, moment.as_known), self._got_past)
        else:
            known = self._told_by is self._desk.session and not self.past
            seen = self.found.version if self.found is not None and known else 0
            self._desk.ask(wire.GetCoverage(seen=seen), self._got)

    def _got_past(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Coverage):
            from msgspec.structs import replace

            reply = replace(reply, version=-reply.version)
        self._got(reply)

    def _got(self, reply: wire.Reply) -> None:
        self._asking = False
        if isinstance(reply, wire.Coverage):
            self.found, self._told_by = reply, self._desk.session
            self.districts = Districts(
                reply.ids, reply.names, reply.origin, np.asarray(reply.points),
                np.asarray(reply.ring_start), np.asarray(reply.ring_of), reply.square_m,
            )  # fmt: skip
            self.changed.emit()
        if self._stale:
            self._stale = False
            self.ask()

    # ---------------------------------------------------------------- choosing
    def choose(self, subject: str) -> None:
        """Look at another kind or domain."""
        self.subject = subject
        self.changed.emit()

    def pick(self, district: str) -> None:
        """Choose a district; empty for none."""
        if district != self.picked:
            self.picked = district
            self.changed.emit()

    def pick_at(self, x: float, y: float) -> str:
        """Choose the district at a place in local metres; its id, empty for none."""
        row = -1
        if self.districts is not None:
            row = int(self.districts.of(np.array([[x, y]]))[0])
        self.pick(self.found.ids[row] if self.found is not None and row >= 0 else "")
        return self.picked

    # ---------------------------------------------------------------- reading
    @property
    def column(self) -> int:
        """Place of the subject in the matrices; everything where it is not measured at all."""
        ids = [s.id for s in self.found.subjects] if self.found is not None else []
        return ids.index(self.subject) if self.subject in ids else 0

    @property
    def row(self) -> int:
        """Place of the chosen district, -1 for none."""
        ids = self.found.ids if self.found is not None else ()
        return ids.index(self.picked) if self.picked in ids else -1

    def gaps(self) -> list[tuple[int, int]]:
        """(district, verdict) of all that are thinly or not measured."""
        if self.found is None:
            return []
        verdict = self.found.verdict[:, self.column]
        return [(d, int(v)) for d, v in enumerate(verdict.tolist()) if v != MEASURED]


def subject_name(id: str) -> str:
    """A subject as people write it."""
    if not id:
        return tr("Everything")
    return kind_name(id.removeprefix("domain:"))


def district_name(found: wire.Coverage, row: int) -> str:
    """`Old Town`, or `Square B3`."""
    name = found.names[row]
    return tr("Square {name}", name=name) if found.origin == "squares" else name


def facts(room: CoverageRoom, row: int) -> list[str]:
    """One district in lines: verdict, sensors, people, size."""
    found = room.found
    if found is None or not 0 <= row < len(found.ids):
        return []
    column = room.column
    live, stale, suspect = (int(n) for n in found.counts[:, row, column])
    lines = [
        tr("{what}: {verdict}", what=subject_name(found.subjects[column].id),
           verdict=verdict_words(int(found.verdict[row, column]))),
        tr("sensors: {n} live, {m} stale, {k} suspect", n=f"{live:,}", m=f"{stale:,}",
           k=f"{suspect:,}"),
    ]  # fmt: skip
    area = float(found.area_m2[row]) / 1e6
    size = f"{area:.2f}\u202fkm²"
    if found.counted:
        who = tr("people") if found.counted == "people" else tr("buildings")
        heads = float(found.heads[row])
        lines.append(tr("{n} {who} on {size}", n=f"{heads:,.0f}", who=who, size=size))
        near = float(found.near[row, column])
        if near == near:
            lines.append(
                tr("{p}\u202f% of them within {m}\u202fm of a live one", p=f"{100 * near:.0f}",
                   m=f"{found.rule.within_m:.0f}")
            )  # fmt: skip
    else:
        lines.append(size)
    return lines


def verdict_words(verdict: int) -> str:
    """The same words everywhere."""
    return (tr("measured"), tr("thinly measured"), tr("not measured"))[verdict]
