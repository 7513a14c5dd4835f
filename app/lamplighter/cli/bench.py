"""A short measurement of this machine with the product's own parts, for `bench`."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lamplighter.domain.problems import fault

Row = dict[str, Any]


def measure(name: str) -> list[Row]:
    """Rows with `name`, `figure`, `unit`, `against`, `ratio`; all measurements, or one by name."""
    table: dict[str, Callable[[], list[Row]]] = {"store": _store, "wire": _wire}
    if name and name not in table:
        raise fault("U-801", what=f"there is no bench {name} ({', '.join(table)})", name="bench")
    chosen = [table[name]] if name else list(table.values())
    return [row for one in chosen for row in one()]


def _store() -> list[Row]:
    from lamplighter.runtime.measuring import insert_rates

    with tempfile.TemporaryDirectory() as folder:
        return insert_rates(Path(folder))


def _wire() -> list[Row]:
    import msgspec
    import numpy as np

    from lamplighter.domain.codec import Codec

    codec, values = Codec(), np.arange(5_000, dtype=np.float64)
    begun = time.perf_counter()
    for _ in range(200):
        codec.encode(values)
    ours = (time.perf_counter() - begun) / 200
    begun = time.perf_counter()
    for _ in range(20):
        msgspec.msgpack.encode(values.tolist())
    plain = (time.perf_counter() - begun) / 20
    return [
        {
            "name": "frame of 5,000 values",
            "figure": ours * 1e6,
            "unit": "us",
            "against": "the same values as a msgpack list",
            "ratio": ours / plain,
        }
    ]
