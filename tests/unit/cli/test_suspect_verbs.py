"""The verb `suspects`: the list is read beside or without a recorder, changes are asked of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lamplighter.cli import app, beside
from lamplighter.cli.starters import Starters
from lamplighter.domain import wire
from lamplighter.domain.city import Datastream
from lamplighter.domain.suspicion import Loss, Suspect, Withheld
from lamplighter.runtime.project import create, opened

KEY = "gw/P-1"
LANE = wire.Suspects(
    (Suspect(KEY, "datastream", "stuck", "broken", "P-1 stands still", "still", 2.0, 5, 6),),
    (Withheld("gw/P-2", "anna", "reads too high", 7),),
    9, 1, "learned from 300 samples", 8,
)  # fmt: skip


class _Recorder:
    def __init__(self) -> None:
        self.asked: list[wire.Request] = []

    def ask_now(self, request: wire.Request) -> wire.Reply:
        self.asked.append(request)
        match request:
            case wire.GetSuspects():
                return LANE
            case wire.PreviewWithhold(key=key):
                return wire.WithholdPreview(key, (Loss("rule", "too high", "P-1", "decides no"),))
        return wire.Ok("1")


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> _Recorder:
    made = _Recorder()

    @contextmanager
    def running(project: Path) -> Iterator[Any]:
        yield made

    monkeypatch.setattr(beside, "recorder", running)
    return made


def run(*words: str) -> int:
    starters = Starters(field=lambda _: 2, window=lambda **_: 2)
    return app.run(list(words), starters)


def test_the_list_tells_reasons_and_what_is_withheld(
    recorder: _Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("suspects", "town") == 0
    said = capsys.readouterr().out
    assert "P-1 stands still" in said
    assert "anna" in said
    assert run("suspects", "town", "--json") == 0
    body = json.loads(capsys.readouterr().out)
    assert [s["kind"] for s in body["items"]] == ["stuck"]


def test_a_preview_changes_nothing_and_withholding_asks_for_it(
    recorder: _Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("suspects", "quarantine", "town", KEY, "--reason", "odd", "--preview") == 0
    assert not any(isinstance(r, wire.Withhold) for r in recorder.asked)
    assert "too high" in capsys.readouterr().out
    assert run("suspects", "quarantine", "town", KEY, "--reason", "odd") == 0
    assert recorder.asked[-1] == wire.Withhold(KEY, "odd")
    assert run("suspects", "release", "town", KEY, "--reason", "mended") == 0
    assert recorder.asked[-1] == wire.ReleaseWithheld(KEY, "mended")


def test_without_a_recorder_the_list_is_read_and_a_change_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    create(tmp_path / "town")
    with opened(tmp_path / "town", write=True) as store:
        stream = Datastream(0, "gw", "P-1")
        store.writer.call(lambda access: access.put_datastream_meta([stream])).result()
    assert run("suspects", str(tmp_path / "town")) == 0
    assert "No sensor is suspect" in capsys.readouterr().out
    assert run("suspects", "release", str(tmp_path / "town"), KEY, "--reason", "x") == 3
    assert run("suspects", "quarantine", str(tmp_path / "town"), KEY) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 2
