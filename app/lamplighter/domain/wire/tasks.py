"""Work that takes a while: how far it is, and ending it early."""

from __future__ import annotations

from lamplighter.domain.task import Task
from lamplighter.domain.wire.message import Message


class TaskStarted(Message, frozen=True):
    task: int


class CancelTask(Message, frozen=True):
    task: int


class GetTasks(Message, frozen=True):
    pass


class Tasks(Message, frozen=True):
    items: tuple[Task, ...]


class TaskChanged(Message, frozen=True):
    task: Task


Request = CancelTask | GetTasks
Reply = TaskStarted | Tasks
Event = TaskChanged
