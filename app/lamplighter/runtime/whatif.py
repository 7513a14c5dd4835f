"""What-ifs by command: on the project's own water network, in a worker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from lamplighter.domain.clock import SystemClock
from lamplighter.domain.importing import FileReport
from lamplighter.domain.problems import LamplighterError, Problem, fault
from lamplighter.runtime.project import opened
from lamplighter.runtime.resources import own_command
from lamplighter.runtime.sources import kept_files
from lamplighter.scenarios import WaterOutcome, water_request
from lamplighter.workers import WorkerPool

ROWS: Final = 500


def water_network(project: Path, imports: Sequence[FileReport]) -> Path:
    """The newest imported EPANET file of a project. Raises LamplighterError (U-804)."""
    files = kept_files(project, ".inp")
    if not files:
        raise fault("U-804", name="The what-if", what="no EPANET network was imported")
    return files[-1]


def run_scenario(
    project: Path, name: str, settings: dict[str, str], *, say: Callable[[str], None]
) -> dict[str, Any]:
    """Run a what-if and wait; the result as `scenario --json` prints it."""
    with opened(project) as store:
        folder, imports = store.folder, store.imports()
    request = water_request(name, settings, water_network(folder, imports))
    pool = WorkerPool(own_command(), folder / "cache", SystemClock(), keep_warm=False)
    done = threading.Event()
    answer: list[Any] = []

    def end(value: Any) -> None:
        answer.append(value)
        done.set()

    try:
        pool.submit(
            "lamplighter.scenarios.water:run_water",
            request,
            name=f"What-if: {name}",
            on_end=end,
            on_progress=lambda d, t, text: say(text) if d % 240 == 0 else None,
            result=WaterOutcome,
            reads=[request.inp],
        )
        done.wait()
    finally:
        pool.stop()
    outcome = answer[0]
    if isinstance(outcome, Problem):
        raise LamplighterError(outcome)
    assert isinstance(outcome, WaterOutcome)
    return as_document(outcome)


def as_document(outcome: WaterOutcome) -> dict[str, Any]:
    """`baseline`, `outcome`, `difference` and `ranges` by asset and quantity, and the rows."""
    rows = [
        {**msgspec.to_builtins(r), "difference": r.outcome - r.baseline} for r in outcome.rows(ROWS)
    ]
    keys = [f"{r['asset']}/{r['quantity']}" for r in rows]
    return {
        "summary": outcome.summary,
        "basis": outcome.basis,
        "baseline": {k: r["baseline"] for k, r in zip(keys, rows, strict=True)},
        "outcome": {k: r["outcome"] for k, r in zip(keys, rows, strict=True)},
        "difference": {k: r["difference"] for k, r in zip(keys, rows, strict=True)},
        "ranges": {k: [r["low"], r["high"]] for k, r in zip(keys, rows, strict=True)},
        "warnings": list(outcome.warnings),
        "rows": rows,
    }
