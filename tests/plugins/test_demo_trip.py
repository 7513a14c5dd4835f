"""The demo district's substation trip: its own books, our rules, one incident."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from lamplighter.alarms import AlarmEngine
from lamplighter.domain.city import Asset, Datastream, Edge, Limits
from lamplighter.domain.newest_block import NewestValues, blank
from lamplighter.field.city_generator import generate
from lamplighter.plugin_host import PluginHost, bound_rules, described, kind_table
from lamplighter.twin import DependencyGraph

ROOT = Path(__file__).parents[2]
TRIPPED = "SS-04"


@dataclass
class _District:
    assets: list[Asset]
    graph: DependencyGraph
    streams: list[Datastream]
    engine: AlarmEngine

    def below(self, kind: str) -> list[Datastream]:
        """Datastreams of a kind that lose their supply with the substation."""
        lost = self.graph.downstream(TRIPPED) | {TRIPPED}
        return [s for s in self.streams if s.kind == kind and s.asset in lost]


def _rows(folder: Path, name: str) -> Iterator[dict[str, str]]:
    (file,) = folder.rglob(name)
    with file.open(encoding="utf-8", newline="") as handle:
        yield from csv.DictReader(handle)


def _number(text: str) -> float | None:
    return float(text) if text else None


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("district")
    generate(ROOT / "resources" / "demo", folder)
    return folder


@pytest.fixture
def district(books: Path) -> _District:
    plugins = PluginHost([ROOT / "plugins"], trusted_by_path=[ROOT / "plugins"]).loaded()
    kinds = kind_table(plugins)
    assets = [
        Asset(r["id"], r["type"], r["name"], r["domain"], people=int(r["people"] or 0))
        for r in _rows(books, "assets.csv")
    ]
    edges = [
        Edge(r["source"], r["kind"], r["target"], "project")
        for r in _rows(books, "connections.csv")
    ]
    streams = []
    for number, r in enumerate(_rows(books, "datastreams.csv")):
        limits = Limits(*(_number(r[k]) for k in ("low_low", "low", "high", "high_high")))
        states = tuple(r["states"].split("|")) if r["states"] else ()
        stream = Datastream(
            number, r["source"], r["datastream"], r["unit"], r["kind"], r["asset"],
            limits=limits, states=states,
        )  # fmt: skip
        streams.append(described(stream, kinds))
    graph = DependencyGraph(assets, edges)
    engine = AlarmEngine(bound_rules(plugins, assets, streams), graph, name_of=graph.name)
    return _District(assets, graph, streams, engine)


def _quiet(district: _District) -> NewestValues:
    """Values in the middle of their limits; states as they are when nothing is wrong."""
    values = blank(len(district.streams))
    well = {"pump_state": "running", "breaker_state": "closed", "signal_state": "green"}
    for s in district.streams:
        limits = [v for v in (s.limits.low, s.limits.high) if v is not None]
        if s.states:
            values.value[s.id] = s.states.index(well.get(s.kind, s.states[0]))
        elif s.kind == "bus_voltage":
            values.value[s.id] = 10.0
        else:
            values.value[s.id] = sum(limits) / 2 if len(limits) == 2 else 0.0
    return values


def _step(district: _District, values: NewestValues, second: int) -> None:
    values.time_ms[:] = second * 1000
    fresh = np.zeros(len(values), np.bool_)
    district.engine.step(second, second * 1000, values, fresh)


def test_every_kind_of_the_demo_is_defined_in_a_unit_that_is_known(district: _District) -> None:
    plugins = PluginHost([ROOT / "plugins"], trusted_by_path=[ROOT / "plugins"]).loaded()
    kinds = kind_table(plugins)
    strange = {(s.kind, s.unit) for s in district.streams if s.kind not in kinds}
    strange |= {
        (s.kind, s.unit)
        for s in district.streams
        if s.kind in kinds and kinds[s.kind].factor(s.unit) is None
    }
    assert strange == set()


def test_a_quiet_district_has_no_alarm(district: _District) -> None:
    for second in range(1, 200, 10):
        _step(district, _quiet(district), second)
    assert district.engine.records() == []


def test_the_trip_is_one_incident_with_its_pumps_and_signals(district: _District) -> None:
    _step(district, _quiet(district), 1)
    values = _quiet(district)
    for kind, state in (
        ("breaker_state", "tripped"),
        ("pump_state", "no supply"),
        ("signal_state", "dark"),
    ):
        for s in district.below(kind):
            values.value[s.id] = s.states.index(state)
    for kind in ("voltage", "bus_voltage"):
        for s in district.below(kind):
            values.value[s.id] = 0.0
    for second in range(20, 26):
        _step(district, values, second)

    (incident,) = district.engine.incidents()
    rules = [key.split("@")[0] for key in incident.folded]
    assert incident.cause == f"power.bus-tripped@{TRIPPED}"
    assert rules.count("water.pump-supply-lost") == 2
    assert rules.count("mobility.signal-dark") == 11
    assert incident.people_affected == 3412
    assert [r.key for r in district.engine.records() if not r.incident] == [incident.cause]

    for second in range(30, 60):
        _step(district, _quiet(district), second)
    assert district.engine.incidents() == []
    assert not [r for r in district.engine.records() if r.active]
