"""A conflict's sides, its history and what merged beside it, in words."""

from __future__ import annotations

from lamplighter.domain.edits import Conflict, Edit, Value
from lamplighter.domain.kit import KitChange
from lamplighter.ui.desk import Desk
from lamplighter.ui.record_words import field_name, record_name, value_words, when
from lamplighter.ui.words import tr


def side(desk: Desk, edit: Edit) -> str:
    """Where an edit was made."""
    if edit.origin == desk.kits.mine:
        return tr("Mine, on this console")
    return desk.kits.place(edit.origin) or tr("Another console")


def history_row(desk: Desk, edit: Edit) -> str:
    """When, who, where, what and why."""
    who = edit.author or tr("first state")
    place = side(desk, edit) if edit.origin else ""
    parts = (when(edit.made_ms), who, place, value_words(edit.field, edit.value), edit.reason)
    return "  ·  ".join(p for p in parts if p)


def merged_words(desk: Desk, object: str) -> str:
    """What the last merge took without a question: about safety always, the rest of one record."""
    merged = desk.kits.merged
    if merged is None:
        return ""
    told = [
        _words(desk, one, "! About safety, changed elsewhere without a conflict: {what}, {field} = "
                          "{value}, {by}, {at}. Look at it.")
        for one in merged.safety
        if not object or one.object == object
    ]  # fmt: skip
    quiet = [c for c in merged.changes if object and c.object == object]
    told += [_words(desk, one, "✓ {field}: {value}, {by}, {at}") for one in quiet]
    return "\n".join(told)


def _words(desk: Desk, one: KitChange, text: str) -> str:
    return tr(
        text, what=record_name(desk, one.object), field=field_name(desk, one.object, one.field),
        value=value_words(one.field, one.value), by=one.by, at=when(one.at_ms),
    )  # fmt: skip


def like(one: Conflict, text: str) -> Value:
    """What was typed, as the kind of value the field holds."""
    kinds = {type(h.value) for h in one.heads if h.value is not None}
    try:
        if kinds <= {int, float} and kinds:
            return float(text) if "." in text or kinds == {float} else int(text)
    except ValueError:
        return text
    if kinds == {bool}:
        return text.casefold() in (tr("yes"), "yes", "true", "1")
    return text
