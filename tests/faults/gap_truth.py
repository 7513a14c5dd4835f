"""Random losses of a device that keeps nothing: every one must be shown, and none invented.

`run(patterns)` plays that many random patterns through the decoder with a clock of its own: single
losses, runs of exactly 256, 512 and 65,536, the first and the last messages, restarts of the
source, and messages that overtake each other without being lost.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.kit.clocks import FakeClock
from tests.kit.feeds import FeedBuilder

from lamplighter.domain.field_message import RawMessage
from lamplighter.domain.observation import Gap
from lamplighter.pipeline import Pipeline

SETTLED_MS = 2_000
"""a loss is to be shown this long after the message behind it"""
LOSSES = (1, 1, 1, 2, 3, 10, 255, 256, 257, 512, 65_536)


@dataclass
class Outcome:
    """Counts in patterns and in messages."""

    patterns: int = 0
    messages_lost: int = 0
    hidden: int = 0
    """patterns with a loss that was not shown"""
    invented: int = 0
    """patterns with a gap where nothing was lost"""
    examples: list[str] = field(default_factory=list)


@dataclass
class _Played:
    """What a reader of the stored gap rows sees."""

    rows: dict[tuple[int, int, int], Gap] = field(default_factory=dict)

    def take(self, pipeline: Pipeline, messages: list[RawMessage]) -> None:
        for gap in pipeline.take(messages).gaps:
            self.rows[(gap.epoch, gap.first, gap.last)] = gap

    def shown(self) -> set[tuple[int, int]]:
        return {
            (g.epoch, seq)
            for g in self.rows.values()
            if g.state != "filled"
            for seq in range(g.first, g.last + 1)
        }


def run(patterns: int, seed: int = 11) -> Outcome:
    """Play random patterns; the truth is what was left out."""
    rng = random.Random(seed)
    outcome = Outcome()
    for number in range(patterns):
        lost, shown = _pattern(rng)
        outcome.patterns += 1
        outcome.messages_lost += len(lost)
        outcome.hidden += bool(lost - shown)
        outcome.invented += bool(shown - lost)
        if lost != shown and len(outcome.examples) < 5:
            wrong = sorted(lost ^ shown)[:3]
            outcome.examples.append(f"pattern {number}: {wrong} of {len(lost)} lost")
    return outcome


def _pattern(rng: random.Random) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    clock = FakeClock()
    device, pipeline, played = FeedBuilder(clock), Pipeline(clock=clock), _Played()
    lost: set[tuple[int, int]] = set()
    for _ in range(rng.choice((1, 1, 2))):  # the source may start again
        device.epoch = rng.randrange(1, 2**53)
        played.take(pipeline, [device.announcement(0, retains=False)])
        seq = 0
        for kept, run_length in _runs(rng):
            if kept:
                sent = [device.message(s) for s in range(seq, seq + run_length)]
                for batch in _overtaking(rng, sent):
                    played.take(pipeline, batch)
                    clock.advance(rng.randrange(0, 200))
            else:
                lost.update((device.epoch, s) for s in range(seq, seq + run_length))
            seq += run_length
        played.take(pipeline, [device.announcement(seq, retains=False)])
        clock.advance(SETTLED_MS)
        pipeline.due()
        played.take(pipeline, [])
    return lost, played.shown()


def _runs(rng: random.Random) -> Iterator[tuple[bool, int]]:
    """(delivered?, messages), alternating; it may begin or end with a loss."""
    kept = rng.random() < 0.8
    for _ in range(rng.randrange(1, 7)):
        yield kept, rng.randrange(1, 9) if kept else rng.choice(LOSSES if rng.random() < 0.1 else (
            1, 2, 3, 255, 256, 257, 512))  # fmt: skip
        kept = not kept


def _overtaking(rng: random.Random, sent: list[RawMessage]) -> Iterator[list[RawMessage]]:
    """Batches in which neighbours may have changed places, and some come twice."""
    order = list(sent)
    for at in range(len(order) - 1):
        if rng.random() < 0.2:
            order[at], order[at + 1] = order[at + 1], order[at]
    order += [m for m in sent if rng.random() < 0.1]
    while order:
        size = rng.randrange(1, 5)
        yield order[:size]
        order = order[size:]


def as_row(outcome: Outcome) -> dict[str, Any]:
    """Figures for the table."""
    return {
        "patterns": outcome.patterns,
        "messages_lost": outcome.messages_lost,
        "hidden": outcome.hidden,
        "invented": outcome.invented,
        "passed": outcome.hidden == outcome.invented == 0,
        "examples": outcome.examples,
    }
