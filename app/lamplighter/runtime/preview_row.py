"""What a datastream would get, as a row of a preview: of a feed on trial, or a file of the past."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from lamplighter.domain import wire
from lamplighter.domain.quality import CLASS_MASK, Quality


class Seen(NamedTuple):
    """Its points so far, three (n,) arrays with n of one or more; in any order of time."""

    time_ms: np.ndarray[Any, Any]
    value: np.ndarray[Any, Any]
    quality: np.ndarray[Any, Any]


def preview_row(
    key: str,
    unit: str,
    seen: Seen,
    place: tuple[str, str],
    word: Callable[[int], str] | None = None,
) -> wire.PreviewRow:
    """`place`: the asset and how it was found; `word` of a state, where its values are words."""
    last = int(np.argmax(seen.time_ms))
    value = float(seen.value[last])
    asset, how = place
    return wire.PreviewRow(
        key,
        unit,
        word(int(value)) if word is not None else f"{value:.6g}",
        int(seen.time_ms[last]),
        Quality(int(seen.quality[last]) & CLASS_MASK).word,
        len(seen.time_ms),
        None if word is not None else float(seen.value.min()),
        None if word is not None else float(seen.value.max()),
        asset,
        how,
    )
