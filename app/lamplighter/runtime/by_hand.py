"""Values set by hand and points in maintenance of one recorder: kept, shown, ended in time.

What the sensor sends is stored unchanged, with a mark while its point is in maintenance. A value
set by hand is laid over the newest values, marked, and recorded under a source of its own with the
name of who set it; so no figure, forecast or back-test can take it for measured.
"""

from __future__ import annotations

import json
import random
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
from msgspec.structs import replace

from lamplighter.domain import wire
from lamplighter.domain.by_hand import (
    LONGEST_MS,
    MAINTENANCE,
    SHORTEST_MS,
    SOURCE,
    VALUE,
    HandMark,
)
from lamplighter.domain.city import Datastream
from lamplighter.domain.field_message import OBSERVATIONS, RawMessage
from lamplighter.domain.newest_block import NewestValues
from lamplighter.domain.observation import MAX_EPOCH
from lamplighter.domain.problems import fault
from lamplighter.domain.quality import Quality, QualityMark
from lamplighter.governance.roles import Permission
from lamplighter.pipeline import Pipeline
from lamplighter.runtime.answering import Answering, Table
from lamplighter.runtime.feeds import mapping_of
from lamplighter.runtime.originals import as_text
from lamplighter.sources.still_feed import PICTURE, pictures_of_source

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder
    from lamplighter.store import Store, WriteAccess

PREFIX: Final = "by hand "
SHOWN_BODY: Final = 20_000


def stored_marks(store: Store) -> list[HandMark]:
    """All that stands in a project, ended ones left out when they are read next."""
    found = store.settings(PREFIX).values()
    return [msgspec.json.decode(text, type=HandMark) for text in found]


class HandDesk:
    """One recorder's marks. `overlay` runs on the core's thread, the changes on any."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._marks: dict[tuple[str, str], HandMark] = {
            (m.key, m.kind): m for m in stored_marks(recorder.store)
        }
        self._epoch = random.randrange(MAX_EPOCH)
        self._seq = 0
        self._rows: tuple[tuple[int, HandMark], ...] = ()
        self._rows_for: tuple[object, object] = (None, None)
        """the city and the marks `_rows` were made of"""
        self._lock = threading.Lock()
        """over every change of `_marks`, which is replaced and never changed in place"""

    def start(self) -> None:
        """Tell the decoder what is in maintenance, and begin to lay over."""
        self._recorder.core.overlay = self.overlay
        self.mark_points()

    @property
    def items(self) -> tuple[HandMark, ...]:
        """What stands now."""
        return tuple(self._marks.values())

    # ---------------------------------------------------------------- changing
    def put(self, mark: HandMark) -> None:
        """A new or changed mark; it stands when this returns."""
        text = msgspec.json.encode(mark).decode()
        name = f"{PREFIX}{mark.kind} {mark.key}"

        def keep(access: WriteAccess) -> None:
            access.put_setting(name, text)

        self._recorder.store.writer.call(keep).result()
        with self._lock:
            self._marks = {**self._marks, (mark.key, mark.kind): mark}
        if mark.kind == VALUE:
            self._record(mark)
        self._changed()

    def end(self, key: str, kind: str) -> HandMark:
        """Raises LamplighterError (U-801) when nothing of this kind stands there."""
        mark = self._marks.get((key, kind))
        if mark is None:
            raise fault("U-801", what=f"nothing is set by hand at {key}", name="hand end")
        self._recorder.store.writer.call(
            lambda access: access.remove_setting(f"{PREFIX}{kind} {key}")
        ).result()
        with self._lock:
            self._marks = {k: m for k, m in self._marks.items() if k != (key, kind)}
        self._changed()
        return mark

    def every_second(self) -> None:
        """On the core's beat: what has run out ends."""
        now = self._recorder.clock.wall_ms()
        over = [m for m in self._marks.values() if m.until_ms <= now]
        if not over:
            return
        with self._lock:
            self._marks = {k: m for k, m in self._marks.items() if m.until_ms > now}
        names = [f"{PREFIX}{m.kind} {m.key}" for m in over]

        def drop(access: WriteAccess) -> None:
            for name in names:
                access.remove_setting(name)

        self._recorder.store.writer.call(drop)
        self._changed()  # first: a record that cannot be written must not keep a point marked
        for mark in over:
            self._recorder.audit.record(
                actor="Lamplighter", role="recorder", action=f"end {mark.kind} by hand",
                object=mark.key, reason="its time is over", result="done",
            )  # fmt: skip

    def _changed(self) -> None:
        self.mark_points()
        self._recorder.server.emit(wire.ByHand(self.items))

    def mark_points(self) -> None:
        """Points in maintenance, and withheld ones, are stored with their mark from now on."""
        wanted = {m.key for m in self._marks.values() if m.kind == MAINTENANCE}
        marks = {
            stream.id: int(QualityMark.IN_MAINTENANCE)
            for stream in self._recorder.store.datastreams()
            if stream.key in wanted
        }
        for number in self._recorder.suspicion.lane.withheld_ids():
            marks[number] = marks.get(number, 0) | int(QualityMark.WITHHELD)

        def tell(pipeline: Pipeline) -> None:
            pipeline.set_marks(marks)

        self._recorder.inlet.between(tell)

    def _record(self, mark: HandMark) -> None:
        """The value in the history, under the name of who set it."""
        clock = self._recorder.clock
        stream = self._stream(mark.key)
        shown = stream.states[int(mark.value or 0)] if stream.states else mark.value
        point = [mark.key, mark.since_ms, shown, "uncertain"]
        body = {"epoch": self._epoch, "seq": self._seq, "points": [point]}
        self._seq += 1
        self._recorder.inlet.deliver(
            RawMessage(
                f"{OBSERVATIONS}{SOURCE}{mark.user}", json.dumps(body).encode(), clock.wall_ms(),
                -1, "", clock.monotonic_ms(), units={mark.key: stream.unit},
            )
        )  # fmt: skip

    def _stream(self, key: str) -> Datastream:
        for stream in self._recorder.core.city.streams:
            if stream.key == key:
                return stream
        raise fault("U-802", name=key)

    # ---------------------------------------------------------------- showing
    def overlay(self, newest: NewestValues) -> NewestValues:
        """The newest values with what was set by hand over them."""
        if not self._marks:
            return newest
        city = self._recorder.core.city
        marks = self._marks
        if self._rows_for[0] is not city or self._rows_for[1] is not marks:
            ids = {s.key: s.id for s in city.streams}
            self._rows = tuple((ids[m.key], m) for m in marks.values() if m.key in ids)
            self._rows_for = (city, marks)
        time_ms, value = newest.time_ms.copy(), newest.value.copy()
        quality, trust = newest.quality.copy(), newest.trust.copy()
        for row, mark in self._rows:
            if row >= len(value):
                continue
            if mark.kind == MAINTENANCE:
                quality[row] |= np.uint8(QualityMark.IN_MAINTENANCE)
            elif mark.value is not None:
                value[row], time_ms[row] = mark.value, mark.since_ms
                quality[row] = np.uint8(Quality.UNCERTAIN | QualityMark.HAND_SET)
                trust[row] = 0.5
        return NewestValues(
            newest.batch, newest.wall_ms, time_ms, value, newest.expected, newest.spread, trust,
            quality,
        )  # fmt: skip


class HandAnswers(Answering):
    """Answers about values set by hand and about original payloads."""

    def table(self) -> Table:
        hand = self._recorder.hand
        return {
            wire.GetByHand: lambda _: wire.ByHand(hand.items),
            wire.SetByHand: self._set,
            wire.EndByHand: self._end,
            wire.GetOriginal: self._original,
        }

    def _set(self, ask: wire.SetByHand) -> wire.Reply:
        self._need(Permission.BY_HAND, ask.key)
        now = self._recorder.clock.wall_ms()
        streams = {s.key: s for s in self._recorder.core.city.streams}
        mark = made(ask, streams, self._recorder.identity.user, now)
        self._recorder.hand.put(mark)
        what = f"{mark.key} {mark.text}".strip()
        self._audit(f"set {mark.kind} by hand", what, mark.reason)
        return wire.Ok(mark.text)

    def _end(self, ask: wire.EndByHand) -> wire.Reply:
        self._need(Permission.BY_HAND, ask.key)
        mark = self._recorder.hand.end(ask.key, ask.kind)
        self._audit(f"end {mark.kind} by hand", mark.key, ask.reason)
        return wire.Ok(mark.key)

    def _original(self, ask: wire.GetOriginal) -> wire.Reply:
        source, _, name = ask.key.partition("/")
        recorder = self._recorder
        picture = _picture(recorder.project, ask, source, name)
        if picture is not None:
            return picture
        for feed in recorder.feeds:
            own = getattr(feed, "original", None)
            kept = own(source, name) if own is not None else None
            if kept is not None:
                return _shown(ask.key, "", feed.id, kept.received_ms, kept.payload)
        mappings = {}
        for config in recorder.feed_configs():
            mapping = mapping_of(config) if not config.paused else None
            if mapping is not None:
                mappings[config.id] = mapping
        found = recorder.inlet.originals.find(source, name, mappings)
        if found is None:
            what = "no message with it came since the recorder began, or it is too long ago"
            raise fault("U-804", name=f"The message behind {ask.key}", what=what)
        told = as_text(found)
        body = told or found.payload
        shown = _shown(ask.key, str(found.topic), found.feed, found.received_ms, body)
        return replace(shown, size=len(found.payload))


def made(ask: wire.SetByHand, streams: dict[str, Datastream], user: str, now_ms: int) -> HandMark:
    """The mark for a request. Raises LamplighterError (U-801, U-802) that says what is missing."""
    stream = streams.get(ask.key)
    if stream is None:
        raise fault("U-802", name=ask.key)
    if ask.kind not in (VALUE, MAINTENANCE):
        raise _no(f"'{ask.kind}' is neither value nor maintenance")
    if not ask.reason.strip():
        raise _no("a reason must be given")
    if not SHORTEST_MS <= ask.until_ms - now_ms <= LONGEST_MS:
        raise _no("it must end between a minute and thirty days from now")
    mark = HandMark(ask.key, ask.kind, user, ask.reason.strip(), now_ms, ask.until_ms)
    if ask.kind == MAINTENANCE:
        return mark
    if stream.states:
        if ask.value not in stream.states:
            raise _no(f"'{ask.value}' is none of {', '.join(stream.states)}")
        return replace(mark, value=float(stream.states.index(ask.value)), text=ask.value)
    try:
        value = float(ask.value)
    except ValueError:
        raise _no(f"'{ask.value}' is no number") from None
    if not abs(value) < 2**63:
        raise _no(f"{ask.value} is outside any possible range")
    return replace(mark, value=value, text=f"{ask.value} {stream.unit}".strip())


def _no(what: str) -> Exception:
    return fault("U-801", what=f"Nothing is set by hand: {what}", name="hand set")


def _picture(project: Path, ask: wire.GetOriginal, source: str, name: str) -> wire.Original | None:
    """The picture of a camera; None for what is no camera."""
    kept = pictures_of_source(project, source) if name.startswith(PICTURE) else []
    if not kept:
        return None
    by_then = [(file, time) for file, time in kept if not ask.at_ms or time <= ask.at_ms]
    if not by_then:
        what = "no picture of that moment is kept any more"
        raise fault("U-804", name=f"The picture behind {ask.key}", what=what)
    file, time = by_then[-1]
    return wire.Original(ask.key, "", "", time, file.stat().st_size, "", str(file))


def _shown(key: str, topic: str, feed: str, received_ms: int, payload: bytes) -> wire.Original:
    body = payload[:SHOWN_BODY].decode("utf-8", "replace")
    return wire.Original(key, topic, feed, received_ms, len(payload), body)
