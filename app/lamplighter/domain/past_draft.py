"""The mapping of a table of the past in the making: what each column stands for.

The recorder proposes a draft from the first rows, a person changes it column by column, and
`to_toml` writes it as the mapping file that `import --map` reads. Values only; no I/O.
"""

from __future__ import annotations

import json
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

OBSERVATIONS, FAILURES, ORDERS = "observations", "failures", "work orders"
KINDS: Final = (OBSERVATIONS, FAILURES, ORDERS)
IGNORED, TIME, VALUE, STREAM = "ignored", "time", "value", "datastream"
ROLES: Final = {
    OBSERVATIONS: (VALUE, TIME, STREAM, "source", "quality", "unit", IGNORED),
    FAILURES: ("asset", TIME, "mode", "note", IGNORED),
    ORDERS: (
        "asset", "created", "closed", "id", "title", "state", "due", "origin", "finding", "note",
        IGNORED,
    ),
}  # fmt: skip
"""what a column can be, by kind of table"""
FORMATS: Final = ("iso", "ms", "s")
"""of times, beside patterns such as `%d.%m.%Y %H:%M`"""


class PastColumn(Struct, frozen=True):
    """One column of the file and what it stands for."""

    name: str
    role: str = IGNORED
    label: str = ""
    """name of the datastream in a wide table; empty: the column's own"""
    unit: str = ""
    """of the values of a column in a wide table"""
    sample: str = ""
    """its newest cell among the rows that were looked at"""
    filled: int = 0
    """rows of these that have something in it"""
    low: float | None = None
    high: float | None = None
    why: str = ""
    """why it is proposed like this, in words"""


class PastDraft(Struct, frozen=True):
    """A whole mapping; `columns` in the order of the file."""

    kind: str = OBSERVATIONS
    source: str = ""
    delimiter: str = ""
    decimal: str = "."
    encoding: str = "utf-8"
    time_format: str = "iso"
    zone: str = "UTC"
    """of times that name none"""
    quality_words: dict[str, str] = {}
    units: dict[str, str] = {}
    """tag of a long table -> unit of its values, where no column says it"""
    columns: tuple[PastColumn, ...] = ()

    def of_role(self, role: str) -> tuple[PastColumn, ...]:
        """The columns with this role."""
        return tuple(c for c in self.columns if c.role == role)

    @property
    def long(self) -> bool:
        """One value a row, with the name of its datastream in a column."""
        return bool(self.of_role(STREAM))


def with_column(draft: PastDraft, name: str, **changes: object) -> PastDraft:
    """The draft with one column changed. Only values and parts of the time may be several; beside
    a column that names the datastreams there is one value.
    """
    first = next((c for c in draft.columns if c.name == name), None)  # two may have one name
    columns = [replace(c, **changes) if c is first else c for c in draft.columns]
    role = changes.get("role", IGNORED)
    if role == STREAM:
        kept = next((c.name for c in columns if c.role == VALUE), "")
        columns = [_without(c, VALUE) if c.name != kept else c for c in columns]
    long = any(c.role == STREAM for c in columns)
    if role not in (IGNORED, TIME) and (role != VALUE or long):
        columns = [_without(c, str(role)) if c.name != name else c for c in columns]
    return replace(draft, columns=tuple(columns))


def _without(column: PastColumn, role: str) -> PastColumn:
    return replace(column, role=IGNORED) if column.role == role else column


def with_unit(draft: PastDraft, name: str, unit: str) -> PastDraft:
    """The draft with the unit of one datastream's values, by the name it is stored under."""
    if draft.long:
        units = {**draft.units, name: unit}
        return replace(draft, units={tag: one for tag, one in units.items() if one})
    columns = tuple(
        replace(c, unit=unit) if c.role == VALUE and (c.label or c.name) == name else c
        for c in draft.columns
    )
    return replace(draft, columns=columns)


def trouble(draft: PastDraft) -> str:
    """What is still missing, in words; empty when it can be used."""
    if draft.kind == OBSERVATIONS:
        if not draft.of_role(TIME):
            return "say which column is the time"
        if not draft.of_role(VALUE):
            return "say which column is a value"
        if not draft.source and not draft.of_role("source"):
            return "name the source: whose datastreams these are"
        return ""
    if not draft.of_role("asset"):
        return "say which column names the asset"
    if draft.kind == FAILURES and not draft.of_role(TIME):
        return "say which column is the time of the failure"
    if draft.kind == ORDERS and not draft.of_role("created"):
        return "say which column is the time the order was made"
    return ""


def to_toml(draft: PastDraft) -> str:
    """The draft as the text of a mapping file; it always ends with a line end."""
    lines = [f"kind = {_quoted(draft.kind)}"]
    for key, value, usual in (
        ("source", draft.source, ""),
        ("delimiter", draft.delimiter, ""),
        ("decimal", draft.decimal, "."),
        ("encoding", draft.encoding, "utf-8"),
    ):
        if value != usual:
            lines.append(f"{key} = {_quoted(value)}")
    times = draft.of_role(TIME) if draft.kind == OBSERVATIONS else ()
    lines += ["", "[time]"]
    if len(times) > 1:
        lines.append(f"columns = [{', '.join(_quoted(c.name) for c in times)}]")
    else:
        lines += [f"column = {_quoted(c.name)}" for c in times]
    lines.append(f"format = {_quoted(draft.time_format)}")
    if draft.zone != "UTC":
        lines.append(f"zone = {_quoted(draft.zone)}")
    if draft.kind != OBSERVATIONS:
        named = [c for c in draft.columns if c.role in ROLES[draft.kind] and c.role != IGNORED]
        lines += ["", "[columns]", *(f"{c.role} = {_quoted(c.name)}" for c in named)]
    elif draft.long:
        lines += ["", "[long]"]
        for role in (STREAM, VALUE, "source", "quality", "unit"):
            lines += [f"{role} = {_quoted(c.name)}" for c in draft.of_role(role)[:1]]
        for tag, unit in draft.units.items():
            lines += ["", f"[datastreams.{_quoted(tag)}]", f"unit = {_quoted(unit)}"]
    else:
        lines += _wide(draft)
    if draft.quality_words and draft.long and draft.of_role("quality"):
        words = draft.quality_words.items()
        lines += ["", "[quality]", *(f"{_quoted(w)} = {_quoted(q)}" for w, q in words)]
    return "\n".join(lines) + "\n"


def _wide(draft: PastDraft) -> list[str]:
    values = draft.of_role(VALUE)
    lines = ["", "[wide]", f"columns = [{', '.join(_quoted(c.name) for c in values)}]"]
    for column in values:
        if column.label or column.unit:
            lines += ["", f"[datastreams.{_quoted(column.name)}]"]
            lines += [f"datastream = {_quoted(column.label)}"] if column.label else []
            lines += [f"unit = {_quoted(column.unit)}"] if column.unit else []
    return lines


def _quoted(text: str) -> str:
    """A TOML basic string; JSON's escapes are a part of TOML's, but for the DEL character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
