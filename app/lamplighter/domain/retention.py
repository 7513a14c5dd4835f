"""How long a project keeps its history: points, what surrounds alarms, and the coarse curves."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from lamplighter.domain.problems import fault

LONGEST_DAYS: Final = 36_500
ALARM_MINUTES: Final = 15
BYTES_PER_POINT: Final = 4.0
"""about, sealed and with its rollups, before a project has measured its own"""
MOST_ALARM_MINUTES: Final = 1_440


class Retention(Struct, frozen=True):
    """A project's rule; 0 days = for ever. Nothing is ever taken away before it is sealed."""

    raw_days: int = 0
    """single points"""
    rollup_days: int = 0
    """minimum, mean and maximum of steps of time, and the points around alarms"""
    alarm_minutes: int = ALARM_MINUTES
    """points so near to a transition of an alarm outlive `raw_days`"""

    def checked(self) -> Retention:
        """Raises LamplighterError (U-801) when the numbers make no sense."""
        for name, value, most in (
            ("raw days", self.raw_days, LONGEST_DAYS),
            ("rollup days", self.rollup_days, LONGEST_DAYS),
            ("alarm minutes", self.alarm_minutes, MOST_ALARM_MINUTES),
        ):
            if not 0 <= value <= most:
                raise fault("U-801", what=f"{name} must lie between 0 and {most}", name="retention")
        if self.rollup_days and (not self.raw_days or self.rollup_days < self.raw_days):
            what = "rollups must be kept at least as long as single points"
            raise fault("U-801", what=what, name="retention")
        return self

    @property
    def words(self) -> str:
        """The rule in a few words."""
        if not self.raw_days:
            return "everything is kept"
        rollups = f"rollups {self.rollup_days} days" if self.rollup_days else "rollups for ever"
        return f"points {self.raw_days} days, {self.alarm_minutes} min around alarms, {rollups}"
