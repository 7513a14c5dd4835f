"""Reads EPANET INP files into water assets: nodes, links, their course and who feeds whom.

The text is read here and not by the EPANET engine, because a network that the engine refuses
(a curve is missing, an option is unknown) is still a map of real pipes.
"""

from __future__ import annotations

import heapq
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lamplighter.domain.city import Attribute, Edge
from lamplighter.domain.importing import ImportedNetwork, NetworkObject, Unplaced

EXTENSIONS: Final = (".inp",)
OWNER: Final = "water"
MAX_BYTES: Final = 500_000_000

_FOOT: Final = 0.3048
_INCH_MM: Final = 25.4
_PSI_METRES: Final = 0.70325
_METRES: Final = {
    "METERS": 1.0,
    "KPA": 0.1020216,
    "PSI": _PSI_METRES,
    "BAR": 10.2024530,
    "FEET": _FOOT,
}
"""of water for one of what `PRESSURE` in the options names; without it US flows go with psi"""
_HORSE_KW: Final = 0.745699872
_LITRES_PER_S: Final = {
    "CFS": 28.316846592,
    "GPM": 0.0630901964,
    "MGD": 43.8126363889,
    "IMGD": 52.6168042,
    "AFD": 14.2764102,
    "LPS": 1.0,
    "LPM": 1.0 / 60.0,
    "MLD": 11.5740740741,
    "CMS": 1000.0,
    "CMH": 1.0 / 3.6,
    "CMD": 0.0115740740741,
    "SI": 1.0,
}
_US: Final = frozenset({"CFS", "GPM", "MGD", "IMGD", "AFD"})
_SECTIONS: Final = (
    "TITLE", "JUNCTIONS", "RESERVOIRS", "TANKS", "PIPES", "PUMPS", "VALVES", "DEMANDS", "STATUS",
    "OPTIONS", "COORDINATES", "VERTICES", "TAGS", "BACKDROP", "END",
)  # fmt: skip
_PRESSURE_VALVES: Final = frozenset({"PRV", "PSV", "PBV"})

Row = tuple[int, list[str]]
Spot = tuple[float, float, float]


def read(path: Path) -> ImportedNetwork:
    """The network in `path`. Raises ValueError when it is no EPANET file, OSError on its disk.

    Heights, lengths and positions' third number are metres, diameters millimetres, flows litres
    per second; map coordinates stay as the file has them.
    """
    if path.stat().st_size > MAX_BYTES:
        raise ValueError("it is larger than any EPANET file should be")
    raw = path.read_bytes()
    if b"\0" in raw[:4096]:
        raise ValueError("it is not a text file")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return _Network(_split(text)).build()


def _split(text: str) -> dict[str, list[Row]]:
    """Rows of each section with their line numbers, comments removed."""
    sections: dict[str, list[Row]] = {}
    rows: list[Row] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.split(";", 1)[0].strip()
        if bare.startswith("["):
            word = bare.strip("[] \t").upper()
            name = next((s for s in _SECTIONS if len(word) >= 3 and s.startswith(word[:4])), word)
            rows = sections.setdefault(name, [])
            if name == "END":
                break
        elif bare and rows is not None:
            rows.append((number, bare.split()))
    if not any(sections.get(name) for name in ("JUNCTIONS", "RESERVOIRS", "TANKS")):
        raise ValueError("it has no section [JUNCTIONS], [RESERVOIRS] or [TANKS] with content")
    return sections


class _Network:
    """One file on its way to assets."""

    def __init__(self, sections: dict[str, list[Row]]) -> None:
        self._sections = sections
        title = " ".join(word for _, words in sections.get("TITLE", []) for word in words)
        system = re.search(r"EPSG:{1,2}(\d{4,6})", title)
        self._out = ImportedNetwork(
            format="EPANET INP", version="2", crs=f"EPSG:{system.group(1)}" if system else ""
        )
        self._units = self._flow_units()
        us = self._units in _US
        self._flow = _LITRES_PER_S[self._units]
        self._metre = _FOOT if us else 1.0
        self._millimetre = _INCH_MM if us else 1.0
        self._pressure = self._pressure_unit(_PSI_METRES if us else 1.0)
        self._kilowatt = _HORSE_KW if us else 1.0
        self._nodes: dict[str, tuple[str, float, dict[str, Attribute]]] = {}
        self._links: dict[str, tuple[str, str, str, dict[str, Attribute]]] = {}
        self._bad = 0

    def build(self) -> ImportedNetwork:
        self._junctions()
        self._supplies()
        self._pipes()
        self._pumps()
        self._valves()
        self._demands()
        self._tags_and_status()
        if self._bad > 10:
            self._out.warnings.append(f"{self._bad - 10} more entries could not be read")
        self._objects()
        self._edges()
        return self._out

    def _rows(self, name: str, least: int) -> Iterator[tuple[int, list[str]]]:
        for number, fields in self._sections.get(name, []):
            if len(fields) < least:
                self._warn(f"line {number}: [{name}] needs at least {least} entries")
                continue
            yield number, fields

    def _warn(self, text: str) -> None:
        self._bad += 1
        if self._bad <= 10:
            self._out.warnings.append(text)

    def _number(self, fields: list[str], place: int, line: int) -> float | None:
        if place >= len(fields):
            return None
        try:
            value = float(fields[place])
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            self._warn(f"line {line}: '{fields[place][:40]}' is no number")
            return None
        return value

    def _scaled(self, fields: list[str], place: int, line: int, factor: float) -> float | None:
        value = self._number(fields, place, line)
        return None if value is None else round(value * factor, 6)

    def _flow_units(self) -> str:
        for _, fields in self._sections.get("OPTIONS", []):
            if fields[0].upper() == "UNITS" and len(fields) > 1:
                word = fields[1].upper()
                if word in _LITRES_PER_S:
                    return word
                self._out.warnings.append(f"unknown units '{fields[1][:20]}': taken as GPM")
        return "GPM"

    def _pressure_unit(self, usual: float) -> float:
        """Metres of water for one of the file's unit of pressure."""
        for _, fields in self._sections.get("OPTIONS", []):
            if fields[0].upper() == "PRESSURE" and len(fields) > 1:
                word = fields[1].upper()
                if word in _METRES:
                    return _METRES[word]
                self._out.warnings.append(f"unknown unit of pressure '{fields[1][:20]}'")
        return usual

    # ------------------------------------------------------------------ nodes and links
    def _node(self, kind: str, name: str, z: float | None, facts: dict[str, Attribute]) -> None:
        if name in self._nodes:
            self._out.refused.append(Unplaced(name, f"a second node has this id ({kind})"))
            return
        self._nodes[name] = (kind, z or 0.0, {k: v for k, v in facts.items() if v is not None})

    def _link(self, kind: str, line: int, fields: list[str], facts: dict[str, Attribute]) -> None:
        name, start, end = fields[:3]
        if name in self._links:
            self._out.refused.append(Unplaced(name, f"a second link has this id ({kind})"))
            return
        for node in (start, end):
            if node not in self._nodes:
                self._out.refused.append(
                    Unplaced(name, f"{kind} in line {line} names node '{node}', which is missing")
                )
                return
        kept: dict[str, Attribute] = {k: v for k, v in facts.items() if v is not None}
        self._links[name] = (kind, start, end, kept)

    def _junctions(self) -> None:
        for line, f in self._rows("JUNCTIONS", 1):
            z = self._scaled(f, 1, line, self._metre)
            facts: dict[str, Attribute] = {
                "elevation_m": z,
                "base_demand_lps": self._scaled(f, 2, line, self._flow),
                "demand_pattern": f[3] if len(f) > 3 else None,
            }
            self._node("Junction", f[0], z, facts)

    def _supplies(self) -> None:
        for line, f in self._rows("RESERVOIRS", 1):
            self._reservoir(line, f)
        for line, f in self._rows("TANKS", 1):
            if len(f) <= 3:
                self._reservoir(line, f)
                continue
            z = self._scaled(f, 1, line, self._metre)
            facts: dict[str, Attribute] = {
                "elevation_m": z,
                "initial_level_m": self._scaled(f, 2, line, self._metre),
                "minimum_level_m": self._scaled(f, 3, line, self._metre),
                "maximum_level_m": self._scaled(f, 4, line, self._metre),
                "diameter_m": self._scaled(f, 5, line, self._metre),
            }
            self._node("Tank", f[0], z, facts)

    def _reservoir(self, line: int, f: list[str]) -> None:
        head = self._scaled(f, 1, line, self._metre)
        facts: dict[str, Attribute] = {
            "head_m": head,
            "head_pattern": f[2] if len(f) > 2 else None,
        }
        self._node("Reservoir", f[0], head, facts)

    def _pipes(self) -> None:
        for line, f in self._rows("PIPES", 3):
            facts: dict[str, Attribute] = {
                "length_m": self._scaled(f, 3, line, self._metre),
                "diameter_mm": self._scaled(f, 4, line, self._millimetre),
                "roughness": self._number(f, 5, line),
                "status": "open",
            }
            for word in f[6:8]:
                if word.upper() in ("OPEN", "CLOSED", "CV"):
                    facts["status"] = "check valve" if word.upper() == "CV" else word.lower()
            self._link("Pipe", line, f, facts)

    def _pumps(self) -> None:
        for line, f in self._rows("PUMPS", 3):
            facts: dict[str, Attribute] = {"status": "open"}
            words = f[3:]
            for word, value in zip(words[::2], words[1::2], strict=False):
                match word.upper():
                    case "HEAD":
                        facts["head_curve"] = value
                    case "POWER":
                        facts["power_kw"] = self._scaled([value], 0, line, self._kilowatt)
                    case "SPEED":
                        facts["speed"] = self._number([value], 0, line)
                    case "PATTERN":
                        facts["speed_pattern"] = value
            self._link("Pump", line, f, facts)

    def _valves(self) -> None:
        for line, f in self._rows("VALVES", 3):
            kind = f[4].upper() if len(f) > 4 else ""
            facts: dict[str, Attribute] = {
                "diameter_mm": self._scaled(f, 3, line, self._millimetre),
                "valve_type": kind or None,
                "status": "active",
            }
            if kind in _PRESSURE_VALVES:
                facts["setting_m"] = self._scaled(f, 5, line, self._pressure)
            elif kind == "FCV":
                facts["setting_lps"] = self._scaled(f, 5, line, self._flow)
            elif len(f) > 5:
                facts["setting"] = f[5]
            self._link("Valve", line, f, facts)

    def _demands(self) -> None:
        """[DEMANDS] replaces the demand in [JUNCTIONS]; several rows of one node add up."""
        totals: dict[str, float] = {}
        for line, f in self._rows("DEMANDS", 2):
            if f[0].upper() == "MULTIPLY":
                continue
            value = self._scaled(f, 1, line, self._flow)
            if value is not None and f[0] in self._nodes:
                totals[f[0]] = round(totals.get(f[0], 0.0) + value, 6)
        for name, total in totals.items():
            self._nodes[name][2]["base_demand_lps"] = total

    def _tags_and_status(self) -> None:
        for _, f in self._rows("TAGS", 3):
            if f[0].upper() == "NODE" and f[1] in self._nodes:
                self._nodes[f[1]][2]["tag"] = " ".join(f[2:])
            elif f[0].upper() == "LINK" and f[1] in self._links:
                self._links[f[1]][3]["tag"] = " ".join(f[2:])
        for _, f in self._rows("STATUS", 2):
            if f[0] in self._links and f[1].upper() in ("OPEN", "CLOSED", "ACTIVE"):
                self._links[f[0]][3]["status"] = f[1].lower()

    # ------------------------------------------------------------------ places
    def _spots(self) -> dict[str, Spot]:
        spots: dict[str, Spot] = {}
        for line, f in self._rows("COORDINATES", 3):
            x, y = self._number(f, 1, line), self._number(f, 2, line)
            if x is not None and y is not None and f[0] in self._nodes:
                spots[f[0]] = (x, y, self._nodes[f[0]][1])
        return spots

    def _bends(self) -> dict[str, list[tuple[float, float]]]:
        bends: dict[str, list[tuple[float, float]]] = {}
        for line, f in self._rows("VERTICES", 3):
            x, y = self._number(f, 1, line), self._number(f, 2, line)
            if x is not None and y is not None:
                bends.setdefault(f[0], []).append((x, y))
        return bends

    def _link_id(self, name: str, kind: str) -> str:
        """A link may carry the id of a node; then its type stands before it."""
        return f"{kind}-{name}" if name in self._nodes else name

    def _objects(self) -> None:
        spots, bends = self._spots(), self._bends()
        for name, (kind, _, facts) in self._nodes.items():
            facts["epanet_id"] = name
            self._out.objects.append(
                NetworkObject(
                    name, kind, f"{kind} {name}", "water", at=spots.get(name), attributes=facts
                )
            )
        for name, (kind, start, end, facts) in self._links.items():
            facts |= {"epanet_id": name, "from_node": start, "to_node": end}
            self._out.objects.append(
                NetworkObject(
                    self._link_id(name, kind),
                    kind,
                    f"{kind} {name}",
                    "water",
                    path=_course(spots.get(start), spots.get(end), bends.get(name, [])),
                    attributes=facts,
                )
            )

    # ------------------------------------------------------------------ who feeds whom
    def _edges(self) -> None:
        """Node feeds link feeds node, away from the supply.

        Pumps, valves and pipes with a check valve keep the direction of the file, which is
        physical. Other pipes have no direction in a file that could be trusted: they run from
        the end that is nearer to a reservoir (along the network, in metres) to the other end.
        """
        reach = self._reach()
        for name, (kind, start, end, facts) in self._links.items():
            fixed = kind != "Pipe" or facts.get("status") == "check valve"
            if not fixed and reach.get(end, math.inf) < reach.get(start, math.inf):
                start, end = end, start
            link = self._link_id(name, kind)
            self._out.edges.append(Edge(start, "feeds", link, OWNER))
            self._out.edges.append(Edge(link, "feeds", end, OWNER))

    def _reach(self) -> dict[str, float]:
        """Metres along the network from the nearest reservoir; tanks serve what is left."""
        ways: dict[str, list[tuple[str, float]]] = {}
        for kind, start, end, facts in self._links.values():
            length = facts.get("length_m")
            metres = float(length) if isinstance(length, float) and length > 0 else 1.0
            ways.setdefault(start, []).append((end, metres))
            if kind == "Pipe" and facts.get("status") != "check valve":
                ways.setdefault(end, []).append((start, metres))
        reach: dict[str, float] = {}
        for supply in ("Reservoir", "Tank"):
            queue = [
                (0.0, name)
                for name, (kind, _, _) in self._nodes.items()
                if kind == supply and name not in reach
            ]
            while queue:
                far, name = heapq.heappop(queue)
                if name in reach:
                    continue
                reach[name] = far
                for other, metres in ways.get(name, []):
                    if other not in reach:
                        heapq.heappush(queue, (far + metres, other))
        return reach


def _course(
    start: Spot | None, end: Spot | None, bends: list[tuple[float, float]]
) -> tuple[Spot, ...]:
    """Start, bends, end; heights of the bends lie on the straight line between both ends."""
    if start is None or end is None:
        return ()
    steps = len(bends) + 1
    rise = (end[2] - start[2]) / steps
    middle = tuple((x, y, start[2] + rise * (n + 1)) for n, (x, y) in enumerate(bends))
    return (start, *middle, end)
