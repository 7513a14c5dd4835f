"""Bugs put into the link to brokers on purpose: each must turn its fault run red."""

from __future__ import annotations

import pytest
from tests.faults import part_sparkplug

from lamplighter.pipeline import sparkplug_host

pytestmark = pytest.mark.faults


def test_a_sequence_that_is_counted_on_wrongly_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert part_sparkplug.passed(part_sparkplug.run(8))
    monkeypatch.setattr(sparkplug_host, "_LATE", 0)
    assert not part_sparkplug.passed(part_sparkplug.run(8))


def test_a_host_that_loses_what_was_overtaken_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = sparkplug_host._Session.number

    def forward_only(self: sparkplug_host._Session, seq: int, content: int) -> int:
        number = real(self, seq, content)
        return number if number >= self.end - 1 else self.end

    monkeypatch.setattr(sparkplug_host._Session, "number", forward_only)
    assert not part_sparkplug.passed(part_sparkplug.run(8))
