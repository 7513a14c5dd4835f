"""The lane of suspect sensors: what is doubted, what a person withheld, and the marks of both.

Kept in the project's settings, so it outlives the recorder; `suspicion` finds what comes in here.
What a person withholds is marked at once, for every reader of the newest values.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from lamplighter.domain.anomaly import FALSE, REAL
from lamplighter.domain.problems import fault
from lamplighter.domain.quality import QualityMark
from lamplighter.domain.suspicion import SUSPECT, WITHHELD, Suspect, Withheld
from lamplighter.runtime.verdicts import keep_verdict, said_of
from lamplighter.store import Store, WriteAccess

if TYPE_CHECKING:
    from lamplighter.domain.city import Datastream
    from lamplighter.runtime.recorder import Recorder

LISTED: Final = frozenset({"unknown publisher", "retained message"})
"""told, and no reason to doubt each value"""
VAGUE: Final = frozenset({"mismatch", "impossible rate", "noisy"})
DECISIVE: Final = frozenset({"replay", "unit change", "swap", "stuck", "dropout"})
PASSING: Final = frozenset({"dropout", "stuck", "replay"})
"""what a sensor does by itself, and is over as soon as it reads on"""
IN_A_ROW: Final = 3
"""signs of another kind, none of the old one between them, after which it is another lie"""


def _says_more(found: Suspect, before: Suspect) -> bool:
    """Whether a new word for a suspicion that stands is worth telling anew."""
    if found.kind == before.kind or found.kind in VAGUE:
        return False
    return before.kind in VAGUE or (found.kind in DECISIVE and before.kind not in DECISIVE)


def stored_suspects(store: Store) -> list[Suspect]:
    """The lane of a project."""
    return [msgspec.json.decode(t, type=Suspect) for t in store.settings(SUSPECT).values()]


def stored_withheld(store: Store) -> list[Withheld]:
    """What is withheld in a project."""
    return [msgspec.json.decode(t, type=Withheld) for t in store.settings(WITHHELD).values()]


def stream_of(recorder: Recorder, key: str) -> Datastream:
    """Raises LamplighterError (U-802) when there is no such datastream."""
    for stream in recorder.core.city.streams:
        if stream.key == key:
            return stream
    raise fault("U-802", name=key)


class SuspicionLane:
    """One recorder's lane; `tell` is called after every change. From any thread."""

    def __init__(self, recorder: Recorder, tell: Callable[[], None]) -> None:
        self._recorder = recorder
        self._tell = tell
        self._lock = threading.RLock()
        self._suspects = {s.id: s for s in stored_suspects(recorder.store)}
        self._withheld = {w.key: w for w in stored_withheld(recorder.store)}
        self._other: dict[str, tuple[str, int]] = {}
        """by suspicion: the other kind that its last signs were of, and how many"""
        self._muted: set[str] = set()
        """what a person called genuine since the last time of learning"""

    # ------------------------------------------------------------------ what is found
    def put(self, found: Suspect) -> None:
        """New, or seen again. One that is withheld already is not told anew."""
        now = self._recorder.clock.wall_ms()
        with self._lock:
            before = self._suspects.get(found.id)
            if found.scope == "datastream" and found.key in self._withheld:
                return
            if found.id in self._muted:
                return
            another = before is not None and before.standing and self._another(found, before)
            if (
                before is not None
                and before.standing
                and not another
                and not _says_more(found, before)
            ):
                changed = msgspec.structs.replace(
                    before, seen_ms=now, score=max(before.score, found.score)
                )
                self._suspects[found.id] = changed
                return
            goes_on = before is not None and before.standing and not another
            since = before.since_ms if before is not None and goes_on else now
            found = msgspec.structs.replace(found, since_ms=since, seen_ms=now)
            self._suspects[found.id] = found
            self._other.pop(found.id, None)
        self._keep(SUSPECT + found.id, found)
        self.mark()
        self._tell()

    def _another(self, found: Suspect, before: Suspect) -> bool:
        """Whether what stood is over and the sensor lies in another way now: that is told anew."""
        if found.kind == before.kind:
            self._other.pop(found.id, None)
            return False
        if found.kind in VAGUE or not (found.kind in DECISIVE or before.kind in PASSING):
            return False
        kind, count = self._other.get(found.id, ("", 0))
        count = count + 1 if kind == found.kind else 1
        self._other[found.id] = (found.kind, count)
        return count >= IN_A_ROW

    def settle(self, limit: int) -> None:
        """What was not seen since `limit` (UTC ms) stands no more; it stays to be looked at."""
        with self._lock:
            over = [s for s in self._suspects.values() if s.standing and s.seen_ms < limit]
            for s in over:
                self._suspects[s.id] = msgspec.structs.replace(s, standing=False)
        for s in over:
            self._keep(SUSPECT + s.id, self._suspects[s.id])
        if over:
            self.mark()
            self._tell()

    # ------------------------------------------------------------------ what people decide
    def withhold(self, key: str, user: str, reason: str) -> Withheld:
        """Nothing is decided by it from now on. Raises LamplighterError (U-801, U-802)."""
        stream_of(self._recorder, key)
        if not reason.strip():
            raise fault("U-801", what="withholding needs a reason", name="suspects quarantine")
        made = Withheld(key, user, reason.strip(), self._recorder.clock.wall_ms())
        self._keep(WITHHELD + key, made).result(10)
        with self._lock:
            self._withheld[key] = made
            doubted = self._suspects.get(f"datastream\x1f{key}")
        if doubted is not None:
            self._judged(doubted, REAL)
        self._changed()
        return made

    def release(self, key: str) -> Withheld:
        """Raises LamplighterError (U-801) when it is not withheld."""
        with self._lock:
            known = self._withheld.get(key)
        if known is None:
            raise fault("U-801", what=f"{key} is not withheld", name="suspects release")
        self._recorder.store.writer.call(
            lambda access: access.remove_setting(WITHHELD + key)
        ).result(10)
        with self._lock:
            self._withheld.pop(key, None)
            self._suspects.pop(f"datastream\x1f{key}", None)
        self._drop(SUSPECT + f"datastream\x1f{key}")
        self._changed()
        return known

    def dismiss(self, key: str, scope: str) -> Suspect:
        """A person looked at it: it leaves the lane. Raises LamplighterError (U-801)."""
        with self._lock:
            mine = [s for s in self._suspects.values() if (s.scope, s.key) == (scope, key)]
            for one in mine:
                self._suspects.pop(one.id)
        if not mine:
            raise fault("U-801", what=f"{key} is not suspect", name="suspects")
        for one in mine:
            self._judged(one, FALSE)
            self._drop(SUSPECT + one.id)
            if scope == "datastream" or one.kind in LISTED:
                self._muted.add(one.id)
        self.mark()
        self._tell()
        return mine[0]

    def _judged(self, one: Suspect, verdict: str) -> None:
        """What a person made of a suspicion goes on record."""
        streams = self._recorder.core.city.streams
        asset = next((s.asset for s in streams if s.key == one.key), "")
        name, said = said_of(one, asset, verdict)
        self._recorder.store.writer.call(lambda access: keep_verdict(access, name, said))

    def learned(self) -> None:
        """What a person called genuine is usual now."""
        self._muted = {m for m in self._muted if not m.startswith("datastream")}

    def _changed(self) -> None:
        self.mark()
        self._recorder.hand.mark_points()
        self._tell()

    def mark(self) -> None:
        """Bring the marks of the newest values in line with the lane. One at a time, so that no
        older look at the lane takes away what a newer one has marked.
        """
        with self._lock:
            self._recorder.core.marks = self._marks(self._recorder.core.city.streams)

    def _marks(self, streams: Sequence[Datastream]) -> npt.NDArray[np.uint8]:
        marks = np.zeros(len(streams), np.uint8)
        doubted = {s.key for s in self._suspects.values() if s.scope == "datastream" and s.standing}
        senders = {
            s.key
            for s in self._suspects.values()
            if s.scope == "source" and s.standing and s.kind not in LISTED
        }
        for s in streams:
            if s.key in doubted or s.source in senders:
                marks[s.id] |= int(QualityMark.SUSPECT)
            if s.key in self._withheld:
                marks[s.id] |= int(QualityMark.WITHHELD)
        return marks

    def _keep(self, name: str, value: Suspect | Withheld) -> Any:
        text = msgspec.json.encode(value).decode()

        def put(access: WriteAccess) -> None:
            access.put_setting(name, text)

        return self._recorder.store.writer.call(put)

    def _drop(self, name: str) -> None:
        self._recorder.store.writer.call(lambda access: access.remove_setting(name))

    # ------------------------------------------------------------------ reading
    @property
    def items(self) -> tuple[Suspect, ...]:
        """Standing ones first, the newest first."""
        with self._lock:
            found = sorted(self._suspects.values(), key=lambda s: (not s.standing, -s.since_ms))
        return tuple(found)

    @property
    def withheld(self) -> tuple[Withheld, ...]:
        """The newest first."""
        with self._lock:
            return tuple(sorted(self._withheld.values(), key=lambda w: -w.since_ms))

    @property
    def any_standing(self) -> bool:
        return any(s.standing for s in self.items)

    def withheld_ids(self) -> tuple[int, ...]:
        """Ids of the datastreams that are withheld."""
        with self._lock:
            keys = set(self._withheld)
        if not keys:
            return ()
        return tuple(s.id for s in self._recorder.core.city.streams if s.key in keys)

    def doubted_ids(self) -> tuple[int, ...]:
        """Ids of the datastreams that are suspect now."""
        with self._lock:
            keys = {
                s.key for s in self._suspects.values() if s.standing and s.scope == "datastream"
            }
        if not keys:
            return ()
        return tuple(s.id for s in self._recorder.core.city.streams if s.key in keys)
