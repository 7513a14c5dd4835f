"""What the messages of a sender give away: two that use one name, floods, clocks, old dates.

Fed with what was stored, in order. A resend fills holes below the highest number of its epoch and
is no sign of anything; what is looked for comes with new numbers, or with an epoch that was over.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from msgspec import Struct

RETURNS: Final = 2
"""times an epoch that was over must come back"""
SWITCH_MS: Final = 600_000
JUMP: Final = 50
"""numbers between two runs of one epoch"""
JUMPS: Final = 4
FLOOD: Final = 5.0
"""times the usual rate"""
FLOOD_LEAST: Final = 20.0
"""messages a second that are no flood, however quiet a sender is usually"""
LEARN_MS: Final = 20_000
SPAN_MS: Final = 5_000
OLD_MS: Final = 60_000
"""behind its own newest value, from which a fresh message is back-dated"""
AHEAD_MS: Final = 30_000
"""further ahead of our clock, and of its own usual lead, than this is a jump"""
MANY: Final = 3
FIRST: Final = 10
"""messages from which a sender's usual clock is taken"""


class Heard(Struct, frozen=True, gc=False):
    """One stored message. `first_ms` and `last_ms`: the times of its points."""

    source: int
    epoch: int
    seq: int
    received_ms: int
    first_ms: int
    last_ms: int


class Sign(Struct, frozen=True):
    """Something a sender gave away."""

    source: int
    kind: str
    reason: str
    """a sentence without its subject: 'sends ...'"""


@dataclass
class _Sender:
    epochs: dict[int, int] = field(default_factory=dict)
    """epoch -> when it was heard last"""
    epoch: int = -1
    switches: deque[int] = field(default_factory=lambda: deque(maxlen=8))
    top: dict[int, int] = field(default_factory=dict)
    seq: int = 0
    jumps: deque[int] = field(default_factory=lambda: deque(maxlen=64))
    """of the last messages: how far the number jumped, 0 where it did not"""
    newest_ms: int = 0
    most_ahead_ms: int = 0
    heard: int = 0
    old: int = 0
    ahead: int = 0
    first_ms: int = 0
    usual: float = 0.0
    """messages a second"""
    span_ms: int = 0
    in_span: int = 0
    floods: int = 0


class TrafficWatch:
    """All senders of one recorder."""

    def __init__(self) -> None:
        self._senders: dict[int, _Sender] = {}

    def take(self, messages: Iterable[Heard]) -> list[Sign]:
        """Signs in these messages, each sender and kind once."""
        found: dict[tuple[int, str], Sign] = {}
        for source, group in groupby(messages, _source):
            if source < 0:
                continue
            sender = self._senders.setdefault(source, _Sender())
            run = list(group)
            if len(run) > 1 and _is_quiet(sender, run):
                continue
            for message in run:
                for kind, reason in _signs(sender, message):
                    found[source, kind] = Sign(source, kind, reason)
        return list(found.values())

    def forget(self, source: int) -> None:
        """A person looked at it: what it does now is usual."""
        self._senders.pop(source, None)


def _source(m: Heard) -> int:
    return m.source


def _is_quiet(sender: _Sender, run: Sequence[Heard]) -> bool:
    """Many messages in a row that plainly show no sign: noted at once. False with nothing noted
    when anything about them needs a look at each.
    """
    if sender.switches or sender.floods or not sender.span_ms:
        return False
    epoch, top, before = sender.epoch, sender.top.get(sender.epoch, -1), sender.seq
    most = max(AHEAD_MS, sender.most_ahead_ms + AHEAD_MS)
    newest, earliest, lead, end = sender.newest_ms, 1 << 62, 0, 0
    for m in run:
        seq, last, received = m.seq, m.last_ms, m.received_ms
        ahead = last - received
        if m.epoch != epoch or seq <= top or seq - before > JUMP or not last or ahead > most:
            return False
        top = before = seq
        lead, end = max(lead, ahead), max(end, received)
        earliest, newest = min(earliest, last), max(newest, min(last, received + AHEAD_MS))
    in_span = sender.in_span + len(run)
    much = max(FLOOD * sender.usual, FLOOD_LEAST)
    learned = end - sender.first_ms > LEARN_MS
    if end - sender.span_ms >= SPAN_MS or (learned and in_span / (SPAN_MS / 1000.0) > much):
        return False
    if newest - earliest > OLD_MS:
        return False
    sender.epochs[epoch] = run[-1].received_ms
    sender.top[epoch] = sender.seq = top
    sender.jumps.extend([0] * min(len(run), sender.jumps.maxlen or 0))
    sender.old = sender.ahead = 0
    sender.heard += len(run)
    sender.most_ahead_ms = max(sender.most_ahead_ms, lead)
    sender.newest_ms, sender.in_span = newest, in_span
    return True


def _signs(sender: _Sender, m: Heard) -> list[tuple[str, str]]:
    found = []
    top = sender.top.get(m.epoch, -1)
    fresh = m.seq > top
    if reason := _second(sender, m):
        found.append(("second publisher", reason))
    if fresh:
        sender.top[m.epoch] = m.seq
        if reason := _old(sender, m):
            found.append(("back-dated", reason))
        if reason := _jump(sender, m):
            found.append(("clock jump", reason))
    if reason := _flood(sender, m, fresh=fresh):
        found.append(("flood", reason))
    if m.last_ms:
        sender.newest_ms = max(sender.newest_ms, min(m.last_ms, m.received_ms + AHEAD_MS))
    return found


def _second(sender: _Sender, m: Heard) -> str:
    """Two that use one name: epochs that alternate, or two runs of numbers in one epoch."""
    if m.epoch != sender.epoch:
        before = sender.epochs.get(m.epoch)
        came_back = before is not None and sender.epoch in sender.epochs
        late = m.seq > sender.top.get(m.epoch, -1)
        if came_back and late and m.received_ms - (before or 0) < SWITCH_MS:
            sender.switches.append(m.received_ms)
        sender.epoch = m.epoch
        sender.jumps.clear()
        sender.seq = m.seq
        while len(sender.epochs) > 16:
            oldest = min(sender.epochs, key=lambda e: sender.epochs[e])
            sender.epochs.pop(oldest)
            sender.top.pop(oldest, None)
    sender.epochs[m.epoch] = m.received_ms
    recent = [at for at in sender.switches if m.received_ms - at < SWITCH_MS]
    if len(recent) >= RETURNS:
        return "two senders use its name: messages of two lives come in turn"
    step, sender.seq = m.seq - sender.seq, m.seq
    sender.jumps.append(0 if abs(step) <= JUMP else step)
    if abs(step) <= JUMP:
        return ""
    back, on = sum(s < 0 for s in sender.jumps), sum(s > 0 for s in sender.jumps)
    if min(back, on) >= JUMPS:
        return "two senders use its name: two counts of messages run side by side"
    return ""


def _old(sender: _Sender, m: Heard) -> str:
    old = bool(m.first_ms) and sender.newest_ms - m.last_ms > OLD_MS
    sender.old = sender.old + 1 if old else 0
    if sender.old >= MANY:
        behind = (sender.newest_ms - m.last_ms) / 1000
        return f"new messages carry times {_long(behind)} before its own newest value"
    return ""


def _jump(sender: _Sender, m: Heard) -> str:
    """Times of tomorrow, from one that never had them: old times come from a buffer as well."""
    if not m.last_ms:
        return ""
    ahead = m.last_ms - m.received_ms
    sender.heard += 1
    if ahead <= max(AHEAD_MS, sender.most_ahead_ms + AHEAD_MS) or sender.heard <= FIRST:
        sender.most_ahead_ms = max(sender.most_ahead_ms, ahead)
        sender.ahead = 0
        return ""
    sender.ahead += 1
    if sender.ahead < MANY:
        return ""
    return f"its clock jumped {_long((ahead - max(sender.most_ahead_ms, 0)) / 1000)} ahead"


def _flood(sender: _Sender, m: Heard, *, fresh: bool) -> str:
    sender.first_ms = sender.first_ms or m.received_ms
    passed = m.received_ms - sender.span_ms
    if sender.span_ms and passed < SPAN_MS:
        sender.in_span += fresh
    else:
        rate = sender.in_span / (SPAN_MS / 1000.0)
        learned = m.received_ms - sender.first_ms > LEARN_MS
        much = max(FLOOD * sender.usual, FLOOD_LEAST)
        sender.floods = sender.floods + 1 if learned and rate > much else 0
        if not sender.floods:
            sender.usual = max(rate, 0.9 * sender.usual)
        sender.span_ms, sender.in_span = m.received_ms, int(fresh)
    now = sender.in_span / (SPAN_MS / 1000.0)
    learned = m.received_ms - sender.first_ms > LEARN_MS
    if sender.floods or (learned and now > max(FLOOD * sender.usual, FLOOD_LEAST)):
        return f"it sends {max(now, FLOOD * sender.usual):.0f} messages a second or more, " \
               f"usually {sender.usual:.1f}"  # fmt: skip
    return ""


def _long(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7_200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"
