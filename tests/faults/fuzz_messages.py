"""Broken messages by the thousand between good ones: every point is accounted for, none is lost.

Each message is a good one, or a good one damaged: bytes flipped, cut, doubled, numbers replaced by
what no number is, keys repeated, nested without end, or plain noise.
"""

from __future__ import annotations

import queue
import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.kit.clocks import FakeClock
from tests.kit.feeds import FeedBuilder

from lamplighter.domain.field_message import RawMessage
from lamplighter.domain.observation import Account, Committed
from lamplighter.pipeline import Pipeline
from lamplighter.store import Store

ODD = (
    b"NaN", b"1e400", b"-Infinity", b"9" * 5000, b"18446744073709551616", b"true", b'"1_000"',
    '"\u0663"'.encode(), b'"\\ud800"', b"null", b"[1]", b'{"v":1}', b'"' + b"x" * 70_000 + b'"',
)  # fmt: skip
BATCH = 200


@dataclass
class Outcome:
    """`account` in points; `good_*` counts the undamaged messages' points."""

    messages: int = 0
    account: Account = field(default_factory=Account)
    good_sent: int = 0
    good_stored: int = 0
    verified: bool = False
    raised: str = ""
    seconds: float = 0.0


def run(messages: int, folder: Path, seed: int = 5) -> Outcome:
    """Through the decoder into a store on disk, which is then verified."""
    rng, clock, outcome = random.Random(seed), FakeClock(), Outcome(messages)
    good, bad = FeedBuilder(clock, "good"), FeedBuilder(clock, "bad", epoch=99)
    pipeline = Pipeline(clock=clock)
    Store.create(folder, name="fuzz", clock=clock)
    store = Store.open(folder, write=True, clock=clock)
    done: queue.SimpleQueue[Committed | BaseException] = queue.SimpleQueue()
    begun = time.monotonic()
    try:
        seq = 0
        for at in range(0, messages, BATCH):
            batch: list[RawMessage] = []
            for number in range(at, min(at + BATCH, messages)):
                if rng.random() < 0.3:
                    batch.append(
                        good.message(seq, [(f"P-{n}", clock.wall_ms(), seq + n) for n in range(3)])
                    )
                    seq += 1
                else:
                    batch.append(bad.raw(_damaged(rng, bad.body(number))))
            clock.advance(100)
            store.writer.submit(pipeline.take(batch), done.put)
            settled = done.get(timeout=30)
            if isinstance(settled, BaseException):
                raise settled
            for _, account in settled.accounts:
                outcome.account = outcome.account.plus(account)
            pipeline.settled(settled)
        outcome.good_sent = 3 * seq
        outcome.good_stored = sum(row.source == "good" for row in store.export_rows())
        outcome.verified = store.verify().ok
    except Exception as error:  # whatever it is, it is the finding
        outcome.raised = f"{type(error).__name__}: {error}"
    finally:
        store.close(5)
    outcome.seconds = round(time.monotonic() - begun, 1)
    return outcome


def _damaged(rng: random.Random, body: bytes) -> bytes:
    kind = rng.randrange(8)
    if kind == 0:
        at = rng.randrange(len(body))
        return body[:at] + bytes([rng.randrange(256)]) + body[at + 1 :]
    if kind == 1:
        return body[: rng.randrange(len(body))]
    if kind == 2:
        return body + body
    if kind == 3:
        return rng.randbytes(rng.randrange(0, 400))
    if kind == 4:
        return b'{"epoch": 99, "seq": 1, "points": ' + b"[" * rng.randrange(100, 20_000)
    if kind == 5:
        return body.replace(b'"seq"', b'"epoch"')
    value = rng.choice(ODD)
    head, _, tail = body.rpartition(b", ")
    return head + b", " + value + tail[tail.index(b"]") :]


def as_row(outcome: Outcome) -> dict[str, Any]:
    """Figures for the table."""
    a = outcome.account
    balanced = a.received == a.stored + a.duplicate + a.quarantined + a.refused
    lost = outcome.good_sent - outcome.good_stored
    return {
        "messages": outcome.messages,
        "received": a.received,
        "stored": a.stored,
        "duplicate": a.duplicate,
        "quarantined": a.quarantined,
        "refused": a.refused,
        "good_lost": lost,
        "seconds": outcome.seconds,
        "raised": outcome.raised,
        "passed": balanced and not lost and outcome.verified and not outcome.raised,
    }
