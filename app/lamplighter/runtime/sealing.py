"""The recorder's housekeeping of history: once a minute closed hours are sealed and merged.

A thread of its own, because sealing an hour may take seconds and nobody may wait for it.
"""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import CancelledError
from typing import Final

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lamplighter.domain.clock import Clock
from lamplighter.domain.problems import LamplighterError
from lamplighter.store import Sealer, Store

log = structlog.get_logger(__name__)
EVERY_S: Final = 60.0
FIRST_S: Final = 20.0
"""after the start: opening a city comes first"""
PAUSE_S: Final = 0.02


class Housekeeping:
    """`start`, then `stop`; a round that fails is told in the log and tried again."""

    def __init__(self, store: Store, key: Ed25519PrivateKey, clock: Clock) -> None:
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

    def _run(self) -> None:
        wait_s = FIRST_S
        while not self._stop.wait(wait_s):
            wait_s = EVERY_S
            self.round()
        self._sealer.close()

    def round(self) -> None:
        """Seal and merge what is due."""
        try:
            report = self._sealer.seal()
            self._sealer.merge()
        except CancelledError:
            return  # the recorder ends; the next one goes on from here
        except (OSError, ValueError, TimeoutError, sqlite3.Error, LamplighterError) as error:
            if str(error) != self._told:
                self._told = str(error)
                log.warning("history was not sealed", why=str(error))
            return
        self._told = ""
        if report.sealed or report.merged:
            log.info(
                "history sealed",
                sealed=report.sealed,
                merged=report.merged,
                points=report.points,
                bytes=report.bytes,
            )
            report.sealed.clear()
            report.merged.clear()
            report.points = report.bytes = 0
