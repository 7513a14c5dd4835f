"""Both readings of a moment, worked out row by row from an export: nothing of the store's is used.

`python -m tests.kit.brute_day` writes the golden file that the test of the two times compares with.
"""

from __future__ import annotations

import csv
import json
import sqlite3
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import msgspec

GOLDEN: Final = Path(__file__).parents[1] / "fixtures" / "then_and_now.json"
MOMENT: Final = "03:42"
SPAN_MS: Final = 4 * 3_600_000
Reading = dict[str, Any]


def readings(export: Path, city: Path, at_ms: int) -> Reading:
    """`then`, `now` and where they differ, from an exported CSV file and the file of facts."""
    facts = _facts(city)
    found: Reading = {
        "then": _reading(export, facts, at_ms, known_ms=at_ms),
        "now": _reading(export, facts, at_ms, known_ms=None),
    }
    then, now = found["then"], found["now"]
    found["differ"] = {
        part: sorted(
            key for key in {*then[part], *now[part]} if then[part].get(key) != now[part].get(key)
        )
        for part in then
    }
    return found


def _reading(
    export: Path, facts: list[tuple[Any, ...]], at_ms: int, known_ms: int | None
) -> Reading:
    return {
        "values": _values(export, at_ms, known_ms),
        "curves": _curves(export, at_ms, known_ms),
        "alarms": _alarms_known(facts, at_ms)
        if known_ms is not None
        else _alarms_true(facts, at_ms),
        "causes": _causes(facts, at_ms, known_ms),
        "orders": _orders(facts, at_ms, known_ms),
        "forecasts": {
            key.split("\x1f")[0]: [body["low"], body["high"]]
            for key, body in _last(facts, "prognosis", known_ms).items()
        },
    }


def _values(export: Path, at_ms: int, known_ms: int | None) -> Reading:
    best: dict[str, list[Any]] = {}
    with export.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            when, recorded = int(row["phenomenon_time_ms"]), int(row["recorded_time_ms"])
            if when > at_ms or (known_ms is not None and recorded > known_ms):
                continue
            before = best.get(row["datastream"])
            if before is None or when >= before[0]:
                best[row["datastream"]] = [when, float(row["value"]), row["quality"]]
    return best


def _curves(export: Path, at_ms: int, known_ms: int | None) -> Reading:
    """Points of the four hours before the moment and their sum; a corrected point counts once."""
    points: dict[str, dict[int, float]] = defaultdict(dict)
    with export.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            when, recorded = int(row["phenomenon_time_ms"]), int(row["recorded_time_ms"])
            if at_ms - SPAN_MS <= when <= at_ms and (known_ms is None or recorded <= known_ms):
                points[row["datastream"]][when] = float(row["value"])
    return {name: [len(p), round(sum(p.values()), 6)] for name, p in points.items()}


def _facts(city: Path) -> list[tuple[Any, ...]]:
    """(kind, key, wall_ms, body) in the order in which they were written."""
    sql = sqlite3.connect(f"file:{city}?mode=ro", uri=True)
    try:
        rows = sql.execute("SELECT kind, key, wall_ms, body FROM fact ORDER BY n").fetchall()
    finally:
        sql.close()
    return [(k, key, wall, msgspec.msgpack.decode(b) if b else None) for k, key, wall, b in rows]


def _last(facts: list[tuple[Any, ...]], kind: str, known_ms: int | None) -> Reading:
    found: Reading = {}
    for what, key, wall, body in facts:
        if what == kind and (known_ms is None or wall <= known_ms):
            found[key] = body
    return {key: body for key, body in found.items() if body is not None}


def _alarms_known(facts: list[tuple[Any, ...]], at_ms: int) -> Reading:
    every = _last(facts, "alarm event", at_ms)
    return {
        k: [b["after"], b["record"]["since_ms"]] for k, b in every.items() if b["after"] != "NORM"
    }


def _alarms_true(facts: list[tuple[Any, ...]], at_ms: int) -> Reading:
    """Each alarm's lives, from the condition's begin to the return to normal."""
    events: dict[str, list[Any]] = defaultdict(list)
    for kind, key, _, body in facts:
        if kind == "alarm event":
            events[key].append(body)
    found: Reading = {}
    for key, told in events.items():
        life: list[Any] = []
        for body in told:
            if body["after"] != "NORM":
                life.append(body)
                continue
            if life and life[0]["record"]["since_ms"] <= at_ms < body["time_ms"]:
                found[key] = _of_life(life, at_ms)
            life = []
        if life and life[0]["record"]["since_ms"] <= at_ms:
            found[key] = _of_life(life, at_ms)
    return found


def _of_life(life: list[Any], at_ms: int) -> list[Any]:
    told = [b for b in life if b["time_ms"] <= at_ms] or life[:1]
    return [told[-1]["after"], told[-1]["record"]["since_ms"]]


def _causes(facts: list[tuple[Any, ...]], at_ms: int, known_ms: int | None) -> Reading:
    """Open ones; with all that is known now also those that were found out only later."""
    then = _last(facts, "incident", at_ms)
    found = {k: b["text"] for k, b in then.items() if b["active"]}
    if known_ms is None:
        later = _last(facts, "incident", None)
        found |= {k: b["text"] for k, b in later.items()
                  if k not in then and b["since_ms"] <= at_ms}  # fmt: skip
    return found


def _orders(facts: list[tuple[Any, ...]], at_ms: int, known_ms: int | None) -> Reading:
    every = _last(facts, "work order", known_ms)
    return {
        key: [body["state"], body["note"], body["finding"]]
        for key, body in every.items()
        if known_ms is not None or body["created_ms"] <= at_ms
    }


def told(store: Any, at_ms: int, as_known: bool) -> Reading:
    """The product's reading of a moment, in the words of `readings`."""
    import numpy as np

    from lamplighter.domain import wire
    from lamplighter.domain.quality import CLASS_MASK, Quality
    from lamplighter.runtime.history_answers import corrected, moment

    found = moment(store, wire.GetMoment(at_ms, as_known))
    known = at_ms if as_known else None
    names = {d.id: d.name for d in store.datastreams()}
    curves = {}
    for number, name in names.items():
        curve = corrected(store.series(number, at_ms - SPAN_MS, at_ms + 1, 9_999, known))
        if len(curve.time_ms):
            curves[name] = [len(curve.time_ms), round(float(curve.value.sum()), 6)]
    return {
        "values": {
            names[i]: [
                int(found.time_ms[i]),
                float(found.value[i]),
                Quality(int(found.quality[i] & CLASS_MASK)).word,
            ]
            for i in np.flatnonzero(found.time_ms).tolist()
        },
        "curves": curves,
        "alarms": {a.key: [a.state.value, a.since_ms] for a in found.alarms},
        "causes": {i.id: i.text for i in found.incidents},
        "orders": {o.id: [o.state, o.note, o.finding] for o in found.orders},
        "forecasts": {p.asset: [p.low, p.high] for p in found.prognoses},
    }


def make(folder: Path) -> Reading:
    """Write the day, export it with the product's own verb, and work out both readings."""
    from lamplighter.runtime.project import export_observations
    from tests.kit.past_day import PastDay, Size, at

    project = PastDay(folder / "day", Size(40, 60, 300, 300, 20)).write()
    export_observations(project, folder / "day.csv")
    return readings(folder / "day.csv", project / "city.db", at(MOMENT))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        GOLDEN.write_text(json.dumps(make(Path(name)), indent=1, sort_keys=True) + "\n")
    sys.stdout.write(f"{GOLDEN}\n")
