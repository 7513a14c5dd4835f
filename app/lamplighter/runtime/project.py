"""A project seen from the verbs: made, opened, listed, queried, exported and verified."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from lamplighter.domain import wire
from lamplighter.domain.alarm import AlarmState
from lamplighter.domain.city import Asset, Datastream
from lamplighter.domain.clock import SystemClock, parse_time
from lamplighter.domain.disagreement import Disagreement, disagreements
from lamplighter.domain.maintenance import aged, one_each
from lamplighter.domain.problems import fault
from lamplighter.domain.quality import CLASS_MASK, Quality
from lamplighter.domain.spreadsheet import safe_cell
from lamplighter.domain.wire import Series
from lamplighter.governance.audit import newest_entries
from lamplighter.governance.audit import verify as verify_audit_file
from lamplighter.governance.keys import earlier_keys, signed_by_console, signing_key
from lamplighter.runtime.complete import norms_of
from lamplighter.runtime.plugins import load_plugins
from lamplighter.runtime.then_and_now import difference
from lamplighter.store import Store

EARTH_M: Final = 6_371_008.8
FOREVER_MS: Final = 2**62
CSV_HEAD: Final = (
    "source", "epoch", "seq", "n", "datastream", "phenomenon_time_ms", "recorded_time_ms",
    "value", "quality",
)  # fmt: skip


@contextmanager
def opened(project: Path, *, write: bool = False) -> Iterator[Store]:
    """The project's store; closed at the end whatever happens."""
    store = Store.open(project, write=write, clock=SystemClock())
    try:
        yield store
    finally:
        store.close()


def create(project: Path, *, demo: bool = False, name: str = "") -> dict[str, Any]:
    """Make an empty project folder; it is called like its folder unless `name` is given."""
    Store.create(project, name=name or project.resolve().name, demo=demo, clock=SystemClock())
    with opened(project) as store:
        return {"project": str(project.resolve()), "store_version": store.version}


# ---------------------------------------------------------------------- the city
def list_assets(
    project: Path, *, type: str = "", near: tuple[float, float, float] | None = None
) -> list[dict[str, Any]]:
    """Assets as `assets` prints them; `near` is (lon, lat, metres).

    Raises LamplighterError (U-809) for a type no asset has.
    """
    with opened(project) as store:
        found = store.assets()
        contradicted = contradictions(store)
        norms = norms_of(found, store.datastreams(), store.edges(), load_plugins())
    rows = [a for a in found if not type or a.type == type]
    if type and not rows:
        raise fault("U-809", what="type of asset", name=type, lists="assets")
    if near is not None:
        rows = [a for a in rows if _metres(a, near[0], near[1]) <= near[2]]
    keys = ("id", "type", "name", "domain", "lon", "lat", "height_m", "attributes", "source_file")
    listed = []
    for asset in rows:
        known = norms.of(asset)
        row = {k: getattr(asset, k) for k in keys}
        row |= {"completeness": known.score, "missing": list(known.missing)}
        told = contradicted.get(asset.id, ())
        row["contradictions"] = [
            {"what": one.what, "said": [list(said) for said in one.said]} for one in told
        ]
        listed.append(row)
    return listed


def contradictions(store: Store) -> dict[str, tuple[Disagreement, ...]]:
    """Asset id -> what its sources say differently; assets with one voice are left out."""
    records: dict[str, list[Asset]] = {}
    for record in store.said():
        records.setdefault(record.id, []).append(record)
    names = {layer.id: layer.name for layer in store.layers()}
    found = {
        asset: tuple(disagreements(said, names)) for asset, said in records.items() if len(said) > 1
    }
    return {asset: told for asset, told in found.items() if told}


def _metres(asset: Asset, lon: float, lat: float) -> float:
    if asset.lon is None or asset.lat is None:
        return math.inf
    north = math.radians(asset.lat - lat)
    east = math.radians(asset.lon - lon) * math.cos(math.radians((asset.lat + lat) / 2))
    return EARTH_M * math.hypot(north, east)


def list_datastreams(project: Path) -> list[dict[str, Any]]:
    """Every datastream with what is known of it."""
    with opened(project) as store:
        return [msgspec.to_builtins(d) for d in store.datastreams()]


def find_datastream(streams: list[Datastream], name: str) -> Datastream:
    """By `source/name`, else by a name that is unique. Raises LamplighterError (U-802, U-803)."""
    exact = [d for d in streams if d.key == name]
    found = exact or [d for d in streams if d.name == name]
    if not found:
        raise fault("U-802", name=name)
    if len(found) > 1:
        raise fault("U-803", name=name, what=", ".join(d.key for d in found[:5]))
    return found[0]


# ---------------------------------------------------------------------- history
def query_datastream(
    project: Path,
    name: str,
    *,
    from_: str = "",
    to: str = "",
    as_known_at: str = "",
    points: int = 1000,
) -> dict[str, Any]:
    """History of one datastream as `query` prints it."""
    start, end = span(from_, to, "query")
    known = _time(as_known_at, "query") if as_known_at else None
    with opened(project) as store:
        stream = find_datastream(store.datastreams(), name)
        series = store.series(stream.id, start, end, points, known)
        if known is None:
            series = _older(store, stream, series, start, end, points)
    words = {int(q): q.word for q in Quality}
    return {
        "datastream": stream.key,
        "unit": stream.unit,
        "rows": [
            [int(t), _value(stream, float(v)), words[int(q) & CLASS_MASK]]
            for t, v, q in zip(series.time_ms, series.value, series.quality, strict=True)
        ],
        "reduced": series.reduced,
        "low": series.low.tolist() if series.reduced else [],
        "high": series.high.tolist() if series.reduced else [],
        "gaps": [list(g) for g in series.gaps],
        "told_by": series.told_by,
        "told_until_ms": series.told_until_ms,
    }


def _older(
    store: Store, stream: Datastream, series: Series, start: int, end: int, points: int
) -> Series:
    """With what only the historian still has, where the project uses one."""
    from lamplighter.runtime.historian import configured
    from lamplighter.runtime.older import with_older

    config, password = configured(store)
    return with_older(store, stream, series, start, end, points, config, password)


def _value(stream: Datastream, value: float) -> float | str | None:
    if not math.isfinite(value):
        return None
    if stream.states and 0 <= int(value) < len(stream.states):
        return stream.states[int(value)]
    return value


def span(from_: str, to: str, verb: str) -> tuple[int, int]:
    """[from, to) in milliseconds; empty texts mean everything."""
    return (
        _time(from_, verb) if from_ else -FOREVER_MS,
        _time(to, verb) if to else FOREVER_MS,
    )


def _time(text: str, verb: str) -> int:
    try:
        return parse_time(text)
    except ValueError as error:
        raise fault("U-801", what=str(error), name=verb) from None


def optional_time(text: str, verb: str) -> int | None:
    """A moment, None for an empty text. Raises LamplighterError (U-801)."""
    return _time(text, verb) if text else None


def export_observations(
    project: Path, out: Path, *, from_: str = "", to: str = ""
) -> dict[str, Any]:
    """Write every stored observation of the span into a CSV file."""
    start, end = span(from_, to, "export")
    count = 0
    with opened(project) as store:
        try:
            with out.open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(CSV_HEAD)
                for row in store.export_rows(start, end):
                    writer.writerow([safe_cell(cell) for cell in row])
                    count += 1
        except OSError as error:
            raise fault("U-813", name=str(out), what=error.strerror or str(error)) from None
    return {"out": str(out), "objects": count, "licence": ""}


def verify_history(project: Path) -> dict[str, Any]:
    """Every batch's hash and the chain over them."""
    with opened(project) as store:
        check = signed_by_console(store.folder / "keys")
        return dict(msgspec.to_builtins(store.verify(check)))


def prove_batch(project: Path, batch: int, out: Path) -> dict[str, Any]:
    """Write the proof of a sealed batch. Raises LamplighterError (U-804, I-507)."""
    with opened(project) as store:
        proof = store.proof(batch)
    try:
        out.write_text(json.dumps(proof, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise fault("U-813", name=str(out), what=error.strerror or str(error)) from None
    return {
        "out": str(out), "batch": batch, "segment": proof["segment"], "root": proof["root"],
        "content": proof["content"] is not None, "signed": bool(proof["signature"]),
    }  # fmt: skip


# ---------------------------------------------------------------------- the audit record
def verify_audit(project: Path) -> dict[str, Any]:
    """The chain and signed heads of the audit record."""
    with opened(project) as store:
        keys = store.folder / "keys"
        found = verify_audit_file(store.folder / "audit.db", signing_key(keys), earlier_keys(keys))
        return dict(msgspec.to_builtins(found))


def audit_entries(project: Path, limit: int) -> list[dict[str, Any]]:
    """The newest audit entries."""
    with opened(project) as store:
        entries = newest_entries(store.folder / "audit.db", limit)
    return [msgspec.to_builtins(e) for e in entries]


# ---------------------------------------------------------------------- what needs somebody
def list_alarms(project: Path, at: str = "") -> dict[str, Any]:
    """Alarms that are not normal and open incidents, now or at a past moment."""
    moment = _time(at, "alarms") if at else None
    with opened(project) as store:
        if moment is None:
            records, incidents = store.alarms(), store.incidents()
        else:
            records, incidents = (
                store.rewind.alarms(moment, True), store.rewind.incidents(moment, True)
            )  # fmt: skip
        records = [r for r in records if r.state is not AlarmState.NORM]
        incidents = [i for i in incidents if i.active]
    return {
        "alarms": [msgspec.to_builtins(r) for r in records],
        "incidents": [msgspec.to_builtins(i) for i in incidents],
    }


def then_and_now(project: Path, at: str) -> dict[str, Any]:
    """What is known now about a moment and was not known then; see `wire.Difference`."""
    moment = _time(at, "then")
    with opened(project) as store:
        streams = store.datastreams()
        found = difference(store, streams, wire.GetDifference(moment))
    names = {d.id: d.key for d in streams}
    made: dict[str, Any] = msgspec.to_builtins(found)
    made.pop("type", None)
    for change in made["changed"]:
        change["datastream"] = names[change["datastream"]]
        for part in ("then", "now"):
            if math.isnan(change[part]):
                change[part] = None
    return made


def list_prognoses(project: Path) -> list[dict[str, Any]]:
    """One prognosis of every asset, the likeliest first; what else speaks of it in `others`."""
    with opened(project) as store:
        now = SystemClock().wall_ms()
        found = one_each(aged(p, now) for p in store.prognoses())
    return [msgspec.to_builtins(p) for p in found]


# ---------------------------------------------------------------------- pictures
class Drawing(msgspec.Struct, frozen=True):
    """What a picture of the city needs."""

    assets: tuple[Asset, ...]
    tiles: tuple[Path, ...]
    priorities: dict[str, int]
    """asset -> priority of its most urgent active alarm"""


def city_for_drawing(project: Path, at: str = "") -> Drawing:
    """Assets, tile files and abnormal states, now or at a past moment."""
    moment = _time(at, "shot") if at else None
    with opened(project) as store:
        known = store.alarms() if moment is None else store.rewind.alarms(moment, True)
        alarms = [r for r in known if r.active]
        urgent = sorted(alarms, key=lambda r: -r.priority)
        priorities = {r.asset: r.priority for r in urgent}
        folder = store.folder / "cache" / "tiles"
        return Drawing(tuple(store.assets()), tuple(folder / t for t in store.tiles()), priorities)
