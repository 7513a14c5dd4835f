"""The export as a task of a worker process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from lamplighter.domain.problems import fault
from lamplighter.spatial.exporting.sources import (
    CityFacts,
    Collected,
    ExportAnswer,
    ExportOrder,
    collect,
)
from lamplighter.spatial.network import load_importers


def export_city(order: ExportOrder, progress: Callable[[int, int, str], None]) -> ExportAnswer:
    """Write the file; what cannot be taken along is in `warnings`.

    Raises LamplighterError (I-507) when the target cannot be written, and (U-804) for a library
    that is not installed.
    """
    facts = msgspec.msgpack.decode(Path(order.city).read_bytes(), type=CityFacts)
    out = Path(order.out)
    try:
        found, objects = _write(order, facts, out, progress)
        licence = found.licence()
        if licence:
            out.with_name(out.name + ".licence.txt").write_text(licence + "\n", encoding="utf-8")
    except OSError as error:
        raise fault("I-507", name=out.name, what=error.strerror or str(error)) from error
    except ModuleNotFoundError as error:
        what = f"the library {error.name} is not installed"
        raise fault("U-804", name=f"Export to {order.format}", what=what) from error
    return ExportAnswer(str(out), objects, licence, tuple(found.warnings))


def _write(
    order: ExportOrder, facts: CityFacts, out: Path, progress: Callable[[int, int, str], None]
) -> tuple[Collected, int]:
    scratch = Path(order.scratch)
    importers = load_importers([Path(path) for path in order.importers])

    def collected(*kinds: str) -> Collected:
        return collect(facts, kinds, scratch, importers, progress)

    from lamplighter.spatial.exporting import cityjson

    if order.format == "cityjson":
        found = collected(*cityjson.KINDS)
        objects = cityjson.write(found, out, order.project)
        cityjson.copy_textures(found, out)
        return found, objects
    if order.format == "geopackage":
        from lamplighter.spatial.exporting import geopackage

        found = collected(*cityjson.KINDS)
        return found, geopackage.write(found, out)
    if order.format == "gltf":
        from lamplighter.spatial.exporting import gltf

        found = collected()
        folder = Path(order.tiles_folder)
        tiles = [folder / t.name for kept in facts.layers for t in kept.layer.finest]
        return found, gltf.write(found, tiles, out)
    from lamplighter.spatial.exporting import tables

    found = collected()
    write = tables.write_parquet if order.format == "parquet" else tables.write_csv
    return found, write(found, out)
