"""What becomes of an asset's signals at odds: one standing anomaly, told anew when it grows."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from lamplighter.domain.anomaly import Anomaly
from lamplighter.runtime.relation_watch import RelationFinding

KIND: Final = "together"
GREW: Final = 1.25
MOST: Final = 50
"""of more that begin at once only the farthest off are told"""


def of_relations(
    found: Sequence[RelationFinding],
    calm: Collection[str],
    standing: Mapping[int | str, Anomaly],
    alarmed: Collection[str],
    now_ms: int,
) -> list[Anomaly]:
    """New anomalies, those that grew, and those that are over.

    Nothing new is told of an asset in `alarmed`, nor where the signal that is farthest off has an
    anomaly of its own: it says the same.
    """
    changed: list[Anomaly] = []
    fresh = 0
    for one in sorted(found, key=lambda f: -f.score):
        known = standing.get(one.asset)
        if known is not None:
            if known.kind == KIND and not known.verdict and one.score > GREW * known.score:
                again = _made(one, known.id, known.found_ms)
                since = min(known.since_ms, one.begin_ms)
                changed.append(replace(again, since_ms=since, similar=known.similar))
            continue
        told = one.asset in alarmed or (one.signals and one.signals[0] in standing)
        if told or fresh >= MOST:
            continue
        fresh += 1
        changed.append(_made(one, f"AN-{secrets.token_hex(4)}", now_ms))
    for asset in calm:
        known = standing.get(asset)
        if known is not None and known.kind == KIND:
            changed.append(replace(known, until_ms=now_ms))
    return changed


def _made(one: RelationFinding, name: str, found_ms: int) -> Anomaly:
    return Anomaly(
        name, KIND, one.asset, -1, one.begin_ms, found_ms, one.reason,
        value=one.value, expected=one.fits, spread=one.spread, score=one.score, curve=one.curve,
        signals=one.signals,
    )  # fmt: skip
