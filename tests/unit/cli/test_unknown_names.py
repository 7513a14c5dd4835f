"""A name that nothing in the project bears: one line and exit code 2, at every verb."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.kit.field_town import town

from lamplighter.cli.app import run
from lamplighter.cli.output import FAILED, USAGE
from lamplighter.cli.starters import Starters

NAMED = (
    "alarms ack {p} nothing@nowhere", "anomalies judge {p} nothing real",
    "assets {p} --near nowhere",
    "attach {p} {photo} --asset NOTHING", "attach {p} {photo} --order NOTHING",
    "bench nothing", "calls drop {p} nothing",
    "check {p} nothing --fix", "config explain nothing", "crew drop {p} nothing",
    "expected {p} nothing", "feed pause {p} nothing",
    "feed edit {p} nothing",
    "historian poison {p} retry 77", "kit settle {p} NOTHING note --take mine",
    "kit take {p} {out}.kit --asset NOTHING", "layers {p} remove nothing --yes",
    "life {p} NOTHING", "models card {p} nothing", "models promote {p} nothing 7 --reason x",
    "orders close {p} NOTHING --finding failed --signed a --reason b",
    "orders edit {p} NOTHING --set title=x", "orders history {p} NOTHING",
    "orders new {p} --asset NOTHING --title x", "orders show {p} NOTHING",
    "plugins disable nothing", "plugins enable nothing", "query {p} nothing",
    "rules arm {p} nothing --waive x",
    "rules backtest {p} nothing --days 1", "rules drop {p} nothing", "rules show {p} nothing",
    "rules switch {p} nothing off --reason x",
    "shot {p} --out {out}.png --target NOTHING",
    "waiting {p} NOTHING", "works end {p} nothing", "forecasts {p} nothing",
    "coverage {p} --of nothing", "models rollback {p} nothing --reason x",
    "models export {p} nothing {out}.zip", "models train {p} nothing",
    "suspects preview {p} nothing", "suspects quarantine {p} nothing --reason x",
    "suspects release {p} nothing --reason x", "hand end {p} nothing",
    "hand set {p} nothing 1 --for 1h --reason x",
    "hand maintenance {p} nothing --for 1h --reason x",
    "feed show {p} nothing", "calls test {p} nothing",
)  # fmt: skip
NOT_THERE = (
    "assets {out}", "life {out} P-0", "attach {p} {out}.jpg --asset A-0",
    "rules add {p} {out}.toml", "models import {p} {out}.zip", "kit merge {p} {out}.kit",
)  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return town(tmp_path_factory.mktemp("names") / "town")


def said(capsys: pytest.CaptureFixture[str], project: Path, words: str) -> tuple[int, list[str]]:
    photo = project.parent / "photo.txt"
    photo.write_text("words")
    places = {"p": str(project), "photo": str(photo), "out": str(project.parent / "missing")}
    starters = Starters(field=lambda _: 0, window=lambda **_: 0)
    code = run([w.format(**places) for w in words.split()], starters)
    out, beside = capsys.readouterr()
    return code, [x for x in (out + beside).splitlines() if x.strip()]


@pytest.mark.parametrize("words", NAMED)
def test_a_name_that_nothing_bears_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], project: Path, words: str
) -> None:
    code, lines = said(capsys, project, words)
    assert (code, len(lines)) == (USAGE, 1), lines
    assert "option" not in lines[0] and "Missing" not in lines[0], lines
    assert "nothing" in lines[0].casefold() and lines[0].endswith("]"), lines


@pytest.mark.parametrize("words", NOT_THERE)
def test_a_file_or_project_that_is_not_there_could_not_be_done(
    capsys: pytest.CaptureFixture[str], project: Path, words: str
) -> None:
    code, lines = said(capsys, project, words)
    assert code == FAILED and len(lines) == 1, lines


def test_an_import_of_what_is_not_there_or_by_a_wrong_mapping_took_nothing(
    capsys: pytest.CaptureFixture[str], project: Path, tmp_path: Path
) -> None:
    table, mapping = tmp_path / "past.csv", tmp_path / "wrong.toml"
    table.write_text("time,tag,value\n2026-01-01T00:00:00Z,P1,3.2\n")
    mapping.write_text('[time]\ncolumn = "time"\n[long]\ndatastream = "tag"\nvalue = "value"\n')
    code, lines = said(capsys, project, f"import {{p}} {table} --map {mapping}")
    assert code == USAGE and "names no source" in lines[-1]
    code, lines = said(capsys, project, "import {p} {out}.geojson")
    assert code == FAILED and "[I-507]" in lines[-1]


def test_an_option_out_of_its_range_is_called_as_it_is_typed(
    capsys: pytest.CaptureFixture[str], project: Path
) -> None:
    code, lines = said(capsys, project, "coverage {p} --least 0")
    assert code == USAGE and lines[0].startswith("--least: ")
