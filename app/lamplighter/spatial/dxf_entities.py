"""Entities of a drawing as objects: courses, places, labels and faces, with their layer's name."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lamplighter.domain.city import Attribute
from lamplighter.spatial.model import (
    FaceList,
    Faces,
    Feature,
    MeshPart,
    Refused,
    SourceModel,
    sound_text,
)

if TYPE_CHECKING:
    from ezdxf.document import Drawing as Document

Progress = Callable[[int, int, str], None]
Spot = tuple[float, float, float]
MAX_ENTITIES: Final = 500_000
MAX_PIECES: Final = 2_000_000
MAX_CORNERS: Final = 20_000_000
MAX_PICTURE: Final = 20_000_000
_LIMIT: Final = 1e12
_TEXTS: Final = frozenset({"TEXT", "MTEXT", "ATTRIB", "ATTDEF"})
_SOLIDS: Final = frozenset({"3DSOLID", "BODY", "REGION", "SURFACE", "EXTRUDEDSURFACE",
                            "LOFTEDSURFACE", "REVOLVEDSURFACE", "SWEPTSURFACE"})  # fmt: skip
_NO_SHAPE: Final = frozenset({"VIEWPORT", "GEODATA", "LIGHT", "SUN"})
COLOURS: Final = {0: "by block", 256: "by layer"}


class Drawing:
    """One document on its way to objects and faces."""

    def __init__(
        self, document: Document, model: SourceModel, path: Path, progress: Progress
    ) -> None:
        self._document, self._model, self._path = document, model, path
        self._progress = progress
        self._faces = FaceList()
        self._vertices: list[Spot] = []
        self._counts: Counter[str] = Counter()
        self._undrawn: Counter[str] = Counter()
        self._seen: set[str] = set()
        self._pieces = 0
        self._corners = 0
        self._distance = 0.0
        self._clipped = 0

    def run(self) -> None:
        """Fill the model; what cannot be drawn is kept with its facts and counted in a warning."""
        space = self._document.modelspace()
        if len(space) > MAX_ENTITIES:
            raise Refused("I-502", f"{len(space):,} entities (limit {MAX_ENTITIES:,})")
        self._distance = self._tolerance()
        for place, entity in enumerate(space):
            if place % 500 == 0:
                self._progress(place, len(space) * 2, "unfolding")
            self._entity(entity)
        self._model.counts = dict(sorted(self._counts.items()))
        if self._faces.owner:
            self._model.faces = self._built()
        self._flatten()
        self._warn()

    def _tolerance(self) -> float:
        """How far a curve may be from its pieces: a hundredth of a metre, or of the unit."""
        return 0.01 / (self._model.unit_metres or 1.0)

    def _built(self) -> Faces:
        return self._faces.build(np.array(self._vertices, float).reshape(-1, 3))

    def _flatten(self) -> None:
        """A drawing without heights lies on the ground."""
        model = self._model
        spots = (s for f in model.features for s in ([f.at] if f.at else []) + (f.path or []))
        if any(z != 0.0 for _, _, z in spots) or any(v[2] != 0.0 for v in self._vertices):
            return
        for feature in model.features:
            feature.flat = True

    def _warn(self) -> None:
        for kind, count in sorted(self._undrawn.items()):
            self._model.warnings.append(f"{count} {kind} cannot be drawn; their facts are kept")
        if self._clipped:
            self._model.warnings.append(f"{self._clipped} clipped blocks are shown whole")
        if not self._model.features:
            self._model.warnings.append("its model space is empty")

    # ------------------------------------------------------------------ one entity
    def _entity(self, entity: Any) -> None:
        kind = sound_text(str(entity.dxftype()))
        if kind in _NO_SHAPE:
            self._undrawn[kind] += 1
            return
        number = len(self._model.features)
        feature = Feature(self._id(entity, number), kind, attributes=_facts(entity, kind))
        feature.name = _name(entity, kind) or feature.id
        self._counts[kind] += 1
        self._model.features.append(feature)
        courses: list[list[Spot]] = []
        drawn = False
        try:
            feature.at = _anchor(entity, kind)
            for piece in self._unfolded(entity):
                drawn = self._piece(piece, number, feature, courses) or drawn
        except (Refused, MemoryError):
            raise
        except RecursionError as error:
            raise Refused("I-503", "its blocks hold each other") from error
        except Exception as error:  # one entity that cannot be drawn does not lose the drawing
            self._undrawn[f"{kind} ({type(error).__name__})"] += 1
        courses = [course for course in courses if len(course) > 1]
        if courses:
            courses.sort(key=_length, reverse=True)
            feature.path, feature.more = courses[0], courses[1:] or None
        if feature.at is None and not courses and not drawn:
            self._undrawn[kind] += 1

    def _id(self, entity: Any, number: int) -> str:
        handle = getattr(entity.dxf, "handle", None)
        name = f"{self._path.stem}-{handle}" if handle else f"{self._path.stem}-{number}"
        if name in self._seen:
            name = f"{self._path.stem}-{number}-again"
        self._seen.add(name)
        return sound_text(name)

    def _unfolded(self, entity: Any) -> Iterator[Any]:
        from ezdxf import disassemble

        if getattr(entity, "dxftype", lambda: "")() == "INSERT":
            from ezdxf.xclip import XClip

            clip = XClip(entity)
            self._clipped += bool(clip.has_clipping_path and clip.is_clipping_enabled)
        for piece in disassemble.recursive_decompose([entity]):
            self._pieces += 1
            if self._pieces > MAX_PIECES:
                raise Refused("I-502", f"more than {MAX_PIECES:,} entities, its blocks unfolded")
            yield piece

    def _piece(self, piece: Any, number: int, feature: Feature, courses: list[list[Spot]]) -> bool:
        """Draw one simple entity; True when something of it can be seen as faces."""
        kind = str(piece.dxftype())
        if kind in _TEXTS:
            _label(feature, piece)
            return False
        if kind in ("HATCH", "MPOLYGON"):
            return self._hatch(piece, number)
        if kind == "IMAGE":
            return self._picture(piece, number, courses)
        if kind in ("3DFACE", "SOLID", "TRACE"):
            corners = list(dict.fromkeys(piece.wcs_vertices()))
            return self._mesh(corners, [range(len(corners))], number)
        if kind in _SOLIDS:
            return self._solid(piece, number)
        return self._primitive(piece, number, courses)

    def _primitive(self, piece: Any, number: int, courses: list[list[Spot]]) -> bool:
        from ezdxf import disassemble

        primitive = disassemble.make_primitive(piece, max_flattening_distance=self._distance)
        if primitive.is_empty:
            return False
        if primitive.mesh is not None:
            mesh = primitive.mesh
            return self._mesh(list(mesh.vertices), list(mesh.faces), number)
        course = [_spot(v) for v in primitive.vertices()]
        self._count(len(course))
        if piece.dxftype() == "POINT":
            courses.extend([course] if len(course) > 1 else [])
            return False
        courses.append(course)
        return False

    def _mesh(self, vertices: list[Any], faces: list[Any], number: int) -> bool:
        base = len(self._vertices)
        self._vertices.extend(_spot(v) for v in vertices)
        self._count(len(vertices))
        for face in faces:
            self._faces.add([[base + int(k) for k in dict.fromkeys(face)]], number, 0)
        return bool(faces)

    def _hatch(self, piece: Any, number: int) -> bool:
        """The area of a hatch with its holes."""
        from ezdxf import path as paths

        found = [p for p in paths.from_hatch(piece) if len(p)]
        for polygon in paths.group_paths(found) if found else []:
            rings: list[list[int]] = []
            for ring in _with_holes(polygon):
                spots = [_spot(v) for v in ring.flattening(self._distance)]
                self._count(len(spots))
                base = len(self._vertices)
                self._vertices.extend(spots)
                rings.append(list(range(base, base + len(spots))))
            self._faces.add(_closed(rings, self._vertices), number, 0)
        return bool(found)

    def _solid(self, piece: Any, number: int) -> bool:
        """Solids with flat sides; curved ones cannot be drawn."""
        from ezdxf.acis.dxf import load_dxf
        from ezdxf.acis.mesh import mesh_from_body

        drawn = False
        for body in load_dxf(piece):
            for mesh in mesh_from_body(body):
                drawn = self._mesh(list(mesh.vertices), list(mesh.faces), number) or drawn
        return drawn

    def _picture(self, piece: Any, number: int, courses: list[list[Spot]]) -> bool:
        """A picture laid into the drawing, where its file lies beside it; else its outline."""
        corner, u, v = piece.dxf.insert, piece.dxf.u_pixel, piece.dxf.v_pixel
        size = piece.dxf.image_size
        across, up = u * size.x, v * size.y
        rows = np.array(
            [_spot(corner), _spot(corner + across), _spot(corner + across + up), _spot(corner + up)]
        )
        definition = piece.image_def
        name = str(definition.dxf.filename).replace("\\", "/") if definition is not None else ""
        data = self._beside(name)
        if not data:
            courses.append([*map(tuple, rows.tolist()), tuple(rows[0].tolist())])
            self._model.warnings.append(
                f"picture {Path(name).name or 'without a name'} is not beside the drawing; "
                "its outline is shown"
            )
            return False
        uv = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
        self._model.meshes.append(
            MeshPart(rows, np.array([[0, 1, 2], [0, 2, 3]]), number, uv=uv, image=data)
        )
        return True

    def _beside(self, name: str) -> bytes:
        """The picture file of this name in the drawing's own folder; never anywhere else."""
        file = self._path.parent / Path(name).name
        if not name or not file.is_file() or file.stat().st_size > MAX_PICTURE:
            return b""
        data = file.read_bytes()
        return data if data.startswith((b"\xff\xd8\xff", b"\x89PNG")) else b""

    def _count(self, corners: int) -> None:
        self._corners += corners
        if self._corners > MAX_CORNERS:
            raise Refused("I-502", f"more than {MAX_CORNERS:,} corners")


def _spot(point: Any) -> Spot:
    x, y, z = float(point.x), float(point.y), float(getattr(point, "z", 0.0))
    if not (abs(x) < _LIMIT and abs(y) < _LIMIT and abs(z) < _LIMIT):
        return (math.nan, math.nan, math.nan)
    return (x, y, z)


def _length(course: list[Spot]) -> float:
    return sum(math.dist(a, b) for a, b in pairwise(course))


def _with_holes(polygon: list[Any]) -> list[Any]:
    """The outer path first."""
    return sorted(polygon, key=lambda p: _area(p.control_vertices()), reverse=True)


def _area(points: list[Any]) -> float:
    xs, ys = [p.x for p in points], [p.y for p in points]
    return (max(xs) - min(xs)) * (max(ys) - min(ys)) if points else 0.0


def _closed(rings: list[list[int]], vertices: list[Spot]) -> list[list[int]]:
    """Without the corner that repeats the first one."""
    return [
        ring[:-1] if len(ring) > 1 and vertices[ring[0]] == vertices[ring[-1]] else ring
        for ring in rings
    ]


def _facts(entity: Any, kind: str) -> dict[str, Attribute]:
    """Layer, colour and what else the entity says of itself."""
    given = entity.dxfattribs()
    facts: dict[str, Attribute] = {"layer": str(given.get("layer", "0"))}
    colour = given.get("color", 256)
    facts["colour"] = COLOURS.get(colour, str(colour))
    for key in ("linetype", "thickness", "radius", "height", "elevation", "style"):
        value = given.get(key)
        if isinstance(value, str | int | float) and value not in ("", 0, 0.0, "BYLAYER"):
            facts[key] = value
    if kind == "INSERT":
        facts["block"] = str(entity.dxf.get("name", ""))
        facts["rotation"] = float(entity.dxf.get("rotation", 0.0))
        for attrib in entity.attribs:
            facts[f"attribute.{attrib.dxf.get('tag', '')}"] = str(attrib.dxf.get("text", ""))[:1000]
    elif kind in _TEXTS:
        facts["text"] = _text(entity)
    elif kind in ("HATCH", "MPOLYGON"):
        facts["pattern"] = str(entity.dxf.get("pattern_name", ""))
    return {sound_text(k): sound_text(v) if isinstance(v, str) else v for k, v in facts.items()}


def _text(entity: Any) -> str:
    plain = getattr(entity, "plain_text", None)
    try:
        text = plain() if callable(plain) else entity.dxf.get("text", "")
    except Exception:
        text = entity.dxf.get("text", "")
    return sound_text(str(text).strip()[:1000])


def _label(feature: Feature, piece: Any) -> None:
    """Words inside a block or a dimension belong to it."""
    if piece.dxftype() == "ATTRIB" or "text" in feature.attributes:
        return
    words = _text(piece)
    if words and feature.type not in _TEXTS:
        feature.attributes["text"] = words


def _name(entity: Any, kind: str) -> str:
    if kind == "INSERT":
        return sound_text(str(entity.dxf.get("name", "")))
    return _text(entity).splitlines()[0][:60] if kind in _TEXTS and _text(entity) else ""


def _anchor(entity: Any, kind: str) -> Spot | None:
    """The stated place of an entity that is a point."""
    if kind == "POINT":
        return _spot(entity.dxf.location)
    if kind in ("INSERT", "TEXT", "ATTDEF"):
        return _spot(entity.ocs().to_wcs(entity.dxf.insert))
    if kind in ("MTEXT", "ACAD_TABLE"):
        return _spot(entity.dxf.insert)
    return None
