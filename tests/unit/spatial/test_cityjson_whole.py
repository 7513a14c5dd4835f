"""CityJSON in full: all levels, lines, textures, words, layouts of a sequence, odd encodings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.fixtures import cities, city_gml

from lamplighter.domain.geometry import SURFACES
from lamplighter.domain.importing import ImportedFile
from lamplighter.domain.tile_file import read_tile
from lamplighter.spatial import cityjson
from lamplighter.spatial.model import SourceModel
from lamplighter.spatial.reader import read_file
from lamplighter.spatial.scout import scout


def read(document: dict[str, Any], folder: Path | None = None) -> SourceModel:
    return cityjson.read(json.dumps(document).encode(), lambda *_: None, folder)


def imported(folder: Path, data: bytes, name: str = "x.city.json") -> ImportedFile:
    (folder / name).write_bytes(data)
    return read_file(folder / name, project_frame=None, tiles_folder=folder / "tiles")


def test_every_level_of_detail_is_kept_whatever_way_it_is_written(tmp_path: Path) -> None:
    document = cities.cityjson()
    flat = {"type": "MultiSurface", "lod": 0, "boundaries": [[[0, 3, 2, 1]]]}
    odd = {"type": "MultiSurface", "lod": "high", "boundaries": [[[4, 5, 6, 7]]]}
    document["CityObjects"]["B1"]["geometry"] += [flat, cities.solid("1.3"), odd]
    found = imported(tmp_path, json.dumps(document).encode())
    assert found.report.lods == [0.0, 1.3, 2.2]
    assert found.report.triangles == 12
    assert found.layer is not None
    assert {t.rank: t.triangles for t in found.layer.tiles} == {0: 12, 1: 12, 2: 4}


def test_all_kinds_of_solids_and_surfaces_are_drawn() -> None:
    shell = cities.solid()["boundaries"]
    for kind, boundaries in (
        ("MultiSurface", shell[0]), ("CompositeSurface", shell[0]), ("Solid", shell),
        ("MultiSolid", [shell]), ("CompositeSolid", [shell, shell]),
    ):  # fmt: skip
        document = cities.cityjson()
        document["CityObjects"]["B1"]["geometry"] = [
            {"type": kind, "lod": "1", "boundaries": boundaries}
        ]
        faces = read(document).faces
        assert faces is not None and faces.count == (12 if kind == "CompositeSolid" else 6), kind


def test_lines_become_courses_points_places_and_what_is_not_drawn_is_counted() -> None:
    document = cities.cityjson()
    line = {"type": "MultiLineString", "lod": "0", "boundaries": [[0, 1, 2], [4, 5]]}
    points = {"type": "MultiPoint", "lod": "0", "boundaries": [0, 1]}
    document["CityObjects"] |= {
        "R": {"type": "Road", "geometry": [line]},
        "P": {"type": "CityFurniture", "geometry": [points]},
    }
    document["CityObjects"]["B1"]["geometry"].append(line)
    found = read(document)
    building, road, lamp = found.features
    assert building.path is None and road.path is not None and len(road.path) == 3
    assert road.more is not None and len(road.more[0]) == 2
    assert lamp.at == pytest.approx((91010.0, 435700.0, 2.0))
    assert "2 lines and points beside other geometry are not drawn" in found.warnings
    assert "1 objects of several points lie at their middle" in found.warnings


def textured(image: str = "pictures/roof.png") -> dict[str, Any]:
    document = cities.cityjson()
    document["appearance"] = {
        "textures": [{"type": "PNG", "image": image}],
        "vertices-texture": [[0, 0], [1, 0], [1, 1], [0, 1]],
        "materials": [{"name": "brick", "diffuseColor": [1, 0, 0]}],
    }
    values: list[Any] = [[None] for _ in range(6)]
    values[1] = [[0, 0, 1, 2, 3]]
    geometry = document["CityObjects"]["B1"]["geometry"][0]
    geometry["texture"] = {"summer": {"values": [values]}, "winter": {"values": [values]}}
    geometry["material"] = {"summer": {"value": 0}}
    return document


def test_a_textured_roof_has_its_picture_and_the_walls_stay_plain(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "roof.png").write_bytes(city_gml.png())
    found = imported(tmp_path, json.dumps(textured()).encode())
    assert (found.report.triangles, found.report.warnings) == (12, [])
    tiles = [read_tile(tmp_path / "tiles" / name) for name in found.tiles]
    (roof,) = [tile for tile in tiles if tile.image]
    assert {SURFACES[s] for s in roof.surface} == {"RoofSurface"}
    assert roof.uv is not None
    spots = roof.points[:, :2] - roof.points[:, :2].min(axis=0)
    assert np.allclose(roof.uv * [20.0, 10.0], spots)
    assert cityjson.brings(tmp_path / "x.city.json") == [tmp_path / "pictures" / "roof.png"]


@pytest.mark.parametrize(
    "values",
    [[[0, 0, 1, 2]], [[0, 0, 1, 2, 99]], [[7, 0, 1, 2, 3]], [[0, 0, 1, 2, -1]], [["0", 0, 1, 2, 3]],
     [None], 5, [[0, 0, 1, 2, True]]],
)  # fmt: skip
def test_texture_numbers_that_fit_nothing_leave_the_roof_plain(tmp_path: Path, values: Any) -> None:
    (tmp_path / "roof.png").write_bytes(city_gml.png())
    document = textured("roof.png")
    theme = document["CityObjects"]["B1"]["geometry"][0]["texture"]["summer"]
    theme["values"][0][1] = values
    found = read(document, tmp_path)
    assert found.faces is not None and found.faces.count == 6
    assert found.faces.image is not None and (found.faces.image == -1).all()


def test_words_of_objects_extensions_addresses_and_surfaces_are_kept() -> None:
    document = cities.cityjson()
    document["extensions"] = {"Noise": {"url": "x", "version": "1"}}
    document["+census"] = {"people": 4}
    geometry = cities.solid()
    geometry["semantics"]["surfaces"] = [
        {"type": "GroundSurface"},
        {"type": "RoofSurface", "slope": 30.5, "parent": 0},
        {"type": "WallSurface", "paint": {"colour": "white"}},
    ]
    document["CityObjects"]["B1"] = {
        "type": "+NoiseBuilding",
        "attributes": {"+level": 4, "owners": [{"name": "Ada"}, {"name": "Bo"}], "tags": ["a", 1]},
        "address": [
            {"Country": "NL", "Locality": "Delft", "ThoroughfareName": "Markt",
             "ThoroughfareNumber": "1", "Postcode": "2611 GS",
             "location": {"type": "MultiPoint", "lod": "1", "boundaries": [0]}}
        ],
        "+extra": {"flag": True},
        "geometry": [geometry],
    }  # fmt: skip
    found = read(document)
    attributes = found.features[0].attributes
    assert attributes["address"] == "Markt 1, 2611 GS Delft"
    assert attributes["address.Country"] == "NL"
    assert attributes["+level"] == 4 and attributes["+extra.flag"] is True
    assert attributes["owners.1.name"] == "Bo" and attributes["tags"] == "a, 1"
    assert attributes["surfaces.RoofSurface.slope"] == 30.5
    assert attributes["surfaces.WallSurface.paint.colour"] == "white"
    assert any("+census" in warning for warning in found.warnings)


def test_licence_holder_and_date_come_from_the_metadata() -> None:
    document = cities.cityjson()
    document["metadata"] |= {
        "referenceDate": "2024-02-01",
        "pointOfContact": {"contactName": "Ada", "organization": "City of X"},
        "license": "CC0",
    }
    found = read(document)
    assert (found.licence, found.attribution, found.date) == ("CC0", "City of X", "2024-02-01")


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("name", ["x.city.jsonl", "x.jsonl"])
def test_a_sequence_need_not_have_one_object_a_line(
    tmp_path: Path, indent: int | None, name: str
) -> None:
    documents = [json.loads(line) for line in cities.sequence().splitlines()]
    documents[1]["CityObjects"]["S1"]["attributes"] = {"note": 'a } { " brace'}
    text = "\n".join(json.dumps(one, indent=indent) for one in documents)
    found = imported(tmp_path, text.encode(), name)
    assert found.report.objects == {"Building": 2}
    assert found.report.triangles == 24
    assert found.assets[0].attributes["note"] == 'a } { " brace'


def test_a_feature_that_is_cut_off_loses_itself_alone(tmp_path: Path) -> None:
    lines = cities.sequence().splitlines()
    lines[1] = lines[1][:-30]
    report = imported(tmp_path, "\n".join(lines).encode(), "x.city.jsonl").report
    assert report.objects == {"Building": 1} and [u.id for u in report.unplaced] == ["line 2"]


def test_text_that_is_latin_1_or_utf_16_is_read(tmp_path: Path) -> None:
    document = cities.cityjson()
    document["CityObjects"]["B1"]["attributes"] = {"name": "Hafenstraße"}
    text = json.dumps(document, ensure_ascii=False)
    for encoding, told in (("latin-1", 1), ("utf-16", 0), ("utf-8-sig", 0)):
        found = cityjson.read(text.encode(encoding), lambda *_: None)
        assert found.features[0].name == "Hafenstraße"
        assert len(found.warnings) == told


def test_a_template_of_points_gives_its_object_a_place() -> None:
    document = cities.cityjson()
    document["geometry-templates"] = {
        "templates": [{"type": "MultiPoint", "lod": "1", "boundaries": [0]}],
        "vertices-templates": [[1, 0, 0]],
    }
    document["CityObjects"]["L"] = {
        "type": "CityFurniture",
        "geometry": [{"type": "GeometryInstance", "template": 0, "boundaries": [0],
                      "transformationMatrix": [2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]}],
    }  # fmt: skip
    assert read(document).features[1].at == pytest.approx((91002.0, 435700.0, 2.0))


@pytest.mark.timeout(20)
def test_an_endless_string_in_a_sequence_ends_the_search(tmp_path: Path) -> None:
    data = b'{\n"type": "CityJSON", "a": "' + b'\\"{' * 300_000
    assert imported(tmp_path, data, "x.jsonl").report.error is not None


def test_pictures_a_model_names_are_parts_of_it_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for name in ("roof", "other"):
        (tmp_path / "pictures" / f"{name}.png").write_bytes(city_gml.png())
    (tmp_path / "x.city.json").write_text(json.dumps(textured()))
    found = scout([tmp_path])
    assert Path(found.files[0].path).name == "x.city.json"
    assert found.files[0].parts == (str(tmp_path / "pictures" / "roof.png"),)
