"""The lane of a project that nobody records now."""

from __future__ import annotations

from pathlib import Path

from lamplighter.domain import wire
from lamplighter.runtime.project import opened
from lamplighter.runtime.suspicion_lane import stored_suspects, stored_withheld


def state_alone(project: Path) -> wire.Suspects:
    """What stood when the last recorder ended. Raises LamplighterError for no project."""
    with opened(project) as store:
        items = sorted(stored_suspects(store), key=lambda s: (not s.standing, -s.since_ms))
        return wire.Suspects(tuple(items), tuple(stored_withheld(store)))
