"""Reads street networks: SUMO networks and what is added to them, and OpenDRIVE.

Both state a projection, so streets lie on the same map as the city. What belongs to a simulation
alone (vehicles, routes, configurations) is no part of a city and is refused with that reason.
"""

from __future__ import annotations

import gzip
import itertools
import math
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lamplighter.domain.city import Attribute, Edge
from lamplighter.domain.importing import ImportedNetwork, NetworkObject, NoCityObjects, Unplaced

EXTENSIONS: Final = (".xml", ".xodr", ".sumocfg")
OWNER: Final = "mobility"
MAX_BYTES: Final = 1_000_000_000
MAX_CORNERS: Final = 10_000_000
Spot = tuple[float, float, float]
Facts = dict[str, Attribute]

_ROOT: Final = re.compile(rb"<([A-Za-z][\w.-]*)[\s/>]")
_NETS: Final = ("net",)
_ADDED: Final = ("additional", "add", "additionals")
_REFUSED: Final = {
    "routes": "vehicles and routes of a SUMO simulation",
    "configuration": "a configuration of a SUMO run",
    "sumoConfiguration": "a configuration of a SUMO run",
    "viewsettings": "settings of the SUMO window",
    "gui-settings": "settings of the SUMO window",
}
_EDGES: Final = {
    "": "Street",
    "normal": "Street",
    "connector": "Street",
    "internal": "JunctionPath",
    "crossing": "Crossing",
    "walkingarea": "WalkingArea",
}
_STOPS: Final = {
    "busStop": "BusStop",
    "trainStop": "TrainStop",
    "containerStop": "LoadingPlace",
    "chargingStation": "ChargingStation",
    "parkingArea": "ParkingArea",
}
_DETECTORS: Final = (
    "e1Detector",
    "inductionLoop",
    "e2Detector",
    "laneAreaDetector",
    "instantInductionLoop",
)
_STEP: Final = 2.0
"""metres between samples of a curve"""


def claims(path: Path, head: bytes) -> bool:
    """By the root element."""
    root = _root(head)
    if path.suffix.lower() == ".sumocfg":
        return True
    return root in (*_NETS, *_ADDED, *_REFUSED, "OpenDRIVE")


def read(path: Path) -> ImportedNetwork:
    """Raises ValueError when it is neither, NoCityObjects for what belongs to a simulation."""
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES // 1_000_000} MB")
    with path.open("rb") as file:
        head = file.read(200_000)
    root = _root(head)
    if root in _REFUSED:
        raise NoCityObjects(f"{_REFUSED[root]}, no objects of a city")
    if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
        raise ValueError("it defines entities, which are not allowed")
    try:
        if root in _NETS:
            return _SumoNet(path).build()
        if root in _ADDED:
            return _Added(path).build()
        if root == "OpenDRIVE":
            return _OpenDrive(path).build()
    except ET.ParseError as error:
        raise ValueError(f"damaged XML: {error}") from error
    raise ValueError(f"XML of another kind ({root or 'without an element'})")


def _root(head: bytes) -> str:
    bare = re.sub(rb"<!--.*?-->|<\?.*?\?>", b"", head[:10_000], flags=re.S)
    found = _ROOT.search(bare)
    return found.group(1).decode("ascii", "replace") if found else ""


def _elements(
    path: Path, names: tuple[str, ...], others: Counter[str] | None = None
) -> Iterator[ET.Element]:
    """Complete elements of these names, one after the other; what was seen is forgotten.

    `others` counts the elements below the root that have other names.
    """
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        depth, held = 0, 0
        stack: list[ET.Element] = []
        for event, element in ET.iterparse(file, events=("start", "end")):
            if event == "start":
                stack.append(element)
                depth += 1
                held = held or (depth if element.tag in names else 0)
                continue
            stack.pop()
            if held == depth:
                yield element
                held = 0
            elif others is not None and depth == 2 and not held:
                others[str(element.tag)] += 1
            depth -= 1
            if not held and stack:
                stack[-1].remove(element)


def _left_out(out: ImportedNetwork, others: Counter[str]) -> None:
    """Say what else the file holds."""
    if others:
        words = ", ".join(f"{count} {tag}" for tag, count in sorted(others.items())[:12])
        out.warnings.append(f"not imported: {words}")


def _number(element: ET.Element | None, key: str, other: float = 0.0) -> float:
    try:
        value = float(element.get(key, other)) if element is not None else other
    except ValueError:
        return other
    return value if math.isfinite(value) else other


def _facts(element: ET.Element, *without: str) -> Facts:
    """Its attributes, numbers as numbers."""
    facts: Facts = {}
    for key, text in element.attrib.items():
        if key in without or text == "":
            continue
        try:
            facts[key] = float(text) if math.isfinite(float(text)) else text
        except ValueError:
            facts[key] = text[:500]
    return facts


def _shape(text: str | None) -> list[Spot]:
    spots: list[Spot] = []
    for part in (text or "").split():
        try:
            values = [float(word) for word in part.split(",")]
        except ValueError:
            continue
        if len(values) >= 2 and all(math.isfinite(v) for v in values):
            spots.append((values[0], values[1], values[2] if len(values) > 2 else 0.0))
    return spots


def _utm(text: str) -> str:
    """The EPSG name of a UTM zone written for PROJ, else the text itself."""
    zone = re.search(r"\+proj=utm\b.*\+zone=(\d{1,2})\b", text)
    if zone and 1 <= int(zone.group(1)) <= 60 and ("WGS84" in text or "GRS80" in text):
        return f"EPSG:{(32700 if '+south' in text else 32600) + int(zone.group(1))}"
    return text


# ------------------------------------------------------------------ SUMO network
class _Frame:
    """How a SUMO file's own coordinates stand to its projection."""

    def __init__(self, location: ET.Element | None) -> None:
        spots = _shape(location.get("netOffset") if location is not None else None)
        self.offset = spots[0] if spots else (0.0, 0.0, 0.0)
        given = location.get("projParameter", "!") if location is not None else "!"
        self.crs = "" if given in ("!", "-", "") else _utm(given)

    def put(self, spot: Spot) -> Spot:
        return (spot[0] - self.offset[0], spot[1] - self.offset[1], spot[2])


class _SumoNet:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._stem = _stem(path)
        self._out = ImportedNetwork("SUMO network")
        self._frame = _Frame(None)
        self._spots: dict[str, Spot] = {}
        self._flat = True
        self._programs: dict[str, list[ET.Element]] = {}
        self._signalled: dict[str, set[str]] = {}
        self._into: dict[str, str] = {}
        self._connections = 0

    def build(self) -> ImportedNetwork:
        names = ("location", "edge", "junction", "tlLogic", "connection")
        others: Counter[str] = Counter()
        for element in _elements(self._path, names, others):
            match element.tag:
                case "location":
                    self._frame = _Frame(element)
                case "edge":
                    self._edge(element)
                case "junction":
                    self._junction(element)
                case "tlLogic":
                    self._programs.setdefault(element.get("id", ""), []).append(element)
                case "connection":
                    self._connection(element)
        for name, programs in self._programs.items():
            self._signal(name, programs)
        _left_out(self._out, others)
        self._out.crs = self._frame.crs
        if not self._out.crs:
            self._out.warnings.append("the network names no projection")
        if self._connections:
            self._out.warnings.append(
                f"{self._connections} connections between lanes were not imported"
            )
        return self._out

    def _add(self, item: NetworkObject) -> None:
        self._out.objects.append(item)

    def _edge(self, edge: ET.Element) -> None:
        own, lanes = edge.get("id", ""), edge.findall("lane")
        shape = _shape(edge.get("shape"))
        if len(shape) < 2 and lanes:
            shape = _shape(lanes[len(lanes) // 2].get("shape"))
        kind = _EDGES.get(edge.get("function", ""), "Street")
        facts = _facts(edge, "id", "shape", "name")
        facts["lanes"] = len(lanes)
        if lanes:
            facts["speed_km_h"] = round(max(_number(lane, "speed") for lane in lanes) * 3.6, 2)
            facts["length_m"] = _number(lanes[0], "length")
            for key in ("allow", "disallow", "width"):
                words = list(dict.fromkeys(v for lane in lanes if (v := lane.get(key))))
                if words:
                    facts[f"lane_{key}"] = "; ".join(words)[:500]
        if edge.get("to"):
            self._into[own] = edge.get("to", "")
        path = tuple(self._frame.put(s) for s in shape)
        flat = not any(z for _, _, z in path)
        self._add(
            NetworkObject(
                f"{self._stem}/{own}",
                kind,
                edge.get("name") or own,
                OWNER,
                path[0] if len(path) == 1 else None,
                path if len(path) > 1 else (),
                attributes=facts,
                flat=flat,
            )
        )

    def _junction(self, junction: ET.Element) -> None:
        own = junction.get("id", "")
        spot = self._frame.put(
            (_number(junction, "x"), _number(junction, "y"), _number(junction, "z"))
        )
        self._spots[own] = spot
        facts = _facts(
            junction, "id", "x", "y", "z", "shape", "incLanes", "intLanes", "customShape"
        )
        self._add(
            NetworkObject(
                f"{self._stem}/junction-{own}",
                "StreetJunction",
                f"Junction {own}",
                OWNER,
                spot,
                attributes=facts,
                flat="z" not in junction.attrib,
            )
        )

    def _connection(self, connection: ET.Element) -> None:
        self._connections += 1
        if name := connection.get("tl"):
            self._signalled.setdefault(name, set()).add(connection.get("from", ""))

    def _signal(self, name: str, programs: list[ET.Element]) -> None:
        streets = sorted(self._signalled.get(name, ()))
        places = {self._into.get(street, "") for street in streets} | {name}
        spots = [self._spots[place] for place in sorted(places) if place in self._spots]
        at = tuple(sum(axis) / len(spots) for axis in zip(*spots, strict=True)) if spots else None
        first = programs[0]
        cycle = sum(_number(phase, "duration") for phase in first.findall("phase"))
        facts: Facts = {
            "control": first.get("type", ""),
            "programs": ", ".join(p.get("programID", "") for p in programs),
            "phases": len(first.findall("phase")),
            "cycle_s": cycle,
        }
        own = f"{self._stem}/signal-{name}"
        place = (at[0], at[1], at[2]) if at else None
        self._add(
            NetworkObject(
                own, "TrafficSignal", f"Signal {name}", OWNER, place, attributes=facts, flat=True
            )
        )
        for street in streets:
            self._out.edges.append(Edge(own, "controls", f"{self._stem}/{street}", OWNER))


def _stem(path: Path) -> str:
    return path.name.split(".")[0]


# ------------------------------------------------------------------ SUMO additions
class _Added:
    """Stops, parking, detectors, points and areas; most lie on lanes of the network beside it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._out = ImportedNetwork("SUMO additions")
        names = (
            *_STOPS,
            *_DETECTORS,
            "poly",
            "poi",
            "tlLogic",
            "e3Detector",
            "entryExitDetector",
            "vType",
            "rerouter",
            "variableSpeedSign",
            "calibrator",
        )
        others: Counter[str] = Counter()
        self._items = list(_elements(path, names, others))
        _left_out(self._out, others)
        wanted = {lane for item in self._items if (lane := item.get("lane"))}
        self._stem, self._frame, self._lanes = _net_beside(path, wanted)

    def build(self) -> ImportedNetwork:
        left: dict[str, int] = {}
        for item in self._items:
            tag = str(item.tag)
            if tag in _STOPS or tag in _DETECTORS:
                self._on_lane(item, _STOPS.get(tag, "TrafficCounter"))
            elif tag == "poi":
                self._point(item)
            elif tag == "poly":
                self._area(item)
            else:
                left[tag] = left.get(tag, 0) + 1
        if left and not self._out.objects and not self._out.refused:
            words = ", ".join(f"{count} {tag}" for tag, count in sorted(left.items()))
            raise NoCityObjects(f"{words} for a SUMO network; they have no place of their own")
        self._out.warnings.extend(
            f"{count} {tag} were not imported: they have no place of their own"
            for tag, count in sorted(left.items())
        )
        self._out.crs = self._frame.crs
        return self._out

    def _id(self, kind: str, item: ET.Element) -> str:
        return f"{self._stem}/{kind}-{item.get('id', '')}"

    def _put(
        self, kind: str, item: ET.Element, at: Spot | None, path: tuple[Spot, ...] = ()
    ) -> None:
        name = str(item.get("name") or item.get("id") or kind)
        facts = _facts(item, "id", "name", "shape", "x", "y", "lon", "lat", "file")
        self._out.objects.append(
            NetworkObject(self._id(kind, item), kind, name, OWNER, at, path, facts, flat=True)
        )

    def _on_lane(self, item: ET.Element, kind: str) -> None:
        lane = self._lanes.get(item.get("lane", ""))
        if not lane:
            why = f"its lane {item.get('lane', '')!r} is in no network (.net.xml) beside the file"
            self._out.refused.append(Unplaced(self._id(kind, item), why))
            return
        total = _length(lane)
        begin = _number(item, "startPos", _number(item, "pos"))
        end = _number(item, "endPos", begin if "pos" in item.attrib else total)
        middle = (_along(begin, total) + _along(end, total)) / 2.0
        self._put(kind, item, self._frame.put(_at(lane, middle)))
        if kind == "TrafficCounter":
            street = f"{self._stem}/{item.get('lane', '').rpartition('_')[0]}"
            own = self._id(kind, item)
            self._out.edges.append(Edge(street, "measured-by", own, OWNER))

    def _point(self, item: ET.Element) -> None:
        if item.get("lane"):
            self._on_lane(item, "PointOfInterest")
        elif item.get("x") and item.get("y"):
            spot = (_number(item, "x"), _number(item, "y"), 0.0)
            self._put("PointOfInterest", item, self._frame.put(spot))
        else:
            why = "its position is neither on a lane nor in the network's coordinates"
            self._out.refused.append(Unplaced(self._id("PointOfInterest", item), why))

    def _area(self, item: ET.Element) -> None:
        shape = _shape(item.get("shape"))
        if len(shape) < 2 or item.get("geo") in ("1", "true"):
            why = "its shape is not in the network's coordinates" if shape else "it has no shape"
            self._out.refused.append(Unplaced(self._id("Area", item), why))
            return
        self._put("Area", item, None, tuple(self._frame.put(s) for s in shape))


def _net_beside(path: Path, wanted: set[str]) -> tuple[str, _Frame, dict[str, list[Spot]]]:
    """Stem, frame and lanes of the network in the same folder that has most of these lanes."""
    best: tuple[str, _Frame, dict[str, list[Spot]]] = (_stem(path), _Frame(None), {})
    files = sorted(f for f in path.parent.iterdir() if ".net.xml" in f.name and f.is_file())
    for file in files[:8]:
        frame, lanes = _Frame(None), {}
        try:
            for element in _elements(file, ("location", "lane")):
                if element.tag == "location":
                    frame = _Frame(element)
                elif element.get("id") in wanted:
                    lanes[element.get("id", "")] = _shape(element.get("shape"))
        except (ET.ParseError, OSError, EOFError):
            continue
        if len(lanes) > len(best[2]) or (not wanted and not best[1].crs):
            best = (_stem(file), frame, lanes)
    return best


def _length(course: list[Spot]) -> float:
    return sum(math.dist(a[:2], b[:2]) for a, b in itertools.pairwise(course))


def _along(position: float, total: float) -> float:
    """SUMO counts negative positions from the end."""
    return min(max(position + total if position < 0 else position, 0.0), total)


def _at(course: list[Spot], distance: float) -> Spot:
    for a, b in itertools.pairwise(course):
        step = math.dist(a[:2], b[:2])
        if distance <= step and step > 0.0:
            share = distance / step
            return (
                a[0] + share * (b[0] - a[0]),
                a[1] + share * (b[1] - a[1]),
                a[2] + share * (b[2] - a[2]),
            )
        distance -= step
    return course[-1]


# ------------------------------------------------------------------ OpenDRIVE
class _OpenDrive:
    def __init__(self, path: Path) -> None:
        self._path, self._stem = path, _stem(path)
        self._out = ImportedNetwork("OpenDRIVE")
        self._shift: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
        self._starts: dict[str, list[Spot]] = {}
        self._corners = 0

    def build(self) -> ImportedNetwork:
        junctions = []
        others: Counter[str] = Counter()
        for element in _elements(self._path, ("header", "road", "junction"), others):
            match element.tag:
                case "header":
                    self._header(element)
                case "road":
                    self._road(element)
                case "junction":
                    junctions.append(element)
        for junction in junctions:
            self._junction(junction)
        _left_out(self._out, others)
        if not self._out.crs:
            self._out.warnings.append("its header has no geoReference; place it by two points")
        return self._out

    def _header(self, header: ET.Element) -> None:
        self._out.version = f"{header.get('revMajor', '1')}.{header.get('revMinor', '')}"
        reference = header.find("geoReference")
        if reference is not None and reference.text:
            self._out.crs = _utm(reference.text.strip())
        offset = header.find("offset")
        if offset is not None:
            self._shift = (
                _number(offset, "x"),
                _number(offset, "y"),
                _number(offset, "z"),
                _number(offset, "hdg"),
            )

    def _map(self, spot: Spot) -> Spot:
        """From the file's inertial system to its projection."""
        x, y, z, turn = self._shift
        cos, sin = math.cos(turn), math.sin(turn)
        return (spot[0] * cos - spot[1] * sin + x, spot[0] * sin + spot[1] * cos + y, spot[2] + z)

    def _road(self, road: ET.Element) -> None:
        own = road.get("id", "")
        line = _Line(road)
        course = [self._map(line.at(s)[0]) for s in line.samples()]
        self._corners += len(course)
        if self._corners > MAX_CORNERS:
            raise ValueError(f"more than {MAX_CORNERS:,} corners")
        facts = _facts(road, "id", "name")
        facts |= _lanes(road)
        kind = road.find("type")
        if kind is not None:
            facts["road_type"] = kind.get("type", "")
            speed = kind.find("speed")
            if speed is not None:
                facts["speed"] = f"{speed.get('max', '')} {speed.get('unit', 'm/s')}"
        if (road.get("junction") or "-1") != "-1" and course:
            self._starts.setdefault(road.get("junction", ""), []).extend((course[0], course[-1]))
        if line.unknown:
            self._out.warnings.append(f"road {own}: a curve of unknown kind was drawn straight")
        title = road.get("name") or f"Road {own}"
        street = f"{self._stem}/{own}"
        self._out.objects.append(
            NetworkObject(
                street,
                "Street",
                title,
                OWNER,
                None,
                tuple(course) if len(course) > 1 else (),
                attributes=facts,
            )
        )
        self._beside(road, line, street)

    def _beside(self, road: ET.Element, line: _Line, street: str) -> None:
        """Signals and objects at (s, t) of the road."""
        for path, kind in (("signals/signal", ""), ("objects/object", "RoadObject")):
            for item in road.findall(path):
                word = kind or ("TrafficSignal" if item.get("dynamic") == "yes" else "RoadSign")
                (x, y, z), heading = line.at(_number(item, "s"))
                t = _number(item, "t")
                spot = (
                    x - t * math.sin(heading),
                    y + t * math.cos(heading),
                    z + _number(item, "zOffset"),
                )
                own = f"{street}/{word}-{item.get('id', '')}"
                self._out.objects.append(
                    NetworkObject(
                        own,
                        word,
                        item.get("name") or own,
                        OWNER,
                        self._map(spot),
                        attributes=_facts(item, "id", "name", "s", "t"),
                    )
                )
                if word == "TrafficSignal":
                    self._out.edges.append(Edge(own, "controls", street, OWNER))

    def _junction(self, junction: ET.Element) -> None:
        own = junction.get("id", "")
        title = junction.get("name") or f"Junction {own}"
        spots = self._starts.get(own, [])
        at = None
        if spots:
            at = tuple(sum(axis) / len(spots) for axis in zip(*spots, strict=True))
        self._out.objects.append(
            NetworkObject(
                f"{self._stem}/junction-{own}",
                "StreetJunction",
                title,
                OWNER,
                (at[0], at[1], at[2]) if at else None,
                attributes={"connections": len(junction.findall("connection"))},
            )
        )


def _lanes(road: ET.Element) -> Facts:
    """Number, kinds and width of the lanes at the begin of the road."""
    section = road.find("lanes/laneSection")
    facts: Facts = {"lane_sections": len(road.findall("lanes/laneSection"))}
    if section is None:
        return facts
    for side in ("left", "right"):
        lanes = section.findall(f"{side}/lane")
        facts[f"lanes_{side}"] = len(lanes)
        if lanes:
            facts[f"lane_types_{side}"] = ", ".join(lane.get("type", "") for lane in lanes)
    widths = [_number(lane.find("width"), "a") for lane in section.iter("lane")]
    facts["width_m"] = round(sum(widths), 3)
    return facts


class _Line:
    """The reference line of a road: position and heading at a distance from its begin."""

    def __init__(self, road: ET.Element) -> None:
        self._parts = sorted(road.findall("planView/geometry"), key=lambda g: _number(g, "s"))
        self._heights = sorted(
            road.findall("elevationProfile/elevation"), key=lambda e: _number(e, "s")
        )
        self._curved = any(_number(e, "c") or _number(e, "d") for e in self._heights)
        self.unknown = False

    def samples(self) -> list[float]:
        """Distances at which the line is drawn."""
        found: list[float] = []
        for part in self._parts:
            begin, length = _number(part, "s"), _number(part, "length")
            straight = part.find("line") is not None and not self._curved
            steps = 1 if straight else max(1, min(5_000, math.ceil(length / _STEP)))
            inner = [_number(e, "s") for e in self._heights if begin < _number(e, "s")]
            found += [begin + length * n / steps for n in range(steps)]
            found += [s for s in inner if s < begin + length and straight]
        if self._parts:
            found.append(_number(self._parts[-1], "s") + _number(self._parts[-1], "length"))
        return sorted(set(found))

    def at(self, s: float) -> tuple[Spot, float]:
        """Position and heading in the file's own system."""
        if not self._parts:
            return (0.0, 0.0, 0.0), 0.0
        part = next((p for p in reversed(self._parts) if _number(p, "s") <= s), self._parts[0])
        far = min(max(s - _number(part, "s"), 0.0), _number(part, "length"))
        u, v, turn = self._local(part, far)
        heading = _number(part, "hdg")
        cos, sin = math.cos(heading), math.sin(heading)
        x = _number(part, "x") + u * cos - v * sin
        y = _number(part, "y") + u * sin + v * cos
        return (x, y, self._height(s)), heading + turn

    def _height(self, s: float) -> float:
        found = next((e for e in reversed(self._heights) if _number(e, "s") <= s), None)
        if found is None:
            return 0.0
        d = s - _number(found, "s")
        a, b, c, k = (_number(found, key) for key in "abcd")
        return a + d * (b + d * (c + d * k))

    def _local(self, part: ET.Element, s: float) -> tuple[float, float, float]:
        """Along, across and turned by, from the begin of the piece, at `s` metres of it."""
        length = _number(part, "length")
        for child in part:
            match child.tag:
                case "line":
                    return s, 0.0, 0.0
                case "arc":
                    return _arc(_number(child, "curvature"), s)
                case "spiral":
                    return _spiral(
                        _number(child, "curvStart"), _number(child, "curvEnd"), length, s
                    )
                case "poly3":
                    a, b, c, d = (_number(child, key) for key in "abcd")
                    return _poly3(a, b, c, d, s)
                case "paramPoly3":
                    return _param(child, length, s)
        self.unknown = True
        return s, 0.0, 0.0


def _arc(k: float, s: float) -> tuple[float, float, float]:
    if abs(k) < 1e-12:
        return s, 0.0, 0.0
    return math.sin(k * s) / k, (1.0 - math.cos(k * s)) / k, k * s


def _spiral(start: float, end: float, length: float, s: float) -> tuple[float, float, float]:
    """A clothoid, integrated with Simpson's rule in steps that turn little."""
    rate = (end - start) / length if length > 0.0 else 0.0

    def heading(d: float) -> float:
        return start * d + rate * d * d / 2.0

    turning = max(abs(start), abs(end)) * s
    steps = 2 * max(8, min(200, math.ceil(turning * 20.0)))
    h = s / steps
    x = y = 0.0
    for n in range(steps + 1):
        weight = 1.0 if n in (0, steps) else (4.0 if n % 2 else 2.0)
        x += weight * math.cos(heading(n * h))
        y += weight * math.sin(heading(n * h))
    return x * h / 3.0, y * h / 3.0, heading(s)


def _poly3(a: float, b: float, c: float, d: float, s: float) -> tuple[float, float, float]:
    """`s` runs along the curve: u is found so that the length up to it is `s`."""
    u = far = 0.0
    step = max(s / 200.0, 1e-6)
    while far < s:
        slope = b + u * (2.0 * c + 3.0 * d * u)
        move = min(step, s - far)
        u += move / math.hypot(1.0, slope)
        far += move
    slope = b + u * (2.0 * c + 3.0 * d * u)
    return u, a + u * (b + u * (c + u * d)), math.atan(slope)


def _param(child: ET.Element, length: float, s: float) -> tuple[float, float, float]:
    normal = child.get("pRange", "normalized") != "arcLength"
    p = s / length if normal and length > 0.0 else s
    u = [_number(child, f"{key}U") for key in "abcd"]
    v = [_number(child, f"{key}V") for key in "abcd"]
    along = u[0] + p * (u[1] + p * (u[2] + p * u[3]))
    across = v[0] + p * (v[1] + p * (v[2] + p * v[3]))
    du = u[1] + p * (2.0 * u[2] + 3.0 * p * u[3])
    dv = v[1] + p * (2.0 * v[2] + 3.0 * p * v[3])
    return along, across, math.atan2(dv, du)
