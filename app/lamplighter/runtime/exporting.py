"""The city and its history out of the project, in open formats and with their licences.

The worker writes into the cache, the only place where it may; the finished files are moved to
where they are wanted, so that a cancelled or failed export leaves nothing half.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

import msgspec

from lamplighter.domain.clock import SystemClock
from lamplighter.domain.layers import LayerContents
from lamplighter.domain.problems import LamplighterError, Problem, fault
from lamplighter.runtime.plugins import LoadedPlugins, load_plugins
from lamplighter.runtime.project import CSV_HEAD, opened, span
from lamplighter.runtime.resources import own_command
from lamplighter.runtime.sources import kept_source
from lamplighter.store import Store
from lamplighter.workers import WorkerPool

TASK: Final = "lamplighter.spatial.exporting.task:export_city"
TIMEOUT_S: Final = 1_800.0
MEMORY_MB: Final = 8_192
ROWS: Final = 200_000
Progress = Callable[[int, int, str], None]


class Exporter:
    """Writes one export of an open store; `start` returns at once."""

    def __init__(self, store: Store, plugins: LoadedPlugins, pool: WorkerPool) -> None:
        self._store, self._plugins, self._pool = store, plugins, pool

    def start(
        self,
        format: str,
        out: Path,
        *,
        progress: Progress = lambda done, total, text: None,
        on_end: Callable[[dict[str, Any] | Problem], None],
    ) -> int:
        """Begin; `on_end` gets the result or a `Problem`, once, on another thread.

        Returns the number of the worker's task. Raises LamplighterError (U-804) for a target
        that cannot be written.
        """
        from lamplighter.spatial.exporting.sources import ExportAnswer

        out = out.expanduser().resolve()
        if out.is_dir() or not out.parent.is_dir():
            what = f"{out} cannot be written (it is a folder, or its folder is missing)"
            raise fault("U-804", name="Export", what=what)
        if not self._store.assets():
            raise fault("U-804", name="Export", what="the city is empty; import something first")
        desk = self._store.folder / "cache" / "exports" / secrets.token_hex(6)
        desk.mkdir(parents=True)
        order, reads = self._order(format, out, desk)

        def end(value: Any) -> None:
            try:
                on_end(value if isinstance(value, Problem) else _delivered(value, desk, out))
            except OSError as error:
                what = error.strerror or str(error)
                on_end(
                    fault("U-804", name="Export", what=f"{out} cannot be written ({what})").problem
                )
            finally:
                shutil.rmtree(desk, ignore_errors=True)

        return self._pool.submit(
            TASK,
            order,
            name=f"Export {out.name}",
            timeout_s=TIMEOUT_S,
            on_progress=progress,
            on_end=end,
            result=ExportAnswer,
            reads=reads,
            memory_mb=MEMORY_MB,
            code="U-804",
        )

    def _order(self, format: str, out: Path, desk: Path) -> tuple[Any, list[Path | str]]:
        from lamplighter.spatial.exporting.sources import CityFacts, ExportOrder, KeptLayer

        store = self._store
        kept, contents = [], store.layer_contents()
        for layer in store.layers():
            known = contents.get(layer.id, LayerContents())
            path = kept_source(store.folder, layer.content_hash, known.main)
            kept.append(KeptLayer(layer, str(path) if path else ""))
        facts = CityFacts(store.frame(), store.assets(), store.edges(), store.datastreams(), kept)
        city = desk / "city.msgpack"
        city.write_bytes(msgspec.msgpack.encode(facts))
        importers = sorted(set(self._plugins.importers().values()))
        tiles = store.folder / "cache" / "tiles"
        scratch = desk / "scratch"
        scratch.mkdir()
        target = desk / "out"
        target.mkdir()
        order = ExportOrder(
            format=format,
            out=str(target / out.name),
            project=store.name,
            city=str(city),
            tiles_folder=str(tiles),
            scratch=str(scratch),
            importers=tuple(str(i) for i in importers),
        )
        return order, [store.folder / "media", *importers]


def _delivered(answer: Any, desk: Path, out: Path) -> dict[str, Any]:
    """Move what was written beside each other to its place; raises OSError."""
    for file in sorted(p for p in (desk / "out").rglob("*") if p.is_file()):
        target = out.parent / file.relative_to(desk / "out")
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        shutil.move(file, part)
        part.replace(target)
    return {
        "out": str(out),
        "objects": answer.objects,
        "licence": answer.licence,
        "warnings": list(answer.warnings),
    }


def export_city(
    project: Path, format: str, out: Path, *, say: Callable[[str], None]
) -> dict[str, Any]:
    """Write the city; the result as `export --json` prints it. Raises LamplighterError."""
    with opened(project) as store:
        pool = WorkerPool(own_command(), store.folder / "cache", SystemClock())
        done: Future[dict[str, Any] | Problem] = Future()
        try:
            Exporter(store, load_plugins(), pool).start(
                format,
                out,
                progress=lambda at, total, text: say(f"{at + 1} of {total}: {text}"),
                on_end=done.set_result,
            )
            result = done.result()
        finally:
            pool.stop()
    if isinstance(result, Problem):
        raise LamplighterError(result)
    return result


def export_history(project: Path, out: Path, *, from_: str = "", to: str = "") -> dict[str, Any]:
    """Every stored observation of the span as one Parquet file, read and written in pieces."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError as error:
        what = f"the library {error.name} is not installed"
        raise fault("U-804", name="Export to parquet", what=what) from error
    start, end = span(from_, to, "export")
    kinds = dict.fromkeys(CSV_HEAD, pa.int64())
    kinds |= dict.fromkeys(("source", "datastream", "quality", "state"), pa.string())
    schema = pa.schema({**kinds, "value": pa.float64()})
    count = 0
    part = out.with_name(out.name + ".part")
    damaged: LamplighterError | None = None
    try:
        with opened(project) as store, pq.ParquetWriter(part, schema, compression="zstd") as writer:
            rows: list[tuple[Any, ...]] = []
            try:
                for row in store.export_rows(start, end):
                    rows.append(_with_state(row))
                    if len(rows) >= ROWS:
                        count += _write_rows(writer, schema, rows)
                        rows = []
            except LamplighterError as error:  # told at the end: what could be read is there
                damaged = error
            count += _write_rows(writer, schema, rows)
        part.replace(out)
    except OSError as error:
        raise fault("U-813", name=str(out), what=error.strerror or str(error)) from error
    finally:
        with contextlib.suppress(OSError):  # a folder that is none: that is what is told
            part.unlink(missing_ok=True)
    if damaged is not None:
        raise damaged
    return {"out": str(out), "objects": count, "licence": ""}


def _write_rows(writer: Any, schema: Any, rows: list[tuple[Any, ...]]) -> int:
    import pyarrow as pa

    if rows:
        columns = [
            pa.array([row[place] for row in rows], type=field.type)
            for place, field in enumerate(schema)
        ]
        writer.write_table(pa.table(columns, schema=schema))
    return len(rows)


def _with_state(row: Sequence[Any]) -> tuple[Any, ...]:
    """The CSV's columns, a number in `value` and a word in `state`."""
    cells = list(row)
    place = CSV_HEAD.index("value")
    value = cells[place]
    word = isinstance(value, str)
    cells[place] = None if word or value is None else float(value)
    return (*cells, value if word else None)
