"""Compares what devices sent (their ledgers) with what was stored: lost, duplicate, wrong, order.

It reads the ledgers directly and the CSV of `export --observations`; it asks neither the broker
nor the program. Run it as a program: `checker.py --ledger FILE=SOURCE ... --export CSV`.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

Key = tuple[str, int, int, int]
"""source, epoch, seq, place"""
_SHOWN = 5


@dataclass(frozen=True)
class Sent:
    """One point as the device sent it."""

    datastream: str
    time_ms: int
    value: float | str
    quality: str


@dataclass(frozen=True)
class Stored:
    """One stored point, as exported."""

    key: Key
    datastream: str
    time_ms: int
    recorded_ms: int
    value: str
    quality: str


@dataclass
class Report:
    """Counts in points, with a few examples of each fault."""

    sent: int = 0
    stored: int = 0
    lost: int = 0
    duplicate: int = 0
    wrong: int = 0
    reordered: int = 0
    stale: int = 0
    unknown: int = 0
    """stored, but no device ever sent it"""
    oldest_s: float = 0.0
    examples: dict[str, list[str]] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        faults = self.lost + self.duplicate + self.wrong + self.reordered + self.stale
        return faults + self.unknown == 0

    def note(self, what: str, text: object) -> None:
        setattr(self, what, getattr(self, what) + 1)
        shown = self.examples.setdefault(what, [])
        if len(shown) < _SHOWN:
            shown.append(str(text))


def read_ledger(file: Path, source: str) -> dict[Key, Sent]:
    """Every point a device wrote down. A torn last line (the device was killed) is no promise."""
    found: dict[Key, Sent] = {}
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            body = json.loads(row["body"])
            for place, point in enumerate(body["points"]):
                quality = point[3] if len(point) > 3 else "good"
                key = (source, row["epoch"], row["seq"], place)
                found[key] = Sent(point[0], point[1], point[2], quality)
    return found


def read_export(file: Path) -> Iterator[Stored]:
    """The rows of `export --observations`, in the file's order."""
    with file.open(encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            yield Stored(
                (row["source"], int(row["epoch"]), int(row["seq"]), int(row["n"])),
                row["datastream"],
                int(row["phenomenon_time_ms"]),
                int(row["recorded_time_ms"]),
                row["value"],
                row["quality"],
            )


def check(
    sent: dict[Key, Sent],
    stored: Iterable[Stored],
    *,
    except_for: Iterable[tuple[str, int, int]] = (),
    stale_after_s: float | None = None,
    in_order: bool = True,
) -> Report:
    """`except_for`: messages whose loss is known and was shown. Order is judged per source and
    epoch over the recorded time; resent messages break it, so pass `in_order=False` for those.
    `stale_after_s`: recorded later than this after its phenomenon time counts as stale.
    """
    report = Report(sent=len(sent))
    seen: set[Key] = set()
    last: dict[tuple[str, int], tuple[int, int]] = {}
    for row in stored:
        report.stored += 1
        want = sent.get(row.key)
        if row.key in seen:
            report.note("duplicate", row.key)
            continue
        seen.add(row.key)
        if want is None:
            report.note("unknown", row.key)
            continue
        if not _same(want, row):
            report.note("wrong", f"{row.key}: sent {want}, stored {row}")
        age = (row.recorded_ms - row.time_ms) / 1000
        report.oldest_s = max(report.oldest_s, age)
        if stale_after_s is not None and age > stale_after_s:
            report.note("stale", f"{row.key}: {age:.1f} s")
        if in_order:
            _order(report, last, row)
    spared = set(except_for)
    for key in sent.keys() - seen:
        if key[:3] not in spared:
            report.note("lost", key)
    return report


def _order(report: Report, last: dict[tuple[str, int], tuple[int, int]], row: Stored) -> None:
    """A later seq must not be recorded before an earlier one."""
    run, seq = row.key[:2], row.key[2]
    top = last.get(run)
    if top is None or seq >= top[0]:
        if top is not None and row.recorded_ms < top[1]:
            report.note("reordered", row.key)
        last[run] = (seq, max(row.recorded_ms, top[1] if top else 0))
    elif row.recorded_ms > top[1]:
        report.note("reordered", row.key)


def _same(want: Sent, row: Stored) -> bool:
    if row.datastream not in (want.datastream, f"{row.key[0]}/{want.datastream}"):
        return False
    if row.time_ms != want.time_ms or row.quality != want.quality:
        return False
    if isinstance(want.value, str):
        return row.value == want.value
    try:
        return float(row.value) == float(want.value)
    except ValueError:
        return False


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ledger", action="append", default=[], metavar="FILE=SOURCE")
    parser.add_argument("--export", required=True)
    parser.add_argument("--stale-after", type=float, default=None)
    parser.add_argument("--any-order", action="store_true")
    given = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    sent: dict[Key, Sent] = {}
    for pair in given.ledger:
        file, _, source = pair.rpartition("=")
        sent.update(read_ledger(Path(file), source))
    report = check(
        sent,
        read_export(Path(given.export)),
        stale_after_s=given.stale_after,
        in_order=not given.any_order,
    )
    says: dict[str, Any] = asdict(report)
    print(json.dumps({**says, "ok": report.ok}))
    return 0 if report.ok else 1


if __name__ == "__main__":
    raise SystemExit(main())
