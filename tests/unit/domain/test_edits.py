"""Records edited in several places come to the same whatever the order, and nothing is lost."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from lamplighter.domain.edits import Edit, Edits, Value, first_edits
from lamplighter.domain.maintenance import Part, Step, WorkOrder
from lamplighter.domain.order_fields import changes_between, fields_of, order_from

FIELDS = ("state", "note", "isolation", "acknowledged", "step.a.done")


def put(place: Edits, field: str, value: Value, at: int = 0, who: str = "ann") -> Edit:
    made = place.set("order/1", field, value, origin=who, author=who, made_ms=at)
    assert made is not None
    return made


def test_an_edit_that_saw_the_last_one_replaces_it() -> None:
    here = Edits()
    put(here, "state", "open", 1)
    put(here, "state", "done", 0)
    assert here.value("order/1", "state") == "done"
    assert here.conflicts() == ()


def test_setting_what_stands_already_makes_no_edit() -> None:
    here = Edits()
    put(here, "state", "open")
    assert here.set("order/1", "state", "open", origin="x", author="x", made_ms=9) is None


def parted(field: str, first: Value, one: Value, two: Value) -> Edits:
    """Two consoles that knew `first` and then set different values, brought together."""
    start = Edits(first_edits("order/1", {field: first}, 0))
    left, right = Edits(start.all()), Edits(start.all())
    put(left, field, one, 5, "ann")
    put(right, field, two, 9, "bo")
    for edit in right.all():
        left.add(edit)
    return left


def test_an_ordinary_conflict_shows_the_latest_and_is_listed() -> None:
    both = parted("note", "old", "ann's", "bo's")
    assert both.value("order/1", "note") == "bo's"
    (conflict,) = both.conflicts()
    assert [h.value for h in conflict.heads] == ["bo's", "ann's"]
    assert conflict.agreed == "old" and not conflict.safety


def test_a_field_about_safety_keeps_what_was_agreed_until_somebody_decides() -> None:
    both = parted("isolation", "locked out", "removed", "moved to panel 4")
    assert both.value("order/1", "isolation") == "locked out"
    assert both.conflicts()[0].safety
    put(both, "isolation", "removed", 1, "carl")
    assert both.value("order/1", "isolation") == "removed"
    assert both.conflicts() == ()


def test_what_only_grows_is_never_taken_back_by_a_merge() -> None:
    both = parted("acknowledged", False, True, None)
    assert both.value("order/1", "acknowledged") is True
    assert both.conflicts() == ()


def test_the_same_value_from_two_places_is_no_conflict() -> None:
    assert parted("state", "open", "done", "done").conflicts() == ()


def test_an_edit_made_on_an_old_view_is_a_conflict_and_not_an_overwrite() -> None:
    here = Edits()
    old = put(here, "note", "first", 1)
    put(here, "note", "second", 2)
    here.set("order/1", "note", "mine", origin="b", author="b", made_ms=3, seen=(old.id,))
    assert {h.value for h in here.heads("order/1", "note")} == {"second", "mine"}


@pytest.mark.parametrize("seed", range(12))
def test_three_consoles_agree_in_any_order_and_keep_every_edit(seed: int) -> None:
    chance = random.Random(seed)
    start = first_edits("order/1", {"state": "open", "isolation": "locked"}, 0)
    places = [Edits(start) for _ in range(3)]
    made: set[str] = {e.id for e in start}
    for _ in range(60):
        place = chance.choice(places)
        if chance.random() < 0.25:
            for edit in chance.sample(other := chance.choice(places).all(), len(other)):
                place.add(edit)
            continue
        edit = place.set(
            f"order/{chance.randrange(2)}", chance.choice(FIELDS), chance.randrange(4),
            origin="o", author="a", made_ms=chance.randrange(9),
        )  # fmt: skip
        if edit is not None:
            made.add(edit.id)
    everything = [e for p in places for e in p.all()]
    for place in places:
        chance.shuffle(everything)
        for edit in everything:
            place.add(edit)
    one, *others = places
    assert {e.id for e in one.all()} == made
    for other in others:
        assert other.all() == one.all()
        assert other.conflicts() == one.conflicts()
        assert [other.record(o) for o in other.objects()] == [one.record(o) for o in one.objects()]


def test_an_order_survives_the_way_through_its_fields() -> None:
    order = WorkOrder(
        "WO-1", "P-1", "Change the bearing", due_ms=5,
        steps=(Step("b", "Read", reads=True, unit="mm/s", high=4, reading=3.2), Step("a", "Lock")),
        parts=(Part("p", "Bearing 6204", quantity=2),),
    )  # fmt: skip
    assert order_from("WO-1", fields_of(order)) == order


def test_changes_between_two_orders_turn_one_into_the_other() -> None:
    before = WorkOrder("W", "P", "T", note="x", steps=(Step("a", "A"), Step("b", "B", reading=1.0)))
    after = replace(before, note="", steps=(Step("b", "B"), Step("c", "C")), state="done")
    fields = fields_of(before) | changes_between(before, after)
    assert order_from("W", {f: v for f, v in fields.items() if v is not None}) == after


def test_a_safety_field_goes_back_behind_a_past_that_itself_forked() -> None:
    """Two people settled one conflict in two ways: no clock says which of the two was agreed."""
    both = parted("isolation", "locked", "open", "half open")
    one, other = Edits(both.all()), Edits(both.all())
    put(one, "isolation", "closed", 20)
    put(other, "isolation", "removed", 30)
    for edit in other.all():
        one.add(edit)
    (found,) = one.conflicts()
    assert (found.shown, found.agreed) == ("locked", "locked")


def test_an_acknowledgement_is_never_taken_back_even_by_one_who_saw_it() -> None:
    here = Edits()
    put(here, "acknowledged.7", True)
    assert here.value("order/1", "acknowledged.7") is True
    put(here, "acknowledged.7", False, 9)
    assert here.value("order/1", "acknowledged.7") is True
    assert here.conflicts() == ()


def test_an_edit_settles_nothing_but_its_own_field() -> None:
    here = Edits()
    first = put(here, "state", "open")
    here.set("order/1", "note", "x", origin="b", author="b", made_ms=1, seen=(first.id,))
    assert here.value("order/1", "state") == "open"


def test_forged_edits_that_see_themselves_or_each_other_hide_nothing() -> None:
    one = Edit("a", "order/1", "note", "A", ("b", "a"), "x", 1, "x")
    two = Edit("b", "order/1", "note", "B", ("a",), "x", 2, "x")
    here = Edits([one, two])
    assert {h.id for h in here.heads("order/1", "note")} == {"a", "b"}
    assert here.value("order/1", "note") == "B" and len(here.conflicts()) == 1


def test_conflicts_are_known_after_every_change() -> None:
    here = parted("note", "old", "one", "two")
    assert len(here.conflicts()) == 1 and len(here.conflicts()) == 1
    put(here, "note", "settled", 50)
    assert here.conflicts() == ()
    here.set("order/1", "note", "late", origin="c", author="c", made_ms=60, seen=())
    assert [c.field for c in here.conflicts()] == ["note"]
