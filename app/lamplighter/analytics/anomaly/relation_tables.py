"""The relations of many assets as plain arrays: learned in a worker, kept in files, joined.

The same history gives the same bytes. A file is opened only after its signed manifest was checked,
and holds arrays of numbers alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import Struct

from lamplighter.analytics.anomaly import relation
from lamplighter.analytics.anomaly.columns import Columns
from lamplighter.analytics.anomaly.relation import RelationModel
from lamplighter.analytics.model_archive import NotAllowed, look_at_tables
from lamplighter.analytics.model_files import Kept, sha256, verify_files
from lamplighter.domain.problems import fault
from lamplighter.domain.task import Progress

PER_SIGNAL: Final = ("mean", "scale", "low", "high")
PER_TOLD: Final = ("told", "spread", "naive")
PER_ASSET: Final = ("rows", "first_ms", "last_ms")


class RelationTable(Struct, frozen=True):
    """Relations of a assets with S signals, M of them judged; all in the order of the assets.

    `datastream`, `mean`, `scale`, `low`, `high` (S,); `told`, `spread`, `naive` (M,), `limit`
    (2, M), `leans` (M, 2), `weight` (flat); `signals`, `judged`, `rows`, `first_ms`, `last_ms`
    (a,); `turn`, `phase`: the random features.
    """

    assets: tuple[str, ...]
    signals: np.ndarray
    judged: np.ndarray
    datastream: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    low: np.ndarray
    high: np.ndarray
    told: np.ndarray
    spread: np.ndarray
    naive: np.ndarray
    limit: np.ndarray
    leans: np.ndarray
    weight: np.ndarray
    rows: np.ndarray
    first_ms: np.ndarray
    last_ms: np.ndarray
    turn: np.ndarray
    phase: np.ndarray

    def models(self) -> dict[str, RelationModel]:
        """By asset; the names of signals are their datastreams' ids."""
        found: dict[str, RelationModel] = {}
        s = m = w = 0
        for place, asset in enumerate(self.assets):
            count, judged = int(self.signals[place]), int(self.judged[place])
            width = self.phase.size + count + 1
            mine, ours = slice(s, s + count), slice(m, m + judged)
            found[asset] = RelationModel(
                tuple(str(i) for i in self.datastream[mine].tolist()),
                self.mean[mine], self.scale[mine], self.low[mine], self.high[mine],
                self.turn[:count], self.phase, self.told[ours],
                self.weight[w : w + judged * width].reshape(judged, width),
                self.spread[ours], self.naive[ours], self.limit[:, ours], self.leans[ours],
                int(self.rows[place]), int(self.first_ms[place]), int(self.last_ms[place]),
            )  # fmt: skip
            s, m, w = s + count, m + judged, w + judged * width
        return found


ARRAYS: Final = tuple(n for n in RelationTable.__struct_fields__ if n != "assets")
NAMES: Final = "names"
"""in a file: the assets as bytes of text"""


class Histories(Struct, frozen=True):
    """n even rows of some assets' datastreams; column `begins[i]` to `begins[i + 1]` are asset i's.

    `folder`, `file`: where what was learned is left; no folder, no file.
    """

    assets: tuple[str, ...]
    begins: np.ndarray
    datastream: np.ndarray
    time_ms: np.ndarray
    values: np.ndarray
    """(n, columns) float32, NaN where not known or not to be learned from"""
    folder: str = ""
    file: str = ""


class Related(Struct, frozen=True):
    """What was learned of some assets, its file (name -> sha256), and why the others have none."""

    table: RelationTable
    why_not: dict[str, str]
    files: dict[str, str] = {}


def learn(payload: Histories, progress: Progress) -> Related:
    """The relations of each asset, from its own history. For workers."""
    models: dict[str, RelationModel] = {}
    why_not: dict[str, str] = {}
    for place, asset in enumerate(payload.assets):
        progress(place, len(payload.assets), f"{len(payload.assets)} assets")
        mine = slice(int(payload.begins[place]), int(payload.begins[place + 1]))
        names = tuple(str(i) for i in payload.datastream[mine].tolist())
        model, why = relation.fit(Columns(names, payload.time_ms, payload.values[:, mine]))
        if model is None:
            why_not[asset] = why
        else:
            models[asset] = model
    table = table_of(models)
    files = save(Path(payload.folder), payload.file, table) if payload.folder else {}
    return Related(table, why_not, files)


def table_of(models: dict[str, RelationModel]) -> RelationTable:
    """Models laid one behind the other."""
    items = list(models.values())
    turn, phase = relation.directions()
    columns: dict[str, Any] = {
        name: _flat([getattr(m, name) for m in items], np.int64 if name == "told" else np.float64)
        for name in (*PER_SIGNAL, *PER_TOLD)
    }
    return RelationTable(
        assets=tuple(models),
        signals=np.array([len(m.names) for m in items], np.int64),
        judged=np.array([m.told.size for m in items], np.int64),
        datastream=np.array([int(n) for m in items for n in m.names], np.int64),
        limit=np.hstack([np.zeros((2, 0)), *[m.limit for m in items]]),
        leans=np.vstack([np.zeros((0, relation.LEANS), np.int64), *[m.leans for m in items]]),
        weight=_flat([m.weight.ravel() for m in items], np.float64),
        rows=np.array([m.rows for m in items], np.int64),
        first_ms=np.array([m.first_ms for m in items], np.int64),
        last_ms=np.array([m.last_ms for m in items], np.int64),
        turn=turn,
        phase=phase,
        **columns,
    )


def _flat(parts: list[np.ndarray], kind: Any) -> np.ndarray:
    return np.concatenate([np.zeros(0, kind), *parts])


def joined(tables: list[RelationTable]) -> RelationTable:
    """One table of several, whose assets differ."""
    parts = {
        name: np.concatenate([getattr(t, name) for t in tables], axis=1 if name == "limit" else 0)
        for name in ARRAYS
        if name not in ("turn", "phase")
    }
    assets = tuple(asset for t in tables for asset in t.assets)
    return RelationTable(assets=assets, turn=tables[0].turn, phase=tables[0].phase, **parts)


# ------------------------------------------------------------------ files
def save(folder: Path, file: str, table: RelationTable) -> dict[str, str]:
    """Write the arrays; returns name -> sha256."""
    folder.mkdir(parents=True, exist_ok=True)
    columns: dict[str, Any] = {name: getattr(table, name) for name in ARRAYS}
    columns[NAMES] = np.frombuffer(msgspec.json.encode(table.assets), np.uint8)
    np.savez_compressed(folder / file, **columns)
    return {file: sha256(folder / file)}


def reload(payload: Kept, progress: Progress) -> RelationTable:
    """Kept tables. For workers. Raises LamplighterError (P-603, P-604) for any other file."""
    folder = Path(payload.folder)
    verify_files(folder, payload.files)
    try:
        return joined([load(folder / n) for n in sorted(payload.files) if n.endswith(".npz")])
    except (NotAllowed, KeyError, ValueError, OSError, IndexError, msgspec.MsgspecError) as error:
        what = f"its tables cannot be read: {type(error).__name__}"
        raise fault("P-604", name=folder.parent.name, what=what) from None


def load(file: Path) -> RelationTable:
    """One file. Raises NotAllowed, KeyError, ValueError or OSError."""
    look_at_tables(file)
    with np.load(file, allow_pickle=False) as opened:
        assets = msgspec.json.decode(opened[NAMES].tobytes(), type=tuple[str, ...])
        return RelationTable(assets=assets, **{name: opened[name] for name in ARRAYS})
