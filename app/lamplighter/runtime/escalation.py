"""Somebody is woken: alarms nobody acknowledges in time are called out, until somebody does.

One thread looks every second; each way calls on a thread of its own with a deadline, so that a dead
mail server keeps no pager waiting, and the core waits for nobody. All alarms that are due at one
moment go out in one call, so a flood is one message. A call that failed is tried again with growing
pauses; every call, failure and answer is audited. After a restart alarms that still stand
unacknowledged are called again: twice is better than never.
"""

from __future__ import annotations

import secrets
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import structlog
from msgspec import Struct

from lamplighter.alarms.annunciator import asks
from lamplighter.domain import wire
from lamplighter.domain.alarm import AlarmRecord
from lamplighter.domain.alarm_design import Escalation, Way
from lamplighter.domain.clock import iso
from lamplighter.domain.problems import fault, problem
from lamplighter.runtime import alarm_design, calling
from lamplighter.runtime.calling import AckListener, Call, CannotCallError

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder

log = structlog.get_logger(__name__)
LOOK_S: Final = 1.0
BACKOFF_MS: Final = (5_000, 15_000, 45_000, 120_000, 300_000)
TOKENS: Final = 1_000


class _Tried(Struct):
    """How often one alarm was called by one escalation, and when it may be again (monotonic)."""

    unacked_ms: int
    calls: int = 0
    failures: int = 0
    next_ms: int = 0


class EscalationDesk:
    """`start`, `stop`; `changed` after the design changed; `test` calls now."""

    def __init__(
        self,
        recorder: Recorder,
        call: Callable[[Way, Call], str] | None = None,
    ) -> None:
        self._recorder = recorder
        self._call = call or (lambda way, what: calling.call(way, what, cancel=self._stopping))
        self._tried: dict[tuple[int, str, str], _Tried] = {}
        self._tokens: deque[tuple[str, tuple[str, ...]]] = deque(maxlen=TOKENS)
        self._listeners: dict[str, AckListener] = {}
        self._callers: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()
        """over `_tried`"""
        self._changed = threading.Event()
        self._changed.set()
        self._stopping = threading.Event()
        self._ways: dict[str, Way] = {}
        self._escalations: tuple[Escalation, ...] = ()
        self._thread = threading.Thread(target=self._run, name="escalation", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def changed(self) -> None:
        """Ways or escalations were changed: they are read anew."""
        self._changed.set()

    def stop(self, deadline_s: float) -> bool:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(deadline_s)
        for caller in tuple(self._callers.values()):
            caller.join(deadline_s)
        for listener in self._listeners.values():
            listener.close()
        return not self._thread.is_alive()

    def test(self, way_id: str) -> str:
        """Call by this way now. Raises LamplighterError (U-811, U-812)."""
        ways = {w.id: w for w in alarm_design.stored_design(self._recorder.store).ways}
        way = ways.get(way_id)
        if way is None:
            raise fault("U-809", what="way to call", name=way_id, lists="calls list")
        name = self._recorder.store.name
        what = Call(
            f"[{name}] Test call",
            f"This is a test call from {name}, asked for by {self._recorder.identity.user}. "
            "Nothing is wrong.",
            (),
            (),
            secrets.token_urlsafe(9),
            name,
            test=True,
        )
        try:
            who = self._call(way, what)
        except CannotCallError as error:
            self._audit("test call", way_id, str(error), "failed")
            raise fault("U-812", name=way_id, what=str(error)) from None
        self._audit("test call", way_id, "", "sent")
        return f"sent by {way_id}" + (f", answered by {who}" if who else "")

    # ------------------------------------------------------------ the thread
    def _run(self) -> None:
        while not self._stopping.wait(LOOK_S):
            try:
                if self._changed.is_set():
                    self._changed.clear()
                    self._read()
                if self._escalations:
                    self._look()
            except Exception:
                log.exception("escalation failed")

    def _read(self) -> None:
        design = alarm_design.stored_design(self._recorder.store)
        self._escalations = design.escalations
        used = {w for e in self._escalations for w in e.ways}
        self._ways = {w.id: w for w in design.ways if w.id in used}
        for name, listener in list(self._listeners.items()):
            if self._ways.get(name) != listener.way:
                self._listeners.pop(name).close()
        for way in self._ways.values():
            if way.kind == "mqtt" and way.id not in self._listeners:
                try:
                    self._listeners[way.id] = AckListener(way, self._answered)
                except (CannotCallError, OSError, ValueError) as error:
                    log.warning("no answers are heard", way=way.id, why=str(error))

    def _look(self) -> None:
        now, mono = self._recorder.clock.wall_ms(), self._recorder.clock.monotonic_ms()
        waiting = [r for r in tuple(self._recorder.core.alarms.records()) if asks(r)]
        standing = {(r.key, r.unacked_ms) for r in waiting}
        with self._lock:
            kept = {k: t for k, t in self._tried.items() if (k[2], t.unacked_ms) in standing}
            self._tried = kept
        for number, escalation in enumerate(self._escalations):
            for way_id in escalation.ways:
                way = self._ways.get(way_id)
                caller = self._callers.get(way_id)
                if way is None or (caller is not None and caller.is_alive()):
                    continue
                due = self._due(number, way_id, escalation, waiting, now, mono)
                if due:
                    work = (number, escalation, way, due, mono)
                    self._callers[way_id] = threading.Thread(
                        target=self._send, args=work, name=f"call {way_id}", daemon=True
                    )
                    self._callers[way_id].start()

    def _due(
        self,
        number: int,
        way: str,
        escalation: Escalation,
        waiting: Sequence[AlarmRecord],
        now: int,
        mono: int,
    ) -> list[AlarmRecord]:
        due = []
        for record in waiting:
            since = record.unacked_ms or record.changed_ms
            if record.priority not in escalation.priorities:
                continue
            if now - since < escalation.after_s * 1000:
                continue
            tried = self._tried.get((number, way, record.key))
            if tried is None or (tried.calls < escalation.most and mono >= tried.next_ms):
                due.append(record)
        return due

    def _send(
        self, number: int, escalation: Escalation, way: Way, due: list[AlarmRecord], mono: int
    ) -> None:
        """On the way's own thread."""
        try:
            what = self._worded(due)
            self._tokens.append((what.token, what.keys))
            who, problem_text = "", ""
            try:
                who = self._call(way, what)
            except CannotCallError as error:
                problem_text = str(error)
            except Exception as error:  # told and tried again with pauses like any other
                log.exception("a way to call failed", way=way.id)
                problem_text = f"{type(error).__name__}: {error}"
            with self._lock:
                self._note(number, escalation, way, due, mono, failed=bool(problem_text))
            self._tell(way, what, who, problem_text)
        except Exception:
            log.exception("a call failed", way=way.id)

    def _note(
        self,
        number: int,
        escalation: Escalation,
        way: Way,
        due: list[AlarmRecord],
        mono: int,
        *,
        failed: bool,
    ) -> None:
        for record in due:
            key = (number, way.id, record.key)
            tried = self._tried.setdefault(key, _Tried(record.unacked_ms))
            if failed:
                pause = BACKOFF_MS[min(tried.failures, len(BACKOFF_MS) - 1)]
                tried.failures += 1
                tried.next_ms = mono + pause
            else:
                tried.calls += 1
                tried.failures = 0
                tried.next_ms = mono + round(escalation.repeat_s * 1000)

    def _tell(self, way: Way, what: Call, who: str, problem_text: str) -> None:
        named = f"{len(what.keys)} alarms: {', '.join(what.keys[:3])}"
        if problem_text:
            self._audit("call", way.id, f"{named}: {problem_text}", "failed")
            self._recorder.tell(problem("U-812", name=way.id, what=problem_text))
            return
        self._audit("call", way.id, named, "sent")
        if who:
            self._acknowledge(what.keys, who, way.id)

    def _worded(self, due: list[AlarmRecord]) -> Call:
        due = sorted(due, key=lambda r: (r.priority, r.since_ms, r.key))
        name_of = self._recorder.core.city.name_of
        name, first, more = self._recorder.store.name, due[0], len(due) - 1
        subject = f"[{name}] Priority {first.priority}: {first.text}, {name_of(first.asset)}"
        subject += f" and {more} more" if more else ""
        lines = [
            f"{len(due)} alarm{'s' if more else ''} that nobody has acknowledged:",
            "",
        ]
        for record in due[: calling.MOST_NAMED]:
            lines.append(
                f"- {iso(record.since_ms)[:19]}Z, priority {record.priority}, "
                f"{name_of(record.asset)}: {record.text}"
            )
            lines += [f"    {i}. {step}" for i, step in enumerate(record.guidance, 1)]
        if len(due) > calling.MOST_NAMED:
            lines.append(f"... and {len(due) - calling.MOST_NAMED} more.")
        lines += ["", "Acknowledge them in the console."]
        alarms = tuple(
            {
                "key": r.key,
                "asset": r.asset,
                "name": name_of(r.asset),
                "priority": r.priority,
                "text": r.text,
                "since_ms": r.since_ms,
                "people": r.people,
                "guidance": list(r.guidance),
            }
            for r in due[: calling.MOST_NAMED]
        )
        keys = tuple(r.key for r in due)
        return Call(subject, "\n".join(lines), keys, alarms, secrets.token_urlsafe(18), name)

    # ------------------------------------------------------------ answers
    def _answered(self, token: str, who: str) -> None:
        """An answer came over a topic. A token nobody gave out is refused and audited."""
        said = token.encode("utf-8", "replace")
        keys = next(
            (k for t, k in tuple(self._tokens) if secrets.compare_digest(t.encode(), said)), None
        )
        if keys is None:
            self._audit("answer to a call", who, "its token was never given out", "refused")
            return
        self._acknowledge(keys, who, "topic")

    def _acknowledge(self, keys: tuple[str, ...], who: str, way: str) -> None:
        recorder = self._recorder
        name = f"{who} (by {way})"
        ask = wire.AlarmAction("ack", keys, note=f"answered the call by {way}", partial=True)

        def ack() -> None:
            from lamplighter.runtime.alarm_answers import act

            done = act(recorder, ask, name)
            threading.Thread(target=audit, args=(done,), daemon=True).start()

        def audit(done: list[str]) -> None:
            recorder.audit.record_many(
                done, actor=name, role="called", action="alarm ack", reason=ask.note
            )

        recorder.core.on_beat(ack)

    def _audit(self, action: str, object: str, reason: str, result: str) -> None:
        who = self._recorder.identity
        self._recorder.audit.record(
            actor="system" if action != "test call" else who.user,
            role=who.role.value,
            action=action,
            object=object,
            reason=reason,
            result=result,
        )
