"""Arrival order changes nothing, and planted bugs of the kind are found."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from tests.faults import part_order

from lamplighter.domain.field_message import RawMessage
from lamplighter.domain.observation import Batch, Committed
from lamplighter.pipeline import Pipeline
from lamplighter.twin import step
from lamplighter.twin.state import TwinState

pytestmark = pytest.mark.faults


def test_stored_and_shown_are_the_same_in_any_order(tmp_path: Path) -> None:
    found = part_order.run(80, tmp_path)

    assert found["passed"], found


def test_a_late_value_that_overwrites_a_newer_one_is_found(tmp_path: Path) -> None:
    def overwrites(state: TwinState, committed: Committed) -> TwinState:
        older = dataclasses.replace(state, time_ms=np.zeros_like(state.time_ms))
        return step(older, committed)

    found = part_order.run(80, tmp_path, fold=overwrites)

    assert found["shown_wrong"] > 0


def test_a_decoder_that_ignores_the_life_of_a_source_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OneLife(Pipeline):
        def take(self, messages: Sequence[RawMessage] = ()) -> Batch:
            batch = super().take(messages)
            one = tuple(msgspec.structs.replace(m, epoch=1) for m in batch.messages)
            return dataclasses.replace(batch, messages=one)

    monkeypatch.setattr(part_order, "Pipeline", OneLife)

    assert part_order.run(80, tmp_path)["missing"] > 0
