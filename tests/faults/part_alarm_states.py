"""The live alarm engine against a model that was written from the standard's drawing alone.

The engine is driven from outside, through values, actions and the clock. Every pair of a state and
an event is tried, for alarms that latch and that do not, and then random lives of many alarms
side by side, with restarts between. Compared after every event: the state, whether the condition
holds, whether a person's action is refused; at the end the journal, replayed, must give the same.

Where they differed, and who was right by the standard's text:

- A latched alarm could be reset though nobody had acknowledged it. The drawing goes E, F, A, and
  OPC UA says in words that the acknowledgement comes first. The engine was mended.
- A latched alarm could be acknowledged again, and then the second person stood where the first had.
  There is no such arrow. The engine was mended.
- When a shelving ended, or an alarm was to be announced again, in the moment in which its condition
  ended, it was announced once more and left behind as returned and unacknowledged. An alarm that is
  over is not announced: it leaves by the new condition. The engine was mended.
- An alarm of priority 1 refuses to be suppressed, where the drawing has an arrow from every state.
  Suppression by design is the site's choice; the model was given that rule.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from tests.kit.isa182_model import NAMES, PEOPLE, Model

from lamplighter.alarms import AlarmEngine
from lamplighter.domain.alarm import AlarmEvent, AlarmRecord, AlarmRule, AlarmState, Condition
from lamplighter.domain.newest_block import blank
from lamplighter.domain.problems import LamplighterError
from lamplighter.twin import DependencyGraph

Row = dict[str, Any]
TIER: Final = "N1"
SHORT: Final = {"traces": 2_000}
LONG: Final = {"traces": 100_000}
START: Final = 1_795_305_600_000
SECOND: Final = 1_000
REALARM_MS: Final = 40 * SECOND
MOMENTS: Final = 12
SIDE_BY_SIDE: Final = 500
PROCESS: Final = ("begins", "ends", "waits")
EVENTS: Final = (*PROCESS, *PEOPLE)
Engine = Callable[..., AlarmEngine]
_WAYS: Final = {
    "A": (), "B": ("begins",), "C": ("begins", "ack"), "D": ("begins", "ends"),
    "E": ("begins", "ends"), "F": ("begins", "ack", "ends"), "G": ("shelve",),
    "H": ("suppress",), "I": ("disable",),
}  # fmt: skip


@dataclass
class Found:
    """What was compared, and the first differences in words."""

    traces: int = 0
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    differences: int = 0
    examples: list[str] = field(default_factory=list)
    expired: int = 0
    expired_untold: int = 0
    restarts: int = 0

    def differ(self, words: str) -> None:
        """Note a difference."""
        self.differences += 1
        if len(self.examples) < 5:
            self.examples.append(words)


class Bench:
    """Some alarms of one engine, each with its model beside it.

    Of four alarms, the first is critical, the second latches, the third announces again, the fourth
    looks below a limit.
    """

    def __init__(self, count: int, found: Found, engine: Engine = AlarmEngine) -> None:
        self.found, self._make, self.now, self.batch = found, engine, START, 1
        self.rules = [
            AlarmRule("r", n, f"A{n}", Condition.BELOW if n % 4 == 3 else Condition.ABOVE, 5.0,
                      1 + n % 4, "r", latching=n % 4 == 1,
                      realarm_ms=REALARM_MS if n % 4 == 2 else 0)
            for n in range(count)
        ]  # fmt: skip
        self.keys = [f"{r.id}@{r.asset}" for r in self.rules]
        self.models = [Model(r.latching, r.priority == 1, r.realarm_ms) for r in self.rules]
        self.holds = [False] * count
        self._values = blank(count)
        self._fresh = np.zeros(count, np.bool_)
        self.journal: list[AlarmEvent] = []
        self.story: list[list[str]] = [[] for _ in self.rules]
        self.engine = engine(self.rules, DependencyGraph([], []))
        self.step(0)

    def act(self, alarm: int, action: str, shelf_ms: int = 30 * SECOND) -> None:
        """A person's action on one alarm; both must refuse it, or both allow it."""
        model, key = self.models[alarm], self.keys[alarm]
        self.found.pairs[model.state, action] += 1
        self.story[alarm].append(action)
        wanted = model.act(action, self.now, self.now + shelf_ms)
        try:
            self.journal += self.engine.act(
                action, [key], actor="eve", batch=self.batch, now_ms=self.now, reason="a test",
                until_ms=self.now + shelf_ms if action == "shelve" else 0,
            )  # fmt: skip
            allowed = True
        except LamplighterError:
            allowed = False
        if allowed != bool(wanted):
            said = "allowed" if allowed else "refused"
            self.found.differ(f"{key}: {said}, the model not; after {self.story[alarm]}")
        self.compare(alarm)

    def step(self, ms: int) -> None:
        """Time passes, new values come: the engine judges them."""
        self.now += ms
        self.batch += 1
        for n, rule in enumerate(self.rules):
            over = self.holds[n] == (rule.condition is Condition.ABOVE)
            self._values.value[n] = 9.0 if over else 1.0
        self._values.time_ms[:] = self.now
        facts = self.engine.step(self.batch, self.now, self._values, self._fresh)
        self.journal += facts
        told = {e.record.key for e in facts if e.event == "unshelved" and e.actor != "eve"}
        for n, model in enumerate(self.models):
            before, held = model.state, model.holds
            after = model.process(self.holds[n], self.now)
            event = PROCESS[2] if held == self.holds[n] else PROCESS[not self.holds[n]]
            self.found.pairs[before, event] += 1
            self.story[n].append(f"{event} {ms // SECOND} s")
            if before == "G" and after != "G":
                self.found.expired += 1
                self.found.expired_untold += self.keys[n] not in told
            self.compare(n)

    def restart(self) -> None:
        """The engine is made anew from the records, as after a kill."""
        self.engine = self._make(self.rules, DependencyGraph([], []), self.engine.records())
        self.found.restarts += 1
        for story in self.story:
            story.append("restart")

    def compare(self, alarm: int) -> None:
        """The engine's record against the model."""
        model, key = self.models[alarm], self.keys[alarm]
        record = self.engine.record(key)
        state = record.state.value if record else "NORM"
        wrong = state != NAMES[model.state]
        if record and model.state in "EF":
            wrong |= bool(record.acked_by) != (model.state == "F")
        if record and record.state is not AlarmState.NORM:
            wrong |= record.active != model.holds
        if wrong:
            self.found.differ(
                f"{key} is {state}, {'on' if record and record.active else 'off'}; the model "
                f"{model.state}, {'on' if model.holds else 'off'}; after {self.story[alarm]}"
            )
            seen = {name: letter for letter, name in NAMES.items()}
            model.state = seen[state]  # go on from there: a difference is counted once

    def replay(self) -> None:
        """The journal alone gives every state; each event begins where the last one ended."""
        last: dict[str, AlarmRecord] = {}
        for event in self.journal:
            key = event.record.key
            before = last[key].state if key in last else AlarmState.NORM
            if event.before != before or event.record.state != event.after:
                self.found.differ(f"{key}: journal has {event.event} from {event.before}")
            last[key] = event.record
        for key in self.keys:
            record, told = self.engine.record(key), last.get(key)
            now = record.state if record else AlarmState.NORM
            if (told.state if told else AlarmState.NORM) != now:
                self.found.differ(f"{key}: the journal ends otherwise")


def every_pair(found: Found, engine: Engine = AlarmEngine) -> None:
    """Each state, with the condition on and off where it may be, and each event after it."""
    for held, (state, way), event in _pairs():
        bench = Bench(4, found, engine)
        for alarm in range(4):
            if (NAMES[state] == "LATCHED" and alarm != 1) or (state == "D" and alarm == 1):
                continue
            for move in (*way, *(("begins",) if held else ()), event):
                if move in PEOPLE:
                    bench.act(alarm, move)
                else:
                    if move != "waits":
                        bench.holds[alarm] = move == "begins"
                    bench.step(REALARM_MS + SECOND if move == "waits" else SECOND)
        bench.replay()


def _pairs() -> Iterator[tuple[bool, tuple[str, tuple[str, ...]], str]]:
    for way in _WAYS.items():
        for event in EVENTS:
            yield False, way, event
            if way[0] in "GHI":
                yield True, way, event


def random_lives(traces: int, found: Found, engine: Engine = AlarmEngine, seed: int = 1) -> None:
    """`traces` alarms, each with `MOMENTS` random moments."""
    rng = random.Random(seed)
    for first in range(0, traces, SIDE_BY_SIDE):
        bench = Bench(min(SIDE_BY_SIDE, traces - first), found, engine)
        for _ in range(MOMENTS):
            for alarm, model in enumerate(bench.models):
                chance = rng.random()
                if chance < 0.4:
                    bench.holds[alarm] = not bench.holds[alarm]
                if chance > 0.3:
                    likely = [a for a, arrows in PEOPLE.items() if model.state in arrows]
                    choice = rng.choice(likely if rng.random() < 0.8 else list(PEOPLE))
                    bench.act(alarm, choice, rng.choice((5, 20, 60)) * SECOND)
            if rng.random() < 0.2:
                bench.restart()
            bench.step(rng.choice((1, 5, 20, 45)) * SECOND)
        bench.replay()
        found.traces += len(bench.rules)


def run(traces: int, engine: Engine = AlarmEngine) -> Found:
    """Every pair, then random lives."""
    found = Found()
    every_pair(found, engine)
    random_lives(traces, found, engine)
    return found


def holds(found: Found) -> bool:
    """Whether the promise held, and every pair was really tried."""
    wanted = {(s, e) for s in NAMES for e in EVENTS if _real(s, e)}
    tried = wanted <= found.pairs.keys()
    return not found.differences and not found.expired_untold and found.expired > 0 and tried


def _real(state: str, event: str) -> bool:
    """Whether it can happen: what holds cannot begin, what is over cannot end."""
    return not ((state in "BC" and event == "begins") or (state in "ADEF" and event == "ends"))


def states(size: dict[str, int], folder: Path) -> Row:
    """The row of the table."""
    found = run(size["traces"])
    return {
        "promise": "The life of an alarm follows the standard's drawing of its states; shelving "
        "always ends and says so",
        "trials": f"{len(found.pairs)} pairs of state and event, then {found.traces:,} random "
        f"lives of {MOMENTS} moments, {found.restarts} restarts between",
        "result": f"{found.differences} differences from an independent model; "
        f"{found.expired:,} shelvings ran out, {found.expired_untold} of them not in the journal"
        + "".join(f"; {words}" for words in found.examples),
        "not_shown": "rules of a plain limit without delays; checklists and planned works are "
        "tested elsewhere",
        "bound": f"< {300 / found.traces:.2g} % of lives (95 %)",
        "passed": holds(found),
        "figures": {"pairs": len(found.pairs), "traces": found.traces,
                    "differences": found.differences, "expired": found.expired},
    }  # fmt: skip


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {"alarm-states": states}
