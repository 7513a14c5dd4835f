"""When a work order is late, and what it still lacks before it may be closed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

from msgspec.structs import replace

from lamplighter.domain.maintenance import JobTemplate, Part, Step, WorkOrder

Item = TypeVar("Item", Step, Part)

FOUND: Final = "found"
NOT_FOUND: Final = "not found"
FAILED: Final = "failed"
FINDINGS: Final = (FOUND, NOT_FOUND, FAILED)
STATES: Final = ("open", "planned", "done", "cancelled")
_SAID: Final = {
    "done": frozenset({"closed", "close", "complete", "completed", "finished", "executed"}),
    "cancelled": frozenset({"canceled", "rejected", "void", "withdrawn"}),
    "planned": frozenset({"scheduled", "in progress", "in work"}),
}
"""what other programs call a state -> ours"""
STANDING: Final = frozenset({"open", "planned"})


def is_standing(order: WorkOrder) -> bool:
    """Whether somebody still has to do it."""
    return order.state in STANDING


def is_overdue(order: WorkOrder, now_ms: int) -> bool:
    """Whether it should have been done by now."""
    return is_standing(order) and 0 < order.due_ms < now_ms


def out_of_limits(step: Step) -> bool:
    """Whether a reading lies outside its limits."""
    if not step.reads or step.reading is None:
        return False
    low = step.low is not None and step.reading < step.low
    return low or (step.high is not None and step.reading > step.high)


def lacks(step: Step) -> str:
    """What a line still needs, in a few words; empty when nothing."""
    if step.reads:
        if step.reading is None:
            return f"the reading '{step.text}' is missing" if step.required else ""
        if out_of_limits(step) and not step.note.strip():
            return f"the reading '{step.text}' is outside its limits and has no note"
        return ""
    return f"'{step.text}' is not done" if step.required and not step.done else ""


def missing(order: WorkOrder) -> tuple[str, ...]:
    """What keeps an order from being closed, in the order of its checklist."""
    return tuple(words for words in map(lacks, order.steps) if words)


def progress(order: WorkOrder) -> tuple[int, int]:
    """Lines of the checklist that have an answer, and all of them."""
    done = sum(s.reading is not None if s.reads else s.done for s in order.steps)
    return done, len(order.steps)


def finding_text(kind: str, cause: str) -> str:
    """`found: bearing worn`. Raises ValueError for what is none of `FINDINGS`."""
    if kind not in FINDINGS:
        raise ValueError(f"'{kind}' is none of {', '.join(FINDINGS)}")
    return f"{kind}: {cause.strip()}".rstrip(": ")


def finding_of(order: WorkOrder) -> tuple[str, str]:
    """(one of `FINDINGS` or empty, the cause) of a closed order."""
    for kind in FINDINGS:
        if order.finding == kind or order.finding.startswith(f"{kind}:"):
            return kind, order.finding[len(kind) + 1 :].strip()
    return "", order.finding


def state_said(text: str, *, closed: bool) -> str:
    """One of `STATES` for a word of another program's; an unknown word counts as no word: then an
    order with a time of closing is done.
    """
    word = " ".join(text.lower().replace("_", " ").replace("-", " ").split())
    known = next((ours for ours, theirs in _SAID.items() if word in theirs), word)
    return known if known in STATES else "done" if closed else "open"


def finding_said(text: str) -> str:
    """A finding with its kind in small letters, as `finding_of` reads it: `Failed: x`, `FAILED`."""
    kind, mark, cause = text.strip().partition(":")
    word = kind.strip().lower()
    return finding_text(word, cause) if word in FINDINGS and (mark or not cause) else text


def template_for(templates: Iterable[JobTemplate], asset_type: str) -> tuple[JobTemplate, ...]:
    """Templates that fit a type of asset, those written for it before those for any."""
    own, general = [], []
    for template in templates:
        if asset_type in template.asset_types:
            own.append(template)
        elif not template.asset_types:
            general.append(template)
    return (*own, *general)


def with_template(order: WorkOrder, template: JobTemplate) -> WorkOrder:
    """An order with a template's checklist and parts added; what it says already stays."""
    known = {s.text for s in order.steps}
    names = {p.name for p in order.parts}
    steps = [*order.steps, *(s for s in template.steps if s.text not in known)]
    parts = [*order.parts, *(p for p in template.parts if p.name not in names)]
    return replace(
        order,
        steps=_numbered(steps, "s"),
        parts=_numbered(parts, "p"),
        skill=order.skill or template.skill,
        minutes=template.minutes if order.minutes == WorkOrder("", "", "").minutes
        else order.minutes,
        isolation=order.isolation or template.isolation,
    )  # fmt: skip


def _numbered(items: list[Item], letter: str) -> tuple[Item, ...]:
    """Every item with an id of its own; ids that are there stay."""
    used = {i.id for i in items if i.id}
    found: list[Item] = []
    number = 0
    for item in items:
        if item.id and all(f.id != item.id for f in found):
            found.append(item)
            continue
        number += 1
        while f"{letter}{number}" in used:
            number += 1
        found.append(replace(item, id=f"{letter}{number}"))
    return tuple(found)
