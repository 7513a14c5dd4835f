"""SunSpec: a device says itself which models it has; the definitions say what stands in them.

The definitions are the JSON files `model_<id>.json` of the SunSpec Alliance; the user names the
folder. A model without a definition is passed over and told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lamplighter.domain.problems import fault
from lamplighter.sources.registers import NOT_GIVEN, Register, decode

BASES: Final = (40_000, 50_000, 0)
MARK: Final = (0x5375, 0x6E53)
"""the words "SunS" """
END: Final = 0xFFFF
MOST_MODELS: Final = 200
MOST_REPEATS: Final = 500
_FILE: Final = re.compile(r"model_(\d+)\.json")
_PLAIN: Final = {
    "acc16": "uint16",
    "acc32": "uint32",
    "acc64": "uint64",
    "enum16": "uint16",
    "enum32": "uint32",
    "bitfield16": "uint16",
    "bitfield32": "uint32",
    "bitfield64": "uint64",
    "raw16": "uint16",
    "count": "uint16",
}
_SKIPPED: Final = frozenset({"pad", "sunssf", "ipaddr", "ipv6addr", "eui48"})
_UNITS: Final = {
    "C": "°C", "Secs": "s", "mSecs": "ms", "Pct": "%", "mps": "m/s", "HPa": "hPa", "Varh": "varh",
    "Var": "var", "AH": "Ah", "deg": "°", "ohms": "Ω", "kO": "kΩ", "cos()": "1",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Model:
    """A definition: the tree of its groups as the file has it."""

    id: int
    name: str
    group: Mapping[str, Any]


@dataclass(slots=True)
class Laid:
    """A model of a device, laid out: where each of its values stands, relative to its start."""

    values: list[Register] = field(default_factory=list)
    fixed: list[Register] = field(default_factory=list)
    """values that never change: maker, type, serial number"""


@dataclass(frozen=True, slots=True)
class Place:
    """A model in a device: address of its first word (the id) and words behind id and length."""

    id: int
    address: int
    length: int

    @property
    def words(self) -> int:
        return self.length + 2


def read_models(folder: Path) -> dict[int, Model]:
    """All definitions of a folder. Raises I-507 or I-504 when there is none."""
    try:
        files = sorted(folder.iterdir())
    except OSError as error:
        raise fault("I-507", name=folder.name, what=error.strerror or "unreadable") from None
    models = {}
    for file in files:
        if _FILE.fullmatch(file.name) is None:
            continue
        try:
            tree = json.loads(file.read_bytes())
            model = Model(int(tree["id"]), str(tree["group"]["name"]), tree["group"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise fault("I-504", name=file.name, what=f"no SunSpec model: {error}") from None
        models[model.id] = model
    if not models:
        raise fault("I-504", name=folder.name, what="no model_<id>.json in it")
    return models


def lay_out(model: Model, words: Sequence[int], prefix: str) -> Laid:
    """Where the values of a model stand. `words`: the model's words, id and length included.

    Addresses are relative to the model's first word; names are `prefix/point`. Never raises on
    what a device says.
    """
    laid = Laid()
    _group(model.group, 0, words, prefix, {}, {}, laid)
    return laid


def _group(
    group: Mapping[str, Any],
    at: int,
    words: Sequence[int],
    prefix: str,
    scales: Mapping[str, int],
    counts: Mapping[str, int],
    laid: Laid,
) -> int:
    """Lay out one group from `at` on; returns where it ends."""
    points = [p for p in group.get("points", ()) if isinstance(p, dict)]
    places = {}
    end = at
    for point in points:
        places[str(point.get("name"))] = end
        end += _size(point)
    scales = {
        **scales,
        **{str(p["name"]): places[p["name"]] for p in points if p.get("type") == "sunssf"},
    }
    here = {str(p["name"]): words[places[p["name"]]] for p in points if _counts(p, places, words)}
    counts = {**counts, **here}
    for point in points:
        register = _register(point, places[str(point.get("name"))], prefix, scales)
        if register is not None and register.address + register.size <= len(words):
            (laid.fixed if point.get("static") == "S" else laid.values).append(register)
    for inner in group.get("groups", ()):
        end = _repeated(inner, end, words, prefix, scales, counts, laid)
    return end


def _repeated(
    group: Mapping[str, Any],
    at: int,
    words: Sequence[int],
    prefix: str,
    scales: Mapping[str, int],
    counts: Mapping[str, int],
    laid: Laid,
) -> int:
    count = group.get("count", 1)
    if isinstance(count, str):
        count = counts.get(count, 0)
        count = 0 if count == END else count
    many = group.get("count") is not None
    number = 0
    while at < len(words) and number < MOST_REPEATS and (count == 0 or number < count):
        if isinstance(group.get("count"), str) and count == 0:
            break
        number += 1
        name = f"{prefix}/{group.get('name', 'group')}" + (f".{number}" if many else "")
        end = _group(group, at, words, name, scales, counts, laid)
        if end <= at or end > len(words):
            break
        at = end
    return at


def _counts(point: Mapping[str, Any], places: Mapping[str, int], words: Sequence[int]) -> bool:
    kind = point.get("type")
    return kind in ("count", "uint16") and places[str(point.get("name"))] < len(words)


def _size(point: Mapping[str, Any]) -> int:
    size = point.get("size", 1)
    return size if isinstance(size, int) and 0 < size < 256 else 1


def _register(
    point: Mapping[str, Any], at: int, prefix: str, scales: Mapping[str, int]
) -> Register | None:
    kind, name = str(point.get("type")), str(point.get("name"))
    if kind in _SKIPPED or name in ("ID", "L"):
        return None
    size = _size(point)
    plain = f"string{size}" if kind == "string" else _PLAIN.get(kind, kind)
    scale, scale_from = 1.0, None
    power = point.get("sf")
    if isinstance(power, int) and -10 <= power <= 10:
        scale = 10.0**power
    elif isinstance(power, str):
        scale_from = scales.get(power)
    nothing = {NOT_GIVEN[plain]} if plain in NOT_GIVEN else set()
    if kind.startswith("acc"):
        nothing = {0}
    if kind == "bitfield32":
        nothing |= {0x80000000}
    states = {}
    for symbol in point.get("symbols", ()) if kind.startswith("enum") else ():
        if isinstance(symbol, dict) and isinstance(symbol.get("value"), int):
            states[symbol["value"]] = str(symbol.get("name", symbol["value"]))
    unit = str(point.get("units", "")).strip()
    register = Register(
        f"{prefix}/{name}",
        at,
        type=plain,
        scale=scale,
        scale_from=scale_from,
        unit=_UNITS.get(unit, unit),
        missing=frozenset(nothing),
        states=states,
    )
    try:
        return register if register.size == size else None
    except ValueError:
        return None


def values_of(
    registers: Sequence[Register], words: Sequence[int]
) -> list[tuple[Register, float | str]]:
    """What the words of a model say; values the device does not have are left out."""
    found = []
    for register in registers:
        part = words[register.address : register.address + register.size]
        at = register.scale_from
        power = words[at] if at is not None and at < len(words) else None
        value = decode(part, register, power)
        if value is not None:
            found.append((register, value))
    return found
