"""Reads what a source says about itself, and its last will."""

from __future__ import annotations

import math
from typing import Any

from lamplighter.domain.observation import SourceLife
from lamplighter.pipeline.careful import Fault, is_counter, parse


def read_announcement(
    payload: bytes, source: int, before: SourceLife | None, heard_ms: int
) -> SourceLife | Fault:
    """The source's life; a last will keeps what the announcement before it said. Never raises."""
    tree = parse(payload)
    if isinstance(tree, Fault):
        return tree
    if not isinstance(tree, dict):
        return Fault("D-109", "an announcement must be an object")
    epoch = tree.get("epoch")
    if not is_counter(epoch):
        return Fault("D-113", "an announcement without a usable epoch")
    if tree.get("offline") is True:
        known = before if before is not None and before.epoch == epoch else None
        return SourceLife(
            source,
            epoch,
            known.first_seq if known else 0,
            known.next_seq if known else 0,
            known.heartbeat_s if known else 0.0,
            known.retains if known else False,
            True,
            heard_ms,
            known.period_s if known else 0.0,
            known.on_change if known else False,
        )
    first, following = tree.get("first_seq", 0), tree.get("next_seq", 0)
    if not (is_counter(first) and is_counter(following) and first <= following):
        return Fault("D-113", "an announcement whose numbers do not fit")
    return SourceLife(
        source,
        epoch,
        first,
        following,
        _seconds(tree.get("heartbeat_s", 0)),
        tree.get("retains") is True,
        False,
        heard_ms,
        _seconds(tree.get("period_s", 0)),
        tree.get("on_change") is True,
    )


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if math.isfinite(value) and 0 < value <= 86_400 else 0.0
