"""Qt objects in cycles never die on a thread that happens to allocate."""

from __future__ import annotations

import gc
import threading
import weakref

from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from lamplighter.ui.collector import Collector


class Knot(QObject):
    """Refers to itself."""

    def __init__(self) -> None:
        super().__init__()
        self.me = self


def allocate() -> None:
    kept = [[n] for n in range(50_000)]
    assert kept


def test_a_thread_that_allocates_collects_nothing(qtbot: QtBot) -> None:
    gc.collect()
    collector = Collector()
    died_on: list[int] = []
    knot = Knot()
    weakref.finalize(knot, lambda: died_on.append(threading.get_ident()))
    del knot
    worker = threading.Thread(target=allocate)
    worker.start()
    worker.join()
    assert died_on == [], "with automatic collection it would have died on the worker"
    gc.collect()
    collector.stop()
    assert died_on == [threading.get_ident()]


def test_what_is_due_is_collected_by_the_timer(qtbot: QtBot) -> None:
    gc.collect()
    collector = Collector()
    gone: list[bool] = []
    knot = Knot()
    weakref.finalize(knot, lambda: gone.append(True))
    del knot
    allocate()
    kept = [[n] for n in range(gc.get_threshold()[0] + 10)]
    collector.collect()
    collector.stop()
    assert gone == [True] and kept
    assert gc.isenabled()
