"""A feed's problem is told once when it lasts, and its end too."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from lamplighter.domain.problems import Problem, problem
from lamplighter.runtime.feed_notices import LASTS_MS, FeedNotices


class Window:
    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.notices = FeedNotices(
            lambda p: self.said.append(("told", p.code)),
            lambda p: self.said.append(("over", p.code)),
        )

    def look(self, now: int, found: Problem | None, feed: str = "feed-1") -> list[tuple[str, str]]:
        one: Any = SimpleNamespace(id=feed, problem=found)
        self.said.clear()
        self.notices.look([one] if feed else [], now)
        return list(self.said)


GONE = problem("N-304", name="h", what="gone")
REFUSED = problem("N-312", name="h", what="no")


def test_what_is_over_in_a_moment_is_no_news() -> None:
    window = Window()
    assert window.look(0, GONE) == []
    assert window.look(LASTS_MS - 1, GONE) == []
    assert window.look(LASTS_MS, None) == []
    assert window.look(LASTS_MS + 1, GONE) == [], "it counts from the beginning again"


def test_what_lasts_is_told_once_and_its_end_too() -> None:
    window = Window()
    window.look(0, GONE)
    assert window.look(LASTS_MS, GONE) == [("told", "N-304")]
    other_words = problem("N-304", name="h", what="still gone")
    assert window.look(LASTS_MS + 1, other_words) == []
    assert window.look(LASTS_MS + 2, REFUSED) == [("over", "N-304")]
    assert window.look(2 * LASTS_MS + 2, REFUSED) == [("told", "N-312")]
    assert window.look(2 * LASTS_MS + 3, None) == [("over", "N-312")]


def test_a_feed_that_is_removed_takes_its_problem_along() -> None:
    window = Window()
    window.look(0, GONE)
    window.look(LASTS_MS, GONE)
    assert window.look(LASTS_MS + 1, None, feed="") == [("over", "N-304")]
