"""Work orders as fields for edits, and back: `step.<id>.done` is a field of its own.

So two people who tick different lines of one checklist never stand in each other's way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from lamplighter.domain.edits import Value
from lamplighter.domain.maintenance import Part, Step, WorkOrder

KIND: Final = "order"
_LISTS: Final[dict[str, type[msgspec.Struct]]] = {"steps": Step, "parts": Part}
_ITEM: Final = {"steps": "step", "parts": "part"}
PLACE: Final = "place"
"""an item's rank in its list"""


def object_of(order_id: str) -> str:
    """The name of an order's record among edits."""
    return f"{KIND}/{order_id}"


def fields_of(order: WorkOrder) -> dict[str, Value]:
    """Every field of an order that differs from an empty one's, items by `step.<id>.<field>`."""
    found: dict[str, Value] = {}
    empty = WorkOrder("", "", "")
    for name in order.__struct_fields__:
        value = getattr(order, name)
        if name == "id":
            continue
        if name in _LISTS:
            for place, item in enumerate(value):
                found |= _item_fields(f"{_ITEM[name]}.{item.id}", item, place)
        elif value != getattr(empty, name) or name in ("asset", "title", "state"):
            found[name] = value
    return found


def _item_fields(prefix: str, item: msgspec.Struct, place: int) -> dict[str, Value]:
    found: dict[str, Value] = {f"{prefix}.{PLACE}": place}
    for name in item.__struct_fields__:
        if name != "id" and getattr(item, name) is not None:
            found[f"{prefix}.{name}"] = getattr(item, name)
    return found


def changes_between(before: WorkOrder, after: WorkOrder) -> dict[str, Value]:
    """Fields to set so that `before` becomes `after`; None for what goes."""
    old, new = fields_of(before), fields_of(after)
    empty = WorkOrder("", "", "")
    gone = {f: getattr(empty, f, None) if "." not in f else None for f in old if f not in new}
    changed: dict[str, Value] = {f: v for f, v in new.items() if old.get(f) != v or f not in old}
    return changed | gone


def order_from(order_id: str, fields: Mapping[str, Value]) -> WorkOrder:
    """The order that fields describe; fields of unknown names are passed over."""
    plain: dict[str, Any] = {"id": order_id, "asset": "", "title": ""}
    items: dict[str, dict[str, dict[str, Any]]] = {"step": {}, "part": {}}
    for name, value in fields.items():
        head, _, rest = name.partition(".")
        if head in items:
            item, _, field = rest.rpartition(".")
            items[head].setdefault(item, {})[field] = value
        elif name in WorkOrder.__struct_fields__ and name not in _LISTS:
            plain[name] = value
    for list_name, kind in _LISTS.items():
        plain[list_name] = _items(items[_ITEM[list_name]], kind)
    return msgspec.convert(plain, WorkOrder, strict=False)


def order_as_far_as(order_id: str, fields: Mapping[str, Value]) -> WorkOrder:
    """The same for fields that came from elsewhere: a value that does not fit is passed over."""
    try:
        return order_from(order_id, fields)
    except msgspec.MsgspecError:
        fitting: dict[str, Value] = {}
        for name, value in fields.items():
            try:
                order_from(order_id, {**_companions(name), name: value})
            except msgspec.MsgspecError:
                continue
            fitting[name] = value
        return order_from(order_id, fitting)


def _companions(name: str) -> dict[str, Value]:
    """What makes an item of a list stand by itself."""
    head, _, rest = name.partition(".")
    item = rest.rpartition(".")[0]
    word = {"step": "text", "part": "name"}.get(head)
    return {f"{head}.{item}.{word}": "-"} if word else {}


def _items(found: dict[str, dict[str, Any]], kind: type[msgspec.Struct]) -> list[dict[str, Any]]:
    word = "text" if kind is Step else "name"
    rows = [
        {"id": i, **{f: v for f, v in one.items() if f in kind.__struct_fields__}}
        | {PLACE: one.get(PLACE, 0)}
        for i, one in found.items()
        if one.get(word)
    ]
    rows.sort(key=lambda r: (_rank(r[PLACE]), r["id"]))
    for row in rows:
        del row[PLACE]
    return rows


def _rank(place: Any) -> float:
    return float(place) if isinstance(place, int | float) else 0.0
