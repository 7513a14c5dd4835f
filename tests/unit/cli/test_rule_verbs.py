"""The verbs rules, works and calls, and alarms with its journal and figures, without a recorder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.kit.alarm_room import make_project

from lamplighter.cli.app import run
from lamplighter.cli.output import DONE, FAILED, REFUSALS, USAGE
from lamplighter.cli.starters import Starters
from lamplighter.domain.alarm import AlarmEvent, AlarmRecord, AlarmState
from lamplighter.domain.clock import SystemClock
from lamplighter.store import Store

RULES = """
[[rule]]
id = "full"
text = "Tank full"
kind = "tank_test_level"
threshold = 10
priority = 2
count = 3
count_window_s = 60
cause = "The valve stays open"
guidance = ["Close the inlet"]
justification = "Street flooded within an hour"
[[rule.when]]
datastream = "dev/level-1"
condition = "below"
threshold = 0.005
unit = "km"
[[rule.checklist]]
text = "Inlet closed"

[[rule]]
id = "broken"
text = "x"
datastream = "dev/nothing"

[[suppression]]
id = "empty"
text = "Tank 1 is empty"
assets = ["T0"]
[[suppression.when]]
datastream = "dev/level-1"
condition = "below"
threshold = 0.1
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    make_project(tmp_path / "town", 2)
    return tmp_path / "town"


def _run(*words: object) -> int:
    return run([str(w) for w in words], Starters(field=lambda _: 2, window=lambda **_: 2))


def _json(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, object]:
    capsys.readouterr()
    assert _run(*words, "--json") == DONE
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_a_file_of_rules_is_taken_table_by_table(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(RULES)
    assert _run("rules", "add", project, file) == REFUSALS
    said = capsys.readouterr()
    assert "project.full, empty" in said.out
    assert "'dev/nothing' is no datastream" in said.err and "U-811" in said.err
    (rule,) = _json(capsys, "rules", "list", project)["rules"]  # type: ignore[misc]
    assert (rule["id"], rule["arming"], rule["bound"]) == ("project.full", "draft", 2)
    assert _run("rules", "arm", project, "full", "--waive", "trial site") == DONE
    assert _run("rules", "show", project, "full") == DONE
    shown = capsys.readouterr().out
    assert "tank_test_level above 10 and dev/level-1 below 0.005 km" in shown
    assert "waived" in shown and "Street flooded" in shown and "trial site" in shown
    assert _run("rules", "switch", project, "full", "off") == FAILED
    assert _run("rules", "switch", project, "full", "off", "--reason", "tests") == DONE
    assert _run("rules", "drop", project, "empty") == DONE
    assert _run("rules", "drop", project, "full") == DONE
    assert _json(capsys, "rules", "list", project)["rules"] == []


def test_a_file_that_cannot_be_says_where(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.toml"
    for text, words in (
        ("[[rule]]\nid='x'\ntext='y'\ntreshold=3", "it has no field 'treshold'"),
        ("[[rule]]\nid='x'\ntext='y'\n[[rule.when]]\nunti='m'", "it has no field 'unti'"),
        ("[[rule]]\nid='x'\ntext='y'\nwhen=5", "got `int`"),
        ("[[rule]]\nid='x'", "missing required field `text`"),
        ("[[rools]]\nid='x'", "no table [[rools]]"),
        ("[[rule", "file bad.toml"),
        ("", "it is empty"),
        ("[[way]]\nid='x'\nkind='email'", "tables other than"),
    ):
        file.write_text(text)
        assert _run("rules", "add", project, file) == FAILED
        said = capsys.readouterr().err
        assert words in said and len(said.splitlines()) == 1


def test_works_are_planned_listed_and_ended(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = ("works", "plan", project, "New valve", "--from", "2026-11-28T08:00Z", "--to")
    assert _run(*plan, "2026-11-28T16:00Z", "--near", "10,50,100", "--id", "valve") == DONE
    (work,) = _json(capsys, "works", "list", project)["works"]  # type: ignore[misc]
    assert (work["id"], work["area"]) == ("valve", [10.0, 50.0, 100.0])
    assert _run(*plan, "2026-11-28T07:00Z", "--asset", "T0") == FAILED
    assert "end before they begin" in capsys.readouterr().err
    assert _run(*plan, "soon", "--asset", "T0") == USAGE
    assert _run("works", "end", project, "valve") == DONE
    assert _run("works", "end", project, "valve") == USAGE


def test_calls_are_taken_from_a_file_and_need_a_recorder_to_be_tried(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "calls.toml"
    file.write_text(
        "[[way]]\nid='pager'\nkind='program'\nprogram=['/usr/bin/true']\n"
        "[[escalation]]\nways=['pager']\npriorities=[1]\nafter_s=60"
    )
    assert _run("calls", "add", project, file) == DONE
    found = _json(capsys, "calls", "list", project)
    assert len(found["ways"]) == len(found["escalations"]) == 1  # type: ignore[arg-type]
    assert _run("calls", "test", project, "pager") == FAILED
    assert "none runs" in capsys.readouterr().err


def _remember(project: Path) -> int:
    clock = SystemClock()
    store, now = Store.open(project, write=True, clock=clock), clock.wall_ms() - 60_000
    unack, acked = AlarmState.UNACK, AlarmState.ACKED
    events = []
    for at, word, before, after, who in (
        (now, "raised", AlarmState.NORM, unack, "system"),
        (now + 30_000, "acked", unack, acked, "maria"),
    ):
        record = AlarmRecord("r", "T0", 0, after, 2, "=1+1", True, now, at)
        events.append(AlarmEvent("r", "T0", 1, at, word, before, after, record, who))
    store.writer.call(lambda access: access.put_alarm_events(events)).result(10)
    store.close()
    return now


def test_the_journal_and_its_figures_by_verb(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = _remember(project)
    journal = _json(capsys, "alarms", project, "--journal", "--actor", "maria")["journal"]
    assert [e["event"] for e in journal] == ["acked"]  # type: ignore[attr-defined]
    out = tmp_path / "out.csv"
    assert _run("alarms", project, "--export", out, "--event", "raised") == DONE
    assert "'=1+1" in out.read_text() and len(out.read_text().splitlines()) == 2
    span = ("--from", now, "--to", now + 600_000)
    kpi = _json(capsys, "alarms", project, "--kpi", *span)["kpi"]
    assert (kpi["alarms"], kpi["per_10_min"], kpi["ack_median_s"]) == (1, 1.0, 30.0)  # type: ignore[index]
    assert _run("alarms", project, "--kpi") == DONE
    assert "time to acknowledge, median" in capsys.readouterr().out
    assert _run("alarms", project, "--kpi", "--from", "2027-01-01", "--to", "2026-01-01") == USAGE
