"""A register of assets, connections and datastreams in the columns of its owner.

A mapping says which column is what; a table or any vector file the program reads may be a
register. A row can be an asset, a connection, a datastream, or several of these at once.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from lamplighter.domain.city import EDGE_KINDS, Edge
from lamplighter.domain.importing import ImportedFile, RegisterMapping, Unplaced
from lamplighter.spatial import tables
from lamplighter.spatial.formats import recognise
from lamplighter.spatial.model import Feature, Refused, SourceModel
from lamplighter.spatial.network import Importers
from lamplighter.spatial.tables import Rows

SPOT: Final = "\x1fspot"
"""type of the features that only stand for the position of a datastream"""
Progress = Callable[[int, int, str], None]


def read_register(
    path: Path,
    mapping: RegisterMapping,
    importers: Importers,
    progress: Progress,
    scratch: Path,
) -> SourceModel:
    """The register as a model; raises `Refused` when it holds nothing of a register."""
    _check(mapping)
    if path.suffix.lower() in (".csv", ".tsv", ".txt"):
        columns, rows, warnings = tables.table_rows(path.read_bytes())
        base = None
    else:
        base = recognise(path, importers, progress, scratch)
        columns, rows, warnings = _rows_of(base)
    _check_columns(mapping, columns)
    rows = [(line, _ours(row, mapping)) for line, row in rows]
    model = _read(rows, mapping, columns)
    if base is not None:
        _placed_as(model, base)
    model.warnings = [*warnings, *model.warnings]
    model.kind = "table"
    return model


def take_spots(imported: ImportedFile) -> None:
    """Take the positions of datastreams out of the assets, where they were placed with them."""
    for asset in imported.assets:
        if asset.type == SPOT and asset.x is not None and asset.y is not None:
            imported.spots[asset.id.removeprefix(SPOT)] = (asset.x, asset.y)
    imported.assets = [a for a in imported.assets if a.type != SPOT]
    report = imported.report
    report.unplaced = [u for u in report.unplaced if not u.id.startswith(SPOT)]
    report.placed = sum(a.lon is not None for a in imported.assets)


def _check(mapping: RegisterMapping) -> None:
    unknown = set(mapping.connections) - set(EDGE_KINDS)
    if unknown:
        raise Refused("I-504", f"'{min(unknown)}' is no kind of connection")


def _check_columns(mapping: RegisterMapping, columns: list[str]) -> None:
    known = {column.lower() for column in columns}
    for column in (*mapping.columns.values(), *mapping.connections.values()):
        if column.lower() not in known:
            there = ", ".join(columns[:10])
            raise Refused("I-504", f"no column is called '{column}' (there are: {there})")


def _ours(row: dict[str, str], mapping: RegisterMapping) -> dict[str, str]:
    """The row with our names for its columns and words; the others stay as they are."""
    taken = {theirs.lower(): ours for ours, theirs in mapping.columns.items()}
    found = {key: value for key, value in row.items() if key not in taken}
    for ours, theirs in mapping.columns.items():  # one column may stand for several
        found[ours] = row.get(theirs.lower(), "")
    for ours, words in mapping.values.items():
        if ours in found:
            found[ours] = words.get(found[ours], found[ours])
    for ours, value in mapping.constants.items():
        found.setdefault(ours, value)
        found[ours] = found[ours] or value
    return found


def _rows_of(base: SourceModel) -> tuple[list[str], Rows, list[str]]:
    """The features of a vector file as rows; columns in lower case."""
    rows: Rows = []
    columns: dict[str, None] = {}
    for number, feature in enumerate(base.features, 1):
        row = {"id": feature.id, "type": feature.type, "name": feature.name}
        row |= {k.lower(): "" if v is None else str(v) for k, v in feature.attributes.items()}
        columns |= dict.fromkeys(row)
        row["\x1ffeature"] = str(number - 1)
        rows.append((number, row))
    return list(columns), rows, list(base.warnings)


def _read(rows: Rows, mapping: RegisterMapping, columns: list[str]) -> SourceModel:
    names = {*columns, *mapping.columns, *mapping.constants}
    model = SourceModel("register")
    if {"source", "kind", "target"} <= names and "id" not in mapping.columns:
        return tables.connection_rows(rows)
    if {"id", "type"} <= names:
        model = tables.asset_rows([r for r in rows if r[1].get("id") or not r[1].get("datastream")])
        _connect(model, rows, mapping)
    if {"source", "datastream"} <= names:
        _bind(model, [r for r in rows if r[1].get("datastream")])
    if not (model.features or model.datastreams or model.edges or model.refused):
        raise Refused(
            "I-504",
            "a register has columns id and type, or source and datastream, or source, kind and "
            f"target, by themselves or by the mapping (there are: {', '.join(columns[:10])})",
        )
    model.format = "register"
    return model


def _connect(model: SourceModel, rows: Rows, mapping: RegisterMapping) -> None:
    for kind, column in mapping.connections.items():
        for line, row in rows:
            begin, end = row.get(column.lower(), ""), row.get("id", "")
            if begin and end and begin != end:
                model.edges.append(Edge(begin, kind, end, "project"))
            elif begin and begin == end:
                model.refused.append(Unplaced(end, f"line {line}: connected with itself"))
    if model.edges:
        model.counts["connection"] = len(model.edges)


def _bind(model: SourceModel, rows: Rows) -> None:
    """Datastreams; one without an asset keeps the position of its row."""
    register = bool(model.features)
    for _, row in rows:
        if register and not row.get("asset"):
            row["asset"] = row.get("id", "")
    found = tables.binding_rows(rows)
    model.datastreams, model.counts = found.datastreams, model.counts | found.counts
    model.refused += found.refused
    loose = {d.key for d in found.datastreams if not d.asset}
    for _, row in rows:
        key = f"{row.get('source', '')}/{row['datastream']}"
        if key in loose:
            spot = {"id": SPOT + key, "type": SPOT}
            spot |= {k: row[k] for k in ("lon", "lat", "x", "y", "z") if row.get(k)}
            places = tables.asset_rows([(0, spot | {"\x1ffeature": row.get("\x1ffeature", "")})])
            model.features += places.features
            loose.discard(key)


def _placed_as(model: SourceModel, base: SourceModel) -> None:
    """Every feature lies where the feature of its row lies; areas are given by their middle."""
    model.crs_text, model.assumed_crs = base.crs_text, base.assumed_crs
    middles = _middles(base)
    for feature in model.features:
        number = feature.attributes.pop("\x1ffeature", None)
        if not isinstance(number, int):
            continue
        source: Feature = base.features[number]
        feature.at, feature.flat = source.at or middles.get(number), source.flat
        if feature.type != SPOT:
            feature.path, feature.more = source.path, source.more


def _middles(base: SourceModel) -> dict[int, tuple[float, float, float]]:
    faces = base.faces
    if faces is None or not faces.count:
        return {}
    lengths = np.add.reduceat(np.diff(faces.starts), faces.rings_of[:-1])
    owner = np.repeat(faces.owner, lengths)
    spots = faces.vertices[faces.corners]
    count = np.bincount(owner, minlength=len(base.features))
    sums = [np.bincount(owner, spots[:, k], len(base.features)) for k in range(3)]
    return {
        number: (sums[0][number] / n, sums[1][number] / n, sums[2][number] / n)
        for number, n in enumerate(count.tolist())
        if n
    }
