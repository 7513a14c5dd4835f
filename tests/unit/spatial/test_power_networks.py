"""pandapower and MATPOWER networks through the power plugin's importer."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.kit.import_paths import import_paths
from tests.kit.testdata import city_data

from lamplighter.domain.city import Asset, Edge
from lamplighter.domain.importing import ImportedFile
from lamplighter.spatial.network import load_importers
from lamplighter.spatial.reader import read_file

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
IMPORTERS = load_importers([PLUGINS / "power" / "importer.py", PLUGINS / "water" / "importer.py"])

CASE = """function mpc = tiny
mpc.version = '2';
mpc.baseMVA = 10; % base
%	bus_i	type	Pd ...
mpc.bus = [
	1	3	0	0	0	0	1	1	0	110	1	1.1	0.9;
	2	1	100	60	0	0	1	1	0	20	1	1.1	0.9;
	3	1	90	40	0	0	1	1	0	20	1	1.1	0.9;
];
mpc.gen = [
	1	5	0	10	-10	1	100	1	10	0;
];
mpc.branch = [
	1	2	0.01	0.05	0	0	0	0	0.98	0	1	-360	360;
	3	2	0.02	0.04	0	0	0	0	0	0	1	-360	360;
	1	9	0.02	0.04	0	0	0	0	0	0	1	-360	360;
];
mpc.gencost = [ 2 0 0 3 0 20 0; ];
mpc.bus_name = { 'NORTH'; 'MID'; 'SOUTH'; };
%% convert loads from kW to MW
mpc.bus(:, [PD, QD]) = mpc.bus(:, [PD, QD]) / 1e3;
"""


def frame(columns: list[str], *rows: list[Any]) -> dict[str, Any]:
    content = {"columns": columns, "index": list(range(len(rows))), "data": [list(r) for r in rows]}
    return {"_module": "pandas", "_class": "DataFrame", "_object": json.dumps(content)}


def point(x: float, y: float) -> str:
    return json.dumps({"type": "Point", "coordinates": [x, y]})


def grid(spread: float = 0.001, closed: bool = True) -> str:
    """A chain: connection - bus 0 - trafo - bus 1 - line - bus 2 - load, near Offenburg."""
    x, y = 7.9, 48.4
    net = {
        "bus": frame(
            ["name", "vn_kv", "geo"],
            ["High", 110.0, point(x, y)],
            ["Low", 20.0, point(x, y)],
            ["End", 20.0, point(x + spread, y)],
        ),
        "ext_grid": frame(["name", "bus", "in_service"], ["Grid", 0, True]),
        "trafo": frame(["name", "hv_bus", "lv_bus", "in_service"], ["T1", 0, 1, True]),
        "line": frame(
            ["name", "from_bus", "to_bus", "length_km", "in_service", "geo"],
            ["L1", 2, 1, 0.074, True, None],
            ["L2", 1, 77, 0.074, True, None],
        ),
        "switch": frame(["bus", "element", "et", "type", "closed"], [1, 0, "l", "CB", closed]),
        "load": frame(["name", "bus", "p_mw", "in_service"], ["Mill", 2, 0.4, True]),
        "res_bus": frame(["vm_pu"], [1.0]),
        "format_version": "3.1.0",
    }
    return json.dumps(
        {"_module": "pandapower.auxiliary", "_class": "pandapowerNet", "_object": net}
    )


def imported(folder: Path, text: str, name: str = "net.json") -> ImportedFile:
    path = folder / name
    path.write_text(text, "utf-8")
    return read_file(path, project_frame=None, tiles_folder=folder / "t", importers=IMPORTERS)


def by_name(found: ImportedFile) -> dict[str, Asset]:
    return {asset.name: asset for asset in found.assets}


def feeds(found: ImportedFile) -> set[tuple[str, str]]:
    return {(e.source, e.target) for e in found.edges if e.kind == "feeds"}


def test_a_grid_with_real_positions_lies_in_its_place(tmp_path: Path) -> None:
    found = imported(tmp_path, grid())
    assert found.report.error is None and found.report.crs == "EPSG:4326"
    assert found.report.kind == "network"
    assert found.report.objects == {
        "Breaker": 1, "Bus": 3, "GridConnection": 1, "Load": 1, "PowerLine": 1, "Transformer": 1,
    }  # fmt: skip
    assert by_name(found)["Mill"].lon == pytest.approx(7.901, abs=1e-6)
    assert by_name(found)["L1"].path
    assert by_name(found)["T1"].attributes["hv_bus"] == 0
    assert {a.domain for a in found.assets} == {"power"}


def test_it_is_fed_from_the_grid_to_the_load_whatever_the_file_order(tmp_path: Path) -> None:
    chain = ["ext_grid-0", "bus-0", "trafo-0", "bus-1", "line-0", "bus-2", "load-0"]
    found = imported(tmp_path, grid())
    expected = {(f"net/{a}", f"net/{b}") for a, b in pairwise(chain)}
    assert feeds(found) == expected
    assert Edge("net/switch-0", "controls", "net/line-0", "power") in found.edges


def test_an_open_switch_feeds_nothing(tmp_path: Path) -> None:
    found = imported(tmp_path, grid(closed=False))
    assert ("net/bus-1", "net/line-0") not in feeds(found)
    assert ("net/line-0", "net/bus-2") not in feeds(found)


def test_positions_that_are_a_drawing_are_not_taken_for_places(tmp_path: Path) -> None:
    found = imported(tmp_path, grid(spread=2.0))
    assert found.report.placed == 0
    assert any("a drawing, no places" in text for text in found.report.warnings)


def test_what_a_line_misses_and_what_was_left_out_is_said(tmp_path: Path) -> None:
    report = imported(tmp_path, grid()).report
    assert [(u.id, u.reason) for u in report.unplaced] == [
        ("net/line-1", "it names bus 77, which is missing")
    ]
    assert any("res_bus (1)" in text for text in report.warnings)


def test_a_matpower_case_keeps_its_data_without_places(tmp_path: Path) -> None:
    found = imported(tmp_path, CASE, "tiny.m")
    assert found.report.error is None
    assert found.report.objects == {"Bus": 3, "Generator": 1, "PowerLine": 1, "Transformer": 1}
    south = by_name(found)["SOUTH"]
    assert south.attributes["load_mw"] == pytest.approx(0.09) and south.x is None
    assert ("tiny/bus-2", "tiny/branch-2") in feeds(found)
    assert ("tiny/branch-2", "tiny/bus-3") in feeds(found)
    assert any("no positions" in text for text in found.report.warnings)
    reasons = {u.reason for u in found.report.unplaced}
    assert "it names bus 9, which is missing" in reasons


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.m", "function mpc = a\nmpc.bus = [ 1 2 three ];"),
        ("a.m", "function mpc = a\nmpc.version = '2';"),
        ("a.json", '{"_module": "pandapower", "_class": "pandapowerNet", "_object": {"bus": 3}}'),
        ("a.json", '{"_module": "pandapower", "_class": "pandapowerNet"'),
        ("a.json", '{"_module": "pandapower", "_class": "pandapowerNet", "_object": {}}'),
    ],
)
def test_damaged_networks_end_with_one_line(tmp_path: Path, name: str, text: str) -> None:
    found = imported(tmp_path, text, name)
    assert (found.report.error or "").count("[I-50") == 1 or not found.assets


def test_other_files_of_the_same_ending_go_to_their_own_reader(tmp_path: Path) -> None:
    text = '{"type": "Point", "coordinates": [7.9, 48.4]}'
    assert imported(tmp_path, text, "a.json").report.format == "GeoJSON"


COUNTS = {
    "matpower/case33bw.m": {"Bus": 33, "Generator": 1, "PowerLine": 37},
    "matpower/case9.m": {"Bus": 9, "Generator": 3, "PowerLine": 9},
    "pandapower/case118.json": {"Bus": 118, "PowerLine": 173, "Transformer": 13, "Load": 99},
    "pandapower/case9.json": {"Bus": 9, "PowerLine": 9, "Load": 3},
    "pandapower/mv_oberrhein.json": {"Bus": 179, "PowerLine": 181, "Transformer": 2, "Load": 147},
}


@pytest.mark.data
@pytest.mark.parametrize("name", COUNTS)
def test_real_networks_have_the_counts_of_their_source(tmp_path: Path, name: str) -> None:
    path = city_data("power", *name.split("/"))
    report = read_file(path, project_frame=None, tiles_folder=tmp_path, importers=IMPORTERS).report
    assert report.error is None
    assert {k: report.objects.get(k) for k in COUNTS[name]} == COUNTS[name]


@pytest.mark.data
def test_the_whole_folder_is_imported_and_one_network_lies_on_the_upper_rhine(
    tmp_path: Path,
) -> None:
    imported_files, frame_ = import_paths(
        [city_data("power")], project_frame=None, tiles_folder=tmp_path, importers=IMPORTERS
    )
    assert len(imported_files) == 8 and frame_ is not None
    assert all(f.report.error is None for f in imported_files)
    placed = {Path(f.report.file).name for f in imported_files if f.report.placed}
    assert placed == {"mv_oberrhein.json", "mv_oberrhein_substations.json"}
    ids = [a.id for f in imported_files for a in f.assets]
    assert len(ids) == len(set(ids))
