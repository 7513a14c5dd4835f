"""Looking at a file of the past: its first rows and what they become, with nothing stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamplighter.domain import wire
from lamplighter.domain.city import Asset, Datastream
from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime.asset_names import AssetNames
from lamplighter.runtime.past_look import LOOKED_AT, Known, look_at_past

ASSETS = {a.id: a for a in (Asset("P-17", "Pump", "Pump 17", "water"),)}
KNOWN = Known(ASSETS, [Datastream(1, "scada", "flow", "l/s", asset="P-17")],
              AssetNames(ASSETS.values()))  # fmt: skip


def look(file: Path, **more: str) -> wire.PastLook:
    return look_at_past(wire.LookAtPast(str(file), **more), KNOWN)


def test_values_stand_in_their_units_on_their_assets(tmp_path: Path) -> None:
    file = tmp_path / "scada.csv"
    file.write_text(
        "time,tag,value\n"
        + "2020-01-01T00:00Z,P-17 pressure,4.5\n" * 9
        + "2020-01-02T00:00Z,flow,12\n2020-01-03T00:00Z,flow,no\n"
    )
    found = look(file)
    assert found.draft is not None and found.problem == ""
    assert found.columns == ("time", "tag", "value") and len(found.rows) == found.looked_at == 11
    shown = {r.key: (r.value, r.unit, r.asset, r.how) for r in found.values}
    assert shown["scada/flow"] == ("12", "l/s", "P-17", "bound already")
    assert shown["scada/P-17 pressure"][2] == "P-17"
    assert found.set_aside == (("'no' is no number", 1),)


def test_a_given_mapping_is_used_and_a_wrong_one_is_told_not_raised(tmp_path: Path) -> None:
    file = tmp_path / "scada.csv"
    file.write_text("when;a;b\n2020-01-01;1;2\n")
    mapping = 'source = "s"\n[time]\ncolumn = "when"\n[wide]\ncolumns = ["a"]\n'
    found = look(file, mapping=mapping)
    assert [r.key for r in found.values] == ["s/a"] and found.draft is None
    assert "no column" in look(file, mapping=mapping.replace('["a"]', '["c"]')).problem
    assert "cannot be used" in look(file, mapping="kind = 3").problem


def test_assets_of_failures_that_nobody_knows_are_named(tmp_path: Path) -> None:
    file = tmp_path / "failed.csv"
    file.write_text("asset,time,cause\nP-17,2020-01-01,seal\nP17x,2020-01-02,bearing\n")
    known, strange = look(file).values
    assert (known.asset, known.value) == ("P-17", "failed: seal")
    assert strange.asset == "" and "there is no asset P17x yet" in strange.how


def test_our_own_export_needs_no_mapping(tmp_path: Path) -> None:
    file = tmp_path / "history.csv"
    file.write_text(
        "source,datastream,phenomenon_time_ms,value,quality,recorded_time_ms\n"
        "scada,flow,1577836800000,3,good,1577836800001\n"
    )
    found = look(file)
    assert found.own and found.mapping == "" and found.values[0].key == "scada/flow"
    assert not look(file, kind="failures").own


def test_old_encodings_are_found_and_only_the_first_rows_are_read(tmp_path: Path) -> None:
    file = tmp_path / "alt.csv"
    rows = "\n".join(f"2020-01-01T00:{n % 60:02}Z;{n}" for n in range(2 * LOOKED_AT))
    file.write_bytes(f"Zeit;Größe\n{rows}\n".encode("cp1252"))
    found = look(file)
    assert found.columns == ("Zeit", "Größe") and found.looked_at == LOOKED_AT
    assert found.draft is not None and found.draft.encoding == "cp1252"


@pytest.mark.parametrize("body", [None, b"", b"\n\n", b"\x1f\x8b\x00\x00,a\n1\n", b"PAR1nothing"])
def test_what_is_no_table_is_one_line(tmp_path: Path, body: bytes | None) -> None:
    file = tmp_path / ("x.parquet" if body == b"PAR1nothing" else "x.csv")
    if body is not None:
        file.write_bytes(body)
    try:
        found = look(file)
    except LamplighterError as error:
        assert error.problem.code in ("I-507", "I-503", "I-510")
    else:
        assert found.problem and not found.values
