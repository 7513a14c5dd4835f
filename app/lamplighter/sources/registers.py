"""Register maps: where in a Modbus device which value stands, and how its words are read.

A map is TOML, or a CSV with the same names as its columns:

    interval_s = 2
    unit = 1                       # default: the address' path, else 1
    words = "big"                  # high word first; "little": low word first
    first = 0                      # 40001 when the manual counts holding registers from there

    [[registers]]
    datastream = "power"
    address = 36
    table = "holding"              # holding | input | coil | discrete
    type = "int32"                 # see `TYPES`
    scale = 0.1
    offset = 0.0
    scale_from = 40                # address of a power of ten beside it
    unit = "kW"
    missing = [0x80000000]         # what the device sends for "no value"
    bit = 3                        # one bit of the word
    states = { 0 = "off", 1 = "on" }
"""

from __future__ import annotations

import csv
import io
import math
import re
import struct
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from lamplighter.domain.problems import LamplighterError, fault

TABLES: Final = ("holding", "input", "coil", "discrete")
BITS: Final = ("coil", "discrete")
TYPES: Final[dict[str, tuple[int, str]]] = {
    "int16": (1, ">h"),
    "uint16": (1, ">H"),
    "int32": (2, ">i"),
    "uint32": (2, ">I"),
    "int64": (4, ">q"),
    "uint64": (4, ">Q"),
    "float32": (2, ">f"),
    "float64": (4, ">d"),
}
"""words and how their bytes are read; beside them `bool`, `bcd16`, `bcd32` and `string<words>`"""
NOT_GIVEN: Final = {
    "int16": 0x8000,
    "uint16": 0xFFFF,
    "int32": 0x80000000,
    "uint32": 0xFFFFFFFF,
    "int64": 0x8000000000000000,
    "uint64": 0xFFFFFFFFFFFFFFFF,
}
"""raw words that by common use mean: there is no value"""
NO_SCALE: Final = 0x8000
MOST_WORDS: Final = 125
MOST_BITS: Final = 2000
MOST_REGISTERS: Final = 20_000
BRIDGE: Final = 8
"""unused words read along to join two values into one question"""
_STRING: Final = re.compile(r"string(\d{1,2})")
_TEMPLATE_TYPE: Final = re.compile(r"((?:u?int|float)(?:16|32|64))(s)?(nan)?(s)?")


@dataclass(frozen=True, slots=True)
class Register:
    """One value of a device. `words` big: the high word comes first."""

    name: str
    address: int
    table: str = "holding"
    type: str = "uint16"
    words: str = "big"
    scale: float = 1.0
    offset: float = 0.0
    scale_from: int | None = None
    unit: str = ""
    missing: frozenset[int] = frozenset()
    bit: int | None = None
    states: Mapping[int, str] = field(default_factory=dict)
    device: int | None = None
    """Modbus unit; None = the feed's"""

    @property
    def size(self) -> int:
        """Words (or bits) it takes."""
        return size_of(self.type)


@dataclass(frozen=True, slots=True)
class RegisterMap:
    """A checked map."""

    name: str = ""
    registers: tuple[Register, ...] = ()
    interval_s: float = 0.0
    unit: int | None = None
    most_words: int = MOST_WORDS


@dataclass(frozen=True, slots=True)
class Block:
    """One question: `count` words (or bits) of a table from `start` on."""

    device: int
    table: str
    start: int
    count: int


def size_of(kind: str) -> int:
    """Words a type takes. Raises ValueError for an unknown type."""
    if kind in TYPES:
        return TYPES[kind][0]
    string = _STRING.fullmatch(kind)
    if string is not None and int(string[1]) > 0:
        return int(string[1])
    sizes = {"bool": 1, "bcd16": 1, "bcd32": 2}
    if kind not in sizes:
        raise ValueError(f"type '{kind}' is not known")
    return sizes[kind]


def decode(
    words: Sequence[int], register: Register, power: int | None = None
) -> float | str | None:
    """The value of a register's words; None when the device says there is none. Never raises.

    `power`: what stands at `scale_from`, the raw word.
    """
    kind = register.type
    form = TYPES.get(kind)
    if len(words) != (form[0] if form is not None else register.size):
        return None
    if kind == "bool":
        return _worded(register, 1 if words[0] else 0)
    bits = 0
    for word in words if register.words == "big" else reversed(words):
        bits = bits << 16 | (word & 0xFFFF)
    if form is None and kind.startswith("string"):
        raw = bits.to_bytes(2 * len(words), "big")
        return raw.split(b"\x00", 1)[0].decode("utf-8", "replace").strip() or None
    if bits in register.missing:
        return None
    if form is None:  # binary coded decimals
        digits = f"{bits:x}"
        return _scaled(register, int(digits), power) if digits.isdigit() else None
    if register.bit is not None:
        return _worded(register, bits >> register.bit & 1)
    if kind[0] == "f":
        number = struct.unpack(form[1], bits.to_bytes(2 * form[0], "big"))[0]
        return _scaled(register, number, power) if math.isfinite(number) else None
    if kind[0] == "i" and bits >> (16 * form[0] - 1):
        bits -= 1 << 16 * form[0]
    if register.states:
        return _worded(register, bits)
    return _scaled(register, bits, power)


def _worded(register: Register, value: int) -> float | str:
    if not register.states:
        return float(value)
    return register.states.get(value, f"code {value}")


def _scaled(register: Register, value: float, power: int | None) -> float | None:
    if register.scale_from is not None:
        if power is None or power == NO_SCALE:
            return None
        exponent = power - 0x10000 if power & 0x8000 else power
        if not -10 <= exponent <= 10:
            return None
        value = value / 10**-exponent if exponent < 0 else value * 10**exponent
    scale = register.scale
    if scale == 1.0:
        return float(value + register.offset)
    inverse = 1 / scale if scale else 0.0
    if 0 < abs(scale) < 1 and abs(inverse - round(inverse)) < 1e-9 * abs(inverse):
        value = value / round(inverse)  # 0.1 as a factor would show 12.3 as 12.3000001
    else:
        value = value * scale
    return float(value + register.offset)


def plan(
    registers: Iterable[Register],
    unit: int,
    *,
    bridge: int = BRIDGE,
    most_words: int = MOST_WORDS,
) -> list[Block]:
    """The fewest questions that bring all words, none longer than the protocol allows."""
    spans: dict[tuple[int, str], list[tuple[int, int]]] = {}
    for one in registers:
        device = unit if one.device is None else one.device
        found = spans.setdefault((device, one.table), [])
        found.append((one.address, one.address + one.size))
        if one.scale_from is not None:
            found.append((one.scale_from, one.scale_from + 1))
    blocks = []
    for (device, table), rows in spans.items():
        most = MOST_BITS if table in BITS else min(most_words, MOST_WORDS)
        start = end = -1
        for low, high in sorted(rows):
            if start >= 0 and low <= end + bridge and max(end, high) - start <= most:
                end = max(end, high)
                continue
            if start >= 0:
                blocks.append(Block(device, table, start, end - start))
            start, end = low, high
        if start >= 0:
            blocks.append(Block(device, table, start, end - start))
    return blocks


def read_map(text: str) -> RegisterMap:
    """A register map from its text. Raises LamplighterError (U-801) that names what is wrong."""
    try:
        return _map_of(_tree(text))
    except (ValueError, TypeError, KeyError, csv.Error) as error:
        raise _bad(str(error)) from None


def _tree(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        first = text.lstrip("\ufeff").split("\n", 1)[0]
        separator = max(";,\t", key=first.count)
        names = [cell.strip().lower() for cell in first.split(separator)]
        if "address" not in names:
            raise ValueError(f"neither TOML nor CSV with a column 'address' ({error})") from None
    rows = csv.reader(io.StringIO(text.lstrip("\ufeff")), delimiter=separator)
    next(rows)
    found = []
    for cells in rows:
        pairs = zip(names, cells, strict=False)
        row: dict[str, Any] = {name: cell.strip() for name, cell in pairs if cell.strip()}
        if row:
            found.append(row)
    return {"registers": found}


_MAP_KEYS: Final = frozenset(
    {"name", "interval_s", "unit", "words", "first", "registers", "most_words", "table"}
)
_ROW_KEYS: Final = frozenset(
    {"datastream", "name", "address", "table", "type", "words", "scale", "offset", "scale_from"}
    | {"unit", "missing", "bit", "states", "device"}
)


def _map_of(tree: dict[str, Any]) -> RegisterMap:
    _only(tree, _MAP_KEYS, "the register map")
    rows = tree.get("registers", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("'registers' must be tables [[registers]]")
    if not 0 < len(rows) <= MOST_REGISTERS:
        raise ValueError("no [[registers]]" if not rows else "too many [[registers]]")
    registers = tuple(_register(row, tree) for row in rows)
    name, count = Counter(r.name for r in registers).most_common(1)[0]
    if count > 1:
        raise ValueError(f"'{name}' stands twice")
    unit = tree.get("unit")
    return RegisterMap(
        str(tree.get("name", "")),
        registers,
        _float(tree, "interval_s", 0.0),
        None if unit is None else _whole(tree, "unit", 1, 0, 255),
        _whole(tree, "most_words", MOST_WORDS, 1, MOST_WORDS),
    )


def _register(row: dict[str, Any], tree: dict[str, Any]) -> Register:
    _only(row, _ROW_KEYS, "[[registers]]")
    first = _whole(tree, "first", 0, 0, 499_999)
    address = _whole(row, "address", None, 0, 499_999) - first
    name = str(row.get("datastream", row.get("name", f"register {address}")))
    kind, words, missing = type_of(str(row.get("type", "uint16")).lower())
    table = str(row.get("table", tree.get("table", "holding"))).lower()
    if table not in TABLES:
        raise ValueError(f"'{name}': table '{table}' is not known ({', '.join(TABLES)})")
    if table in BITS:
        kind = "bool"
    if not 0 <= address <= 65_535 - size_of(kind) + 1:
        raise ValueError(f"'{name}': address {address} is not possible")
    words = words or str(row.get("words", tree.get("words", "big"))).lower()
    if words not in ("big", "little"):
        raise ValueError(f"'{name}': words must be big or little")
    power = row.get("scale_from")
    return Register(
        name,
        address,
        table,
        kind,
        words,
        _float(row, "scale", 1.0),
        _float(row, "offset", 0.0),
        None if power is None else _whole(row, "scale_from", 0, 0, 499_999) - first,
        str(row.get("unit", "")),
        missing | frozenset(_numbers(row.get("missing", []))),
        None if row.get("bit") is None else _whole(row, "bit", 0, 0, 63),
        _states(row.get("states", {}), name),
        None if row.get("device") is None else _whole(row, "device", 1, 0, 255),
    )


def type_of(text: str) -> tuple[str, str, frozenset[int]]:
    """(type, word order or empty, raw values that mean nothing) of a type's name.

    Meter templates write `int32s` for swapped words and `uint32nan` for a type whose highest value
    means that there is none. Raises ValueError for an unknown type.
    """
    template = _TEMPLATE_TYPE.fullmatch(text)
    if template is None:
        size_of(text)
        return text, "", frozenset()
    kind = template[1]
    if kind not in TYPES:
        raise ValueError(f"type '{text}' is not known")
    swapped = "little" if template[2] or template[4] else ""
    nothing = frozenset({NOT_GIVEN[kind]}) if template[3] and kind in NOT_GIVEN else frozenset()
    return kind, swapped, nothing


def _states(value: Any, name: str) -> dict[int, str]:
    if isinstance(value, str):  # CSV: 0=off 1=on
        value = dict(part.partition("=")[::2] for part in value.replace(",", " ").split())
    if not isinstance(value, dict):
        raise ValueError(f"'{name}': states must be a table like {{ 0 = \"off\" }}")
    return {int(str(key), 0): str(word) for key, word in value.items()}


def _numbers(value: Any) -> list[int]:
    if isinstance(value, str):
        value = value.replace(",", " ").split()
    return [int(str(v), 0) for v in (value if isinstance(value, list) else [value])]


def _whole(tree: dict[str, Any], key: str, default: int | None, low: int, high: int) -> int:
    value = tree.get(key, default)
    if value is None:
        raise ValueError(f"'{key}' is missing")
    number = int(value, 0) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= high:
        raise ValueError(f"'{key}' is {value!r}, possible is {low} to {high}")
    return number


def _float(tree: dict[str, Any], key: str, default: float) -> float:
    value = tree.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"'{key}' must be a number")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"'{key}' must be a number")
    return number


def _only(tree: dict[str, Any], known: frozenset[str], where: str) -> None:
    odd = sorted(set(tree) - known)
    if odd:
        raise ValueError(f"'{odd[0]}' is unknown in {where}")


def _bad(what: str) -> LamplighterError:
    return fault("U-801", what=f"The register map cannot be used: {what}", name="feed")
