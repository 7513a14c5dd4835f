"""Reads power networks: pandapower JSON and MATPOWER cases, with who feeds whom.

Both are read as plain text, without pandapower or MATPOWER. pandapower writes positions in degrees,
but also places invented for a drawing; the lengths of the lines tell them apart. MATPOWER has no
positions at all.
"""

from __future__ import annotations

import heapq
import json
import math
import re
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from lamplighter.domain.city import Attribute, Edge
from lamplighter.domain.importing import ImportedNetwork, NetworkObject, Unplaced

EXTENSIONS: Final = (".json", ".m")
OWNER: Final = "power"
MAX_BYTES: Final = 500_000_000
Spot = tuple[float, float, float]
Row = dict[str, Any]

_AT_BUS: Final = {
    "ext_grid": "GridConnection",
    "gen": "Generator",
    "sgen": "Generator",
    "load": "Load",
    "shunt": "Shunt",
    "storage": "Storage",
    "ward": "Load",
    "xward": "Load",
    "motor": "Load",
    "asymmetric_load": "Load",
}
_SUPPLIES: Final = frozenset({"GridConnection", "Generator", "Storage"})
_LINKS: Final = {
    "line": ("PowerLine", "from_bus", "to_bus"),
    "dcline": ("PowerLine", "from_bus", "to_bus"),
    "impedance": ("PowerLine", "from_bus", "to_bus"),
    "trafo": ("Transformer", "hv_bus", "lv_bus"),
}
_BUS_COLUMNS: Final = ("number", "type", "load_mw", "load_mvar", "shunt_mw", "shunt_mvar", "area",
                       "vm_pu", "va_degree", "vn_kv", "zone", "max_vm_pu", "min_vm_pu")  # fmt: skip
_GEN_COLUMNS: Final = ("bus", "p_mw", "q_mvar", "max_q_mvar", "min_q_mvar", "vm_pu", "base_mva",
                       "status", "max_p_mw", "min_p_mw")  # fmt: skip
_BRANCH_COLUMNS: Final = ("from_bus", "to_bus", "r_pu", "x_pu", "b_pu", "rate_a_mva", "rate_b_mva",
                          "rate_c_mva", "ratio", "shift_degree", "status")  # fmt: skip
_BUS_TYPES: Final = {1: "load", 2: "generator", 3: "reference", 4: "isolated"}
_MATRIX: Final = re.compile(r"mpc\.(\w+)\s*=\s*\[(.*?)\]\s*;?", re.S)
_NAMES: Final = re.compile(r"mpc\.bus_name\s*=\s*\{(.*?)\}", re.S)
_AFTER: Final = re.compile(r"^[ \t]*(mpc\.\w+\([^\n=]*=[^\n;]*;)", re.M)
_KILOWATT: Final = re.compile(r"mpc\.bus\(:,\s*\[PD,?\s*QD\]\)\s*=.*/\s*(?:1e3|1000)")


def claims(path: Path, head: bytes) -> bool:
    """By the words both formats begin with."""
    if path.suffix.lower() == ".json":
        return b"pandapower" in head[:2000] and b'"_class"' in head[:2000]
    return b"mpc." in head and b"function" in head


def read(path: Path) -> ImportedNetwork:
    """Raises ValueError when it is neither."""
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES // 1_000_000} MB")
    raw = path.read_bytes()
    stem = path.name.split(".")[0]
    if path.suffix.lower() == ".json":
        return _Pandapower(raw, stem).build()
    return _Matpower(raw.decode("utf-8", "replace"), stem).build()


class _Network:
    """Buses, what hangs on them and what joins them; ends in assets and edges."""

    def __init__(self, kind: str, version: str, stem: str) -> None:
        self.out = ImportedNetwork(format=kind, version=version)
        self.stem = stem
        self.spots: dict[Any, Spot] = {}
        self.links: list[tuple[str, Any, Any, bool, bool]] = []
        """asset, bus, bus, and whether it is closed at each"""
        self.hanging: list[tuple[str, str, Any]] = []
        self.sources: set[Any] = set()
        self.buses: dict[Any, str] = {}

    def id_of(self, kind: str, number: Any) -> str:
        return f"{self.stem}/{kind}-{number}"

    def put(
        self,
        kind: str,
        own: str,
        name: Any,
        facts: Row,
        at: Spot | None = None,
        path: tuple[Spot, ...] = (),
    ) -> None:
        kept: dict[str, Attribute] = {
            k: v
            for k, v in facts.items()
            if isinstance(v, str | int | float | bool)
            and v != ""
            and not (isinstance(v, float) and not math.isfinite(v))
        }
        title = str(name) if name not in (None, "") else f"{kind} {own.rpartition('-')[2]}"
        self.out.objects.append(
            NetworkObject(own, kind, title, OWNER, at, path, attributes=kept, flat=True)
        )

    def missing(self, own: str, bus: Any) -> bool:
        if bus in self.buses:
            return False
        self.out.refused.append(Unplaced(own, f"it names bus {bus}, which is missing"))
        return True

    def feed(self) -> None:
        """Bus feeds link feeds bus, away from the supply over what is closed and in service."""
        far = self._far()
        for own, first, second, at_first, at_second in self.links:
            if far.get(second, math.inf) < far.get(first, math.inf):
                first, second, at_first, at_second = second, first, at_second, at_first
            if at_first:
                self.out.edges.append(Edge(self.buses[first], "feeds", own, OWNER))
            if at_second and (at_first or second in far):
                self.out.edges.append(Edge(own, "feeds", self.buses[second], OWNER))
        for own, kind, bus in self.hanging:
            ends = (own, self.buses[bus]) if kind in _SUPPLIES else (self.buses[bus], own)
            self.out.edges.append(Edge(ends[0], "feeds", ends[1], OWNER))

    def _far(self) -> dict[Any, int]:
        """Closed links between each bus and its nearest supply."""
        ways: dict[Any, list[Any]] = {}
        for _, first, second, at_first, at_second in self.links:
            if at_first and at_second:
                ways.setdefault(first, []).append(second)
                ways.setdefault(second, []).append(first)
        far: dict[Any, int] = {}
        queue = [(0, n, bus) for n, bus in enumerate(self.sources)]
        heapq.heapify(queue)
        order = len(queue)
        while queue:
            steps, _, bus = heapq.heappop(queue)
            if bus in far:
                continue
            far[bus] = steps
            for other in ways.get(bus, []):
                if other not in far:
                    order += 1
                    heapq.heappush(queue, (steps + 1, order, other))
        return far


# ------------------------------------------------------------------ pandapower
class _Pandapower:
    def __init__(self, raw: bytes, stem: str) -> None:
        try:
            document = json.loads(raw)
            content = document["_object"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"no pandapower network ({error})") from error
        if not isinstance(content, dict) or "bus" not in content:
            raise ValueError("a pandapower file without buses")
        self._content = content
        self._net = _Network("pandapower JSON", str(content.get("format_version", "")), stem)
        self._open: set[tuple[str, Any, Any]] = set()

    def build(self) -> ImportedNetwork:
        net = self._net
        buses = dict(self._table("bus"))
        switches = list(self._table("switch"))
        self._positions(buses)
        for number, row in buses.items():
            own = net.buses[number] = net.id_of("bus", number)
            net.put("Bus", own, row.get("name"), _facts(row), net.spots.get(number))
        for _, row in switches:
            if row.get("closed") is False:
                self._open.add((str(row.get("et")), row.get("element"), row.get("bus")))
        self._links()
        self._three_windings()
        for table, kind in _AT_BUS.items():
            for number, row in self._table(table):
                self._at_bus(table, kind, number, row)
        for number, row in switches:
            self._switch(number, row)
        net.feed()
        self._left_out()
        return net.out

    def _table(self, name: str) -> Iterator[tuple[Any, Row]]:
        """Rows of one data frame with their index."""
        holder = self._content.get(name)
        if not isinstance(holder, dict) or "_object" not in holder:
            return
        try:
            frame = holder["_object"]
            frame = json.loads(frame) if isinstance(frame, str) else frame
            columns, index, data = frame["columns"], frame["index"], frame["data"]
            for number, values in zip(index, data, strict=True):
                yield number, dict(zip(columns, values, strict=True))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"table {name} of the pandapower file cannot be read") from error

    def _positions(self, buses: dict[Any, Row]) -> None:
        """Positions of the buses; degrees only where the lengths of the lines agree."""
        net = self._net
        for number, row in [*buses.items(), *self._table("bus_geodata")]:
            spot = _point(row)
            if spot is not None:
                net.spots.setdefault(number, spot)
        if not net.spots:
            net.out.warnings.append("its buses have no positions")
            return
        if all(abs(x) <= 180.0 and abs(y) <= 90.0 for x, y, _ in net.spots.values()):
            ratio = self._ratio()
            if ratio is None or 0.1 < ratio < 2.0:
                net.out.crs = "EPSG:4326"
                return
            net.out.warnings.append(
                "the positions of its buses are a drawing, no places: as degrees they would lie "
                f"{ratio:.3g} times as far apart as its lines are long"
            )

    def _ratio(self) -> float | None:
        """Median of distance by length over all lines; None without any to compare."""
        ratios = []
        for _, row in self._table("line"):
            first, second = (self._net.spots.get(row.get(k)) for k in ("from_bus", "to_bus"))
            length = row.get("length_km")
            if first and second and isinstance(length, int | float) and length > 0:
                ratios.append(_kilometres(first, second) / length)
        return statistics.median(ratios) if ratios else None

    def _links(self) -> None:
        net = self._net
        courses = {n: _course(row.get("coords")) for n, row in self._table("line_geodata")}
        for table, (kind, start, end) in _LINKS.items():
            for number, row in self._table(table):
                own = net.id_of(table, number)
                first, second = row.get(start), row.get(end)
                if net.missing(own, first) or net.missing(own, second):
                    continue
                ends = tuple(s for s in (net.spots.get(first), net.spots.get(second)) if s)
                path = _line(row.get("geo")) or courses.get(number, ()) if table == "line" else ()
                if len(path) < 2:
                    path = ends if len(set(ends)) == 2 else ()
                at = ends[0] if ends and not path else None
                net.put(kind, own, row.get("name"), _facts(row), at, path)
                on = row.get("in_service") is not False
                code = {"line": "l", "trafo": "t"}.get(table, "-")
                net.links.append(
                    (
                        own, first, second,
                        on and (code, number, first) not in self._open,
                        on and (code, number, second) not in self._open,
                    )
                )  # fmt: skip

    def _three_windings(self) -> None:
        net = self._net
        for number, row in self._table("trafo3w"):
            own = net.id_of("trafo3w", number)
            high, middle, low = (row.get(k) for k in ("hv_bus", "mv_bus", "lv_bus"))
            if any(net.missing(own, bus) for bus in (high, middle, low)):
                continue
            net.put("Transformer", own, row.get("name"), _facts(row), net.spots.get(high))
            on = row.get("in_service") is not False
            net.links += [(own, high, middle, on, on), (own, high, low, on, on)]

    def _at_bus(self, table: str, kind: str, number: Any, row: Row) -> None:
        net, bus = self._net, row.get("bus")
        own = net.id_of(table, number)
        if net.missing(own, bus):
            return
        net.put(kind, own, row.get("name"), _facts(row), net.spots.get(bus))
        if row.get("in_service") is not False:
            net.hanging.append((own, kind, bus))
            if kind == "GridConnection" or (kind == "Generator" and row.get("slack")):
                net.sources.add(bus)

    def _switch(self, number: Any, row: Row) -> None:
        net, bus = self._net, row.get("bus")
        own = net.id_of("switch", number)
        if net.missing(own, bus):
            return
        kind = "Breaker" if row.get("type") == "CB" else "Switch"
        net.put(kind, own, row.get("name"), _facts(row), net.spots.get(bus))
        table = {"l": "line", "t": "trafo", "t3": "trafo3w"}.get(str(row.get("et")))
        if table:
            other = net.id_of(table, row.get("element"))
            net.out.edges.append(Edge(own, "controls", other, OWNER))
        elif row.get("element") in net.buses:
            closed = row.get("closed") is not False
            net.links.append((own, bus, row.get("element"), closed, closed))

    def _left_out(self) -> None:
        """Say which tables hold something that is no asset."""
        taken = {"bus", "switch", "trafo3w", "bus_geodata", "line_geodata", *_LINKS, *_AT_BUS}
        left = [
            f"{name} ({count})"
            for name in self._content
            if name not in taken and (count := self._length(name))
        ]
        if left:
            self._net.out.warnings.append(f"tables that were not imported: {', '.join(left[:12])}")

    def _length(self, name: str) -> int:
        try:
            return sum(1 for _ in self._table(name))
        except ValueError:
            return 1


def _facts(row: Row) -> Row:
    return {k: v for k, v in row.items() if k not in ("geo", "name", "coords")}


def _point(row: Row) -> Spot | None:
    """Position of a bus: a GeoJSON text, or columns x and y."""
    spots = _line(row.get("geo"))
    if spots:
        return spots[0]
    return _spot([row.get("x"), row.get("y")])


def _line(geo: Any) -> tuple[Spot, ...]:
    try:
        shape = json.loads(geo) if isinstance(geo, str) else geo
        points = shape["coordinates"]
    except (ValueError, KeyError, TypeError):
        return ()
    return _course([points] if shape.get("type") == "Point" else points)


def _course(points: Any) -> tuple[Spot, ...]:
    spots = [_spot(p) for p in points] if isinstance(points, list) else []
    return tuple(s for s in spots if s is not None)


def _spot(values: Any) -> Spot | None:
    if not isinstance(values, list | tuple) or len(values) < 2:
        return None
    x, y = values[:2]
    if not (isinstance(x, int | float) and isinstance(y, int | float)):
        return None
    return (float(x), float(y), 0.0) if math.isfinite(x) and math.isfinite(y) else None


def _kilometres(first: Spot, second: Spot) -> float:
    north = (second[1] - first[1]) * 111.32
    east = (second[0] - first[0]) * 111.32 * math.cos(math.radians((first[1] + second[1]) / 2.0))
    return math.hypot(north, east)


# ------------------------------------------------------------------ MATPOWER
class _Matpower:
    def __init__(self, text: str, stem: str) -> None:
        bare = re.sub(r"\.\.\.[^\n]*\n", " ", re.sub(r"%[^\n]*", "", text))
        self._after = _AFTER.findall(bare)
        self._tables = {name: _rows(body) for name, body in _MATRIX.findall(bare)}
        names = _NAMES.search(bare)
        self._names = re.findall(r"'([^']*)'", names.group(1)) if names else []
        version = re.search(r"mpc\.version\s*=\s*'(\w+)'", bare)
        base = re.search(r"mpc\.baseMVA\s*=\s*([\d.eE+-]+)", bare)
        self._net = _Network("MATPOWER case", version.group(1) if version else "", stem)
        self._base = float(base.group(1)) if base else 0.0
        self._kilowatts = any(_KILOWATT.search(line) for line in self._after)
        if not self._tables.get("bus"):
            raise ValueError("a MATPOWER file without buses (mpc.bus)")

    def build(self) -> ImportedNetwork:
        net = self._net
        net.out.warnings.append(
            "the format has no positions; a table with the same ids can add them"
        )
        for place, values in enumerate(self._tables["bus"]):
            self._bus(place, values)
        for place, values in enumerate(self._tables.get("gen", [])):
            row = _named(_GEN_COLUMNS, values)
            own = net.id_of("gen", place + 1)
            if not net.missing(own, _whole(row.get("bus"))):
                net.put("Generator", own, None, row)
                if row.get("status", 1) > 0:
                    net.hanging.append((own, "Generator", _whole(row["bus"])))
        for place, values in enumerate(self._tables.get("branch", [])):
            self._branch("branch", place, _named(_BRANCH_COLUMNS, values))
        for place, values in enumerate(self._tables.get("dcline", [])):
            row = _named(("from_bus", "to_bus", "status", "p_from_mw", "p_to_mw"), values)
            self._branch("dcline", place, row)
        net.feed()
        self._say()
        return net.out

    def _bus(self, place: int, values: list[float]) -> None:
        net, row = self._net, _named(_BUS_COLUMNS, values)
        number = _whole(row.pop("number", None))
        if number in net.buses:
            net.out.refused.append(
                Unplaced(net.id_of("bus", number), "a second bus has its number")
            )
            return
        own = net.buses[number] = net.id_of("bus", number)
        kind = int(row.get("type", 1))
        row["type"] = _BUS_TYPES.get(kind, str(kind))
        if kind == 3:
            net.sources.add(number)
        if self._kilowatts:
            row |= {k: row[k] / 1000.0 for k in ("load_mw", "load_mvar") if k in row}
        net.put("Bus", own, self._names[place] if place < len(self._names) else None, row)

    def _branch(self, table: str, place: int, row: Row) -> None:
        net = self._net
        own = net.id_of(table, place + 1)
        first, second = _whole(row.get("from_bus")), _whole(row.get("to_bus"))
        if net.missing(own, first) or net.missing(own, second):
            return
        kind = "Transformer" if row.get("ratio", 0.0) != 0.0 else "PowerLine"
        on = row.get("status", 1) > 0
        net.put(kind, own, None, row | {"from_bus": first, "to_bus": second, "in_service": on})
        net.links.append((own, first, second, on, on))

    def _say(self) -> None:
        left = [n for n in self._tables if n not in ("bus", "gen", "branch", "dcline")]
        if left:
            self._net.out.warnings.append(f"tables that were not imported: {', '.join(left)}")
        other = [line for line in self._after if not _KILOWATT.search(line)]
        if other:
            self._net.out.warnings.append(
                f"{len(other)} statements after the data were not run: {other[0][:100]}"
            )


def _rows(body: str) -> list[list[float]]:
    """Rows of a matrix; a row with something that is no number ends the file's claim to be one."""
    rows = []
    for line in re.split(r"[;\n]", body):
        words = line.replace(",", " ").split()
        if not words:
            continue
        try:
            rows.append([float(word) for word in words])
        except ValueError as error:
            raise ValueError(f"'{line.strip()[:60]}' in a matrix is no row of numbers") from error
    return rows


def _named(columns: tuple[str, ...], values: list[float]) -> Row:
    return dict(zip(columns, values, strict=False))


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
