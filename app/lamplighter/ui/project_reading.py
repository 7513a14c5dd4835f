"""Reading all projects beside the window, one by one: one on a slow disk holds up nobody."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from lamplighter.domain.portfolio import Portfolio, ProjectCard


class ProjectReading:
    """Asks the portfolio on a thread of its own; answers reach the page through `deliver`."""

    def __init__(self, source: Portfolio, deliver: Callable[[Callable[[], None]], None]) -> None:
        self._source, self._deliver = source, deliver
        self._work: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="portfolio", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._work.put(None)
        self._thread.join(1.0)

    def cards(self, done: Callable[[list[str]], None], each: Callable[[ProjectCard], None]) -> None:
        """First the paths, then the cards one by one, then missing pictures."""
        self._work.put(lambda: self._cards(done, each))

    def call(self, work: Callable[[], str], done: Callable[[str], None]) -> None:
        """Something that answers with a problem line."""

        def run() -> None:
            line = work()
            self._deliver(lambda: done(line))

        self._work.put(run)

    def _cards(
        self, done: Callable[[list[str]], None], each: Callable[[ProjectCard], None]
    ) -> None:
        paths = self._source.paths()
        self._deliver(lambda: done(paths))
        cards = []
        for path in paths:
            if self._stopped.is_set():
                return
            card = self._source.card(path)
            cards.append(card)
            self._deliver(lambda card=card: each(card))  # type: ignore[misc]
        wanting = [c for c in cards if c.assets and (c.thumbnail_old or not c.thumbnail)]
        for card in wanting:
            if self._stopped.is_set() or not self._work.empty():
                return  # somebody wants something else first; the next round makes pictures
            made = self._source.picture(card)
            self._deliver(lambda made=made: each(made))  # type: ignore[misc]

    def _run(self) -> None:
        while not self._stopped.is_set():
            work = self._work.get()
            if work is not None:
                work()
