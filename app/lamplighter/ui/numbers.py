"""Numbers, ages and times as people read them: one set of rules for every view."""

from __future__ import annotations

import math
from datetime import datetime, tzinfo
from typing import Final

THIN: Final = "\u202f"
MINUS: Final = "\u2212"
DASH: Final = "\u2014"
EN: Final = "\u2013"


def decimals(resolution: float) -> int:
    """Digits after the point a sensor's resolution deserves (0-4)."""
    if not math.isfinite(resolution) or resolution <= 0:
        return 2
    return min(4, max(0, -math.floor(math.log10(resolution) + 1e-9)))


def number(value: float | None, resolution: float = 0.01) -> str:
    """`3,412`, `2.61`, `-0.4` with a true minus; `not known` for NaN, a dash for None."""
    if value is None:
        return DASH
    if not math.isfinite(value):
        return "not known"
    digits = decimals(resolution)
    text = f"{abs(value):,.{digits}f}"
    negative = value < 0 and float(text.replace(",", "")) != 0
    return MINUS + text if negative else text


def with_unit(value: float | None, unit: str, resolution: float = 0.01) -> str:
    """Number, narrow no-break space, unit."""
    text = number(value, resolution)
    if not unit or value is None or not math.isfinite(value):
        return text
    return f"{text}{THIN}{unit}"


def spread(value: float, plus_minus: float, resolution: float = 0.01) -> str:
    """`4.12 +- 0.15`."""
    return f"{number(value, resolution)} ± {number(abs(plus_minus), resolution)}"


def value_range(low: float, high: float, resolution: float = 1.0) -> str:
    """`31-58` with an en dash, `-0.4 to -0.6` when a sign is involved."""
    first, last = number(low, resolution), number(high, resolution)
    if first == last:
        return first
    return f"{first} to {last}" if low < 0 or high < 0 else f"{first}{EN}{last}"


def age(seconds: float | None) -> str:
    """`0.8 s`, `42 s`, `6 min`, `2 h 42 min`, `3 d`."""
    if seconds is None or not math.isfinite(seconds):
        return "not known"
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f}{THIN}s"
    if seconds < 90:
        return f"{seconds:.0f}{THIN}s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes}{THIN}min"
    hours, rest = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}{THIN}h {rest}{THIN}min" if rest else f"{hours}{THIN}h"
    return f"{hours // 24}{THIN}d"


def percent(share: float, digits: int = 0) -> str:
    """A share 0..1 as `96 %`."""
    return f"{share * 100:.{digits}f}{THIN}%"


def percent_range(low: float, high: float) -> str:
    """Shares 0..1 as `31-58 %`."""
    return f"{value_range(round(low * 100), round(high * 100))}{THIN}%"


def local(ms: int, zone: tzinfo | None = None) -> datetime:
    return datetime.fromtimestamp(ms / 1000, zone).astimezone(zone)


def clock(ms: int, zone: tzinfo | None = None) -> str:
    """Local `14:02:07`."""
    return local(ms, zone).strftime("%H:%M:%S")


def clock_short(ms: int, zone: tzinfo | None = None) -> str:
    return local(ms, zone).strftime("%H:%M")


def day(ms: int, zone: tzinfo | None = None) -> str:
    """`Sun 22 Nov`."""
    moment = local(ms, zone)
    return f"{moment:%a} {moment.day} {moment:%b}"


def minute_of(ms: int, now_ms: int, zone: tzinfo | None = None) -> str:
    """`Sun 22 Nov 14:02`, with the year where it is not the present one."""
    year = local(ms, zone).year
    words = day(ms, zone) + ("" if year == local(now_ms, zone).year else f" {year}")
    return f"{words} {clock_short(ms, zone)}"


def offset(ms: int, zone: tzinfo | None = None) -> str:
    """`UTC+02:00`."""
    text = local(ms, zone).strftime("%z")
    return f"UTC{text[:3]}:{text[3:5]}".replace("-", MINUS)


def duration(seconds: float) -> str:
    """`0:07`, `1:02:03`."""
    whole = int(max(0.0, seconds))
    hours, rest = divmod(whole, 3600)
    minutes, secs = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{secs:02d}" if hours else f"{minutes}:{secs:02d}"
