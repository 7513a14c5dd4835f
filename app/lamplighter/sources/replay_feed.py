"""A recording played as if it were live: each row becomes one native message of one source."""

from __future__ import annotations

import json
import random
import threading
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from lamplighter.domain.clock import Clock
from lamplighter.domain.field_message import ANNOUNCEMENTS, OBSERVATIONS, RawMessage, is_plain_name
from lamplighter.domain.observation import MAX_EPOCH
from lamplighter.domain.problems import LamplighterError, Problem, fault, problem
from lamplighter.sources.feed import Counters, Deliver, loose_ticket
from lamplighter.sources.recording import Recording, Row

HEARTBEAT_S: Final = 2.0
_PATIENCE_S: Final = 0.02


class ReplayFeed:
    """`replay:/path.csv?speed=60&source=NAME&times=now|recorded`. See `Feed`.

    `speed`: how many recorded seconds pass in one real second; 0 = as fast as it is taken.
    `times`: `now` (default) moves the recording to the present, `recorded` keeps its own times.
    A replay gives nothing twice: it does not retain, and a restart plays from the beginning as a
    new epoch.
    """

    def __init__(self, url: str, *, feed_id: str, deliver: Deliver, clock: Clock) -> None:
        """Raises U-801, I-504 or I-507 when there is nothing to play."""
        parts = urlsplit(url)
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        file = Path(unquote(parts.path))
        try:
            self._speed = float(options.get("speed", "1"))
        except ValueError:
            self._speed = -1.0
        source = options.get("source", file.name.split(".")[0])
        self._as_recorded = options.get("times", "now") == "recorded"
        if self._speed < 0 or not is_plain_name(source) or parts.scheme != "replay":
            raise fault("U-801", what=f"'{url}' is no recording to replay", name="feed")
        columns = tuple(c for c in options.get("columns", "").split(",") if c)
        self._recording = Recording(file, columns=columns)
        self.url, self.id, self.source = url, feed_id or url, source
        self.counters = Counters()
        self._deliver = deliver
        self._clock = clock
        self._epoch = random.randrange(MAX_EPOCH)
        self._seq = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._problem: Problem | None = None
        self.finished = threading.Event()

    @property
    def state(self) -> str:
        """live while it plays, off before and after."""
        playing = self._thread is not None and not self.finished.is_set()
        return "live" if playing and not self._stop.is_set() else "off"

    @property
    def problem(self) -> Problem | None:
        return self._problem

    def start(self) -> None:
        """Begin to play; returns at once."""
        self._thread = threading.Thread(target=self._play, name=f"feed {self.id}", daemon=True)
        self._thread.start()

    def ack(self, token: int) -> None:
        """A recording needs no acknowledgement."""

    def publish_resend(self, source: str, epoch: int, first: int, last: int) -> bool:
        """A recording gives nothing twice."""
        return False

    def publish(self, topic: str, payload: bytes) -> bool:
        """There is nobody to send to."""
        return False

    def stop(self, deadline_s: float = 2.0) -> bool:
        """Stop playing; False when it did not end in time."""
        self._stop.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(deadline_s)
            return not thread.is_alive()
        return True

    # ---------------------------------------------------------------- the playing thread
    def _play(self) -> None:
        try:
            self._announce()
            self._all_rows()
            self._announce()
            self._announce(offline=True)
        except LamplighterError as error:
            self._problem = error.problem
        except Exception as error:
            self._problem = problem("N-304", name=self.source, what=repr(error)[:120])
        finally:
            self.finished.set()

    def _all_rows(self) -> None:
        begun = said = self._clock.monotonic_ms()
        origin = self._clock.wall_ms()
        first: int | None = None
        for row in self._recording.rows():
            first = row.time_ms if first is None else first
            ahead = max(0, row.time_ms - first) / self._speed if self._speed else 0.0
            while not self._stop.is_set():
                now = self._clock.monotonic_ms()
                if now - said >= HEARTBEAT_S * 1000:
                    said = now
                    self._announce()
                left = begun + ahead - now
                if left <= 0:
                    break
                self._stop.wait(min(left / 1000, 0.5))
            if self._stop.is_set():
                return
            when = row.time_ms
            if not self._as_recorded:
                when = origin + round(ahead) if self._speed else self._clock.wall_ms()
            self._message(row, when)

    def _message(self, row: Row, when: int) -> None:
        points = [[name, when, value] for name, value in row.values]
        body = json.dumps({"epoch": self._epoch, "seq": self._seq, "points": points})
        self._seq += 1
        self._give(OBSERVATIONS + self.source, body)

    def _announce(self, *, offline: bool = False) -> None:
        says: dict[str, object] = {"epoch": self._epoch, "offline": True}
        if not offline:
            says = {
                "epoch": self._epoch,
                "first_seq": 0,
                "next_seq": self._seq,
                "heartbeat_s": HEARTBEAT_S,
                "retains": False,
            }
        self._give(ANNOUNCEMENTS + self.source, json.dumps(says))

    def _give(self, topic: str, body: str) -> None:
        payload = body.encode()
        wall = self._clock.wall_ms()
        raw = RawMessage(topic, payload, wall, loose_ticket(), self.id, self._clock.monotonic_ms())
        while not self._deliver(raw):
            if self._stop.wait(_PATIENCE_S):
                return
        self.counters.messages += 1
        self.counters.bytes += len(payload)
        self.counters.last_message_ms = wall
