"""Years of observations, failures and work orders come in through a mapping, each once."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.kit.clocks import FakeClock
from tests.kit.testdata import prognostics_data

from lamplighter.domain.clock import iso, parse_time
from lamplighter.domain.importing import FileReport
from lamplighter.domain.problems import LamplighterError, fault
from lamplighter.domain.quality import QualityMark
from lamplighter.pipeline.past_columns import conversion, numbers, times
from lamplighter.runtime.fleet_past import renewals
from lamplighter.runtime.intake import StoreDoor
from lamplighter.runtime.past_import import PastImport, import_files
from lamplighter.store import Store

NOW = 1_795_305_600_000
LONG = """
source = "scada"
[time]
column = "time"
[long]
datastream = "tag"
value = "value"
quality = "status"
[quality]
OK = "good"
[datastreams."P-17"]
datastream = "P-17 pressure"
unit = "psi"
to = "bar"
"""
WIDE = """
source = "logger"
decimal = ","
[time]
column = "Zeit"
format = "%d.%m.%Y %H:%M"
zone = "Europe/Berlin"
"""


class Town:
    """A project that takes in files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock(NOW)
        Store.create(folder / "town", name="town", clock=self.clock)
        self.store = self._opened()

    def _opened(self) -> Store:
        return Store.open(self.folder / "town", write=True, clock=self.clock)

    def reopen(self) -> None:
        self.store.close()
        self.store = self._opened()

    def write(self, text: str, name: str = "history.csv", encoding: str = "utf-8") -> Path:
        file = self.folder / name
        file.write_bytes(text.encode(encoding))
        return file

    def take(
        self,
        file: Path,
        mapping: str,
        *,
        again: bool = False,
        progress: Callable[[int, int, str], None] = lambda *_: None,
    ) -> PastImport:
        one = PastImport(self.store, StoreDoor(self.store), self.clock)
        self.report: FileReport = one.run(file, mapping, "map", again=again, progress=progress)
        return one

    def rows(self) -> list[tuple[str, str, float | str, str]]:
        return [
            (r.datastream, iso(r.phenomenon_time_ms), r.value, r.quality)
            for r in self.store.export_rows()
        ]


@pytest.fixture
def town(tmp_path: Path):  # type: ignore[no-untyped-def]
    made = Town(tmp_path)
    yield made
    made.store.close()


def test_a_long_table_is_taken_with_units_and_quality_and_recorded_now(town: Town) -> None:
    file = town.write(
        "time,tag,value,status\n"
        "2020-01-01T00:00:00Z,P-17,14.5038,OK\n"
        "2020-01-01T00:01:00+01:00,P-18,3,odd\n"
    )
    counts = town.take(file, LONG).counts
    assert (counts.rows, counts.stored, counts.quarantined) == (2, 2, 0)
    found = town.rows()
    assert found[0][:2] == ("P-17 pressure", "2020-01-01T00:00:00.000Z")
    assert found[0][2] == pytest.approx(1.0, abs=1e-4)
    assert found[1] == ("P-18", "2019-12-31T23:01:00.000Z", 3.0, "uncertain")
    assert all(r.recorded_time_ms == NOW for r in town.store.export_rows())
    (stream,) = [d for d in town.store.datastreams() if d.name == "P-17 pressure"]
    assert (stream.source, stream.unit) == ("scada", "bar")
    newest = town.store.newest()
    assert all(int(q) & int(QualityMark.HISTORICAL) for q in newest.quality)
    assert town.store.verify().ok


def test_a_wide_table_with_decimal_commas_and_local_time(town: Town) -> None:
    file = town.write(
        "Zeit;Druck;Menge\n01.07.2021 12:00;1.234,5;7\n01.01.2021 12:00;;8,25\n"
        "31.10.2021 02:30;1;2\n"
    )
    counts = town.take(file, WIDE).counts
    assert (counts.stored, counts.empty, counts.uncertain) == (5, 1, 2)
    assert town.rows()[:3] == [
        ("Druck", "2021-07-01T10:00:00.000Z", 1234.5, "good"),
        ("Menge", "2021-07-01T10:00:00.000Z", 7.0, "good"),
        ("Menge", "2021-01-01T11:00:00.000Z", 8.25, "good"),
    ]
    marked = [int(q) & int(QualityMark.TIME_UNCERTAIN) for q in town.store.newest().quality]
    assert all(marked)  # the newest of both is the hour that happens twice
    assert any("happens twice" in w for w in town.report.warnings)


def test_bad_rows_are_set_aside_with_their_line_and_everything_is_counted(town: Town) -> None:
    file = town.write(
        "time,tag,value,status\n"
        "2020-01-01T00:00:00Z,P-18,1,OK\n"
        "yesterday,P-18,2,OK\n"
        "2020-01-01T00:02:00Z,P-18,three,OK\n"
        '2020-01-01T00:03:00Z,"two\nlines",4,OK\n'
        "2020-01-01T00:04:00Z,P-18\n"
        "2020-01-01T00:05:00Z,P-18,nan,OK\n"
        "2020-01-01T00:06:00Z,P-18,6,OK\n"
    )
    counts = town.take(file, LONG).counts
    assert (counts.points, counts.stored, counts.quarantined) == (7, 3, 4)
    assert town.report.set_aside == 4
    entries = town.store.quarantine()
    lines = sorted(e.reason.split("line ")[1].split(" ")[0] for e in entries)
    assert lines == ["3", "4", "7", "8"]
    assert {e.topic for e in entries} == {"past/history.csv"}
    assert b"yesterday" in b"".join(e.body for e in entries)
    account = sum(a.received for a in town.store.accounts().values())
    assert account == 7
    assert town.store.verify().ok


def _many(town: Town, rows: int) -> Path:
    lines = [f"{iso(1_500_000_000_000 + 60_000 * i)},P-{i % 7},{i % 100},OK" for i in range(rows)]
    return town.write("time,tag,value,status\n" + "\n".join(lines) + "\n")


def test_an_import_that_was_stopped_goes_on_and_stores_nothing_twice(town: Town) -> None:
    file = _many(town, 35_000)
    plain = 'source = "s"\n[time]\ncolumn = "time"\n[long]\ndatastream = "tag"\nvalue = "value"\n'

    def stop(done: int, total: int, text: str) -> None:
        if done > total / 2:
            raise fault("P-607", name="import")

    with pytest.raises(LamplighterError, match="P-607"):
        town.take(file, plain, progress=stop)
    town.reopen()
    before = sum(1 for _ in town.store.export_rows())
    assert 0 < before < 35_000
    counts = town.take(file, plain).counts
    assert (counts.points, counts.stored + counts.duplicate) == (35_000, 35_000)
    assert counts.duplicate == before
    again = town.take(file, plain).counts
    assert (again.stored, again.duplicate) == (0, 35_000)
    assert town.report.already
    found = town.rows()
    assert len(found) == len(set(found)) == 35_000
    with pytest.raises(LamplighterError, match="I-522"):
        town.take(file, plain.replace('"s"', '"t"'))
    assert town.take(file, plain.replace('"s"', '"t"'), again=True).counts.stored == 35_000


def test_any_span_of_the_past_opens_from_cells(town: Town) -> None:
    file = _many(town, 30_000)
    town.take(file, LONG)
    (stream,) = [d for d in town.store.datastreams() if d.name == "P-3"]
    series = town.store.series(stream.id, 0, NOW, 100)
    assert series.reduced
    assert len(series.time_ms) <= 102
    assert series.low.min() >= 0
    assert series.high.max() <= 99


def test_our_own_export_comes_back_without_a_mapping(town: Town, tmp_path: Path) -> None:
    town.take(_many(town, 50), LONG)
    out = tmp_path / "export.csv"
    with out.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ("source", "epoch", "seq", "n", "datastream", "phenomenon_time_ms",
             "recorded_time_ms", "value", "quality")
        )  # fmt: skip
        writer.writerows(town.store.export_rows())
    other = Town(tmp_path / "other") if (tmp_path / "other").mkdir() is None else town
    other.take(out, "")
    assert [r[:3] for r in other.rows()] == [r[:3] for r in town.rows()]
    other.store.close()


def test_words_that_find_no_room_are_bad_and_everything_can_still_be_exported(town: Town) -> None:
    rows = "".join(f"2020-01-01T00:{n // 60:02}:{n % 60:02}Z,note,word {n}\n" for n in range(300))
    mapping = """
source = "log"
[time]
column = "time"
[long]
datastream = "tag"
value = "value"
[datastreams."note"]
text = true
"""
    assert town.take(town.write("time,tag,value\n" + rows), mapping).counts.stored == 300
    found = town.rows()
    assert [r[2] for r in found[:256]] == [f"word {n}" for n in range(256)]
    assert {r[3] for r in found[:256]} == {"good"} and {r[3] for r in found[256:]} == {"bad"}


def test_failures_and_work_orders(town: Town) -> None:
    failures = town.write("pump;when;why\nP-1;05.03.2019 07:10;bearing\n;05.03.2019 07:10;seal\n")
    mapping = """
kind = "failures"
[columns]
asset = "pump"
time = "when"
mode = "why"
[time]
column = "when"
format = "%d.%m.%Y %H:%M"
zone = "Europe/Berlin"
"""
    assert town.take(failures, mapping).counts.failures == 1
    assert town.take(failures, mapping).counts.failures == 1
    orders = town.write(
        "id,pump,what,from,to\n7,P-1,Renew bearing,2019-03-05,2019-03-06\n", "o.csv"
    )
    mapping = """
kind = "work orders"
[columns]
id = "id"
asset = "pump"
title = "what"
created = "from"
closed = "to"
"""
    assert town.take(orders, mapping).counts.orders == 1
    found = {o.id: o for o in town.store.work_orders()}
    when = parse_time("2019-03-05T06:10:00Z")
    assert found[f"F-P-1-{when}"].finding == "failed: bearing"
    assert (found["7"].state, found["7"].closed_ms) == ("done", parse_time("2019-03-06"))
    assert len(found) == 2
    (entry,) = town.store.quarantine()
    assert "line 3" in entry.reason
    assert "no asset" in entry.reason


def test_words_of_another_program_for_states_and_findings_count_as_ours(town: Town) -> None:
    file = town.write(
        "id,pump,from,to,state,found\n"
        "1,P-1,2019-03-05,2019-03-06,CLOSED,Failed: bearing\n"
        "2,P-1,2019-04-05,,In_Progress,\n"
        "3,P-1,2019-05-05,2019-05-06,TECO,FOUND\n"
        "4,P-1,2019-06-05,,Canceled,Not found : quiet\n"
        "5,P-1,2019-07-05,,WAPPR,Oil was low: refilled\n"
    )
    mapping = """
kind = "work orders"
[columns]
id = "id"
asset = "pump"
created = "from"
closed = "to"
state = "state"
finding = "found"
"""
    assert town.take(file, mapping).counts.orders == 5
    found = {o.id: (o.state, o.finding) for o in town.store.work_orders()}
    assert found == {
        "1": ("done", "failed: bearing"),
        "2": ("planned", ""),
        "3": ("done", "found"),
        "4": ("cancelled", "not found: quiet"),
        "5": ("open", "Oil was low: refilled"),
    }
    (renewal,) = renewals(town.store.work_orders())
    assert (renewal.asset, renewal.failed) == ("P-1", True)


def test_two_failures_of_one_asset_at_one_moment_are_two(town: Town) -> None:
    mapping = 'kind = "failures"\n[columns]\nasset = "pump"\ntime = "when"\nmode = "why"\n'
    file = town.write("pump,when,why\nP-1,2019-03-05,seal\nP-1,2019-03-05,bearing\n")
    for _ in range(2):  # the second time adds nothing
        assert town.take(file, mapping).counts.failures == 2
        found = [o.finding for o in town.store.work_orders()]
        assert sorted(found) == ["failed: bearing", "failed: seal"]
    other = town.write("pump,when,why\nP-1,2019-03-05,motor\n", "other.csv")
    assert town.take(other, mapping).counts.failures == 1
    assert len(town.store.work_orders()) == 3


def test_a_failure_that_people_wrote_anew_is_not_counted_twice_when_its_file_comes_again(
    town: Town,
) -> None:
    mapping = 'kind = "failures"\n[columns]\nasset = "pump"\ntime = "when"\nmode = "why"\n'
    file = town.write("pump,when,why\nP-1,2019-03-05,seal\n")
    town.take(file, mapping)
    (order,) = town.store.work_orders()
    anew = replace(order, finding="failed: dry run", signature="Ann", closed_by="ann")
    town.store.writer.call(lambda access: access.put_work_order(anew)).result(30)
    town.take(file, mapping)
    assert [o.id for o in town.store.work_orders()] == [order.id]


def test_assets_that_the_project_does_not_know_are_named(town: Town) -> None:
    failures = town.write("pump,when\nP-99,2019-03-05\n")
    town.take(failures, 'kind = "failures"\n[columns]\nasset = "pump"\ntime = "when"\n')
    assert any("P-99" in w and "not in this project" in w for w in town.report.warnings)


def test_parquet_is_read_as_csv_is(town: Town) -> None:
    pa = pytest.importorskip("pyarrow")
    import datetime as dt

    import pyarrow.parquet as pq

    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    table = pa.table({
        "time": pa.array([start + dt.timedelta(minutes=i) for i in range(10)],
                         pa.timestamp("us", "UTC")),
        "tag": [f"P-{i % 2}" for i in range(10)],
        "value": [float(i) if i != 4 else None for i in range(10)],
        "status": ["OK"] * 10,
    })  # fmt: skip
    file = town.folder / "history.parquet"
    pq.write_table(table, file)
    counts = town.take(file, LONG).counts
    assert (counts.stored, counts.empty) == (9, 1)
    assert town.rows()[1][:3] == ("P-1", "2020-01-01T00:01:00.000Z", 1.0)


@pytest.mark.parametrize(
    ("mapping", "why"),
    [
        ("kind = 'x'", "kind is one of"),
        ("source = 's'", r"\[time\] names no column"),
        (LONG.replace('"time"', '"Zeit"'), "no column Zeit"),
        (WIDE.replace("Europe/Berlin", "Europe/Nowhere"), "no time zone"),
        ("nonsense", "cannot be used"),
        (LONG.replace('to = "bar"', 'to = "degC"'), ""),
    ],
)
def test_a_mapping_that_cannot_be_is_one_line(town: Town, mapping: str, why: str) -> None:
    file = town.write("time,tag,value,status\n2020-01-01T00:00:00Z,P-17,1,OK\n")
    if why:
        with pytest.raises(LamplighterError, match=why):
            town.take(file, mapping)
    else:
        assert town.take(file, mapping).counts.quarantined == 1


def test_a_file_that_cannot_be_read_stops_no_other(town: Town) -> None:
    good = town.write("time,tag,value,status\n2020-01-01T00:00:00Z,P-18,1,OK\n")
    empty = town.write("", "empty.csv")
    files = [town.folder / "absent.csv", empty, good]
    reports = import_files(
        town.store, StoreDoor(town.store), town.clock, files, LONG, "map", again=False,
        progress=lambda *_: None,
    )  # fmt: skip
    assert [bool(r.error) for r in reports] == [True, True, False]
    assert "I-507" in str(reports[0].error)
    assert "I-503" in str(reports[1].error)


def test_whole_columns_and_single_cells_read_alike() -> None:
    cells = ["2020-06-01 12:00:00", "2020-06-01T12:00:00.250", "2020-06-01"]
    together, bad, _ = times(cells, "iso", "Europe/Berlin")
    alone = [int(times([c], "iso", "Europe/Berlin")[0][0]) for c in cells]
    assert not bad.any()
    assert together.tolist() == alone
    assert iso(alone[0]) == "2020-06-01T10:00:00.000Z"
    mixed, bad, _ = times([*cells, "now"], "iso", "Europe/Berlin")
    assert mixed[:3].tolist() == alone
    assert bad.tolist() == [False, False, False, True]
    slow, bad, _ = times(["1.6.2020 12:00", "01.06.2020 12:00"], "%d.%m.%Y %H:%M", "UTC")
    assert not bad.any()
    assert slow[0] == slow[1]
    seconds, _, _ = times(["1590000000.5"], "s", "UTC")
    assert seconds[0] == 1_590_000_000_500
    _, unread = numbers(["1,5", "x", "inf"], ",")
    assert unread.tolist() == [False, True, True]
    scale, offset = conversion("degF", "degC")
    assert 32 * scale + offset == pytest.approx(0.0, abs=1e-9)


@pytest.mark.data
def test_real_hourly_air_quality_with_the_time_in_four_columns(town: Town) -> None:
    import pyarrow.parquet as pq

    name = "PRSA_Data_Shunyi_20130301-20170228.parquet"
    file = prognostics_data("beijing_prsa", name)
    mapping = """
source = "air"
[time]
columns = ["year", "month", "day", "hour"]
format = "%Y %m %d %H"
zone = "Asia/Shanghai"
[wide]
columns = ["PM2.5", "TEMP", "wd"]
[datastreams."PM2.5"]
datastream = "Shunyi PM2.5"
unit = "ug/m^3"
[datastreams.wd]
text = true
"""
    counts = town.take(file, mapping).counts
    table = pq.read_table(file, columns=["PM2.5", "TEMP", "wd"])
    there = sum(1 for c in table.columns for v in c.to_pylist() if v is not None and v == v)
    assert (counts.stored, counts.quarantined) == (there, 0)
    assert counts.stored + counts.empty == 3 * table.num_rows
    (stream,) = [d for d in town.store.datastreams() if d.name == "wd"]
    assert "NNW" in stream.states
    first = next(iter(town.store.export_rows()))
    assert (first.datastream, first.value) == ("Shunyi PM2.5", 3.0)
    assert iso(first.phenomenon_time_ms) == "2013-02-28T16:00:00.000Z"


@pytest.mark.data
def test_a_real_scada_table_of_half_a_year(town: Town) -> None:
    import pyarrow.parquet as pq

    file = prognostics_data("ltown_regen", "scada_2019_first_half.parquet")
    counts = town.take(file, 'source = "scada"\n[time]\ncolumn = "time"\n').counts
    table = pq.read_table(file)
    assert counts.stored == table.num_rows * (table.num_columns - 1)
    (stream,) = [d for d in town.store.datastreams() if d.name == "P_n1"]
    day = town.store.series(stream.id, 1_546_300_800_000, 1_546_387_200_000, 1_000)
    there = table.column("P_n1").to_pylist()[: len(day.value)]
    assert day.value.tolist() == pytest.approx(there, abs=1e-5)
    assert town.store.verify().ok


@pytest.mark.parametrize("pattern", ["%d/%m/%y %H", "%j %Y", "%b %d %Y", "%", "%q"])
def test_patterns_that_have_no_fixed_places_are_read_cell_by_cell(pattern: str) -> None:
    found, bad, _ = times(["06/01/14 00", "odd"], pattern, "UTC")
    assert bad[1] and (bad[0] or found[0] == 1388966400000)
