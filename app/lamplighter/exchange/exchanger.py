"""The exchange of one project with one historian: live first, the backlog beside it, others' in.

The order never changes: send, receipt read back, entry in the ledger. After a break everything is
found again from both sides' books: what the historian has no receipt for is sent once more.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lamplighter.domain.clock import Clock
from lamplighter.domain.edits import Edit
from lamplighter.domain.exchange import (
    ExchangeState,
    Intake,
    Outgoing,
    Poison,
    StoredBatch,
    StoredFact,
    StoreNames,
    spans_missing,
)
from lamplighter.domain.observation import Gap
from lamplighter.exchange.ledger import Ledger
from lamplighter.exchange.link import (
    HistorianConfig,
    connect,
    historian_id,
    refused,
    shown,
    watched,
)
from lamplighter.exchange.pull import Puller
from lamplighter.exchange.push import Chunk, Pusher, ReceiptError, stamp_of

if TYPE_CHECKING:
    from lamplighter.exchange.link import Connection

LIVE_POINTS: Final = 5_000
"""points of one chunk while live data is waited for: a third of a second of the historian"""
BULK_POINTS: Final = 20_000
FACTS_AT_ONCE: Final = 500
PAGE_MESSAGES: Final = 2_000
"""messages taken in at a time"""
LIVE_BATCHES: Final = 20
"""as many batches may wait before they count as a backlog"""
LAST_FACT: Final = "last fact"
FACT_MARK: Final = "mark of the last fact"
END: Final = "last batch"
NEWEST: Final = "newest receipt"
STAMP: Final = "moment of the newest receipt"
END_MARK: Final = "mark of the last batch"
SENT: Final = "sent points"
RECEIVED: Final = "received points"
RECEIPTS: Final = "receipts"
TakeEdits = Callable[[str, str, list[Edit]], int]
"""(store, its name, edits) -> how many of them could not be taken in"""


class Exchanger:
    """Used by one thread at a time; `state` from any."""

    def __init__(
        self,
        config: HistorianConfig,
        project: Path,
        outgoing: Outgoing,
        intake: Intake,
        clock: Clock,
        *,
        password: str = "",
        cancelled: Callable[[], bool] = lambda: False,
        edits: TakeEdits | None = None,
    ) -> None:
        """`edits` takes edits of records that other consoles made; without it they stay there."""
        self.config = config
        self._edits = edits
        self.ledger = Ledger(project)
        self._out = outgoing
        self._intake = intake
        self._clock = clock
        self._password = password
        self._cancelled = cancelled
        self._sql: Connection | None = None
        self._pusher: Pusher | None = None
        self._puller: Puller | None = None
        self._id = ""
        self._spans: list[tuple[int, int]] = []
        self._live_from = 0
        self._problem = ""
        self._names: StoreNames | None = None
        self._names_stamp: tuple[int, ...] = ()

    # ------------------------------------------------------------ the link
    def open(self) -> None:
        """Connect and compare books. Raises LamplighterError (N-330)."""
        if self._sql is not None:
            return
        sql = connect(self.config, self._password)
        try:
            with self._guarded(sql):
                self._id = historian_id(sql, self.config)
                pusher = Pusher(sql, self._out.store_id, self._clock.wall_ms())
                pusher.introduce(self._out.name)
                self._compare(pusher)
        except BaseException:
            with contextlib.suppress(Exception):
                sql.close()
            raise
        self._sql, self._pusher = sql, pusher
        self._puller = Puller(sql, self._out.store_id)
        self._problem = ""

    def _compare(self, pusher: Pusher) -> None:
        """What both sides have in their books counts as sent; the rest is sent again."""
        if self._another_store():
            self.ledger.replace_sent(self._id, [])
            self.ledger.put(self._id, {LAST_FACT: 0, END: 0, NEWEST: 0}, {})
        last = self._out.last_batch()
        newest = self.ledger.mark(self._id, NEWEST)
        if newest and pusher.holds(newest, self.ledger.mark(self._id, STAMP)):
            # a historian that has the newest receipt has all before it: a backup cuts off the end
            self._spans = self.ledger.sent(self._id)
        else:
            self._believe(pusher, last)
        waiting = sum(b - a + 1 for a, b in spans_missing(self._spans, last))
        self._live_from = last + 1 if waiting > LIVE_BATCHES else 1

    def _believe(self, pusher: Pusher, last: int) -> None:
        """Only what stands in both books counts as sent."""
        ours, theirs = self.ledger.sent(self._id), pusher.known()
        self._spans = [(a, min(b, last)) for a, b in _common(ours, theirs) if a <= last]
        if self._spans != ours:
            self.ledger.replace_sent(self._id, self._spans)
        fact = min(self.ledger.mark(self._id, LAST_FACT), pusher.last_fact())
        if fact != self.ledger.mark(self._id, LAST_FACT):
            self.ledger.put(self._id, {LAST_FACT: fact, FACT_MARK: self._out.fact_mark(fact)}, {})

    def _another_store(self) -> bool:
        """Whether batches or facts have begun anew since (a damaged file was replaced): what the
        books say of their numbers means others then. Sending again costs time, and doubles nothing.
        """
        end, fact = self.ledger.mark(self._id, END), self.ledger.mark(self._id, LAST_FACT)
        batches = end > 0 and self.ledger.mark(self._id, END_MARK) != self._out.mark_of(end)
        facts = fact > 0 and self.ledger.mark(self._id, FACT_MARK) != self._out.fact_mark(fact)
        return batches or facts

    @contextlib.contextmanager
    def _guarded(self, sql: Connection) -> Any:
        import psycopg

        try:
            with watched(sql):
                yield
        except (psycopg.Error, OSError, ReceiptError, ValueError) as error:
            found = refused(self.config, error, self._password)
            self._problem = str(found)
            self._drop()
            raise found from None

    def _drop(self) -> None:
        sql, self._sql, self._pusher, self._puller = self._sql, None, None, None
        if sql is not None:
            with contextlib.suppress(Exception):
                sql.close()

    def close(self) -> None:
        self._drop()
        self.ledger.close()

    # ------------------------------------------------------------ sending
    def pending(self) -> list[tuple[int, int]]:
        """Batches without a receipt, as closed intervals."""
        return spans_missing(self._spans, self._out.last_batch())

    def send_some(self) -> bool:
        """One chunk of live data, then one of the backlog. False when nothing was left to send.

        Raises LamplighterError (N-330); what was sent until then is in the books.
        """
        self.open()
        last = self._out.last_batch()
        live = [s for s in spans_missing(self._spans, last) if s[1] >= self._live_from]
        done = False
        if live:
            first = max(live[0][0], self._live_from)
            done = self._send(first, live[0][1], LIVE_POINTS) or done
        old = [s for s in spans_missing(self._spans, last) if s[0] < self._live_from]
        if old and not self._cancelled():
            high = min(old[0][1], self._live_from - 1)
            done = self._send(old[0][0], high, LIVE_POINTS) or done
        if not done:
            done = self._send_facts()
        return done

    def _send(self, first: int, last: int, points: int) -> bool:
        batches = self._out.batches(first, last, points)
        if batches:  # else they expired, and there is nothing left that could be sent
            last = batches[-1].number
        own = [b for b in batches if not b.received and not b.damaged]
        gaps = self._out.gaps(first, last)
        self._deliver(first, last, own, gaps, [], self._damaged(batches))
        return True

    def _damaged(self, batches: Sequence[StoredBatch]) -> list[Poison]:
        """Batches that cannot be read: set aside, so that they neither block nor pass as sent."""
        now = self._clock.wall_ms()
        why = "its stored bytes are damaged here; 'verify' says more"
        return [
            Poison(0, "batch", b.number, "", 0, b.number, -1, f"batch {b.number}", why, now)
            for b in batches
            if b.damaged
        ]

    def _send_facts(self) -> bool:
        facts = self._out.facts(self.ledger.mark(self._id, LAST_FACT), FACTS_AT_ONCE)
        if not facts:
            return False
        self._deliver(1, 0, [], [], facts)
        return True

    def _deliver(
        self,
        first: int,
        last: int,
        batches: Sequence[StoredBatch],
        gaps: Sequence[Gap],
        facts: Sequence[StoredFact],
        damaged: Sequence[Poison] = (),
    ) -> None:
        assert self._sql is not None and self._pusher is not None
        fact = facts[-1].n if facts else self.ledger.mark(self._id, LAST_FACT)
        chunk = Chunk(first, last, batches, gaps, facts, fact)
        with self._guarded(self._sql):
            receipt = self._pusher.send(chunk, self._known_names(), self._clock.wall_ms())
        marks = {LAST_FACT: fact, NEWEST: receipt.id, STAMP: receipt.stamp}
        if facts:
            marks[FACT_MARK] = self._out.fact_mark(fact)
        if last > self.ledger.mark(self._id, END):
            marks |= {END: last, END_MARK: self._out.mark_of(last)}
        adds = {SENT: receipt.points - _points(receipt.poison), RECEIPTS: 1}
        self.ledger.mark_sent(self._id, first, last, marks, adds, (*receipt.poison, *damaged))
        self._spans = self.ledger.sent(self._id)

    def _known_names(self) -> StoreNames:
        """The registry; read anew when something was added to it."""
        stamp = self._out.names_stamp()
        if self._names is None or stamp != self._names_stamp:
            self._names, self._names_stamp = self._out.names(), stamp
        return self._names

    # ------------------------------------------------------------ receiving
    def receive(self) -> int:
        """Take in everything other consoles sent until now; returns the points that were new."""
        total = 0
        for store in self._others():
            while not self._cancelled():
                some = self._receive_some(store)
                if some is None:
                    break
                total += some
        return total

    def receive_page(self) -> bool:
        """A few receipts of each other console, so that nothing of ours waits for them. False when
        there was nothing left.
        """
        found = [self._receive_some(s) for s in self._others() if not self._cancelled()]
        return any(some is not None for some in found)

    def _others(self) -> list[str]:
        self.open()
        assert self._sql is not None and self._puller is not None
        with self._guarded(self._sql):
            return self._puller.stores()

    def _receive_some(self, store: str) -> int | None:
        """Some receipts of a store; None when there are no more."""
        assert self._sql is not None and self._puller is not None
        mark = f"receipt of {store}"
        after, stamp = self.ledger.mark(self._id, mark), self.ledger.mark(self._id, f"{mark} at")
        with self._guarded(self._sql):
            if after and stamp_of(self._sql, store, after) != stamp:
                after = 0  # restored from an older backup: what is known is passed over by its key
            rows = _page(self._puller.receipts(store, after))
            if not rows:
                return None
            stamp = stamp_of(self._sql, store, rows[-1][0])
        total = 0
        if any(fresh for _, fresh in rows):
            keys = self._out.keys()
            with self._guarded(self._sql):
                chunks = list(self._puller.chunks(store, rows[0][0], rows[-1][0], keys))
            for chunk in chunks:
                total += self._intake.take(chunk)
        self._receive_edits(store, rows[0][0], rows[-1][0])
        self.ledger.put(self._id, {mark: rows[-1][0], f"{mark} at": stamp}, {RECEIVED: total})
        return total

    def _receive_edits(self, store: str, first: int, last: int) -> None:
        """Edits of a store that some receipts brought; taking one twice changes nothing."""
        if self._edits is None:
            return
        assert self._sql is not None and self._puller is not None
        with self._guarded(self._sql):
            found, unread = self._puller.edits(store, first, last)
            name = self._puller.name_of(store) if found else ""
        if found:
            unread += self._edits(store, name, found)
        if unread:
            self._problem = f"{unread} edits of another console cannot be taken in"

    # ------------------------------------------------------------ all of it, once
    def exchange(self, progress: Callable[[int], None] = lambda waiting: None) -> None:
        """Send until nothing waits, then take in. Raises LamplighterError (N-330)."""
        self.exchange_out(progress)
        if self.config.receive and not self._cancelled() and self.receive():
            self._send_until(self._out.last_batch(), progress)  # only a receipt: nothing is ours

    def exchange_out(self, progress: Callable[[int], None] = lambda waiting: None) -> None:
        """Send until nothing waits. Raises LamplighterError (N-330)."""
        self.open()
        self._send_until(self._out.last_batch(), progress)
        while not self._cancelled() and self._send_facts():
            pass

    def _send_until(self, last: int, progress: Callable[[int], None]) -> None:
        while not self._cancelled():
            waiting = spans_missing(self._spans, last)
            if not waiting:
                break
            self._send(waiting[0][0], waiting[0][1], BULK_POINTS)
            progress(sum(b - a + 1 for a, b in waiting))

    # ------------------------------------------------------------ what was set aside
    def retry(self, numbers: list[int] | None = None) -> tuple[int, int]:
        """Send what was set aside once more; (sent, still refused)."""
        self.open()
        assert self._sql is not None and self._pusher is not None
        waiting = [
            p for p in self.ledger.poison(self._id, 1 << 30) if numbers is None or p.n in numbers
        ]
        sent = [one.n for one in waiting if self._retry_one(one)]
        self.ledger.drop_poison(sent)
        self.ledger.put(self._id, {}, {SENT: len(sent)})
        return len(sent), len(waiting) - len(sent)

    def _retry_one(self, one: Poison) -> bool:
        assert self._sql is not None and self._pusher is not None
        if one.kind == "fact":
            facts = self._out.facts(one.seq - 1, 1)
            with self._guarded(self._sql):
                return self._pusher.again_fact(facts[0]) if facts else False
        batches = self._out.batches(one.batch, one.batch, 1)
        if not batches or batches[0].damaged:
            return False
        if one.kind == "batch":  # it can be read again, from a backup
            self._send(one.batch, one.batch, 1)
            return True
        names = self._out.names()
        with self._guarded(self._sql):
            return self._pusher.again(batches[0], one, names)

    def state(self) -> ExchangeState:
        """As it stands now."""
        waiting = sum(b - a + 1 for a, b in self.pending()) if self._id else 0
        count, oldest = self.ledger.poison_count(self._id)
        return ExchangeState(
            shown(self.config.url),
            self._sql is not None,
            waiting,
            self.ledger.mark(self._id, SENT),
            self.ledger.mark(self._id, RECEIVED),
            self.ledger.mark(self._id, RECEIPTS),
            count,
            oldest,
            self._problem,
        )


def _page(rows: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """As many receipts as bring about `PAGE_MESSAGES` messages, one at least."""
    total = 0
    for at, (_, fresh) in enumerate(rows):
        total += fresh
        if total >= PAGE_MESSAGES:
            return rows[: at + 1]
    return rows


def _points(poison: tuple[Poison, ...]) -> int:
    found = 0
    for one in poison:
        if one.kind == "observation":
            found += 1
        elif one.kind == "message":
            found += int(one.text.split(" with ")[1].split(" ")[0])
    return found


def _common(ours: list[tuple[int, int]], theirs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What is in both lists of sorted, disjoint intervals."""
    found = []
    for a, b in ours:
        for c, d in theirs:
            if max(a, c) <= min(b, d):
                found.append((max(a, c), min(b, d)))
    return found
