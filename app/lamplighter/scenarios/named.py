"""The what-ifs that have a name, and the settings each understands."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from lamplighter.domain.problems import LamplighterError, fault
from lamplighter.scenarios.outcome import WaterWhatIf

SCENARIOS: Final[dict[str, tuple[str, str]]] = {
    "close-pipe": ("pipe", "Close one or more pipes or valves (pipe=ID, hours=N)"),
    "stop-pump": ("pump", "Stop one or more pumps (pump=ID, hours=N)"),
}
"""name -> (its own setting, what it does)"""

MOST_HOURS: Final = 24 * 14


def water_request(name: str, settings: dict[str, str], inp: Path) -> WaterWhatIf:
    """The request for `name` with `settings` as given by `--set K=V`; ids apart by commas.

    Raises LamplighterError (U-801) for an unknown name, an unknown or missing setting.
    """
    if name not in SCENARIOS:
        raise _usage(f"There is no scenario '{name}'; known are {', '.join(SCENARIOS)}")
    own = SCENARIOS[name][0]
    unknown = sorted(set(settings) - {own, "hours"})
    if unknown:
        raise _usage(f"Scenario {name} has no setting '{unknown[0]}'; it takes {own} and hours")
    ids = tuple(part.strip() for part in settings.get(own, "").split(",") if part.strip())
    if not ids:
        raise _usage(f"Scenario {name} needs --set {own}=ID")
    hours = _hours(settings.get("hours", "24"))
    if name == "stop-pump":
        return WaterWhatIf(str(inp.resolve()), stop=ids, hours=hours)
    return WaterWhatIf(str(inp.resolve()), close=ids, hours=hours)


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = 0.0
    if not 0 < hours <= MOST_HOURS:
        raise _usage(f"hours={text} is not between 0 and {MOST_HOURS}")
    return hours


def _usage(what: str) -> LamplighterError:
    return fault("U-801", what=what, name="scenario")
