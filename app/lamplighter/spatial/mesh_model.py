"""From tile contents to one source model: objects by their ids, triangles owned by them.

An object that several tiles show is one object. What has no id belongs to the mesh as a whole.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import msgspec
import numpy as np

from lamplighter.domain.city import Attribute
from lamplighter.domain.importing import Unplaced
from lamplighter.spatial import earth
from lamplighter.spatial.batch_table import Table, id_of, parent_of, type_of
from lamplighter.spatial.gltf_scene import MAX_TRIANGLES, Piece
from lamplighter.spatial.kinds import domain_of
from lamplighter.spatial.model import Cloud, Feature, Floats, Ints, MeshPart, Refused, SourceModel
from lamplighter.spatial.tile_content import MAX_POINTS, Content
from lamplighter.spatial.tile_heights import settle_heights

_GREY: Final = 190
_SPLIT: Final = 500
"""clouds are cut by object up to this many objects"""
MAX_FEATURES: Final = 1_000_000


class MeshModel:
    """Collects the contents of one file; `finish` decides whether they are earth-centred."""

    def __init__(self, model: SourceModel, name: str) -> None:
        self.model, self.name = model, name
        self.skipped: Counter[str] = Counter()
        self._numbers: dict[str, int] = {}
        self._whole = -1
        self._triangles = self._points = self._astray = 0

    def take(
        self, content: Content, matrix: Floats, where: str, facts: dict[str, Any] | None = None
    ) -> None:
        """Add a content that lies at `matrix` (4, 4); `where` tells it from others.

        `facts` are attributes of the tile, which then is an object of its own.
        """
        self.skipped.update(content.skipped)
        numbers = [self._features(table, where) for table in content.tables]
        fallback = -1
        if facts:
            fallback = self.feature(f"{self.name}/{where}", "Mesh", "", facts)
        for piece in content.pieces:
            points = piece.points @ matrix[:3, :3].T + matrix[:3, 3]
            known = numbers[piece.table] if 0 <= piece.table < len(numbers) else None
            if piece.triangles is None:
                self._cloud(piece, points, known, fallback)
            else:
                self._mesh(piece, points, known, fallback, np.linalg.det(matrix[:3, :3]) < 0)

    def feature(
        self, key: str, kind: str, parent: str, facts: dict[str, Any], name: str = ""
    ) -> int:
        """The number of the object with this id, made when it is new."""
        number = self._numbers.get(key)
        plain = {str(k): _plain(v) for k, v in facts.items() if v is not None and v != ""}
        if number is not None:
            held = self.model.features[number].attributes
            held.update({k: v for k, v in plain.items() if k not in held})
            return number
        number = self._numbers[key] = len(self.model.features)
        if number >= MAX_FEATURES:
            raise Refused("I-502", f"more than {MAX_FEATURES} objects")
        self.model.features.append(
            Feature(key, kind, name, domain_of(kind), parent if parent != key else "", plain)
        )
        return number

    def finish(self) -> SourceModel:
        """The model with its counts, warnings and what is known of its place."""
        model = self.model
        model.counts = dict(Counter(feature.type for feature in model.features))
        if self._triangles:
            model.counts["triangles"] = self._triangles
        if self._points:
            model.counts["points"] = self._points
        for what, count in sorted(self.skipped.items()):
            model.warnings.append(f"not taken: {count} {what}")
        if self._astray:
            model.warnings.append(
                f"{self._astray} triangles name objects that no table lists; "
                "they belong to the mesh"
            )
        if model.clouds and not model.meshes:
            model.kind = "cloud"
        model.unit_metres = 1.0
        self._settle_place()
        return model

    def _features(self, table: Table, where: str) -> Ints:
        """The object number of every row; -1 where a table says nothing of the row."""
        rows = [table.row(number) for number in range(table.count)]
        names = [id_of(row) for row in rows]
        given = [name for name in names if name and not _is_number(name)]
        own = len(set(given)) == len(given)
        numbers = np.zeros(len(rows), np.int64)
        for place, (row, name) in enumerate(zip(rows, names, strict=True)):
            key = name
            if not own or not name or _is_number(name):
                key = f"{self.name}/{where}#{name if own and name else place}"
            kind = type_of(row, table.kind)
            parent = parent_of(row) if kind == "BoundarySurface" else ""
            numbers[place] = self.feature(key, kind, parent, row, str(row.get("gml_name", "")))
        return numbers

    def _owner(self) -> int:
        if self._whole < 0:
            self._whole = self.feature(self.name, "Mesh", "", {}, self.name)
        return self._whole

    def _mesh(
        self, piece: Piece, points: Floats, known: Ints | None, fallback: int, mirrored: bool
    ) -> None:
        assert piece.triangles is not None
        triangles = piece.triangles[:, ::-1] if mirrored else piece.triangles
        self._triangles += len(triangles)
        if self._triangles > MAX_TRIANGLES:
            raise Refused("I-502", f"more than {MAX_TRIANGLES // 1_000_000} million triangles")
        part = MeshPart(points, triangles, uv=piece.uv, colours=piece.colours, image=piece.image)
        if known is None or piece.ids is None:
            part.owner = fallback if fallback >= 0 else self._owner()
        else:
            ids = piece.ids[triangles[:, 0]]
            listed = (ids >= 0) & (ids < len(known))
            owners = np.full(len(ids), -1, np.int64)
            owners[listed] = known[ids[listed]]
            if not listed.all():
                self._astray += int((ids >= len(known)).sum())
                owners[~listed] = fallback if fallback >= 0 else self._owner()
            part.owners = owners
        self.model.meshes.append(part)

    def _cloud(self, piece: Piece, points: Floats, known: Ints | None, fallback: int) -> None:
        self._points += len(points)
        if self._points > MAX_POINTS:
            raise Refused("I-502", f"more than {MAX_POINTS // 1_000_000} million points")
        colours = piece.colours
        if colours is None:
            colours = np.full((len(points), 3), _GREY, np.uint8)
        ids = piece.ids
        if known is not None and ids is not None and 0 < len(known) <= _SPLIT:
            rest = np.ones(len(points), bool)
            for number in np.unique(ids[(ids >= 0) & (ids < len(known))]).tolist():
                rows = ids == number
                self.model.clouds.append(Cloud(points[rows], colours[rows], int(known[number])))
                rest &= ~rows
            points, colours = points[rest], colours[rest]
        if len(points):
            owner = fallback if fallback >= 0 else self._owner()
            self.model.clouds.append(Cloud(points, colours, owner))

    def _settle_place(self) -> None:
        """Degrees for what lies on the ground of the Earth; all else keeps its own numbers."""
        model = self.model
        parts: list[MeshPart | Cloud] = [*model.meshes, *model.clouds]
        middles = np.array([_middle(part.points) for part in parts]).reshape(-1, 3)
        ground = earth.on_ground(middles)
        if not len(parts) or 2 * int(ground.sum()) < len(parts):
            if len(parts) and float(np.median(np.linalg.norm(middles, axis=1))) < 100_000.0:
                model.evidence = "its coordinates are its own, near 0, 0, 0"
            return
        for part in parts:
            part.points = earth.degrees(part.points)
        lost = int((~ground).sum())
        if lost:
            model.warnings.append(f"{lost} of {len(parts)} pieces do not lie on the ground")
        model.assumed_crs, model.fixed_crs, model.heights_in_metres = earth.DEGREES, True, True
        model.evidence = (
            f"earth-centred coordinates (EPSG:{earth.CENTRED}) on the ground; "
            + settle_heights(model)
        )


def refuse_part(model: SourceModel, name: str, reason: str) -> None:
    """List a part of the file that was not taken."""
    model.refused.append(Unplaced(name[:200], reason))


def _middle(points: Floats) -> Floats:
    good = points[np.isfinite(points).all(axis=1)]
    if not len(good):
        return np.full(3, np.nan)
    middle: Floats = (good.min(axis=0) + good.max(axis=0)) / 2.0
    return middle


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).lstrip("-").isdigit()


def _plain(value: Any) -> Attribute:
    if isinstance(value, bool | int | float | str):
        return value
    try:
        return msgspec.json.encode(value).decode()[:2000]
    except (TypeError, msgspec.MsgspecError):
        return str(value)[:2000]
