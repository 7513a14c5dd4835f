"""The check of a project as a task of a worker: files, then what the city says as a whole.

Findings of a file come in its own coordinates and leave here in the project's frame.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from lamplighter.domain.city import Asset, Datastream, Edge, Frame
from lamplighter.domain.findings import CheckResult, Finding, Repair
from lamplighter.domain.layers import Layer
from lamplighter.spatial import crs, repairs
from lamplighter.spatial.checking import raw_files
from lamplighter.spatial.checking.boundaries import RawModel
from lamplighter.spatial.checking.check import check_model, metres
from lamplighter.spatial.checking.city import check_city
from lamplighter.spatial.model import Floats, Refused

Progress = Callable[[int, int, str], None]
UNREAD_FORMATS = ("I-504",)


class CheckOrder(Struct, frozen=True):
    """What is to be checked; everything large lies in the file `city`."""

    city: str
    """msgpack of a `CityToCheck`"""
    result: str
    """where the `CheckResult` goes"""


class CityToCheck(Struct):
    """The project as the store has it."""

    layers: list[Layer]
    sources: dict[str, str]
    """layer id -> kept copy of its file"""
    epsg: dict[str, int]
    """layer id -> coordinate system the user gave"""
    assets: list[Asset]
    datastreams: list[Datastream]
    edges: list[Edge]
    repairs: list[Repair]
    frame: Frame | None
    tiles_folder: str


class CheckAnswer(Struct, frozen=True):
    """`result` is the file to `take`."""

    result: str


def check_project(order: CheckOrder, progress: Progress) -> CheckAnswer:
    """Check all layers and the city they make."""
    begun = time.monotonic()
    city = msgspec.msgpack.decode(Path(order.city).read_bytes(), type=CityToCheck)
    result = CheckResult(repairs=len(city.repairs))
    count = len(city.layers) + 1
    for place, layer in enumerate(city.layers):

        def tell(
            done: int, total: int, text: str, place: int = place, name: str = layer.name
        ) -> None:
            step = int(1000 * done / total) if total else 0
            progress(place * 1000 + step, count * 1000, f"{name}: {text}")

        _check_layer(layer, city, result, tell)
    progress((count - 1) * 1000, count * 1000, "the city as a whole")
    with np.errstate(all="ignore"):
        result.findings.extend(check_city(city))
    once: dict[tuple[str, str], Finding] = {}
    for found in result.findings:
        alike = found.surface >= 0 or found.code == "missing-parent"
        once.setdefault((found.key, "" if alike else found.message), found)
    result.findings = _in_degrees(list(once.values()), city.frame)
    order_of = {"error": 0, "warning": 1, "note": 2}
    result.findings.sort(key=lambda f: (order_of[f.severity], f.code, f.layer, f.object))
    result.seconds = round(time.monotonic() - begun, 3)
    out = Path(order.result)
    part = out.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(msgspec.msgpack.encode(result))
    part.replace(out)
    return CheckAnswer(str(out))


def _check_layer(layer: Layer, city: CityToCheck, result: CheckResult, tell: Progress) -> None:
    path = city.sources.get(layer.id)
    if path is None:
        result.unread.append(f"{layer.id}: its original is not kept")
        return
    if Path(path).suffix.lower() not in raw_files.ENDINGS:
        if layer.kind in ("model", "bim", "mesh"):
            result.unread.append(
                f"{layer.id}: {layer.format} is looked at as part of the city only"
            )
        return
    mine = [r for r in city.repairs if r.layer == layer.id and r.content_hash == layer.content_hash]
    source = Path(path)
    try:
        source = repairs.renamed(Path(path), mine, Path(city.tiles_folder))
        model = raw_files.read(source)
    except Refused as refused:
        if refused.code not in UNREAD_FORMATS:
            what = f"its file cannot be read: {refused.what}"
            result.findings.append(Finding("901", "error", "", what, layer=layer.id))
        return
    except (OSError, RecursionError) as error:
        result.unread.append(f"{layer.id}: {type(error).__name__}")
        return
    finally:
        if source != Path(path):
            shutil.rmtree(source.parent, ignore_errors=True)
    if mine and model.shapes is not None:
        repairs.apply_raw(model, mine, metres(model))
    if not model.crs_text and city.epsg.get(layer.id):
        model.crs_text = f"EPSG:{city.epsg[layer.id]}"
    found = check_model(model, progress=tell)
    move = mover(layer, model, city.frame)
    result.findings.extend(_placed(f, layer.id, move) for f in found)
    result.files += 1
    result.objects += len(model.objects)


Move = Callable[[Floats], Floats]


def mover(layer: Layer, model: RawModel, frame: Frame | None) -> Move | None:
    """From the coordinates of a file to local metres; None where nobody can tell."""
    if frame is None or model.shapes is None or layer.placement or not len(model.shapes.points):
        return None
    override = int(layer.crs.removeprefix("EPSG:")) if layer.crs.startswith("EPSG:") else None
    points = model.shapes.points
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        return None
    place = crs.decide(model.crs_text, points, frame, None if model.crs_text else override, 0)
    if isinstance(place, str):
        return None
    known = crs.system(place.epsg)
    up = known.up_metres if known else 1.0

    def move(spots: Floats) -> Floats:
        x, y = (spots[:, 1], spots[:, 0]) if place.swap else (spots[:, 0], spots[:, 1])
        east, north = crs.to_frame(frame, place.epsg, x, y)
        return np.stack([east, north, spots[:, 2] * up - frame.up], axis=1)

    return move


def _placed(finding: Finding, layer: str, move: Move | None) -> Finding:
    spot = finding.place
    if spot is not None:
        moved = move(np.array([spot], float))[0] if move is not None else np.array([np.nan])
        if np.isfinite(moved).all() and len(moved) == 3:
            spot = (float(moved[0]), float(moved[1]), float(moved[2]))
        else:
            spot = None
    return replace(finding, layer=layer, place=spot)


def _in_degrees(findings: list[Finding], frame: Frame | None) -> list[Finding]:
    """All findings with a place get their degrees, in one transformation."""
    rows = [k for k, f in enumerate(findings) if f.place is not None]
    if frame is None or not rows:
        return findings
    places = np.array([findings[k].place for k in rows], float)
    lon, lat = crs.move(frame.epsg, 4326, places[:, 0] + frame.east, places[:, 1] + frame.north)
    for k, east, north in zip(rows, lon.tolist(), lat.tolist(), strict=True):
        if np.isfinite(east) and np.isfinite(north):
            findings[k] = replace(findings[k], lon=east, lat=north)
    return findings
