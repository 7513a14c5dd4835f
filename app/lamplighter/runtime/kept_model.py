"""One kind of model that speaks of a project's own datastreams, as its desk sees the registry.

Learned anew on schedule, it takes the place of the one before by itself, unless a person had put
that one there. Files are checked before they are used; damaged ones are told in one line, and the
desk learns anew.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from lamplighter.analytics import model_files
from lamplighter.domain.models import Judged, ModelCard, ModelRecord, ModelState
from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime.model_registry import AUTOMATIC, Usable

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder

LOAD_S: Final = 120.0
LOAD_BYTES: Final = 512_000_000
"""of arrays that a loaded version may be"""


class KeptModel:
    """The versions of one kind. `fresh` is where a worker writes a new one."""

    def __init__(self, recorder: Recorder, kind: str) -> None:
        self._recorder = recorder
        self.kind = kind
        self.fresh: Path = recorder.project / "cache" / "training" / kind
        self.using: tuple[int, str] = (0, "")
        """(version, why it is frozen) that the desk goes by; 0 = none"""
        self._stamp = -1

    def found(self) -> Usable | None:
        """The version in use, checked; what is wrong with it is told once, and it is None then."""
        models = self._recorder.models
        self._stamp = models.stamp
        try:
            found = models.in_use(self.kind)
        except (LamplighterError, OSError) as error:
            self.using = self._in_use()
            if isinstance(error, LamplighterError):
                self._recorder.tell(error.problem)
            return None
        self.using = (0, "") if found is None else (found.card.version, found.frozen)
        return found

    def reload(
        self, usable: Usable, room: str, value: type, name: str, end: Callable[[Any], None]
    ) -> None:
        """Have a worker open a version that was found, by `reload` of a module of `analytics`.

        `end` gets a `value`, or the problem with it, on the pool's thread; `name` is the task's.
        """
        self._recorder.jobs.pool.submit(
            f"{room}:reload",
            model_files.Kept(str(usable.folder), usable.files),
            name=name,
            timeout_s=LOAD_S,
            on_end=end,
            result=value,
            reads=[usable.folder],
            code="P-604",
            reply_bytes=LOAD_BYTES,
        )

    def moved(self) -> bool:
        """Whether another version is in use than the desk goes by, or it was frozen or thawed."""
        if self._recorder.models.stamp == self._stamp:
            return False
        self._stamp = self._recorder.models.stamp
        return self._in_use() != self.using

    def _in_use(self) -> tuple[int, str]:
        try:
            record = self._recorder.models.record(self.kind)
        except LamplighterError:
            return (0, "")
        return (record.card.version, record.frozen)

    def keep(
        self,
        files: dict[str, str],
        card: ModelCard,
        *,
        by: str = AUTOMATIC,
        over: bool = False,
        frozen: str = "",
    ) -> ModelRecord | None:
        """Register what lies in `fresh`; None, and told, when it cannot be.

        It is used from now on, unless a person chose the version in use; even then when that one
        is frozen, or has run out (`over`).
        """
        models = self._recorder.models
        renews = over or bool(self._in_use()[1]) or not models.chosen(self.kind)
        try:
            record = models.adopt(self.fresh, files, card, owner=by, frozen=frozen, renews=renews)
        except LamplighterError as error:
            self._recorder.tell(error.problem)
            return None
        if record.state is ModelState.IN_USE:
            self.using = (record.card.version, record.frozen)
        return record

    def judged(self, window: Judged, version: int) -> None:
        """Note how a version fared; one that is no longer kept is passed over."""
        self._recorder.models.judged(self.kind, window, version=version)

    def write(self, name: str, value: object) -> dict[str, str]:
        """One more file of the new version, as JSON: name -> sha256."""
        self.fresh.mkdir(parents=True, exist_ok=True)
        (self.fresh / name).write_bytes(msgspec.json.encode(value))
        return {name: model_files.sha256(self.fresh / name)}
