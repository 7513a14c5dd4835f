"""Vehicles over the city: paired by name, placed to the metre, hollow when they are not live."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lamplighter.domain.city import Asset, Datastream
from lamplighter.domain.newest_block import blank
from lamplighter.ui.beat import Shown
from lamplighter.ui.city_index import CityIndex
from lamplighter.ui.time_model import Mode
from lamplighter.ui.twin_moving import LocalFrame, MovingThings, things_of


def _assets(epsg: int = 28992, lon: float = 4.45, lat: float = 51.9) -> list[Asset]:
    pyproj = pytest.importorskip("pyproj")
    to = pyproj.Transformer.from_crs(4326, epsg, always_xy=True)
    origin = to.transform(lon, lat)
    found = []
    for n in range(40):
        at = lon + 0.01 * (n % 8), lat + 0.006 * (n // 8)
        east, north = to.transform(*at)
        x, y = east - origin[0], north - origin[1]
        found.append(Asset(f"A{n}", "T", "", "d", *at, x=x, y=y, z=float(n)))
    return found


def test_places_are_true_to_the_projection_of_the_project() -> None:
    pyproj = pytest.importorskip("pyproj")
    to = pyproj.Transformer.from_crs(4326, 28992, always_xy=True)
    origin = to.transform(4.45, 51.9)
    frame = LocalFrame(_assets())
    asked = np.array([[4.4731, 51.9123], [4.51, 51.921], [10.0, 50.0], [np.nan, 51.9]])
    places = frame.places(asked)
    for row in (0, 1):
        east, north = to.transform(*asked[row])
        assert places[row, :2] == pytest.approx((east - origin[0], north - origin[1]), abs=0.5)
    assert np.isnan(places[2:]).all() and places[0, 2] > 1.0
    assert not LocalFrame(_assets()[:3]).known


def _city() -> CityIndex:
    names = ["bus/lat", "bus/lon", "bus/bearing", "car/latitude", "car/longitude", "x/lat"]
    streams = {n: Datastream(n, "trams", name) for n, name in enumerate(names)}
    return CityIndex(assets={a.id: a for a in _assets()}, streams=streams)


def test_things_are_pairs_of_a_latitude_and_a_longitude() -> None:
    found = {t.name: (t.lat, t.lon, t.bearing) for t in things_of(_city())}
    assert found == {"bus": (0, 1, 2), "car": (3, 4, -1)}


def test_a_thing_stands_where_it_said_and_one_never_heard_nowhere() -> None:
    updates: list[int] = []
    overlay = SimpleNamespace(marks=[], update=lambda: updates.append(1))
    view: Any = SimpleNamespace(overlay=overlay)
    stale = np.array([True, True, False, False, False, False])
    desk: Any = SimpleNamespace(city=_city(), stale_mask=lambda: stale)
    moving = MovingThings(view, desk)
    moving.city_changed()
    values = blank(6)
    values.value[:3] = 51.91, 4.47, 90.0
    values.time_ms[:3] = 1000
    shown = Shown(values, 2000, Mode.LIVE, 1)
    moving.show(shown)
    moving.show(shown)
    assert np.isfinite(moving.places[0]).all() and np.isnan(moving.places[1]).all()
    assert moving._stale.tolist() == [True, False] and len(updates) == 1
    assert moving._ahead[0] - moving.places[0] == pytest.approx([8.0, 0.0, 0.0])
    moving.show(Shown(None, 2000, Mode.REPLAY, 2))
    assert len(moving.places) == 0 and len(overlay.marks) == 1
