"""From the first rows of a table of the past to a mapping that reads it."""

from __future__ import annotations

import pytest

from lamplighter.domain.past_draft import KINDS, PastDraft, to_toml, trouble, with_column
from lamplighter.pipeline import PastTable, read_past_mapping
from lamplighter.pipeline.past_propose import propose_past

WIDE = (
    ("Zeitpunkt", "Druck [bar]", "Durchfluss_m3h", "Bemerkung"),
    [["01.02.2020 00:00", "4,25", "1.012,5", ""], ["01.02.2020 00:15", "4,3", "990", "neu"]],
)
LONG = (
    ("TimeStamp", "TagName", "Value", "Quality", "Units"),
    [["2020-01-01T00:00:00Z", "PT17.PV", "4.2", "Good", "bar"],
     ["2020-01-01T00:00:00Z", "FT3.PV", "17", "Bad", "m³/h"]],
)  # fmt: skip


def roles(draft: PastDraft) -> dict[str, str]:
    return {c.name: c.role for c in draft.columns}


def test_a_table_with_a_column_each_is_wide_with_its_comma_time_and_units() -> None:
    draft = propose_past("scada", *WIDE)
    assert not draft.long and draft.decimal == ","
    assert draft.time_format == "%d.%m.%Y %H:%M"
    assert roles(draft)["Zeitpunkt"] == "time" and roles(draft)["Bemerkung"] == "ignored"
    units = {c.name: c.unit for c in draft.of_role("value")}
    assert units == {"Druck [bar]": "bar", "Durchfluss_m3h": "m³/h"}
    table = PastTable(read_past_mapping(to_toml(draft), "m"), WIDE[0], {})
    found = table.read(WIDE[1], [2, 3])
    assert found.points.value.tolist() == [4.25, 1012.5, 4.3, 990.0] and not found.aside
    assert {s.unit for s in found.streams} == {"bar", "m³/h"}


def test_a_historians_export_is_long_with_its_quality_and_unit_columns() -> None:
    draft = propose_past("export", *LONG)
    assert roles(draft) == {"TimeStamp": "time", "TagName": "datastream", "Value": "value",
                            "Quality": "quality", "Units": "unit"}  # fmt: skip
    assert draft.quality_words == {"Good": "good", "Bad": "bad"}
    table = PastTable(read_past_mapping(to_toml(draft), "m"), LONG[0], {})
    found = table.read(LONG[1], [2, 3])
    assert [(s.source, s.name, s.unit) for s in found.streams] == [
        ("export", "PT17.PV", "bar"), ("export", "FT3.PV", "m³/h"),
    ]  # fmt: skip


def test_columns_of_no_name_and_the_second_of_one_name_are_left_out() -> None:
    head = ("", "time", "flow [l/s]", "flow [l/s]")
    rows = [["0", "2020-01-01T00:00:00Z", "1.5", "9"], ["1", "2020-01-01T00:05:00Z", "2.5", "9"]]
    draft = propose_past("pump", head, rows)
    assert [c.role for c in draft.columns] == ["ignored", "time", "value", "ignored"]
    draft = with_column(draft, "flow [l/s]", unit="m³/h")
    found = PastTable(read_past_mapping(to_toml(draft), "m"), head, {}).read(rows, [2, 3])
    assert found.points.value.tolist() == [1.5, 2.5]
    assert [s.unit for s in found.streams] == ["m³/h"]


def test_a_station_and_a_parameter_make_source_and_datastream() -> None:
    head = ("date", "station", "parameter", "value")
    rows = [["2020-01-01 00:00", "S1", "no2", "12"], ["2020-01-01 00:00", "S2", "pm10", "9"]]
    draft = propose_past("air", head, rows)
    assert roles(draft) == {"date": "time", "station": "source", "parameter": "datastream",
                            "value": "value"}  # fmt: skip


@pytest.mark.parametrize(
    ("head", "row", "kind", "wanted"),
    [
        (("machineID", "datetime", "failure"), ["7", "2015-01-05T06:00:00", "comp4"], "failures",
         {"machineID": "asset", "datetime": "time", "failure": "mode"}),
        (("number", "equipment", "what", "from", "to", "found"),
         ["4711", "P-1", "seal", "2020-01-01", "2020-01-03", "worn"], "work orders",
         {"number": "id", "equipment": "asset", "what": "title", "from": "created", "to": "closed",
          "found": "finding"}),
    ],
)  # fmt: skip
def test_failures_and_work_orders_are_known_by_their_columns(
    head: tuple[str, ...], row: list[str], kind: str, wanted: dict[str, str]
) -> None:
    draft = propose_past("past", head, [row, row])
    assert (draft.kind, roles(draft), trouble(draft)) == (kind, wanted, "")
    assert read_past_mapping(to_toml(draft), "m").columns == {r: c for c, r in wanted.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_any_table_gets_a_draft_that_says_what_is_missing(kind: str) -> None:
    draft = propose_past("x", ("a", "b", "1"), [["x", "", "ü"], ["", "", ""]], kind)
    assert draft.kind == kind and trouble(draft)
    assert propose_past("x", (), [], kind).columns == ()


def test_only_values_and_parts_of_the_time_may_be_several() -> None:
    draft = propose_past("scada", *WIDE)
    draft = with_column(draft, "Bemerkung", role="time")
    assert 'columns = ["Zeitpunkt", "Bemerkung"]' in to_toml(draft)
    draft = with_column(draft, "Zeitpunkt", role="datastream")
    assert [c.name for c in draft.of_role("value")] == ["Druck [bar]"]
    draft = with_column(draft, "Durchfluss_m3h", role="value", label="Flow")
    assert [c.name for c in draft.of_role("value")] == ["Durchfluss_m3h"]
    assert trouble(with_column(draft, "Bemerkung", role="ignored")).startswith("say which column")


def test_a_time_in_several_columns_is_read_as_one() -> None:
    head = ("year", "month", "day", "hour", "PM2.5")
    rows = [["2013", "3", "1", "0", "4"], ["2013", "3", "1", "1", "8"]]
    draft = propose_past("air", head, rows)
    found = PastTable(read_past_mapping(to_toml(draft), "m"), head, {}).read(rows, [2, 3])
    assert found.points.time_ms.tolist() == [1362096000000, 1362099600000]


def test_a_table_of_hundreds_of_datastreams_leaves_none_out() -> None:
    head = ("time", *(f"T{n}_temp" for n in range(400)))
    row = ["2020-01-01T00:00:00Z", *("1.5" for _ in range(400))]
    draft = propose_past("hall", head, [row, row])
    assert len(draft.of_role("value")) == 400
    assert {c.unit for c in draft.of_role("value")} == {"°C"}


def test_a_day_in_one_column_and_the_hour_in_another_are_one_time() -> None:
    head = ("Date", "Time", "CO")
    rows = [["10/03/2004", "18.00.00", "2.6"], ["25/03/2004", "19.00.00", "2.0"]]
    draft = propose_past("air", head, rows)
    assert [c.name for c in draft.of_role("time")] == ["Date", "Time"]
    found = PastTable(read_past_mapping(to_toml(draft), "m"), head, {}).read(rows, [2, 3])
    assert found.points.time_ms.tolist() == [1078941600000, 1080241200000] and not found.aside
