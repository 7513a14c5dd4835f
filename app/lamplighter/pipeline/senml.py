"""Reads SenML (RFC 8428) in JSON and CBOR: base fields carried on, times and names resolved.

A record's values become points named by its resolved name; a sum becomes `name/sum`. What the
standard says must be understood and is not (a newer version, a field ending in `_`) sets the whole
message aside; a record with a fault of its own is set aside alone.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Final

from lamplighter.pipeline.careful import (
    MAX_NAME,
    Fault,
    PointFault,
    Salvaged,
    parse,
    plain_json,
    storable,
    value_fault,
)
from lamplighter.pipeline.cbor import CborError, read_cbor

VERSION: Final = 10
ABSOLUTE_FROM: Final = 2.0**28
"""seconds; a smaller time is relative to now"""
_LATEST: Final = 1e12
"""seconds; beyond it no clock is right"""
_LABELS: Final = {
    -1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs",
    0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 5: "s", 6: "t", 7: "ut", 8: "vd",
}  # fmt: skip
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*", re.ASCII)
_VALUES: Final = ("v", "vs", "vb", "vd")
_UNITS: Final = {"Cel": "°C", "%RH": "%", "/": "", "degL": "°", "lat": "°", "lon": "°"}


@dataclass(slots=True)
class _Base:
    name: str = ""
    time: float = 0.0
    unit: str = ""
    value: float | None = None
    sum: float | None = None


@dataclass(slots=True)
class Pack:
    """The points of one message, their units beside them."""

    saved: Salvaged
    units: list[str]
    own_time: bool = True
    """every record said an absolute time"""


def read_senml(payload: bytes, received_ms: int) -> Pack | Fault:
    """All points of a pack. Never raises."""
    records = _records(payload)
    if isinstance(records, Fault):
        return records
    pack, base, version = Pack(Salvaged(0, 0, 0), []), _Base(), 0
    for record in records:
        strange = next((k for k in record if isinstance(k, str) and k.endswith("_")), None)
        if strange is not None:
            return Fault("D-113", f"SenML with '{storable(strange)[0][:40]}', which is not known")
        said = record.get("bver", version or VERSION)
        if not _is_number(said) or said > VERSION or (version and said != version):
            return Fault("D-113", "SenML of another version")
        version = int(said)
        fault = _carry(base, record)
        if fault:
            return Fault("D-113", f"SenML with {fault}")
        _record(pack, base, record, received_ms)
    return pack


def _records(payload: bytes) -> list[dict[str, Any]] | Fault:
    binary = payload[:1] and payload[0] >> 5 == 4
    tree: Any
    if binary:
        try:
            tree = read_cbor(payload)
        except CborError as error:
            return Fault("D-113", f"no SenML: {error}")
        if isinstance(tree, list):
            tree = [
                {_LABELS.get(k, k) if isinstance(k, int) else k: v for k, v in r.items()}
                if isinstance(r, dict) else r
                for r in tree
            ]  # fmt: skip
    else:
        tree = parse(payload)
    if isinstance(tree, Fault):
        return tree
    if not isinstance(tree, list) or not all(isinstance(r, dict) for r in tree):
        return Fault("D-113", "no SenML: it is no list of records")
    return tree


def _carry(base: _Base, record: dict[str, Any]) -> str:
    """Take the base fields of a record; what is wrong with one, in words."""
    for key, kind in (("bn", str), ("bu", str)):
        if key in record and not isinstance(record[key], kind):
            return f"'{key}' that is no text"
    for key in ("bt", "bv", "bs"):
        if key in record and not _is_number(record[key]):
            return f"'{key}' that is no number"
    base.name = record.get("bn", base.name)
    base.unit = record.get("bu", base.unit)
    base.time = float(record.get("bt", base.time))
    base.value = record.get("bv", base.value)
    base.sum = record.get("bs", base.sum)
    return ""


def _record(pack: Pack, base: _Base, record: dict[str, Any], received_ms: int) -> None:
    given = [key for key in _VALUES if key in record]
    named = any(key in record for key in ("n", "t", "u"))
    if not given and "s" not in record and not (base.value is not None and named):
        return  # base fields alone
    name = base.name + str(record.get("n", ""))
    time = _time(pack, base, record, received_ms)
    unit = str(record.get("u", base.unit))
    if "s" in record:
        found = record["s"]
        summed = found + (base.sum or 0) if _is_number(found) else found
        _point(pack, f"{name}/sum", time, summed, f"{unit}.s" if unit else "", record)
    if len(given) > 1:
        _wrong(pack, name, "more than one value", record)
    elif not given:
        if "s" not in record:
            _point(pack, name, time, base.value, unit, record)
    elif given[0] == "v":
        value = record["v"]
        value = value + (base.value or 0) if _is_number(value) else value
        _point(pack, name, time, value, unit, record)
    elif given[0] == "vb" and isinstance(record["vb"], bool):
        _point(pack, name, time, float(record["vb"]), "", record)
    elif given[0] == "vs" and isinstance(record["vs"], str):
        _point(pack, name, time, storable(record["vs"])[0], "", record)
    else:
        what = "bytes, which are no single value" if given[0] == "vd" else "a value of another kind"
        _wrong(pack, name, what, record)


def _point(pack: Pack, name: str, time: int, value: Any, unit: str, record: dict[str, Any]) -> None:
    bad = value_fault(value)
    if bad is not None:
        _wrong(pack, name, bad[1], record, bad[0])
        return
    if isinstance(value, float) and not math.isfinite(value):
        _wrong(pack, name, "not a finite number", record, "D-101")
        return
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        _wrong(pack, name, "a name that SenML does not allow", record)
        return
    saved = pack.saved
    saved.places.append(saved.points)
    saved.points += 1
    saved.names.append(name)
    saved.times.append(time)
    saved.values.append(value if isinstance(value, str) else float(value))
    saved.qualities.append("good")
    pack.units.append(_UNITS.get(unit, storable(unit)[0][:40]))


def _time(pack: Pack, base: _Base, record: dict[str, Any], received_ms: int) -> int:
    offset = record.get("t", 0)
    seconds = base.time + float(offset) if _is_number(offset) else math.nan
    if not abs(seconds) < _LATEST:
        pack.saved.clock_unreadable.append(len(pack.saved.names))
        return 0
    if seconds >= ABSOLUTE_FROM:
        return round(seconds * 1000)
    pack.own_time = False
    return received_ms + round(seconds * 1000)


def _wrong(pack: Pack, name: str, what: str, record: dict[str, Any], code: str = "D-113") -> None:
    saved = pack.saved
    shown = storable(name)[0][:MAX_NAME] or "?"
    saved.faults.append(PointFault(code, shown, what, saved.points, plain_json(record)))
    saved.points += 1


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
