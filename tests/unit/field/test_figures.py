"""The demo's past of its key figures: what live says at that hour, up to the last whole one."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from tests.kit.demo_district import PLUGINS, device_file, district, rated_kw

from lamplighter.field.figures import DAYS, HOUR_MS, write_figures
from lamplighter.field.networks import Networks
from lamplighter.field.values import Values
from lamplighter.pipeline import read_past_mapping

END_MS = 1_700_000_000_000


def written(file: Path) -> tuple[list[int], dict[str, np.ndarray]]:
    networks = Networks(district(), device_file(), PLUGINS, print)
    try:
        write_figures(device_file(), networks, rated_kw(), file, END_MS)
    finally:
        networks.close()
    with file.open(encoding="utf-8", newline="") as text:
        head, *rows = list(csv.reader(text))
    columns = np.array([[float(cell) for cell in row] for row in rows]).T
    return columns[0].astype(int).tolist(), dict(zip(head[1:], columns[1:], strict=True))


def test_it_ends_where_live_begins_and_says_what_live_says_at_that_hour(tmp_path: Path) -> None:
    times, value = written(tmp_path / "a.csv")
    whole = END_MS // HOUR_MS * HOUR_MS
    assert (len(times), times[-1]) == (DAYS * 24, whole - HOUR_MS // 2)
    assert set(np.diff(times)) == {HOUR_MS}

    day_s = (END_MS // HOUR_MS % 24 - 0.5) * 3600.0
    networks = Networks(district(), device_file(), PLUGINS, print)
    live = Values(device_file(), networks, rated_kw())
    networks.step(0.0, day_s)
    live.step(0.0, day_s)
    networks.close()
    streams = {s.name: s for s in device_file().streams}
    for kind in ("pressure", "load", "speed", "no2", "flow"):
        names = [n for n in value if streams[n].kind == kind]
        now = np.array([live.shown[live.index[n]] for n in names])
        last = np.array([value[n][-1] for n in names])
        first = np.array([value[n][-25] for n in names])
        assert names, kind
        assert abs(np.mean(last) / np.mean(now) - 1.0) < 0.05, kind
        assert not np.allclose(first, last), f"{kind}: no two days are alike"


def test_it_is_read_by_the_ordinary_mapping_and_is_the_same_each_time(tmp_path: Path) -> None:
    written(tmp_path / "a.csv")
    _, value = written(tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    mapping = read_past_mapping((tmp_path / "a.toml").read_text(), "a.toml")
    sources = {s.name: s.source for s in device_file().streams}
    assert {n: m.source for n, m in mapping.datastreams.items()} == {n: sources[n] for n in value}
