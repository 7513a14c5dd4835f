"""The two tasks of a worker: learn what clean history looks like, and look at the last minutes."""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct

from lamplighter.analytics.suspicion.fit import LEAST, LEAST_EXPLAINED, fit
from lamplighter.analytics.suspicion.model import Floats, Longs, SuspicionModel
from lamplighter.analytics.suspicion.verdict import Finding, findings
from lamplighter.domain.task import Progress

GROUP: Final = 200
"""channels that are compared with each other at most; larger groups are cut into such"""


class Learning(Struct, frozen=True):
    """(n, m) values on an even grid of time; NaN where nothing was heard."""

    datastream: np.ndarray
    time_ms: np.ndarray
    values: np.ndarray
    group: np.ndarray
    """(m,) only channels of one group are compared"""


class Models(Struct, frozen=True):
    """One model a group, and the channels that were left out."""

    items: tuple[SuspicionModel, ...]
    watched: int
    """channels that are compared with neighbours"""
    abstained: int


class Looking(Struct, frozen=True):
    """The last rows of the same grid, `datastream` as in `values`' columns."""

    models: tuple[SuspicionModel, ...]
    datastream: np.ndarray
    time_ms: np.ndarray
    values: np.ndarray
    names: tuple[str, ...]
    last: int
    """rows that were not looked at before"""
    strict: float
    early: bool = False
    """less than a whole day was learned"""
    apart: tuple[int, ...] = ()
    """datastreams that are withheld: they are not believed, and not accused again"""
    doubted: tuple[int, ...] = ()
    """datastreams that are suspect already: nobody else is judged by them"""


class Seen(Struct, frozen=True):
    """Findings with datastream ids in the place of rows."""

    items: tuple[Finding, ...]


def learn(payload: Learning, progress: Progress) -> Models:
    """A model of each group that has enough history; groups of one channel are left out."""
    models: list[SuspicionModel] = []
    watched = 0
    parts = _parts(payload.group)
    enough = np.isfinite(payload.values).mean(axis=0) > 0.5
    for number, rows in enumerate(parts):
        rows = rows[enough[rows]]
        progress(number, len(parts), f"{len(rows)} datastreams")
        if rows.size < 2 or payload.values.shape[0] < LEAST:
            continue
        model = fit(payload.values[:, rows], payload.time_ms, payload.datastream[rows])
        models.append(model)
        watched += int(((model.resolution > 0) & (model.explained >= LEAST_EXPLAINED)).sum())
    progress(len(parts), len(parts), f"{watched} are compared")
    return Models(tuple(models), watched, int(payload.datastream.size) - watched)


def _parts(group: Longs) -> list[Longs]:
    found: list[Longs] = []
    for number in np.unique(group):
        rows = np.flatnonzero(group == number).astype(np.int64)
        found += np.array_split(rows, -(-rows.size // GROUP))
    return found


def look(payload: Looking, progress: Progress) -> Seen:
    """What is suspect in the rows that are new."""
    column = {int(d): at for at, d in enumerate(payload.datastream)}
    found: list[Finding] = []
    for number, model in enumerate(payload.models):
        at = np.array([column.get(int(d), -1) for d in model.datastream], np.int64)
        values = np.where(at >= 0, payload.values[:, np.maximum(at, 0)], np.nan)
        names = [payload.names[c] if c >= 0 else "?" for c in at.tolist()]
        told = _told(payload, model, values, names)
        found += [_by_id(model, f) for f in told]
        progress(number + 1, len(payload.models), "")
    return Seen(tuple(found))


def _told(
    payload: Looking, model: SuspicionModel, values: Floats, names: list[str]
) -> list[Finding]:
    """Suspects are judged by all that are not withheld, the others without the suspects."""

    def looked(apart: list[int]) -> list[Finding]:
        return findings(
            model, values, payload.time_ms, names,
            last=payload.last, strict=payload.strict, apart=apart, early=payload.early,
        )  # fmt: skip

    withheld = np.isin(model.datastream, payload.apart)
    doubted = np.isin(model.datastream, payload.doubted) & ~withheld
    told = looked(np.flatnonzero(withheld).tolist())
    if not doubted.any() or not told:
        return told
    others = looked(np.flatnonzero(withheld | doubted).tolist())
    return [f for f in told if doubted[f.row]] + others


def _by_id(model: SuspicionModel, found: Finding) -> Finding:
    from msgspec.structs import replace

    ids = model.datastream
    near = tuple(int(ids[n]) for n in found.neighbours)
    return replace(found, row=int(ids[found.row]), neighbours=near)
