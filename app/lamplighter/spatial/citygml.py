"""CityGML 1.0, 2.0 and 3.0 as a stream: one city object in memory at a time."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from lamplighter.spatial import gml
from lamplighter.spatial.citygml_attributes import attributes_of, title_of
from lamplighter.spatial.citygml_names import (
    ASSETS,
    LOD,
    MEMBERS,
    ROOT,
    WORDS,
    is_foreign,
    object_name,
)
from lamplighter.spatial.citygml_shapes import Shape, Shapes
from lamplighter.spatial.cityjson_words import SURFACES, gathered_value
from lamplighter.spatial.kinds import domain_of, surface_of
from lamplighter.spatial.model import SURFACE_INDEX, Feature, Refused, SourceModel
from lamplighter.spatial.textures import named_files
from lamplighter.spatial.xml_guard import root_of

Progress = Callable[[int, int, str], None]
_MAX_DEPTH: Final = 200
_PASSES: Final = 4
"""readings of the file at most to find what links point to"""
_NO_SHAPES: Final = frozenset(
    {"address", "externalReference", "boundedBy", "genericAttribute", "metaDataProperty"}
)
_IMAGE: Final = re.compile(rb"imageURI\s*>\s*([^<\s][^<]{0,500})<")
_LICENCE: Final = frozenset(
    {"licence", "license", "rights", "uselimitation", "otherconstraints", "accessconstraints"}
)
_HOLDER: Final = frozenset({"organisationname", "organizationname", "attribution", "publisher"})
_DATE: Final = frozenset({"datestamp", "date", "referencedate", "creationdate"})


def version_of(path: Path) -> str | None:
    """CityGML version of the file's root element; None for XML of another kind."""
    found = ROOT.match(root_of(path))
    return found.group(1) if found else None


def brings(path: Path) -> list[Path]:
    """The pictures inside the file's folder that it names."""
    return named_files(path, _IMAGE)


def read(path: Path, version: str, progress: Progress) -> SourceModel:
    """The whole file; raises `Refused` when it is no sound XML or is cut off.

    What links point to is found by reading the file again, only when there are such links.
    """
    size = max(path.stat().st_size, 1)
    reader = _Reader(path, version)

    def tell(done: int) -> None:
        progress(done, size, "city objects")

    _pass(path, reader.member, reader.beside, tell)
    for _ in range(_PASSES):
        wanted = reader.shapes.wanted()
        if not wanted:
            break
        found = _Finder(wanted, reader.shapes)
        _pass(path, found.look, found.look, tell)
    return reader.finish()


def _pass(
    path: Path,
    member: Callable[[Any], None],
    beside: Callable[[Any], None],
    tell: Callable[[int], None],
) -> None:
    from lxml import etree

    with path.open("rb") as file:
        try:
            parser = etree.iterparse(
                file,
                events=("start", "end"),
                resolve_entities=False,
                no_network=True,
                load_dtd=False,
                remove_comments=True,
                remove_pis=True,
                huge_tree=True,
            )
            _stream(parser, member, beside, lambda: tell(file.tell()))
        except etree.XMLSyntaxError as error:
            code = "I-503" if _ends_well(path) else "I-505"
            line = error.lineno or 0
            raise Refused(code, f"line {line}: {_first_line(str(error.msg))}") from error


def _stream(
    parser: Any,
    member: Callable[[Any], None],
    beside: Callable[[Any], None],
    tell: Callable[[], None],
) -> None:
    depth = 0
    seen = 0
    for event, element in parser:
        if event == "start":
            depth += 1
            if depth > _MAX_DEPTH:
                raise Refused("I-503", f"it is nested deeper than {_MAX_DEPTH} levels")
            continue
        depth -= 1
        if depth != 1:
            continue
        if gml.local(element) in MEMBERS:
            member(element)
            seen += 1
            if seen % 50 == 0:
                tell()
        else:
            beside(element)
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]


def _ends_well(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 200), os.SEEK_SET)
        return b"CityModel>" in file.read()


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else "malformed"


class _Where(NamedTuple):
    """What is known at an element: whose it is, its level, its meaning and its direction."""

    feature: Feature | None
    shape: Shape | None
    lod: int
    surface: int
    known: bool
    turned: bool
    solid: bool = False


class _Reader:
    def __init__(self, path: Path, version: str) -> None:
        self.model = SourceModel("CityGML", version)
        self.shapes = Shapes(self.model, path.parent)
        self._stem = path.stem
        self._counts: Counter[str] = Counter()
        self._systems: Counter[str] = Counter()
        self._ids: set[str] = set()
        self._terrain_lines = 0
        self._members: Counter[str] = Counter()
        self._flat = False
        self._created = ""

    def beside(self, element: Any) -> None:
        """Anything of the city model that is no member: extent, appearance, metadata."""
        name = gml.local(element)
        self._note_systems(element)
        if name == "appearanceMember":
            self.shapes.wardrobe.take(element)
        elif name == "metaDataProperty":
            self._metadata(element)
        elif name.endswith("Member"):
            self._members[name] += 1

    def member(self, element: Any) -> None:
        self._note_systems(element)
        flat = element.xpath("boolean(descendant::*[@srsDimension='2' or @dimension='2'])")
        self._flat = bool(flat)
        for child in element:
            if isinstance(child.tag, str):
                where = _Where(None, None, -1, SURFACE_INDEX["Unknown"], False, False)
                self._walk(child, where)

    def _note_systems(self, element: Any) -> None:
        for name in element.xpath("descendant-or-self::*/@srsName"):
            self._systems[name.strip()] += 1

    def _metadata(self, element: Any) -> None:
        model = self.model
        for part in element.iter():
            name = gml.local(part).lower()
            if name not in _LICENCE and name not in _HOLDER and name not in _DATE:
                continue
            text = " ".join("".join(part.itertext()).split())[:1000]
            if name in _LICENCE:
                model.licence = model.licence or text
            elif name in _HOLDER:
                model.attribution = model.attribution or text
            else:
                model.date = model.date or text

    # ------------------------------------------------------------------ the walk
    def _walk(self, element: Any, at: _Where) -> None:
        """One element below a member; nested features collect their own geometry."""
        name, is_object = object_name(element)
        if is_object:
            self._counts[name] += 1
        if (is_object and name in ASSETS) or (at.feature is None and is_foreign(element)):
            if not is_object:
                self._counts[name] += 1
            self._feature(element, name, at.feature)
        elif name in ("appearance", "appearanceMember"):
            self.shapes.wardrobe.take(element)
        elif at.shape is None:
            self._children(element, at)
        elif is_object:
            self._surface(element, name, at)
        else:
            self._part(element, name, at.shape, at)

    def _children(self, element: Any, at: _Where) -> None:
        for child in element:
            if isinstance(child.tag, str):
                self._walk(child, at)

    def _surface(self, element: Any, name: str, at: _Where) -> None:
        """A thematic surface: it gives its polygons a meaning and its object its attributes."""
        word = WORDS.get(name, name)
        if word in SURFACE_INDEX:
            at = at._replace(surface=SURFACE_INDEX[word], known=True)
        assert at.shape is not None
        for key, value in attributes_of(element).items():
            at.shape.words.setdefault(f"{SURFACES}{name}.{key}", []).append(value)
        self._children(element, at)

    def _part(self, element: Any, name: str, shape: Shape, at: _Where) -> None:
        """Geometry, or what stands between an object and its geometry."""
        level = LOD.match(name)
        if level:
            at = at._replace(lod=int(level.group(1)))
            if level.group(2).startswith("TerrainIntersection"):
                self._terrain_lines += 1
                return
        elif name in _NO_SHAPES and not (name == "boundedBy" and not gml.is_gml(element)):
            return
        if name in gml.FACES:
            self._polygon(element, shape, at)
        elif name == "ImplicitGeometry":
            self.shapes.implicit(element, shape, at.lod, at.surface)
        elif (name in gml.LINES or name == "Point") and at.lod >= 0:
            self._thin(element, name, shape, at.lod)
        else:
            self._link(element, shape, at)
            if name == "Solid":
                at = at._replace(solid=True)
            elif gml.is_turned(element):
                at = at._replace(turned=not at.turned)
            self._children(element, at)

    def _link(self, element: Any, shape: Shape, at: _Where) -> None:
        text = gml.href(element)
        if not text or not (gml.is_gml(element) or gml.local(element)[:3] == "lod"):
            return
        if text.startswith("#"):
            shape.refer(at.lod, text[1:], at.surface, known=at.known, turned=at.turned)
        else:
            self.shapes.outside += 1

    def _feature(self, element: Any, kind: str, above: Feature | None) -> None:
        name = gml.identity(element)
        if not name or name in self._ids:
            name = f"{name or self._stem + '-' + kind}-{self._counts[kind]}"
        self._ids.add(name)
        feature = Feature(
            id=name,
            type=kind,
            name=title_of(element) or name,
            domain=domain_of(kind),
            parent=above.id if above else "",
            attributes=attributes_of(element),
        )
        created = str(feature.attributes.get("creationDate", ""))
        self._created = max(self._created, created)
        number = len(self.model.features)
        self.model.features.append(feature)
        shape = Shape()
        fallback = SURFACE_INDEX[surface_of(kind)]
        self._children(
            element, _Where(feature, shape, _stated_lod(element), fallback, False, False)
        )
        for key, values in shape.words.items():
            feature.attributes[key] = gathered_value(values)
        self.shapes.settle(feature, number, shape)

    def _polygon(self, element: Any, shape: Shape, at: _Where) -> None:
        try:
            polygon = gml.polygon(element, plain=not self._flat, turned=at.turned)
        except ValueError:
            self.shapes.odd += 1
            return
        if polygon.rings:
            shape.put(at.lod, polygon, at.surface, known=at.known, solid=at.solid)

    def _thin(self, element: Any, name: str, shape: Shape, lod: int) -> None:
        try:
            spots = gml.spots(element, plain=not self._flat)
        except ValueError:
            self.shapes.odd += 1
            return
        if name == "Point":
            shape.spots.setdefault(lod, []).extend(spots[:1])
        elif len(spots) > 1:
            shape.lines.setdefault(lod, []).append(spots)

    def finish(self) -> SourceModel:
        model = self.model
        model.counts = dict(sorted(self._counts.items()))
        if self._systems:
            model.crs_text = self._systems.most_common(1)[0][0]
        if len({name.lower() for name in self._systems}) > 1:
            names = ", ".join(sorted(self._systems)[:4])
            model.warnings.append(
                f"several coordinate systems are named ({names}); {model.crs_text} was used"
            )
        if self._terrain_lines:
            model.warnings.append(f"{self._terrain_lines} lines where objects meet the terrain "
                                  "are not drawn")  # fmt: skip
        for name, count in sorted(self._members.items()):
            model.warnings.append(f"{count} entries of kind {name} are no city objects")
        model.date = model.date or self._created[:10]
        self.shapes.finish()
        return model


class _Finder:
    """A further pass: picks out what links and templates wait for, by id."""

    def __init__(self, wanted: set[str], shapes: Shapes) -> None:
        self._wanted, self._shapes = wanted, shapes

    def look(self, element: Any) -> None:
        for part in element.iter():
            name = gml.identity(part)
            if name in self._wanted:
                self._shapes.found(name, part)


def _stated_lod(element: Any) -> int:
    """The level a relief states in an element of its own; -1 without."""
    for child in element:
        if gml.local(child) == "lod" and (child.text or "").strip() in ("0", "1", "2", "3", "4"):
            return int(child.text.strip())
    return -1
