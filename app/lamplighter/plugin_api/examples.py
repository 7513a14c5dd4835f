"""A plugin's decoders tried on the messages their author gives as examples.

A decoder is data, read by the console's own code: nothing of the plugin runs. What an example must
become stands beside it, so a wrong path, scale or word is found when the plugin is checked and not
when the first device speaks.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from lamplighter.domain.field_message import matches
from lamplighter.plugin_api.catalogue import Kind
from lamplighter.plugin_api.decoding import Decoder, Example, PointPath

CLOSE: Final = 1e-9
"""relative difference of numbers that counts as none"""
Found = dict[str, float | str]


class _WrongError(Exception):
    pass


def example_faults(decoder: Decoder, kinds: Mapping[str, Kind]) -> list[str]:
    """One line for each example that does not become what it should, and for points that no
    example holds. A decoder without examples has no faults.
    """
    faults: list[str] = []
    seen: set[str] = set()
    for number, example in enumerate(decoder.example, 1):
        try:
            found = _read(decoder, example, kinds)
            seen |= set(found)
            _compare(found, example.values)
        except _WrongError as error:
            faults.append(f"decoder {decoder.id}, example {number}: {error}")
    if decoder.example and not faults:
        faults += [
            f"decoder {decoder.id}: no example holds '{p.path}'"
            for p in decoder.point
            if p.name not in seen
        ]
    return faults


def _read(decoder: Decoder, example: Example, kinds: Mapping[str, Kind]) -> Found:
    """Name of the datastream -> number in the point's unit, or word."""
    if not matches(decoder.topic, example.topic):
        raise _WrongError(f"its topic '{example.topic}' does not fit '{decoder.topic}'")
    try:
        message = json.loads(example.message, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise _WrongError(f"its message is no JSON ({error})") from None
    _check_time(decoder, message)
    found: Found = {}
    for point in decoder.point:
        there, value = _at(message, point.path)
        if there:
            found[point.name] = _value(point, value, kinds.get(point.kind))
    return found


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no JSON number")


def _at(message: Any, path: str) -> tuple[bool, Any]:
    for step in path.split("."):
        if not isinstance(message, dict) or step not in message:
            return False, None
        message = message[step]
    return True, message


def _check_time(decoder: Decoder, message: Any) -> None:
    if not decoder.time_path:
        return
    there, value = _at(message, decoder.time_path)
    if not there:
        raise _WrongError(f"it has no time at '{decoder.time_path}'")
    try:
        good = (
            bool(datetime.fromisoformat(value))
            if decoder.time_unit == "iso"
            else not isinstance(value, bool) and math.isfinite(value)
        )
    except (TypeError, ValueError):
        good = False
    if not good:
        raise _WrongError(f"'{value}' is no time in '{decoder.time_unit}'")


def _value(point: PointPath, value: Any, kind: Kind | None) -> float | str:
    if point.enum:
        word = point.enum.get(str(value))
        if word is None:
            raise _WrongError(f"{point.name}: no word is given for '{value}'")
        return word
    if kind is not None and kind.states:
        if value not in kind.states:
            raise _WrongError(f"{point.name}: {kind.id} has no state '{value}'")
        return str(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _WrongError(f"{point.name}: '{value}' is no number")
    number = value * point.scale + point.offset
    _check_plausible(point, number, kind)
    return number


def _check_plausible(point: PointPath, number: float, kind: Kind | None) -> None:
    """A wrong scale or unit shows as a value that its kind calls impossible."""
    way = kind.conversion(point.unit) if kind is not None else None
    if kind is None or way is None:
        return
    there = number * way[0] + way[1]
    low, high = kind.plausible_low, kind.plausible_high
    if (low is not None and there < low) or (high is not None and there > high):
        raise _WrongError(f"{point.name}: {number:g} {point.unit} is not plausible for {kind.id}")


def _compare(found: Found, wanted: Mapping[str, float | str]) -> None:
    for name, value in wanted.items():
        if name not in found:
            raise _WrongError(f"it gives no '{name}'")
        got = found[name]
        both = isinstance(got, str) or isinstance(value, str)
        same = got == value if both else math.isclose(float(got), float(value), rel_tol=CLOSE)
        if not same:
            raise _WrongError(f"{name} becomes {got}, not {value}")
    if missed := sorted(set(found) - set(wanted)):
        raise _WrongError(f"it does not say what '{missed[0]}' becomes")
