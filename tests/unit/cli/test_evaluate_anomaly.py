"""The verb `evaluate anomaly`: one JSON document, or one line that says what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lamplighter.cli.app import run
from lamplighter.cli.output import DONE, FAILED, USAGE
from lamplighter.cli.starters import Starters


def evaluate(*arguments: str) -> int:
    return run(
        ["evaluate", "anomaly", *arguments], Starters(field=lambda _: 2, window=lambda **_: 2)
    )


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    rng = np.random.default_rng(0)
    values = rng.normal(5, 0.2, (700, 2))
    values[500:600, 0] += 3
    lines = ["datetime;Flow;Pressure;anomaly;changepoint"]
    for k, (flow, pressure) in enumerate(values):
        label, point = int(500 <= k < 600), int(k in (500, 600))
        lines.append(f"2020-03-01 10:{k // 60:02}:{k % 60:02};{flow};{pressure};{label};{point}")
    (folder / "1.csv").write_text("\n".join(lines))
    (folder / "calm.csv").write_text("\n".join(line.rsplit(";", 2)[0] for line in lines))
    return folder


def test_runs_are_judged_in_a_worker_and_printed_as_one_document(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate("--format", "skab", str(runs), "--json") == DONE
    report = json.loads(capsys.readouterr().out)
    assert report["f1"] > 0.85 > report["naive_f1"]
    assert report["far"] < 0.15
    assert report["files"] == 1
    assert report["left_out"] == ["runs/calm.csv"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--format", "other"), USAGE, "knows skab, nab, batadal"),
        (("--format", "skab"), USAGE, "needs files or folders"),
        (("--format", "skab", "missing.csv"), FAILED, "no such file"),
        (("--format", "nab", "--data", "{runs}"), USAGE, "--labels is missing"),
        (("--format", "batadal", "--train", "{runs}/1.csv"), USAGE, "--test is missing"),
        (("--format", "batadal", "--train", "{runs}/1.csv", "--test", "{runs}/calm.csv"), FAILED,
         "no column 'ATT_FLAG'"),
        (("--format", "skab", "{runs}/calm.csv"), FAILED, "no column 'anomaly'"),
    ],
)  # fmt: skip
def test_what_cannot_be_judged_is_said_in_one_line(
    arguments: tuple[str, ...],
    code: int,
    says: str,
    runs: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert evaluate(*(a.replace("{runs}", str(runs)) for a in arguments)) == code
    spoken = capsys.readouterr()
    assert spoken.out == ""
    assert says in spoken.err
    assert len(spoken.err.strip().splitlines()) == 1
