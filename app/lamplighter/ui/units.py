"""Display units of the person at this screen: values are stored and alarmed in their own.

Only what is shown is converted, always with its unit beside it. A small table: a unit that is not
in it is shown as it is.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from lamplighter.domain.city import Limits
from lamplighter.domain.units import spelled
from lamplighter.ui import numbers


class Conversion(NamedTuple):
    """shown = stored * factor + offset, with another unit."""

    unit: str
    factor: float
    offset: float = 0.0

    def value(self, stored: float) -> float:
        return stored * self.factor + self.offset

    def span(self, stored: float) -> float:
        """A difference: the zero of the scale does not count."""
        return stored * abs(self.factor)

    def limits(self, stored: Limits) -> Limits:
        """The limits in the shown unit; their order stays."""

        def one(limit: float | None) -> float | None:
            return None if limit is None else self.value(limit)

        return Limits(one(stored.low_low), one(stored.low), one(stored.high), one(stored.high_high))


CHOICES: Final[dict[str, tuple[Conversion, ...]]] = {
    "°C": (Conversion("°F", 1.8, 32.0), Conversion("K", 1.0, 273.15)),
    "bar": (Conversion("kPa", 100.0), Conversion("m H₂O", 10.19716), Conversion("psi", 14.503774)),
    "kPa": (Conversion("bar", 0.01), Conversion("m H₂O", 0.1019716), Conversion("psi", 0.14503774)),
    "hPa": (Conversion("mbar", 1.0), Conversion("inHg", 0.02952998)),
    "m³/h": (Conversion("l/s", 1 / 3.6), Conversion("m³/d", 24.0), Conversion("gpm", 4.402868)),
    "l/s": (Conversion("m³/h", 3.6), Conversion("gpm", 15.850323)),
    "L/s": (Conversion("m³/h", 3.6), Conversion("gpm", 15.850323)),
    "psi": (Conversion("bar", 0.06894757), Conversion("kPa", 6.894757)),
    "°F": (Conversion("°C", 1 / 1.8, -32 / 1.8),),
    "K": (Conversion("°C", 1.0, -273.15),),
    "m³": (Conversion("l", 1000.0), Conversion("gal", 264.17205)),
    "m": (Conversion("cm", 100.0), Conversion("ft", 3.2808399)),
    "m/s": (Conversion("km/h", 3.6), Conversion("kn", 1.9438445), Conversion("mph", 2.2369363)),
    "km/h": (Conversion("m/s", 1 / 3.6), Conversion("mph", 0.62137119)),
    "mm": (Conversion("in", 0.03937008),),
    "MW": (Conversion("kW", 1000.0),),
    "kW": (Conversion("MW", 0.001),),
    "kWh": (Conversion("MWh", 0.001), Conversion("MJ", 3.6)),
    "kV": (Conversion("V", 1000.0),),
}


class DisplayUnits:
    """Which unit this person wants to see for which."""

    def __init__(self) -> None:
        self._chosen: dict[str, Conversion] = {}

    def choose(self, stored: str, shown: str) -> None:
        """Show `stored` as `shown`; its own name, or one that is not known, is no conversion."""
        found = next((c for c in CHOICES.get(stored, ()) if c.unit == shown), None)
        if found is None:
            self._chosen.pop(stored, None)
        else:
            self._chosen[stored] = found

    def of(self, stored: str) -> Conversion | None:
        """The conversion for a unit in any spelling, None when it is shown as it is."""
        found = self._chosen.get(stored)
        return self._chosen.get(spelled(stored)) if found is None and self._chosen else found

    def as_text(self) -> dict[str, str]:
        """Stored unit -> shown unit, for keeping."""
        return {stored: found.unit for stored, found in self._chosen.items()}

    def take(self, chosen: dict[str, str]) -> None:
        """What was kept; entries that are no choice are passed over."""
        self._chosen = {}
        for stored, shown in chosen.items():
            self.choose(stored, shown)


display = DisplayUnits()
"""this window's choice"""


def shown(value: float | None, unit: str, resolution: float = 0.01) -> str:
    """A stored value in the unit this person wants to see, with that unit."""
    found = display.of(unit)
    if found is None or value is None:
        return numbers.with_unit(value, unit, resolution)
    return numbers.with_unit(found.value(value), found.unit, found.span(resolution))


def shown_unit(unit: str) -> str:
    """What this person wants to see instead of a stored unit."""
    found = display.of(unit)
    return unit if found is None else found.unit


def shown_span(value: float | None, unit: str, resolution: float = 0.01) -> str:
    """A difference of stored values in the unit this person wants to see, with that unit."""
    found = display.of(unit)
    if found is None or value is None:
        return numbers.with_unit(value, unit, resolution)
    return numbers.with_unit(value * found.factor, found.unit, found.span(resolution))


def bare(value: float, unit: str, resolution: float) -> str:
    """The same as `shown` without the unit, where that stands beside it."""
    found = display.of(unit)
    if found is None:
        return numbers.number(value, resolution)
    return numbers.number(found.value(value), max(found.span(resolution), resolution))
