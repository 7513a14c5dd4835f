"""Turns what arrives in one unit into the unit a datastream has, once per pair of units.

The table of `domain.units` knows what cities use; for the rest a unit library is asked, which is
loaded only then.
"""

from __future__ import annotations

import functools
import re
from typing import Any, Final

from lamplighter.domain.units import UNITS, conversion, spelled

_ASKABLE: Final = re.compile(r"[^\W\d_][\w°µΩ·*/ ²³%-]{0,29}")
Conversion = tuple[float, float]
"""(scale, offset)"""


@functools.lru_cache(maxsize=4_096)
def converter(unit: str, to: str) -> Conversion | None:
    """How values in `unit` become values in `to`; None when nobody knows."""
    found = conversion(unit, to)
    if found is not None:
        return found
    one, other = UNITS.get(spelled(unit)), UNITS.get(spelled(to))
    if one is not None and other is not None:
        return None  # both are known and measure different things
    return _asked(spelled(unit), spelled(to))


def _asked(unit: str, to: str) -> Conversion | None:
    if not all(_ASKABLE.fullmatch(u) and "**" not in u for u in (unit, to)):
        return None  # the library would calculate whatever stands there
    try:
        registry = _registry()
        zero = float(registry.Quantity(0.0, unit).to(to).magnitude)
        one = float(registry.Quantity(1.0, unit).to(to).magnitude)
    except Exception:  # the library's own errors have no common base, and it may be absent
        return None
    return one - zero, zero


@functools.cache
def _registry() -> Any:
    import pint

    return pint.UnitRegistry(autoconvert_offset_to_baseunit=True)
