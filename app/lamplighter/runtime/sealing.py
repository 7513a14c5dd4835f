"""The recorder's housekeeping of history: once a minute closed hours are sealed and merged, what
is too old by the project's rule is taken away, and the days the disk lasts are counted.

A thread of its own, because sealing an hour may take seconds and nobody may wait for it.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Final

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lamplighter.domain.clock import Clock
from lamplighter.domain.problems import LamplighterError
from lamplighter.domain.retention import BYTES_PER_POINT
from lamplighter.runtime.heap import give_back
from lamplighter.store import DiskUse, Sealer, Store, expire, rebuild
from lamplighter.store.connections import open_reading

log = structlog.get_logger(__name__)
EVERY_S: Final = 60.0
FIRST_S: Final = 20.0
"""after the start: opening a city comes first"""
PAUSE_S: Final = 0.02


class Housekeeping:
    """`start`, then `stop`; a round that fails is told in the log and tried again."""

    def __init__(
        self,
        store: Store,
        key: Ed25519PrivateKey,
        clock: Clock,
        *,
        releasable: Callable[[], int | None] = lambda: None,
    ) -> None:
        """`releasable`: the last batch nobody else waits for; None when nobody ever does."""
        self._releasable = releasable
        self._clock = clock
        self._use: DiskUse | None = None
        self._rate = 0.0
        self._store = store
        self._sealer = Sealer(store.folder, store.writer, clock, sign=key.sign, pause_s=PAUSE_S)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sealer", daemon=True)
        self._told = ""

    def start(self) -> None:
        self._thread.start()

    def stop(self, deadline_s: float) -> bool:
        """End after the present slice. True when that was in time."""
        self._stop.set()
        self._sealer.stopping = True
        if self._thread.ident is None:
            self._sealer.close()
        elif self._thread.is_alive():
            self._thread.join(deadline_s)
        return not self._thread.is_alive()

    def days_left(self, free_bytes: float, points_per_s: float) -> float | None:
        """Days until the disk is full, as counted last; None when that is not in sight."""
        self._rate = points_per_s
        if self._use is not None:
            return self._use.days_left
        if points_per_s <= 0:
            return None
        return free_bytes / (points_per_s * BYTES_PER_POINT * 86_400)

    def _count(self) -> None:
        free = shutil.disk_usage(self._store.folder).free
        self._use = self._store.disk_use(self._clock.wall_ms(), self._rate, free)

    def _run(self) -> None:
        wait_s = FIRST_S
        while not self._stop.wait(wait_s):
            wait_s = EVERY_S
            self.round()
        self._sealer.close()

    def round(self) -> None:
        """Seal and merge what is due."""
        try:
            rebuild(self._sealer)
            report = self._sealer.seal()
            self._sealer.merge()
            self._expire()
            self._count()
        except CancelledError:
            return  # the recorder ends; the next one goes on from here
        except (OSError, ValueError, TimeoutError, sqlite3.Error, LamplighterError) as error:
            if str(error) != self._told:
                self._told = str(error)
                log.warning("history was not sealed", why=str(error))
            return
        except Exception:  # a damaged segment, say: the next round goes on with the others
            log.exception("history was not sealed")
            return
        self._told = ""
        if report.sealed or report.merged or report.expired:
            log.info(
                "history sealed",
                sealed=report.sealed,
                merged=report.merged,
                expired=report.expired,
                points=report.points,
                bytes=report.bytes,
            )
            report.sealed.clear()
            report.merged.clear()
            report.expired.clear()
            report.points = report.bytes = 0
            give_back()

    def _expire(self) -> None:
        policy = self._store.retention()
        if policy.raw_days:
            city = open_reading(self._store.folder / "city.db")
            with contextlib.closing(city):
                expire(self._sealer, city, policy, self._releasable())
