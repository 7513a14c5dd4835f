"""When a work order may be closed, is late, and takes a checklist."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from lamplighter.domain.maintenance import JobTemplate, Part, Step, WorkOrder
from lamplighter.domain.order_rules import (
    finding_of,
    finding_text,
    is_overdue,
    missing,
    out_of_limits,
    progress,
    with_template,
)

READS = Step("r", "Vibration", unit="mm/s", reads=True, low=0.0, high=4.5)


def test_a_required_line_a_missing_reading_and_a_reading_outside_without_a_note_keep_it_open() -> (
    None
):
    order = WorkOrder("W", "P", "T", steps=(Step("a", "Lock"), READS, Step("c", "Tidy", False)))
    assert missing(order) == ("'Lock' is not done", "the reading 'Vibration' is missing")
    high = replace(READS, reading=6.0)
    order = replace(order, steps=(Step("a", "Lock", done=True), high))
    assert out_of_limits(high)
    assert missing(order) == ("the reading 'Vibration' is outside its limits and has no note",)
    assert missing(replace(order, steps=(replace(high, note="worn"),))) == ()
    assert missing(replace(order, steps=(replace(READS, required=False),))) == ()


def test_limits_themselves_are_inside() -> None:
    assert not out_of_limits(replace(READS, reading=4.5))
    assert not out_of_limits(replace(READS, reading=0.0))
    assert out_of_limits(replace(READS, reading=-0.1))


def test_late_is_only_what_somebody_still_has_to_do() -> None:
    order = WorkOrder("W", "P", "T", due_ms=1_000)
    assert is_overdue(order, 1_001) and not is_overdue(order, 1_000)
    assert not is_overdue(replace(order, state="done"), 9_999)
    assert not is_overdue(replace(order, due_ms=0), 9_999)


def test_a_finding_is_written_and_read_back() -> None:
    assert finding_text("found", " bearing worn ") == "found: bearing worn"
    assert finding_of(WorkOrder("W", "P", "T", finding="not found")) == ("not found", "")
    assert finding_of(WorkOrder("W", "P", "T", finding="failed: seized")) == ("failed", "seized")
    with pytest.raises(ValueError, match="none of"):
        finding_text("perhaps", "x")


def test_a_checklist_is_added_once_and_what_was_written_stays() -> None:
    job = JobTemplate(
        "j", "Job", (), "pumps", 90, "Off and locked",
        (Step("s1", "Lock"), replace(READS, id="s1")), (Part("p1", "Bearing"),),
    )  # fmt: skip
    order = WorkOrder("W", "P", "T", steps=(Step("s1", "Mine", done=True),), isolation="Mine too")
    made = with_template(with_template(order, job), job)
    assert [s.text for s in made.steps] == ["Mine", "Lock", "Vibration"]
    assert len({s.id for s in made.steps}) == 3
    assert made.steps[0].done and made.isolation == "Mine too"
    assert (made.skill, made.minutes, len(made.parts)) == ("pumps", 90, 1)
    assert progress(made) == (1, 3)
