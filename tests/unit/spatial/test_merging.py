"""Two files that speak of one asset make one asset together."""

from __future__ import annotations

from lamplighter.domain.city import Asset
from lamplighter.domain.merging import merged

PUMP = Asset(
    "P-1", "Pump", "Pump P-1", "water", lon=4.4, lat=51.9, height_m=2.0, x=1.0, y=2.0, z=2.0,
    path=((0.0, 0.0, 0.0), (1.0, 1.0, 0.0)), attributes={"head_curve": "1", "station": "old"},
    source_file="water.inp",
)  # fmt: skip


def test_a_register_completes_what_the_network_said() -> None:
    row = Asset(
        "P-1", "Pump", "North 1", "water", attributes={"station": "North", "duty": None},
        source_file="assets.csv", mode="twin",
    )  # fmt: skip
    both = merged(PUMP, row)
    assert (both.name, both.mode, both.source_file) == ("North 1", "twin", "assets.csv")
    assert (both.lon, both.x, both.path) == (PUMP.lon, PUMP.x, PUMP.path)
    assert both.attributes == {"head_curve": "1", "station": "North"}


def test_a_later_place_wins() -> None:
    row = Asset("P-1", "Pump", "P-1", "water", lon=4.5, lat=52.0, x=9.0, y=9.0, source_file="b.csv")
    both = merged(PUMP, row)
    assert (both.lon, both.x, both.z, both.name) == (4.5, 9.0, None, "Pump P-1")


def test_the_same_file_again_replaces_what_it_said() -> None:
    again = Asset("P-1", "Pump", "P-1", "water", source_file="water.inp")
    assert merged(PUMP, again) == again


def test_a_body_keeps_its_type_and_place_beside_its_outline_on_a_map() -> None:
    body = Asset(
        "b", "Building", "b", "buildings", x=1.0, y=2.0, z=3.0, layer="model",
        attributes={"geometry_height_m": 9.0},
    )  # fmt: skip
    outline = Asset(
        "b", "pand", "b", "buildings", x=1.5, y=2.5, z=0.0, layer="map",
        path=((0.0, 0.0, 0.0), (1.0, 0.0, 0.0)), attributes={"year": 1930},
    )  # fmt: skip
    both = merged(body, outline)
    assert (both.type, both.x, both.z, both.path, both.layer) == ("Building", 1.0, 3.0, (), "model")
    assert both.attributes == {"geometry_height_m": 9.0, "year": 1930}
