"""Records, their fields and values in words a crew uses."""

from __future__ import annotations

from typing import Final

from lamplighter.domain.clock import iso
from lamplighter.domain.edits import Value
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.words import tr

FIELDS: Final = {
    "note": "Note", "title": "Title", "state": "State", "crew": "Crew", "due_ms": "Due",
    "planned_ms": "Planned visit", "priority": "Priority", "minutes": "Minutes of work",
    "skill": "Skill", "finding": "Finding", "isolation": "Isolation", "signature": "Signature",
    "closed_ms": "Closed", "closed_by": "Closed by", "shelved": "Shelved until",
    "out_of_service": "Out of service", "text": "Text", "caption": "Caption", "asset": "Asset",
    "permit": "Permit",
}  # fmt: skip
_PARTS: Final = {
    "done": "done", "done_by": "done by", "done_ms": "done at", "reading": "reading",
    "text": "wording", "used": "used", "quantity": "quantity", "name": "name", "number": "number",
}  # fmt: skip


def asset_of(desk: Desk, object: str) -> str:
    """Id of the asset a record is about; empty for none."""
    kind, _, name = object.partition("/")
    if kind == "alarm":
        return name.rpartition("@")[2]
    if kind == "asset":
        return name
    order = desk.orders.get(name) if kind == "order" else None
    return order.asset if order is not None else ""


def record_name(desk: Desk, object: str) -> str:
    """`WO-2214, Booster pump P-22`."""
    kind, _, name = object.partition("/")
    asset = desk.city.assets.get(asset_of(desk, object))
    words = {
        "order": name, "note": tr("Note"), "attachment": tr("Attachment"), "alarm": tr("Alarm"),
        "asset": "", "plan": tr("Plan of {name}", name=name),
    }  # fmt: skip
    parts = [words.get(kind, object), asset.name or asset.id if asset is not None else ""]
    return ", ".join(p for p in parts if p) or name


def field_name(desk: Desk, object: str, field: str) -> str:
    """A field in words; a line of a checklist by its text."""
    first, _, rest = field.partition(".")
    if first in ("step", "part") and rest:
        item, _, part = rest.rpartition(".")
        order = desk.orders.get(object.partition("/")[2])
        return f"{_item(order, first, item)}: {tr(_PARTS.get(part, part))}"
    if first == "acknowledged":
        return tr("Acknowledged")
    if first == "safety":
        return rest or tr("Safety")
    return tr(FIELDS.get(first, first.replace("_", " ").capitalize()))


def _item(order: WorkOrder | None, kind: str, item: str) -> str:
    if order is not None and kind == "step":
        return next((s.text for s in order.steps if s.id == item), item)
    if order is not None:
        return next((p.name for p in order.parts if p.id == item), item)
    return item


def value_words(field: str, value: Value) -> str:
    """A value as it is read aloud."""
    if value is None or value == "":
        return tr("nothing")
    if isinstance(value, bool):
        return tr("yes") if value else tr("no")
    if field.endswith("_ms") or field == "shelved":
        number = int(value) if isinstance(value, int | float) else 0
        return when(number) if number else tr("no")
    return f"{value:g}" if isinstance(value, float) else str(value)


def when(ms: int) -> str:
    """A moment by the clock it was written with."""
    try:
        return f"{numbers.day(ms)} {numbers.clock_short(ms)}"
    except (ValueError, OverflowError, OSError):
        return iso(0)


def waiting_words(count: int) -> str:
    """How much of a kit's work is not home yet."""
    if not count:
        return tr("nothing waits to go back")
    if count == 1:
        return tr("1 change waits to go back")
    return tr("{n} changes wait to go back", n=count)
