"""Turns raw messages into observations: names, units, time, sequence; then judges quality."""

from lamplighter.pipeline.judge import Bounds
from lamplighter.pipeline.mapping import Mapping, read_mapping
from lamplighter.pipeline.pipeline import Pipeline
from lamplighter.pipeline.registry import Registry
from lamplighter.pipeline.sequence import EpochState

__all__ = ["Bounds", "EpochState", "Mapping", "Pipeline", "Registry", "read_mapping"]
