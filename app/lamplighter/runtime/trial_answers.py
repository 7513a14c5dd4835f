"""Trying a rule on the past, asked for over the wire: in a process of its own, so that months of
history cost recording nothing.
"""

from __future__ import annotations

import subprocess
import threading
from typing import Any

import msgspec

from lamplighter.domain import wire
from lamplighter.domain.alarm_trial import Trial
from lamplighter.domain.problems import LamplighterError
from lamplighter.domain.task import TaskState
from lamplighter.governance.roles import Permission
from lamplighter.runtime.answering import Answering, Table
from lamplighter.runtime.backtest import STEP
from lamplighter.runtime.jobs import OwnTask
from lamplighter.runtime.resources import own_command


class TrialAnswers(Answering):
    def table(self) -> Table:
        return {wire.TryRule: self._try}

    def _try(self, ask: wire.TryRule) -> wire.Reply:
        self._need(Permission.VIEW, ask.rule)
        task = self._recorder.jobs.own(f"Try {ask.rule} on the past")
        self._recorder.jobs.thread("trial", lambda: self._run(ask, task))
        return wire.TaskStarted(task.number)

    def _run(self, ask: wire.TryRule, task: OwnTask) -> None:
        emit = self._recorder.server.emit
        try:
            found = _tried(self._command(ask), task)
        except LamplighterError as error:
            task.end(TaskState.CANCELLED, str(error.problem))
            emit(wire.TrialDone(task.number, None, str(error.problem)))
            return
        if isinstance(found, str):
            task.end(TaskState.FAILED, found)
            emit(wire.TrialDone(task.number, None, found))
            return
        task.end(TaskState.DONE)
        emit(wire.TrialDone(task.number, found))

    def _command(self, ask: wire.TryRule) -> list[str]:
        words: list[Any] = [
            *own_command(), "rules", "backtest", self._recorder.project, ask.rule,
            "--days", ask.days, "--horizon-h", ask.horizon_h, "--json", "--steps",
        ]  # fmt: skip
        if ask.threshold is not None:
            words += ["--threshold", ask.threshold]
        return [str(word) for word in words]


def _tried(command: list[str], task: OwnTask) -> Trial | str:
    """What the verb found, or its one line of refusal. Raises LamplighterError when cancelled."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        task.on_cancel = child.kill
        if task.cancelled:
            child.kill()
        out: list[bytes] = []
        assert child.stdout is not None and child.stderr is not None
        reader = threading.Thread(target=lambda: out.append(child.stdout.read()))  # type: ignore[union-attr]
        reader.start()
        last = ""
        try:
            for raw in child.stderr:
                text = raw.decode("utf-8", "replace").strip()
                if text.startswith(STEP):
                    done, total, words = text.removeprefix(STEP).split(" ", 2)
                    task.step(int(done), int(total), words)
                elif text:
                    last = text
        except LamplighterError:
            child.kill()
            raise
        finally:
            reader.join()
            task.on_cancel = lambda: None
        task.step(0, 0, "ended")  # one that was cancelled has no answer
        if child.wait() not in (0, 1):
            return last or f"the trial ended with code {child.returncode}"
    try:
        return msgspec.json.decode(out[0], type=Trial)
    except (msgspec.MsgspecError, IndexError) as error:
        return last or f"the answer of the trial cannot be read: {error}"
