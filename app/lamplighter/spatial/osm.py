"""OpenStreetMap extracts (PBF and XML): streets, buildings, land, water, addresses, all tags kept.

The tags stay attributes under their own names. Buildings stand as blocks by their height or
storeys; where a building states neither it gets a height that is marked as assumed.
"""

from __future__ import annotations

import bz2
import re
import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from lamplighter.domain.city import Attribute
from lamplighter.domain.importing import Unplaced
from lamplighter.spatial import wkb
from lamplighter.spatial.gdal_layers import pyogrio_guarded
from lamplighter.spatial.model import Refused, SourceModel
from lamplighter.spatial.shapes import Parts, Shapes, height_of
from lamplighter.spatial.xml_guard import root_of

Progress = Callable[[int, int, str], None]
ENDINGS: Final = (".osm", ".pbf", ".bz2")
ASSUMED_METRES: Final = 6.0
MAX_XML_BYTES: Final = 2_000_000_000
LICENCE: Final = "ODbL-1.0"
ATTRIBUTION: Final = "© OpenStreetMap contributors"
_LAYERS: Final = ("points", "lines", "multilinestrings", "multipolygons", "other_relations")
_TAG: Final = re.compile(r'"((?:[^"\\]|\\.)*)"=>"((?:[^"\\]|\\.)*)"')
_XML: Final = re.compile(rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>)?\s*(<!--.*?-->\s*)*<osm[\s>]", re.S)
_GREEN: Final = frozenset(
    {"grass", "forest", "meadow", "park", "garden", "wood", "scrub", "orchard", "cemetery",
     "recreation_ground", "village_green", "farmland", "allotments", "heath", "grassland", "pitch",
     "playground", "golf_course", "nature_reserve", "vineyard", "flowerbed", "tree_row", "dog_park"}
)  # fmt: skip
_WET: Final = frozenset({"water", "basin", "reservoir", "wetland", "bay", "riverbank", "dock"})
_KINDS: Final = (
    ("building", "Building", "", "buildings"),
    ("building:part", "BuildingPart", "", "buildings"),
    ("highway", "Street", "Road", "mobility"),
    ("railway", "Railway", "", "mobility"),
    ("public_transport", "TransitStop", "", "mobility"),
    ("aeroway", "Aeroway", "Road", "mobility"),
    ("waterway", "Watercourse", "Water", "environment"),
    ("natural", "Nature", "", "environment"),
    ("landuse", "LandUse", "", "environment"),
    ("leisure", "Leisure", "", "environment"),
    ("power", "PowerFacility", "", "power"),
    ("bridge", "BridgeOutline", "Bridge", "structures"),
    ("barrier", "Barrier", "", "structures"),
    ("man_made", "Structure", "", "structures"),
    ("amenity", "Amenity", "", "city"),
    ("shop", "Shop", "", "city"),
    ("entrance", "Entrance", "", "buildings"),
    ("addr:housenumber", "Address", "", "buildings"),
    ("boundary", "Boundary", "", "city"),
    ("place", "PlaceName", "", "city"),
)
_NONE: Final = ("MapObject", "", "city")


def claims(path: Path, head: bytes) -> bool:
    """A PBF begins with its header block, XML with `<osm`; both may lie packed with bzip2."""
    if head[4:40].find(b"OSMHeader") >= 0:
        return True
    if head.startswith(b"BZh"):
        return path.name.lower().endswith((".osm.bz2", ".osm"))
    return (
        re.match(rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>)?\s*(<!--.*?-->\s*)*<osm[\s>]", head)
        is not None
    )


def read(path: Path, progress: Progress) -> SourceModel:
    """All objects that carry tags; raises `Refused` with a code when it cannot be read."""
    model = SourceModel("OpenStreetMap", assumed_crs=4326, licence=LICENCE, attribution=ATTRIBUTION)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they tell of single shapes is counted below
        source = _source(path, Path(folder))
        _Extract(source, path.name, model).run(progress)
    return model


def _source(path: Path, folder: Path) -> Path:
    """A copy with the ending its driver goes by."""
    with path.open("rb") as file:
        head = file.read(40)
    pbf = b"OSMHeader" in head
    source = folder / ("map.osm.pbf" if pbf else "map.osm")
    if head.startswith(b"BZh"):
        try:
            with bz2.open(path) as packed, source.open("wb") as out:
                while chunk := packed.read(1 << 20):
                    if out.tell() > MAX_XML_BYTES:
                        raise Refused("I-502", f"more than {MAX_XML_BYTES / 1e9:.0f} GB")
                    out.write(chunk)
        except EOFError as error:
            raise Refused("I-505", "the archive is cut off") from error
        except OSError as error:
            raise Refused("I-503", "the archive is damaged") from error
    else:
        shutil.copyfile(path, source)
    if not pbf:
        root_of(source)
    return source


class _Extract:
    """One extract, layer by layer."""

    def __init__(self, source: Path, shown: str, model: SourceModel) -> None:
        self._source, self._shown, self._model = source, shown, model
        self._shapes = Shapes(model, "osm")
        self._assumed = 0

    def run(self, progress: Progress) -> None:
        library = pyogrio_guarded()
        errors = library.errors
        try:
            for place, layer in enumerate(_LAYERS):
                progress(place, len(_LAYERS), f"layer {layer}")
                self._layer(layer)
        except (errors.DataSourceError, errors.DataLayerError, errors.FeatureError) as error:
            text = str(error).splitlines()[0].replace(str(self._source), self._shown)
            raise Refused("I-503", text) from error
        except UnicodeDecodeError as error:
            raise Refused("I-503", "a name in it is no readable text") from error
        self._shapes.finish()
        if self._source.suffix == ".osm" and not self._source.name.endswith(".pbf"):
            taken = {feature.id for feature in self._model.features}
            self._model.refused.extend(_left_out(self._source, taken))
        if self._assumed:
            self._model.warnings.append(
                f"{self._assumed:,} buildings state no height; they are drawn "
                f"{ASSUMED_METRES:.0f} m high (attribute height_assumed)"
            )

    def _layer(self, layer: str) -> None:
        import pyogrio.raw

        meta, _, geometry, columns = pyogrio.raw.read(self._source, layer=layer)
        found, damaged, _ = wkb.parts_of(geometry)
        names = [str(name) for name in meta["fields"]]
        wkb.tell_damaged(self._model, layer, damaged)
        for row, parts in enumerate(found):
            values = {n: c[row] for n, c in zip(names, columns, strict=True)}
            self._object(layer, _tags(values), values, parts)

    def _object(
        self, layer: str, tags: dict[str, Attribute], values: dict[str, Any], parts: Parts
    ) -> None:
        if layer == "points":
            own = f"node/{values['osm_id']}"
        elif layer == "lines" or values.get("osm_way_id"):
            own = f"way/{values.get('osm_way_id') or values['osm_id']}"
        else:
            own = f"relation/{values['osm_id']}"
        kind, surface, domain = meaning(tags, areal=bool(parts.areas))
        if kind in ("Building", "BuildingPart") and parts.areas and not height_of(tags):
            tags["height_assumed"] = ASSUMED_METRES
            self._assumed += 1
        feature = self._shapes.add(own, tags, parts, kind=kind, meaning=(surface, domain))
        if "name" not in tags and "addr:street" in tags:
            number = tags.get("addr:housenumber") or ""
            feature.name = f"{tags['addr:street']} {number}".strip()


def _left_out(source: Path, taken: set[str]) -> list[Unplaced]:
    """Ways and relations with tags whose nodes the extract does not hold."""
    from lxml import etree

    found: list[Unplaced] = []
    for _, element in etree.iterparse(
        source, tag=("way", "relation"), resolve_entities=False, no_network=True, recover=True
    ):
        own = f"{element.tag}/{element.get('id')}"
        if element.find("tag") is not None and own not in taken:
            found.append(Unplaced(own, "not all of its nodes are in this extract"))
        element.clear()
    return found


def _tags(values: dict[str, Any]) -> dict[str, Attribute]:
    """The tags of one object, those in the collecting column taken apart."""
    tags: dict[str, Attribute] = {
        name: value
        for name, value in values.items()
        if value is not None
        and isinstance(value, str)
        and name not in ("osm_id", "osm_way_id", "other_tags")
    }
    for name, value in _TAG.findall(values.get("other_tags") or ""):
        tags[_plain(name)] = _plain(value)
    return tags


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def meaning(tags: dict[str, Attribute], *, areal: bool) -> tuple[str, str, str]:
    """Type, surface (empty: outline only) and domain of an object by its tags."""
    for key, kind, surface, domain in _KINDS:
        value = tags.get(key)
        if not value or value == "no":
            continue
        if value in _WET and key in ("natural", "landuse", "leisure", "waterway"):
            return "WaterBody", "Water", "environment"
        if value in _GREEN:
            return kind, "Vegetation", "environment"
        return kind, surface if areal else "", domain
    return _NONE
