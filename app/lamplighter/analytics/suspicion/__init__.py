"""Is this sensor genuine? Checks that need no signature: neighbours, repeats, clocks, messages."""

from __future__ import annotations

from lamplighter.analytics.suspicion.fit import fit
from lamplighter.analytics.suspicion.model import SuspicionModel
from lamplighter.analytics.suspicion.verdict import Finding, findings, judged

__all__ = ["Finding", "SuspicionModel", "findings", "fit", "judged"]
