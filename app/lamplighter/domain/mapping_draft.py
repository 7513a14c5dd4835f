"""A mapping in the making: what each field of a real message stands for, before it is a file.

The recorder proposes a draft from the messages a feed sends, a person changes it by pointing at
fields, and `to_toml` writes it as the mapping file that every feed reads. Values only; no I/O.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

VALUE, TIME, NAME, QUALITY, IGNORED = "value", "time", "name", "quality", "ignored"
ROLES: Final = (VALUE, TIME, NAME, QUALITY, IGNORED)
_HOLE: Final = re.compile(r"\{([^{}]+)\}")


class FieldDraft(Struct, frozen=True):
    """One plain field of a record and what it stands for."""

    path: tuple[str, ...]
    """names that lead to it from the record; empty: the record itself"""
    role: str = IGNORED
    label: str = ""
    """last part of the datastream's name; empty: the field's own name"""
    unit: str = ""
    sample: str = ""
    """the newest value, as text"""
    kind: str = "number"
    """number | numeric text | text | boolean"""
    seen: int = 0
    """records that have it"""
    low: float | None = None
    high: float | None = None
    why: str = ""
    """why it is proposed like this, in words"""

    @property
    def name(self) -> str:
        """The path as a person reads it."""
        return ".".join(self.path) or "value"


class MappingDraft(Struct, frozen=True):
    """A whole mapping. `fields` in the order of the message."""

    name: str
    topics: tuple[str, ...] = ()
    source: str = ""
    records: tuple[str, ...] = ()
    """steps to the records: names, `[]` for a list, `*` for an object"""
    time_format: str = "ms"
    fields: tuple[FieldDraft, ...] = ()
    format: str = "json"
    """json | csv"""
    quality_words: dict[str, str] = {}
    prefix: str = ""
    """what stands before a value's name in its datastream, e.g. `{1}` or `{id}`"""
    extra: dict[str, str | int | float] = {}
    """further keys of the mapping file, kept as they are"""

    def of_role(self, role: str) -> tuple[FieldDraft, ...]:
        """The fields with this role."""
        return tuple(f for f in self.fields if f.role == role)


def with_field(draft: MappingDraft, path: tuple[str, ...], **changes: object) -> MappingDraft:
    """The draft with one field changed; only one field may be time, name or quality."""
    role = changes.get("role")
    single = role in (TIME, NAME, QUALITY)
    fields = []
    for one in draft.fields:
        if one.path == path:
            one = replace(one, **changes)
        elif single and one.role == role:
            one = replace(one, role=IGNORED)
        fields.append(one)
    changed = replace(draft, fields=tuple(fields))
    if changed.of_role(NAME) != draft.of_role(NAME):
        changed = replace(changed, prefix=_prefix(changed))
    return changed


def _prefix(draft: MappingDraft) -> str:
    names = draft.of_role(NAME)
    if names:
        return "{" + ".".join(names[0].path) + "}"
    if "*" in draft.records:
        return "{key}"
    return ""


def datastream_name(draft: MappingDraft, field: FieldDraft) -> str:
    """The template of a value's datastream, as the mapping file has it."""
    label = field.label or field.name
    return f"{draft.prefix}/{label}" if draft.prefix else label


def to_toml(draft: MappingDraft) -> str:
    """The draft as the text of a mapping file; it always ends with a line end."""
    lines = [f"name = {_quoted(draft.name)}"]
    if draft.topics:
        if len(draft.topics) == 1:
            lines.append(f"topic = {_quoted(draft.topics[0])}")
        else:
            lines.append(f"topics = {_list(draft.topics)}")
    if draft.format != "json":
        lines.append(f"format = {_quoted(draft.format)}")
    lines += [f"{key} = {_scalar(value)}" for key, value in draft.extra.items()]
    if draft.source and draft.source != draft.name:
        lines.append(f"source = {_quoted(draft.source)}")
    if draft.records:
        lines.append(f"records = {_quoted(records_text(draft.records))}")
    times, qualities = draft.of_role(TIME), draft.of_role(QUALITY)
    if times:
        lines += [f"time = {_path(times[0].path)}", f"time_format = {_quoted(draft.time_format)}"]
    if qualities:
        lines.append(f"quality = {_path(qualities[0].path)}")
        if draft.quality_words:
            words = draft.quality_words.items()
            pairs = ", ".join(f"{_quoted(word)} = {_quoted(means)}" for word, means in words)
            lines.append(f"quality_words = {{ {pairs} }}")
    for field in draft.of_role(VALUE):
        lines += ["", "[[values]]", f"datastream = {_quoted(datastream_name(draft, field))}"]
        lines.append(f"value = {_path(field.path)}")
        if field.unit:
            lines.append(f"unit = {_quoted(field.unit)}")
        if field.kind == "numeric text":
            lines.append("text_numbers = true")
    return "\n".join(lines) + "\n"


def records_text(steps: Iterable[str]) -> str:
    """`("data", "[]")` as the file writes it: `data[]`."""
    text = ""
    for step in steps:
        if step == "[]":
            text += "[]"
        else:
            text += f".{step}" if text else step
    return text


def _path(path: tuple[str, ...]) -> str:
    if any("." in part or not part or part.startswith("$") for part in path):
        return _list(path)
    return _quoted(".".join(path))


def _list(parts: Iterable[str]) -> str:
    return "[" + ", ".join(_quoted(p) for p in parts) + "]"


def _scalar(value: str | int | float) -> str:
    return _quoted(value) if isinstance(value, str) else repr(value)


def _quoted(text: str) -> str:
    """A TOML basic string; JSON's escapes are a part of TOML's, but for the DEL character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
