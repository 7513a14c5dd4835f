"""From the first rows of a table of the past to a proposed mapping; a person confirms it.

Observations are proposed by what proposes the mapping of a feed; failures and work orders by the
names of their columns. Pure: rows in, a draft out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
import numpy as np
from msgspec.structs import replace

from lamplighter.domain import mapping_draft, past_draft
from lamplighter.domain.past_draft import IGNORED, STREAM, TIME, VALUE, PastColumn, PastDraft
from lamplighter.pipeline import guess
from lamplighter.pipeline.past_columns import numbers
from lamplighter.pipeline.propose import propose

MOSTLY: Final = 0.9
"""share of the cells of a column that make it one of numbers"""
_ASSET: Final = (
    "asset", "assetid", "equipment", "equipmentid", "machine", "machineid", "pump", "unit",
    "device", "anlage", "anlagenid", "objekt", "tag", "functionallocation",
)  # fmt: skip
_MODE: Final = ("failure", "mode", "failuremode", "cause", "fault", "ursache", "stoerung", "defect")
_NOTE: Final = ("note", "notes", "remark", "remarks", "comment", "bemerkung", "text")
_CREATED: Final = (
    "created", "from", "opened", "reported", "start", "begin", "requested", "erstellt",
)  # fmt: skip
_CLOSED: Final = ("closed", "to", "done", "finished", "completed", "end", "ende", "erledigt")
_DUE: Final = ("due", "duedate", "deadline", "faellig", "planned")
_TITLE: Final = ("title", "what", "description", "work", "task", "subject", "auftrag", "titel")
_ID: Final = ("id", "number", "order", "orderid", "workorder", "workorderid", "no", "nummer")
_STATE: Final = ("state", "status")
_FINDING: Final = ("finding", "found", "result", "befund", "outcome")
_MORE_STREAMS: Final = (
    "tag", "tagname", "datastream", "signal", "point", "pointname", "variable", "channel", "series",
    "parameter", "metric", "measurement", "messstelle", "register", "itemid",
)  # fmt: skip
_DAYS: Final = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d")
_CLOCKS: Final = ("%H:%M", "%H:%M:%S", "%H.%M.%S")
_PARTS: Final = {
    "year": "%Y", "month": "%m", "day": "%d", "hour": "%H", "minute": "%M", "second": "%S",
    "jahr": "%Y", "monat": "%m", "tag": "%d", "stunde": "%H",
}  # fmt: skip
_SOURCES: Final = ("source", "station", "site", "rtu", "gateway", "quelle", "plant")


def propose_past(
    name: str, columns: Sequence[str], rows: Sequence[Sequence[str]], kind: str = ""
) -> PastDraft:
    """A draft for these first rows. `kind`: what a person says the table is; empty: found out."""
    cells = [[row[at].strip() for row in rows if at < len(row)] for at in range(len(columns))]
    decimal = "," if any(_commas(c) for c in cells) else "."
    plain = [_column(name_, c, decimal) for name_, c in zip(columns, cells, strict=True)]
    kind = kind or _kind(plain)
    if kind == past_draft.OBSERVATIONS:
        return _named(_observations(name, plain, cells, decimal))
    return _named(_orders(kind, plain, cells))


def _named(draft: PastDraft) -> PastDraft:
    """Without columns that a mapping cannot name: those of no name, and the second of one name."""
    made: list[PastColumn] = []
    taken = {""}
    for column in draft.columns:
        if column.name in taken:
            why = "a column before it has the same name" if column.name else "it has no name"
            column = replace(column, role=IGNORED, unit="", why=why)
        taken.add(column.name)
        made.append(column)
    return replace(draft, columns=tuple(made))


def _column(name: str, cells: Sequence[str], decimal: str) -> PastColumn:
    filled = [c for c in cells if c]
    value, bad = numbers(filled, decimal)
    good = value[~bad]
    low, high = (float(good.min()), float(good.max())) if len(good) else (None, None)
    return PastColumn(name, sample=filled[-1][:80] if filled else "", filled=len(filled),
                      low=low, high=high)  # fmt: skip


def _commas(cells: Sequence[str]) -> bool:
    """Whether these are numbers with a decimal comma."""
    with_comma = [c for c in cells if "," in c]
    if not with_comma:
        return False
    _, bad = numbers(with_comma, ",")
    return bool(bad.mean() <= 1 - MOSTLY) and all(c.rfind(".") < c.rfind(",") for c in with_comma)


def _kind(columns: Sequence[PastColumn]) -> str:
    words = [guess.plain(c.name) for c in columns]
    if any(w in _CREATED for w in words) and any(w in (*_TITLE, *_CLOSED) for w in words):
        return past_draft.ORDERS
    named = any(w in _ASSET for w in words) and any(w in _MODE for w in words)
    return past_draft.FAILURES if named else past_draft.OBSERVATIONS


# ---------------------------------------------------------------- observations
def _observations(
    name: str, columns: list[PastColumn], cells: Sequence[Sequence[str]], decimal: str
) -> PastDraft:
    groups = propose([("", _records(columns, cells, decimal))], name)
    found = next((g.draft for g in groups if g.draft is not None), None)
    fields = {f.path[0]: f for f in found.fields if len(f.path) == 1} if found is not None else {}
    made = []
    for column in columns:
        field = fields.get(column.name)
        if field is not None:
            role = _ROLE_OF.get(field.role, IGNORED)
            unit = field.unit if role == VALUE else ""
            column = replace(column, role=role, unit=unit, why=field.why)
        elif column.low is not None and fields:  # a table wider than what is looked at closely
            unit, why = guess.unit_of(column.name)
            column = replace(column, role=VALUE, unit=unit, why=why)
        made.append(column)
    timed = any(c.role == TIME for c in made)
    draft = PastDraft(
        source=name,
        decimal=decimal,
        time_format=found.time_format if found is not None and timed else "iso",
        quality_words=dict(found.quality_words) if found is not None else {},
        columns=tuple(made),
    )
    draft = _day_and_clock(draft, cells)
    if not draft.of_role(TIME):
        draft = _timed(_in_parts(draft), cells)
    return _shaped(draft)


def _records(columns: Sequence[PastColumn], cells: Sequence[Sequence[str]], decimal: str) -> bytes:
    """The rows as messages would have them: numbers as numbers, empty cells left out, and in a
    column of numbers also what is none.
    """
    count = max(map(len, cells), default=0)
    rows: list[dict[str, str | float]] = [{} for _ in range(count)]
    for column, texts in zip(columns, cells, strict=True):
        stamps = all(len(c) in (12, 14) for c in texts if c)
        value, bad = numbers(texts, decimal)
        filled = np.fromiter((bool(c) for c in texts), bool, len(texts))
        few = int((bad & filled).sum()) <= (1 - MOSTLY) * max(int(filled.sum()), 1)
        numeric = few and not stamps
        for at, text in enumerate(texts):
            if text and not numeric:
                rows[at][column.name] = text
            elif text and not bad[at]:
                whole = value[at].is_integer() and abs(value[at]) < 2**53
                rows[at][column.name] = int(value[at]) if whole else float(value[at])
    return msgspec.json.encode(rows)


def _day_and_clock(draft: PastDraft, cells: Sequence[Sequence[str]]) -> PastDraft:
    """With a time whose day stands in one column and whose hour in another, where it does."""
    read: dict[str, tuple[int, str]] = {}
    for at, texts in enumerate(cells):
        filled = [c for c in texts[:50] if c]
        for what, forms in (("day", _DAYS), ("clock", _CLOCKS)):
            form = next((f for f in forms if filled and all(_fits(c, f) for c in filled)), "")
            if form and what not in read:
                read[what] = at, form
    if len(read) < 2:
        return draft
    places = dict(sorted(read.values()))
    why = "a part of the time"
    columns = tuple(
        replace(c, role=TIME, unit="", why=why) if at in places
        else replace(c, role=IGNORED) if c.role == TIME else c
        for at, c in enumerate(draft.columns)
    )  # fmt: skip
    return replace(draft, columns=columns, time_format=" ".join(places.values()))


def _fits(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)
    except ValueError:
        return False
    return True


def _in_parts(draft: PastDraft) -> PastDraft:
    """With a time that stands in several columns: year, month, day and perhaps more."""
    found = [c.name for c in draft.columns if guess.plain(c.name) in _PARTS]
    letters = [_PARTS[guess.plain(name)] for name in found]
    if len(set(letters)) < len(letters) or not {"%Y", "%m", "%d"} <= set(letters):
        return draft
    why = "a part of the time"
    columns = tuple(
        replace(c, role=TIME, unit="", why=why) if c.name in found else c for c in draft.columns
    )
    return replace(draft, columns=columns, time_format=" ".join(letters))


def _timed(draft: PastDraft, cells: Sequence[Sequence[str]]) -> PastDraft:
    """With the time of the first column that is one throughout, unless it has one already."""
    if draft.of_role(TIME):
        return draft
    for column, texts in zip(draft.columns, cells, strict=True):
        filled = [c for c in texts[:50] if c]
        form = guess.time_format(filled) if filled else ""
        if form and (guess.is_time_name(column.name) or form not in ("s", "ms", "us")):
            why = f"every value is a moment ({form})"
            columns = tuple(
                replace(c, role=TIME, why=why) if c is column else c for c in draft.columns
            )
            return replace(draft, columns=columns, time_format=form)
    return draft


_ROLE_OF: Final = {
    mapping_draft.VALUE: VALUE,
    mapping_draft.TIME: TIME,
    mapping_draft.NAME: STREAM,
    mapping_draft.QUALITY: "quality",
}


def _shaped(draft: PastDraft) -> PastDraft:
    """Long where a column names the datastreams and another is just called `value`, else wide."""
    columns = list(draft.columns)
    bare = next((c for c in columns if c.role == VALUE and guess.is_bare_value(c.name)), None)
    words = {c.name: guess.plain(c.name) for c in columns}
    named = [c for c in columns if words[c.name] in _MORE_STREAMS and c.role != TIME]
    named = named or [c for c in columns if c.role == STREAM]
    if bare is None or not named:
        # a table with a column for each datastream: the names of devices are no use to it
        kept = [replace(c, role=IGNORED) if c.role == STREAM else c for c in columns]
        return replace(draft, columns=tuple(kept))
    stream = named[0]
    for at, column in enumerate(columns):
        if column.name == stream.name:
            columns[at] = replace(column, role=STREAM, why="it tells the datastreams apart")
        elif column.name == bare.name:
            columns[at] = replace(column, role=VALUE, unit="")
        elif words[column.name] in _SOURCES or column.role == STREAM:
            columns[at] = replace(column, role="source", why="it says whose datastream it is")
        elif words[column.name] in ("unit", "units", "uom", "einheit"):
            columns[at] = replace(column, role="unit", why="it is the unit of each value")
        elif column.role == VALUE:
            columns[at] = replace(column, role=IGNORED, why="beside the value")
    return replace(draft, columns=tuple(columns))


# ---------------------------------------------------------------- failures and work orders
def _orders(kind: str, columns: list[PastColumn], cells: Sequence[Sequence[str]]) -> PastDraft:
    wanted: tuple[tuple[str, tuple[str, ...]], ...]
    if kind == past_draft.FAILURES:
        wanted = (("asset", _ASSET), ("mode", _MODE), ("note", _NOTE))
    else:
        wanted = (
            ("created", _CREATED), ("closed", _CLOSED), ("due", _DUE), ("title", _TITLE),
            ("finding", _FINDING), ("state", _STATE), ("asset", _ASSET), ("id", _ID),
            ("note", _NOTE),
        )  # fmt: skip
    made, taken = [], set()
    for column in columns:
        word = guess.plain(column.name)
        role = next((r for r, names in wanted if word in names and r not in taken), IGNORED)
        taken.add(role)
        why = "by its name" if role != IGNORED else ""
        made.append(replace(column, role=role, why=why))
    main = TIME if kind == past_draft.FAILURES else "created"
    format = ""
    for at, column in enumerate(made):
        filled = [c for c in cells[at] if c]
        form = guess.time_format(filled[:50]) if filled else ""
        if main not in taken and form and (guess.is_time_name(column.name) or form == "iso"):
            made[at] = column = replace(column, role=main, why=f"every value is a moment ({form})")
            taken.add(main)
        if column.role == main:
            format = form
    return PastDraft(kind, time_format=format or "iso", columns=tuple(made))
