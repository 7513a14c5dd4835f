"""Badges and labels over the 3D city never hide each other; nothing is lost when they merge."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.ui.twin_labels import (
    MERGE_PX,
    MOST_LABELS,
    Badge,
    Placed,
    Spot,
    lay_out,
    merged,
    overlap,
)

places = st.tuples(st.floats(0, 900), st.floats(0, 600), st.integers(1, 4), st.booleans())


def _spots(rows: list[tuple[float, float, int, bool]]) -> list[Spot]:
    return [
        Spot(Badge(f"A{n}", priority, title=f"A{n}" if label else ""), x, y, 150.0, 40.0)
        for n, (x, y, priority, label) in enumerate(rows)
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(places, max_size=40))
def test_labels_do_not_collide_and_every_badge_is_counted(
    rows: list[tuple[float, float, int, bool]],
) -> None:
    taken = [(0.0, 0.0, 200.0, 40.0)]
    placed = lay_out(_spots(rows), 900, 600, taken)
    labels = [p for p in placed if p.label]
    assert len(labels) <= MOST_LABELS
    for a, b in itertools.combinations([p.box for p in labels] + taken, 2):
        assert not overlap(a, b)
    for one in labels:
        left, top, wide, tall = one.box
        assert left >= 0 and top >= 0 and left + wide <= 900 and top + tall <= 600
    assert sum(p.count for p in placed) == len(rows)


@settings(max_examples=60, deadline=None)
@given(st.lists(places, max_size=40))
def test_glyphs_that_stay_are_eighteen_pixels_apart(
    rows: list[tuple[float, float, int, bool]],
) -> None:
    glyphs = merged([Spot(s.badge, s.x, s.y) for s in _spots(rows)])
    for a, b in itertools.combinations(glyphs, 2):
        assert abs(a.x - b.x) >= MERGE_PX or abs(a.y - b.y) >= MERGE_PX


def test_a_merged_glyph_shows_the_most_urgent() -> None:
    spots = [Spot(Badge("low", 4), 100, 100), Spot(Badge("high", 1), 105, 102)]
    (one,) = merged(spots)
    assert one.badge.asset == "high" and one.count == 2


def test_the_selected_asset_keeps_its_label_in_a_crowd() -> None:
    spots = [Spot(Badge(f"A{n}", 1, title="x"), 450, 300, 120, 40) for n in range(30)]
    spots.append(Spot(Badge("mine", 4, title="x"), 460, 310, 120, 40))
    labels = [p.badge.asset for p in lay_out(spots, 900, 600, selected="mine") if p.label]
    assert labels[0] == "mine"


def test_badges_far_outside_the_picture_are_left_out() -> None:
    spots = [Spot(Badge("a", 1), -500, 10), Spot(Badge("b", 1), 10, 10)]
    assert [p.badge.asset for p in lay_out(spots, 900, 600)] == ["b"]


def test_a_place_with_a_letter_needs_no_alarm() -> None:
    (one,) = lay_out([Spot(Badge("H1", letter="H"), 50, 50)], 900, 600)
    assert isinstance(one, Placed) and one.badge.letter == "H"


@pytest.mark.parametrize("size", [0, 3])
def test_the_arithmetic_bears_empty_and_tiny_pictures(size: int) -> None:
    spots = _spots([(1.0, 1.0, 1, True)] * size)
    assert np.isfinite([p.x for p in lay_out(spots, 30, 20)]).all()
