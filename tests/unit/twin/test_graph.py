"""Who needs whom, and how many people stand behind an asset."""

from __future__ import annotations

import random

from lamplighter.domain.city import Asset, Edge
from lamplighter.domain.ports import Topology
from lamplighter.twin import DependencyGraph


def _asset(name: str, people: int = 0, parent: str = "") -> Asset:
    return Asset(name, "Thing", f"The {name}", "water", people=people, parent=parent)


def _edge(source: str, target: str, kind: str = "feeds", owner: str = "project") -> Edge:
    return Edge(source, kind, target, owner)


def _graph(*edges: Edge, people: dict[str, int] | None = None) -> DependencyGraph:
    names = {e.source for e in edges} | {e.target for e in edges}
    return DependencyGraph([_asset(n, (people or {}).get(n, 0)) for n in sorted(names)], edges)


def test_the_graph_is_the_topology_other_rooms_ask_for() -> None:
    door: Topology = _graph(_edge("a", "b"))
    assert door.upstream("b") == {"a"}


def test_dependence_runs_through_every_kind_of_edge_and_excludes_the_asset_itself() -> None:
    graph = _graph(
        _edge("station", "pump", "contains"),
        _edge("pump", "tank"),
        _edge("tank", "house", "serves"),
        _edge("controller", "pump", "controls"),
        _edge("tank", "gauge", "measured-by"),
    )
    assert graph.downstream("pump") == {"tank", "house", "gauge"}
    assert graph.upstream("house") == {"tank", "pump", "station", "controller"}


def test_a_ring_ends_and_everyone_in_it_depends_on_everyone() -> None:
    graph = _graph(_edge("a", "b"), _edge("b", "c"), _edge("c", "a"))
    assert graph.downstream("a") == {"b", "c"} == graph.upstream("a")


def test_each_person_is_counted_once_though_reached_twice() -> None:
    graph = _graph(
        _edge("s", "p1"),
        _edge("s", "p2"),
        _edge("p1", "house"),
        _edge("p2", "house"),
        people={"house": 40},
    )
    assert graph.people_behind("s") == 40
    assert graph.people_behind("house") == 40


def test_people_of_a_part_are_not_added_to_those_of_the_whole() -> None:
    assets = [_asset("s"), _asset("block", 100), _asset("flat", 4, parent="block")]
    graph = DependencyGraph(assets, [_edge("s", "block"), _edge("s", "flat")])
    assert graph.people_behind("s") == 100
    assert graph.people_behind("flat") == 4


def test_an_edge_holds_while_any_owner_says_so() -> None:
    edges = [_edge("a", "b", owner="water"), _edge("a", "b", owner="gis")]
    graph = _graph(*edges)
    assert graph.owners("a", "feeds", "b") == {"water", "gis"}
    one = DependencyGraph([], edges, closed_owners=["water"])
    assert one.downstream("a") == {"b"}
    none = DependencyGraph([], edges, closed_owners=["water", "gis"])
    assert none.downstream("a") == frozenset()


def test_edges_hold_only_while_they_are_valid() -> None:
    edge = Edge("a", "feeds", "b", "project", valid_from_ms=10, valid_to_ms=20)
    assert [DependencyGraph([], [edge], at_ms=t).downstream("a") for t in (9, 10, 19, 20)] == [
        frozenset(),
        {"b"},
        {"b"},
        frozenset(),
    ]
    assert DependencyGraph([], [edge]).downstream("a") == frozenset()


def test_owners_who_see_opposite_directions_are_shown() -> None:
    graph = _graph(_edge("a", "b", owner="gis"), _edge("b", "a", owner="water"), _edge("b", "c"))
    (found,) = graph.disagreements()
    assert (found.owners, found.opposed_by) == (("gis",), ("water",))


def test_edges_to_unknown_assets_are_counted_as_gaps() -> None:
    graph = DependencyGraph([_asset("a")], [_edge("a", "nowhere")])
    assert graph.gaps == 1


def test_reachability_equals_a_plain_search_on_random_graphs() -> None:
    chance = random.Random(5)
    for _ in range(30):
        names = [f"n{i}" for i in range(12)]
        pairs = [(chance.choice(names), chance.choice(names)) for _ in range(18)]
        people = {n: chance.randint(0, 9) for n in names}
        graph = DependencyGraph(
            [_asset(n, people[n]) for n in names], [_edge(a, b) for a, b in pairs]
        )
        for name in names:
            reached, grew = {name}, True
            while grew:
                more = {b for a, b in pairs if a in reached} - reached
                reached |= more
                grew = bool(more)
            assert graph.downstream(name) == reached - {name}
            assert graph.people_behind(name) == sum(people[n] for n in reached)


def test_people_are_the_same_counted_at_once_or_by_searching() -> None:
    chance = random.Random(8)
    for _ in range(20):
        names = [f"n{i}" for i in range(25)]
        edges = [
            _edge(chance.choice(names), chance.choice(names), chance.choice(("feeds", "contains")))
            for _ in range(35)
        ]
        assets = [
            _asset(n, chance.randint(0, 3), chance.choice(["", "", chance.choice(names)]))
            for n in names
        ]
        graph = DependencyGraph(assets, edges)
        for name in names:
            behind = graph.downstream(name) | {name}
            assert graph.people_behind(name) == graph.people_among(behind)
