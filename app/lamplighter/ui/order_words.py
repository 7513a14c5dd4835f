"""How work orders are spoken of: states, priorities, when they are due."""

from __future__ import annotations

from typing import Final

from lamplighter.domain.maintenance import Step, WorkOrder
from lamplighter.domain.order_rules import is_overdue
from lamplighter.ui import numbers
from lamplighter.ui.words import tr

STATE_WORDS: Final = {
    "open": "Open",
    "planned": "Planned",
    "done": "Done",
    "cancelled": "Cancelled",
}
PRIORITY_WORDS: Final = {1: "1 at once", 2: "2 soon", 3: "3 planned"}
FINDING_WORDS: Final = {
    "found": "Found",
    "not found": "Nothing found",
    "failed": "Had failed",
}
FIELD_WORDS: Final = {
    "asset": "Asset", "title": "Job", "state": "State", "created_ms": "Made",
    "due_ms": "Due", "origin": "Came from", "created_by": "Made by", "note": "Note",
    "finding": "Finding", "closed_ms": "Closed", "closed_by": "Closed by",
    "priority": "Priority", "skill": "Skill", "minutes": "Minutes", "crew": "Crew",
    "planned_ms": "Planned for", "isolation": "Isolation", "signature": "Signature",
    "alarm": "Alarm", "forecast": "Forecast",
}  # fmt: skip
STEP_WORDS: Final = {
    "text": "text", "required": "required", "done": "done", "done_by": "done by",
    "done_ms": "done at", "unit": "unit", "reads": "is a reading", "low": "lower limit",
    "high": "upper limit", "reading": "reading", "note": "note", "place": "place",
    "name": "name", "number": "number", "quantity": "quantity", "used": "used",
}  # fmt: skip


def field_words(name: str, order: WorkOrder | None = None) -> str:
    """`step.s1.done` as `Lock the breaker: done`."""
    head, _, rest = name.partition(".")
    if head not in ("step", "part"):
        return tr(FIELD_WORDS.get(name, name))
    item, _, field = rest.rpartition(".")
    items: list[tuple[str, str]] = []
    if order is not None:
        items = ([(s.id, s.text) for s in order.steps] if head == "step"
                 else [(p.id, p.name) for p in order.parts])  # fmt: skip
    text = dict(items).get(item, f"{head} {item}")
    return f"{text}: {tr(STEP_WORDS.get(field, field))}"


def value_words(name: str, value: object) -> str:
    """A field's value as a person reads it."""
    if value is None or value == "":
        return "—"
    if name.endswith("_ms") and isinstance(value, int | float):
        return when(int(value)) if value else "—"
    if isinstance(value, bool):
        return tr("yes") if value else tr("no")
    if name == "state":
        return tr(STATE_WORDS.get(str(value), str(value)))
    return f"{value:g}" if isinstance(value, float) else str(value)


def when(ms: int) -> str:
    """`Sat 28 Nov 14:02`."""
    return f"{numbers.day(ms)} {numbers.clock_short(ms)}" if ms else "—"


def due_words(order: WorkOrder, now_ms: int) -> str:
    """`Sat 28 Nov`, or `late 3 d`."""
    if not order.due_ms:
        return "—"
    if is_overdue(order, now_ms):
        return tr("late {t}", t=numbers.age((now_ms - order.due_ms) / 1000))
    return numbers.day(order.due_ms)


def limits_words(step: Step) -> str:
    """`0–4.5 mm/s`, `up to 60 s`, `at least 2 bar`."""
    unit = f" {step.unit}" if step.unit else ""
    if step.low is not None and step.high is not None:
        return f"{step.low:g}–{step.high:g}{unit}"
    if step.high is not None:
        return tr("up to {v}", v=f"{step.high:g}{unit}")
    if step.low is not None:
        return tr("at least {v}", v=f"{step.low:g}{unit}")
    return step.unit
