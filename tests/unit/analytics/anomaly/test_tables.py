"""Tables as people have them: read with what they mean, or refused in one line."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from lamplighter.analytics.anomaly.tables import read
from lamplighter.domain.problems import LamplighterError


def test_separator_decimal_comma_place_of_the_time_and_order_are_found(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    text = "\ufeffFlow;time;Note\r\n1,5;2020-01-01 00:10:00;x\r\n0,5;2020-01-01 00:00:00;\r\n"
    path.write_bytes(gzip.compress(text.encode()))
    table = read(path)
    assert table.names == ("Flow", "Note")
    assert table.time_name == "time"
    assert table.values[:, 0].tolist() == [0.5, 1.5]
    assert np.isnan(table.values[:, 1]).all()
    assert np.diff(table.time_ms).tolist() == [600_000]
    assert table.column("FLOW") is not None
    assert table.column("other") is None


def test_hours_as_day_month_year_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("DATETIME, L_T1\n06/01/14 23,0.5\n07/01/14 00,1e300\n")
    table = read(path)
    assert str(table.time_ms[0].astype("datetime64[ms]")) == "2014-01-06T23:00:00.000"
    assert table.names == ("L_T1",)
    assert np.isnan(table.values[1, 0])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is empty"),
        (b"time,a\n", "it has no rows"),
        (b"time,a\n2020-01-01,1,2\n", "line 2 has 3 cells, the head has 2"),
        (b"a,b\nx,1\n", "its column 'a' is no time"),
        (b"\xff\xfe\x00", "it is not UTF-8 text"),
        pytest.param(
            gzip.compress(b"time,a\n2020-01-01,1\n")[:-9], "end-of-stream", id="gzip cut short"
        ),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(data: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    with pytest.raises(LamplighterError, match=why) as said:
        read(path)
    assert "\n" not in str(said.value)
    assert said.value.problem.code == "U-831"
