"""glTF comes in with its transforms, looks and objects; what is broken is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.fixtures.meshes import SQUARE, TRIANGLES, Gltf, png, square
from tests.kit.testdata import city_data

from lamplighter.domain.city import Frame
from lamplighter.domain.geometry import TileArrays
from lamplighter.domain.importing import ImportedFile
from lamplighter.spatial.gltf_buffers import Document
from lamplighter.spatial.gltf_scene import read_scene
from lamplighter.spatial.model import Refused
from lamplighter.spatial.reader import read_file
from lamplighter.spatial.tiles import load

HERE = Frame(epsg=28992, east=0.0, north=0.0)


def imported(path: Path, data: bytes) -> ImportedFile:
    """Near the frame's origin, so that a mesh without a system is taken as the frame's."""
    path.write_bytes(data)
    return read_file(path, project_frame=HERE, tiles_folder=path.parent / "tiles")


def tiles(path: Path, found: ImportedFile) -> list[TileArrays]:
    return [load(path.parent / "tiles" / name) for name in found.tiles]


def refusal(data: bytes, folder: Path | None = None) -> str:
    with pytest.raises(Refused) as caught:
        read_scene(Document(data, folder))
    return f"{caught.value.code} {caught.value.what}"


@pytest.mark.parametrize("binary", [True, False])
def test_y_up_becomes_z_up_and_nodes_are_placed(tmp_path: Path, binary: bool) -> None:
    made = square()
    made.json["nodes"] = [
        {"children": [1], "translation": [100.0, 5.0, -20.0]},
        {"mesh": 0, "rotation": [0.0, 0.0, 0.7071068, 0.7071068], "scale": [2, 2, 2]},
    ]
    path = tmp_path / ("a.glb" if binary else "a.gltf")
    found = imported(path, made.glb() if binary else made.text())
    assert found.report.error is None and found.report.triangles == 2
    (tile,) = tiles(path, found)
    assert tile.kind == "mesh"
    assert np.allclose(tile.points.min(axis=0), (80.0, 20.0, 5.0), atol=1e-4)
    assert np.allclose(tile.points.max(axis=0), (100.0, 20.0, 25.0), atol=1e-4)


def test_a_picture_is_kept_with_its_places_upside_up(tmp_path: Path) -> None:
    made = Gltf()
    places = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)
    attributes = {
        "POSITION": made.accessor(SQUARE, "VEC3"),
        "TEXCOORD_0": made.accessor(places, "VEC2"),
    }
    made.primitive(attributes, made.accessor(TRIANGLES, "SCALAR"), material=0)
    made.json["images"] = [{"bufferView": made.view(png()), "mimeType": "image/png"}]
    made.json["textures"] = [{"source": 0}]
    made.json["materials"] = [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}]
    path = tmp_path / "wall.glb"
    (tile,) = tiles(path, imported(path, made.glb()))
    assert tile.image == png() and tile.uv is not None
    foot = tile.points[:, 2] < 1.0
    assert np.allclose(tile.uv[foot, 1], 0.0) and np.allclose(tile.uv[~foot, 1], 1.0)


def test_pictures_and_buffers_beside_the_file_belong_to_it(tmp_path: Path) -> None:
    from lamplighter.spatial import gltf

    made = square()
    made.json["images"] = [{"uri": "roof%201.png"}]
    (tmp_path / "roof 1.png").write_bytes(png())
    (tmp_path / "square.bin").write_bytes(made.data)
    path = tmp_path / "square.gltf"
    found = imported(path, made.text("square.bin"))
    assert found.report.triangles == 2
    assert {p.name for p in gltf.brings(path)} == {"square.bin", "roof 1.png"}


def test_base_and_vertex_colours_are_what_a_screen_shows(tmp_path: Path) -> None:
    made = square()
    made.json["meshes"][0]["primitives"][0]["material"] = 0
    made.json["materials"] = [{"pbrMetallicRoughness": {"baseColorFactor": [1.0, 0.2, 0.0, 1.0]}}]
    path = tmp_path / "red.glb"
    (tile,) = tiles(path, imported(path, made.glb()))
    assert tile.colours is not None and tile.colours[0].tolist() == [255, 124, 0]


def test_quantised_interleaved_and_sparse_positions_are_the_same_square() -> None:
    packed = Gltf()
    rows = np.zeros(4, np.dtype([("p", "<u2", 3), ("pad", "<u2")]))
    rows["p"] = SQUARE.astype(np.uint16)
    view = packed.view(rows.tobytes(), byteStride=8)
    packed.json["accessors"].append(
        {"bufferView": view, "componentType": 5123, "count": 4, "type": "VEC3"}
    )
    packed.json["extensionsRequired"] = ["KHR_mesh_quantization"]
    packed.primitive({"POSITION": 0}, packed.accessor(TRIANGLES, "SCALAR"))
    sparse = Gltf()
    where = sparse.view(np.array([1, 2, 3], np.uint8).tobytes())
    what = sparse.view(SQUARE[1:].tobytes())
    sparse.json["accessors"].append(
        {
            "componentType": 5126, "count": 4, "type": "VEC3",
            "sparse": {
                "count": 3, "indices": {"bufferView": where, "componentType": 5121},
                "values": {"bufferView": what},
            },
        }
    )  # fmt: skip
    sparse.primitive({"POSITION": 0}, sparse.accessor(TRIANGLES, "SCALAR"))
    expected = read_scene(Document(square().glb(), None)).pieces[0].points
    for made in (packed, sparse):
        assert np.array_equal(read_scene(Document(made.glb(), None)).pieces[0].points, expected)


def test_strips_and_fans_give_triangles_that_all_face_the_same_way() -> None:
    for mode, order in ((5, [0, 1, 3, 2]), (6, [0, 1, 2, 3])):
        made = Gltf()
        corner = made.accessor(np.array(order, np.uint16), "SCALAR")
        made.primitive({"POSITION": made.accessor(SQUARE, "VEC3")}, corner, mode=mode)
        (piece,) = read_scene(Document(made.glb(), None)).pieces
        assert piece.triangles is not None and len(piece.triangles) == 2
        flat = piece.points[piece.triangles]
        facing = np.cross(flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0])
        assert np.allclose(facing, (0.0, -100.0, 0.0))


def test_named_nodes_that_say_something_are_objects_of_their_own(tmp_path: Path) -> None:
    made = square()
    made.json["asset"]["extras"] = {"crs": "EPSG:28992", "origin": [91000.0, 435700.0, 2.0]}
    made.json["nodes"] = [
        {"mesh": 0, "name": "B-1", "extras": {"type": "Building", "floors": 3}},
        {"mesh": 0, "name": "B-2", "extras": {"type": "Building"}, "translation": [50, 0, 0]},
    ]
    made.json["scenes"] = [{"nodes": [0, 1]}]
    path = tmp_path / "out.glb"
    path.write_bytes(made.glb())
    found = read_file(path, project_frame=None, tiles_folder=tmp_path / "tiles")
    assert found.report.crs == "EPSG:28992" and found.report.placed == 2
    first = next(a for a in found.assets if a.id == "B-1")
    assert (first.type, first.domain, first.attributes["floors"]) == ("Building", "buildings", 3)
    assert first.z == pytest.approx(2.0)


def test_property_tables_name_the_objects(tmp_path: Path) -> None:
    made = square()
    names = b"houseshed"
    offsets = np.array([0, 5, 9], np.uint32).tobytes()
    ids = made.accessor(np.array([1, 1, 1, 1], np.float32), "SCALAR")
    primitive = made.json["meshes"][0]["primitives"][0]
    primitive["attributes"]["_FEATURE_ID_0"] = ids
    primitive["extensions"] = {
        "EXT_mesh_features": {
            "featureIds": [{"featureCount": 2, "attribute": 0, "propertyTable": 0}]
        }
    }
    made.json["extensions"] = {
        "EXT_structural_metadata": {
            "schema": {
                "classes": {
                    "Building": {
                        "properties": {
                            "name": {"type": "STRING"},
                            "height": {"type": "SCALAR", "componentType": "FLOAT32"},
                        }
                    }
                }
            },
            "propertyTables": [
                {
                    "class": "Building", "count": 2,
                    "properties": {
                        "name": {"values": made.view(names), "stringOffsets": made.view(offsets)},
                        "height": {"values": made.view(np.array([7, 3], np.float32).tobytes())},
                    },
                }
            ],
        }
    }  # fmt: skip
    path = tmp_path / "named.glb"
    found = imported(path, made.glb())
    shed = next(a for a in found.assets if a.id == "shed")
    assert shed.type == "Building" and shed.attributes["height"] == 3.0 and shed.x is not None
    house = next(a for a in found.assets if a.id == "house")
    assert house.x is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda j: j["accessors"][0].update(count=4_000_000_000), "I-502"),
        (lambda j: j["accessors"][0].update(byteOffset=40), "I-505"),
        (lambda j: j["bufferViews"][0].update(byteOffset=10**12), "I-505"),
        (lambda j: j["bufferViews"][0].update(byteOffset=-8), "I-505"),
        (lambda j: j["nodes"].__setitem__(0, {"children": [0]}), "its own ancestor"),
        (lambda j: j.update(nodes=[{"mesh": 7}]), "I-503"),
        (lambda j: j.update(nodes="many"), "I-503"),
        (lambda j: j.update(extensionsRequired=["NONE_such"]), "NONE_such"),
        (
            lambda j: j.update(nodes=[{"children": [1, 1]} for _ in range(1)] + [
                {"children": [n + 1, n + 1]} for n in range(1, 60)] + [{}] * 2),
            "I-502",
        ),
    ],
)  # fmt: skip
def test_what_is_broken_is_refused_before_room_is_made_for_it(change, words: str) -> None:
    made = square()
    change(made.json)
    assert words in refusal(made.glb())


def test_triangles_beyond_the_points_are_refused() -> None:
    made = Gltf()
    corner = made.accessor(np.array([0, 1, 9], np.uint16), "SCALAR")
    made.primitive({"POSITION": made.accessor(SQUARE, "VEC3")}, corner)
    assert "names point 9 of 4" in refusal(made.glb())


def test_a_packed_mesh_names_the_extension_it_needs() -> None:
    made = square()
    primitive = made.json["meshes"][0]["primitives"][0]
    primitive["extensions"] = {"KHR_draco_mesh_compression": {"bufferView": 0}}
    del made.json["accessors"][0]["bufferView"]
    assert "KHR_draco_mesh_compression" in refusal(made.glb())


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("https://example.org/a.bin", "never fetched"),
        ("../secret.bin", "outside of its own folder"),
        ("gone.bin", "missing"),
    ],
)
def test_nothing_is_read_from_elsewhere(tmp_path: Path, uri: str, words: str) -> None:
    (tmp_path / "secret.bin").write_bytes(b"x" * 1000)
    home = tmp_path / "home"
    home.mkdir()
    assert words in refusal(square().text(uri), home)


def test_every_cut_of_a_file_ends_in_one_line(tmp_path: Path) -> None:
    data = square([0, 0, 1, 1]).glb()
    for size in range(4, len(data), 37):
        error = imported(tmp_path / "cut.glb", data[:size]).report.error or ""
        assert "[I-50" in error and "\n" not in error


@pytest.mark.data
def test_every_real_gltf_has_the_triangles_its_source_states() -> None:
    folder = city_data("mesh_3dtiles")
    seen = 0
    for line in (folder / "SOURCE.txt").read_text().splitlines():
        name = line.split("\t")[0]
        if name.endswith(".glb") and "faces=" in line:
            scene = read_scene(Document((folder / name).read_bytes(), (folder / name).parent))
            count = sum(len(p.triangles) for p in scene.pieces if p.triangles is not None)
            assert count == int(line.split("faces=")[1].split()[0]), name
            assert json.dumps(sorted(scene.skipped)) in ("[]", '["animations (drawn at rest)"]')
            seen += 1
    assert seen == 24
