"""Folding against what the manual promises of it, for random graphs and random alarms."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

from lamplighter.alarms import fold, folded_under
from lamplighter.domain.alarm import AlarmRecord, AlarmState, Incident
from lamplighter.domain.city import Asset, Edge
from lamplighter.twin import DependencyGraph

S = AlarmState
START = 1_795_305_600_000
ASIDE = {S.SHELVED, S.SUPPRESSED, S.OUT_OF_SERVICE}
Fold = Callable[[Sequence[AlarmRecord], DependencyGraph], list[Incident]]


def _case(rng: random.Random) -> tuple[list[AlarmRecord], dict[str, set[str]], DependencyGraph]:
    """Alarms that are not normal, what each asset leads to (by hand), and the same as a graph."""
    names = [f"A{n}" for n in range(rng.randrange(2, 9))]
    pairs = {(rng.choice(names), rng.choice(names)) for _ in range(rng.randrange(0, 14))}
    pairs = {(a, b) for a, b in pairs if a != b}
    leads: dict[str, set[str]] = {name: {name} for name in names}
    for _ in names:
        for a, b in pairs:
            leads[a] |= leads[b]
    records = []
    for n in range(rng.randrange(1, 16)):
        begun = START + rng.choice((0, 3_000, 4_999, 5_000, 5_001, 60_000, 3_600_000, 3_600_001))
        state = rng.choice([*S][1:] + [S.UNACK] * 4)
        active = state in {S.UNACK, S.ACKED} or (state in ASIDE and rng.random() < 0.5)
        records.append(
            AlarmRecord(
                f"r{n}", rng.choice(names), n, state, rng.choice((1, 2, 3, 4)), "", active,
                begun, begun, is_cause=rng.random() < 0.5,
            )
        )  # fmt: skip
    assets = [Asset(name, "Pump", name, "water", people=rng.randrange(50)) for name in names]
    return records, leads, DependencyGraph(assets, [Edge(a, "feeds", b, "p") for a, b in pairs])


def _explains(cause: AlarmRecord, other: AlarmRecord, leads: dict[str, set[str]]) -> bool:
    """The three lines of the manual."""
    return (
        cause.is_cause
        and cause.state in {S.UNACK, S.ACKED}
        and cause.key != other.key
        and other.asset in leads[cause.asset]
        and cause.since_ms - 5_000 <= other.since_ms <= cause.since_ms + 3_600_000
    )


def _wrong(made: Fold, cases: int, seed: int = 20261128) -> list[str]:
    """What is broken, in words."""
    rng, found = random.Random(seed), []
    for number in range(cases):
        records, leads, graph = _case(rng)
        by_key = {r.key: r for r in records}
        incidents = made(records, graph)
        inside = [key for i in incidents for key in i.folded]
        rows = by_key.keys() - folded_under(incidents).keys()
        broken = {
            "hidden": rows | set(inside) != by_key.keys(),
            "twice": len(inside) != len(set(inside)) or bool(rows & set(inside)),
            "critical folded": any(by_key[k].priority == 1 for k in inside if k in by_key),
            "no row for a cause": any(i.cause not in rows for i in incidents),
            "empty": any(not i.folded for i in incidents),
            "set aside folded": any(by_key[k].state in ASIDE for k in inside if k in by_key),
            "not explained": any(
                not any(_explains(c, by_key[k], leads) for c in records)
                for k in inside if k in by_key
            ),
            "by no cause of its own": any(
                by_key[k].asset not in leads[by_key[i.cause].asset]
                for i in incidents for k in i.folded if k in by_key and i.cause in by_key
            ),
            "left out": any(
                r.key in rows and r.priority != 1 and r.state not in ASIDE and not r.is_cause
                and any(_explains(c, r, leads) for c in records)
                for r in records
            ),
        }  # fmt: skip
        found += [f"{name} in case {number}" for name, is_so in broken.items() if is_so]
    return found


def test_rows_and_incidents_together_are_all_alarms() -> None:
    assert _wrong(lambda r, g: fold(r, g), 2_000) == []


def _replaced(change: Callable[[Incident, Sequence[AlarmRecord]], Incident]) -> Fold:
    return lambda records, graph: [change(i, records) for i in fold(records, graph)]


@pytest.mark.parametrize(
    ("bug", "made"),
    [
        ("critical folded", _replaced(lambda i, r: _with(i, (*i.folded, *_critical(r))))),
        ("empty", _replaced(lambda i, r: _with(i, ()))),
        ("twice", lambda records, graph: fold(records, graph) * 2),
        ("left out", lambda records, graph: []),
    ],
)
def test_folding_that_hides_is_found_out(bug: str, made: Fold) -> None:
    assert any(words.startswith(bug) for words in _wrong(made, 60))


def _with(incident: Incident, keys: tuple[str, ...]) -> Incident:
    import msgspec

    return msgspec.structs.replace(incident, folded=keys)


def _critical(records: Sequence[AlarmRecord]) -> tuple[str, ...]:
    return tuple(r.key for r in records if r.priority == 1)
