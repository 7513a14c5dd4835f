"""A window killed while somebody types costs little; keeping only at a lost focus costs all."""

from __future__ import annotations

from pathlib import Path

from tests.faults import part_recovery

QUICK = {"keep_ms": 200, "most_s": 1.5}


def test_a_killed_window_gives_back_what_was_typed(tmp_path: Path) -> None:
    found = part_recovery.run(3, tmp_path, longest_s=1.8, **QUICK)  # type: ignore[arg-type]
    assert found.sound, found
    assert found.kills == 3
    assert found.typed > 3


def test_drafts_kept_only_at_a_lost_focus_are_found_out(tmp_path: Path) -> None:
    found = part_recovery.run(1, tmp_path, longest_s=2.2, at_focus=True, **QUICK)  # type: ignore[arg-type]
    assert found.too_old == 1
    assert not found.sound
