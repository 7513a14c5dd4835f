"""What people said of anomalies and suspicions, kept, and how the finding of them fared by it."""

from __future__ import annotations

from typing import Final

import msgspec

from lamplighter.analytics.verdict_board import verdicts
from lamplighter.domain.anomaly import FALSE, REAL
from lamplighter.domain.models import ToldOf, VerdictRow
from lamplighter.domain.suspicion import SUSPECT, Suspect
from lamplighter.store import Store, WriteAccess

VERDICT: Final = "verdict "
"""prefix of the settings that hold what a person said of a suspicion"""
SENSOR: Final = "sensor: "
"""detectors of suspect sensors are named by what it looked like"""


def said_of(suspect: Suspect, asset: str, verdict: str) -> tuple[str, ToldOf]:
    """(name of the setting, what is kept) when a person judged a suspicion."""
    name = f"{VERDICT}{suspect.id}\x1f{suspect.kind}\x1f{suspect.since_ms}"
    return name, ToldOf(SENSOR + suspect.kind, asset, suspect.since_ms, verdict)


def keep_verdict(access: WriteAccess, name: str, said: ToldOf) -> None:
    """The last word of a person about one suspicion counts."""
    access.put_setting(name, msgspec.json.encode(said).decode())


def told_of(store: Store) -> list[ToldOf]:
    """All anomalies, the suspicions of the lane, and those that a person took off it."""
    found = [ToldOf(a.kind, a.asset, a.found_ms, a.verdict) for a in store.anomalies()]
    asset_of = {d.key: d.asset for d in store.datastreams()}
    judged = store.settings(VERDICT)
    for text in store.settings(SUSPECT).values():
        suspect = msgspec.json.decode(text, type=Suspect)
        name, open_ = said_of(suspect, asset_of.get(suspect.key, ""), "")
        if name not in judged:
            found.append(open_)
    return found + [msgspec.json.decode(text, type=ToldOf) for text in judged.values()]


def verdict_board(store: Store, now_ms: int) -> tuple[VerdictRow, ...]:
    """One row per class of asset, then one per detector, of everything ever told."""
    classes = {a.id: a.type for a in store.assets()}
    return verdicts(told_of(store), store.work_orders(), classes, now_ms)


__all__ = ["FALSE", "REAL", "keep_verdict", "said_of", "told_of", "verdict_board"]
