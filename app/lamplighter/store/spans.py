"""Which message keys are already stored, as intervals per (source, epoch).

The writer looks here before it looks at any row, and the intervals outlive the rows.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

Span = tuple[int, int]
"""first and last seq, both included"""


class KeySpans:
    """Sorted, disjoint, never touching intervals for every (source, epoch)."""

    def __init__(self, rows: Iterable[tuple[int, int, int, int]] = ()) -> None:
        """`rows`: (source, epoch, first, last) in any order."""
        self._spans: dict[tuple[int, int], list[Span]] = {}
        for source, epoch, first, last in rows:
            self._spans.setdefault((source, epoch), []).append((first, last))
        for spans in self._spans.values():
            spans.sort()

    def holds(self, source: int, epoch: int, seq: int) -> bool:
        spans = self._spans.get((source, epoch))
        if not spans:
            return False
        at = bisect_right(spans, (seq, 1 << 62)) - 1
        return at >= 0 and spans[at][1] >= seq

    def is_free(self, key: tuple[int, int], first: int, last: int) -> bool:
        """Whether none of first..last, both included, is held."""
        spans = self._spans.get(key)
        if not spans:
            return True
        at = bisect_right(spans, (last, 1 << 62)) - 1
        return at < 0 or spans[at][1] < first

    def of(self, key: tuple[int, int]) -> list[Span]:
        return self._spans.get(key, [])

    def replace(self, key: tuple[int, int], spans: list[Span]) -> None:
        self._spans[key] = spans

    def state(self) -> dict[tuple[int, int], tuple[Span, ...]]:
        return {key: tuple(spans) for key, spans in self._spans.items()}


def with_seqs(spans: list[Span], seqs: Iterable[int]) -> list[Span]:
    """`spans` with further numbers; the given list is left as it is.

    Live data appends to the last interval; only late data pays for a merge.
    """
    found = list(spans)
    late: list[Span] = []
    for seq in sorted(seqs):
        if not found or seq > found[-1][1] + 1:
            found.append((seq, seq))
        elif seq == found[-1][1] + 1:
            found[-1] = (found[-1][0], seq)
        elif seq < found[-1][0]:
            late.append((seq, seq))
    return _merged(found + late) if late else found


def _merged(spans: list[Span]) -> list[Span]:
    spans.sort()
    found = [spans[0]]
    for first, last in spans[1:]:
        if first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found
