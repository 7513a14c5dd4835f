"""Many files into one frame without a recorder, for tests of the readers and of what they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from lamplighter.domain.city import Frame
from lamplighter.domain.importing import ImportedFile
from lamplighter.spatial.control_points import NO_POINTS, PointsOrder
from lamplighter.spatial.ground import known_tiles
from lamplighter.spatial.network import Importers
from lamplighter.spatial.reader import Box, Progress, choose_frame, expand, read_file
from lamplighter.spatial.settle import settle


def import_paths(
    paths: list[Path],
    *,
    project_frame: Frame | None,
    tiles_folder: Path,
    epsg_override: int | None = None,
    importers: Importers | None = None,
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
            ground=tuple(t for item in done.values() for t in known_tiles(item.layer)),
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
    owner = dict(known or {})
    placed = {a.id for item in imported for a in item.assets if a.x is not None}
    for item in imported:
        source = Path(item.report.file).name
        settle(item, Path(source).stem, {i for i, s in owner.items() if s != source}, placed)
        owner.update((a.id, source) for a in item.assets)
    return imported, frame


def _box(imported: list[ImportedFile]) -> Box | None:
    """The extent of everything placed so far, local metres."""
    spots = [(a.x, a.y) for item in imported for a in item.assets if a.x is not None]
    if len(spots) < 2:
        return None
    east = [x for x, _ in spots if x is not None]
    north = [y for _, y in spots if y is not None]
    return (min(east), min(north), max(east), max(north))
