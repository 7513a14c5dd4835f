"""What must hold while a project is copied, its disk is full or its files are damaged."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.faults import clocks, full_disk, locks, overload, restore_drill, spoiled, starts

Row = dict[str, Any]
SHORT: Final[dict[str, int]] = {
    "restores": 2,
    "fills": 9,
    "lock_s": 40,
    "overload_s": 30,
    "jump_s": 4,
    "spoiled": 4,
}
LONG: Final[dict[str, int]] = {
    "restores": 20,
    "fills": 51,
    "lock_s": 60,
    "overload_s": 30,
    "jump_s": 15,
    "spoiled": 40,
}
TIER: Final = "N1"
P99_MS, WAL_MB = 100.0, 64.0
DRAINED_S, GROWTH_MB = 90.0, 150.0
BUSY: Final = 2.5
"""load per core above which others have the machine and times say nothing"""
NEVER_MS: Final = 1_000.0
"""no busy machine explains a longer wait"""


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


def lock(size: dict[str, int], folder: Path) -> Row:
    return locks_row(locks.run(size["lock_s"], folder))


def locks_row(found: dict[str, Any]) -> Row:
    """The verdict on one run."""
    busy = found["p99_ms"] > P99_MS and _busy()
    slow = found["p99_ms"] > (NEVER_MS if busy else P99_MS)
    return {
        "promise": "Nobody ever sees 'database is locked'",
        "trials": f"{found['seconds']:.0f} s of {found['points_per_s']:,.0f} points/s beside "
        f"{locks.READERS} reading processes (one holds a single transaction for half of the time), "
        f"{found['questions']:,} questions and {found['backups']} backups",
        "result": f"{found['locked']} locks or faults met; a write waits {found['p50_ms']:.1f} ms "
        f"(median), {found['p99_ms']:.0f} ms (99 %)"
        + (" on a busy machine, so not judged" if busy else "")
        + f"; the log grew to {found['wal_mb']:.0f} MB",
        "not_shown": "a reader that holds one transaction for hours keeps the log from being "
        "folded for hours",
        "bound": "",
        "passed": found["passed"] and found["wal_mb"] <= WAL_MB and not slow,
        "figures": found,
    }


def burst(size: dict[str, int], folder: Path) -> Row:
    found = overload.run(size["overload_s"], folder)
    late = found["drained_s"] > DRAINED_S and not _busy()
    return {
        "promise": "A burst is delayed or counted, never silently dropped",
        "trials": f"{found['offered_per_s']:,} points/s offered for {size['overload_s']} s by two "
        "sources that keep their messages, three times what is normal",
        "result": f"{found['lost']} of {found['sent']:,} points lost, {found['twice']} stored "
        f"twice; up to {found['stored_per_s']:,.0f} points/s stored, at most "
        f"{found['waiting']:,} waiting, oldest {found['oldest_s']:.1f} s; memory grew by "
        f"{found['rss_growth_mb']:.0f} MB; everything stored {found['drained_s']:.0f} s after the "
        f"sources had sent it; the sums were unequal in {found['unequal']} of "
        f"{found['statuses']} seconds",
        "not_shown": "a source that keeps nothing loses what the broker cannot hold; that is shown "
        "as a gap",
        "bound": "",
        "passed": found["passed"] and found["rss_growth_mb"] <= GROWTH_MB and not late,
        "figures": found,
    }


def clock(size: dict[str, int], folder: Path) -> Row:
    if not clocks.possible():
        raise RuntimeError("no C compiler here to build the clock with; nothing was shown")
    return clocks_row(clocks.run(size["jump_s"], folder))


def clocks_row(found: dict[str, Any]) -> Row:
    """The verdict on one run."""
    return {
        "promise": "A clock that jumps changes labels and nothing else",
        "trials": f"{found['jumps']} jumps of the console's wall clock (1 h and 1 day to and fro, "
        "1970, 2038, set right again) while a device tells the true time",
        "result": f"{found['alarms']} alarms raised or cleared, values stale in "
        f"{found['stale_seconds']} of {found['seconds']} seconds, {len(found['told'])} faults "
        f"told; {found['lost']} of {found['sent']:,} points lost, {found['changed']} with another "
        f"time or quality; labels of {found['labels_set_back']} batches went back, "
        "recorded order did not",
        "not_shown": "a jump of the wall clock is not a leap second; a console whose clock is "
        "wrong from its start, with no field to tell it, cannot know",
        "bound": "",
        "passed": found["passed"],
        "figures": found,
    }


def damage(size: dict[str, int], folder: Path) -> Row:
    return damage_row(spoiled.run(size["spoiled"], folder))


def damage_row(found: dict[str, Any]) -> Row:
    """The verdict on one run."""
    return {
        "promise": "A damaged file is kept, told and passed over; recording goes on",
        "trials": f"{found['trials']} projects, one to three pages of a database overwritten with "
        "noise under the recorder and again between two runs",
        "result": f"{found['dead']} recorders ended, {found['set_aside']} files set aside and "
        f"{found['thrown_away']} thrown away, {found['wrong']} points wrong or lost after it, "
        f"{found['twice']} stored twice, {found['silent']} losses not told; "
        f"{found['stored']:,} of all {found['sent']:,} points in the new files",
        "not_shown": "what lay in the damaged pages alone is gone unless a source resends it or a "
        "backup holds it",
        "bound": _bound(found["trials"], 0 if found["passed"] else 1),
        "passed": found["passed"],
        "figures": found,
    }


def start(size: dict[str, int], folder: Path) -> Row:
    found = starts.run(folder)
    return {
        "promise": "An odd machine or file at the start gets a message, never a traceback",
        "trials": f"{found['cases']} starts: no screen, no home, no temporary folder, unknown "
        "locale, a clock of 1970, no broker, full disks, empty and damaged files, a second "
        "recorder",
        "result": "each ended as it must and said why"
        if found["passed"]
        else "; ".join(found["wrong"])[:500].replace("|", "/"),
        "not_shown": "a broken graphics driver; other systems than this one",
        "bound": "",
        "passed": found["passed"],
        "figures": found,
    }


def _busy() -> bool:
    return os.getloadavg()[1] > BUSY * (os.cpu_count() or 1)


def _bound(trials: int, lost: int) -> str:
    return f"< {300 / trials:.2g} % of trials (95 %)" if not lost and trials else ""


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {
    "backup": backup, "disk": disk, "locks": lock, "burst": burst, "clocks": clock,
    "starts": start, "damage": damage,
}  # fmt: skip
