"""The real city files: their counts are those their sources state, and they lie where they lie."""

from __future__ import annotations

import ast
import csv
from pathlib import Path

import numpy as np
import pytest
from tests.kit.import_paths import import_paths
from tests.kit.testdata import city_data

from lamplighter.domain.geometry import SURFACES
from lamplighter.domain.importing import ImportedFile
from lamplighter.domain.tile_file import read_tile
from lamplighter.spatial import citygml, cityjson
from lamplighter.spatial.model import Faces
from lamplighter.spatial.network import load_importers
from lamplighter.spatial.reader import expand, read_file
from lamplighter.spatial.triangulate import triangulate

pytestmark = pytest.mark.data
IMPORTERS = load_importers(
    [Path(__file__).resolve().parents[3] / "plugins" / "water" / "importer.py"]
)
DELFSHAVEN = (
    "3-20-DELFSHAVEN.city.json",
    "old_versions/3-20-DELFSHAVEN_a.json",
    "old_versions/3-20-DELFSHAVEN_cjio.json",
    "old_versions/3-20-DELFSHAVEN_solids.json",
)


def read(path: Path, folder: Path) -> ImportedFile:
    return read_file(path, project_frame=None, tiles_folder=folder, importers=IMPORTERS)


@pytest.mark.parametrize("name", DELFSHAVEN)
def test_delfshaven_has_853_buildings_in_rotterdam(tmp_path: Path, name: str) -> None:
    found = read(city_data("rotterdam", name), tmp_path)
    report = found.report
    assert report.objects == {"Building": 853}
    assert (report.placed, report.unplaced, report.error) == (853, [], None)
    assert found.suggested_epsg == 28992
    assert report.extent_wgs84 == pytest.approx([4.44851, 51.90372, 4.46381, 51.90967], abs=2e-5)
    assert 38_000 < report.triangles < 39_000


def test_kalasatama_has_its_61_buildings_in_helsinki(tmp_path: Path) -> None:
    found = read(city_data("helsinki_kalasatama", "buildings", "2549_6674.gml"), tmp_path)
    report = found.report
    assert report.objects == {
        "Building": 61, "GroundSurface": 61, "RoofSurface": 192, "WallSurface": 850,
    }  # fmt: skip
    assert (report.placed, report.unplaced, report.crs) == (61, [], "EPSG:3879")
    assert report.extent_wgs84 is not None
    west, south, east, north = report.extent_wgs84
    assert (round(west, 4), round(east, 4)) == (24.9776, 24.9839)
    assert (round(south, 4), round(north, 4)) == (60.1827, 60.1866)
    assert "easting first" in report.crs_evidence
    words = np.concatenate([read_tile(tmp_path / name).surface for name in found.tiles])
    kinds = {SURFACES[s] for s in np.unique(words)}
    assert kinds == {"GroundSurface", "RoofSurface", "WallSurface"}


@pytest.mark.parametrize(
    ("name", "nodes", "links", "objects"),
    [
        ("epanet/Net3.inp", 97, 119, {"Tank": 3, "Reservoir": 2, "Pump": 2}),
        ("epanet/Net1.inp", 11, 13, {"Tank": 1, "Reservoir": 1, "Pump": 1}),
        ("wntr/ky4.inp", 964, 1158, {"Tank": 4, "Reservoir": 1, "Pump": 2}),
        ("owa_tests/small/GES4-9.inp", 12, 14, {"Reservoir": 1, "Valve": 3}),
    ],
)
def test_networks_have_the_elements_their_source_states(
    tmp_path: Path, name: str, nodes: int, links: int, objects: dict[str, int]
) -> None:
    found = read(city_data("water_epanet", name), tmp_path)
    counts = found.report.objects
    assert sum(counts.get(k, 0) for k in ("Junction", "Tank", "Reservoir")) == nodes
    assert sum(counts.get(k, 0) for k in ("Pipe", "Pump", "Valve")) == links
    assert {kind: counts[kind] for kind in objects} == objects
    assert len(found.assets) == nodes + links
    assert len(found.edges) == 2 * links
    assert len({asset.id for asset in found.assets}) == nodes + links


def test_every_node_of_net3_is_fed_from_a_supply(tmp_path: Path) -> None:
    found = read(city_data("water_epanet", "epanet", "Net3.inp"), tmp_path)
    fed: dict[str, list[str]] = {}
    for edge in found.edges:
        fed.setdefault(edge.source, []).append(edge.target)
    reached = {a.id for a in found.assets if a.type == "Reservoir"}
    pending = list(reached)
    while pending:
        for target in fed.get(pending.pop(), []):
            if target not in reached:
                reached.add(target)
                pending.append(target)
    assert reached == {asset.id for asset in found.assets}


@pytest.mark.parametrize(
    "name",
    ["rotterdam/3-20-DELFSHAVEN.city.json", "helsinki_kalasatama/buildings/2549_6674.gml",
     "zurich/zurich_subset_lod2.json", "conformance/cjio/delft.json"],
)  # fmt: skip
def test_triangles_cover_the_area_of_their_polygons(name: str) -> None:
    path = city_data(*name.split("/"))
    if name.endswith(".gml"):
        model = citygml.read(path, "2.0", lambda *_: None)
    else:
        model = cityjson.read(path.read_bytes(), lambda *_: None)
    faces = model.faces
    assert faces is not None
    found = triangulate(faces)
    spots = faces.vertices[found.corners]
    cross = np.cross(spots[:, 1] - spots[:, 0], spots[:, 2] - spots[:, 0])
    got = float(np.linalg.norm(cross, axis=1).sum() / 2)
    assert got == pytest.approx(_polygon_area(faces), rel=1e-6)
    assert found.odd == 0


def _polygon_area(faces: Faces) -> float:
    total = 0.0
    for face in range(faces.count):
        for place, ring in enumerate(range(faces.rings_of[face], faces.rings_of[face + 1])):
            spots = faces.vertices[faces.corners[faces.starts[ring] : faces.starts[ring + 1]]]
            spots = spots - spots[0]
            vector = np.cross(spots, np.roll(spots, -1, axis=0)).sum(axis=0)
            total += float(np.linalg.norm(vector)) / 2 * (1 if place == 0 else -1)
    return total


def test_counts_of_every_city_model_are_those_its_source_states(tmp_path: Path) -> None:
    """Every type a SOURCE.txt names; it cuts long lists off, so we may report more types."""
    checked = 0
    for source in sorted(city_data().glob("*/SOURCE.txt")):
        for line in source.read_text("utf-8", errors="replace").splitlines():
            parts = line.split("\t")
            if len(parts) < 4 or not parts[3].startswith(("CityJSON v", "CityGML ")):
                continue
            stated = {
                kind: count
                for kind, count in ast.literal_eval(
                    parts[3][parts[3].index("{") : parts[3].index("}") + 1]
                ).items()
                if kind not in ("cityObjectMember", "CityModel", "featureMember")
            }
            report = read(source.parent / parts[0], tmp_path).report
            if report.error is None:
                got = {kind: report.objects.get(kind, 0) for kind in stated}
                assert got == stated, parts[0]
                checked += 1
    assert checked > 100


def test_the_conformance_files_get_the_verdict_their_collector_suggests(tmp_path: Path) -> None:
    folder = city_data("conformance")
    with (folder / "EXPECTED.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    taken = refused = 0
    for row in rows:
        path = folder / row["file"]
        kind = row["type"] or "City"
        if "City" not in kind or kind == "CityJSONExtension" or ".ext." in path.name:
            continue
        if not path.is_file() or path.suffix not in (".json", ".jsonl", ".gml"):
            continue
        verdict = row["suggested_verdict(our reading)"]
        report = read(path, tmp_path).report
        assert "reader failed" not in (report.error or "")
        if verdict.startswith("accept"):
            assert report.error is None or "accept leniently" in verdict, (row["file"], report)
            taken += 1
        elif verdict.startswith("reject") and "texture" not in path.name:  # none are drawn
            told = report.error or report.unplaced or report.warnings
            assert told, (row["file"], verdict)
            refused += 1
    assert taken > 60 and refused > 2


def test_no_small_file_of_any_kind_crashes_the_reader(tmp_path: Path) -> None:
    """Two small files of each folder and ending; `make bench` imports every file there is."""
    sample: dict[tuple[Path, str], int] = {}
    for path in expand([city_data()], (".inp",)):
        kind = (path.parent, path.suffix.lower())
        if path.is_dir() or path.stat().st_size > 60_000 or sample.get(kind, 0) >= 2:
            continue
        sample[kind] = sample.get(kind, 0) + 1
        report = read(path, tmp_path).report
        assert "reader failed" not in (report.error or ""), report.error
        assert report.error is None or "\n" not in report.error


def test_a_rotterdam_subset_without_a_system_is_placed_by_its_neighbour(tmp_path: Path) -> None:
    names = ("rotterdam_subset.json", "3-20-DELFSHAVEN.city.json")
    found, frame = import_paths(
        [city_data("rotterdam", name) for name in names],
        project_frame=None,
        tiles_folder=tmp_path,
    )
    assert frame is not None and frame.epsg == 28992
    assert found[0].report.placed == 16
    own = {a.id: a for a in found[1].assets}
    for asset in found[0].assets:
        assert asset.x == pytest.approx(own[asset.id].x, abs=0.01)
