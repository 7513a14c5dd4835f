"""Neighbourhoods: around a place, inside a drawn line, in a district."""

from __future__ import annotations

from lamplighter.domain.city import Asset
from lamplighter.domain.neighbourhood import around, contained, inside, places


def town() -> list[Asset]:
    made = [
        Asset(f"{c}{r}", "Detector", "", "traffic", lon=10 + 0.001 * c, lat=50 + 0.001 * r)
        for c in range(3)
        for r in range(3)
    ]
    return [*made, Asset("lost", "Detector", "", "traffic")]


def test_around_counts_metres_and_leaves_out_what_has_no_place() -> None:
    at = places(town())
    assert "lost" not in at
    assert around(at, ["11"], 75.0) == {"11", "01", "21"}  # east is shorter than north here
    assert around(at, ["11"], 115.0) == {"11", "01", "21", "10", "12"}
    assert around(at, ["lost"], 1e9) == set()


def test_inside_follows_the_drawn_line_also_where_it_bends_in() -> None:
    at = places(town())
    x, y = at["11"]
    square = [(x - 200, y - 50), (x + 200, y - 50), (x + 200, y + 50), (x - 200, y + 50)]
    assert inside(at, square) == {"01", "11", "21"}
    bent = [(-200, -200), (200, -200), (200, 200), (20, 200), (20, -150), (-200, -150)]
    assert "11" not in inside(at, bent) and "21" in inside(at, bent)
    assert inside(at, square[:2]) == set()


def test_an_area_holds_what_its_areas_hold_and_a_ring_of_areas_ends() -> None:
    contents = {"city": ["north", "south"], "north": ["a", "b"], "south": ["c", "city"]}
    assert contained(contents, "city") == {"north", "south", "a", "b", "c", "city"}
    assert contained(contents, "north") == {"a", "b"}
