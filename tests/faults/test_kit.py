"""Consoles that worked apart come to the same, and planted bugs of the kind are found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from tests.faults import part_kit, part_kit_ways

from lamplighter.domain import edits as rules
from lamplighter.domain.edits import Edit, Edits, Merging
from lamplighter.exchange import kit_pieces
from lamplighter.runtime.edits import EditDesk

pytestmark = pytest.mark.faults
SEED = 3


def test_an_office_and_three_laptops_come_to_the_same(tmp_path: Path) -> None:
    world = part_kit.history(SEED, 25, tmp_path / "world")
    assert world.truth.wrong == []
    assert world.truth.conflicts("office") and world.merges > 6


def last_writer_wins(patch: pytest.MonkeyPatch) -> None:
    real = Edits.heads
    patch.setattr(Edits, "heads", lambda self, o, f: real(self, o, f)[:1])


def dropped_on_conflict(patch: pytest.MonkeyPatch) -> None:
    real = EditDesk.merge

    def merge(self: EditDesk, edits: Iterable[Edit], also: Any = None) -> list[Edit]:
        fits = [e for e in edits if {h.id for h in self.edits.heads(e.object, e.field)} <= {*e.seen}
                or e.id in self.edits]  # fmt: skip
        return real(self, fits, also)

    patch.setattr(EditDesk, "merge", merge)


def acknowledgement_undone(patch: pytest.MonkeyPatch) -> None:
    real = rules.merging_of
    patch.setattr(
        rules,
        "merging_of",
        lambda f: Merging.LATEST if f.startswith("acknowledged") else real(f),
    )


def ordered_by_clocks(patch: pytest.MonkeyPatch) -> None:
    def heads(self: Edits, object: str, field: str) -> tuple[Edit, ...]:
        newest = sorted(self.history(object, field), key=lambda e: e.rank, reverse=True)
        return tuple(e for e in newest if e.made_ms == newest[0].made_ms)

    patch.setattr(Edits, "heads", heads)


def safety_merged(patch: pytest.MonkeyPatch) -> None:
    real = rules.merging_of
    patch.setattr(
        rules, "merging_of",
        lambda f: Merging.LATEST if real(f) is Merging.SAFETY else real(f),
    )  # fmt: skip


@pytest.mark.parametrize(
    "bug",
    [
        last_writer_wins,
        dropped_on_conflict,
        acknowledgement_undone,
        ordered_by_clocks,
        safety_merged,
    ],
)
def test_a_planted_bug_is_found(
    bug: Callable[[pytest.MonkeyPatch], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bug(monkeypatch)
    assert part_kit.history(SEED, 16, tmp_path / "world").truth.wrong


def test_a_kit_whose_cable_is_pulled_goes_on_where_it_was(tmp_path: Path) -> None:
    found = part_kit_ways.run(4, 3, tmp_path)
    assert found["passed"], found


def test_a_transfer_that_begins_anew_each_time_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit_pieces, "missing_in", lambda part, offer: [*range(len(offer.hashes))])
    monkeypatch.setattr(part_kit_ways, "WINDOW", -2)  # nothing may be sent twice
    assert not part_kit_ways.run(4, 3, tmp_path)["passed"]
