"""What all answers to the wire's requests share: the recorder, rights, and the core's beat."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final, TypeVar

from lamplighter.domain import wire
from lamplighter.domain.problems import fault
from lamplighter.governance.roles import Permission

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder

T = TypeVar("T")
BEAT_ANSWER_S: Final = 10.0
Table = dict[type, Callable[[Any], wire.Reply]]
"""request type -> what answers it; raises LamplighterError for a refusal"""


class Answering:
    """Answers to the requests of one topic; `table` lists them."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def table(self) -> Table:
        """Request type -> answer."""
        raise NotImplementedError

    def _need(self, right: Permission, what: str) -> None:
        who = self._recorder.identity
        if not who.may(right):
            raise fault("C-701", name=what, what=f"the role {who.role.value} may not {right.value}")

    def _on_beat(self, work: Callable[[], T]) -> T:
        """Run on the core's thread and wait for its value or exception.

        Raises LamplighterError (U-805) when its turn does not come in time; then it is not done.
        """
        answer: Future[T] = Future()

        def run() -> None:
            if not answer.set_running_or_notify_cancel():
                return  # whoever asked was told that it is not done
            try:
                answer.set_result(work())
            except BaseException as error:
                answer.set_exception(error)

        self._recorder.core.on_beat(run)
        try:
            return answer.result(BEAT_ANSWER_S)
        except TimeoutError:
            if answer.cancel():
                what = f"the recorder is too busy, nothing was done for {BEAT_ANSWER_S:.0f} s"
                raise fault("U-805", what=what) from None
            return answer.result(BEAT_ANSWER_S)  # it is being done, or was just done

    def _audit(self, action: str, object: str, reason: str = "", result: str = "done") -> None:
        """One entry in the audit record, in the name of who sits here."""
        who = self._recorder.identity
        self._recorder.audit.record(
            actor=who.user,
            role=who.role.value,
            action=action,
            object=object,
            reason=reason,
            result=result,
        )
