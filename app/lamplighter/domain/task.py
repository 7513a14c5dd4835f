"""Long work with progress and cancel, wherever it runs."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from msgspec import Struct


class TaskState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Task(Struct, frozen=True):
    """One row of the task drawer."""

    id: int
    name: str
    state: TaskState
    done: int = 0
    total: int = 0
    """0 = length not known"""
    text: str = ""
    started_ms: int = 0
    ended_ms: int = 0
    problem: str = ""
    log: tuple[str, ...] = ()


class Progress(Protocol):
    """How a task tells where it stands; may be called as often as one likes."""

    def __call__(self, done: int, total: int = 0, text: str = "") -> None:
        """`total` 0 = length not known; `text` is one line for the task drawer."""
        ...


def silent(done: int, total: int = 0, text: str = "") -> None:
    """A `Progress` that tells nobody."""
