"""The simulated past of what the figures above the city are made of: hourly, up to the present.

Each hour is what the district would send in the middle of it by the same functions as live, with
a city-wide variation from day to day that ends where live begins. It is written as one wide table
and brought in like any other past.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.field.city_generator import DeviceFile
from lamplighter.field.networks import Networks
from lamplighter.field.register import StreamRow
from lamplighter.field.values import Values

Floats = npt.NDArray[np.float64]
DAYS: Final = 21
HOUR_MS: Final = 3_600_000
HOUR_S: Final = 3_600.0
SETTLED_H: Final = 24
"""hours in which the tanks find their levels first"""
LASTS: Final = 0.95
"""how much of a departure is left an hour later"""
FADES_H: Final = 24.0
VARIES: Final = {"pressure": 0.004, "load": 0.04, "speed": 0.03, "no2": 0.12, "flow": 0.03}
"""usual departure of a kind from its course of the day, as a share"""
SMOOTHED: Final = 0.2
"""noise of a mean of an hour, of that of a reading"""


def write_figures(
    device: DeviceFile, networks: Networks, rated_kw: dict[str, float], file: Path, end_ms: int
) -> dict[str, int]:
    """Writes the table and, beside it as `.toml`, how it is read. The last hour ends at the whole
    hour before `end_ms`. Returns counts: `datastreams`, `hours`, `points`.
    """
    chosen = [k for k, s in enumerate(device.streams) if _counts(s, device)]
    streams = [device.streams[k] for k in chosen]
    day = _day(Values(device, networks, rated_kw), networks)[:, chosen]
    end = end_ms // HOUR_MS
    hours = np.arange(end - DAYS * 24, end)
    value = _varied(day[hours % 24], streams, np.random.default_rng([device.seed, 10]))
    digits = [max(0, len(f"{s.resolution:g}".partition(".")[2])) for s in streams]
    form = "{}," + ",".join(f"{{:.{d}f}}" for d in digits)
    lines = ["time," + ",".join(s.name for s in streams)]
    times = hours * HOUR_MS + HOUR_MS // 2
    lines += [form.format(t, *row) for t, row in zip(times.tolist(), value.tolist(), strict=True)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    file.with_suffix(".toml").write_text(_mapping(streams), encoding="utf-8")
    return {"datastreams": len(streams), "hours": len(hours), "points": int(value.size)}


def _counts(stream: StreamRow, device: DeviceFile) -> bool:
    """Whether a figure above the city is made of it."""
    if stream.kind == "load":
        return stream.asset.startswith("SS-")
    if stream.kind == "flow":
        return stream.asset in device.pumps
    return stream.kind in VARIES


def _day(values: Values, networks: Networks) -> Floats:
    """(24, datastreams) what is true in the middle of each hour of a quiet day."""
    rows = []
    for hour in range(SETTLED_H + 24):
        day_s = (hour % 24 + 0.5) * HOUR_S
        networks.step(hour * HOUR_S, day_s)
        rows.append(values.usual(day_s))
    return np.array(rows[SETTLED_H:])


def _varied(value: Floats, streams: list[StreamRow], rng: np.random.Generator) -> Floats:
    hours = len(value)
    fades = np.minimum(1.0, np.arange(hours, 0, -1) / FADES_H)
    for kind, share in VARIES.items():
        away = np.zeros(hours)
        for hour in range(1, hours):
            away[hour] = LASTS * away[hour - 1] + rng.normal(0.0, np.sqrt(1.0 - LASTS**2))
        mine = [k for k, s in enumerate(streams) if s.kind == kind]
        value[:, mine] *= 1.0 + (share * away * fades)[:, None]
    noise = np.array([s.signal.noise for s in streams])
    found: Floats = value + np.where(value == 0.0, 0.0, rng.normal(size=value.shape)) * (
        SMOOTHED * noise
    )
    return found


def _mapping(streams: list[StreamRow]) -> str:
    head = '[time]\ncolumn = "time"\nformat = "ms"\n'
    return head + "".join(f'\n[datastreams."{s.name}"]\nsource = "{s.source}"\n' for s in streams)
