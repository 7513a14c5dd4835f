"""The generated district: the same every time, complete, and consistent across its files."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.kit.demo_district import RESOURCES, device_file, district, table

from lamplighter.domain.city import EDGE_KINDS
from lamplighter.domain.problems import LamplighterError
from lamplighter.field.city_generator import generate
from lamplighter.field.definition import load_definition
from lamplighter.field.layout import plan_layout
from lamplighter.field.projection import to_degrees


@cache
def city() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((district() / "import" / "city.city.json").read_bytes())
    return loaded


def behind(start: str) -> set[str]:
    """Everything that depends on an asset, by feeds and serves."""
    after: dict[str, list[str]] = {}
    for row in table("import", "connections.csv"):
        if row["kind"] in ("feeds", "serves"):
            after.setdefault(row["source"], []).append(row["target"])
    reached: set[str] = set()
    border = [start]
    while border:
        for target in after.get(border.pop(), []):
            if target not in reached:
                reached.add(target)
                border.append(target)
    return reached


def test_the_same_definition_gives_the_same_bytes(tmp_path: Path) -> None:
    generate(RESOURCES / "demo", tmp_path)
    files = sorted(p.relative_to(district()) for p in district().rglob("*") if p.is_file())
    assert len(files) == 10
    for file in files:
        assert (tmp_path / file).read_bytes() == (district() / file).read_bytes(), file


def test_another_seed_lays_out_another_city(tmp_path: Path) -> None:
    text = (RESOURCES / "demo" / "district.toml").read_text(encoding="utf-8")
    (tmp_path / "district.toml").write_text(text.replace("seed = 20261122", "seed = 4"))
    other = plan_layout(load_definition(tmp_path))
    known = plan_layout(load_definition(RESOURCES / "demo"))
    assert other.crossings != known.crossings


@pytest.mark.parametrize("text", ["", "name = 3", "[[["])
def test_a_definition_that_does_not_fit_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "district.toml").write_text(text)
    with pytest.raises(LamplighterError, match="I-507"):
        generate(tmp_path, tmp_path / "out")


def test_the_city_has_what_a_city_has() -> None:
    kinds = Counter(o["type"] for o in city()["CityObjects"].values())
    assert kinds["Building"] == 3018
    assert kinds["Bridge"] == 11
    assert kinds["TINRelief"] == kinds["WaterBody"] == 1
    assert kinds["Road"] > 500 and kinds["SolitaryVegetationObject"] > 500
    roofs = Counter(o["attributes"].get("roofType") for o in city()["CityObjects"].values())
    assert min(roofs["flat"], roofs["gabled"], roofs["hip"]) > 200
    heights = [o["attributes"].get("measuredHeight", 0) for o in city()["CityObjects"].values()]
    assert sum(h > 50 for h in heights) >= 10


def test_every_index_of_the_city_model_stands_for_a_vertex() -> None:
    count = len(city()["vertices"])

    def flat(part: Any) -> list[int]:
        return [part] if isinstance(part, int) else [i for p in part for i in flat(p)]

    used = [
        i
        for o in city()["CityObjects"].values()
        for g in o["geometry"]
        for i in flat(g["boundaries"])
    ]
    assert min(used) == 0 and max(used) == count - 1


def test_buildings_are_closed_solids_with_walls_roofs_and_grounds() -> None:
    for name, thing in city()["CityObjects"].items():
        if thing["type"] != "Building":
            continue
        for solid in thing["geometry"]:
            edges: Counter[tuple[int, int]] = Counter()
            for face in solid["boundaries"][0]:
                for ring in face:
                    edges.update(zip(ring, [*ring[1:], ring[0]], strict=True))
            assert all(edges[b, a] == n for (a, b), n in edges.items()), name
            kinds = {s["type"] for s in solid["semantics"]["surfaces"]}
            assert kinds == {"GroundSurface", "WallSurface", "RoofSurface"}, name


def test_some_buildings_stand_around_a_courtyard() -> None:
    holes = [
        face
        for o in city()["CityObjects"].values()
        if o["type"] == "Building"
        for g in o["geometry"]
        for face in g["boundaries"][0]
        if len(face) > 1
    ]
    assert len(holes) == 20


def test_there_are_exactly_five_thousand_datastreams_at_fourteen_gateways() -> None:
    rows = table("import", "datastreams.csv")
    assert len(rows) == 5000
    assert len({(r["source"], r["datastream"]) for r in rows}) == 5000
    per_gateway = Counter(r["source"] for r in rows)
    assert len(per_gateway) == 14
    assert per_gateway["gw-7"] == 211
    assert min(per_gateway.values()) >= 50


def test_limits_stand_in_order() -> None:
    for row in table("import", "datastreams.csv"):
        limits = [row[k] for k in ("low_low", "low", "high", "high_high")]
        values = [float(v) for v in limits if v]
        assert values == sorted(values), row["datastream"]


def test_every_datastream_and_connection_names_a_known_asset() -> None:
    known = {r["id"] for r in table("import", "assets.csv")} | set(city()["CityObjects"])
    sections = (district() / "import" / "water.inp").read_text(encoding="utf-8").split("[")
    for section in sections:
        if section.startswith(("JUNCTIONS", "RESERVOIRS", "PIPES", "PUMPS", "VALVES", "TANKS")):
            known |= {line.split("\t")[0] for line in section.splitlines()[1:] if line}
    assert {r["asset"] for r in table("import", "datastreams.csv")} <= known
    for row in table("import", "connections.csv"):
        assert row["source"] in known and row["target"] in known, row
        assert row["kind"] in EDGE_KINDS


def test_two_pumps_and_eleven_signals_hang_on_the_substation_that_trips() -> None:
    kinds = Counter(a["type"] for a in table("import", "assets.csv") if a["id"] in behind("SS-04"))
    assert kinds["Pump"] == 2
    assert kinds["TrafficSignal"] == 11
    assert kinds["Transformer"] == 16


def test_people_behind_the_substation_and_its_pumps_are_counted_once() -> None:
    people = {a["id"]: int(a["people"]) for a in table("import", "assets.csv")}
    assert sum(people.values()) == 48_200
    assert sum(people[a] for a in behind("SS-04") if a in people) == 3_412
    assert sum(people[a] for a in behind("P-14") if a in people) == 2_180
    assert sum(people[a] for a in behind("P-17") if a in people) == 1_232


def test_the_plan_speaks_of_things_that_exist() -> None:
    names = {s.name for s in device_file().streams}
    assets = {r["id"] for r in table("import", "assets.csv")}
    sources = {s.source for s in device_file().streams}
    for step in device_file().plan:
        places = {"trip": assets, "wear": assets, "silence": sources}.get(step.event, names)
        assert step.event == "burst" or step.target in places, step
    assert device_file().burst_at.startswith("J-")


def test_degrees_agree_with_an_independent_computation() -> None:
    lon, lat = to_degrees(25832, np.array([552000.0, 560000.0]), np.array([6042000.0, 5990000.0]))
    assert lon == pytest.approx([9.80340373674343, 9.91655304215227], abs=1e-9)
    assert lat == pytest.approx([54.522907133524726, 54.05473439172552], abs=1e-9)


def test_a_coordinate_system_without_a_known_zone_is_refused() -> None:
    with pytest.raises(LamplighterError, match="I-506"):
        to_degrees(31467, np.array([3.5e6]), np.array([6e6]))
