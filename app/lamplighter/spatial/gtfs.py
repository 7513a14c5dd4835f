"""Timetables in GTFS: stops as points, the courses of the lines with their routes.

A feed is a zip or a folder of tables. Feeds without a table of shapes draw each route through
the stops of its longest trip.
"""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from lamplighter.domain.city import Attribute
from lamplighter.domain.importing import Unplaced
from lamplighter.spatial.archives import MAX_BYTES, MAX_MEMBERS, MAX_RATIO
from lamplighter.spatial.model import Feature, Refused, SourceModel
from lamplighter.spatial.tables import number

Progress = Callable[[int, int, str], None]
ENDINGS: Final = ()
TABLES: Final = (
    "agency", "stops", "routes", "trips", "stop_times", "shapes", "calendar", "calendar_dates",
)  # fmt: skip
MAX_ROWS: Final = 20_000_000
_KINDS: Final = {
    "0": "tram", "1": "metro", "2": "rail", "3": "bus", "4": "ferry", "5": "cable tram",
    "6": "aerial lift", "7": "funicular", "11": "trolleybus", "12": "monorail",
}  # fmt: skip
Row = dict[str, str]


def claims(path: Path, head: bytes) -> bool:
    """A zip that holds stops and trips."""
    if not head.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = {PurePosixPath(n).name.lower() for n in archive.namelist()[:MAX_MEMBERS]}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
    return {"stops.txt", "trips.txt"} <= names


def claims_folder(path: Path) -> bool:
    """A folder with the tables of a feed and nothing else."""
    if not ((path / "stops.txt").is_file() and (path / "trips.txt").is_file()):
        return False
    return all(p.suffix.lower() in (".txt", ".md", ".pdf") for p in path.iterdir())


def read(path: Path, progress: Progress) -> SourceModel:
    """Stops and lines; raises `Refused` when the feed has no table of stops."""
    feed = _Feed(path)
    rows = {name: feed.count(name) for name in TABLES}
    if rows["stops"] is None:
        raise Refused("I-503", "a timetable without its table of stops (stops.txt)")
    model = SourceModel("GTFS", assumed_crs=4326, fixed_crs=True, kind="vector")
    progress(1, 4, "stops")
    stops = _stops(feed, model)
    progress(2, 4, "routes")
    routes = {row.get("route_id", ""): row for row in feed.rows("routes")}
    trips = list(feed.rows("trips"))
    progress(3, 4, "lines")
    if rows["shapes"]:
        _lines_of_shapes(feed, model, routes, trips)
    drawn = {f.attributes["route_id"] for f in model.features if f.type == "TransitLine"}
    _lines_of_stops(feed, model, routes, trips, stops, drawn)
    _feed_itself(model, path, rows, feed)
    model.counts = dict(sorted(Counter(f.type for f in model.features).items()))
    model.heights_in_metres = True
    return model


class _Feed:
    """The tables of one feed, row by row."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._names: dict[str, str] = {}
        if path.is_dir():
            self._names = {p.stem.lower(): str(p) for p in path.glob("*.txt")}
            return
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                name = PurePosixPath(member.filename).name.lower()
                if name.endswith(".txt") and "__macosx" not in member.filename.lower():
                    large = member.file_size > 10_000_000
                    if large and member.file_size > MAX_RATIO * max(member.compress_size, 1):
                        raise Refused("I-502", f"more than {MAX_RATIO} times its size")
                    if member.file_size > MAX_BYTES:
                        raise Refused("I-502", f"more than {MAX_BYTES / 1e9:.0f} GB")
                    self._names.setdefault(name.removesuffix(".txt"), member.filename)

    def rows(self, table: str) -> Iterator[Row]:
        """Rows with the names of their columns; empty cells are left out."""
        cells = self._cells(table)
        columns = [name.strip() for name in next(cells, [])]
        for line in cells:
            row = {c: w for c, v in zip(columns, line, strict=False) if (w := v.strip())}
            if row:
                yield row

    def count(self, table: str) -> int | None:
        """How many rows it has; None when it is missing."""
        if table not in self._names:
            return None
        cells = self._cells(table)
        width = len(next(cells, []))
        return sum(1 for line in cells if any(map(str.strip, line[:width])))

    def _cells(self, table: str) -> Iterator[list[str]]:
        """The names of the columns, then the cells of every row."""
        name = self._names.get(table)
        if name is None:
            return
        try:
            if self._path.is_dir():
                with Path(name).open(encoding="utf-8-sig", errors="replace", newline="") as text:
                    yield from _lines(text)
            else:
                with zipfile.ZipFile(self._path) as archive, archive.open(name) as packed:
                    yield from _lines(io.TextIOWrapper(packed, "utf-8-sig", errors="replace"))
        except (csv.Error, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise Refused("I-503", f"{table}.txt: {error}") from error

    def others(self) -> list[str]:
        return sorted(set(self._names) - set(TABLES))


def _lines(text: io.TextIOBase) -> Iterator[list[str]]:
    for done, cells in enumerate(csv.reader(text)):
        if done > MAX_ROWS + 1:
            raise Refused("I-502", f"more than {MAX_ROWS:,} rows")
        yield cells


def _stops(feed: _Feed, model: SourceModel) -> dict[str, tuple[float, float]]:
    places: dict[str, tuple[float, float]] = {}
    for line, row in enumerate(feed.rows("stops")):
        own = row.pop("stop_id", "")
        if not own:
            model.refused.append(Unplaced(f"stops.txt line {line + 2}", "it has no stop_id"))
            continue
        if own in places:
            model.refused.append(Unplaced(own, "this stop_id is used twice in stops.txt"))
            continue
        lon, lat = number(row.pop("stop_lon", None)), number(row.pop("stop_lat", None))
        parent = row.get("parent_station", "")
        placed = lon is not None and lat is not None and (lon, lat) != (0.0, 0.0)
        if lon is not None and lat is not None and placed:
            places[own] = (lon, lat)
        attributes: dict[str, Attribute] = dict(row)
        model.features.append(
            Feature(
                id=f"stop/{own}",
                type="TransitStop",
                name=row.get("stop_name", own),
                domain="mobility",
                parent=f"stop/{parent}" if parent else "",
                attributes={"stop_id": own, **attributes},
                at=(*places[own], 0.0) if placed else None,
                flat=True,
            )
        )
    return places


def _lines_of_shapes(
    feed: _Feed, model: SourceModel, routes: dict[str, Row], trips: list[Row]
) -> None:
    courses: defaultdict[str, list[tuple[float, float, float]]] = defaultdict(list)
    bad = 0
    for row in feed.rows("shapes"):
        x, y = number(row.get("shape_pt_lon")), number(row.get("shape_pt_lat"))
        order = number(row.get("shape_pt_sequence"))
        if x is None or y is None or order is None:
            bad += 1
            continue
        courses[row.get("shape_id", "")].append((order, x, y))
    if bad:
        model.warnings.append(f"{bad} points of shapes have no place and were left out")
    served: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for trip in trips:
        served[trip.get("shape_id", "")][trip.get("route_id", "")] += 1
    for shape, spots in courses.items():
        path = [(x, y, 0.0) for _, x, y in sorted(spots)]
        by = served.get(shape, Counter())
        ids = [route for route, _ in by.most_common()]
        model.features.append(
            _line(f"shape/{shape}", path, ids, routes, by.total(), {"shape_id": shape})
        )


def _lines_of_stops(
    feed: _Feed,
    model: SourceModel,
    routes: dict[str, Row],
    trips: list[Row],
    stops: dict[str, tuple[float, float]],
    drawn: set[Attribute],
) -> None:
    """Routes that no shape draws, through the stops of their longest trip."""
    missing = {t["trip_id"]: t.get("route_id", "") for t in trips if "trip_id" in t}
    missing = {trip: route for trip, route in missing.items() if route not in drawn}
    if not missing:
        return
    calls: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
    for row in feed.rows("stop_times"):
        trip = row.get("trip_id", "")
        if trip in missing and row.get("stop_id", "") in stops:
            calls[trip].append((number(row.get("stop_sequence")) or 0.0, row["stop_id"]))
    longest: dict[str, str] = {}
    for trip, found in calls.items():
        route = missing[trip]
        if route not in longest or len(found) > len(calls[longest[route]]):
            longest[route] = trip
    counts = Counter(missing.values())
    for route, trip in longest.items():
        path = [(*stops[stop], 0.0) for _, stop in sorted(calls[trip])]
        model.features.append(
            _line(f"route/{route}", path, [route], routes, counts[route], {"through_stops": True})
        )
    undrawn = len(set(missing.values()) - set(longest))
    if undrawn:
        model.warnings.append(f"{undrawn} routes have neither a shape nor stops with a place")


def _line(
    own: str,
    path: list[tuple[float, float, float]],
    ids: list[str],
    routes: dict[str, Row],
    trips: int,
    more: dict[str, Attribute],
) -> Feature:
    first = routes.get(ids[0], {}) if ids else {}
    names = [routes.get(i, {}).get("route_short_name", i) for i in ids]
    kind = first.get("route_type", "")
    return Feature(
        id=own,
        type="TransitLine",
        name=" ".join(
            part for part in (first.get("route_short_name"), first.get("route_long_name")) if part
        ),
        domain="mobility",
        attributes={
            "route_id": ids[0] if ids else "",
            "routes": ", ".join(dict.fromkeys(names)),
            "vehicle": _KINDS.get(kind, kind),
            "trips": trips,
            **{k: v for k, v in first.items() if k != "route_id"},
            **more,
        },
        path=path if len(path) > 1 else None,
        at=path[0] if len(path) == 1 else None,
        flat=True,
    )


def _feed_itself(model: SourceModel, path: Path, rows: dict[str, int | None], feed: _Feed) -> None:
    """The feed as the parent of all, with how much it holds."""
    agencies = [row.get("agency_name", "") for row in feed.rows("agency")]
    info = next(feed.rows("feed_info"), {})
    own = f"feed/{path.stem}"
    for feature in model.features:
        feature.parent = feature.parent or own
    attributes: dict[str, Attribute] = {f"{name}_rows": count for name, count in rows.items()}
    others = feed.others()
    if others:
        attributes["other_tables"] = ", ".join(others)
    attributes.update(info)
    model.features.append(
        Feature(
            id=own,
            type="TransitFeed",
            name=", ".join(filter(None, agencies)) or path.stem,
            domain="mobility",
            attributes=attributes,
        )
    )
    model.date = info.get("feed_start_date", "")
    model.attribution = info.get("feed_publisher_name", "") or ", ".join(filter(None, agencies))
