"""Broken relations are told; limits too wide or too narrow, and a model that looks at one signal
alone, are found out.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults import part_relations

from lamplighter.analytics.anomaly import plant, relation

pytestmark = pytest.mark.faults
SMALL = {"relation_pumps": 8, "relation_past": 7, "relation_days": 4}


def test_broken_relations_are_told_and_calm_pumps_are_not(tmp_path: Path) -> None:
    row = part_relations.relations(SMALL, tmp_path)

    assert row["passed"], row


def test_limits_far_beyond_what_was_seen_are_found_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(relation, "MARGIN", (30.0, 30.0))

    assert not part_relations.relations(SMALL, tmp_path)["passed"]


def test_spreads_of_rows_that_were_learned_from_are_found_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = plant.unseen
    monkeypatch.setattr(plant, "unseen", lambda *given: 0.2 * real(*given))

    found = part_relations.relations(SMALL, tmp_path)
    assert not found["passed"]
    assert found["figures"]["false_per_asset_day"] > part_relations.CALM


def test_a_model_that_does_not_look_at_the_other_signals_is_found_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = relation._features
    monkeypatch.setattr(relation, "_features", lambda scaled, *rest: real(0.0 * scaled, *rest))

    assert not part_relations.relations(SMALL, tmp_path)["passed"]
