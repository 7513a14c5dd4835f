"""CityGML in full: all levels of detail, links, templates, textures, modules and words."""

from __future__ import annotations

import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tests.fixtures import city_gml
from tests.fixtures.city_gml import EAST, NORTH, building, model, square, surfaces

from lamplighter.domain.geometry import SURFACES
from lamplighter.domain.importing import ImportedFile
from lamplighter.domain.tile_file import read_tile
from lamplighter.spatial import citygml
from lamplighter.spatial.model import Faces, Refused, SourceModel
from lamplighter.spatial.reader import read_file


def read(folder: Path, text: str, name: str = "x.gml") -> SourceModel:
    path = folder / name
    path.write_text(text, "utf-8")
    version = citygml.version_of(path)
    assert version is not None
    return citygml.read(path, version, lambda *_: None)


def imported(folder: Path, text: str, name: str = "x.gml") -> ImportedFile:
    path = folder / name
    path.write_text(text, "utf-8")
    return read_file(path, project_frame=None, tiles_folder=folder / "tiles")


def faces_of(model: SourceModel) -> Faces:
    assert model.faces is not None
    return model.faces


def levels(model: SourceModel) -> list[int]:
    faces = faces_of(model)
    return [0] * faces.count if faces.lod is None else sorted(faces.lod.tolist())


def lod(level: int, *members: str) -> str:
    return f"<bldg:lod{level}MultiSurface>{surfaces(*members)}</bldg:lod{level}MultiSurface>"


def wall(*members: str, kind: str = "WallSurface", words: str = "", level: int = 2) -> str:
    return (
        f"<bldg:boundedBy><bldg:{kind}>{words}{lod(level, *members)}</bldg:{kind}></bldg:boundedBy>"
    )


def test_every_level_of_detail_is_kept_and_the_finest_is_counted(tmp_path: Path) -> None:
    body = lod(1, square("a")) + lod(2, square("b"), square("c", 20)) + lod(4, square("d"))
    found = imported(tmp_path, model(building("B", body)))
    assert found.report.lods == [1.0, 2.0, 4.0]
    assert found.report.triangles == 2
    assert found.layer is not None
    by_rank = {tile.rank: tile.triangles for tile in found.layer.tiles}
    assert by_rank == {0: 2, 1: 4, 2: 2}


def test_an_edge_and_a_footprint_without_a_name_beside_named_roofs_stay(tmp_path: Path) -> None:
    body = lod(0, square("foot")) + wall(square("roof", z=5), kind="RoofSurface", level=0)
    assert faces_of(read(tmp_path, model(building("B", body)))).count == 2


def test_a_shell_that_repeats_named_surfaces_is_drawn_once(tmp_path: Path) -> None:
    body = lod(2, square("again")) + wall(square("named"))
    faces = faces_of(read(tmp_path, model(building("B", body))))
    assert [SURFACES[s] for s in faces.surface] == ["WallSurface"]


def test_a_level_made_only_of_links_shows_what_they_point_to(tmp_path: Path) -> None:
    body = wall(square("w"), square("v", 20), level=2) + lod(3, "#w", "#v")
    found = read(tmp_path, model(building("B", body)))
    assert levels(found) == [20, 20, 30, 30]
    assert {SURFACES[s] for s in faces_of(found).surface} == {"WallSurface"}


def test_a_link_to_another_object_is_followed_also_backwards_in_the_file(tmp_path: Path) -> None:
    turned = (
        '<gml:OrientableSurface orientation="-"><gml:baseSurface xlink:href="#far"/>'
        "</gml:OrientableSurface>"
    )
    first = building("B1", lod(2, turned))
    second = building("B2", lod(2, square("far")))
    found = read(tmp_path, model(first, second))
    faces = faces_of(found)
    assert faces.owner.tolist() == [1, 0]
    ring = [faces.vertices[faces.corners[k * 4 : k * 4 + 4]] for k in (0, 1)]
    turn = [np.cross(r[1] - r[0], r[2] - r[1])[2] for r in ring]
    assert turn[0] > 0 > turn[1]
    assert not found.warnings


def test_links_to_nothing_and_out_of_the_file_are_counted(tmp_path: Path) -> None:
    body = lod(2, square("a")) + lod(3, "#missing") + lod(1, "#other")
    out = '<bldg:lod4MultiSurface xlink:href="http://127.0.0.1:9/x.gml#y"/>'
    told = " ".join(read(tmp_path, model(building("B", body + out))).warnings)
    assert "2 links point to nothing" in told
    assert "1 links lead out of the file" in told


def test_a_circle_of_links_ends(tmp_path: Path) -> None:
    one = '<gml:MultiSurface gml:id="m1"><gml:surfaceMember xlink:href="#m2"/></gml:MultiSurface>'
    two = '<gml:MultiSurface gml:id="m2"><gml:surfaceMember xlink:href="#m1"/></gml:MultiSurface>'
    bodies = [f"<bldg:lod2MultiSurface>{m}</bldg:lod2MultiSurface>" for m in (one, two)]
    found = read(tmp_path, model(*(building(f"B{k}", b) for k, b in enumerate(bodies))))
    assert faces_of(found).count == 0


def test_links_that_multiply_are_refused(tmp_path: Path) -> None:
    def layer(level: int) -> str:
        inner = f'<gml:surfaceMember xlink:href="#m{level + 1}"/>' * 200
        return f'<gml:MultiSurface gml:id="m{level}">{inner}</gml:MultiSurface>'

    shells = "".join(layer(k) for k in range(3))
    last = f'<gml:MultiSurface gml:id="m3">{"".join(surfaces(square("p")))}</gml:MultiSurface>'
    holder = building("H", f"<noise:kept>{shells}{last}</noise:kept>")
    start = building("S", lod(2, "#m0"))
    with pytest.raises(Refused) as refused:
        read(tmp_path, model(start, holder))
    assert refused.value.code == "I-502"


MATRIX = "2 0 0 100  0 2 0 0  0 0 2 0  0 0 0 1"


def tree(name: str, geometry: str) -> str:
    place = f"<gml:Point><gml:pos>{EAST} {NORTH} 5</gml:pos></gml:Point>"
    return (
        f'<veg:SolitaryVegetationObject gml:id="{name}"><veg:lod2ImplicitRepresentation>'
        f"<core:ImplicitGeometry><core:transformationMatrix>{MATRIX}</core:transformationMatrix>"
        f"{geometry}<core:referencePoint>{place}</core:referencePoint></core:ImplicitGeometry>"
        "</veg:lod2ImplicitRepresentation></veg:SolitaryVegetationObject>"
    )


def small(name: str) -> str:
    ring = "0 0 0 1 0 0 1 1 0 0 0 0"
    return (
        f'<gml:MultiSurface gml:id="{name}"><gml:surfaceMember><gml:Polygon><gml:exterior>'
        f"<gml:LinearRing><gml:posList>{ring}</gml:posList></gml:LinearRing></gml:exterior>"
        "</gml:Polygon></gml:surfaceMember></gml:MultiSurface>"
    )


def test_a_template_serves_trees_before_and_after_it(tmp_path: Path) -> None:
    link = '<core:relativeGMLGeometry xlink:href="#t"/>'
    own = f"<core:relativeGMLGeometry>{small('t')}</core:relativeGMLGeometry>"
    found = read(tmp_path, model(tree("T1", link), tree("T2", own), tree("T3", link)))
    faces = faces_of(found)
    assert sorted(faces.owner.tolist()) == [0, 1, 2]
    assert {SURFACES[s] for s in faces.surface} == {"Vegetation"}
    for k in range(3):
        spots = faces.vertices[faces.corners[3 * k : 3 * k + 3]]
        assert spots.tolist() == [
            [EAST + 100, NORTH, 5], [EAST + 102, NORTH, 5], [EAST + 102, NORTH + 2, 5],
        ]  # fmt: skip
    assert all(feature.at is None for feature in found.features)


def test_a_tree_whose_shape_is_in_a_library_keeps_its_place(tmp_path: Path) -> None:
    library = "<core:libraryObject>http://127.0.0.1:9/tree.gml</core:libraryObject>"
    found = read(tmp_path, model(tree("T1", library)))
    assert found.features[0].at == (EAST, NORTH, 5)
    assert any("library" in warning for warning in found.warnings)


def skin(ring: str, image: str = "pictures/wall.png", version: str = "2.0") -> str:
    uv = "0 0 1 0 1 1 0 1 0 0"
    if version == "3.0":
        inner = (
            "<app:textureParameterization><app:TextureAssociation><app:target>#x</app:target>"
            "<app:textureParameterization><app:TexCoordList><app:textureCoordinates>"
            f"{uv}</app:textureCoordinates><app:ring>#{ring}</app:ring></app:TexCoordList>"
            "</app:textureParameterization></app:TextureAssociation>"
            "</app:textureParameterization>"
        )
    else:
        inner = (
            f'<app:target uri="#x"><app:TexCoordList><app:textureCoordinates ring="#{ring}">'
            f"{uv}</app:textureCoordinates></app:TexCoordList></app:target>"
        )
    return (
        "<app:Appearance><app:surfaceDataMember><app:ParameterizedTexture>"
        f"<app:imageURI>{image}</app:imageURI>{inner}</app:ParameterizedTexture>"
        "</app:surfaceDataMember><app:surfaceDataMember><app:X3DMaterial>"
        "<app:diffuseColor>1 0 0</app:diffuseColor></app:X3DMaterial></app:surfaceDataMember>"
        "</app:Appearance>"
    )


@pytest.mark.parametrize("version", ["1.0", "2.0", "3.0"])
def test_a_textured_wall_has_its_picture_and_its_corners_in_it(
    tmp_path: Path, version: str
) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "wall.png").write_bytes(city_gml.png())
    beside = f"<app:appearanceMember>{skin('a-r', version=version)}</app:appearanceMember>"
    body = lod(2, square("a"), square("plain", 20))
    found = imported(tmp_path, model(building("B", body), beside=beside, version=version))
    assert found.report.warnings == []
    tiles = [read_tile(tmp_path / "tiles" / name) for name in found.tiles]
    dressed = [tile for tile in tiles if tile.image]
    assert len(dressed) == 1 and len(tiles) == 2
    assert dressed[0].image == city_gml.png()
    uv = dressed[0].uv
    assert uv is not None
    spots = dressed[0].points[:, :2] - dressed[0].points[:, :2].min(axis=0)
    assert np.allclose(uv * 10.0, spots)
    assert citygml.brings(tmp_path / "x.gml") == [tmp_path / "pictures" / "wall.png"]


def test_a_picture_is_found_inside_an_archive(tmp_path: Path) -> None:
    beside = f"<app:appearanceMember>{skin('a-r', 'my pics/w 1.png')}</app:appearanceMember>"
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("town/city.gml", model(building("B", lod(2, square("a"))), beside=beside))
        archive.writestr("town/my pics/w 1.png", city_gml.png())
    found = read_file(tmp_path / "x.zip", project_frame=None, tiles_folder=tmp_path / "tiles")
    assert read_tile(tmp_path / "tiles" / found.tiles[0]).image == city_gml.png()


@pytest.mark.parametrize(
    ("image", "why"),
    [
        ("../outside.png", "outside the folder"),
        ("/etc/passwd", "outside the folder"),
        ("file:///etc/passwd", "outside the folder"),
        ("http://127.0.0.1:9/x.png", "outside the folder"),
        ("missing.png", "not beside the file"),
        ("huge.png", "no PNG or JPEG of a usable size"),
        ("text.png", "no PNG or JPEG of a usable size"),
    ],
)
def test_a_picture_that_must_not_or_cannot_be_taken_leaves_the_wall_plain(
    tmp_path: Path, image: str, why: str
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (tmp_path / "outside.png").write_bytes(city_gml.png())
    (folder / "huge.png").write_bytes(city_gml.png(stated=(90_000, 90_000)))
    (folder / "text.png").write_text("no picture")
    beside = f"<app:appearanceMember>{skin('a-r', image)}</app:appearanceMember>"
    found = read(folder, model(building("B", lod(2, square("a"))), beside=beside))
    assert found.images == [] and faces_of(found).count == 1
    assert [why in warning for warning in found.warnings] == [True]


def test_words_of_an_object_are_kept_whatever_way_they_are_written(tmp_path: Path) -> None:
    words = (
        "<core:creationDate>2020-05-04</core:creationDate>"
        "<core:externalReference><core:informationSystem>register</core:informationSystem>"
        "<core:externalObject><core:name>42</core:name></core:externalObject>"
        "</core:externalReference>"
        '<gen:genericAttributeSet name="roof"><gen:stringAttribute name="colour">'
        "<gen:value>red</gen:value></gen:stringAttribute></gen:genericAttributeSet>"
        '<gen:measureAttribute name="power"><gen:value uom="kW">2.5</gen:value>'
        "</gen:measureAttribute>"
        "<bldg:class>1000</bldg:class><bldg:function>1010</bldg:function>"
        "<bldg:function>1020</bldg:function>"
        "<bldg:yearOfConstruction>1931</bldg:yearOfConstruction>"
        '<noise:level uom="dB">55</noise:level>'
        "<noise:survey><noise:Survey><noise:by>Ada</noise:by><noise:at><noise:Spot>"
        "<noise:floor>2</noise:floor></noise:Spot></noise:at></noise:Survey></noise:survey>"
        '<noise:owner xlink:href="#B9"/>'
        "<bldg:address><core:Address><core:xalAddress><xAL:AddressDetails><xAL:Country>"
        "<xAL:Locality><xAL:LocalityName>Espoo</xAL:LocalityName><xAL:Thoroughfare>"
        "<xAL:ThoroughfareNumber>7</xAL:ThoroughfareNumber>"
        "<xAL:ThoroughfareName>Rantatie</xAL:ThoroughfareName></xAL:Thoroughfare>"
        "<xAL:PostalCode><xAL:PostalCodeNumber>02100</xAL:PostalCodeNumber></xAL:PostalCode>"
        "</xAL:Locality></xAL:Country></xAL:AddressDetails></core:xalAddress></core:Address>"
        "</bldg:address>"
    )
    own = "<gml:name>north</gml:name><noise:paint>white</noise:paint>"
    body = words + wall(square("a"), words=own) + wall(square("b", 20), words=own)
    found = read(tmp_path, model(building("B", body)))
    assert found.date == "2020-05-04"
    assert found.features[0].attributes == {
        "creationDate": "2020-05-04",
        "external_reference.system": "register",
        "external_reference": "42",
        "roof.colour": "red",
        "power": 2.5,
        "power.uom": "kW",
        "class": "1000",
        "function": "1010, 1020",
        "yearOfConstruction": 1931,
        "level": "55",
        "level.uom": "dB",
        "survey.by": "Ada",
        "survey.at.floor": "2",
        "owner": "B9",
        "address": "Rantatie 7, 02100 Espoo",
        "surfaces.WallSurface.name": "north",
        "surfaces.WallSurface.paint": "white",
    }


def test_licence_holder_and_date_come_from_the_metadata(tmp_path: Path) -> None:
    beside = (
        "<gml:metaDataProperty><noise:MD><noise:organisationName><noise:Text>City of X"
        "</noise:Text></noise:organisationName><noise:useLimitation>CC BY 4.0"
        "</noise:useLimitation><noise:dateStamp>2024-01-02</noise:dateStamp></noise:MD>"
        "</gml:metaDataProperty>"
    )
    found = read(tmp_path, model(building("B", lod(1, square("a"))), beside=beside))
    assert (found.licence, found.attribution, found.date) == (
        "CC BY 4.0", "City of X", "2024-01-02",
    )  # fmt: skip


def test_an_object_of_an_extension_is_an_object(tmp_path: Path) -> None:
    segment = f'<noise:Barrier gml:id="N1"><noise:lod1MultiSurface>{surfaces(square("a"))}' \
        "</noise:lod1MultiSurface></noise:Barrier>"  # fmt: skip
    found = read(tmp_path, model(segment))
    assert found.counts == {"Barrier": 1}
    assert (found.features[0].id, faces_of(found).owner.tolist()) == ("N1", [0])


TIN = (
    "<gml:TriangulatedSurface><gml:trianglePatches><gml:Triangle><gml:exterior><gml:LinearRing>"
    f"<gml:posList>{EAST} {NORTH} 0 {EAST + 9} {NORTH} 0 {EAST} {NORTH + 9} 0 {EAST} {NORTH} 0"
    "</gml:posList></gml:LinearRing></gml:exterior></gml:Triangle></gml:trianglePatches>"
    "</gml:TriangulatedSurface>"
)
LINE = (
    f"<gml:LineString><gml:posList>{EAST} {NORTH} 0 {EAST + 5} {NORTH} 0 {EAST + 9} {NORTH} 0"
    "</gml:posList></gml:LineString>"
)


def of_module(kind: str, inner: str) -> str:
    return f'<{kind} gml:id="O">{inner}</{kind}>'


@pytest.mark.parametrize(
    ("text", "surface", "level"),
    [
        (of_module("tran:Road", f"<tran:lod2MultiSurface>{surfaces(square('a'))}"
                   "</tran:lod2MultiSurface>"), "Road", 20),
        (of_module("wtr:WaterBody", f"<wtr:lod1MultiSurface>{surfaces(square('a'))}"
                   "</wtr:lod1MultiSurface>"), "Water", 10),
        (of_module("luse:LandUse", f"<luse:lod0MultiSurface>{surfaces(square('a'))}"
                   "</luse:lod0MultiSurface>"), "Terrain", 0),
        (of_module("brid:Bridge", f"<brid:lod2MultiSurface>{surfaces(square('a'))}"
                   "</brid:lod2MultiSurface>"), "Bridge", 20),
        (of_module("frn:CityFurniture", f"<frn:lod3Geometry>{surfaces(square('a'))}"
                   "</frn:lod3Geometry>"), "Furniture", 30),
        (of_module("dem:TINRelief", f"<dem:lod>2</dem:lod><dem:tin>{TIN}</dem:tin>"),
         "Terrain", 20),
        (of_module("gen:GenericCityObject", f"<gen:lod1Geometry>{surfaces(square('a'))}"
                   "</gen:lod1Geometry>"), "Unknown", 10),
        (of_module("tun:Tunnel", f"<tun:lod1MultiSurface>{surfaces(square('a'))}"
                   "</tun:lod1MultiSurface>"), "Unknown", 10),
    ],
)  # fmt: skip
def test_every_module_has_its_surfaces(tmp_path: Path, text: str, surface: str, level: int) -> None:
    found = read(tmp_path, model(text))
    assert [SURFACES[s] for s in faces_of(found).surface] == [surface]
    assert levels(found) == [level]


def test_curves_become_courses_and_points_places(tmp_path: Path) -> None:
    curve = f"<gml:MultiCurve><gml:curveMember>{LINE}</gml:curveMember>" \
        f"<gml:curveMember>{LINE}</gml:curveMember></gml:MultiCurve>"  # fmt: skip
    road = of_module("tran:Railway", f"<tran:lod0Network>{curve}</tran:lod0Network>")
    spot = f"<gml:Point><gml:pos>{EAST} {NORTH} 3</gml:pos></gml:Point>"
    lamp = '<frn:CityFurniture gml:id="L"><frn:lod1Geometry>' \
        f"{spot}</frn:lod1Geometry></frn:CityFurniture>"  # fmt: skip
    found = read(tmp_path, model(road, lamp))
    assert found.features[0].path is not None and len(found.features[0].path) == 3
    assert found.features[0].more is not None and len(found.features[0].more) == 1
    assert found.features[1].at == (EAST, NORTH, 3)


def test_windows_and_doors_inside_walls_keep_their_meaning(tmp_path: Path) -> None:
    def opening(kind: str, name: str, x: float) -> str:
        return f"<bldg:opening><bldg:{kind}>{lod(3, square(name, x))}</bldg:{kind}></bldg:opening>"

    inner = lod(3, square("w")) + opening("Window", "o1", 20) + opening("Door", "o2", 40)
    body = f"<bldg:boundedBy><bldg:WallSurface>{inner}</bldg:WallSurface></bldg:boundedBy>"
    found = read(tmp_path, model(building("B", body)))
    assert found.counts == {"Building": 1, "Door": 1, "WallSurface": 1, "Window": 1}
    assert sorted(SURFACES[s] for s in faces_of(found).surface) == ["Door", "WallSurface", "Window"]


@pytest.mark.parametrize(
    "text",
    [
        "<gml:coordinates>{0},{1},1 {2},{1},1 {2},{3},1 {0},{1},1</gml:coordinates>",
        '<gml:coordinates cs=" " ts=";">{0} {1} 1;{2} {1} 1;{2} {3} 1;{0} {1} 1</gml:coordinates>',
        "<gml:pos>{0} {1} 1</gml:pos><gml:pos>{2} {1} 1</gml:pos><gml:pos>{2} {3} 1</gml:pos>",
        "<gml:posList>{0} {1} 1 {2} {1} 1 {2} {3} 1 {0} {1} 1</gml:posList>",
        '<gml:posList srsDimension="2">{0} {1} {2} {1} {2} {3} {0} {1} {0} {1} {0} {1}'
        "</gml:posList>",
    ],
)
def test_coordinates_in_every_way_of_writing(tmp_path: Path, text: str) -> None:
    ring = text.format(EAST, NORTH, EAST + 10, NORTH + 10)
    polygon = "<gml:Polygon><gml:exterior><gml:LinearRing>" \
        f"{ring}</gml:LinearRing></gml:exterior></gml:Polygon>"  # fmt: skip
    found = read(tmp_path, model(building("B", lod(1, polygon))))
    spots = faces_of(found).vertices[faces_of(found).corners]
    assert spots[:, 0].min() == EAST and spots[:, 0].max() == EAST + 10
    assert spots[:, 1].max() == NORTH + 10


def test_what_gives_nothing_is_let_go_while_the_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.gml"
    path.write_text(model(*[f"<noise:note>{'z' * 500}</noise:note>"] * 20_000), "utf-8")
    tracemalloc.start()
    citygml.read(path, "2.0", lambda *_: None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < path.stat().st_size / 2
