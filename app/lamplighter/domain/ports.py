"""Small doors between rooms of the same level; `runtime` puts the two sides together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt


class Topology(Protocol):
    """What the alarm room needs to know of the dependency graph."""

    def upstream(self, asset: str) -> frozenset[str]:
        """Every asset this one depends on, directly or through others (itself excluded)."""
        ...

    def downstream(self, asset: str) -> frozenset[str]:
        """Every asset that depends on this one, directly or through others (itself excluded)."""
        ...

    def depends(self, assets: Sequence[str], on: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Matrix (assets x on): true where `assets[i]` is downstream of `on[j]`."""
        ...

    def people_behind(self, asset: str) -> int:
        """People who lose service when this asset fails, each counted once."""
        ...


class Newest(Protocol):
    """The newest value of every datastream, indexed by datastream id."""

    time_ms: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    quality: npt.NDArray[np.uint8]
    trust: npt.NDArray[np.float32]
    expected: npt.NDArray[np.float64]
    spread: npt.NDArray[np.float64]
