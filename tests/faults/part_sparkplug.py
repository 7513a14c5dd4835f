"""Random losses on a Sparkplug node's way: every one the protocol can show is shown, none is false.

An edge node written from the standard sends births and data; messages are dropped, doubled and
overtaken as chance will have it. What was dropped is known here and compared with the gaps. A loss
of exactly 256 messages leaves no trace in an eight-bit sequence: it is tried and counted apart.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.kit.clocks import FakeClock
from tests.kit.feeds import FeedBuilder
from tests.kit.sparkplug import FLOAT, EdgeNode, metric

from lamplighter.pipeline import Pipeline

SEED: Final = 11
LONGEST: Final = 191
"""messages in a row whose loss the sequence shows without doubt"""
Row = dict[str, Any]
Message = tuple[str, bytes]


@dataclass
class Found:
    patterns: int = 0
    dropped: int = 0
    hidden: int = 0
    """dropped and in no gap"""
    false: int = 0
    """in a gap and not dropped"""
    kept: int = 0
    """values that came and are not in the batch"""
    wraps: int = 0
    wraps_shown: int = 0
    """losses of 256 of which anything was seen: none can be"""


def run(patterns: int) -> Found:
    """So many sessions of a node, each with its own losses."""
    chance, found = random.Random(SEED), Found()
    for number in range(patterns):
        found.patterns += 1
        _session(chance, found, wrap=number % 50 == 49)
    return found


def _session(chance: random.Random, found: Found, *, wrap: bool) -> None:
    clock = FakeClock()
    builder, pipeline = FeedBuilder(clock), Pipeline(clock=clock)
    node = EdgeNode(now=clock.wall_ms())
    sent = [
        node.birth(metric("a", 0.0, alias=1)),
        node.device_birth("pump", metric("Flow", 0.0, FLOAT, alias=7)),
    ]
    count = 600 if wrap else chance.randrange(5, 400)
    sent += [node.data("pump", metric(None, float(n + 1), FLOAT, alias=7)) for n in range(count)]
    dropped = set(range(200, 456)) if wrap else _drop(chance, len(sent))
    arrivals = _on_the_way(chance, [n for n in range(len(sent)) if n not in dropped])
    gaps: set[int] = set()
    values: set[float] = set()
    for at in range(0, len(arrivals), 40):
        raws = [builder.raw(sent[n][1], sent[n][0]) for n in arrivals[at : at + 40]]
        batch = pipeline.take(raws)
        values.update(batch.points.value.tolist())
        _note(gaps, batch.gaps)
        clock.advance(100)
    for _ in range(3):
        clock.advance(1_500)
        pipeline.due()
        _note(gaps, pipeline.take().gaps)
    last = max(arrivals)
    due = {n for n in dropped if n < last}
    found.kept += len({float(n - 1) for n in set(arrivals) if n > 1} - values)
    if wrap:
        found.wraps += 1
        found.wraps_shown += bool(gaps)
        return
    found.dropped += len(due)
    found.hidden += len(due - gaps)
    found.false += len(gaps - due)


def _drop(chance: random.Random, length: int) -> set[int]:
    """Places after the two births, in bursts no longer than can be told."""
    dropped: set[int] = set()
    for _ in range(chance.randrange(4)):
        first = chance.randrange(2, length)
        burst = chance.choice((1, 1, 2, chance.randrange(1, LONGEST + 1)))
        dropped |= set(range(first, min(first + burst, length)))
    runs = 0
    for n in range(length):  # bursts that touch must not grow too long together
        runs = runs + 1 if n in dropped else 0
        if runs > LONGEST:
            dropped.discard(n)
            runs = 0
    return dropped


def _on_the_way(chance: random.Random, numbers: list[int]) -> list[int]:
    """Neighbours change places and some come twice; the births stay first."""
    moved = numbers[:2]
    rest = [(n + chance.uniform(0, 4), n) for n in numbers[2:]]
    rest += [(n + chance.uniform(0, 9), n) for n in numbers[2:] if chance.random() < 0.03]
    return moved + [n for _, n in sorted(rest)]


def _note(gaps: set[int], news: Any) -> None:
    for gap in news:
        span = set(range(gap.first, gap.last + 1))
        if gap.state == "filled":
            gaps -= span
        else:
            gaps |= span


def passed(found: Found) -> bool:
    return not (found.hidden or found.false or found.kept) and found.dropped > 0


def part(size: dict[str, int], folder: Path) -> Row:
    found = run(size["sparkplug_patterns"])
    return {
        "promise": "Every loss that a Sparkplug sequence can show is shown, and none is false",
        "trials": f"{found.patterns:,} sessions with losses of 1 to {LONGEST} messages in a row, "
        f"repeated and overtaken messages; {found.dropped:,} messages dropped",
        "result": f"{found.hidden} hidden, {found.false} false, {found.kept} values lost; a loss "
        f"of exactly 256 messages was seen in {found.wraps_shown} of {found.wraps} trials",
        "not_shown": "an eight-bit sequence cannot show a loss of 256 messages or a multiple; "
        "beyond 191 in a row the count may be wrong; what was sent last before a birth",
        "bound": "",
        "passed": passed(found),
        "figures": {"patterns": found.patterns, "dropped": found.dropped, "hidden": found.hidden,
                    "false": found.false, "values_lost": found.kept},
    }  # fmt: skip


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {"sparkplug": part}
SHORT: Final[dict[str, int]] = {"sparkplug_patterns": 600}
LONG: Final[dict[str, int]] = {"sparkplug_patterns": 6_000}
TIER: Final = "N3"
