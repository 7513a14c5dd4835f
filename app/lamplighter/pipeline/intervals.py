"""The seqs that came, as few intervals: what is missing is what lies between them."""

from __future__ import annotations

from bisect import bisect_right


class Intervals:
    """A set of integers kept as sorted, separate, closed intervals, with a time at each end.

    The times (phenomenon ms, 0 = not known) are those of the first and the last member of each
    interval: they tell between which moments a hole lies.
    """

    __slots__ = ("_first", "_first_ms", "_last", "_last_ms")

    def __init__(self) -> None:
        self._first: list[int] = []
        self._last: list[int] = []
        self._first_ms: list[int] = []
        self._last_ms: list[int] = []

    def __len__(self) -> int:
        return len(self._first)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        return list(zip(self._first, self._last, strict=True))

    @property
    def end(self) -> int:
        """One past the highest member; 0 when empty."""
        return self._last[-1] + 1 if self._last else 0

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._first, number) - 1
        return at >= 0 and number <= self._last[at]

    def add(self, number: int, first_ms: int = 0, last_ms: int = 0) -> bool:
        """False when it was a member already."""
        if self._last and number == self._last[-1] + 1:
            self._last[-1] = number
            self._last_ms[-1] = last_ms
            return True
        if number in self:
            return False
        self.add_range(number, number, first_ms, last_ms)
        return True

    def add_range(self, first: int, last: int, first_ms: int = 0, last_ms: int = 0) -> None:
        """Add first..last, both included; whatever touches grows together."""
        low = bisect_right(self._last, first - 2)
        # the first interval that ends at first - 1 or later
        high = bisect_right(self._first, last + 1)
        if low < high:
            if self._first[low] < first:
                first, first_ms = self._first[low], self._first_ms[low]
            if self._last[high - 1] > last:
                last, last_ms = self._last[high - 1], self._last_ms[high - 1]
        self._first[low:high] = [first]
        self._last[low:high] = [last]
        self._first_ms[low:high] = [first_ms]
        self._last_ms[low:high] = [last_ms]

    def holes(self, start: int, stop: int) -> list[tuple[int, int]]:
        """What is missing in start..stop-1, as closed intervals."""
        found = []
        at = bisect_right(self._last, start - 1)
        while start < stop:
            if at >= len(self._first) or self._first[at] >= stop:
                found.append((start, stop - 1))
                break
            if self._first[at] > start:
                found.append((start, self._first[at] - 1))
            start = self._last[at] + 1
            at += 1
        return found

    def around(self, first: int, last: int) -> tuple[int, int]:
        """Times of the last member before `first` and of the first after `last`; 0 = none."""
        before = bisect_right(self._last, first - 1) - 1
        after = bisect_right(self._first, last)
        return (
            self._last_ms[before] if before >= 0 else 0,
            self._first_ms[after] if after < len(self._first) else 0,
        )
