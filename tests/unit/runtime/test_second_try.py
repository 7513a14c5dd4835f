"""A building model that ended its worker is read once more; other files are refused at once."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from lamplighter.domain.problems import problem
from lamplighter.runtime.reading import Batch
from lamplighter.spatial.scout import FoundFile


def ended(folder: Path, name: str, code: str, again: set[str]) -> Batch:
    answer: Future[Any] = Future()
    answer.set_result(problem(code, name=f"Read {name}", what="it took longer than allowed"))
    files = [FoundFile(str(folder / name), 1, "x"), FoundFile(str(folder / "next.dxf"), 1, "y")]
    return Batch(files, None, None, 1, answer, str(folder / "none"), f"Read {name}", again)


def test_a_building_model_gets_a_second_try_and_no_third(tmp_path: Path) -> None:
    again: set[str] = set()
    found, rest, _ = ended(tmp_path, "a.ifc", "I-508", again).outcome()
    assert found == [] and [Path(f.path).name for f in rest] == ["a.ifc", "next.dxf"]
    found, rest, _ = ended(tmp_path, "a.ifc", "I-508", again).outcome()
    assert [Path(i.report.file).name for i in found] == ["a.ifc"]
    assert "a.ifc" in (found[0].report.error or "") and len(rest) == 1


@pytest.mark.parametrize(
    ("name", "code", "refused"), [("a.dxf", "I-508", 1), ("a.ifc", "P-607", 0)]
)
def test_others_are_refused_and_a_cancel_is_no_try(
    tmp_path: Path, name: str, code: str, refused: int
) -> None:
    again: set[str] = set()
    batch = ended(tmp_path, name, code, again)
    found, _, _ = batch.outcome()
    assert len(found) == refused and not again and batch.cancelled == (code == "P-607")
