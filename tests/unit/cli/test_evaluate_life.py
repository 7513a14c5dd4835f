"""`evaluate rul` and `evaluate failure`: one JSON document, or one line that says why not."""

from __future__ import annotations

import csv
import gzip
import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures import fleets

from lamplighter.analytics.life import remaining, rul
from lamplighter.cli.app import run
from lamplighter.cli.starters import Starters
from lamplighter.domain.problems import LamplighterError
from lamplighter.domain.task import silent
from lamplighter.runtime import one_task


def main(arguments: list[str]) -> int:
    return run(arguments, Starters(field=lambda given: 0, window=lambda **options: 0))


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The task runs in this process, with few trees; that it runs in a worker others test."""

    def at_once(task: str, payload: Any, result: type[Any], **given: Any) -> Any:
        module, _, function = task.partition(":")
        return getattr(importlib.import_module(module), function)(payload, silent)

    monkeypatch.setattr(one_task, "in_worker", at_once)
    for settings in (remaining.TREES, remaining.WIDE_TREES):
        monkeypatch.setitem(settings, "max_iter", 15)


def files(folder: Path) -> dict[str, Path]:
    rows, left = fleets.cut(fleets.table(2, units=4, mean_life=80), 2)
    made = {
        "train": folder / "train.txt.gz",
        "test": folder / "test.txt",
        "truth": folder / "r.txt",
    }
    made["train"].write_bytes(
        gzip.compress(fleets.text(fleets.table(1, units=10, mean_life=80)).encode())
    )
    made["test"].write_text(fleets.text(rows))
    made["truth"].write_text("\n".join(f"{v:.0f} " for v in left) + "\n")
    return made


def options(made: dict[str, Path]) -> list[str]:
    return [part for name, path in made.items() for part in (f"--{name}", str(path))]


def test_rul_prints_one_document_and_writes_predictions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "p.csv"
    verb = ["evaluate", "rul", *options(files(tmp_path)), "--cap", "60", "--json"]
    assert main([*verb, "--predictions", str(out)]) == 0
    found = json.loads(capsys.readouterr().out)
    keys = {"rmse", "phm08", "rmse_uncapped_truth", "coverage_90", "width_90", "naive_rmse",
            "fit_seconds", "units", "rmse_no_age", "abstained", "sources"}  # fmt: skip
    assert keys <= set(found)
    assert found["units"] == 4
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [r["unit"] for r in rows] == ["1", "2", "3", "4"]
    assert all(0 <= float(r["low"]) <= float(r["remaining"]) <= float(r["high"]) for r in rows)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("train", "", "it is empty"),
        ("train", "1 2 3\n", "3 columns, at least 6"),
        ("train", "1 1 0 0 0 5\n1 2 0 0 0\n", "line 2 has 5 columns"),
        ("train", "1 1 0 0 0 x\n", "line 1 holds 'x', which is no number"),
        ("train", "1 1 0 0 0 5\n1 1 0 0 0 5\n", "repeat a unit's cycle"),
        ("test", "1 1 0 0 0 5\n", "1 sensors, the training file has 5"),
        ("truth", "1\n2\n", "2 lines, the test file has 4 units"),
    ],
)
def test_a_file_that_cannot_be_judged_is_one_line(
    tmp_path: Path, name: str, text: str, says: str
) -> None:
    made = files(tmp_path)
    made[name].write_text(text)
    ask = rul.RulRequest(str(made["train"]), str(made["test"]), str(made["truth"]))
    with pytest.raises(LamplighterError) as caught:
        rul.evaluate(ask, silent)
    assert says in str(caught.value)
    assert "[U-831]" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = files(tmp_path)
    made["truth"] = tmp_path / "nowhere.txt"
    assert main(["evaluate", "rul", *options(made)]) == 3
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and "there is no such file" in said.err
    verb = ["evaluate", "failure", "--train", str(tmp_path / "a"), "--test", str(tmp_path / "a")]
    assert main([*verb, "--target", "x"]) == 3
    assert "there is no such file" in capsys.readouterr().err


def test_a_cap_that_is_none_is_a_usage_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "rul", *options(files(tmp_path)), "--cap", "0"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
