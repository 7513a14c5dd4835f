"""What is written out: the imported files read again, moved into the project's system.

Tiles are triangles in 32 bits for drawing; an export is made from the kept originals instead, so
that polygons, levels of detail and semantics come out as they came in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from msgspec import Struct

from lamplighter.domain.city import Asset, Datastream, Edge, Frame
from lamplighter.domain.layers import Layer
from lamplighter.spatial import crs
from lamplighter.spatial.extents import anchors_of
from lamplighter.spatial.formats import recognise
from lamplighter.spatial.model import Floats, Refused, SourceModel
from lamplighter.spatial.network import Importers
from lamplighter.spatial.placement import from_numbers

Progress = Callable[[int, int, str], None]


class KeptLayer(Struct, frozen=True):
    """A layer and where its original lies; an empty path when it was not kept."""

    layer: Layer
    path: str = ""


class ExportOrder(Struct, frozen=True):
    """What the worker is asked to write; all paths absolute."""

    format: str
    """cityjson | geopackage | gltf | csv | parquet"""
    out: str
    project: str
    """name of the project, for titles"""
    city: str
    """file with the msgpack of `CityFacts`"""
    tiles_folder: str
    scratch: str
    importers: tuple[str, ...] = ()


class CityFacts(Struct):
    """The city as the store has it."""

    frame: Frame | None
    assets: list[Asset]
    edges: list[Edge]
    datastreams: list[Datastream]
    layers: list[KeptLayer]


class ExportAnswer(Struct, frozen=True):
    """What was written; `licence` holds the licences and attributions of what is in it."""

    out: str
    objects: int
    licence: str
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class Moved:
    """One layer read again; `vertices` (n, 3) of its faces in the project's system, metres."""

    layer: Layer
    model: SourceModel
    vertices: Floats
    path: Path
    same_system: bool
    """the file's own coordinates are already those of the project"""
    move: Callable[[Floats], Floats]
    """from the file's coordinates (n, 3) to the project's"""


@dataclass(slots=True)
class Collected:
    """Everything an export needs."""

    facts: CityFacts
    moved: list[Moved] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def frame(self) -> Frame:
        return self.facts.frame or Frame(4326, 0.0, 0.0)

    def licence(self) -> str:
        """One line for every layer that states where it comes from."""
        lines = []
        for kept in self.facts.layers:
            layer = kept.layer
            words = [w for w in (layer.licence, layer.attribution, layer.date) if w]
            stated = "; ".join(words) or "no licence stated in the file: ask its owner"
            lines.append(f"{Path(layer.source_file).name or layer.name}: {stated}")
        return "\n".join(lines)


def collect(
    facts: CityFacts,
    kinds: tuple[str, ...],
    scratch: Path,
    importers: Importers,
    progress: Progress,
) -> Collected:
    """Read the kept originals of all layers of `kinds`; what cannot be read is a warning."""
    found = Collected(facts)
    chosen = [kept for kept in facts.layers if kept.layer.kind in kinds]
    for place, kept in enumerate(chosen):
        progress(place, len(chosen) + 1, kept.layer.name)
        if not kept.path:
            found.warnings.append(
                f"the original of layer {kept.layer.name} is not kept; its polygons are left out"
            )
            continue
        try:
            model = recognise(Path(kept.path), importers, lambda *_: None, scratch)
            if model.faces is not None and model.faces.count:
                found.moved.append(_moved(kept, model, facts.frame))
            if model.meshes or model.clouds:
                found.warnings.append(
                    f"layer {kept.layer.name} is a mesh or a cloud; its place alone is written "
                    "here, its triangles are in an export to glTF"
                )
        except Refused as refused:
            found.warnings.append(f"layer {kept.layer.name} cannot be read: {refused.what}")
    return found


def _moved(kept: KeptLayer, model: SourceModel, frame: Frame | None) -> Moved:
    assert model.faces is not None
    points = model.faces.vertices
    placement = from_numbers(kept.layer.placement) or model.placement
    if placement is not None and frame is not None:
        lies, by_points = crs.Place(placement.epsg, "", False, ""), placement

        def carry(rows: Floats) -> Floats:
            return moved_points(by_points.moved(rows), lies, frame)

        return Moved(kept.layer, model, carry(points), Path(kept.path), False, carry)
    place = _place(kept.layer, model, frame)
    same = place is None or frame is None or (place.epsg == frame.epsg and not place.swap)

    def move(rows: Floats) -> Floats:
        if same or place is None or frame is None:
            return rows
        return moved_points(rows, place, frame)

    return Moved(kept.layer, model, move(points), Path(kept.path), same, move)


def _place(layer: Layer, model: SourceModel, frame: Frame | None) -> crs.Place | None:
    """The system and axis order that the import had decided on."""
    anchors = anchors_of(model)
    anchors = anchors[np.isfinite(anchors).all(axis=1)]
    if not len(anchors):
        return None
    number = layer.crs.upper().removeprefix("EPSG:")
    override = int(number) if number.isdigit() else None
    place = crs.decide(model.crs_text, anchors, frame, override, model.assumed_crs)
    if isinstance(place, str):
        raise Refused("I-506", place)
    return place


def moved_points(points: Floats, place: crs.Place, frame: Frame) -> Floats:
    """Points (n, 3) of a file in the project's projected system, metres; not shifted."""
    x, y = (points[:, 1], points[:, 0]) if place.swap else (points[:, 0], points[:, 1])
    east, north = crs.move(place.epsg, frame.epsg, x, y)
    known = crs.system(place.epsg)
    up = known.up_metres if known is not None else 1.0
    return np.stack([east, north, points[:, 2] * up], axis=1)
