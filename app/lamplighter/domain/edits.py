"""Edits of records that people work on in several places at once, and how they come together.

An edit sets one field of one object and names the edits of that field its author had seen. The
record is a fold over the *set* of edits, so it does not depend on the order they arrive in: the
*heads* of a field are the edits that no other edit has seen. One head is the field's value. Several
heads with different values are a conflict, which stays listed until somebody who sees all of them
decides. Until then an ordinary field shows the latest, a field about safety what all sides last
agreed on, and a field that only grows the greatest.

Ids are made of content for a record's first state, so two places that start from one copy make the
same edits, and are random for everything later.
"""

from __future__ import annotations

import enum
import secrets
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Final

import msgspec
from msgspec import Struct

Value = str | int | float | bool | None
"""what a field holds; lists are fields of their own, one for each item"""

SAFETY_FIELDS: Final = frozenset(
    {"isolation", "safety", "permit", "signature", "shelved", "suppressed", "out_of_service"}
)
"""field names (also as `safety.<anything>`) that are never merged without a person"""
GROWING_FIELDS: Final = frozenset({"acknowledged"})
"""what was true once stays true"""


class Merging(enum.Enum):
    """What stands while heads differ."""

    LATEST = "latest"
    SAFETY = "safety"
    GROWS = "grows"


def merging_of(field: str) -> Merging:
    """The rule of a field, by the first part of its name."""
    first = field.partition(".")[0]
    if first in SAFETY_FIELDS:
        return Merging.SAFETY
    return Merging.GROWS if first in GROWING_FIELDS else Merging.LATEST


class Edit(Struct, frozen=True):
    """One field of one object set to a value by somebody, somewhere, at a time of their clock."""

    id: str
    object: str
    """kind and id, e.g. `order/WO-1`, `note/8f3a`, `alarm/P-17|high`"""
    field: str
    value: Value
    seen: tuple[str, ...]
    """heads of this field that its author knew; empty for the first"""
    origin: str
    """the console it was made on"""
    made_ms: int
    author: str
    reason: str = ""

    @property
    def rank(self) -> tuple[int, str]:
        """Order of edits that do not know of each other."""
        return self.made_ms, self.id


class Conflict(Struct, frozen=True):
    """A field for which several edits, unknown to each other, say different things."""

    object: str
    field: str
    heads: tuple[Edit, ...]
    """at least two with different values, the latest first"""
    shown: Value
    agreed: Value
    """what all sides had before they parted; None when there was nothing"""
    safety: bool


def first_edits(object: str, fields: Mapping[str, Value], made_ms: int) -> list[Edit]:
    """The first state of a record as edits with ids made of their content."""
    return [
        Edit(_content_id(object, name, value), object, name, value, (), "", made_ms, "")
        for name, value in fields.items()
        if value is not None
    ]


def _content_id(object: str, field: str, value: Value) -> str:
    text = msgspec.json.encode((object, field, value))
    return "first-" + blake2b(text, digest_size=12).hexdigest()


class Edits:
    """A growing set of edits and what it says; adding is idempotent and order does not matter."""

    def __init__(self, edits: Iterable[Edit] = ()) -> None:
        self._by_id: dict[str, Edit] = {}
        self._of: dict[str, dict[str, list[Edit]]] = {}
        self._seen: dict[tuple[str, str], set[str]] = {}
        """per object and field: an edit settles nothing but its own field"""
        self._touched: set[tuple[str, str]] = set()
        """fields that were not looked at for a conflict since they changed"""
        self._contested: set[tuple[str, str]] = set()
        for edit in edits:
            self.add(edit)

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, edit_id: str) -> bool:
        return edit_id in self._by_id

    def add(self, edit: Edit) -> bool:
        """Take an edit in; False when it is there already."""
        if edit.id in self._by_id:
            return False
        self._by_id[edit.id] = edit
        self._of.setdefault(edit.object, {}).setdefault(edit.field, []).append(edit)
        seen = self._seen.setdefault((edit.object, edit.field), set())
        seen.update(i for i in edit.seen if i != edit.id)
        self._touched.add((edit.object, edit.field))
        return True

    def get(self, edit_id: str) -> Edit | None:
        """An edit by its id."""
        return self._by_id.get(edit_id)

    def all(self) -> tuple[Edit, ...]:
        """Every edit, by (made, id)."""
        return tuple(sorted(self._by_id.values(), key=lambda e: e.rank))

    def objects(self, kind: str = "") -> tuple[str, ...]:
        """Ids of all objects, or of those of a kind (`order`, `note`)."""
        start = f"{kind}/" if kind else ""
        return tuple(sorted(o for o in self._of if o.startswith(start)))

    def history(self, object: str, field: str = "") -> tuple[Edit, ...]:
        """Every edit of an object or of one of its fields, by (made, id); none is ever lost."""
        fields = self._of.get(object, {})
        chosen = [fields.get(field, [])] if field else fields.values()
        return tuple(sorted((e for some in chosen for e in some), key=lambda e: e.rank))

    def heads(self, object: str, field: str) -> tuple[Edit, ...]:
        """Edits of a field that no other has seen, the latest first."""
        edits = self._of.get(object, {}).get(field, [])
        seen = self._seen.get((object, field), set())
        # forged edits that see each other leave none free: then all of them stand
        free = [e for e in edits if e.id not in seen] or edits
        return tuple(sorted(free, key=lambda e: e.rank, reverse=True))

    def value(self, object: str, field: str) -> Value:
        """What a field says now; None when it was never set."""
        rule = merging_of(field)
        if rule is Merging.GROWS:  # whoever saw it and said less takes nothing back
            every = self._of.get(object, {}).get(field, [])
            return max((e.value for e in every), key=_growth, default=None)
        heads = self.heads(object, field)
        if not heads:
            return None
        if len({_plain(h.value) for h in heads}) == 1:
            return heads[0].value
        return self.agreed(object, field) if rule is Merging.SAFETY else heads[0].value

    def record(self, object: str) -> dict[str, Value]:
        """Every field of an object that holds something."""
        found = {f: self.value(object, f) for f in sorted(self._of.get(object, {}))}
        return {f: v for f, v in found.items() if v is not None}

    def agreed(self, object: str, field: str) -> Value:
        """The newest value that every head of a field descends from.

        Where several edits of that past do not know of each other and differ, nobody agreed on
        either: then it is what they in turn have in common. No clock decides it.
        """
        heads = list(self.heads(object, field))
        while heads:
            common = set.intersection(*(self._before(h) for h in heads))
            rest = [self._by_id[i] for i in common]
            seen = {i for e in rest for i in e.seen if i != e.id}
            outer = [e for e in rest if e.id not in seen]
            if len({_plain(e.value) for e in outer}) == 1:
                return outer[0].value
            if not outer or {e.id for e in outer} == {h.id for h in heads}:
                return None
            heads = outer
        return None

    def _before(self, edit: Edit) -> set[str]:
        """An edit and everything its author had seen, as far as it is here."""
        found: set[str] = set()
        ahead = [edit.id]
        while ahead:
            one = ahead.pop()
            if one not in found and one in self._by_id:
                found.add(one)
                ahead.extend(self._by_id[one].seen)
        return {
            i
            for i in found
            if (self._by_id[i].object, self._by_id[i].field) == (edit.object, edit.field)
        }

    def conflict(self, object: str, field: str) -> Conflict | None:
        """What a field's heads disagree on, or None."""
        heads = self.heads(object, field)
        if len({_plain(h.value) for h in heads}) < 2 or merging_of(field) is Merging.GROWS:
            return None
        return Conflict(
            object,
            field,
            heads,
            self.value(object, field),
            self.agreed(object, field),
            merging_of(field) is Merging.SAFETY,
        )

    def conflicts(self, objects: Iterable[str] | None = None) -> tuple[Conflict, ...]:
        """All that wait for a decision, by object and field."""
        if objects is not None:
            fields = [(o, f) for o in sorted(set(objects)) for f in sorted(self._of.get(o, {}))]
        else:
            for one in self._touched:
                (self._contested.discard if self.conflict(*one) is None else self._contested.add)(
                    one
                )
            self._touched.clear()
            fields = sorted(self._contested)
        found = (self.conflict(o, f) for o, f in fields)
        return tuple(c for c in found if c is not None)

    # ------------------------------------------------------------------ making edits
    def set(
        self,
        object: str,
        field: str,
        value: Value,
        *,
        origin: str,
        author: str,
        made_ms: int,
        reason: str = "",
        seen: tuple[str, ...] | None = None,
    ) -> Edit | None:
        """A new edit, already taken in; None when the field says this already, without conflict.

        `seen`: the heads that its author looked at; without it, those that are here now. An edit
        that did not see everything is a conflict, never a silent overwrite. An edit that has seen
        all heads settles a conflict.
        """
        heads = self.heads(object, field)
        known = tuple(sorted(h.id for h in heads)) if seen is None else tuple(sorted(seen))
        now = self.value(object, field)
        same = now == value and type(now) is type(value)
        if same and (len(heads) <= 1 or merging_of(field) is Merging.GROWS):
            return None
        edit = Edit(
            secrets.token_hex(10), object, field, value, known, origin, made_ms, author, reason
        )
        self.add(edit)
        return edit


def _plain(value: Value) -> str:
    return msgspec.json.encode(value).decode()


def _growth(value: Value) -> tuple[bool, float, str]:
    number = float(value) if isinstance(value, bool | int | float) else 0.0
    return value is not None, number, str(value)
