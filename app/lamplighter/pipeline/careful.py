"""Reads what the fast decoder would not: names each fault and saves what can be saved.

A message is sound when its epoch and seq can be read without doubt; then its good points are kept
and only the bad ones are set aside. Anything ambiguous about the message itself sets it aside
whole.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any, Final, TypeGuard

from lamplighter.domain.observation import MAX_EPOCH

MAX_DEPTH: Final = 32
MAX_NAME: Final = 400
_LONGEST_COUNTER: Final = 100
_LARGEST: Final = 2**63
_TIME_LIMIT: Final = 2**62


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a whole message is set aside; the key is given when it could be read."""

    code: str
    what: str
    epoch: int = -1
    seq: int = -1


@dataclass(frozen=True, slots=True)
class PointFault:
    """Why one point is set aside."""

    code: str
    name: str
    what: str
    place: int
    body: bytes


@dataclass(slots=True)
class Salvaged:
    """What was saved of a message: equally long lists, one entry per good point."""

    epoch: int
    seq: int
    points: int
    names: list[str] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    values: list[float | str] = field(default_factory=list)
    qualities: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    faults: list[PointFault] = field(default_factory=list)
    clock_unreadable: list[int] = field(default_factory=list)
    replaced: bool = False
    """a character that cannot be stored was replaced"""


class _Odd:
    """A number JSON text can hold and a column cannot."""

    __slots__ = ("code", "what")

    def __init__(self, code: str, what: str) -> None:
        self.code = code
        self.what = what

    def __repr__(self) -> str:
        return self.what


class _Refusal(Exception):
    def __init__(self, code: str, what: str) -> None:
        super().__init__(what)
        self.code = code
        self.what = what


def parse(payload: bytes) -> Any | Fault:
    """JSON without surprises: no duplicate keys, no depth, no endless numbers. Never raises.

    Numbers that no column can hold come back as `_Odd` objects.
    """
    if not payload.strip():
        return Fault("D-109", "it is empty")
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        return Fault("D-104", "not UTF-8")
    if _depth(payload) > MAX_DEPTH:
        return Fault("D-103", "nested too deeply")
    try:
        return json.loads(
            text,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=_constant,
            object_pairs_hook=_object,
        )
    except _Refusal as refusal:
        return Fault(refusal.code, refusal.what)
    except RecursionError:
        return Fault("D-103", "nested too deeply")
    except ValueError as error:
        return Fault("D-113", f"no JSON: {str(error)[:80]}")


def salvage(payload: bytes) -> Salvaged | Fault:
    """The careful way through a native observation message. Never raises."""
    tree = parse(payload)
    if isinstance(tree, Fault):
        return tree
    if not isinstance(tree, dict):
        return Fault("D-109", f"it is {kind_of(tree)} instead of an object")
    epoch, seq = tree.get("epoch"), tree.get("seq")
    if not is_counter(epoch):
        return Fault("D-113", f"'epoch' is {_shown(epoch)}")
    if not is_counter(seq):
        return Fault("D-113", f"'seq' is {_shown(seq)}")
    points = tree.get("points")
    if not isinstance(points, list):
        return Fault("D-113", f"'points' is {kind_of(points)}", epoch, seq)
    saved = Salvaged(epoch, seq, len(points))
    for place, point in enumerate(points):
        _point(saved, place, point)
    return saved


def _point(saved: Salvaged, place: int, point: Any) -> None:
    body = plain_json(point)
    if not isinstance(point, list) or not 3 <= len(point) <= 4 or not isinstance(point[0], str):
        saved.faults.append(PointFault("D-113", "?", "a point of unknown form", place, body))
        return
    name, changed = storable(point[0])
    if not name or len(name) > MAX_NAME:
        what = "a point without a name" if not name else "a name that is too long"
        saved.faults.append(PointFault("D-113", "?", what, place, body))
        return
    value, quality = point[2], point[3] if len(point) == 4 else "good"
    bad = value_fault(value)
    if bad is None and quality not in ("good", "uncertain", "bad"):
        bad = ("D-113", "an unknown quality word")
    if bad is not None:
        saved.faults.append(PointFault(bad[0], name, bad[1], place, body))
        return
    time = read_time(point[1])
    if time is None:
        saved.clock_unreadable.append(len(saved.names))
    if isinstance(value, str):
        value, word_changed = storable(value)
        changed = changed or word_changed
    saved.replaced = saved.replaced or changed
    saved.names.append(name)
    saved.times.append(time or 0)
    saved.values.append(value if isinstance(value, str) else float(value))
    saved.qualities.append(quality)
    saved.places.append(place)


def value_fault(value: Any) -> tuple[str, str] | None:
    """(code, what) for a value no column can hold; None for a number or a text."""
    if isinstance(value, _Odd):
        return value.code, value.what
    if value is None:
        return "D-101", "nothing"
    if isinstance(value, bool):
        return "D-107", "true or false instead of a number or text"
    if isinstance(value, str):
        return None if len(value) <= MAX_NAME else ("D-113", "a text that is too long")
    if isinstance(value, int | float):
        return None
    return "D-107", f"{kind_of(value)} instead of a number or text"


def read_time(value: Any) -> int | None:
    """Milliseconds from a JSON number; None when there is no such number."""
    if is_integer(value):
        return int(value) if abs(value) < _TIME_LIMIT else None
    if isinstance(value, float) and math.isfinite(value) and abs(value) < _TIME_LIMIT:
        return int(value)
    return None


def is_integer(value: Any) -> TypeGuard[int]:
    """True for a JSON integer; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_counter(value: Any) -> TypeGuard[int]:
    """True for what may stand as epoch or seq."""
    return is_integer(value) and 0 <= value < MAX_EPOCH


def storable(text: str) -> tuple[str, bool]:
    """The text with every character UTF-8 cannot hold, and NUL, replaced; and whether any was."""
    if text.isascii() and "\x00" not in text:
        return text, False
    clean = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    clean = clean.replace("\x00", "\ufffd")
    return clean, clean != text


def plain_json(value: Any) -> bytes:
    """The value as JSON again, for Quarantine; at most 4,000 bytes."""
    try:
        return json.dumps(value, default=repr).encode("utf-8", "replace")[:4000]
    except (ValueError, TypeError, RecursionError):
        return repr(type(value)).encode()


def kind_of(value: Any) -> str:
    """A JSON value's kind in plain words."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, bool):
        return "true or false"
    return "missing" if value is None else "a number"


def _shown(value: Any) -> str:
    if value is None:
        return "missing"
    return repr(value)[:40] if isinstance(value, int | float | _Odd) else kind_of(value)


def _depth(payload: bytes) -> int:
    """Deepest nesting of brackets outside of texts."""
    if payload.count(b"[") + payload.count(b"{") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    inside = escaped = False
    for byte in payload:
        if inside:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                inside = False
        elif byte == 0x22:
            inside = True
        elif byte in (0x5B, 0x7B):
            depth += 1
            if depth > deepest:
                deepest = depth
                if deepest > MAX_DEPTH:
                    return deepest
        elif byte in (0x5D, 0x7D):
            depth -= 1
    return deepest


def _integer(text: str) -> int | _Odd:
    if len(text) > _LONGEST_COUNTER:
        return _Odd("D-102", "a number too long to be real")
    value = int(text)
    if -_LARGEST <= value < _LARGEST:
        return value
    return _Odd("D-106", "an integer beyond 64 bits")


def _number(text: str) -> float | _Odd:
    value = float(text)
    return value if math.isfinite(value) else _Odd("D-102", "infinite")


def _constant(text: str) -> _Odd:
    if text == "NaN":
        return _Odd("D-101", "not a number")
    return _Odd("D-102", "infinite")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _Refusal("D-108", storable(name)[0][:40])
            seen.add(name)
    return found
