"""Which kinds of datastreams the key figures of a city are made of."""

from __future__ import annotations

from typing import Final

KEY_FIGURES: Final[tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]] = (
    ("Water pressure", ("pressure",), ()),
    ("Power load", ("load", "active_power", "power"), ("Substation",)),
    ("Traffic flow", ("free_flow", "flow_ratio", "speed_ratio"), ()),
    ("NO₂, median", ("no2", "NO2", "nitrogen_dioxide"), ()),
    (
        "Unaccounted water",
        ("unaccounted", "unaccounted_water", "leakage", "balance"),
        (),
    ),
    ("Traffic speed", ("speed",), ()),
    ("Water pumped", ("flow",), ("Pump",)),
)
"""(name, kinds, types of asset that count; empty for all)"""


def figures_of(kind: str, asset_type: str) -> tuple[str, ...]:
    """Names of the key figures that a datastream of this kind takes part in."""
    return tuple(
        name
        for name, kinds, types in KEY_FIGURES
        if kind in kinds and (not types or asset_type in types)
    )
