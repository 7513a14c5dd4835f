"""What keeps the writer from writing is told once, and nothing of it stays when it is over."""

from __future__ import annotations

from lamplighter.domain import wire
from lamplighter.domain.problems import fault
from lamplighter.runtime.storage_fault import StorageFault


def test_of_two_reasons_after_another_none_stays_once_it_writes_again() -> None:
    shown: set[str] = set()

    def emit(event: wire.Event) -> None:
        assert isinstance(event, wire.ProblemRaised)
        (shown.discard if event.over else shown.add)(event.problem.code)

    storage = StorageFault(emit)
    storage.failed(fault("A-402", what="history.db", still="What comes in waits."))
    storage.look(1_000)
    assert shown == {"A-401"}
    storage.look(1_000)
    assert shown == {"A-401"}
    storage.well()
    assert not shown
