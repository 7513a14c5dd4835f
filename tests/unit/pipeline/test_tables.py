"""CSV and JSON lines read through a mapping: separators, commas, zones, nothing that breaks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.domain.problems import LamplighterError
from lamplighter.pipeline.careful import Fault
from lamplighter.pipeline.mapped import read_tree
from lamplighter.pipeline.mapping import Mapping, read_mapping
from lamplighter.pipeline.tables import json_lines, parse_as

VALUES = '\n[[values]]\ndatastream = "{site}/level"\nvalue = "level"\n'


def _csv(more: str = "") -> Mapping:
    return read_mapping(f'format = "csv"\ntime = "t"\n{more}{VALUES}', "m", topics=False)


def _points(mapping: Mapping, text: str | bytes) -> list[tuple[Any, ...]]:
    tree = parse_as(mapping, text if isinstance(text, bytes) else text.encode())
    assert not isinstance(tree, Fault), tree.what
    saved = read_tree(mapping, {}, tree).saved
    return list(zip(saved.names, saved.times, saved.values, strict=True))


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(separator: str) -> None:
    rows = [["t", "site", "level"], ["2026-11-22T10:00:00Z", "A", "1.5"], ["", "", ""]]
    text = "\r\n".join(separator.join(row) for row in rows)
    assert _points(_csv(), text) == [("A/level", 1_795_341_600_000, 1.5)]


def test_decimal_commas_and_thousands_and_a_byte_order_mark() -> None:
    text = "\ufefft;site;level\n2026-11-22T10:00:00Z;A;1.234,5\n2026-11-22T10:00:00Z;B;-0,25\n"
    found = _points(_csv('decimal = ","\nseparator = ";"\n'), text)
    assert [value for _, _, value in found] == [1234.5, -0.25]


def test_columns_may_be_named_by_the_mapping_and_quoted_cells_hold_anything() -> None:
    mapping = _csv('columns = ["t", "site", "level"]\n')
    text = '2026-11-22T10:00:00Z,"A, north",1.5\n'
    assert _points(mapping, text) == [("A, north/level", 1_795_341_600_000, 1.5)]


def test_local_times_are_turned_by_their_zone_in_summer_and_winter() -> None:
    mapping = _csv('zone = "Europe/Berlin"\ntime_format = "%d.%m.%Y %H:%M"\n')
    text = "t,site,level\n22.11.2026 11:00,A,1\n22.06.2026 12:00,A,2\n"
    assert [t for _, t, _ in _points(mapping, text)] == [1_795_341_600_000, 1_782_122_400_000]
    with pytest.raises(LamplighterError, match="no time zone Mars"):
        _csv('zone = "Mars"\n')


def test_empty_cells_are_absent_and_words_stay_words() -> None:
    text = "t,site,level\n2026-11-22T10:00:00Z,A,\n2026-11-22T10:00:00Z,B,fault\n"
    assert [(n, v) for n, _, v in _points(_csv(), text)] == [("B/level", "fault")]


def test_one_bad_line_of_json_lines_spoils_no_other() -> None:
    rows, bad = json_lines(b'{"a": 1}\n\noops\n{"a": 2}\n{"a": 1, "a": 2}\n')
    assert rows == [{"a": 1}, {"a": 2}]
    assert [(line, fault.code) for line, fault in bad] == [
        (b"oops", "D-113"), (b'{"a": 1, "a": 2}', "D-108"),
    ]  # fmt: skip


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=400), st.text(max_size=200).map(lambda t: t.encode())))
def test_no_bytes_can_stop_the_reading(body: bytes) -> None:
    for form in ("csv", "jsonl", "json"):
        mapping = read_mapping(f'format = "{form}"\n[[values]]\nvalue = "*"\n', topics=False)
        for payload in (body, b"a,b\n" + body, b"[" + body + b"]"):
            tree = parse_as(mapping, payload)
            if not isinstance(tree, Fault):
                read_tree(mapping, {}, tree)
