"""Long work with progress and cancel, wherever it runs."""

from __future__ import annotations

from enum import StrEnum

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
