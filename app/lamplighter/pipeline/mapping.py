"""A mapping file says where in foreign JSON the names, values and times are.

TOML, an example:

    name = "Weather masts"
    topic = "city/weather/+/state"      # MQTT filter; what + and # stand for is {1}, {2} ...
    source = "mast-{1}"                 # default: the mapping's name
    records = "data.items[]"            # [] walks a list, .* an object; default: the whole message
    time = "ts"                         # default: our receive time
    time_format = "ms"                  # ms | s | us | iso | a strptime pattern
    zone = "Europe/Berlin"              # of times that name none; default UTC
    quality = "status"
    quality_words = { ok = "good", "0" = "good", fault = "bad" }

    [[values]]
    datastream = "{id}/temperature"     # {1} captures, {key} of a walked object, {any.path}
    value = "temp"                      # a path; "" the record itself; "*" every plain field
    unit = "°C"
    scale = 1.0
    offset = 0.0
    text_numbers = false                # true: "21.5" is a number

A path is names joined by dots, or a list of names when a name holds a dot. Pages and files have no
topic; for them also:

    interval_s = 60                     # how often a page is asked for
    format = "csv"                      # json (default) | jsonl | csv | senml (no [[values]])
    separator = ";"                     # csv; default: found out
    decimal = ","                       # csv; default: a point
    columns = ["time", "level"]         # csv without a line of names

A row of a CSV is a record; its cells are numbers where they look like numbers, empty ones absent.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lamplighter.domain.problems import LamplighterError, fault

Path = tuple[str, ...]
_HOLE: Final = re.compile(r"\{([^{}]+)\}")
_TIME_WORDS: Final = frozenset({"ms", "s", "us", "iso"})
_QUALITIES: Final = frozenset({"good", "uncertain", "bad"})
_KEYS: Final = frozenset(
    {"name", "topic", "topics", "source", "records", "time", "time_format", "quality"}
    | {"quality_words", "values", "interval_s", "format", "separator", "decimal", "columns", "zone"}
)
_VALUE_KEYS: Final = frozenset(
    {"datastream", "value", "unit", "scale", "offset", "text_numbers", "time", "time_format"}
)
EVERY_FIELD: Final[Path] = ("*",)


@dataclass(frozen=True, slots=True)
class TopicFilter:
    """An MQTT filter that remembers what its wildcards stood for."""

    text: str
    _pattern: re.Pattern[str] = field(repr=False)

    @staticmethod
    def of(text: str) -> TopicFilter:
        levels = text.split("/")
        parts = []
        for at, level in enumerate(levels):
            if level == "#" and at == len(levels) - 1:
                parts.append("(.*)")
            elif level == "+":
                parts.append("([^/]*)")
            elif (not level and len(levels) == 1) or "+" in level or "#" in level:
                raise ValueError(f"'{text}' is no topic filter")
            else:
                parts.append(re.escape(level))
        return TopicFilter(text, re.compile("/".join(parts)))

    def match(self, topic: str) -> tuple[str, ...] | None:
        found = self._pattern.fullmatch(topic)
        return found.groups() if found else None


@dataclass(frozen=True, slots=True)
class ValueRule:
    """One value of a record."""

    datastream: str
    value: Path
    unit: str
    scale: float
    offset: float
    text_numbers: bool
    time: Path | None
    time_format: str
    zone: ZoneInfo | None = None
    """of times that name none; None = UTC"""


@dataclass(frozen=True, slots=True)
class Mapping:
    """A checked mapping. `topics` is what its feed subscribes to."""

    name: str
    filters: tuple[TopicFilter, ...]
    source: str
    records: Path
    quality: Path | None
    quality_words: dict[str, str]
    values: tuple[ValueRule, ...]
    interval_s: float = 0.0
    """how often a page is asked for; 0 = not said"""
    format: str = "json"
    separator: str = ""
    decimal: str = "."
    columns: tuple[str, ...] = ()

    @property
    def topics(self) -> tuple[str, ...]:
        return tuple(f.text for f in self.filters)

    def captures(self, topic: str) -> tuple[str, ...] | None:
        """What the wildcards stood for; None when the topic is none of ours."""
        for one in self.filters:
            found = one.match(topic)
            if found is not None:
                return found
        return None


def read_mapping(text: str, name: str = "mapping", *, topics: bool = True) -> Mapping:
    """A mapping from its text. Raises LamplighterError (U-801) that names the line or key.

    `topics`: whether its feed has any; pages and files have none.
    """
    try:
        return _mapping(tomllib.loads(text), name, topics)
    except (tomllib.TOMLDecodeError, ValueError, TypeError) as error:
        raise _bad(name, str(error)) from None


def fill(template: str, values: dict[str, str]) -> str | None:
    """The template with its {holes} filled; None when one has no value."""
    missing = False

    def put(match: re.Match[str]) -> str:
        nonlocal missing
        found = values.get(match.group(1))
        missing = missing or found is None
        return found or ""

    out = _HOLE.sub(put, template)
    return None if missing else out


def holes(template: str) -> list[str]:
    """The names of a template's {holes}."""
    return _HOLE.findall(template)


def _mapping(tree: dict[str, Any], name: str, needs_topic: bool) -> Mapping:
    _only(tree, _KEYS, "the mapping")
    name = _text(tree, "name", name)
    topics = tree.get("topics", [tree["topic"]] if "topic" in tree else [])
    if not isinstance(topics, list) or not all(isinstance(t, str) for t in topics):
        raise ValueError("'topics' must be texts")
    if needs_topic and not topics:
        raise ValueError("'topic' is missing")
    source = _text(tree, "source", name)
    if any(not hole.isdigit() for hole in holes(source)):
        raise ValueError("'source' may only use captures of the topic, like {1}")
    words = tree.get("quality_words", {})
    if not isinstance(words, dict) or not _QUALITIES.issuperset(words.values()):
        raise ValueError("'quality_words' must give good, uncertain or bad")
    form = _text(tree, "format", "json")
    if form not in ("json", "jsonl", "csv", "senml"):
        raise ValueError(f"format '{form}' is not known (json, jsonl, csv, senml)")
    rows = tree.get("values", [] if form == "senml" else None)
    if not isinstance(rows, list) or bool(rows) == (form == "senml"):
        raise ValueError("SenML has no [[values]]" if form == "senml" else "no [[values]]")
    return Mapping(
        name,
        tuple(TopicFilter.of(topic) for topic in topics),
        source,
        _walk(tree.get("records", "" if form == "json" else "[]")),
        _path(tree["quality"]) if "quality" in tree else None,
        dict(words),
        tuple(_rule(row, tree, form) for row in rows),
        _number(tree, "interval_s", 0.0),
        form,
        _text(tree, "separator", ""),
        _text(tree, "decimal", "."),
        tuple(str(c) for c in tree.get("columns", ())),
    )


def _rule(row: Any, tree: dict[str, Any], form: str) -> ValueRule:
    if not isinstance(row, dict):
        raise ValueError("[[values]] must be a table")
    _only(row, _VALUE_KEYS, "[[values]]")
    if "value" not in row:
        raise ValueError("'value' is missing in [[values]]")
    time = row.get("time", tree.get("time"))
    time_format = _text({**tree, **row}, "time_format", "iso" if form == "csv" else "ms")
    if time_format not in _TIME_WORDS and "%" not in time_format:
        raise ValueError(f"time_format '{time_format}' is not known")
    value = _path(row["value"])
    default = "{field}" if value == EVERY_FIELD else ".".join(value) or "value"
    return ValueRule(
        _text(row, "datastream", default),
        value,
        _text(row, "unit", ""),
        _number(row, "scale", 1.0),
        _number(row, "offset", 0.0),
        row.get("text_numbers", form == "csv") is True,
        None if time is None else _path(time),
        time_format,
        _zone(tree),
    )


def _zone(tree: dict[str, Any]) -> ZoneInfo | None:
    name = _text(tree, "zone", "")
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name}") from None


def _path(value: Any) -> Path:
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return tuple(value)
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no path")
    return tuple(part for part in value.removeprefix("$").split(".") if part)


def _walk(value: Any) -> Path:
    """A path in which `[]` is a step of its own."""
    steps: list[str] = []
    for part in _path(value):
        name, brackets, _ = part.partition("[]")
        steps += [name] if name else []
        steps += ["[]"] * part.count("[]") if brackets else []
    return tuple(steps)


def _text(tree: dict[str, Any], key: str, default: str) -> str:
    value = tree.get(key, default)
    if not isinstance(value, str):
        raise ValueError(f"'{key}' must be a text")
    return value


def _number(tree: dict[str, Any], key: str, default: float) -> float:
    value = tree.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"'{key}' must be a number")
    return float(value)


def _only(tree: dict[str, Any], known: frozenset[str], where: str) -> None:
    odd = sorted(set(tree) - known)
    if odd:
        raise ValueError(f"'{odd[0]}' is unknown in {where}")


def _bad(name: str, what: str) -> LamplighterError:
    return fault("U-801", what=f"The mapping {name} cannot be used: {what}", name="feed")
