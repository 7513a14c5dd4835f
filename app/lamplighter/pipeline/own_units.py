"""Values that come with a unit are turned into the unit their datastream has."""

from __future__ import annotations

from collections.abc import Mapping

from lamplighter.pipeline.aside import Notices
from lamplighter.pipeline.native import Decoded
from lamplighter.pipeline.registry import Registry
from lamplighter.pipeline.units import converter


class OwnUnits:
    """Belongs to one pipeline and its thread."""

    def __init__(self, registry: Registry, notices: Notices) -> None:
        self._registry = registry
        self._notices = notices
        self.of_kinds: dict[str, dict[str, float]] = {}
        """factors only a kind knows: kind -> unit -> how much of its unit"""

    def turn(self, source: int, found: Decoded, units: Mapping[tuple[int, str], str]) -> None:
        """Turn the values; one whose unit has no way into its own stays as it is and is doubted.

        `units`: (source, name of the datastream) -> unit it came with.
        """
        table = self._registry.numbers(source)
        strange: list[int] = []
        for at, name in enumerate(found.names):
            unit = units.get((source, name))
            number = table.get(name)
            if unit is None or number is None:
                continue
            own, kind = self._registry.unit_of(number)
            if not own or own == unit:
                continue
            factor = self.of_kinds.get(kind, {}).get(unit)
            turn = converter(unit, own) if factor is None else (factor, 0.0)
            value = found.values[at]
            if turn is None:
                strange.append(at)
                what = f"{unit} instead of {own}"
                self._notices.add("D-115", f"{source}/{name}", name=name, what=what)
            elif not isinstance(value, str) and turn != (1.0, 0.0):
                found.values[at] = float(value) * turn[0] + turn[1]
        if strange:
            words = list(found.qualities or ("good",) * len(found.names))
            for at in strange:
                words[at] = "uncertain" if words[at] == "good" else words[at]
            found.qualities = tuple(words)
