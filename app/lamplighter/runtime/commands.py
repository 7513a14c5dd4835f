"""Commands to the field: gate, audit, signed envelope, receipt, or an honest "unknown".

The order never changes: the intent is on disk before anything is sent. Nothing is kept for later:
when the link is down the command is refused at once. An outcome nobody confirmed is `unknown` and
blocks a repeat until the device's state was read back.
"""

from __future__ import annotations

import secrets
import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final

import msgspec

from lamplighter.domain import wire
from lamplighter.domain.city import Asset
from lamplighter.domain.command import (
    Command,
    CommandRequest,
    CommandState,
    Outcome,
    Receipt,
    canonical,
    envelope,
)
from lamplighter.domain.field_message import COMMANDS
from lamplighter.domain.problems import LamplighterError, Problem, fault, problem
from lamplighter.domain.quality import CLASS_MASK, Quality, QualityMark
from lamplighter.governance.gate import Interlock, Mode, Permit, Situation, decide
from lamplighter.runtime.feed_health import REMOVED
from lamplighter.runtime.interlocks import blocking
from lamplighter.store import WriteAccess

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder

ACTIONS: Final = {
    "Valve": ("open", "close"),
    "Pump": ("start", "stop"),
    "Breaker": ("open", "close"),
}
STATE_KINDS: Final = ("pump_state", "breaker_state", "signal_state", "valve_position")
RECEIPT_MS: Final = 9_000
"""looked at once a second, so that after ten at the latest the outcome is called unknown"""
KEEP_S: Final = 5.0
OPEN: Final = (Outcome.REQUESTED, Outcome.SENT)


class CommandDesk:
    """All commands of this recorder. Thread-safe."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._lock = threading.Lock()
        self._open: dict[str, tuple[CommandState, int]] = {}
        self._unknown: dict[str, int] = {}
        self._late: dict[str, CommandState] = {}
        self._issued: set[str] = set()
        self._recent: deque[int] = deque()
        self._counter = int(recorder.store.setting("command.counter") or 0)

    def recover(self) -> None:
        """What was under way when the last recorder ended has an unknown outcome."""
        for state in self._recorder.store.commands():
            if state.outcome in OPEN:
                self._end(state, Outcome.UNKNOWN, "the recorder ended before a receipt came")
            elif state.outcome is Outcome.UNKNOWN and not state.measured:
                self._unknown[state.command.target] = state.changed_ms
                self._late[state.command.id] = state

    # ------------------------------------------------------------------ asking
    def send(self, request: CommandRequest, mode: str) -> CommandState:
        """Pass the gate, write the intent, send. Raises LamplighterError (C-701) when refused."""
        recorder, who = self._recorder, self._recorder.identity
        with self._lock:
            verdict = decide(request, who, self._situation(request, mode))
            if isinstance(verdict, Problem):
                self._audit(request, "refused: " + verdict.text)
                raise LamplighterError(verdict)
            command = self._command(verdict)
            # the intent first, on disk: a command nobody can account for is never sent
            self._audit(request, f"intent {command.id}")
            state = CommandState(command, Outcome.REQUESTED, recorder.clock.wall_ms())
            try:
                self._keep_counter()
                self._keep(state).result(KEEP_S)
            except Exception:
                what = "it cannot be written down now, so it was not sent"
                self._end(state, Outcome.REFUSED, what)
                raise fault("C-701", name=command.target, what=what) from None
            self._issued.add(command.id)
            try:
                self._publish(command)
            except LamplighterError:
                self._end(state, Outcome.REFUSED, "the link to the field is down")
                raise
            sent = msgspec.structs.replace(
                state, outcome=Outcome.SENT, changed_ms=recorder.clock.wall_ms()
            )
            self._open[command.id] = (sent, recorder.clock.monotonic_ms())
            self._recent.append(recorder.clock.monotonic_ms())
            self._keep(sent)
        return sent

    def _command(self, permit: Permit) -> Command:
        recorder, request = self._recorder, permit.request
        now = recorder.clock.wall_ms()
        self._counter += 1
        return Command(
            id=secrets.token_hex(16),
            issuer=permit.identity.user,
            role=permit.identity.role.value,
            zone=recorder.store.name,
            target=request.asset,
            source=self._source_of(request.asset),
            action=request.action,
            value=request.value,
            precondition=request.seen,
            not_before_ms=now - 1_000,
            expires_ms=now + permit.expires_in_ms,
            counter=self._counter,
            reason=request.reason,
            approvers=(request.second_person,) if request.second_person else (),
        )

    def _publish(self, command: Command) -> None:
        payload = envelope(command, self._recorder.key.sign(canonical(command)))
        if not self._recorder.feeds.publish(COMMANDS + command.source, payload):
            raise fault("C-701", name=command.target, what="the link to the field is down")

    def _situation(self, request: CommandRequest, mode: str) -> Situation:
        recorder = self._recorder
        city, now = recorder.core.city, recorder.clock.monotonic_ms()
        asset = city.assets.get(request.asset)
        while self._recent and self._recent[0] < now - 60_000:
            self._recent.popleft()
        return Situation(
            mode=Mode(mode) if mode in {m.value for m in Mode} else Mode.REPLAY,
            asset_known=asset is not None,
            asset_mode=asset.mode if asset is not None else "shadow",
            actions=ACTIONS.get(asset.type, ()) if asset is not None else (),
            state_now=self.state_of(request.asset),
            device_live=self._is_live(request.asset),
            link_live=self._link_live(request.asset),
            tag=recorder.store.setting(f"tag.{request.asset}") or "",
            interlocks=self._interlocks(asset, request.action),
            second_person_needed=asset is not None
            and str(asset.attributes.get("second_person", "")).lower() in ("true", "1", "yes"),
            recent_commands=len(self._recent),
            unknown_outcome=self._still_unknown(request.asset),
        )

    def _link_live(self, asset: str) -> bool:
        """Whether the feed that brings the device is connected; any, where that is not known."""
        core = self._recorder.core
        states = {feed.id: feed.state for feed in self._recorder.feeds.states()}
        feed_of, table = self._recorder.health.feed_of(), core.city.table.source
        through = {feed_of.get(int(table[d]), "") for d in self._streams(asset) if d < len(table)}
        through -= {"", REMOVED}
        return "live" in ([states.get(feed) for feed in through] or states.values())

    def _interlocks(self, asset: Asset | None, action: str) -> tuple[Interlock, ...]:
        if asset is None:
            return ()
        core, plugins = self._recorder.core, self._recorder.plugins
        found = blocking(asset, action, plugins, core.city, core.measured)
        if core.newest is core.measured:
            return found
        # a value set by hand may add an interlock and never take one away
        by_hand = blocking(asset, action, plugins, core.city, core.newest)
        return tuple(
            msgspec.structs.replace(one, holds=one.holds or other.holds)
            for one, other in zip(found, by_hand, strict=True)
        )

    def _streams(self, asset: str) -> tuple[int, ...]:
        return self._recorder.core.city.by_asset.get(asset, ())

    def _source_of(self, asset: str) -> str:
        core = self._recorder.core
        sources = [core.city.streams[d].source for d in self._streams(asset)]
        if not sources:
            raise fault("C-701", name=asset, what="no device is known behind it")
        return sources[0]

    def _is_live(self, asset: str) -> bool:
        newest = self._recorder.core.measured
        grades = [int(newest.quality[d]) for d in self._streams(asset) if d < len(newest)]
        return any(
            grade & CLASS_MASK != Quality.STALE and not grade & QualityMark.WITHHELD
            for grade in grades
        )

    def state_of(self, asset: str) -> str:
        """The device's state in words, as the window shows it; empty when it has none."""
        core = self._recorder.core
        for d in self._streams(asset):
            stream = core.city.streams[d]
            if stream.kind not in STATE_KINDS or d >= len(core.measured):
                continue
            if int(core.measured.quality[d]) & QualityMark.WITHHELD:
                continue
            value = float(core.measured.value[d])
            if value != value:
                return ""
            if stream.states and 0 <= int(value) < len(stream.states):
                return stream.states[int(value)]
            return "closed" if value < 50.0 else "open"
        return ""

    # ------------------------------------------------------------------ outcomes
    def receipt(self, payload: bytes, source: str) -> None:
        """A receipt from the field. A late one settles what was unknown; one for a command that
        this console never sent is shown as an intrusion.
        """
        try:
            receipt = msgspec.json.decode(payload, type=Receipt)
        except msgspec.MsgspecError:
            return
        outcome = Outcome.EXECUTED if receipt.result == "executed" else Outcome.REFUSED
        with self._lock:
            known = self._open.pop(receipt.id, None)
            late = self._late.pop(receipt.id, None)
        if known is not None:
            state, sent_ms = known
            trip = self._recorder.clock.monotonic_ms() - sent_ms
            self._end(state, outcome, receipt.detail, trip, receipt.measured)
        elif late is not None:
            self._unknown.pop(late.command.target, None)
            detail = f"the receipt came late {receipt.detail}".strip()
            self._end(late, outcome, detail, None, receipt.measured)
        elif outcome is Outcome.EXECUTED and not self._is_ours(receipt.id):
            self._recorder.tell(problem("S-203", name=source))
            self._recorder.audit.record(
                actor="unknown",
                role="",
                action="command not issued here",
                object=source,
                after=receipt.measured,
                reason="",
                result=f"executed {receipt.id}",
            )

    def _is_ours(self, command: str) -> bool:
        known = (state.command.id for state in self._recorder.store.commands())
        return command in self._issued or command in known

    def check_timeouts(self) -> None:
        """Once a second: what got no receipt in time has an unknown outcome."""
        now = self._recorder.clock.monotonic_ms()
        with self._lock:
            late = [i for i, (_, sent) in self._open.items() if now - sent > RECEIPT_MS]
            states = [self._open.pop(i)[0] for i in late]
        for state in states:
            self._end(state, Outcome.UNKNOWN, "no receipt came in time")
            seconds = f"{RECEIPT_MS // 1000} s"
            self._recorder.tell(problem("C-702", name=state.command.target, what=seconds))

    def _end(
        self,
        state: CommandState,
        outcome: Outcome,
        detail: str,
        round_trip_ms: int | None = None,
        measured: str = "",
    ) -> None:
        now = self._recorder.clock.wall_ms()
        ended = msgspec.structs.replace(
            state,
            outcome=outcome,
            changed_ms=now,
            detail=detail,
            round_trip_ms=round_trip_ms,
            measured=measured,
        )
        if outcome is Outcome.UNKNOWN:
            self._unknown[state.command.target] = now
            self._late[state.command.id] = ended
        self._keep(ended)
        c = state.command
        self._recorder.audit.record(
            actor=c.issuer,
            role=c.role,
            action=f"command {c.action}",
            object=c.target,
            before=c.precondition,
            after=measured,
            reason=c.reason,
            approvers=c.approvers,
            result=f"{outcome.value} {c.id} {detail}".strip(),
        )

    def _still_unknown(self, asset: str) -> bool:
        """Unknown until a value newer than the outcome was read from the device."""
        since = self._unknown.get(asset)
        if since is None:
            return False
        newest = self._recorder.core.measured
        if any(d < len(newest) and newest.time_ms[d] > since for d in self._streams(asset)):
            self._unknown.pop(asset, None)
            return False
        return True

    # ------------------------------------------------------------------ shadow and twin
    def set_mode(self, asset: str, mode: str, reason: str) -> None:
        """Switch an asset between shadow and twin; audited."""
        recorder = self._recorder
        known = recorder.core.city.assets.get(asset)
        if known is None or mode not in ("shadow", "twin"):
            raise fault("C-701", name=asset, what="no such asset or mode")
        recorder.audit.record(
            actor=recorder.identity.user,
            role=recorder.identity.role.value,
            action="set mode",
            object=asset,
            before=known.mode,
            after=mode,
            reason=reason,
            result="done",
        )
        changed = msgspec.structs.replace(known, mode=mode)
        batch = recorder.core.batch()
        recorder.store.writer.call(lambda access: access.put_assets([changed], batch)).result(10)
        recorder.core.city_changed()

    # ------------------------------------------------------------------ keeping
    def _audit(self, request: CommandRequest, result: str) -> None:
        who = self._recorder.identity
        self._recorder.audit.record(
            actor=who.user,
            role=who.role.value,
            action=f"command {request.action}",
            object=request.asset,
            before=request.seen,
            reason=request.reason,
            approvers=(request.second_person,) if request.second_person else (),
            result=result,
        )

    def _keep(self, state: CommandState) -> Future[None]:
        def put(access: WriteAccess) -> None:
            access.put_command_state(state)

        kept = self._recorder.store.writer.call(put)
        self._recorder.server.emit(wire.CommandChanged(state))
        return kept

    def _keep_counter(self) -> None:
        counter = str(self._counter)
        self._recorder.store.writer.call(
            lambda access: access.put_setting("command.counter", counter)
        ).result(KEEP_S)
