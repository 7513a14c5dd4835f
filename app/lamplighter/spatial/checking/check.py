"""The check of one file: its structure, its geometry and what its objects say about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from lamplighter.domain.findings import Finding
from lamplighter.spatial.checking import codes, meanings, raw_files
from lamplighter.spatial.checking.boundaries import Boundaries, RawModel
from lamplighter.spatial.checking.intersections import overlap
from lamplighter.spatial.checking.polygons import (
    Tolerances,
    check_polygons,
    check_rings,
    duplicate_faces,
    snapped,
)
from lamplighter.spatial.checking.shells import check_shells
from lamplighter.spatial.checking.solids import check_neighbours, check_parts, check_solids
from lamplighter.spatial.model import Floats, Ints, Refused

Progress = Callable[[int, int, str], None]
DEFAULTS: Final = Tolerances()
MOST: Final = 20_000
"""findings kept of one file; the rest is counted"""


def _quiet(done: int, total: int, text: str) -> None:
    del done, total, text


class Findings:
    """Collects findings of one file in the coordinates of the file."""

    def __init__(self, shapes: Boundaries | None) -> None:
        self.items: list[Finding] = []
        self.left_out: Counter[str] = Counter()
        self._shapes = shapes

    def add(
        self,
        code: str,
        object: str,
        what: str,
        place: Floats | None = None,
        surface: int = -1,
        geometry: int = -1,
        fixable: bool = True,
    ) -> None:
        if len(self.items) >= MOST:
            self.left_out[code] += 1
            return
        name = codes.NAMES.get(code, "")
        spot = None
        if place is not None and np.isfinite(place).all():
            x, y, z = (float(value) for value in place)
            spot = (x, y, z)
        self.items.append(
            Finding(
                code=code,
                severity=codes.severity(code),
                object=object,
                message=what,
                name=name,
                place=spot,
                surface=surface,
                geometry=geometry,
                fixable=fixable and code in codes.FIXES,
            )
        )

    def polygon(self, code: str, polygon: int, what: str) -> None:
        """About one polygon; its place is the middle of its outer ring."""
        shapes = self._shapes
        assert shapes is not None
        primitive = shapes.primitives[shapes.primitive(polygon)]
        rings = [ring for ring in shapes.rings(polygon) if len(ring)]
        place = shapes.points[rings[0]].mean(axis=0) if rings else None
        name = shapes.objects[primitive.object].id
        number = int(shapes.number_in[polygon])
        self.add(code, name, what, place, number, primitive.number)

    def shell(self, code: str, shell: int, what: str, place: Floats | None, polygon: int) -> None:
        shapes = self._shapes
        assert shapes is not None
        primitive = shapes.primitives[int(shapes.primitive_of[shapes.solid_of[shell]])]
        if place is None:
            members = np.flatnonzero(shapes.shell_of == shell)
            if len(members):
                place = shapes.points[shapes.rings(int(members[0]))[0]].mean(axis=0)
        name = shapes.objects[primitive.object].id
        surface = int(shapes.number_in[polygon]) if polygon >= 0 else -1
        self.add(code, name, what, place, surface, primitive.number)

    def primitive(self, code: str, number: int, what: str, place: Floats | None) -> None:
        shapes = self._shapes
        assert shapes is not None
        primitive = shapes.primitives[number]
        name = shapes.objects[primitive.object].id
        self.add(code, name, what, place, -1, primitive.number)

    def object(self, code: str, number: int, what: str, place: Floats | None) -> None:
        assert self._shapes is not None
        self.add(code, self._shapes.objects[number].id, what, place)

    def finish(self) -> list[Finding]:
        for code, count in self.left_out.items():
            self.items.append(
                Finding("too-many", codes.NOTE, "", f"{count} more findings of {code}")
            )
        return self.items


def check_file(
    path: Path,
    limits: Tolerances = Tolerances(),
    progress: Progress = _quiet,
    *,
    solid: str = "Solid",
) -> list[Finding]:
    """Findings of one file, places in its own coordinates. Never raises for a bad file."""
    try:
        model = raw_files.read(path, solid=solid)
    except Refused as refused:
        code = "904" if refused.code == "I-504" else "901"
        return [_whole(code, refused.what)]
    except OSError as error:
        return [_whole("901", error.strerror or type(error).__name__)]
    except RecursionError:
        return [_whole("901", "it is nested too deeply")]
    return check_model(model, limits, progress)


def _whole(code: str, what: str) -> Finding:
    return Finding(code, codes.severity(code), "", what, codes.NAMES.get(code, ""))


def check_model(
    model: RawModel, limits: Tolerances = DEFAULTS, progress: Progress = _quiet
) -> list[Finding]:
    """Findings of a file that was read."""
    found = Findings(model.shapes)
    for fault in model.faults:
        found.add(fault.code, fault.object, fault.what, fixable=fault.fixable)
    shapes = model.shapes
    if shapes is not None:
        with np.errstate(all="ignore"):
            _geometry(model, shapes, limits, found, progress)
        meanings.check_objects(shapes, model, found)
    return found.finish()


def metres(model: RawModel) -> Floats:
    """The points (n, 3) in metres near zero, whatever system they are in."""
    from lamplighter.spatial import crs

    shapes = model.shapes
    assert shapes is not None
    points = shapes.points
    good = points[np.isfinite(points).all(axis=1)]
    if not len(good):
        return np.zeros_like(points)
    origin = np.floor(good.min(axis=0))
    local: Floats = np.where(np.isfinite(points), points - origin, 0.0)
    number = crs.parse_name(model.crs_text) if model.crs_text else None
    known = crs.system(number) if number else None
    if known is not None and not known.projected and (np.abs(good[:, :2]) <= 360).all():
        latitude = np.radians(float(np.median(good[:, 1])))
        local = local * np.array([111_320.0 * max(np.cos(latitude), 0.1), 111_320.0, 1.0])
    return local


def _geometry(
    model: RawModel, shapes: Boundaries, limits: Tolerances, found: Findings, progress: Progress
) -> None:
    for number, one in enumerate(shapes.primitives):
        if one.empty:
            found.primitive("902", number, f"an empty {one.kind}", None)
    if not shapes.count:
        return
    progress(0, 4, "rings")
    points, number_of = snapped(metres(model), limits.snap)
    clean = check_rings(shapes, number_of, found.polygon)
    progress(1, 4, "polygons")
    check_polygons(clean, points, limits, found.polygon)
    duplicate_faces(shapes, clean, found.polygon)
    meanings.check_faces(shapes, clean, points, found.polygon)
    origin = _origin(shapes, points, number_of)

    def shell(code: str, shell: int, what: str, place: Floats | None, polygon: int) -> None:
        found.shell(code, shell, what, None if place is None else origin(place), polygon)

    def primitive(code: str, number: int, what: str, place: Floats | None) -> None:
        found.primitive(code, number, what, None if place is None else origin(place))

    progress(2, 4, "shells")
    sound, triangles = check_shells(shapes, clean, points, shell, progress)
    progress(3, 4, "solids")
    whole = check_solids(shapes, sound, triangles, limits, primitive)
    check_parts(shapes, whole, limits, primitive)
    check_neighbours(shapes, whole, primitive)
    if model.format == "IndoorGML":
        _cells(shapes, whole, limits, found)


def _origin(shapes: Boundaries, points: Floats, number: Ints) -> Callable[[Floats], Floats]:
    """From metres near zero back to the file's own coordinates, by the nearest known corner."""

    def back(place: Floats) -> Floats:
        nearest = int(np.argmin(((points - place) ** 2).sum(axis=1)))
        first = int(np.argmax(number == nearest))
        result: Floats = shapes.points[first]
        return result

    return back


def _cells(
    shapes: Boundaries, whole: dict[int, Floats], limits: Tolerances, found: Findings
) -> None:
    """701: cells of IndoorGML that overlap."""
    items = list(whole.items())
    for place, (solid, triangles) in enumerate(items[:400]):
        for other, others in items[:place]:
            if overlap(triangles, others, limits.overlap):
                first = shapes.primitives[int(shapes.primitive_of[solid])].object
                second = shapes.primitives[int(shapes.primitive_of[other])].object
                name = shapes.objects[second].id
                found.object("701", first, f"it overlaps '{name}'", None)
