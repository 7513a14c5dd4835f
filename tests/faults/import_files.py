"""Bad city files: some hundred made by hand, and any number by chance from good ones, seeded.

A case is a small folder: the file to import, and pictures beside it where it names some. Cases made
by hand say whether their reader must tell something about them.
"""

from __future__ import annotations

import copy
import gzip
import io
import json
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from tests.fixtures import cities, city_gml, meshes


@dataclass(frozen=True)
class Case:
    """`name` of the file to import, its bytes, and other files beside it by name."""

    name: str
    data: bytes
    beside: dict[str, bytes] = field(default_factory=dict)
    must_tell: bool = False


ODD_VALUES: Final[tuple[Any, ...]] = (
    None, True, -1, 2**70, 1e308, -1e308, "", "\u0000", "x" * 10_000, [], {}, [[]],
    [[[[[[[[]]]]]]]],
    {"type": "Feature"}, "../../../etc/passwd", "NaN",
)  # fmt: skip
ODD_TOKENS: Final = (
    b"NaN", b"1e999", b"-Infinity", b"9" * 4000, b"null", b"[]", b"{}", b'"\\ud800"', b"\x00",
    b"\xff\xfe", b"<![CDATA[", b"&#0;", b"&lt", b"<!--", b"]]>", b"\xef\xbb\xbf", b"true", b"-1",
    b"4294967296", b"../../x",
)  # fmt: skip
BOMB: Final = (
    '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + k)} "{f"&{chr(97 + k)};" * 10}">' for k in range(9))
    + "]>"
)


def _near(text: str) -> str:
    """CityGML of the fixtures moved from Helsinki to Rotterdam, where the good file lies."""
    return text.replace("3879", "28992").replace("25498", "91").replace("66744", "4357")


def good() -> Case:
    return Case("good.city.json", cities.cityjson_text().encode())


def bases(url: str) -> list[Case]:
    """Good files of every format that is tried; foreign addresses in them lead to `url`."""
    picture = {"roof.png": city_gml.png(16, 16)}
    document = cities.cityjson()
    values: list[Any] = [[None] for _ in range(6)]
    values[1] = [[0, 0, 1, 2, 3]]
    document["CityObjects"]["B1"]["geometry"][0]["texture"] = {"t": {"values": [values]}}
    document["appearance"] = {
        "textures": [{"type": "PNG", "image": "roof.png"}, {"type": "PNG", "image": url}],
        "vertices-texture": [[0, 0], [1, 0], [1, 1], [0, 1]],
    }
    return [
        Case("a.city.json", json.dumps(document).encode(), picture),
        Case("b.city.jsonl", cities.sequence().encode()),
        *(Case(f"c{v[0]}.gml", _near(cities.citygml(v)).encode()) for v in ("1.0", "2.0", "3.0")),
        Case("d.gml", _near(_rich_gml(url)).encode(), picture),
        Case("e.geojson", json.dumps(_geojson()).encode()),
        Case("f.csv", _CSV.encode()),
        Case("g.glb", meshes.square().glb()),
        Case("h.gltf", meshes.square().text()),
        Case("i.city.json", json.dumps(document).encode(), picture),
    ]


_CSV: Final = "id,type,name,lon,lat,height\n" + "".join(
    f"P{k},Pump,Pump {k},{4.45 + k / 1000},{51.9 + k / 1000},{k}\n" for k in range(12)
)


def _geojson() -> dict[str, Any]:
    ring = [[4.45, 51.90], [4.46, 51.90], [4.46, 51.91], [4.45, 51.91], [4.45, 51.90]]
    shapes = (
        {"type": "Polygon", "coordinates": [ring]},
        {"type": "LineString", "coordinates": ring},
        {"type": "Point", "coordinates": ring[0]},
        {"type": "MultiPolygon", "coordinates": [[ring]]},
    )
    return {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "id": n, "properties": {"name": f"n{n}"}, "geometry": g}
            for n, g in enumerate(shapes)
        ],
    }


def _rich_gml(url: str) -> str:
    square, surfaces = city_gml.square, city_gml.surfaces
    skin = (
        "<app:appearanceMember><app:Appearance><app:surfaceDataMember><app:ParameterizedTexture>"
        '<app:imageURI>roof.png</app:imageURI><app:target uri="#a"><app:TexCoordList>'
        '<app:textureCoordinates ring="#a-r">0 0 1 0 1 1 0 1 0 0</app:textureCoordinates>'
        "</app:TexCoordList></app:target></app:ParameterizedTexture></app:surfaceDataMember>"
        f"<app:surfaceDataMember><app:ParameterizedTexture><app:imageURI>{url}/x.png"
        "</app:imageURI></app:ParameterizedTexture></app:surfaceDataMember></app:Appearance>"
        "</app:appearanceMember>"
    )
    lod = "<bldg:lod{0}MultiSurface>{1}</bldg:lod{0}MultiSurface>"
    body = lod.format(2, surfaces(square("a"), square("b", 20))) + lod.format(3, surfaces("#c"))
    other = city_gml.building("B2", lod.format(2, surfaces(square("c", 40), "#a")))
    tree = (
        '<veg:SolitaryVegetationObject gml:id="T"><veg:lod2ImplicitRepresentation>'
        "<core:ImplicitGeometry><core:transformationMatrix>1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1"
        f"</core:transformationMatrix><core:libraryObject>{url}/tree.gml</core:libraryObject>"
        '<core:relativeGMLGeometry xlink:href="#c"/><core:referencePoint><gml:Point><gml:pos>'
        "1 2 3</gml:pos></gml:Point></core:referencePoint></core:ImplicitGeometry>"
        "</veg:lod2ImplicitRepresentation></veg:SolitaryVegetationObject>"
    )
    link = f'<bldg:lod4MultiSurface xlink:href="{url}/x.gml#y"/>'
    return city_gml.model(city_gml.building("B1", body + link), other, tree, beside=skin)


# ---------------------------------------------------------------------- by hand
def by_hand(url: str) -> list[Case]:
    """More than two hundred bad files, each with one thing wrong on purpose."""
    return [*_bad_json(), *_bad_xml(url), *_bad_archives(), *_bad_pictures(), *_bad_rest()]


def _bad_json() -> Iterator[Case]:
    def changed(name: str, change: Callable[[dict[str, Any]], None], tell: bool) -> Case:
        document = copy.deepcopy(cities.cityjson())
        change(document)
        return Case(f"{name}.city.json", json.dumps(document).encode(), must_tell=tell)

    for n, odd in enumerate(ODD_VALUES):
        for key in ("type", "CityObjects", "vertices", "transform", "metadata", "appearance",
                    "geometry-templates", "version"):  # fmt: skip
            yield changed(
                f"top-{key}-{n}",
                lambda d, k=key, v=odd: d.update({k: v}),  # type: ignore[misc]
                tell=key in ("type", "vertices"),
            )

        def deep(d: dict[str, Any], v: Any = odd) -> None:
            d["CityObjects"]["B1"]["geometry"][0]["boundaries"] = [[[v]]]

        yield changed(f"ring-{n}", deep, tell=False)

        def words(d: dict[str, Any], v: Any = odd) -> None:
            d["CityObjects"]["B1"]["geometry"][0]["semantics"] = {"surfaces": v, "values": v}

        yield changed(f"words-{n}", words, tell=False)
    for depth in (100, 5_000, 200_000):
        yield Case(f"deep-{depth}.json", b'{"type":"CityJSON","CityObjects":' + b'{"a":' * depth,
                   must_tell=True)  # fmt: skip
        yield Case(f"lists-{depth}.json", b"[" * depth, must_tell=True)
        yield Case(f"gj-{depth}.geojson", b'{"type":"FeatureCollection","features":' + b"[" * depth,
                   must_tell=True)  # fmt: skip
    for share in (0.1, 0.5, 0.9):
        text = cities.cityjson_text().encode()
        yield Case(f"cut-{share}.city.json", text[: int(len(text) * share)], must_tell=True)


def _bad_xml(url: str) -> Iterator[Case]:
    for n, prolog in enumerate(
        (BOMB, '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
         f'<!DOCTYPE a SYSTEM "{url}/a.dtd">', f'<!DOCTYPE a PUBLIC "x" "{url}/b.dtd">',
         f'<!DOCTYPE a [<!ENTITY % p SYSTEM "{url}/c.dtd"> %p;]>', "<!DOCTYPE a>")
    ):  # fmt: skip
        yield Case(f"prolog-{n}.gml", _near(cities.citygml(prolog=prolog)).encode(), must_tell=True)
    text = _near(cities.citygml())
    for share in (0.1, 0.5, 0.9, 0.999):
        yield Case(f"cut-{share}.gml", text[: int(len(text) * share)].encode(), must_tell=True)
    for n, (old, new) in enumerate(
        (("</core:CityModel>", ""), ("<gml:name>", "<gml:nam>"), ("91757.000", "east"),
         ("gml:id=\"G1\"", "gml:id=\"G1\" gml:id=\"G2\""), ("Town hall", "\x01"),
         ("<gml:name>Town hall</gml:name>", "<a>" * 3_000 + "</a>" * 3_000))
    ):  # fmt: skip
        yield Case(f"xml-{n}.gml", text.replace(old, new, 1).encode(), must_tell=True)
    circle = city_gml.building(
        "C",
        "".join(
            f'<bldg:lod{k}MultiSurface><gml:MultiSurface gml:id="m{k}"><gml:surfaceMember '
            f'xlink:href="#m{(k + 1) % 5}"/></gml:MultiSurface></bldg:lod{k}MultiSurface>'
            for k in range(5)
        ),
    )
    yield Case("circle.gml", city_gml.model(circle).encode(), must_tell=True)
    fan = "".join(
        f'<gml:MultiSurface gml:id="f{k}">'
        + f'<gml:surfaceMember xlink:href="#f{k + 1}"/>' * 150
        + "</gml:MultiSurface>"
        for k in range(4)
    )
    start = '<bldg:lod2MultiSurface xlink:href="#f0"/>'
    yield Case("fan.gml", city_gml.model(
        city_gml.building("S", start), city_gml.building("H", f"<noise:x>{fan}</noise:x>")
    ).encode(), must_tell=True)  # fmt: skip
    yield Case("outside.gml", _near(_rich_gml(url)).encode(), must_tell=True)


def _bad_archives() -> Iterator[Case]:
    def packed(name: str, members: dict[str, bytes], tell: bool = True) -> Case:
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, data in members.items():
                archive.writestr(member, data)
        return Case(name, held.getvalue(), must_tell=tell)

    sound = cities.cityjson_text().encode()
    yield packed("bomb.zip", {"a.json": b"0" * 300_000_000})
    yield packed("inner.zip", {"a.json": packed("x.zip", {"b.json": sound}).data})
    yield packed("empty.zip", {})
    for n, name in enumerate(("../../../escaped.json", "/tmp/escaped.json", "..\\..\\escaped.json",
                              "C:\\escaped.json", "a/../../escaped.json")):  # fmt: skip
        yield packed(f"slip-{n}.zip", {name: sound, "../../escaped.png": b"x"}, tell=False)
    whole = packed("x.zip", {"a.json": sound}).data
    lies = whole.replace(struct.pack("<I", len(sound)), struct.pack("<I", 10))
    yield Case("lies.zip", lies, must_tell=False)
    yield Case("cut.zip", whole[: len(whole) // 2], must_tell=True)
    yield Case("bomb.json.gz", gzip.compress(b"0" * 300_000_000), must_tell=True)
    yield Case("cut.json.gz", gzip.compress(sound)[:-20], must_tell=True)


def _bad_pictures() -> Iterator[Case]:
    text = bases("x:")[0].data
    sound = city_gml.png(16, 16)
    for n, picture in enumerate(
        (b"", b"x", sound[:20], sound[:40], sound[:-8], city_gml.png(stated=(0, 0)),
         city_gml.png(stated=(2**31, 2**31)), city_gml.png(stated=(60_000, 60_000)),
         b"\xff\xd8\xff", b"\xff\xd8\xff" + b"\xff" * 1000, b"GIF89a" + b"\0" * 100,
         b"\xff\xd8\xff\xe0\x00\x00" * 50)
    ):  # fmt: skip
        yield Case(f"picture-{n}.city.json", text, {"roof.png": picture}, must_tell=True)


def _bad_rest() -> Iterator[Case]:
    ring = _geojson()
    for n, odd in enumerate(ODD_VALUES):
        changed = copy.deepcopy(ring)
        changed["features"][0]["geometry"] = odd
        changed["features"][1]["geometry"]["coordinates"] = odd
        changed["features"][2]["properties"] = odd
        yield Case(f"odd-{n}.geojson", json.dumps(changed).encode())
    for n, text in enumerate(
        ("", "\n" * 1000, "a,b\n", "id,lon,lat\nx,NaN,1e999\n", "id,lon,lat\n" + "," * 100_000,
         '"' * 100_000, "id,lon,lat\n" + 'a,"' + "x" * 200_000, "id;lon;lat\n1;2", "\x00" * 500)
    ):  # fmt: skip
        yield Case(f"table-{n}.csv", text.encode(), must_tell=True)
    sound = meshes.square().glb()
    yield Case("short.glb", sound[:30], must_tell=True)
    yield Case("long.glb", sound[:8] + struct.pack("<I", 2**32 - 1) + sound[12:], must_tell=False)
    yield Case("chunk.glb", sound[:12] + struct.pack("<I", 2**31) + sound[16:], must_tell=True)
    made = meshes.square()
    made.json["accessors"][0]["count"] = 2**40
    yield Case("count.glb", made.glb(), must_tell=True)
    loop = meshes.square()
    loop.json["nodes"] = [{"children": [0], "mesh": 0}]
    yield Case("loop.glb", loop.glb(), must_tell=False)


# ---------------------------------------------------------------------- by chance
def by_chance(rng: random.Random, url: str) -> Iterator[Case]:
    """Damaged good files without end."""
    known = bases(url)
    number = 0
    while True:
        number += 1
        base = rng.choice(known)
        stem, _, ending = base.name.partition(".")
        data, beside = base.data, base.beside
        if base.name.startswith("i."):
            beside = {name: _damaged(rng, content) for name, content in beside.items()}
        else:
            for _ in range(rng.choice((1, 1, 1, 2, 5))):
                data = _damaged(rng, data)
        yield Case(f"{stem}{number}.{ending}", data, beside)


def _damaged(rng: random.Random, data: bytes) -> bytes:
    if not data:
        return b"x"
    at = rng.randrange(len(data))
    end = min(len(data), at + rng.choice((1, 2, 8, 50, 500)))
    kind = rng.randrange(8)
    if kind == 0:
        return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
    if kind == 1:
        return data[:at]
    if kind == 2:
        return data[:at] + data[end:]
    if kind == 3:
        return data[:at] + data[at:end] * rng.choice((2, 3, 200)) + data[end:]
    if kind == 4:
        return data[:at] + rng.choice(ODD_TOKENS) + data[end:]
    if kind == 5:
        return _other_number(rng, data, at)
    if kind == 6:
        other = rng.randrange(len(data))
        return data[:at] + data[other : other + end - at] + data[end:]
    return data[:at] + rng.randbytes(end - at) + data[end:]


def _other_number(rng: random.Random, data: bytes, at: int) -> bytes:
    """The number nearest behind `at` becomes another one."""
    begin = next((k for k in range(at, len(data)) if 48 <= data[k] <= 57), -1)
    if begin < 0:
        return data + b"0"
    end = begin
    while end < len(data) and (48 <= data[end] <= 57 or data[end] in b".eE-+"):
        end += 1
    return data[:begin] + rng.choice(ODD_TOKENS[:5]) + data[end:]
