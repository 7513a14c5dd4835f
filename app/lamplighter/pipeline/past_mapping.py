"""How a table of the past is read: which columns are what, in which time zone, in which units.

TOML. A long table has one value a row, a wide one a column for each datastream:

    kind = "observations"            # observations (default) | failures | work orders
    source = "scada"                 # of datastreams whose row or entry names none
    delimiter = ";"                  # default: found out
    decimal = ","                    # default: a point
    encoding = "utf-8"

    [time]
    column = "Zeitpunkt"             # or columns = ["year", "month", "day", "hour"] with
    format = "%d.%m.%Y %H:%M"        # a pattern of blanks between; iso (default) | ms | s | us
    zone = "Europe/Berlin"           # of times that name none; default UTC

    [long]                           # without it the table is wide
    datastream = "tag"
    value = "value"
    source = "station"               # optional columns
    quality = "status"
    unit = "unit"

    [wide]
    columns = ["P-17", "P-18"]       # default: every column but the time

    [quality]                        # words of the quality column; unknown ones are uncertain
    OK = "good"

    [datastreams."P-17"]             # a tag or a column of the file
    datastream = "P-17 pressure"     # default: the tag itself
    source = "pumping station"
    unit = "psi"                     # of the file's values
    to = "bar"                       # default: the datastream's own unit
    scale = 1.0
    offset = 0.0
    text = false                     # true: its values are words

Failures and work orders name their columns: `[columns]` with `asset`, `time`, `mode`, `note`, or
with `id`, `asset`, `title`, `state`, `created`, `due`, `closed`, `finding`.
"""

from __future__ import annotations

import tomllib
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct, field

from lamplighter.domain.problems import LamplighterError, fault

KINDS: Final = ("observations", "failures", "work orders")
EXPORT_HEAD: Final = ("source", "datastream", "phenomenon_time_ms", "value", "quality")
"""columns by which our own export is known"""


class PastTime(Struct, frozen=True, forbid_unknown_fields=True):
    column: str = ""
    columns: tuple[str, ...] = ()
    """several columns, read as one text with blanks between them"""
    format: str = "iso"
    zone: str = "UTC"


class PastLong(Struct, frozen=True, forbid_unknown_fields=True):
    datastream: str
    value: str
    source: str = ""
    quality: str = ""
    unit: str = ""


class PastWide(Struct, frozen=True, forbid_unknown_fields=True):
    columns: tuple[str, ...] = ()


class PastStream(Struct, frozen=True, forbid_unknown_fields=True):
    datastream: str = ""
    source: str = ""
    unit: str = ""
    to: str = ""
    scale: float = 1.0
    offset: float = 0.0
    text: bool = False


class PastMapping(Struct, frozen=True, forbid_unknown_fields=True):
    """See the module."""

    kind: str = "observations"
    source: str = ""
    delimiter: str = ""
    decimal: str = "."
    encoding: str = "utf-8"
    time: PastTime | None = None
    long: PastLong | None = None
    wide: PastWide | None = None
    quality: dict[str, str] = field(default_factory=dict)
    datastreams: dict[str, PastStream] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    name: str = ""


OWN_EXPORT: Final = PastMapping(
    time=PastTime("phenomenon_time_ms", format="ms"),
    long=PastLong("datastream", "value", "source", "quality"),
    quality={"good": "good", "uncertain": "uncertain", "bad": "bad", "stale": "uncertain"},
)
"""reads what `export --observations` wrote"""


def read_past_mapping(text: str, name: str) -> PastMapping:
    """Raises LamplighterError (U-801) that says what is wrong with it."""
    try:
        found = msgspec.convert(tomllib.loads(text), PastMapping)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeError) as error:
        raise _wrong(name, str(error)) from None
    if found.kind not in KINDS:
        raise _wrong(name, f"kind is one of {', '.join(KINDS)}")
    if found.decimal not in (".", ","):
        raise _wrong(name, "decimal is a point or a comma")
    if found.kind == "observations":
        _check_observations(found, name)
    elif "asset" not in found.columns or not ({"time", "created"} & found.columns.keys()):
        raise _wrong(name, "[columns] needs asset and time (or created)")
    if found.time is not None:
        try:
            ZoneInfo(found.time.zone)
        except (KeyError, ValueError, OSError):
            raise _wrong(name, f"there is no time zone {found.time.zone}") from None
    try:
        "".encode(found.encoding)
    except LookupError:
        raise _wrong(name, f"there is no encoding {found.encoding}") from None
    words = set(found.quality.values()) - {"good", "uncertain", "bad"}
    if words:
        raise _wrong(name, f"quality {sorted(words)[0]} is none of good, uncertain, bad")
    return found


def _check_observations(found: PastMapping, name: str) -> None:
    if found.time is None or not (found.time.column or found.time.columns):
        raise _wrong(name, "[time] names no column")
    if found.long is not None and found.wide is not None:
        raise _wrong(name, "a table is either long or wide")
    sourced = found.source or (found.long is not None and found.long.source)
    if not sourced and not all(s.source for s in found.datastreams.values()):
        raise _wrong(name, "it names no source: whose datastreams these are")
    if not sourced and not found.datastreams:
        raise _wrong(name, "it names no source: whose datastreams these are")


def _wrong(name: str, what: str) -> LamplighterError:
    return fault("U-801", what=f"The mapping {name} cannot be used: {what}", name="import")


def digest_of(mapping: PastMapping) -> bytes:
    """The mapping as bytes that change when its meaning does."""
    body: Any = msgspec.to_builtins(mapping)
    body.pop("name", None)
    return msgspec.json.encode(body, order="sorted")
