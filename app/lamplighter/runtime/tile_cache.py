"""The drawing cache made anew: tiles that are missing are cut again from the kept originals.

A layer keeps how its tiles are named and what its file was read with, so the same tiles come out
and nothing of the city changes; the store is only read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from lamplighter.domain.clock import SystemClock
from lamplighter.domain.findings import Repair
from lamplighter.domain.layers import Layer, LayerContents
from lamplighter.runtime.plugins import LoadedPlugins, load_plugins
from lamplighter.runtime.project import opened
from lamplighter.runtime.reading import HowToRead, Progress, Reading, next_batch
from lamplighter.runtime.resources import own_command
from lamplighter.runtime.sources import kept_source
from lamplighter.store import Store
from lamplighter.workers import WorkerPool


def incomplete(store: Store) -> list[Layer]:
    """Layers of which a tile file is missing."""
    folder = store.folder / "cache" / "tiles"
    try:
        there = {path.name for path in folder.iterdir()}
    except OSError:
        there = set()
    return [one for one in store.layers() if any(t.name not in there for t in one.tiles)]


def rebuild(
    store: Store,
    plugins: LoadedPlugins,
    pool: WorkerPool,
    layers: Iterable[Layer],
    progress: Progress,
) -> list[str]:
    """Cut the tiles of `layers` again; returns a line for each layer that could not be."""
    from lamplighter.spatial import FileWish, known_tiles
    from lamplighter.spatial.scout import FoundFile

    frame, contents = store.frame(), store.layer_contents()
    repairs = store.repairs()
    files: list[FoundFile] = []
    wishes: dict[str, FileWish] = {}
    problems: list[str] = []
    for layer in sorted(layers, key=lambda one: not known_tiles(one)):
        known = contents.get(layer.id, LayerContents())
        path = kept_source(store.folder, layer.content_hash, known.main)
        if path is None or not known.key:
            problems.append(f"{layer.name}: its original is not kept; import it again")
            continue
        size = path.stat().st_size if path.is_file() else 0
        files.append(FoundFile(str(path), size, layer.content_hash))
        wishes[str(path)] = FileWish(
            digest=layer.content_hash,
            key=known.key,
            epsg=_declared(repairs, layer) or known.epsg,
            placement=layer.placement,
            fit=known.fit,
            repairs=tuple(r for r in repairs if r.content_hash == layer.content_hash),
        )
    ground = [tile for layer in store.layers() for tile in known_tiles(layer)]
    reading = Reading(pool, how_to_read(store, plugins))
    total = len(files) * 1000
    queue = list(files)
    while queue:
        begun = len(files) - len(queue)
        batch = reading.start(
            next_batch(queue),
            frame,
            None,
            wishes,
            ground,
            lambda done, _, text, n=begun: progress(n * 1000 + done, total, text),  # type: ignore[misc]
        )
        found, rest, _ = batch.outcome()
        queue[:0] = rest
        problems += [item.report.error for item in found if item.report.error]
        if batch.cancelled:
            break  # cancelled
    return problems


def how_to_read(store: Store, plugins: LoadedPlugins) -> HowToRead:
    """What holds for reading kept originals again."""
    importers = plugins.importers()
    return HowToRead(
        tiles_folder=(store.folder / "cache" / "tiles").resolve(),
        importers=tuple(sorted(set(importers.values()))),
        endings=tuple(importers),
        roots=(str(store.folder / "media" / "sources"),),
    )


def _declared(repairs: list[Repair], layer: Layer) -> int:
    """The coordinate system a repair declares for the layer's content; 0 for none."""
    for one in repairs:
        if one.action == "crs" and one.content_hash == layer.content_hash:
            return int(one.value.removeprefix("EPSG:"))
    return 0


def ensure_tiles(project: Path, say: Callable[[str], None]) -> None:
    """Make what is missing before somebody draws; says what it does and what it could not."""
    with opened(project) as store:
        missing = incomplete(store)
        if not missing:
            return
        say(f"the drawing cache is made anew for {len(missing)} layers")
        (store.folder / "cache" / "tiles").mkdir(parents=True, exist_ok=True)
        pool = WorkerPool(own_command(), store.folder / "cache", SystemClock())
        try:
            problems = rebuild(store, load_plugins(), pool, missing, lambda *step: None)
        finally:
            pool.stop()
    for text in problems:
        say(text)
