"""Rules compiled to arrays: a few numpy expressions judge all of them.

A plain rule is one comparison. A combined rule is put together from comparisons and from other
rules; it is judged after those (levels), so that a whole step sees one state. `judge` is the one
engine of live and past: whoever walks through history calls it with the values of each moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from lamplighter.alarms.conditions import Bools, Comparison, Comparisons, Longs
from lamplighter.domain.alarm import AlarmRule, Condition, Term
from lamplighter.domain.newest_block import NewestValues

Rows = npt.NDArray[np.intp]
_NONE: Final = np.empty(0, np.intp)
_MEMORY: Final = ("condition", "active", "pending_ms", "pending_time_ms")


class _Combined(NamedTuple):
    """The combined rules of one level; parts index into comparisons, rules, and one `false`."""

    rows: Rows
    part: Rows
    negate: Bools
    start: Rows
    every: Bools


class CompiledRules:
    """Columns by rule index, and the memory that judging needs (hysteresis, delays, counts).

    Raises ValueError when rules refer to each other in a circle.
    """

    def __init__(self, rules: Sequence[AlarmRule]) -> None:
        count = len(rules)
        self.rules = tuple(rules)
        self._row_of = {(r.id, r.asset): i for i, r in enumerate(rules)}
        items, self._terms = _comparisons(rules)
        self.comparisons = Comparisons(items)
        self.stream = self.comparisons.stream[:count]
        self.threshold = self.comparisons.threshold[:count]
        self.deadband = self.comparisons.deadband[:count]
        self.on_delay = np.fromiter((r.on_delay_ms for r in rules), np.int64, count)
        self.off_delay = np.fromiter((r.off_delay_ms for r in rules), np.int64, count)
        self.condition = np.zeros(count, np.bool_)
        """the condition with hysteresis, before delays"""
        self.active = np.zeros(count, np.bool_)
        """the condition after delays: what the alarm's life sees"""
        self.pending_ms = np.zeros(count, np.int64)
        """since when condition and active differ (the engine's time); 0 = they agree"""
        self.pending_time_ms = np.zeros(count, np.int64)
        """phenomenon time of the value that made them differ"""
        level = self._levels()
        last = int(level.max(initial=0))
        self._on_level = [level == n for n in range(last + 1)]
        self._combined = [self._put_together(level, n) for n in range(last + 1)]
        self._quieted = [self._pairs(level, n) for n in range(last + 1)]
        self._counted = np.array([i for i, r in enumerate(rules) if r.count > 1], np.intp)
        most = max((rules[i].count for i in self._counted), default=1)
        self._onset = np.full((self._counted.size, most), -(2**62), np.int64)
        self._need = np.array([rules[i].count for i in self._counted], np.int64)
        self._span = np.array([rules[i].count_window_ms for i in self._counted], np.int64)
        self._began = np.zeros(self._counted.size, np.bool_)
        self._refill = np.zeros(self._counted.size, np.bool_)

    def __len__(self) -> int:
        return len(self.rules)

    # ------------------------------------------------------------ building
    def _levels(self) -> npt.NDArray[np.int64]:
        """0 for rules that stand on values alone, else one more than the rules they look at or
        are quiet for.
        """
        found: dict[int, int] = {}

        def level(row: int, above: tuple[int, ...]) -> int:
            if row in above:
                names = " -> ".join(self.rules[i].id for i in (*above, row))
                raise ValueError(f"rules refer to each other in a circle: {names}")
            if row not in found:
                rule, path = self.rules[row], (*above, row)
                below = [level(i, path) + 1 for t in rule.terms if (i := self._named(rule, t)) >= 0]
                louder = self._row_of.get((rule.unless, rule.asset), -1)
                below += [level(louder, path) + 1] if louder >= 0 else []
                found[row] = max(below, default=0)
            return found[row]

        return np.array([level(i, ()) for i in range(len(self))], np.int64)

    def _named(self, rule: AlarmRule, term: Term) -> int:
        return self._row_of.get((term.rule, term.asset or rule.asset), -1) if term.rule else -1

    def _put_together(self, level: npt.NDArray[np.int64], n: int) -> _Combined:
        """Part indices: a comparison as it is, rule r as `comparisons + r`, last: never true."""
        rows: list[int] = []
        parts: list[int] = []
        negate: list[bool] = []
        start: list[int] = []
        every: list[bool] = []
        leaves = len(self.comparisons)
        for row in np.flatnonzero(level == n).tolist():
            rule = self.rules[row]
            if not rule.terms:
                continue
            rows.append(row)
            start.append(len(parts))
            every.append(rule.combine != "any")
            if rule.condition is not Condition.COMBINED:
                parts.append(row)
                negate.append(False)
            for place, term in enumerate(rule.terms):
                other = self._named(rule, term)
                missing = leaves + len(self)
                part = self._terms[row] + place if not term.rule else leaves + other
                parts.append(missing if term.rule and other < 0 else part)
                negate.append(term.negate and not (term.rule and other < 0))
        return _Combined(
            np.array(rows, np.intp),
            np.array(parts, np.intp),
            np.array(negate, np.bool_),
            np.array(start, np.intp),
            np.array(every, np.bool_),
        )

    def _pairs(self, level: npt.NDArray[np.int64], n: int) -> tuple[Rows, Rows]:
        pairs = [
            (row, other)
            for row in np.flatnonzero(level == n).tolist()
            if (other := self._row_of.get((self.rules[row].unless, self.rules[row].asset), -1)) >= 0
            and self.rules[row].unless
        ]
        return np.array([a for a, _ in pairs], np.intp), np.array([b for _, b in pairs], np.intp)

    # ------------------------------------------------------------ judging
    def judge(
        self, now_ms: int, newest: NewestValues, stale: Bools, silent: Bools | None = None
    ) -> Rows:
        """Rules whose alarm turns on or off now; `active` already says which.

        A stale, bad, missing, hand-set or maintained value decides nothing: the rule keeps what it
        had. `silent` (by datastream): of a source that is silent as a whole.
        """
        if not len(self):
            return _NONE
        holds = self.comparisons.judge(newest, stale, silent)
        now_holds = holds[: len(self)].copy()
        loud = np.zeros(len(self), np.bool_)
        """rules that hold and whose alarm stands, or whose louder one does"""
        due = []
        for here, combined, (quiet, louder) in zip(
            self._on_level, self._combined, self._quieted, strict=True
        ):
            if combined.rows.size:
                now_holds[combined.rows] = self._together(combined, holds)
            if self._counted.size:
                self._count(now_ms, now_holds, here)
            # not before the louder alarm stands: until then this one is all that is said
            covered = now_holds[quiet] & loud[louder]
            now_holds[quiet[covered]] = False
            self.condition = np.where(here, now_holds, self.condition)
            due.append(self._after_delays(now_ms, here))
            if len(self._on_level) > 1:
                loud |= here & now_holds & self.active
                loud[quiet[covered]] = True
        return due[0] if len(due) == 1 else np.sort(np.concatenate(due))

    def _together(self, combined: _Combined, holds: Bools) -> Bools:
        """Three-valued: what an unknown part could still change stays as it was."""
        false, true = np.zeros(1, np.bool_), np.ones(1, np.bool_)
        value = np.concatenate((holds, self.active, false))[combined.part] ^ combined.negate
        every_rule = np.ones(len(self), np.bool_)
        known = np.concatenate((self.comparisons.known, every_rule, true))[combined.part]
        yes, no = value & known, ~value & known
        all_yes = np.logical_and.reduceat(yes, combined.start)
        all_no = np.logical_and.reduceat(no, combined.start)
        any_yes = np.logical_or.reduceat(yes, combined.start)
        any_no = np.logical_or.reduceat(no, combined.start)
        surely = np.where(combined.every, all_yes, any_yes)
        surely_not = np.where(combined.every, any_no, all_no)
        before = self.condition[combined.rows]
        return np.where(surely, True, np.where(surely_not, False, before))

    def _count(self, now_ms: int, holds: Bools, here: Bools) -> None:
        """Rules that need several onsets hold while the window has them, or go on holding."""
        mine = np.flatnonzero(here[self._counted])
        rows = self._counted[mine]
        self._onset[mine[self._refill[mine]]] = now_ms
        self._refill[mine] = False
        begins = mine[holds[rows] & ~self._began[mine]]
        self._began[mine] = holds[rows]
        self._onset[begins] = np.roll(self._onset[begins], -1, axis=1)
        self._onset[begins, -1] = now_ms
        oldest = self._onset[mine, self._onset.shape[1] - self._need[mine]]
        enough = (oldest > -(2**61)) & (now_ms - oldest <= self._span[mine])
        holds[rows] = enough | (holds[rows] & self.condition[rows])

    def _after_delays(self, now_ms: int, here: Bools) -> Rows:
        differs = (self.condition != self.active) & here
        self.pending_ms[~differs & here] = 0
        waiting = np.flatnonzero(differs)
        if not waiting.size:
            return waiting
        pending = self.pending_ms[waiting]
        begins = (pending == 0) | (pending > now_ms)  # also when the clock was set back
        first = waiting[begins]
        self.pending_ms[first] = now_ms
        time: Longs = self.comparisons.time[first]
        dated = self.comparisons.by_value[first] & (time > 0)
        self.pending_time_ms[first] = np.where(dated, time, now_ms)
        delay = np.where(self.condition, self.on_delay, self.off_delay)[waiting]
        due = waiting[now_ms - self.pending_ms[waiting] >= delay]
        self.active[due] = self.condition[due]
        self.pending_ms[due] = 0
        return due

    # ------------------------------------------------------------ memory
    def tell(self, row: int, holds: bool) -> None:
        """What the program itself says of a TOLD rule; judged at the next step."""
        self.comparisons.told[row] = 1 if holds else -1

    def restore(self, row: int, active: bool) -> None:
        """This alarm stood (or not) before a restart: it stands until a live value says else."""
        self.active[row] = self.condition[row] = self.comparisons.holds[row] = active
        counted = np.flatnonzero(self._counted == row)
        self._refill[counted] = active

    def take_over(self, other: CompiledRules) -> None:
        """Keep what `other` remembers of rules that look at the same."""
        for row, rule in enumerate(self.rules):
            old = other._row_of.get((rule.id, rule.asset))
            if old is None or not _same(rule, other.rules[old]):
                continue
            for name in _MEMORY:
                getattr(self, name)[row] = getattr(other, name)[old]
            self.comparisons.take_over(row, other.comparisons, old)
            if rule.terms == other.rules[old].terms:
                for place in range(len(rule.terms)):
                    self.comparisons.take_over(
                        self._terms[row] + place, other.comparisons, other._terms[old] + place
                    )
            self._take_counts(row, other, old)

    def _take_counts(self, row: int, other: CompiledRules, old: int) -> None:
        mine, theirs = np.flatnonzero(self._counted == row), np.flatnonzero(other._counted == old)
        if not (mine.size and theirs.size):
            return
        width = min(self._onset.shape[1], other._onset.shape[1])
        self._onset[mine, -width:] = other._onset[theirs, -width:]
        self._began[mine], self._refill[mine] = other._began[theirs], other._refill[theirs]


def _comparisons(rules: Sequence[AlarmRule]) -> tuple[list[Comparison], list[int]]:
    """Each rule's own comparison at its index, then those of the terms; where terms begin."""
    items = [
        Comparison(r.datastream, r.condition, r.threshold, r.deadband, r.rate_window_ms)
        for r in rules
    ]
    begins = []
    for rule in rules:
        begins.append(len(items))
        items += [
            Comparison(t.datastream, t.condition, t.threshold, t.deadband) for t in rule.terms
        ]
    return items, begins


def _same(rule: AlarmRule, other: AlarmRule) -> bool:
    return rule.datastream == other.datastream and rule.condition is other.condition
