"""Foreign JSON of the fixed kinds (SensorThings, NGSI-LD, Open311), read without surprises."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any, Final

from lamplighter.sources.reading import Unreadable

LONGEST_TEXT: Final = 400
_DEEPEST: Final = 64


def tree_of(body: bytes) -> Any | Unreadable:
    """The JSON of a page. Never raises."""
    if _depth(body) > _DEEPEST:
        return Unreadable("D-103", "nested too deeply")
    try:
        return json.loads(body)
    except UnicodeDecodeError:
        return Unreadable("D-104", "not UTF-8")
    except (ValueError, RecursionError) as error:
        return Unreadable("D-113", f"no JSON: {str(error)[:80]}")


def value_of(value: Any) -> float | str | None:
    """A number, or a text for a state; None for what is neither."""
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None
    if isinstance(value, str) and value.strip():
        return value.strip()[:LONGEST_TEXT]
    return None


def time_of(value: Any) -> int | None:
    """UTC ms of an ISO time or the end of an ISO interval; None when it is none."""
    for _ in range(2):
        if isinstance(value, dict):
            value = value.get("@value", value.get("value"))
    if not isinstance(value, str):
        return None
    text = value.rpartition("/")[2].strip()
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return int(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def text_of(value: Any) -> str:
    """A short text of a JSON value; empty when it is none."""
    return str(value)[:LONGEST_TEXT] if isinstance(value, str | int) else ""


def _depth(body: bytes) -> int:
    """At least how deep the brackets nest; those in texts count, too."""
    depth = deepest = 0
    if body.count(b"[") + body.count(b"{") <= _DEEPEST:
        return 0
    for byte in body:
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > 4 * _DEEPEST:
                return deepest
        elif byte in b"]}":
            depth -= 1
    return deepest
