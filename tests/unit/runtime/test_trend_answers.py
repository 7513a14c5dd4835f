"""Curves written into files, and sets of charts that are kept in the project."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.kit.past_day import PastDay, Size, at
from tests.unit.store.store_kit import Bench

from lamplighter.domain import wire
from lamplighter.domain.city import Datastream
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime.trend_answers import HEAD, TrendAnswers
from lamplighter.store import Store

ODD = "=cmd|' /C calc'!A0"


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return PastDay(tmp_path_factory.mktemp("trend") / "p", Size(20, 20, 300, 300, 0, 8)).write()


def _recorder(store: Store, streams: list[Datastream]) -> Any:
    told: list[object] = []
    who = SimpleNamespace(may=lambda _: True, role=SimpleNamespace(value="operator"))
    return SimpleNamespace(
        store=store, core=SimpleNamespace(city=SimpleNamespace(streams=streams)), identity=who,
        server=SimpleNamespace(emit=told.append), told=told,
    )  # fmt: skip


@pytest.fixture
def answers(day: Path) -> Iterator[TrendAnswers]:
    store = Store.open(day, write=False, clock=SystemClock())
    streams = store.datastreams()
    streams[1] = Datastream(1, "gw-1", "A-0001/flow", "m³/h", label=ODD)
    yield TrendAnswers(_recorder(store, streams))
    store.close()


def _ask(answers: TrendAnswers, request: wire.Request) -> Any:
    return answers.table()[type(request)](request)


def test_a_csv_holds_what_the_chart_shows_and_no_formula(
    answers: TrendAnswers, tmp_path: Path
) -> None:
    file = tmp_path / "t.csv"
    done = _ask(answers, wire.WriteTrend(str(file), (1, 5), at("02:00"), at("03:00")))
    rows = list(csv.reader(file.read_text(encoding="utf-8").splitlines()))
    assert tuple(rows[0]) == HEAD and len(rows) == done.rows + 1
    assert {r[1] for r in rows[1:]} == {"'" + ODD, "Zone 0005, flow"}
    assert not done.reduced
    assert {r[8] for r in rows[1:]} == {"good"}
    times = [int(r[4]) for r in rows[1:] if r[1].startswith("'")]
    assert times == sorted(times) and len(times) == 12


def test_what_was_not_known_then_is_not_in_the_file(answers: TrendAnswers, tmp_path: Path) -> None:
    span = at("02:00"), at("04:00")
    then = _ask(answers, wire.WriteTrend(str(tmp_path / "a.csv"), (5,), *span, 900, at("03:42")))
    now = _ask(answers, wire.WriteTrend(str(tmp_path / "b.csv"), (5,), *span, 900))
    assert (then.rows, now.rows) == (2, 24)


def test_a_parquet_file_holds_the_same_rows(answers: TrendAnswers, tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    file = tmp_path / "t.parquet"
    done = _ask(answers, wire.WriteTrend(str(file), (1, 5), at("00:00"), at("08:00"), 10))
    table = pq.read_table(file)
    assert table.column_names == list(HEAD) and table.num_rows == done.rows
    assert done.reduced
    low, value, high = (table.column(n).to_pylist() for n in ("low", "value", "high"))
    assert all(a <= b <= c for a, b, c in zip(low, value, high, strict=True))


@pytest.mark.parametrize("name", ["t.xlsx", "t", "no/such/folder/t.csv"])
def test_a_file_that_cannot_be_written_is_said_in_one_line(
    answers: TrendAnswers, tmp_path: Path, name: str
) -> None:
    with pytest.raises(LamplighterError) as refused:
        _ask(answers, wire.WriteTrend(str(tmp_path / name), (1,), at("00:00"), at("01:00")))
    assert "\n" not in str(refused.value)


def test_kept_charts_stand_in_the_project(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    recorder = _recorder(bench.store, [])
    answers = TrendAnswers(recorder)
    preset = wire.TrendPreset("  Night shift ", (("gw-1/a", "gw-1/b"), ("gw-2/c",)), 14_400, True)
    assert [p.name for p in _ask(answers, wire.PutTrendPreset(preset)).items] == ["Night shift"]
    again = wire.TrendPreset("Night shift", (("gw-9/z",),))
    _ask(answers, wire.PutTrendPreset(again))
    _ask(answers, wire.PutTrendPreset(wire.TrendPreset("Day", (("gw-9/z",),))))
    recorder.store = bench.reopen()
    assert _ask(answers, wire.GetTrendPresets()).items == (
        wire.TrendPreset("Day", (("gw-9/z",),)), again,
    )  # fmt: skip
    assert len(_ask(answers, wire.DropTrendPreset("Day")).items) == 1
    assert len(recorder.told) == 4
    with pytest.raises(LamplighterError):
        _ask(answers, wire.PutTrendPreset(wire.TrendPreset(" ", (("a",),))))
    bench.store.close()
