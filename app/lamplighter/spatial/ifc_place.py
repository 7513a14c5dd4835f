"""Where a building model lies: its map conversion, else the position of its site."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from lamplighter.spatial import crs
from lamplighter.spatial.dxf_place import to_zone
from lamplighter.spatial.ifc_facts import Facts, all_of, length_unit
from lamplighter.spatial.model import SourceModel
from lamplighter.spatial.placement import Placement

FAR_METRES: Final = 20_000.0


def building_place(file: Any, model: SourceModel) -> None:
    """Set placement and its evidence where the file says enough; a warning where it is doubtful."""
    if not _by_conversion(file, model):
        _by_site(file, model)


def _by_conversion(file: Any, model: SourceModel) -> bool:
    own = length_unit(file)
    for conversion in [*all_of(file, "IfcMapConversion"), *all_of(file, "IfcRigidOperation")]:
        target = conversion.TargetCRS
        name = str(getattr(target, "Name", "") or "")
        code = crs.parse_name(name) or crs.parse_name(str(getattr(target, "Description", "") or ""))
        known = crs.system(code) if code else None
        if known is None or not known.projected:
            model.warnings.append(f"its map conversion names no known map system ({name[:60]})")
            continue
        unit = _map_unit(target) or known.metres
        if conversion.is_a("IfcRigidOperation"):
            first = float(_number(conversion.FirstCoordinate))
            second = float(_number(conversion.SecondCoordinate))
            height, turn, scale = _number(conversion.Height), 1 + 0j, 1.0
        else:
            first, second = float(conversion.Eastings), float(conversion.Northings)
            height = _number(conversion.OrthogonalHeight)
            turn = complex(_number(conversion.XAxisAbscissa), _number(conversion.XAxisOrdinate))
            scale = _scale(_number(conversion.Scale) or 1.0, unit / own)
        turn = turn / abs(turn) if abs(turn) > 1e-9 else 1 + 0j
        turn *= scale / known.metres
        metres = unit / known.metres
        model.placement = Placement(
            known.horizontal,
            (0.0, 0.0, 0.0),
            (turn.real, turn.imag),
            (first * metres, second * metres, height * unit),
            1.0,
        )
        model.placement_evidence = (
            f"map conversion of the file to {name} (EPSG:{known.horizontal}), "
            f"turned {model.placement.degrees:.2f}°"
        )
        return True
    return _by_set(file, model)


def _scale(given: float, ratio: float) -> float:
    """Metres on the map per metre of the building; authors write the factor in two ways."""
    for scale in (given * ratio, given):
        if 0.9 < scale < 1.1:
            return scale
    return 1.0


def _by_set(file: Any, model: SourceModel) -> bool:
    """The agreed property sets that do the same in IFC2x3."""
    found: dict[str, Any] = {}
    for item in all_of(file, "IfcPropertySet"):
        if str(item.Name or "").lower() in ("epset_mapconversion", "epset_projectedcrs"):
            for one in item.HasProperties or ():
                value = getattr(one, "NominalValue", None)
                found[str(one.Name)] = getattr(value, "wrappedValue", 0)
    code = crs.parse_name(str(found.get("Name", "")))
    known = crs.system(code) if code else None
    if known is None or not known.projected or "Eastings" not in found:
        return False
    turn = complex(_number(found.get("XAxisAbscissa")), _number(found.get("XAxisOrdinate")))
    turn = turn / abs(turn) if abs(turn) > 1e-9 else 1 + 0j
    own = length_unit(file)
    turn *= _scale(_number(found.get("Scale")) or 1.0, known.metres / own) / known.metres
    spot = (
        _number(found["Eastings"]),
        _number(found.get("Northings")),
        _number(found.get("OrthogonalHeight")),
    )
    model.placement = Placement(
        known.horizontal, (0.0, 0.0, 0.0), (turn.real, turn.imag), spot, 1.0
    )
    model.placement_evidence = f"property set ePset_MapConversion to EPSG:{known.horizontal}"
    return True


def _map_unit(target: Any) -> float:
    unit = getattr(target, "MapUnit", None)
    if unit is None:
        return 0.0
    if unit.is_a("IfcSIUnit"):
        return {"MILLI": 0.001, "CENTI": 0.01, "KILO": 1000.0}.get(str(unit.Prefix), 1.0)
    factor = getattr(unit, "ConversionFactor", None)
    value = getattr(getattr(factor, "ValueComponent", None), "wrappedValue", 0.0)
    return float(value or 0.0)


def _by_site(file: Any, model: SourceModel) -> None:
    for site in all_of(file, "IfcSite"):
        lat, lon = _degrees(site.RefLatitude), _degrees(site.RefLongitude)
        if lat is None or lon is None or (lat == 0.0 and lon == 0.0):
            continue
        if abs(lat) > 84.0 or abs(lon) > 180.0:
            model.warnings.append(f"the position of its site is no place ({lat:.4f}, {lon:.4f})")
            continue
        facts = Facts(file)
        pivot = facts.place(site) or (0.0, 0.0, 0.0)
        if (far := _away(model, pivot)) > FAR_METRES:
            model.warnings.append(
                f"the position of its site was not used: the shapes lie {far / 1000:.0f} km from it"
            )
            continue
        epsg, east, north, leaning = to_zone(lon, lat)
        true_north = _true_north(file)
        turn = 1j / true_north * complex(math.cos(leaning), math.sin(leaning))
        height = _number(site.RefElevation) * facts.unit
        model.placement = Placement(epsg, pivot, (turn.real, turn.imag), (east, north, height), 1.0)
        angle = math.degrees(math.atan2(true_north.real, true_north.imag))
        model.placement_evidence = (
            f"position of its site ({lat:.6f}, {lon:.6f}) and true north ({angle:.1f}° from its "
            "y axis); as exact as the author wrote it"
        )
        return


def _away(model: SourceModel, pivot: tuple[float, float, float]) -> float:
    faces = model.faces
    if faces is None or not faces.count:
        return 0.0
    middle = np.median(faces.vertices[:, :2], axis=0)
    return math.hypot(float(middle[0]) - pivot[0], float(middle[1]) - pivot[1])


def _true_north(file: Any) -> complex:
    for context in all_of(file, "IfcGeometricRepresentationContext"):
        direction = (
            None if context.is_a("IfcGeometricRepresentationSubContext") else (context.TrueNorth)
        )
        if direction is not None:
            x, y = (float(v) for v in direction.DirectionRatios[:2])
            if math.hypot(x, y) > 1e-9:
                return complex(x, y) / math.hypot(x, y)
    return 1j


def _degrees(parts: Any) -> float | None:
    """Degrees, minutes, seconds and millionths of a second, all of one sign."""
    if not parts:
        return None
    values = [float(p) for p in parts]
    values += [0.0] * (4 - len(values))
    return values[0] + values[1] / 60.0 + (values[2] + values[3] / 1e6) / 3600.0


def _number(value: Any) -> float:
    value = getattr(value, "wrappedValue", value)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else 0.0
