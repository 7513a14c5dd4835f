"""Answers about backups."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from lamplighter.domain import wire
from lamplighter.domain.problems import LamplighterError, problem
from lamplighter.domain.task import TaskState
from lamplighter.governance.roles import Permission
from lamplighter.runtime.answering import Answering, Table
from lamplighter.runtime.backups import TAKE, backup

if TYPE_CHECKING:
    from lamplighter.runtime.jobs import OwnTask

log = structlog.get_logger(__name__)


class SafetyAnswers(Answering):
    def table(self) -> Table:
        return {wire.TakeBackup: self._backup}

    def _backup(self, ask: wire.TakeBackup) -> wire.Reply:
        self._need(Permission.BACKUP, ask.file)
        self._audit(TAKE, ask.file, result="encrypted" if ask.passphrase else "not encrypted")
        task = self._recorder.jobs.own(f"Backup to {Path(ask.file).name}")
        self._recorder.jobs.thread("backup", lambda: self._take(task, ask))
        return wire.TaskStarted(task.number)

    def _take(self, task: OwnTask, ask: wire.TakeBackup) -> None:
        store = self._recorder.store
        result: dict[str, Any] = {}
        state, found = TaskState.DONE, None
        try:
            result = backup(store, Path(ask.file), ask.passphrase, task.step)
        except LamplighterError as error:
            state = TaskState.CANCELLED if task.cancelled else TaskState.FAILED
            found = error.problem
        except Exception as error:
            log.exception("backup failed")
            state = TaskState.FAILED
            found = problem("A-408", name=Path(ask.file).name, what=str(error))
        task.end(state, str(found) if found and state is TaskState.FAILED else "")
        self._recorder.server.emit(
            wire.BackupDone(
                task.number,
                ask.file,
                result.get("bytes", 0),
                result.get("seconds", 0.0),
                result.get("files", 0),
                result.get("batch", 0),
                bool(ask.passphrase),
                tuple(result.get("warnings", ())),
                found,
            )
        )
