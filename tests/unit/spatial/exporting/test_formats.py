"""The other open formats: everything is in them, with ids, attributes and licence."""

from __future__ import annotations

import csv
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
from msgspec.structs import replace
from tests.kit.exporting import collected, facts_of, imported
from tests.unit.spatial.exporting.test_round_trip import document, save

from lamplighter.domain.city import Asset, Edge
from lamplighter.spatial.exporting import geopackage, gltf, tables
from lamplighter.spatial.exporting.sources import Collected, KeptLayer


@pytest.fixture
def found(tmp_path: Path) -> Collected:
    """A model of two objects, a pipe in two parts, a sensor without a place; one licence."""
    file = imported(save(tmp_path, "a.city.json", document()), tmp_path)
    facts = facts_of(file)
    kept = facts.layers[0]
    licensed = replace(kept.layer, licence="CC BY 4.0", attribution="City of Delft")
    facts.layers[0] = KeptLayer(licensed, kept.path)
    line = ((0.0, 0.0, 1.0), (5.0, 0.0, 1.0))
    facts.assets.append(
        Asset("pipe", "Pipe", "=cmd", "water", path=line, more=(line,), x=2.5, y=0.0, z=1.0,
              attributes={"diameter_mm": 300, "material": "steel"})
    )  # fmt: skip
    facts.assets.append(Asset("lost", "Sensor", "Lost", "water", attributes={"diameter_mm": 1.5}))
    facts.edges.append(Edge("pipe", "feeds", "block", "project"))
    return collected(facts, tmp_path)


def test_geopackage_has_a_layer_for_each_type_and_the_surfaces(
    found: Collected, tmp_path: Path
) -> None:
    out = tmp_path / "city.gpkg"
    assert geopackage.write(found, out) == 4
    layers = {str(name) for name in pyogrio.list_layers(out)[:, 0]}
    assert layers == {
        "Building", "BuildingPart", "Pipe", "Sensor", "surfaces", "connections", "licences",
    }  # fmt: skip
    meta, _, shapes, columns = pyogrio.raw.read(out, layer="BuildingPart")
    row = dict(zip(meta["fields"], (c[0] for c in columns), strict=True))
    assert row["id"] == "part" and row["flats"] == 4 and row["licence"] == "CC BY 4.0"
    assert meta["crs"] == "EPSG:28992" and shapes[0] is not None
    meta, _, _, columns = pyogrio.raw.read(out, layer="surfaces")
    words = columns[list(meta["fields"]).index("surface")].tolist()
    meant = sorted(word for word in words if word != "Unknown")
    assert meant == ["GroundSurface", "RoofSurface", *["WallSurface"] * 4]
    _, _, _, columns = pyogrio.raw.read(out, layer="connections")
    assert [c[0] for c in columns] == ["pipe", "feeds", "block", "project"]


def test_an_exported_geopackage_comes_back_without_its_surfaces_as_objects(
    found: Collected, tmp_path: Path
) -> None:
    out = tmp_path / "city.gpkg"
    geopackage.write(found, out)
    back = imported(out, tmp_path)
    assert {"block", "part", "pipe", "lost"} <= {a.id for a in back.assets}
    assert len(back.assets) < 8, "connections and licences are tables, surfaces are no assets"
    assert any("not taken a second time" in w for w in back.report.warnings)


def test_csv_keeps_every_asset_and_disarms_formulas(found: Collected, tmp_path: Path) -> None:
    out = tmp_path / "city.csv"
    assert tables.write_csv(found, out) == 4
    with out.open(newline="", encoding="utf-8") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert set(rows) == {"block", "part", "pipe", "lost"}
    assert rows["pipe"]["name"] == "'=cmd"
    assert rows["pipe"]["wkt"].startswith("MULTILINESTRING Z ((")
    assert json.loads(rows["pipe"]["attributes"]) == {"diameter_mm": 300, "material": "steel"}
    assert rows["part"]["licence"] == "CC BY 4.0; City of Delft"
    assert (tmp_path / "city-edges.csv").read_text().splitlines()[1] == "pipe,feeds,block,project"


def test_parquet_says_the_same_as_csv(found: Collected, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    out = tmp_path / "city.parquet"
    assert tables.write_parquet(found, out) == 4
    table = parquet.read_table(out)
    assert b"CC BY 4.0" in table.schema.metadata[b"licence"]
    rows = {row["id"]: row for row in table.to_pylist()}
    assert rows["lost"]["lon"] is None and rows["block"]["lat"] == pytest.approx(52.0, abs=0.01)


def glb(path: Path) -> tuple[dict[str, Any], bytes]:
    data = path.read_bytes()
    magic, version, total = struct.unpack_from("<4sII", data)
    assert (magic, version, total) == (b"glTF", 2, len(data))
    size = struct.unpack_from("<I", data, 12)[0]
    return json.loads(data[20 : 20 + size]), data[20 + size + 8 :]


def test_gltf_has_a_node_for_each_object_where_it_stands(found: Collected, tmp_path: Path) -> None:
    out = tmp_path / "city.glb"
    tiles = [tmp_path / "tiles" / t.name for t in found.facts.layers[0].layer.finest]
    assert gltf.write(found, tiles, out) == 1, "the block is hidden by its finer part"
    content, body = glb(out)
    (node,) = content["nodes"]
    assert node["name"] == "part" and node["extras"]["flats"] == 4
    assert "CC BY 4.0" in content["asset"]["copyright"]
    assert content["asset"]["extras"]["crs"] == "EPSG:28992"
    names = {m["name"] for m in content["materials"]}
    assert names == {"GroundSurface", "RoofSurface", "WallSurface"} or "texture" in names
    high = []
    for accessor in content["accessors"]:
        if accessor["type"] == "VEC3":
            view = content["bufferViews"][accessor["bufferView"]]
            points = np.frombuffer(body, np.float32, accessor["count"] * 3, view["byteOffset"])
            assert points.reshape(-1, 3).max(axis=0).tolist() == accessor["max"]
            high.append(accessor["max"][1])
    assert max(high) == pytest.approx(10.0), "1 m foot and 9 m height, y up"
