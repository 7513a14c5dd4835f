"""Finds values that come again in the very order in which they came before: a replay.

Works on every point as it is stored, for all datastreams at once. Only values that change each
time count, so a sensor at rest repeats nothing; a datastream that repeats itself by nature, such as
a computed one, is left alone.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

WORD: Final = 6
"""values that make one word of the comparison"""
ENOUGH: Final = 20
"""values in a row that must come again"""
KNOWN: Final = 200
"""words without a repeat before a repeat means anything"""
BITS: Final = 21
"""two to the power of this many words are remembered, of all datastreams together; where two
fall into one place the older is forgotten"""
COST_ALONE: Final = 60.0
COST_EACH: Final = 1.0
COST_STEP: Final = 40.0
"""what a datastream by itself costs, each of its values, and one step of all others together; only
their ratio counts"""
_MIX: Final = np.array(
    [0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93,
     0xA0761D6478BD642F, 0xE7037ED1A0B428DB], np.uint64,
)  # fmt: skip


class RepeatWatch:
    """Columns are datastream ids. `take` may be called from one thread only."""

    def __init__(self) -> None:
        self._bits = np.zeros((WORD, 0), np.uint64)
        self._changes = np.zeros(0, np.int32)
        self._run = np.zeros(0, np.int32)
        self._fresh = np.zeros(0, np.int32)
        self._words = np.zeros(1 << BITS, np.uint64)
        self._late = np.zeros((WORD, 0), np.uint64)

    def take(
        self, datastream: npt.NDArray[np.int32], value: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.int64]:
        """Ids of datastreams of which at least `ENOUGH` values in a row came again just now."""
        if not datastream.size:
            return np.zeros(0, np.int64)
        self._grow(int(datastream.max()) + 1)
        order = np.argsort(datastream, kind="stable")
        ids, values = datastream[order].astype(np.int64), value[order]
        first = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]])
        counts = np.diff(np.r_[first, ids.size])
        found: list[npt.NDArray[np.int64]] = []
        alone = _alone(counts)
        for row in alone.tolist():
            begin, end = int(first[row]), int(first[row] + counts[row])
            if self._in_a_row(int(ids[begin]), values[begin:end]):
                found.append(ids[begin : begin + 1])
        rank = np.arange(ids.size) - np.repeat(first, counts)
        if alone.size:
            together = np.ones(counts.size, np.bool_)
            together[alone] = False
            rest = np.repeat(together, counts)
            ids, values, rank = ids[rest], values[rest], rank[rest]
        ends = np.cumsum(np.bincount(rank))
        steps = np.split(np.argsort(rank, kind="stable"), ends[:-1]) if rank.size else []
        found += [self._once(ids[mine], values[mine]) for mine in steps]
        return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)

    def _in_a_row(self, number: int, value: npt.NDArray[np.float64]) -> bool:
        """Many values of one datastream; whether enough of them came again."""
        bits = np.r_[self._bits[::-1, number], np.ascontiguousarray(value).view(np.uint64)]
        still = np.flatnonzero(bits[WORD:] == bits[WORD - 1 : -1])
        steps = np.arange(1, value.size + 1)
        since = np.zeros(value.size, np.int64)
        since[still] = steps[still]
        since = np.maximum.accumulate(since)
        changes = steps - since + np.where(since == 0, self._changes[number], 0)
        self._bits[:, number] = bits[: -WORD - 1 : -1]
        self._changes[number] = min(int(changes[-1]), 1 << 30)
        words = np.zeros(value.size, np.uint64)
        for back in range(WORD):
            words += bits[WORD - back : bits.size - back] * _MIX[back]
        mine = np.uint64(number * int(_MIX[0]) & 0xFFFF_FFFF_FFFF_FFFF)
        words = (words ^ mine) * _MIX[1] | np.uint64(1)
        told, run, fresh = False, int(self._run[number]), int(self._fresh[number])
        late, at = self._late[::-1, number].tolist(), 0
        table, shift = self._words.data, 64 - BITS
        for word, whole in zip(words.tolist(), (changes >= WORD).tolist(), strict=True):
            if not whole:
                run = 0
                continue
            if table[word >> shift] == word:
                run += 1
            else:
                run, fresh = 0, min(fresh + 1, KNOWN)
            old, late[at] = late[at], word
            table[old >> shift] = old
            at = (at + 1) % WORD
            told |= run + WORD - 1 >= ENOUGH and fresh >= KNOWN
        self._run[number], self._fresh[number] = run, fresh
        self._late[:, number] = (late[at:] + late[:at])[::-1]
        return told

    def _once(
        self, ids: npt.NDArray[np.int64], value: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.int64]:
        bits = np.ascontiguousarray(value).view(np.uint64)
        moved = bits != self._bits[0, ids]
        self._bits[1:, ids] = self._bits[:-1, ids]
        self._bits[0, ids] = bits
        self._changes[ids] = np.where(moved, self._changes[ids] + 1, 0)
        whole = self._changes[ids] >= WORD
        self._run[ids[~whole]] = 0
        ids = ids[whole]
        if not ids.size:
            return np.zeros(0, np.int64)
        word = (self._bits[:, ids] * _MIX[:, None]).sum(axis=0, dtype=np.uint64)
        word = (word ^ (ids.astype(np.uint64) * _MIX[0])) * _MIX[1] | np.uint64(1)
        again = self._words[word >> np.uint64(64 - BITS)] == word
        self._run[ids] = np.where(again, self._run[ids] + 1, 0)
        self._fresh[ids] = np.minimum(self._fresh[ids] + ~again, KNOWN)
        # a word is remembered only when it no longer shares values with what is compared
        old = self._late[-1, ids]
        self._words[old >> np.uint64(64 - BITS)] = old
        self._late[1:, ids] = self._late[:-1, ids]
        self._late[0, ids] = word
        told = (self._run[ids] + WORD - 1 >= ENOUGH) & (self._fresh[ids] >= KNOWN)
        return ids[told]

    def _grow(self, count: int) -> None:
        have = self._run.size
        if count <= have:
            return
        more = max(count - have, have // 2)
        self._bits = np.pad(self._bits, ((0, 0), (0, more)))
        self._late = np.pad(self._late, ((0, 0), (0, more)))
        for name in ("_changes", "_run", "_fresh"):
            setattr(self, name, np.pad(getattr(self, name), (0, more)))


def _alone(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """Which datastreams of a batch are better looked at one by one, being few with many values."""
    order = np.argsort(-counts, kind="stable")
    most = counts[order]
    each = COST_ALONE * np.arange(most.size + 1) + COST_EACH * np.r_[0, np.cumsum(most)]
    return order[: int(np.argmin(each + COST_STEP * np.r_[most, 0]))]
