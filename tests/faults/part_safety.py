"""What must hold while a project is copied, its disk is full or its files are damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.faults import full_disk, restore_drill

Row = dict[str, Any]
SHORT: Final[dict[str, int]] = {"restores": 2, "fills": 9}
LONG: Final[dict[str, int]] = {"restores": 20, "fills": 51}
TIER: Final = "N1"


def backup(size: dict[str, int], folder: Path) -> Row:
    found = restore_drill.run(size["restores"], folder)
    return {
        "promise": "A backup taken while recording comes back whole",
        "trials": f"{found['restores']} backups during ingest at {found['points_per_s']:,.0f} "
        "points/s, every second one encrypted, each restored and proved",
        "result": f"{found['good']} of {found['restores']} whole (structure, batch hashes, audit "
        f"record), the last compared point by point with the device's ledger "
        f"({found['compared']:,} points); {found['refused']} of {restore_drill.REFUSALS} cut, "
        f"changed or wrongly keyed files refused; slowest backup {found['worst_backup_s']:.1f} s "
        f"({found['megabytes']} MB)",
        "not_shown": "hashes find change, not who did it: a plain backup can be forged whole by "
        "whoever may write it",
        "bound": _bound(found["restores"], found["restores"] - found["good"]),
        "passed": found["passed"],
        "figures": found,
    }


def disk(size: dict[str, int], folder: Path) -> Row:
    if not full_disk.possible():
        raise RuntimeError("no small disk can be mounted here (unshare -rm); nothing was shown")
    found = full_disk.run(size["fills"], folder)
    slow = f"; {found['slow']} slower than promised" if found["slow"] else ""
    return {
        "promise": "A full disk stops the writing and nothing else, and writing goes on by itself",
        "trials": f"{found['fills']} fill-ups of disks of 8, 32 and 64 MB at random moments, "
        f"{full_disk.RATE * full_disk.POINTS:,} points/s",
        "result": f"{found['lost']} of {found['sent']:,} points lost, {found['twice']} stored "
        f"twice; {found['audited']} of {found['fills']} changes by a person done and audited while "
        f"full; told {found['worst_told_s']:.1f} s after the last stored batch, recording again "
        f"{found['worst_resumed_s']:.1f} s after there was room (worst){slow}",
        "not_shown": "a full tmpfs is not a thin-provisioned volume, nor a disk that another "
        "program fills again at once",
        "bound": _bound(found["fills"], found["lost"]),
        "passed": found["passed"] and not found["slow"],
        "figures": found,
    }


def _bound(trials: int, lost: int) -> str:
    return f"< {300 / trials:.2g} % of trials (95 %)" if not lost and trials else ""


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {"backup": backup, "disk": disk}
