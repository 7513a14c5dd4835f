"""What was learned of clean history as plain arrays in a file: written and read in a worker.

The same models are the same bytes. A file is opened only after its signed manifest was checked,
and holds arrays of numbers alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from msgspec import Struct

from lamplighter.analytics.model_archive import NotAllowed, look_at_tables
from lamplighter.analytics.model_files import TABLES, Kept, sha256, verify_files
from lamplighter.analytics.suspicion import training
from lamplighter.analytics.suspicion.model import SuspicionModel
from lamplighter.domain.problems import fault
from lamplighter.domain.task import Progress

_WHOLE: Final = ("step_ms", "trained_from_ms", "trained_to_ms", "samples")
_COUNTS: Final = ("models", "watched", "abstained")


class Keeping(Struct, frozen=True):
    """Learn, and leave the file in `folder`."""

    learning: training.Learning
    folder: str


class KeptModels(Struct, frozen=True):
    """What was learned, and the file it lies in: name -> sha256."""

    models: training.Models
    files: dict[str, str]


def learn(payload: Keeping, progress: Progress) -> KeptModels:
    """As `training.learn`, and kept. For workers."""
    models = training.learn(payload.learning, progress)
    return KeptModels(models, save(Path(payload.folder), models))


def reload(payload: Kept, progress: Progress) -> training.Models:
    """Kept models. For workers. Raises LamplighterError (P-603, P-604) for any other file."""
    folder = Path(payload.folder)
    verify_files(folder, payload.files)
    try:
        return load(folder)
    except (NotAllowed, KeyError, ValueError, OSError) as error:
        what = f"its tables cannot be read: {type(error).__name__}"
        raise fault("P-604", name=folder.parent.name, what=what) from None


def save(folder: Path, models: training.Models) -> dict[str, str]:
    """Write the arrays of all models; returns name -> sha256."""
    folder.mkdir(parents=True, exist_ok=True)
    counts = (len(models.items), models.watched, models.abstained)
    columns: dict[str, Any] = {n: np.array(c) for n, c in zip(_COUNTS, counts, strict=True)}
    for number, model in enumerate(models.items):
        for name in model.__struct_fields__:
            columns[f"{number} {name}"] = np.asarray(getattr(model, name))
    np.savez_compressed(folder / TABLES, **columns)
    return {TABLES: sha256(folder / TABLES)}


def load(folder: Path) -> training.Models:
    """The models of a folder. Raises NotAllowed, KeyError, ValueError or OSError."""
    look_at_tables(folder / TABLES)
    with np.load(folder / TABLES, allow_pickle=False) as opened:
        count, watched, abstained = (int(opened[name]) for name in _COUNTS)
        items = tuple(_model(number, opened) for number in range(count))
    return training.Models(items, watched, abstained)


def _model(number: int, opened: Any) -> SuspicionModel:
    columns: dict[str, Any] = {
        name: opened[f"{number} {name}"] for name in SuspicionModel.__struct_fields__
    }
    numbers: dict[str, Any] = {name: int(columns.pop(name)) for name in _WHOLE}
    margin = float(columns.pop("margin"))
    return SuspicionModel(**columns, **numbers, margin=margin)
