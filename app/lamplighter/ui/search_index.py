"""Fuzzy finding over everything that has a name, quick at a hundred thousand entries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to go to or to do. `locked` gives the reason why it cannot be done now."""

    name: str
    kind: str
    run: Callable[[], object]
    hint: str = ""
    locked: str = ""
    words: str = ""


class SearchIndex:
    """Trigram postings narrow the candidates; only they are scored in Python."""

    CANDIDATES = 400

    def __init__(self, entries: Sequence[Entry] = ()) -> None:
        self.entries = list(entries)
        self._texts = [f"{e.name} {e.words} {e.kind}".casefold() for e in self.entries]
        postings: dict[str, list[int]] = defaultdict(list)
        for number, text in enumerate(self._texts):
            for gram in _grams(text):
                postings[gram].append(number)
        self._postings = {g: np.array(p, np.int32) for g, p in postings.items()}

    def find(self, query: str, limit: int = 10) -> list[Entry]:
        """The best matches, best first; empty when nothing is alike."""
        text = query.casefold().strip()
        if not text:
            return []
        scored = [(self._score(n, text), n) for n in self._candidates(text)]
        good = sorted(
            (s for s in scored if s[0] > 0), key=lambda s: (-s[0], self.entries[s[1]].name)
        )
        return [self.entries[n] for _, n in good[:limit]]

    def nearest(self, query: str) -> Entry | None:
        """The most alike entry even when nothing matches."""
        found = self._candidates(query.casefold().strip())
        return self.entries[int(found[0])] if len(found) else None

    def _candidates(self, text: str) -> np.ndarray:
        votes = np.zeros(len(self.entries), np.int16)
        for gram in _grams(text):
            hits = self._postings.get(gram)
            if hits is not None:
                votes[hits] += 1
        best = int(votes.max(initial=0))
        if best == 0:
            return np.zeros(0, np.intp)
        if len(votes) <= self.CANDIDATES:
            order = np.argsort(-votes, kind="stable")
            return order[votes[order] > 0]
        top = np.argpartition(-votes, self.CANDIDATES)[: self.CANDIDATES]
        top = top[votes[top] > 0]
        return top[np.argsort(-votes[top], kind="stable")]

    def _score(self, number: int, query: str) -> float:
        text, name = self._texts[number], self.entries[number].name.casefold()
        words = query.split()
        flat = name.replace("-", " ")
        if name == query or flat == query:
            return 100.0
        if name.startswith(query) or flat.startswith(query):
            return 80.0 - len(name) / 100
        if all(_begins(text, w) for w in words):
            return 60.0 - len(name) / 100
        if all(w in text for w in words):
            return 40.0 - len(name) / 100
        if _subsequence(query.replace(" ", ""), text):
            return 10.0 - len(name) / 100
        return 0.0


def _grams(text: str) -> set[str]:
    found: set[str] = set()
    for word in text.replace("-", " ").split():
        padded = f" {word}"
        if len(padded) < 3:
            found.add(padded)
        found.add(padded[:2])
        found.update(padded[i : i + 3] for i in range(len(padded) - 2))
    return found


def _begins(text: str, word: str) -> bool:
    return text.startswith(word) or f" {word}" in text or f"-{word}" in text


def _subsequence(query: str, text: str) -> bool:
    letters = iter(text)
    return all(c in letters for c in query)
