"""A project's attachments: kept, described, found again by asset, order, date and text.

All records stand in memory as plain structures, so a search over ten thousand is one walk.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lamplighter.domain import wire
from lamplighter.domain.attachments import (
    EDITABLE,
    KIND,
    Attachment,
    attachment_from,
    fields_of,
    matching,
    object_of,
)
from lamplighter.domain.clock import Clock
from lamplighter.domain.edits import Conflict, Edits, Value
from lamplighter.domain.problems import fault
from lamplighter.governance.roles import Permission
from lamplighter.runtime.answering import Answering, Table
from lamplighter.runtime.edits import EditDesk
from lamplighter.store.media import keep_file

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder

Names = Callable[[], dict[str, str]]
"""asset id -> name"""


class AttachmentDesk:
    """All of one project. Methods may be called from any thread."""

    def __init__(
        self,
        project: Path,
        edits: EditDesk,
        *,
        clock: Clock,
        user: str,
        known: Callable[[str, str], str],
        names: Names = dict,
    ) -> None:
        """`known(asset, order)` says what is wrong with them, empty when both exist."""
        self._project, self._edits, self._clock = project, edits, clock
        self._user, self._known, self._names = user, known, names
        self._lock = threading.Lock()
        self._items = {a.id: a for a in stored(edits.edits)}
        self.on_change: Callable[[Attachment], None] = lambda item: None
        told = edits.on_change

        def changed(object: str, conflicts: tuple[Conflict, ...]) -> None:
            told(object, conflicts)
            self._changed(object)

        edits.on_change = changed

    def _changed(self, object: str) -> None:
        if not object.startswith(f"{KIND}/"):
            return
        found = attachment_from(object, self._edits.edits.record(object))
        if found is not None:
            with self._lock:
                self._items[found.id] = found
            self.on_change(found)

    def attach(self, ask: wire.AttachFile) -> Attachment:
        """Keep a file. Raises LamplighterError (I-531, U-801)."""
        place = ask.lon is not None and ask.lat is not None
        if not (ask.asset or ask.order or place):
            what = "a file hangs on an asset, an order or a place (longitude and latitude)"
            raise fault("U-801", what=what, name="attach")
        if place and not (abs(ask.lon or 0.0) <= 180 and abs(ask.lat or 0.0) <= 90):
            raise fault("U-801", what="the place is no longitude and latitude", name="attach")
        wrong = self._known(ask.asset, ask.order)
        if wrong:
            raise fault("U-801", what=wrong, name="attach")
        kept = keep_file(self._project, Path(ask.path))
        item = Attachment(
            secrets.token_hex(8), kept.file, Path(ask.path).name[:200], kept.kind, kept.size,
            ask.asset, ask.order, ask.lon, ask.lat, ask.caption.strip(), ask.note.strip(),
            kept.taken_ms, self._clock.wall_ms(), self._user, kept.width, kept.height,
        )  # fmt: skip
        self._edits.change(object_of(item.id), fields_of(item))
        return item

    def check(self, attachment_id: str, changes: Mapping[str, Value]) -> None:
        """Whether these fields may be changed. Raises LamplighterError (I-531)."""
        with self._lock:
            item = self._items.get(attachment_id)
        if item is None:
            raise fault("I-531", name=attachment_id, what="there is no such attachment")
        wrong = sorted(set(changes) - EDITABLE)
        if wrong:
            what = f"{', '.join(wrong)} of a kept file cannot be changed"
            raise fault("I-531", name=item.name, what=what)
        merged = {**fields_of(item), **changes}
        if attachment_from(object_of(attachment_id), merged) is None:
            raise fault("I-531", name=item.name, what="a value does not fit its field")

    def find(self, ask: wire.FindAttachments) -> wire.Attachments:
        """By asset, order, date and text, the newest first."""
        with self._lock:
            items = list(self._items.values())
        found = matching(
            items, text=ask.text, asset=ask.asset, order=ask.order, from_ms=ask.from_ms,
            to_ms=ask.to_ms, names=self._names() if ask.text else None,
        )  # fmt: skip
        return wire.Attachments(tuple(found[: max(0, ask.limit)]), len(found))


def stored(edits: Edits) -> list[Attachment]:
    """Every attachment that edits tell of."""
    found = (attachment_from(o, edits.record(o)) for o in edits.objects(KIND))
    return [a for a in found if a is not None]


class AttachmentAnswers(Answering):
    """The wire's end of it."""

    def table(self) -> Table:
        return {
            wire.AttachFile: self._attach,
            wire.FindAttachments: self._recorder.attachments.find,
        }

    def _attach(self, ask: wire.AttachFile) -> wire.Reply:
        self._need(Permission.WORK, ask.asset or ask.order or ask.path)
        item = self._recorder.attachments.attach(ask)
        where = item.asset or item.order or f"{item.lon}, {item.lat}"
        self._audit("attach", where, item.caption, item.name)
        return wire.Attachments((item,), 1)


def attach(recorder: Recorder) -> AttachmentDesk:
    """The desk of a running recorder."""

    def known(asset: str, order: str) -> str:
        if asset and asset not in recorder.core.city.assets:
            return f"there is no asset {asset}"
        if order and all(o.id != order for o in recorder.store.work_orders()):
            return f"there is no work order {order}"
        return ""

    desk = AttachmentDesk(
        recorder.project,
        recorder.edits,
        clock=recorder.clock,
        user=recorder.identity.user,
        known=known,
        names=lambda: {a.id: a.name for a in recorder.core.city.assets.values()},
    )
    desk.on_change = lambda item: recorder.server.emit(wire.AttachmentChanged(item))
    return desk
