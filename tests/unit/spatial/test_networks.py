"""EPANET networks through the water plugin's importer, and where they may be put."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fixtures import cities
from tests.kit.import_paths import import_paths

from lamplighter.domain.city import Asset, Edge
from lamplighter.domain.importing import ImportedFile
from lamplighter.spatial.network import load_importers
from lamplighter.spatial.reader import read_file

IMPORTER = Path(__file__).resolve().parents[3] / "plugins" / "water" / "importer.py"
IMPORTERS = load_importers([IMPORTER])


def network(folder: Path, text: str = cities.INP, epsg: int | None = None) -> ImportedFile:
    path = folder / "tiny.inp"
    path.write_text(text, "utf-8")
    return read_file(
        path,
        project_frame=None,
        epsg_override=epsg,
        tiles_folder=folder / "tiles",
        importers=IMPORTERS,
    )


def by_id(found: ImportedFile) -> dict[str, Asset]:
    return {asset.id: asset for asset in found.assets}


def test_a_system_named_in_the_title_counts(tmp_path: Path) -> None:
    text = cities.INP.replace("A tiny network", "Tiny. Coordinates: EPSG:28992")
    report = network(tmp_path, text).report
    assert "outside the area of EPSG:28992" in report.unplaced[0].reason


def test_every_element_becomes_an_asset_in_metric_units(tmp_path: Path) -> None:
    found = network(tmp_path)
    assert found.report.error is None
    assert found.report.format == "EPANET INP"
    assert found.report.objects == {
        "Junction": 3, "Pipe": 3, "Pump": 1, "Reservoir": 1, "Tank": 1, "Valve": 1,
    }  # fmt: skip
    assets = by_id(found)
    assert assets["A"].attributes["elevation_m"] == pytest.approx(3.048)
    assert assets["A"].attributes["base_demand_lps"] == pytest.approx(50 * 0.0630902, rel=1e-5)
    assert assets["P1"].attributes["length_m"] == pytest.approx(304.8)
    assert assets["P1"].attributes["diameter_mm"] == pytest.approx(304.8)
    assert assets["T"].attributes["maximum_level_m"] == pytest.approx(9.144)
    assert assets["V1"].attributes["setting_m"] == pytest.approx(28.13)
    assert assets["U1"].attributes["head_curve"] == "1"
    assert {asset.domain for asset in found.assets} == {"water"}


@pytest.mark.parametrize(
    ("named", "metres"), [("KPA", 4.0809), ("bar", 408.098), ("Meters", 40.0), ("miles", 28.13)]
)
def test_a_valve_is_set_in_the_pressure_that_the_file_names(
    tmp_path: Path, named: str, metres: float
) -> None:
    text = cities.INP.replace("[OPTIONS]", f"[OPTIONS]\n Pressure {named}")
    assert "Pressure" in text
    found = network(tmp_path, text)
    assert by_id(found)["V1"].attributes["setting_m"] == pytest.approx(metres, rel=1e-4)
    assert any("'miles'" in w for w in found.report.warnings) == (named == "miles")


def test_a_link_that_shares_its_id_with_a_node_keeps_apart(tmp_path: Path) -> None:
    assets = by_id(network(tmp_path))
    assert assets["10"].type == "Junction"
    assert assets["Pipe-10"].type == "Pipe"
    assert assets["Pipe-10"].attributes["epanet_id"] == "10"


def test_water_runs_from_the_supply_through_each_link(tmp_path: Path) -> None:
    edges = set(network(tmp_path).edges)
    for source, target in [
        ("R", "U1"), ("U1", "B"),  # the pump as the file says
        ("B", "P1"), ("P1", "A"),
        ("B", "P2"), ("P2", "T"),
        ("A", "Pipe-10"), ("Pipe-10", "10"),  # the check valve as the file says
        ("A", "V1"), ("V1", "B"),
    ]:  # fmt: skip
        assert Edge(source, "feeds", target, "water") in edges, (source, target)
    assert len(edges) == 12 - 2


def test_a_pipe_written_against_the_flow_is_turned(tmp_path: Path) -> None:
    turned = cities.INP.replace("P1  B     A  ", "P1  A     B  ")
    assert set(network(tmp_path, turned).edges) == set(network(tmp_path).edges)


def test_without_a_system_it_stays_unplaced_and_says_why(tmp_path: Path) -> None:
    report = network(tmp_path).report
    assert report.placed == 0
    assert len(report.unplaced) == 10
    assert "no coordinate system" in report.unplaced[0].reason
    assert any(warning.endswith("[I-506]") for warning in report.warnings)


def test_with_the_users_system_pipes_have_their_course(tmp_path: Path) -> None:
    shifted = cities.INP
    for name, x, y in [("A", 0, 0), ("B", 100, 0), ("R", 200, 0), ("T", 100, 100), ("10", 0, 50)]:
        for gap in ("  ", "   ", "    ", " "):
            shifted = shifted.replace(
                f"\n{name}{gap}{x}    {y}\n", f"\n{name} {91000 + x} {435700 + y}\n"
            ).replace(f"\n{name}{gap}{x}  {y}\n", f"\n{name} {91000 + x} {435700 + y}\n")
    shifted = shifted.replace("P1 50 10", "P1 91050 435710")
    found = network(tmp_path, shifted, 28992)
    assert found.report.placed == 10, found.report.unplaced
    pipe = by_id(found)["P1"]
    assert len(pipe.path) == 3
    assert pipe.path[0][2] == pytest.approx(6.096) and pipe.path[2][2] == pytest.approx(3.048)
    assert pipe.lon is not None and 4.4 < pipe.lon < 4.5
    assert pipe.height_m == pytest.approx(3.048)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("P1  B     A     1000", "P1  B     NOWHERE     1000"),
        ("A   10   50", "A   ten   50"),
        ("V1  A     B     12", "V1  A"),
    ],
)
def test_a_damaged_row_is_named_and_the_rest_is_taken(
    tmp_path: Path, line: str, words: str
) -> None:
    report = network(tmp_path, cities.INP.replace(line, words)).report
    assert report.error is None
    assert sum(report.objects.values()) >= 9
    told = " ".join(report.warnings) + " ".join(u.reason for u in report.unplaced)
    assert "line" in told


@pytest.mark.parametrize("text", ["", "hello", "[PIPES]\n1 2 3\n", "\0\1\2"])
def test_what_is_no_network_is_refused(tmp_path: Path, text: str) -> None:
    report = network(tmp_path, text).report
    assert report.error is not None
    assert report.error[-7:] in ("[I-503]", "[I-504]")


def city_and_network(folder: Path) -> list[Path]:
    (folder / "tiny.inp").write_text(cities.INP, "utf-8")
    (folder / "city.json").write_text(cities.cityjson_text(), "utf-8")
    return [folder / "tiny.inp", folder / "city.json"]


def test_it_is_fitted_into_the_city_only_when_asked(tmp_path: Path) -> None:
    paths = city_and_network(tmp_path)
    box = (-100.0, -50.0, 100.0, 50.0)
    plain, frame = import_paths(
        paths, project_frame=None, tiles_folder=tmp_path / "t", importers=IMPORTERS
    )
    assert frame is not None and plain[0].report.placed == 0
    fitted, _ = import_paths(
        paths,
        project_frame=None,
        tiles_folder=tmp_path / "t",
        importers=IMPORTERS,
        fit=True,
        city_box=box,
    )
    report = fitted[0].report
    assert report.placed == 10
    assert report.crs_evidence == "fitted by request into the city's extent, not surveyed"
    assert report.crs == ""
    spots = [(a.x, a.y) for a in fitted[0].assets]
    assert all(x is not None and -100 <= x <= 100 for x, _ in spots)
    assert all(y is not None and -50 <= y <= 50 for _, y in spots)


def test_ids_of_another_network_are_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "tiny.inp").write_text(cities.INP, "utf-8")
    found, _ = import_paths(
        [tmp_path / "tiny.inp"],
        project_frame=None,
        tiles_folder=tmp_path / "t",
        importers=IMPORTERS,
        known={"A": "other.inp"},
    )
    assert {a.id for a in found[0].assets} >= {"tiny/A", "tiny/P1"}
    assert all(e.source.startswith("tiny/") for e in found[0].edges)
    again, _ = import_paths(
        [tmp_path / "tiny.inp"],
        project_frame=None,
        tiles_folder=tmp_path / "t",
        importers=IMPORTERS,
        known={"A": "tiny.inp"},
    )
    assert {a.id for a in again[0].assets} >= {"A", "P1"}
