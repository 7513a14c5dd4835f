"""What a plugin's `model.py` is handed and what it answers: columns, so nothing runs per tick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

MODEL_SECONDS: Final = 5.0
"""time a model has for one answer"""


@dataclass(frozen=True)
class ModelInputs:
    """The plugin's own numeric datastreams (n of them) and their last minutes (t seconds)."""

    now_ms: int
    datastream: np.ndarray
    """(n,) ids, ascending"""
    kind: Sequence[str]
    """(n,) ids of the plugin's kinds"""
    asset: Sequence[str]
    """(n,) asset ids, empty where a datastream stands for itself"""
    unit: Sequence[str]
    """(n,) units the values are in"""
    time_ms: np.ndarray
    """(t,) UTC, about one second apart, ascending; empty at the first call"""
    value: np.ndarray
    """(n, t), NaN where nothing usable was known at that second"""


@dataclass(frozen=True)
class ExpectedColumns:
    """Expected values of m datastreams, good for `valid_s` seconds from now.

    What a datastream should read = its level now + the sum over its neighbours of weight x (the
    neighbour's value - the neighbour's level). Where a neighbour is stale or bad, it abstains.
    """

    datastream: np.ndarray
    """(m,) ids, each once, among those handed in; no rows: the model abstains for all"""
    level: np.ndarray
    """(m,), or (m, s) for s equal slots of the UTC day; in the datastream's unit"""
    spread: np.ndarray
    """(m,) one standard deviation of what remains, above 0"""
    valid_s: float
    """60 to 86,400"""
    neighbour: np.ndarray | None = None
    """(m, k) ids that have a row of their own, -1 for none; at most 16 a row"""
    weight: np.ndarray | None = None
    """(m, k)"""
