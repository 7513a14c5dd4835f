"""Imports many files into one project: one frame, neighbours help each other, no id is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from lamplighter.domain.city import Asset, Edge, Frame
from lamplighter.domain.importing import ImportedFile
from lamplighter.spatial.control_points import NO_POINTS, PointsOrder
from lamplighter.spatial.network import Importer
from lamplighter.spatial.reader import Box, Progress, choose_frame, expand, read_file


def import_paths(
    paths: list[Path],
    *,
    project_frame: Frame | None,
    tiles_folder: Path,
    epsg_override: int | None = None,
    importers: Mapping[str, Importer] | None = None,
    fit: bool = False,
    points: PointsOrder = NO_POINTS,
    city_box: Box | None = None,
    known: Mapping[str, str] | None = None,
    progress: Progress = lambda done, total, text: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[list[ImportedFile], Frame | None]:
    """All files of `paths` (folders recursively) in one frame, and that frame.

    The first file that says where it lies founds a new project's frame; files without a
    coordinate system come after it and are compared with it. `fit` scales networks without a
    place into the city (`city_box` in local metres, or what this import placed). `known` maps
    asset ids of the project to the file they came from: a network that reuses another file's
    ids gets its own name in front of them, and an object without a place never replaces one
    that has one.
    """
    readers = importers or {}
    files = expand(paths, tuple(readers))
    frame = project_frame
    done: dict[int, ImportedFile] = {}

    def read(place: int, box: Box | None) -> ImportedFile:
        path = files[place]
        return read_file(
            path,
            project_frame=frame,
            epsg_override=epsg_override,
            tiles_folder=tiles_folder,
            progress=lambda n, of, text: progress(
                place * 1000 + (1000 * n // of if of else 0), len(files) * 1000, path.name
            ),
            cancelled=cancelled,
            importers=readers,
            fit=box,
            points=points,
        )

    later: list[int] = []
    for place in range(len(files)):
        found = read(place, None)
        done[place] = found
        if frame is None:
            frame = choose_frame([found])
        if found.report.error is None and found.assets and not found.report.placed:
            later.append(place)
    if frame is not None:
        box = (city_box or _box(list(done.values()))) if fit else None
        for place in later:
            done[place] = read(place, box)
    imported = [done[place] for place in range(len(files))]
    _settle_ids(imported, dict(known or {}))
    return imported, frame


def _box(imported: list[ImportedFile]) -> Box | None:
    """The extent of everything placed so far, local metres."""
    spots = [(a.x, a.y) for item in imported for a in item.assets if a.x is not None]
    if len(spots) < 2:
        return None
    east = [x for x, _ in spots if x is not None]
    north = [y for _, y in spots if y is not None]
    return (min(east), min(north), max(east), max(north))


def _settle_ids(imported: list[ImportedFile], known: dict[str, str]) -> None:
    """Make sure that no file silently replaces what another file states."""
    placed = {a.id for item in imported for a in item.assets if a.x is not None}
    for item in imported:
        if not item.assets:
            continue
        source = item.assets[0].source_file
        taken = {a.id for a in item.assets if known.get(a.id, source) != source}
        if taken and item.report.format == "EPANET INP":
            _rename(item, Path(source).stem, len(taken))
        elif taken:
            item.report.warnings.append(f"{len(taken)} objects are also described by another file")
        kept = [a for a in item.assets if a.x is not None or a.id not in placed]
        if len(kept) < len(item.assets):
            item.report.warnings.append(
                f"{len(item.assets) - len(kept)} objects without a place are placed by another "
                "file; that one counts"
            )
            item.assets = kept
        known.update((a.id, a.source_file) for a in item.assets)


def _rename(item: ImportedFile, stem: str, count: int) -> None:
    """Put the network's name before all its ids: `10` becomes `Net1/10`."""

    def new(name: str) -> str:
        return f"{stem}/{name}"

    def asset(old: Asset) -> Asset:
        parent = new(old.parent) if old.parent else ""
        return msgspec.structs.replace(old, id=new(old.id), parent=parent)

    def edge(old: Edge) -> Edge:
        return msgspec.structs.replace(old, source=new(old.source), target=new(old.target))

    item.assets = [asset(a) for a in item.assets]
    item.edges = [edge(e) for e in item.edges]
    item.report.unplaced = [msgspec.structs.replace(u, id=new(u.id)) for u in item.report.unplaced]
    item.report.warnings.append(
        f"{count} ids are also used by another file; all ids of this network begin with '{stem}/'"
    )
