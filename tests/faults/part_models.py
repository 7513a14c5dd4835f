"""Hostile model files, brought by every door: none runs code, none takes the console along.

Each file of `hostile_models.ATTACKS` is taken in as a person would take it in: unpacked and tried
in a limited worker. Afterwards the canary must not be there, exactly one line with a code must have
been said, no version may have come into use, and a sound model must still be taken in.

Run it: `python -m tests.faults.part_models`
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import shutil
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import msgspec
from tests.faults import hostile_models
from tests.faults.hostile_models import ATTACKS, MANIFEST, Smith

from lamplighter.domain.clock import SystemClock
from lamplighter.domain.codec import Codec
from lamplighter.domain.maintenance import Prognosis
from lamplighter.domain.problems import CATALOGUE, LamplighterError, problem
from lamplighter.domain.task import silent
from lamplighter.runtime import model_shelf
from lamplighter.runtime.fleet_model import LATE_MS, believable
from lamplighter.runtime.model_registry import ModelRegistry
from lamplighter.store import Store
from lamplighter.workers import WorkerPool, program

TIER: Final = "N3"
SHORT: Final = {"model rounds": 1}
LONG: Final = {"model rounds": 3}
PATIENCE_S: Final = 20.0
"""a model that does not answer within this gives no forecast"""
CODES: Final = frozenset({"P-603", "P-604", "P-610"})
Row = dict[str, Any]
Pool = Any


@dataclass(slots=True)
class Outcome:
    """What the attacks showed."""

    files: int = 0
    canaries: list[str] = field(default_factory=list)
    taken_in: list[str] = field(default_factory=list)
    badly_said: list[str] = field(default_factory=list)
    """no line, several, without a code, or a traceback"""
    crashed: list[str] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    """predictions that can be none and were let through"""
    left_behind: int = 0
    sound_after: bool = False
    codes: Counter[str] = field(default_factory=Counter)
    lines: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def held(self) -> bool:
        bad = (self.canaries, self.taken_in, self.badly_said, self.crashed, self.numbers)
        return not any(bad) and not self.left_behind and self.sound_after


class InThisProcess:
    """Stands where the pool stands and runs the task right here: for bugs planted on purpose."""

    def submit(self, task: str, payload: object, **options: Any) -> int:
        module, _, name = task.partition(":")
        try:
            value: Any = getattr(importlib.import_module(module), name)(payload, silent)
            codec = Codec()
            value = codec.decode(codec.encode(value), options.get("result", Any))
        except LamplighterError as error:
            value = error.problem
        except Exception as error:
            value = problem(options["code"], name=options["name"], what=type(error).__name__)
        options["on_end"](value)
        return 1


@dataclass
class Range:
    """A project of its own, and a smith who knows its key."""

    folder: Path
    store: Store
    registry: ModelRegistry
    smith: Smith
    patience_s: float = PATIENCE_S

    def attack(self, name: str, pool: Pool, outcome: Outcome, number: int) -> None:
        """Build one file and bring it; note what happened."""
        place = self.folder / "in" / str(number)
        place.mkdir(parents=True)
        smith = replace(self.smith, place=place, canary=place / "canary")
        file = ATTACKS[name](smith)
        outcome.files += 1
        try:
            record = model_shelf.take_in(
                file, self.registry, pool, self.folder / "cache",
                [self.smith.key.public_key()], "a test", patience_s=self.patience_s,
            )  # fmt: skip
            outcome.taken_in.append(f"{name}: {record.key}")
        except LamplighterError as error:
            said = str(error)
            outcome.lines[name] = said
            outcome.codes[error.problem.code] += 1
            if not _one_line(said, error.problem.code):
                outcome.badly_said.append(f"{name}: {said!r}")
        except BaseException:
            outcome.crashed.append(f"{name}: {traceback.format_exc(limit=3)}")
        if smith.canary.exists():
            outcome.canaries.append(name)
        shutil.rmtree(place, ignore_errors=True)


def _one_line(said: str, code: str) -> bool:
    plain = "\n" not in said and "Traceback" not in said and said.endswith(f"[{code}]")
    return plain and code in CODES and code in CATALOGUE and len(said) < 500


def firing_range(folder: Path) -> Range:
    """A fresh project with its registry and a trained model to spoil."""
    project = folder / "town"
    Store.create(project, name="town", clock=SystemClock())
    store = Store.open(project, write=True, clock=SystemClock())
    from lamplighter.governance.keys import signing_key

    key = signing_key(project / "keys")
    registry = ModelRegistry(store, key, SystemClock())
    work = folder / "smith"
    work.mkdir()
    (folder / "in").mkdir()
    return Range(folder, store, registry, hostile_models.smith(work, key))


def run(
    folder: Path,
    names: Iterable[str] = tuple(ATTACKS),
    *,
    pool: Pool | None = None,
    rounds: int = 1,
    patience_s: float = PATIENCE_S,
) -> Outcome:
    """All attacks, two at a time in workers; with a `pool` of one's own one after the other."""
    begun = time.monotonic()
    outcome = Outcome()
    place = replace(firing_range(folder), patience_s=patience_s)
    own: WorkerPool | None = None
    if pool is None:
        cache = folder / "cache"
        own = WorkerPool(program(), cache, SystemClock(), limit=2, keep_warm=False)
    chosen = [name for _ in range(rounds) for name in names]
    try:
        with ThreadPoolExecutor(2 if own else 1) as hands:
            done = [
                hands.submit(place.attack, name, own or pool, outcome, number)
                for number, name in enumerate(chosen)
            ]
            for one in done:
                one.result()
        _disk(place, outcome)
        _predictions(outcome)
        outcome.sound_after = _sound(place, own or pool)
        outcome.left_behind = len(list((folder / "cache" / "training").glob("*")))
    finally:
        if own is not None:
            own.stop(10.0)
        place.store.close()
    outcome.seconds = time.monotonic() - begun
    return outcome


def _sound(place: Range, pool: Pool) -> bool:
    """Whether a sound model is still taken in, and waits for a person."""
    smith = replace(place.smith, place=place.folder / "in")
    file = smith.zip(smith.whole(), "sound.zip")
    record = model_shelf.take_in(
        file, place.registry, pool, place.folder / "cache",
        [smith.key.public_key()], "a test",
    )  # fmt: skip
    return record.state.value == "candidate"


# ------------------------------------------------------------------ files swapped on the disk
def _disk(place: Range, outcome: Outcome) -> None:
    """What is registered and in use is spoiled where it lies; nothing of it may be used."""
    first, other = _registered(place, 1), _registered(place, 2)
    spoils: dict[str, Callable[[Path], object]] = {
        "another manifest on the disk": lambda f: shutil.copy(other / MANIFEST, f / MANIFEST),
        "all files of another version": lambda f: [
            shutil.copy(one, f / one.name) for one in other.iterdir()
        ],
        "a link on the disk": lambda f: _link(f / hostile_models.MODEL),
        "a pickle beside it": lambda f: (f / "x.pkl").write_bytes(place.smith.pickled()),
        "a pickle in its place": lambda f: (f / hostile_models.MODEL).write_bytes(
            place.smith.pickled()
        ),
        "a missing file": lambda f: (f / hostile_models.TABLES).unlink(),
    }
    kept = place.folder / "kept"
    shutil.copytree(first, kept)
    for name, spoil in spoils.items():
        shutil.rmtree(first)
        shutil.copytree(kept, first)
        spoil(first)
        outcome.files += 1
        try:
            place.registry.in_use("spoiled")
            outcome.taken_in.append(name)
        except LamplighterError as error:
            outcome.codes[error.problem.code] += 1
            outcome.lines[name] = str(error)
            if not _one_line(str(error), error.problem.code):
                outcome.badly_said.append(f"{name}: {error}")
        except BaseException:
            outcome.crashed.append(f"{name}: {traceback.format_exc(limit=3)}")


def _registered(place: Range, rows: int) -> Path:
    from lamplighter.analytics.model_files import sha256
    from lamplighter.domain.models import ModelCard

    fresh = place.folder / "fresh"
    fresh.mkdir()
    for name, body in place.smith.good.items():
        (fresh / name).write_bytes(body)
    card = msgspec.convert({**place.smith.card, "kind": "spoiled", "rows": rows}, ModelCard)
    files = {name: sha256(fresh / name) for name in place.smith.good}
    record = place.registry.adopt(fresh, files, card)
    return place.registry.folder("spoiled", record.card.version)


def _link(file: Path) -> None:
    moved = file.with_name("moved")
    file.rename(moved)
    file.symlink_to(moved)


# ------------------------------------------------------------------ answers that can be none
def _predictions(outcome: Outcome) -> None:
    """Numbers of a model that was let in: what can be no forecast is none."""
    now = 1_000_000_000
    sound = Prognosis("P", now, 30.0, 0.4, 0.2, 0.6, 3.0, 9.0)
    if believable(sound, now) != sound:
        outcome.numbers.append("a sound forecast was refused")
    change = msgspec.structs.replace
    wrong = {
        "no number": change(sound, probability_30d=math.nan),
        "no lower end": change(sound, low=math.nan),
        "no upper end": change(sound, high=None),
        "no chance": change(sound, probability_30d=None),
        "without end": change(sound, high=math.inf),
        "above one": change(sound, probability_30d=1.7, high=1.9),
        "below nought": change(sound, low=-0.1),
        "the wrong way round": change(sound, low=0.6, high=0.2),
        "days that are no number": change(sound, days_high=math.nan),
        "days before now": change(sound, days_low=-3.0),
        "days alone": change(sound, probability_30d=None, low=None, high=None),
        "late": change(sound, made_ms=now - LATE_MS - 1),
    }
    for name, item in wrong.items():
        outcome.files += 1
        seen = believable(item, now)
        bare = (seen.probability_30d, seen.low, seen.high, seen.days_low, seen.days_high)
        if any(v is not None for v in bare) or not seen.basis.startswith("no basis"):
            outcome.numbers.append(name)


# ------------------------------------------------------------------ the row
def models(size: dict[str, int], folder: Path) -> Row:
    found = run(folder, rounds=size["model rounds"])
    worst = [*found.canaries, *found.taken_in, *found.badly_said, *found.crashed, *found.numbers]
    return {
        "promise": "A model file cannot run code in the console, whoever brings it",
        "trials": f"{found.files} hostile files and answers: formats that run code, packages, "
        "manifests, contents signed by an insider, files swapped on the disk, numbers that are "
        "none",
        "result": f"{len(found.canaries)} ran code, {len(found.crashed)} took the console along, "
        f"{len(found.taken_in)} were taken in, {len(found.badly_said)} without one line and a "
        f"code, "
        f"{len(found.numbers)} numbers that are none let through"
        + (f"; {worst[0][:160]}" if worst else ""),
        "not_shown": "files nobody has thought of; the worker's limits are the system's "
        "(where it has no Landlock there are fewer)",
        "bound": "",
        "passed": found.held,
        "figures": {
            "files": found.files, "codes": dict(found.codes), "worst": worst[:10],
            "left_behind": found.left_behind, "sound_after": found.sound_after,
        },
    }  # fmt: skip


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {"model files": models}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=sorted(ATTACKS), default=sorted(ATTACKS))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="models-") as folder:
        found = run(Path(folder), given.only)
    for name, said in found.lines.items():
        print(f"{name}: {said}")
    print(
        json.dumps({k: v for k, v in msgspec.to_builtins(found).items() if k != "lines"}, indent=1)
    )
    return 0 if found.held else 1


if __name__ == "__main__":
    raise SystemExit(main())
