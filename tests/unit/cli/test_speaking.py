"""How verbs speak: one document, plain JSON types, faults as one line with the right exit code."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from lamplighter.cli import app as command_line
from lamplighter.cli import crash
from lamplighter.cli.output import DONE, FAILED, USAGE, document, plain, table
from lamplighter.cli.starters import Starters
from lamplighter.domain.problems import fault


class Pair(msgspec.Struct):
    a: float
    b: tuple[int, ...]


def starters(field: int = 0) -> Starters:
    return Starters(field=lambda arguments: field, window=lambda **options: 0)


def test_a_document_holds_plain_json_and_no_number_that_is_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    document({"x": float("nan"), "y": [float("inf"), 1.5], "z": Pair(2.0, (1, 2)), 3: {"é"}})
    document(np.array([1, 2]))
    first, second = capsys.readouterr().out.splitlines()
    assert json.loads(first) == {
        "x": None,
        "y": [None, 1.5],
        "z": {"a": 2.0, "b": [1, 2]},
        "3": ["é"],
    }
    assert json.loads(second) == [1, 2]


def test_plain_keeps_what_json_knows() -> None:
    value = {"text": "a", "none": None, "yes": True, "list": [1, 2.5]}
    assert plain(value) == value


def test_a_table_has_columns_as_wide_as_their_cells(capsys: pytest.CaptureFixture[str]) -> None:
    table(("id", "value"), [("long name", 1 / 3), ("x", None)])
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["id         value", "long name  0.333333", "x          —"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--version"], DONE),
        (["new", "--help"], DONE),
        (["nosuchverb"], USAGE),
        (["alarms", "x", "--at", "someday"], USAGE),
        (["assets", "x", "--near", "here"], USAGE),
        (["shot", "x", "--out", "y.png", "--size", "3"], USAGE),
        (["assets"], USAGE),
        (["assets", "/nowhere/at/all"], FAILED),
    ],
)
def test_exit_codes(arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.run(arguments, starters()) == code
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert len(said.splitlines()) == (0 if code == DONE else 1)


def test_the_simulators_exit_code_is_passed_on() -> None:
    assert command_line.run(["field", "demo", "--seconds", "1"], starters(field=3)) == 3


def test_a_fault_is_its_line_and_anything_else_goes_to_the_crash_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(project: Path) -> None:
        raise fault("A-407", name=project.name)

    def stumble(project: Path) -> None:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(crash, "user_log_path", lambda name: tmp_path)
    monkeypatch.setattr("lamplighter.runtime.project.create", refuse)
    assert command_line.run(["new", "p"], starters()) == FAILED
    assert capsys.readouterr().err.strip().endswith("[A-407]")
    monkeypatch.setattr("lamplighter.runtime.project.create", stumble)
    assert command_line.run(["new", "p"], starters()) == FAILED
    said = capsys.readouterr().err
    assert "[U-899]" in said
    assert "Traceback" not in said
    assert "ZeroDivisionError: by nothing" in (tmp_path / "crash.log").read_text()
