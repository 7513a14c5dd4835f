"""From a file's own coordinates to assets and tiles in the project's frame.

One way for all formats: decide where the file lies, move all coordinates at once, triangulate,
cut into tiles, and give every asset its position in degrees and in local metres.
"""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from lamplighter.domain.importing import FileReport, ImportedFile, Unplaced
from lamplighter.domain.problems import problem
from lamplighter.spatial import crs
from lamplighter.spatial.columns import choose_columns
from lamplighter.spatial.control_points import apply_points
from lamplighter.spatial.extents import anchors_of, finite
from lamplighter.spatial.model import Floats, SourceModel
from lamplighter.spatial.placement import Placement
from lamplighter.spatial.placing import Order, Placing, Progress, asset_of, layer_of


def assemble(
    model: SourceModel, path: Path, order: Order, key: str, progress: Progress
) -> ImportedFile:
    """Assets, edges and tiles of one file. Without `order.frame` the file founds its own.

    Never raises for what a file says: what has no place is listed as unplaced with its reason.
    """
    by_points = apply_points(model, order.points, order.frame, order.override)
    chosen = choose_columns(model, order.frame, order.override)
    report = FileReport(
        kind=model.kind,
        file=str(path),
        format=model.format,
        version=model.version,
        objects=dict(model.counts),
        unplaced=list(model.refused),
        warnings=list(model.warnings),
    )
    if model.refused:
        first = model.refused[0]
        report.warnings.insert(
            0,
            f"{len(model.refused)} damaged or repeated objects were left out, the others taken; "
            f"the first: {first.id}, {first.reason}",
        )
    found = ImportedFile(
        report=report, edges=list(model.edges), datastreams=list(model.datastreams)
    )
    anchors = finite(anchors_of(model))
    found.layer = layer_of(found, model, ())
    if not len(anchors):
        named = crs.parse_name(model.crs_text)
        report.crs = f"EPSG:{named}" if named else ""
        _leave_unplaced(found, model, "it has no geometry", code=None)
        return found
    place = _decided(model, order, anchors, by_points)
    fitting = isinstance(place, str) and model.network and order.fit is not None
    if fitting and order.frame is not None and len(anchors):
        report.crs_evidence = "fitted by request into the city's extent, not surveyed"
        place = crs.Place(order.frame.epsg, f"EPSG:{order.frame.epsg}", False, "")
        Placing(found, model, place, order.frame, order, key, progress).run()
        return found
    if isinstance(place, str):
        _leave_unplaced(found, model, place)
        return found
    report.crs = place.named
    report.crs_evidence = chosen or _worded(place.evidence, model)
    report.warnings.extend(place.warnings)
    founded = crs.found_frame(place, anchors)
    found.suggested_epsg = founded.epsg
    found.suggested_origin = (founded.east, founded.north)
    Placing(found, model, place, order.frame or founded, order, key, progress).run()
    if by_points is not None and by_points[0] != model.placement and found.layer is not None:
        found.layer = replace(found.layer, placement=by_points[0].numbers())
    return found


def _decided(
    model: SourceModel, order: Order, anchors: Floats, by_points: tuple[Placement, str] | None
) -> crs.Place | str:
    """Where the file lies, or why that is not known."""
    if by_points is not None:
        placement, evidence = by_points
        return crs.Place(placement.epsg, f"EPSG:{placement.epsg}", False, evidence)
    override = None if model.fixed_crs else order.override
    if model.nowhere and override is None:
        return model.nowhere
    return crs.decide(model.crs_text, anchors, order.frame, override, model.assumed_crs)


def _worded(evidence: str, model: SourceModel) -> str:
    """How the place was decided, beginning with what the reader itself found out."""
    if not model.evidence:
        return evidence
    prescribed = f"EPSG:{model.assumed_crs}, as the format prescribes"
    if model.assumed_crs and evidence.startswith(prescribed):
        return model.evidence
    return f"{model.evidence}; {evidence}"


def _leave_unplaced(
    found: ImportedFile, model: SourceModel, reason: str, code: str | None = "I-506"
) -> None:
    found.assets = [asset_of(feature, Path(found.report.file).name) for feature in model.features]
    found.report.unplaced.extend(Unplaced(feature.id, reason) for feature in model.features)
    if code and model.features:
        text = str(problem(code, name=Path(found.report.file).name, what=reason))
        found.report.warnings.append(text)
