"""Runs simulators on a changed copy of the network and compares the outcome with the baseline.

`named.water_request` turns a scenario's name and settings into a request; `water.run_water` is
the task a worker runs. Nothing here needs a window, and nothing here can reach a device.
"""

from __future__ import annotations

from lamplighter.scenarios.named import SCENARIOS, water_request
from lamplighter.scenarios.outcome import BASIS, WaterOutcome, WaterWhatIf

__all__ = ["BASIS", "SCENARIOS", "WaterOutcome", "WaterWhatIf", "water_request"]
