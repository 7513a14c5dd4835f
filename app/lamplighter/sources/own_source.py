"""What a feed without native messages is to the rest of the house: a source of its own.

Modbus registers, OPC UA nodes and polled pages know no epoch and no sequence. The feed that reads
them counts for them: it makes native messages, announces itself, and keeps every message until it
is on disk. So gaps, exactly-once and staleness hold as for any device. What it cannot hold it does
not read: a full disk slows the polling down, and the feed says so.
"""

from __future__ import annotations

import json
import random
import re
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import structlog

from lamplighter.domain.clock import Clock
from lamplighter.domain.field_message import ANNOUNCEMENTS, OBSERVATIONS, RawMessage
from lamplighter.domain.observation import MAX_EPOCH
from lamplighter.sources.feed import Counters, Deliver, loose_ticket, next_feed_number

log = structlog.get_logger(__name__)
HEARTBEAT_S: Final = 5.0
MOST_MESSAGES: Final = 5_000
"""messages kept that are not on disk yet; above it nothing more is read from the field"""
MOST_BYTES: Final = 32_000_000
POINTS_EACH: Final = 1_000
BYTES_EACH: Final = 800_000
ORIGINALS: Final = 256
"""original payloads kept, the newest ones"""
ORIGINAL_BYTES: Final = 64_000
MOST_NAMES: Final = 40_000
_TICKET_BITS: Final = 44
_ODD: Final = re.compile(r"[+#/\x00-\x1f\s]+")


class Point(NamedTuple):
    """One value on its way into a native message."""

    name: str
    time_ms: int | None
    """phenomenon time, UTC ms; None when the device's time could not be read"""
    value: float | str
    quality: str = "good"
    """good | uncertain | bad"""


@dataclass(frozen=True, slots=True)
class Original:
    """What the field really sent, cut at `ORIGINAL_BYTES`."""

    payload: bytes
    received_ms: int


@dataclass(slots=True)
class _Kept:
    raw: RawMessage
    note: Any
    sent: bool = False


class OwnSource:
    """One source and the messages of it that are not on disk yet. Any thread may call it.

    `stored` is called with the note of a message once that message and all before it are on disk,
    on the writer's thread.
    """

    def __init__(
        self,
        *,
        feed_id: str,
        source: str,
        deliver: Deliver,
        clock: Clock,
        counters: Counters,
        period_s: float = 0.0,
        on_change: bool = False,
        epoch: int | None = None,
        seq: int = 0,
        stored: Callable[[Any], None] | None = None,
    ) -> None:
        """`period_s`: values come this often; 0 = not known. `on_change`: only when they change."""
        self.name = plain(source)
        self.epoch = random.randrange(MAX_EPOCH) if epoch is None else epoch
        self.counters = counters
        self.period_s = period_s
        self._on_change = on_change
        self._feed_id = feed_id
        self._deliver = deliver
        self._clock = clock
        self._first_ticket = next_feed_number() << _TICKET_BITS
        self._seq = seq
        self._sent_to = seq
        self._kept: OrderedDict[int, _Kept] = OrderedDict()
        self._bytes = 0
        self._waiting: deque[RawMessage] = deque()
        self._stored = stored
        self._lock = threading.RLock()
        self._said_ms: int | None = None
        self._offline = True
        self._originals: OrderedDict[int, Original] = OrderedDict()
        self._newest: dict[str, int] = {}
        self._used: Counter[int] = Counter()
        self._original_number = 0

    # ---------------------------------------------------------------- what it holds
    @property
    def next_seq(self) -> int:
        return self._seq

    @property
    def kept(self) -> int:
        """Messages that are not on disk yet."""
        return len(self._kept)

    @property
    def has_room(self) -> bool:
        """False while so much is kept that nothing more should be read from the field."""
        waits = len(self._kept) + len(self._waiting)
        return waits < MOST_MESSAGES and self._bytes < MOST_BYTES

    def original(self, name: str) -> Original | None:
        """The newest payload a datastream's value came in; None when it is not kept any more."""
        with self._lock:
            number = self._newest.get(name)
            return None if number is None else self._originals.get(number)

    # ---------------------------------------------------------------- what goes out
    def put(
        self,
        points: Iterable[Point],
        *,
        units: Mapping[str, str] | None = None,
        original: bytes | None = None,
        note: Any = None,
    ) -> int:
        """Make messages of the points and deliver them; returns how many messages.

        `units`: unit by name, a hint for datastreams nobody described. `original`: the payload they
        were read from. `note`: given to `stored` when all of it is on disk.
        """
        bodies = list(_bodies(points))
        with self._lock:
            for at, (names, rows) in enumerate(bodies):
                last = at == len(bodies) - 1
                self._add(rows, units, names, note if last else None)
                if original is not None:
                    self._remember(names, original)
            self.flush()
        return len(bodies)

    def _add(self, rows: str, units: Mapping[str, str] | None, names: list[str], note: Any) -> None:
        payload = f'{{"epoch": {self.epoch}, "seq": {self._seq}, "points": [{rows}]}}'.encode(
            "utf-8", "replace"
        )
        wall = self._clock.wall_ms()
        hints = {name: units[name] for name in names if name in units} if units else None
        raw = RawMessage(
            OBSERVATIONS + self.name,
            payload,
            wall,
            self._first_ticket + self._seq,
            self._feed_id,
            self._clock.monotonic_ms(),
            units=hints or None,
        )
        self._kept[self._seq] = _Kept(raw, note)
        self._waiting.append(raw)
        self._bytes += len(payload)
        self._seq += 1

    def flush(self) -> bool:
        """Deliver what waits, in order; True when nothing waits any more."""
        with self._lock:
            while self._waiting:
                raw = self._waiting[0]
                if not self._deliver(raw):
                    break
                self._waiting.popleft()
                self._sent(raw)
            self.counters.held = len(self._waiting)
            return not self._waiting

    def set_aside(self, payload: bytes, why: str, code: str = "D-113") -> None:
        """What came and could not be read goes to quarantine, with the reason."""
        raw = RawMessage(
            OBSERVATIONS + self.name,
            payload,
            self._clock.wall_ms(),
            loose_ticket(),
            self._feed_id,
            self._clock.monotonic_ms(),
            fault=(code, why),
        )
        with self._lock:
            self._waiting.append(raw)
            self.flush()

    def _sent(self, raw: RawMessage) -> None:
        kept = self._kept.get(raw.token - self._first_ticket)
        if kept is not None:
            kept.sent = True
            self._sent_to = max(self._sent_to, raw.token - self._first_ticket + 1)
        self.counters.messages += 1
        self.counters.bytes += len(raw.payload)
        self.counters.last_message_ms = raw.received_ms

    def resume(self, epoch: int, seq: int) -> None:
        """Go on with the numbers of an earlier run; only before anything was put."""
        with self._lock:
            self.epoch, self._seq, self._sent_to = epoch, seq, seq

    def skip_to(self, seq: int) -> None:
        """Leave numbers out that can never be sent again: a gap, unless they are stored."""
        with self._lock:
            if seq > self._seq:
                self._seq = seq
                if not self._kept:
                    self._sent_to = seq

    # ---------------------------------------------------------------- what it says about itself
    def beat(self) -> None:
        """Deliver what waits, and announce the source when that is due."""
        now = self._clock.monotonic_ms()
        with self._lock:
            self.flush()
            due = self._said_ms is None or now - self._said_ms >= HEARTBEAT_S * 1000
            if not self._offline and due:
                self._announce()

    def online(self) -> None:
        """The field answers: the source is there."""
        with self._lock:
            if self._offline:
                self._offline = False
                self._announce()

    def offline(self) -> None:
        """The field does not answer any more: its values grow stale at once."""
        with self._lock:
            self.flush()
            if not self._offline:
                self._offline = True
                self._say({"epoch": self.epoch, "offline": True})

    def _announce(self) -> None:
        says: dict[str, object] = {
            "epoch": self.epoch,
            "first_seq": min(next(iter(self._kept), self._sent_to), self._sent_to),
            "next_seq": self._sent_to,
            "heartbeat_s": HEARTBEAT_S,
            "retains": True,
        }
        if self.period_s > 0:
            says["period_s"] = self.period_s
        if self._on_change:
            says["on_change"] = True
        if self._say(says):
            self._said_ms = self._clock.monotonic_ms()

    def _say(self, says: Mapping[str, object]) -> bool:
        return self._deliver(
            RawMessage(
                ANNOUNCEMENTS + self.name,
                json.dumps(says).encode(),
                self._clock.wall_ms(),
                loose_ticket(),
                self._feed_id,
                self._clock.monotonic_ms(),
            )
        )

    # ---------------------------------------------------------------- what comes back
    def ack(self, token: int) -> bool:
        """A message is on disk; True when the ticket was one of ours."""
        seq = token - self._first_ticket
        if not 0 <= seq < 1 << _TICKET_BITS:
            return False
        notes = []
        with self._lock:
            kept = self._kept.get(seq)
            if kept is None:
                return True
            head = next(iter(self._kept)) == seq
            self._bytes -= len(kept.raw.payload)
            if head or kept.note is None:
                del self._kept[seq]
            else:  # its note waits for the messages before it
                kept.raw = _done(kept.raw)
            if head:
                notes = [kept.note, *self._settled()]
        for note in notes:
            if note is not None and self._stored is not None:
                try:
                    self._stored(note)
                except OSError as error:  # a full disk is told by the store itself
                    log.warning("place not kept", feed=self._feed_id, why=str(error))
        return True

    def _settled(self) -> list[Any]:
        """Notes of messages that are on disk and have nothing unsettled before them any more."""
        notes = []
        while self._kept:
            seq, kept = next(iter(self._kept.items()))
            if kept.raw.payload:
                break
            notes.append(kept.note)
            del self._kept[seq]
        return notes

    def resend(self, epoch: int, first: int, last: int) -> bool:
        """Give messages again that are still kept; False when there are none."""
        with self._lock:
            if epoch != self.epoch:
                return False
            waiting = {raw.token for raw in self._waiting}
            again = [
                kept.raw
                for seq, kept in self._kept.items()
                if first <= seq <= last and kept.raw.payload and kept.raw.token not in waiting
            ]
            self._waiting.extend(again)
            self.flush()
            return bool(again)

    def _remember(self, names: list[str], payload: bytes) -> None:
        newest = self._originals.get(self._original_number)
        if newest is None or newest.payload != payload[:ORIGINAL_BYTES]:
            self._original_number += 1
            self._originals[self._original_number] = Original(
                payload[:ORIGINAL_BYTES], self._clock.wall_ms()
            )
            if len(self._originals) > ORIGINALS:
                self._originals.popitem(last=False)
        number, used = self._original_number, self._used
        for name in names:
            before = self._newest.get(name)
            if before != number:
                self._newest[name] = number
                used[number] += 1
                if before is not None:
                    used[before] -= 1
                    if used[before] <= 0:  # nobody's newest any more
                        del used[before]
                        self._originals.pop(before, None)
        if len(self._newest) > MOST_NAMES:  # whoever invents names fills no memory
            kept = self._originals
            self._newest = {name: n for name, n in self._newest.items() if n in kept}
            self._used = Counter(self._newest.values())


def plain(name: str) -> str:
    """A source name that may stand in a topic."""
    return _ODD.sub("-", name).strip("-")[:200] or "feed"


def messages_of(points: Iterable[Point]) -> int:
    """How many messages these points will be."""
    return sum(1 for _ in _bodies(points))


def _bodies(points: Iterable[Point]) -> Iterator[tuple[list[str], str]]:
    """(names, JSON rows) of one message each, none too large."""
    names: list[str] = []
    rows: list[str] = []
    size = 0
    for name, time_ms, value, quality in points:
        point = [name, time_ms, value] if quality == "good" else [name, time_ms, value, quality]
        row = json.dumps(point, ensure_ascii=False)
        if rows and (len(rows) >= POINTS_EACH or size + len(row) > BYTES_EACH):
            yield names, ", ".join(rows)
            names, rows, size = [], [], 0
        names.append(name)
        rows.append(row)
        size += len(row) + 2
    if rows:
        yield names, ", ".join(rows)


def _done(raw: RawMessage) -> RawMessage:
    """The same message without its payload: it is on disk."""
    return RawMessage(raw.topic, b"", raw.received_ms, raw.token, raw.feed, raw.arrived_ms)
