"""GIS files that GDAL reads: GeoPackage, Shapefile, FileGDB, SpatiaLite, FlatGeobuf, GPX, KML, GML.

GDAL is told what a file is by us, never asked to find out: drivers that fetch from a network or
follow references to other files are switched off before it starts, and files that it would write
notes beside are read from a copy.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from lamplighter.spatial import crs, wkb
from lamplighter.spatial.archives import unpack_tree
from lamplighter.spatial.columns import attribute_of
from lamplighter.spatial.model import Floats, Refused, SourceModel
from lamplighter.spatial.shapes import MAX_FEATURES, Parts, Shapes
from lamplighter.spatial.xml_guard import root_of

Progress = Callable[[int, int, str], None]
ENDINGS: Final = (
    ".gpkg", ".shp", ".sqlite", ".spatialite", ".db", ".gdb", ".fgb", ".gpx", ".kml", ".kmz",
    ".gml", ".zip",
)  # fmt: skip
_SQLITE: Final = b"SQLite format 3\0"
_REMOTE: Final = (
    "OGR_VRT,WFS,OAPIF,HTTP,CSW,Carto,AmigoCloud,Elasticsearch,NGW,EEDA,PLSCENES,GeoRSS,GDALG,"
    "OGCAPI,PDF,GPSBabel"
)
_NAMES: Final = {
    ".gpkg": "GeoPackage", ".shp": "Shapefile", ".sqlite": "SpatiaLite",
    ".spatialite": "SpatiaLite", ".db": "SpatiaLite", ".gdb": "FileGDB", ".fgb": "FlatGeobuf",
    ".gpx": "GPX", ".kml": "KML", ".gml": "GML", ".csv": "CSV with WKT",
}  # fmt: skip
_LISTED: Final = 10


def pyogrio_guarded() -> Any:
    """The library, its drivers cut to those that read local files; import it only this way."""
    os.environ["GDAL_SKIP"] = _REMOTE
    import pyogrio

    del os.environ["GDAL_SKIP"]  # read at the first import only; other libraries would complain

    pyogrio.set_gdal_config_options(
        {
            "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
            "CPL_CURL_ENABLE_VSIMEM": "NO",
            "OSM_USE_CUSTOM_INDEXING": "NO",
            "GDAL_HTTP_TIMEOUT": "1",
            "GDAL_HTTP_MAX_RETRY": "0",
            "SQLITE_LIST_ALL_TABLES": "NO",
            "OGR_SQLITE_LOAD_EXTENSIONS": "NO",
            "GML_SKIP_RESOLVE_ELEMS": "ALL",
            "OGR_ENABLE_PARTIAL_REPROJECTION": "NO",
        }
    )
    return pyogrio


def claims(path: Path, head: bytes) -> bool:
    """By content; the ending decides only between kinds of one container."""
    ending = path.suffix.lower()
    if head.startswith(_SQLITE):
        return ending in (".gpkg", ".sqlite", ".spatialite", ".db", ".gpkx")
    if head.startswith(b"\x00\x00\x27\x0a"):
        return ending == ".shp"
    if head.startswith(b"fgb\x03"):
        return True
    if head.startswith(b"PK\x03\x04"):
        return _inside(path) != ""
    if ending == ".csv":
        names = head.split(b"\n", 1)[0].lower().replace(b'"', b"").strip().split(b",")
        return b"wkt" in names
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start.startswith(b"<"):
        return False
    if ending in (".gpx", ".kml"):
        return True
    return b"opengis.net/gml" in head and b"citygml" not in head.lower() and _is_plain_gml(path)


def claims_folder(path: Path) -> bool:
    """A FileGDB is a folder."""
    return path.suffix.lower() == ".gdb" and any(path.glob("*.gdbtable"))


def brings(path: Path) -> list[Path]:
    """The files that make up a shapefile."""
    if path.suffix.lower() != ".shp":
        return []
    return [p for p in path.parent.glob(f"{path.stem}.*") if p != path and p.suffix != ".zip"]


def read(path: Path, progress: Progress) -> SourceModel:
    """All layers; raises `Refused` with a code when none can be read."""
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        sources = _sources(path, Path(scratch))
        model = SourceModel(_NAMES.get(sources[0].suffix.lower(), "GIS"))
        for source in sources:
            _Reading(source, path.name, model, progress).run()
    told = dict.fromkeys(_said(warning, sources, path) for warning in heard)
    model.warnings.extend([text for text in told if text][:_LISTED])
    return model


def _said(warning: warnings.WarningMessage, sources: list[Path], path: Path) -> str:
    text = str(warning.message)
    for source in sources:
        text = text.replace(str(source), path.name).replace(str(source.parent) + "/", "")
    return "" if "Measured (M)" in text else " ".join(text.split())[:200]


def _inside(path: Path) -> str:
    """What of ours a zip archive holds: `.shp`, `.gdb`, ..., empty for nothing."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.lower() for name in archive.namelist()[:10_000]]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return ""
    for ending in (".shp", ".gpkg", ".sqlite", ".fgb", ".kml", ".gpx"):
        if any(name.endswith(ending) for name in names):
            return ending
    return ".gdb" if any(".gdb/" in name for name in names) else ""


def _sources(path: Path, scratch: Path) -> list[Path]:
    """The data sets to open: the file itself, or what its archive holds."""
    ending = path.suffix.lower()
    if path.is_dir() or ending in (".gpkg", ".shp", ".fgb", ".csv"):
        return [path]
    if ending in (".sqlite", ".spatialite", ".db"):
        return [path]
    if zipfile.is_zipfile(path):
        unpack_tree(path, scratch)
        wanted = _inside(path)
        found = sorted(p for p in scratch.rglob("*") if p.suffix.lower() == wanted)
        found = [p for p in found if p.is_dir() == (wanted == ".gdb")]
        if not found:
            raise Refused("I-504", "an archive without GIS data")
        return found
    root_of(path)  # declarations are refused before any driver sees them
    copy = scratch / f"{path.stem}{ending}"
    shutil.copyfile(path, copy)
    return [copy]


def _is_plain_gml(path: Path) -> bool:
    """A collection of features with shapes, no city model; its driver copes with any schema."""
    try:
        root = root_of(path)
    except Refused:
        return False
    return root.rpartition(" ")[2] == "FeatureCollection"


class _Reading:
    """One data source with its layers; they share ids and one coordinate system."""

    def __init__(self, source: Path, shown: str, model: SourceModel, progress: Progress) -> None:
        self._library = pyogrio_guarded()
        self._source, self._shown, self._model = source, shown, model
        self._progress = progress
        self._invalid = 0
        self._options: dict[str, Any] = {}
        if source.suffix.lower() == ".gml":
            self._options = {"DOWNLOAD_SCHEMA": "NO"}

    def run(self) -> None:
        errors = self._library.errors
        try:
            layers = [str(name) for name, _ in self._library.list_layers(self._source).tolist()]
            tables: list[str] = []
            shapes = Shapes(self._model, layers[0] if layers else self._source.stem)
            for place, layer in enumerate(layers):
                if self._repeats(layer, layers):
                    continue
                self._progress(place, len(layers), f"layer {layer}")
                self._layer(layer, shapes, tables)
        except (errors.DataSourceError, errors.DataLayerError, errors.FeatureError) as error:
            raise Refused("I-503", self._plain(str(error))) from error
        except UnicodeDecodeError as error:
            raise Refused("I-503", "a name in it is no readable text") from error
        if not layers:
            raise Refused("I-504", "it holds no layer")
        shapes.finish()
        if tables:
            self._model.warnings.append("without positions: " + ", ".join(tables[:_LISTED]))
        if self._invalid:
            self._model.warnings.append(
                f"{self._invalid} shapes cross themselves or are not closed; they are drawn as far "
                "as that goes"
            )

    def _repeats(self, layer: str, layers: list[str]) -> bool:
        """The polygons of an exported city once more, one by one: its objects have them."""
        if layer != "surfaces" or "licences" not in layers:
            return False
        info = self._library.read_info(self._source, layer=layer, **self._options)
        if {str(f) for f in info["fields"]} != {"object", "lod", "surface"}:
            return False
        self._model.warnings.append(
            f"layer surfaces: {info['features']:,} polygons of the objects in the other layers; "
            "they are not taken a second time"
        )
        return True

    def _plain(self, text: str) -> str:
        line = text.splitlines()[0].split("; It might help")[0]
        return line.replace(str(self._source), self._shown)

    def _layer(self, layer: str, shapes: Shapes, tables: list[str]) -> None:

        info = self._library.read_info(self._source, layer=layer, **self._options)
        if info["features"] > MAX_FEATURES:
            raise Refused("I-502", f"{info['features']:,} features (limit {MAX_FEATURES:,})")
        try:
            meta, fids, geometry, columns = self._columns(layer)
        except UnicodeDecodeError:
            self._model.warnings.append(f"layer {layer}: its texts were read as Latin-1")
            meta, fids, geometry, columns = self._columns(layer, encoding="ISO-8859-1")
        shapes.stem = layer
        names = [str(name) for name in meta["fields"]]
        values = [[attribute_of(v) for v in column] for column in columns]
        count = len(fids)
        if geometry is None:
            tables.append(f"{layer} ({count} rows)")
        parts = _nothing(count)
        if geometry is not None and count:
            parts = self._parts(geometry, str(info["crs"] or ""), layer)
        for place in range(count):
            attributes = {n: column[place] for n, column in zip(names, values, strict=True)}
            shapes.add(None, attributes, parts[place], number=int(fids[place]))

    def _columns(self, layer: str, encoding: str | None = None) -> Any:
        import pyogrio.raw

        options = dict(self._options)
        if encoding:
            options["encoding"] = encoding
        return pyogrio.raw.read(self._source, layer=layer, return_fids=True, **options)

    def _parts(self, geometry: Any, system: str, layer: str) -> list[Parts]:
        """The shapes of a layer, in the coordinate system of the first layer that has one."""
        found, damaged, invalid = wkb.parts_of(geometry)
        self._invalid += invalid
        wkb.tell_damaged(self._model, layer, damaged)
        if not any(not parts.empty for parts in found):
            return found
        model = self._model
        if not model.crs_text and not model.features:
            model.crs_text = system
        elif system != model.crs_text:
            found = self._moved(found, system, layer)
        return found

    def _moved(self, found: list[Parts], system: str, layer: str) -> list[Parts]:
        """The shapes moved from their layer's own system to that of the file's first layer."""
        model = self._model
        if not system:
            model.warnings.append(
                f"layer {layer} names no coordinate system; that of the other layers was taken"
            )
            return found
        if not model.crs_text:
            model.crs_text = system
            return found
        source, target = crs.code_of(system), crs.code_of(model.crs_text)
        if source is None or target is None:
            model.warnings.append(f"layer {layer}: its coordinate system is not known")
            return _nothing(len(found))
        model.warnings.append(
            f"layer {layer} was moved from {crs.label(source)} to {crs.label(target)}"
        )
        for parts in found:
            spots: Floats = np.array(list(parts.spots()), float).reshape(-1, 3)
            x, y = crs.move(source, target, spots[:, 0], spots[:, 1])
            rows = iter(zip(x.tolist(), y.tolist(), spots[:, 2].tolist(), strict=True))
            parts.points = [next(rows) for _ in parts.points]
            parts.lines = [[next(rows) for _ in line] for line in parts.lines]
            parts.areas = [[[next(rows) for _ in ring] for ring in area] for area in parts.areas]
        return found


def _nothing(count: int) -> list[Parts]:
    return [Parts() for _ in range(count)]
