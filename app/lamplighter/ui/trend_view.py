"""Which stretch of time the trends show: following the clock, or held, with the way back."""

from __future__ import annotations

from typing import Final

LEAST_MS: Final = 2_000
MOST_MS: Final = 40 * 366 * 86_400_000
KEPT: Final = 50
Span = tuple[int, int]


class TrendView:
    """A window that follows `now`, or one that stands still; zooms are kept and can be undone."""

    def __init__(self, span_s: int) -> None:
        self.span_s = span_s
        self.held: Span | None = None
        self._back: list[Span | None] = []
        self._ahead: list[Span | None] = []

    def window(self, now_ms: int) -> Span:
        """From and to, UTC ms."""
        if self.held is not None:
            return self.held
        return now_ms - self.span_s * 1000, now_ms

    @property
    def following(self) -> bool:
        return self.held is None

    @property
    def can_back(self) -> bool:
        return bool(self._back)

    @property
    def can_ahead(self) -> bool:
        return bool(self._ahead)

    def look(self, first_ms: int, last_ms: int) -> None:
        """Hold this stretch; the one before it can be had back."""
        wide = min(max(last_ms - first_ms, LEAST_MS), MOST_MS)
        middle = (first_ms + last_ms) // 2
        if last_ms - first_ms != wide:
            first_ms = middle - wide // 2
        self._put((first_ms, first_ms + wide))

    def hold(self, now_ms: int) -> None:
        """Pause: what is shown stays."""
        if self.held is None:
            self._put(self.window(now_ms))

    def follow(self) -> None:
        """Back to the moving window."""
        if self.held is not None:
            self._put(None)

    def set_span(self, span_s: int) -> None:
        """Another length of the moving window, which is shown again."""
        self.span_s = span_s
        self.follow()

    def zoom(self, factor: float, about_ms: int, now_ms: int) -> None:
        """So many times as long a stretch; the time under the pointer stays where it is."""
        first, last = self.window(now_ms)
        wide = min(max((last - first) * factor, LEAST_MS), MOST_MS)
        share = (about_ms - first) / max(last - first, 1)
        begin = round(about_ms - share * wide)
        self._replace((begin, begin + round(wide)))

    def pan(self, by_ms: int, now_ms: int) -> None:
        """Earlier or later."""
        first, last = self.window(now_ms)
        self._replace((first + by_ms, last + by_ms))

    def back(self) -> bool:
        """What was shown before; False when there is nothing."""
        if not self._back:
            return False
        self._ahead.append(self.held)
        self.held = self._back.pop()
        return True

    def ahead(self) -> bool:
        """What was shown after; False when there is nothing."""
        if not self._ahead:
            return False
        self._back.append(self.held)
        self.held = self._ahead.pop()
        return True

    def _put(self, span: Span | None) -> None:
        if span == self.held:
            return
        self._back = [*self._back, self.held][-KEPT:]
        self._ahead.clear()
        self.held = span

    def _replace(self, span: Span) -> None:
        """A turn of the wheel or a key: the steps of one move are one step back."""
        if self.held is None:
            self._put(span)
        else:
            self.held = span
            self._ahead.clear()
