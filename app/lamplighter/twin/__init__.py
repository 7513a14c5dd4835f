"""The present state and the dependency graph of the city, as pure folds over stored facts."""

from __future__ import annotations

from lamplighter.twin.doubt import doubted, marked
from lamplighter.twin.freshness import (
    UNCHANGED_MS,
    StreamTable,
    dead_sources,
    expected_period_ms,
    live_counts,
    shown_quality,
    stale,
    stream_table,
    trust,
)
from lamplighter.twin.graph import DependencyGraph, Disagreement
from lamplighter.twin.state import (
    TwinState,
    empty,
    grown,
    moved,
    newest_values,
    restored,
    step,
)

__all__ = [
    "UNCHANGED_MS",
    "DependencyGraph",
    "Disagreement",
    "StreamTable",
    "TwinState",
    "dead_sources",
    "doubted",
    "empty",
    "expected_period_ms",
    "grown",
    "live_counts",
    "marked",
    "moved",
    "newest_values",
    "restored",
    "shown_quality",
    "stale",
    "step",
    "stream_table",
    "trust",
]
