"""IFC building models: every product an object, with its storey, its property sets and its shape.

The shapes are made by ifcopenshell, which is loaded here only when such a file is read. Its
geometry is bounded in time and size; what could not be made is listed.
"""

from __future__ import annotations

import re
import signal
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from lamplighter.domain.importing import Unplaced
from lamplighter.spatial.ifc_facts import Facts
from lamplighter.spatial.ifc_place import building_place
from lamplighter.spatial.model import (
    SURFACE_INDEX,
    Faces,
    Feature,
    Floats,
    Ints,
    Refused,
    SourceModel,
    finite_rows,
    sound_text,
)

Progress = Callable[[int, int, str], None]
ENDINGS: Final = (".ifc", ".ifczip", ".ifcxml")
MAX_BYTES: Final = 1_000_000_000
MAX_RATIO: Final = 100
MAX_PRODUCTS: Final = 500_000
MAX_TRIANGLES: Final = 20_000_000
SECONDS: Final = 600.0
SHAPE_SECONDS: Final = 40.0
_SMALL: Final = 10_000_000
_SCHEMA: Final = re.compile(rb"FILE_SCHEMA\s*\(\s*\(\s*'\s*IFC", re.I)
_UNSEEN: Final = ("IfcSpace", "IfcSpatialZone", "IfcVirtualElement", "IfcAnnotation", "IfcGrid")
"""they fill rooms or are no bodies: objects with a place, not drawn"""
_CUT: Final = ("IfcFeatureElementSubtraction",)
_SURFACES: Final = {
    "IfcWall": "WallSurface",
    "IfcCurtainWall": "WallSurface",
    "IfcPlate": "WallSurface",
    "IfcRoof": "RoofSurface",
    "IfcWindow": "Window",
    "IfcDoor": "Door",
    "IfcCovering": "OuterCeilingSurface",
    "IfcRoad": "Road",
    "IfcPavement": "Road",
    "IfcBridge": "Bridge",
    "IfcBridgePart": "Bridge",
    "IfcGeographicElement": "Terrain",
    "IfcFurnishingElement": "Furniture",
    "IfcFurniture": "Furniture",
}


def claims(path: Path, head: bytes) -> bool:
    """By its header; an archive or XML by its name."""
    ending = path.suffix.lower()
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"ISO-10303-21") and (
        ending == ".ifc" or _SCHEMA.search(head[:20_000])
    ):
        return True
    return ending in ENDINGS


def read(path: Path, progress: Progress) -> SourceModel:
    """Raises `Refused` when it is damaged, too large, or the library is not installed.

    A shape that takes longer than `SHAPE_SECONDS` of computing ends this process: the library
    cannot be interrupted, and `read_again` does without what takes so long.
    """
    return _read(path, progress, cut=True)


def read_again(path: Path, progress: Progress) -> SourceModel:
    """As `read`, but openings are not cut out of walls and slabs."""
    return _read(path, progress, cut=False)


def _read(path: Path, progress: Progress, cut: bool) -> SourceModel:
    try:
        import ifcopenshell
    except ImportError as error:
        raise Refused("I-510", "ifcopenshell, of the lock 'formats'") from error
    progress(0, 100, "reading")
    file = _opened(path, ifcopenshell)
    model = SourceModel("IFC", str(file.schema_identifier), kind="bim", unit_metres=1.0)
    products = file.by_type("IfcProduct")
    if len(products) > MAX_PRODUCTS:
        raise Refused("I-502", f"{len(products):,} products (limit {MAX_PRODUCTS:,})")
    if not products:
        model.warnings.append("it holds no products")
    facts = Facts(file)
    numbers = _features(model, products, facts)
    shapes = _Shapes(model, numbers, progress)
    shapes.run(file, products, cut)
    _without_shape(model, products, shapes.drawn, facts)
    model.counts = dict(sorted(Counter(f.type for f in model.features).items()))
    building_place(file, model)
    _left_out(file, model)
    return model


def _left_out(file: Any, model: SourceModel) -> None:
    """Say what the file holds beside its products."""
    words = [
        f"{len(found)} {kind}"
        for kind in ("IfcGroup", "IfcProcess", "IfcResource", "IfcActor", "IfcControl")
        if _known(file, kind) and (found := file.by_type(kind))
    ]
    if words:
        model.warnings.append(f"not imported, since they are no products: {', '.join(words)}")


def _opened(path: Path, ifcopenshell: Any) -> Any:
    if path.stat().st_size > MAX_BYTES:
        raise Refused("I-502", f"a building model of more than {MAX_BYTES / 1e9:.0f} GB")
    with path.open("rb") as file:
        start = file.read(4096)
    if start.startswith(b"PK"):
        data = _unpacked(path)
    elif start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise Refused("I-504", "IFC written as XML: save it as .ifc")
    else:
        data = path.read_bytes()
    if b"ISO-10303-21" not in data[:4096]:
        raise Refused("I-503", "it does not begin like a STEP file")
    if b"END-ISO-10303-21" not in data[-4096:] and data.count(b"ENDSEC") < 2:
        raise Refused("I-505", "its last section has no end")
    try:
        file = ifcopenshell.file.from_string(data.decode("latin-1"))
        _ = file.schema
    except MemoryError:
        raise
    except Exception as error:
        raise Refused("I-503", str(error).splitlines()[0] if str(error) else "no IFC") from error
    return file


def _unpacked(path: Path) -> bytes:
    """The one model inside an .ifczip, with a limit on what comes out."""
    try:
        with zipfile.ZipFile(path) as archive:
            found = [m for m in archive.infolist() if m.filename.lower().endswith(".ifc")]
            if len(found) != 1:
                raise Refused("I-504", f"an archive with {len(found)} IFC files, not one")
            if found[0].flag_bits & 1:
                raise Refused("I-503", "its content is locked with a password")
            room = max(_SMALL, MAX_RATIO * found[0].compress_size)
            with archive.open(found[0]) as stream:
                data = stream.read(min(room, MAX_BYTES) + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise Refused("I-503", f"the archive is damaged: {error}") from error
    if len(data) > min(room, MAX_BYTES):
        raise Refused("I-502", f"more than {MAX_RATIO} times its size")
    return data


def _features(model: SourceModel, products: Any, facts: Facts) -> dict[int, int]:
    """One feature for each product; the numbers of the features by the product's own number."""
    numbers: dict[int, int] = {}
    seen: set[str] = set()
    for product in products:
        number = len(model.features)
        own = str(product.GlobalId or "") or f"#{product.id()}"
        if own in seen:
            model.refused.append(Unplaced(own, "a second product has this GlobalId"))
            own = f"{own}-{product.id()}"
        seen.add(own)
        kind = str(product.is_a())
        model.features.append(
            Feature(
                own,
                kind,
                name=sound_text(str(product.Name or "")[:200]),
                domain=_domain(kind),
                attributes=facts.of(product),
            )
        )
        numbers[product.id()] = number
    for product in products:
        above = facts.parents.get(product.id())
        if above in numbers and above != product.id():
            model.features[numbers[product.id()]].parent = model.features[numbers[above]].id
    return numbers


def _domain(kind: str) -> str:
    if kind.startswith(("IfcBridge", "IfcTunnel", "IfcMarine")):
        return "structures"
    return "mobility" if kind.startswith(("IfcRoad", "IfcRail", "IfcTrack")) else "buildings"


class _Shapes:
    """Triangles of all products, one after the other."""

    def __init__(self, model: SourceModel, numbers: dict[int, int], progress: Progress) -> None:
        self._model, self._numbers, self._progress = model, numbers, progress
        self.drawn: set[int] = set()
        self._points: list[Floats] = []
        self._corners: list[Ints] = []
        self._owners: list[tuple[int, int, int]] = []
        self._base = 0
        self._triangles = 0

    def run(self, file: Any, products: Any, cut: bool) -> None:
        """Draw; stops with a warning when the time is over."""
        if not cut:
            self._model.warnings.append(
                "openings were not cut out: with them a shape took too long or ended the reader"
            )
        end = time.monotonic() + SECONDS
        for done, (number, points, faces) in enumerate(_made(file, cut)):
            self._progress(min(done, len(products)), len(products) + 1, "shapes")
            place = self._numbers.get(number)
            if place is not None and len(faces):
                self._take(number, place, points, faces)
            if time.monotonic() > end:
                self._model.warnings.append(
                    f"drawing stopped after {SECONDS / 60:.0f} minutes; the rest has no shape"
                )
                break
        if self._points:
            self._model.faces = self._built()

    def _take(self, number: int, place: int, points: Floats, faces: Ints) -> None:
        good = finite_rows(points)
        faces = faces[good[faces].all(axis=1)]
        self._triangles += len(faces)
        if self._triangles > MAX_TRIANGLES:
            raise Refused("I-502", f"more than {MAX_TRIANGLES:,} triangles")
        if not len(faces):
            return
        word = next(
            (w for k, w in _SURFACES.items() if self._model.features[place].type.startswith(k)),
            "Unknown",
        )
        self._points.append(points)
        self._corners.append(faces + self._base)
        self._owners.append((place, SURFACE_INDEX[word], len(faces)))
        self._base += len(points)
        self.drawn.add(number)

    def _built(self) -> Faces:
        corners = np.concatenate(self._corners)
        count = len(corners)
        owner, surface, sizes = np.array(self._owners, np.int64).T
        return Faces(
            vertices=np.concatenate(self._points),
            corners=corners.reshape(-1),
            starts=np.arange(count + 1, dtype=np.int64) * 3,
            rings_of=np.arange(count + 1, dtype=np.int64),
            owner=np.repeat(owner, sizes),
            surface=np.repeat(surface, sizes).astype(np.uint8),
        )


def _made(file: Any, cut: bool) -> Iterator[tuple[int, Floats, Ints]]:
    """(number of the product, points (n, 3) in metres, triangles (m, 3)), where one can be made."""
    import ifcopenshell.geom

    geometry: Any = ifcopenshell.geom
    settings = geometry.settings()
    settings.set("use-world-coords", True)
    settings.set("no-normals", True)
    settings.set("disable-opening-subtractions", not cut)
    unseen = [kind for kind in (*_UNSEEN, *_CUT) if _known(file, kind)]
    iterator = geometry.iterator(settings, file, 1, exclude=unseen)
    try:
        with _patience():
            going = bool(iterator.initialize())
    except RuntimeError:
        return
    while going:
        shape = iterator.get()
        points = np.array(shape.geometry.verts, float).reshape(-1, 3)
        faces = np.array(shape.geometry.faces, np.int64).reshape(-1, 3)
        yield int(shape.id), points, faces
        with _patience():
            going = bool(iterator.next())


@contextmanager
def _patience() -> Iterator[None]:
    """Let the system end this process when what follows computes for too long.

    A handler would not help: nothing of Python runs while the library is at work.
    """
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.setitimer(signal.ITIMER_VIRTUAL, SHAPE_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)


def _known(file: Any, kind: str) -> bool:
    try:
        file.by_type(kind)
    except RuntimeError:
        return False
    return True


def _without_shape(model: SourceModel, products: Any, drawn: set[int], facts: Facts) -> None:
    """Products that are not drawn lie at their own placement; failed shapes are listed."""
    failed: Counter[str] = Counter()
    with_parts = _with_drawn_parts(products, drawn, facts)
    for number, product in enumerate(products):
        if product.id() in drawn:
            continue
        feature = model.features[number]
        unseen = any(product.is_a(kind) for kind in (*_UNSEEN, *_CUT) if kind)
        if not unseen and _has_body(product):
            failed[feature.type] += 1
            feature.attributes["shape"] = "could not be made"
        if product.id() not in with_parts:
            feature.at = facts.place(product)
    if failed:
        which = ", ".join(f"{kind} {count}" for kind, count in failed.most_common(8))
        model.warnings.append(f"shapes of {failed.total()} products could not be made: {which}")


def _with_drawn_parts(products: Any, drawn: set[int], facts: Facts) -> set[int]:
    """Products that parts of theirs place."""
    found: set[int] = set()
    for number in drawn:
        above = facts.parents.get(number)
        while above is not None and above not in found:
            found.add(above)
            above = facts.parents.get(above)
    return found


def _has_body(product: Any) -> bool:
    shape = product.Representation
    if shape is None:
        return False
    names = {r.RepresentationIdentifier for r in shape.Representations or ()}
    return bool(names & {"Body", "Facetation", "Surface", None})
