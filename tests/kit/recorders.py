"""A recorder in the process of the test, started and, whatever happens, stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lamplighter.domain.clock import SystemClock
from lamplighter.runtime.project import create
from lamplighter.runtime.recorder import Recorder


@contextmanager
def running(project: Path) -> Iterator[Recorder]:
    """Records this project, without code of plugins; a project that is not there is made."""
    if not project.exists():
        create(project)
    made = Recorder(project, SystemClock(), plugin_code=False)
    try:
        made.start()
        yield made
    finally:
        made.stop()
