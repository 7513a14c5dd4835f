"""What a what-if on a water network is asked and answers; both cross to a worker and back."""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct

from lamplighter.domain.wire import ScenarioRow

BASIS: Final = "screening result, not a measurement"
QUANTITIES: Final = (("pressure", "m"), ("level", "m"), ("flow", "l/s"))


class WaterWhatIf(Struct, frozen=True):
    """Which links of an EPANET file are shut or opened, and for how long to look."""

    inp: str
    """absolute path; must stand among the task's `reads`"""
    close: tuple[str, ...] = ()
    """ids of pipes or valves to close"""
    stop: tuple[str, ...] = ()
    """ids of pumps to stop"""
    open: tuple[str, ...] = ()
    """ids of pipes or valves to open, or pumps to start"""
    hours: float = 24.0
    demand_share: float = 0.1
    """the range is what happens with this share of demand less and more"""
    low_pressure_m: float = 20.0
    """below this a customer is badly served"""


class WaterOutcome(Struct, frozen=True):
    """n rows as columns, largest change first. All pressures in metres, flows in l/s.

    `quantity` (n,) indexes `QUANTITIES`; pressure and level are the lowest in the window, flow is
    the mean. `baseline`, `outcome`, `low`, `high` (n,): low <= outcome <= high.
    """

    asset: tuple[str, ...]
    quantity: np.ndarray
    baseline: np.ndarray
    outcome: np.ndarray
    low: np.ndarray
    high: np.ndarray
    summary: str
    basis: str
    warnings: tuple[str, ...] = ()

    def rows(self, most: int | None = None) -> tuple[ScenarioRow, ...]:
        """The first `most` rows as the window and the verbs want them."""
        count = len(self.asset) if most is None else min(most, len(self.asset))
        return tuple(
            ScenarioRow(
                self.asset[r],
                *QUANTITIES[int(self.quantity[r])],
                float(self.baseline[r]),
                float(self.outcome[r]),
                float(self.low[r]),
                float(self.high[r]),
            )
            for r in range(count)
        )
