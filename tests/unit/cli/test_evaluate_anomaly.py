"""The verb `evaluate anomaly`: one JSON document, or one line that says what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.kit.pumping_town import SIGNALS, pump, worn

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


def table(path: Path, values: np.ndarray, first: int, label: np.ndarray | None = None) -> str:
    """Rows of a pump, one each five minutes from the `first` on."""
    times = np.datetime64("2026-03-01T00:00:00") + 300 * np.arange(first, first + len(values))
    head = ("time", *SIGNALS, *(() if label is None else ("anomaly",)))
    lines = [",".join(head)]
    for k, row in enumerate(values):
        cells = [str(times[k]), *(f"{v:.2f}" for v in row)]
        lines.append(",".join(cells if label is None else [*cells, str(int(label[k]))]))
    path.write_text("\n".join(lines))
    return str(path)


def test_an_assets_signals_are_judged_by_what_the_recorder_would_learn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = worn(pump(2_400, 1), 2_150)
    label = np.arange(2_400) >= 2_150
    past = table(tmp_path / "past.csv", values[:2_000], 0)
    later = table(tmp_path / "later.csv", values[2_000:], 2_000, label[2_000:])
    assert evaluate("--format", "asset", "--train", past, "--test", later, "--json") == DONE
    report = json.loads(capsys.readouterr().out)
    assert set(report["told"]) == set(SIGNALS)
    assert report["f1"] > 0.95 > report["naive_f1"] and report["far"] < 0.02
    assert report["reasons"][0].startswith("flow is low for this ")
    short = table(tmp_path / "short.csv", values[:50], 0)
    assert evaluate("--format", "asset", "--train", short, "--test", later) == DONE
    assert capsys.readouterr().out.startswith("no basis: known together at 4")
    bare = tmp_path / "bare.csv"
    bare.write_text("time,flow\n2026-03-01T00:00:00,1\n2026-03-01T00:05:00,2\n")
    assert evaluate("--format", "asset", "--train", past, "--test", str(bare)) == FAILED
    assert "no column 'pressure'" in capsys.readouterr().err
