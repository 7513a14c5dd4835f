"""Turns raw messages into observations: names, units, time, sequence; then judges quality."""

from lamplighter.pipeline.judge import Bounds
from lamplighter.pipeline.mapping import Mapping, read_mapping
from lamplighter.pipeline.past_mapping import OWN_EXPORT, PastMapping, read_past_mapping
from lamplighter.pipeline.past_table import PastTable
from lamplighter.pipeline.pipeline import Pipeline
from lamplighter.pipeline.registry import Registry
from lamplighter.pipeline.sequence import EpochState

__all__ = [
    "OWN_EXPORT",
    "Bounds",
    "EpochState",
    "Mapping",
    "PastMapping",
    "PastTable",
    "Pipeline",
    "Registry",
    "read_mapping",
    "read_past_mapping",
]
