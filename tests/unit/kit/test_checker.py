"""The checker finds each fault a broken consumer makes, and none where there is none."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.kit.checker import Report, Sent, check, main, read_export, read_ledger

Row = dict[str, str]
COLUMNS = (
    "source", "epoch", "seq", "n", "datastream", "phenomenon_time_ms", "recorded_time_ms",
    "value", "quality",
)  # fmt: skip
START = 1_795_305_600_000


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    file = tmp_path / "dev.ledger"
    with file.open("w") as out:
        for seq in range(20):
            points = [["A", START + seq, seq + 0.25], ["B", START + seq, -seq, "uncertain"]]
            body = json.dumps({"epoch": 7, "seq": seq, "points": points})
            out.write(json.dumps({"epoch": 7, "seq": seq, "body": body}) + "\n")
        out.write('{"epoch": 7, "seq": 20, "bo')
    return file


def faithful(ledger: Path) -> list[Row]:
    """What a consumer without fault would export."""
    rows = []
    for key, sent in read_ledger(ledger, "dev").items():
        source, epoch, seq, place = key
        rows.append(
            dict(
                zip(
                    COLUMNS,
                    map(
                        str,
                        (source, epoch, seq, place, sent.datastream, sent.time_ms,
                         sent.time_ms + 300, sent.value, sent.quality),
                    ),
                    strict=True,
                )
            )
        )  # fmt: skip
    return rows


def judged(tmp_path: Path, ledger: Path, rows: list[Row], **more: object) -> Report:
    file = tmp_path / "export.csv"
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return check(read_ledger(ledger, "dev"), read_export(file), **more)  # type: ignore[arg-type]


def test_a_faithful_consumer_passes(tmp_path: Path, ledger: Path) -> None:
    report = judged(tmp_path, ledger, faithful(ledger), stale_after_s=1.0)
    assert report.ok and report.sent == report.stored == 40 and report.oldest_s == 0.3


def lose(rows: list[Row]) -> None:
    del rows[-1]


def repeat(rows: list[Row]) -> None:
    rows.insert(5, dict(rows[4]))


def alter(rows: list[Row]) -> None:
    rows[7]["value"] = str(float(rows[7]["value"]) + 1e-9)


def rename(rows: list[Row]) -> None:
    rows[7]["datastream"] = "C"


def shift(rows: list[Row]) -> None:
    rows[7]["phenomenon_time_ms"] = str(START + 99)


def whitewash(rows: list[Row]) -> None:
    rows[1]["quality"] = "good"


def delay(rows: list[Row]) -> None:
    for row in rows[-2:]:
        row["recorded_time_ms"] = str(START + 60_000)


def swap(rows: list[Row]) -> None:
    for row in rows[10:12]:
        row["recorded_time_ms"] = str(START + 50_000)


def invent(rows: list[Row]) -> None:
    rows.append({**rows[-1], "seq": "99"})


@pytest.mark.parametrize(
    ("broken", "finds"),
    [
        (lose, "lost"),
        (repeat, "duplicate"),
        (alter, "wrong"),
        (rename, "wrong"),
        (shift, "wrong"),
        (whitewash, "wrong"),
        (delay, "stale"),
        (swap, "reordered"),
        (invent, "unknown"),
    ],
)
def test_each_fault_of_a_broken_consumer_is_found(
    tmp_path: Path, ledger: Path, broken: Callable[[list[Row]], None], finds: str
) -> None:
    rows = faithful(ledger)
    broken(rows)
    report = judged(tmp_path, ledger, rows, stale_after_s=30.0)
    assert not report.ok and getattr(report, finds) >= 1 and report.examples[finds]


def test_a_loss_that_was_shown_is_not_held_against_it(tmp_path: Path, ledger: Path) -> None:
    rows = [row for row in faithful(ledger) if row["seq"] != "4"]
    assert judged(tmp_path, ledger, rows).lost == 2
    assert judged(tmp_path, ledger, rows, except_for=[("dev", 7, 4)]).ok


def test_it_runs_as_a_program(
    tmp_path: Path, ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    judged(tmp_path, ledger, faithful(ledger)[:-1])
    code = main(["--ledger", f"{ledger}=dev", "--export", str(tmp_path / "export.csv")])
    says = json.loads(capsys.readouterr().out)
    assert code == 1 and says["lost"] == 1 and says["ok"] is False


def test_a_torn_last_line_is_no_promise(ledger: Path) -> None:
    sent = read_ledger(ledger, "dev")
    assert len(sent) == 40 and sent[("dev", 7, 0, 0)] == Sent("A", START, 0.25, "good")
