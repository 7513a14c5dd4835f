"""Opens a project for recording whatever state its disk is in."""

from __future__ import annotations

import os
from pathlib import Path

from lamplighter.domain.clock import Clock
from lamplighter.domain.problems import LamplighterError
from lamplighter.governance.reserve import RESERVE
from lamplighter.store import Store


def open_store(project: Path, clock: Clock) -> Store:
    """The store, for writing. On a full disk the reserve gives the little room that this takes.

    Raises LamplighterError as `Store.open` does.
    """
    try:
        return Store.open(project, write=True, clock=clock)
    except LamplighterError as error:
        file = project / RESERVE
        if error.problem.code != "A-401" or not file.exists() or not file.stat().st_size:
            raise
        os.truncate(file, file.stat().st_size // 2)
        return Store.open(project, write=True, clock=clock)
