"""From real messages to a proposed mapping: which fields are values, times, names and units.

Pure: example messages in, drafts out. The topics are grouped by the shape of what is sent on them,
one draft per group, the busiest first; a person chooses and corrects.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from lamplighter.domain.mapping_draft import (
    IGNORED,
    NAME,
    QUALITY,
    TIME,
    VALUE,
    FieldDraft,
    MappingDraft,
)
from lamplighter.pipeline import guess
from lamplighter.pipeline.careful import Fault, is_integer, parse

MOST_FIELDS: Final = 200
MOST_RECORDS: Final = 400
MOST_DEPTH: Final = 5
_PLAIN: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_COMMA: Final = re.compile(r"[+-]?\d+,\d+", re.ASCII)
_MANY_WORDS: Final = 12


@dataclass(slots=True)
class Group:
    """Topics whose messages look alike."""

    topic: str
    """the filter that takes them all; empty for a file"""
    topics: int
    messages: int
    draft: MappingDraft | None
    """None when nothing in it can be a value"""
    why_not: str = ""


@dataclass(slots=True)
class _Leaf:
    path: tuple[str, ...]
    values: list[Any] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.path[-1] if self.path else "value"


def propose(samples: Sequence[tuple[str, bytes]], name: str = "feed") -> list[Group]:
    """Groups of alike topics with a draft each, the best first. Never raises on a payload."""
    trees: list[tuple[str, Any, str]] = []
    unread: Counter[str] = Counter()
    for topic, payload in samples:
        tree, form = _read(payload)
        if isinstance(tree, Fault):
            unread[tree.what] += 1
        else:
            trees.append((topic, tree, form))
    groups = [_group(rows, name) for rows in _alike(trees)]
    groups.sort(key=lambda g: (g.draft is None, -g.messages))
    for why, count in unread.most_common(3):
        groups.append(Group("", 0, count, None, f"not readable: {why}"))
    return groups


def sampled(payload: bytes) -> list[tuple[str, bytes]]:
    """A file's content as example messages: JSON, JSON lines or CSV."""
    lines = [line for line in payload.splitlines() if line.strip()]
    if len(lines) > 1 and all(line.lstrip().startswith(b"{") for line in lines[:5]):
        one = parse(payload)
        if isinstance(one, Fault):
            return [("", line) for line in lines[:MOST_RECORDS]]
    return [("", payload)]


def _read(payload: bytes) -> tuple[Any, str]:
    tree = parse(payload)
    if not isinstance(tree, Fault):
        return (tree, "json") if isinstance(tree, dict | list) else ({"": tree}, "bare")
    rows = _table(payload)
    if rows is None:
        return tree, "json"
    commas = any(_COMMA.fullmatch(cell) for row in rows for cell in row.values())
    if commas:
        rows = [{name: _with_point(cell) for name, cell in row.items()} for row in rows]
    return rows, "csv with commas" if commas else "csv"


def _with_point(cell: str) -> str:
    return cell.replace(",", ".") if _COMMA.fullmatch(cell) else cell


def _table(payload: bytes) -> list[dict[str, str]] | None:
    """CSV rows by their column names; None when it is no table."""
    try:
        text = payload.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    lines = [line for line in text.splitlines() if line.strip()][: MOST_RECORDS + 1]
    if len(lines) < 2:
        return None
    mark = max(",;\t|", key=lines[0].count)
    if not lines[0].count(mark) or abs(lines[0].count(mark) - lines[1].count(mark)) > 0:
        return None
    try:
        rows = list(csv.reader(io.StringIO("\n".join(lines)), delimiter=mark))
    except csv.Error:
        return None
    head = [name.strip() for name in rows[0]]
    if any(_PLAIN.fullmatch(name) for name in head) or len(set(head)) < len(head):
        return None
    return [dict(zip(head, (cell.strip() for cell in row), strict=False)) for row in rows[1:]]


# ---------------------------------------------------------------- topics
def _alike(trees: list[tuple[str, Any, str]]) -> Iterator[list[tuple[str, Any, str]]]:
    """Messages whose topics have the same number of levels and whose bodies the same shape."""
    found: dict[Any, list[tuple[str, Any, str]]] = {}
    for topic, tree, form in trees:
        levels = topic.split("/")
        shape = _shape(tree)
        # several kinds of plain numbers share a shape: their topic's last level tells them apart
        last = levels[-1] if form == "bare" else ""
        found.setdefault((len(levels), form, shape, last), []).append((topic, tree, form))
    yield from found.values()


def _shape(tree: Any, depth: int = 0) -> Any:
    if isinstance(tree, dict):
        if depth >= 2:
            return "object"
        steps = _records(tree)
        if steps and "*" in steps:
            return "objects"
        return frozenset(str(key) for key in tree)
    return "list" if isinstance(tree, list) else "plain"


def _filter(topics: Sequence[str]) -> tuple[str, int]:
    """The filter for all topics and the number of its wildcard that tells most of them apart."""
    rows = [topic.split("/") for topic in topics]
    levels, varied = [], []
    for at in range(len(rows[0])):
        names = {row[at] for row in rows}
        levels.append(rows[0][at] if len(names) == 1 else "+")
        if len(names) > 1:
            varied.append(len(names))
    best = varied.index(max(varied)) + 1 if varied else 0
    return "/".join(levels), best


def _group(rows: list[tuple[str, Any, str]], name: str) -> Group:
    topics = sorted({topic for topic, _, _ in rows})
    text, capture = _filter(topics)
    draft = _draft(rows, name, text, capture)
    words = "" if draft is not None else "no field in it is a number or a state"
    return Group(text, len(topics), len(rows), draft, words)


# ---------------------------------------------------------------- records and fields
def _records(tree: Any, depth: int = 0) -> tuple[str, ...]:
    """Steps to the list or object of alike records that holds most of the message."""
    if depth > 3:
        return ()
    if isinstance(tree, list):
        inner = [t for t in tree if isinstance(t, dict)]
        return ("[]", *_records(inner[0], depth + 1)) if inner else ()
    if not isinstance(tree, dict):
        return ()
    dicts = [v for v in tree.values() if isinstance(v, dict)]
    if len(dicts) >= 2 and len(dicts) == len(tree) and _same(dicts):
        return ("*",)
    lists = [
        (len(v), k)
        for k, v in tree.items()
        if isinstance(v, list) and v and all(isinstance(i, dict) for i in v)
    ]
    if lists:
        _, key = max(lists)
        return (key, *_records(tree[key], depth + 1))
    for key, value in tree.items():
        if isinstance(value, dict) and (steps := _records(value, depth + 1)):
            return (key, *steps)
    return ()


def _same(dicts: Sequence[dict[str, Any]]) -> bool:
    """Whether these are records of one kind and not the parts of one record."""
    first = set(dicts[0])
    shared = set.intersection(*(set(d) for d in dicts))
    numbers = any(_number(v) is not None for v in dicts[0].values())
    return bool(shared) and len(shared) >= 0.6 * len(first) and numbers and len(dicts) >= 2


def _each(tree: Any, steps: tuple[str, ...]) -> Iterator[Any]:
    if not steps:
        yield tree
    elif steps[0] == "[]":
        for item in tree if isinstance(tree, list) else ():
            yield from _each(item, steps[1:])
    elif steps[0] == "*":
        for item in tree.values() if isinstance(tree, dict) else ():
            yield from _each(item, steps[1:])
    elif isinstance(tree, dict) and steps[0] in tree:
        yield from _each(tree[steps[0]], steps[1:])


def _leaves(records: Sequence[Any]) -> list[_Leaf]:
    found: dict[tuple[str, ...], _Leaf] = {}

    def walk(value: Any, path: tuple[str, ...]) -> None:
        if isinstance(value, dict) and len(path) < MOST_DEPTH:
            for key, item in value.items():
                walk(item, (*path, str(key)) if key != "" else path)
        elif isinstance(value, str | int | float) and len(found) < MOST_FIELDS:
            # neither null nor a number no column can hold says what the field is
            found.setdefault(path, _Leaf(path)).values.append(value)

    for record in records[:MOST_RECORDS]:
        walk(record, ())
    return list(found.values())


def _draft(
    rows: list[tuple[str, Any, str]], name: str, topic: str, capture: int
) -> MappingDraft | None:
    form, commas = rows[0][2].partition(" ")[0], "commas" in rows[0][2]
    best = max(rows, key=lambda r: len(str(r[1])))
    steps = ("[]",) if form == "csv" else _records(best[1])
    records = [record for _, tree, _ in rows for record in _each(tree, steps)]
    leaves = _leaves(records)
    fields, time_form, words, prefix = _roles(leaves, len(records), steps, capture)
    if not any(f.role == VALUE for f in fields):
        return None
    slug = _slug(topic, name)
    named = any(f.role == NAME for f in fields) or "*" in steps
    if form == "bare":  # the topic alone says what the number is
        fields = tuple(_bare(f, topic) for f in fields)
    source = slug if named or not capture else f"{slug}-{{{capture}}}"
    if not named and not prefix and capture and topic.count("+") > 1:
        prefix = "/".join(f"{{{n}}}" for n in range(1, topic.count("+") + 1) if n != capture)
    return MappingDraft(
        name=slug,
        topics=(topic,) if topic else (),
        source=source,
        records=() if form == "csv" else steps,
        time_format=time_form or "ms",
        fields=fields,
        format="csv" if form == "csv" else "json",
        quality_words=words,
        prefix=prefix,
        extra={"decimal": ","} if commas else {},
    )


def _bare(one: FieldDraft, topic: str) -> FieldDraft:
    from msgspec.structs import replace

    levels = [level for level in topic.split("/") if level and level != "+"]
    label = levels[-1] if levels else "value"
    unit, why = guess.unit_of(label)
    return replace(one, label=label, unit=unit, why=why)


def _slug(topic: str, name: str) -> str:
    levels = [level for level in topic.split("/") if level and level not in ("+", "#")]
    text = "-".join(levels[-2:]) or name
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-") or "feed"


# ---------------------------------------------------------------- roles
def _roles(
    leaves: list[_Leaf], records: int, steps: tuple[str, ...], capture: int
) -> tuple[tuple[FieldDraft, ...], str, dict[str, str], str]:
    time_leaf, time_form = _time(leaves)
    name_leaf = None if "*" in steps else _name(leaves, records, capture)
    parameter = _parameter(leaves, name_leaf, time_leaf)
    words: dict[str, str] = {}
    prefix = "{key}" if "*" in steps else ""
    if name_leaf is not None:
        prefix = "{" + ".".join(name_leaf.path) + "}"
    fields = []
    for leaf in leaves:
        role, label, unit, why = _role(leaf)
        if leaf is time_leaf:
            role, label, unit, why = TIME, "", "", f"every value is a moment ({time_form})"
        elif leaf is name_leaf:
            role, label, unit, why = NAME, "", "", "it tells the devices apart"
        elif (found := guess.quality_words(leaf.name, _different(leaf))) is not None and not words:
            role, label, unit, why, words = QUALITY, "", "", "it says how good the value is", found
            words = found or {"good": "good"}
        elif role == VALUE and parameter is not None and guess.is_bare_value(leaf.name):
            label, why = "{" + ".".join(parameter.path) + "}", f"{parameter.name} says what it is"
            unit = _unit_beside(leaves)
        fields.append(_field(leaf, role, label, unit, why))
    if words == {"good": "good"}:
        words = {}
    return tuple(fields), time_form, words, prefix


def _field(leaf: _Leaf, role: str, label: str, unit: str, why: str) -> FieldDraft:
    numbers = [n for n in map(_number, leaf.values) if n is not None]
    newest = leaf.values[-1]
    return FieldDraft(
        leaf.path,
        role,
        label,
        unit,
        ("true" if newest else "false") if isinstance(newest, bool) else str(newest)[:80],
        _kind(leaf),
        len(leaf.values),
        min(numbers) if numbers else None,
        max(numbers) if numbers else None,
        why,
    )


def _kind(leaf: _Leaf) -> str:
    if all(isinstance(v, bool) for v in leaf.values):
        return "boolean"
    if all(_number(v) is not None for v in leaf.values):
        return "numeric text" if any(isinstance(v, str) for v in leaf.values) else "number"
    return "text"


def _role(leaf: _Leaf) -> tuple[str, str, str, str]:
    """(role, label, unit, why) from the field alone."""
    kind = _kind(leaf)
    if kind == "text":
        few = len(_different(leaf)) <= _MANY_WORDS
        if guess.is_state(leaf.name) and few:
            return VALUE, "", "", "a state in words"
        return IGNORED, "", "", "text"
    if guess.is_not_wanted(leaf.name):
        return IGNORED, "", "", "seldom worth a history"
    if guess.is_name(leaf.name) > 1 and kind != "boolean":
        return IGNORED, "", "", "an identity, no measurement"
    unit, why = guess.unit_of(leaf.name) if kind != "boolean" else ("", "on or off")
    return VALUE, "", unit, why


def _time(leaves: list[_Leaf]) -> tuple[_Leaf | None, str]:
    """The field with the moment of measuring: by its name, else by its values alone."""
    for by_name in (True, False):
        for leaf in leaves:
            if guess.is_time_name(leaf.name) == by_name:
                form = guess.time_format(leaf.values[:50])
                if form and (by_name or form == "iso"):
                    return leaf, form
    return None, ""


def _name(leaves: list[_Leaf], records: int, capture: int) -> _Leaf | None:
    """The field that tells devices apart. With a wildcard in the topic one is needed only when
    its values differ more than the topics do.
    """
    ranked = []
    for leaf in leaves:
        score = guess.is_name(leaf.name)
        if not score or not all(isinstance(v, str) or is_integer(v) for v in leaf.values):
            continue
        if any(isinstance(v, str) and len(v) > 80 for v in leaf.values):
            continue
        many = len(_different(leaf)) > 1
        if capture and not many:
            continue
        ranked.append((many, len(leaf.values) >= 0.9 * records, score, -len(leaf.path), leaf))
    return max(ranked, key=lambda r: r[:4])[4] if ranked else None


def _parameter(leaves: list[_Leaf], *taken: _Leaf | None) -> _Leaf | None:
    """The field that names the quantity, where values are called just `value`."""
    if not any(guess.is_bare_value(leaf.name) and _kind(leaf) != "text" for leaf in leaves):
        return None
    fits = [x for x in leaves if x not in taken and guess.is_parameter(x.name)]
    return next((x for x in fits if all(isinstance(v, str) for v in x.values)), None)


def _unit_beside(leaves: list[_Leaf]) -> str:
    """The unit a field of its own states, when it is one for all."""
    for leaf in leaves:
        if guess.plain(leaf.name) in ("unit", "units", "uom", "u", "einheit"):
            words = _different(leaf)
            return str(words[0]) if len(words) == 1 else ""
    return ""


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str) and _PLAIN.fullmatch(value.strip()):
        return float(value)
    return None


def _different(leaf: _Leaf) -> list[Any]:
    return list(dict.fromkeys(leaf.values))
