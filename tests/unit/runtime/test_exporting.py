"""History leaves the project as Parquet: also of a damaged one all that can be read."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from tests.kit.consoles import Console, batch

from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime.exporting import export_history


def test_what_can_be_read_of_a_damaged_history_is_in_the_file(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    town = Console(tmp_path / "town")
    town.put(batch("pumps", 7, 0, fresh=True), batch("pumps", 7, 4), batch("pumps", 7, 8))
    town.close()
    sql = sqlite3.connect(town.folder / "history.db")
    sql.execute("UPDATE body SET points = substr(points, 1, 20) WHERE number = 2")
    sql.commit()
    sql.close()
    out = tmp_path / "history.parquet"
    with pytest.raises(LamplighterError, match="1 batches") as told:
        export_history(town.folder, out)
    assert told.value.problem.code == "A-402"
    assert sorted(set(parquet.read_table(out)["seq"].to_pylist())) == [0, 1, 2, 3, 8, 9, 10, 11]
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == [out.name]


def test_a_place_that_is_no_folder_is_told_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow.parquet")
    town = Console(tmp_path / "town")
    town.put(batch("pumps", 7, 0, fresh=True))
    town.close()
    (tmp_path / "file").write_text("x")
    with pytest.raises(LamplighterError) as told:
        export_history(town.folder, tmp_path / "file" / "history.parquet")
    assert told.value.problem.code == "U-813"
