"""What a drawing says about its place: its own geodata, and files beside it."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lamplighter.spatial import crs
from lamplighter.spatial.model import SourceModel
from lamplighter.spatial.placement import BadPoints, Pair, Placement, fitted

if TYPE_CHECKING:
    from ezdxf.document import Drawing as Document

_PICTURES: Final = (".png", ".jpg", ".jpeg")
_POINT: Final = re.compile(r"<georss:point>\s*([-+\d.eE]+)[\s,]+([-+\d.eE]+)\s*</georss:point>")
_ALIAS: Final = re.compile(r'<Alias\s+id="(\d{4,6})"\s+type="CoordinateSystem">(.*?)</Alias>', re.S)


def drawing_place(document: Document, model: SourceModel, path: Path) -> None:
    """Set `placement` or `crs_text` of the model where the drawing or its neighbours name one."""
    named = _text_beside(path, ".prj")
    data = document.modelspace().get_geodata()
    if data is not None and (placement := _geodata(data, model)) is not None:
        model.placement = placement
        model.placement_evidence = (
            f"geodata of the drawing: EPSG:{placement.epsg}, scale {placement.scale:.6g}, "
            f"turned {placement.degrees:.2f}°"
        )
        return
    if not named:
        return
    model.crs_text = named
    world = _text_beside(path, ".wld")
    code = crs.parse_name(named)
    if world and code is not None:
        _world_file(model, world, code, path.stem)


def _text_beside(path: Path, ending: str) -> str:
    for name in (path.with_suffix(ending), path.with_suffix(ending.upper())):
        if name.is_file() and name.stat().st_size < 100_000:
            return name.read_text("utf-8", "replace").strip()
    return ""


def _world_file(model: SourceModel, text: str, code: int, stem: str) -> None:
    """One or two lines `x,y X,Y`: points of the drawing and their places."""
    pairs: list[Pair] = []
    for line in text.splitlines():
        try:
            values = [float(word) for word in re.split(r"[,\s]+", line.strip()) if word]
        except ValueError:
            values = []
        if len(values) == 4:
            pairs.append(Pair((values[0], values[1], 0.0), (values[2], values[3], 0.0)))
    try:
        if len(pairs) == 1:
            first = pairs[0]
            pairs.append(
                Pair(
                    (first.own[0] + 1.0, first.own[1], 0.0),
                    (first.place[0] + 1.0, first.place[1], 0.0),
                )
            )
        if len(pairs) < 2:
            raise BadPoints("it holds no line of four numbers")
        placement, _ = fitted(pairs, code)
    except BadPoints as bad:
        model.warnings.append(f"{stem}.wld was not used: {bad}")
        return
    model.placement = placement
    model.placement_evidence = f"{stem}.wld and {stem}.prj: EPSG:{code}"


def _geodata(data: Any, model: SourceModel) -> Placement | None:
    """Design point to reference point, turned to north; None with a warning when it is unclear."""
    text = str(data.coordinate_system_definition)[:100_000]
    alias = next((m for m in _ALIAS.finditer(text) if "EPSG" in m.group(2)), None)
    design, north = data.dxf.design_point, data.dxf.north_direction
    turn = complex(north.x, north.y)
    if abs(turn) < 1e-9:
        turn = 1j
    direction = 1j / (turn / abs(turn))
    scale = float(data.dxf.horizontal_unit_scale or 1.0) * float(data.dxf.user_scale_factor or 1.0)
    pivot = (float(design.x), float(design.y), float(design.z))
    height = float(data.dxf.reference_point.z)
    rise = float(data.dxf.vertical_unit_scale or scale)
    code = int(alias.group(1)) if alias else 0
    known = crs.system(code) if code else None
    reference = data.dxf.reference_point
    if known is not None and known.projected:
        turned = direction * scale / known.metres
        spot = (float(reference.x), float(reference.y), height)
        return Placement(known.horizontal, pivot, (turned.real, turned.imag), spot, rise)
    degrees = _degrees(str(data.dxf.geo_rss_tag))
    if degrees is None:
        model.warnings.append("its geodata name no coordinate system that is known")
        return None
    zone, east, north_m, convergence = to_zone(*degrees)
    turned = direction * scale * complex(math.cos(convergence), math.sin(convergence))
    return Placement(zone, pivot, (turned.real, turned.imag), (east, north_m, height), rise)


def _degrees(tag: str) -> tuple[float, float] | None:
    found = _POINT.search(tag)
    if not found:
        return None
    lat, lon = float(found.group(1)), float(found.group(2))
    return (lon, lat) if abs(lat) <= 84.0 and abs(lon) <= 180.0 else None


def to_zone(lon: float, lat: float) -> tuple[int, float, float, float]:
    """EPSG code of the UTM zone, easting, northing there, and the angle in radians by which true
    north leans from grid north there (anticlockwise positive)."""
    zone = min(max(int((lon + 180.0) // 6.0) + 1, 1), 60)
    epsg = (32600 if lat >= 0.0 else 32700) + zone
    step = 1e-4
    x, y = crs.move(4326, epsg, np.array([lon, lon]), np.array([lat, lat + step]))
    leaning = math.atan2(float(y[1] - y[0]), float(x[1] - x[0])) - math.pi / 2.0
    return epsg, float(x[0]), float(y[0]), leaning


def image_files(path: Path) -> list[Path]:
    """The pictures beside a drawing that it names; found without reading it as a drawing."""
    try:
        beside = [f for f in path.parent.iterdir() if f.suffix.lower() in _PICTURES]
        if not beside or path.stat().st_size > 50_000_000:
            return []
        data = path.read_bytes()
    except OSError:
        return []
    return [f for f in sorted(beside) if f.name.encode("utf-8", "replace") in data]
