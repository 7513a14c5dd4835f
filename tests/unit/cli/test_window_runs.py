"""Two windows that crash within a minute make the next one start in safe mode."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.kit.clocks import FakeClock
from tests.kit.program import environment

from lamplighter.cli import sitting
from lamplighter.cli.sitting import Sitting
from lamplighter.cli.starters import Starters
from lamplighter.cli.window_runs import WindowRuns
from lamplighter.runtime import demo
from lamplighter.runtime.project import create

WINDOW = (
    "import sys; from pathlib import Path; from lamplighter.cli.window_runs import WindowRuns;"
    "runs = WindowRuns(Path(sys.argv[1])); runs.begin(False); sys.stdout.write('on\\n');"
    "sys.stdout.flush(); sys.stdin.readline(); runs.end()"
)


def _window(project: Path, *, crash: bool, secret: str = "") -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WINDOW, str(project)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**environment(), "LAMPLIGHTER_TOKEN": secret},
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == "on\n"
        if crash:
            process.kill()
        else:
            process.stdin.write("end\n")
            process.stdin.flush()


def _reports(project: Path) -> list[Path]:
    return sorted((project / "cache" / "windows").glob("crash-*.txt"))


def test_one_crash_is_no_loop_and_a_second_one_is(tmp_path: Path) -> None:
    _window(tmp_path, crash=True)
    assert not WindowRuns(tmp_path).crash_loop()
    _window(tmp_path, crash=True)
    assert WindowRuns(tmp_path).crash_loop()


def test_crashes_far_apart_are_no_loop(tmp_path: Path) -> None:
    _window(tmp_path, crash=True)
    mark = next((tmp_path / "cache" / "windows").glob("*.running"))
    hour_ago = mark.stat().st_mtime - 3600
    os.utime(mark, (hour_ago, hour_ago))
    _window(tmp_path, crash=True)
    assert not WindowRuns(tmp_path).crash_loop()


def test_a_window_that_ends_in_order_clears_what_was_before(tmp_path: Path) -> None:
    _window(tmp_path, crash=True)
    assert not WindowRuns(tmp_path).crash_loop()
    _window(tmp_path, crash=False)
    _window(tmp_path, crash=True)
    assert not WindowRuns(tmp_path).crash_loop()


def test_a_running_window_is_no_crash(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WINDOW, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        assert not WindowRuns(tmp_path).crash_loop()
        assert _reports(tmp_path) == []
        process.kill()


def test_the_report_of_a_crash_holds_no_secret(tmp_path: Path) -> None:
    _window(tmp_path, crash=True, secret="canary-7d31")
    WindowRuns(tmp_path).crash_loop()
    (report,) = _reports(tmp_path)
    text = report.read_text()
    assert "Lamplighter" in text
    assert "canary" not in text
    assert str(tmp_path) not in text


class _Recorder:
    """Stands where the recorder's process would."""

    made: ClassVar[list[bool]] = []

    def __init__(self, project: Path, *, safe: bool = False) -> None:
        self.made.append(safe)
        self.asked_to_end = False

    def ask_to_end(self) -> None:
        self.asked_to_end = True

    def stop(self) -> dict[str, Any]:
        return {}


def _sit(project: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[bool, str, Sitting]:
    """How a sitting opens its window: safe or not, and why."""
    told: list[tuple[bool, str]] = []

    def window(**options: Any) -> int:
        told.append((options["safe"], options["safe_why"]))
        return 0

    monkeypatch.setattr(sitting, "RecorderProcess", _Recorder)
    monkeypatch.setattr(sitting, "remember", lambda project: None)
    monkeypatch.setattr(_Recorder, "made", [])
    made = Sitting(Starters(field=lambda _: 2, window=window), project, False, 0.0, None, None,
                   False, "dark")  # fmt: skip
    made.run()
    return *told[0], made


def test_after_a_crash_loop_window_and_recorder_start_safe_and_the_next_ones_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "p"
    create(project)
    assert _sit(project, monkeypatch)[:2] == (False, "")
    _window(project, crash=True)
    assert _sit(project, monkeypatch)[:2] == (False, "")
    for _ in range(2):
        _window(project, crash=True)
    safe, why, _ = _sit(project, monkeypatch)
    assert safe
    assert "crashed twice" in why
    assert _Recorder.made == [True]
    assert _sit(project, monkeypatch)[:2] == (False, "")
    assert _Recorder.made == [False]


def test_leaving_safe_mode_asks_its_recorder_to_end_so_that_another_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "p"
    create(project)
    _, _, made = _sit(project, monkeypatch)
    made._safe = True
    made._leave_safe()
    assert not made._safe
    assert isinstance(made._recorder, _Recorder)
    assert made._recorder.asked_to_end


def test_the_demos_figures_get_their_past_once_after_the_feed_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sitting, "FIGURES_S", 0.0)
    seen: list[str] = []

    class Field:
        begun = False

        def begin(self) -> None:
            self.begun = True
            seen.append("feed")

    made = Sitting(
        Starters(field=lambda _: 2, window=lambda **_: 0),
        None,
        True,
        0.0,
        None,
        None,
        False,
        "dark",
    )
    monkeypatch.setattr(made, "_bring_figures", lambda: seen.append("past"))
    made._begin_feed()  # a window that only looks on has no field
    assert seen == []
    made._field = Field()  # type: ignore[assignment]
    made._begin_feed()
    made._begin_feed()  # without a first frame the feed is begun by patience, too
    assert seen == ["feed", "past"]
    made._ended.set()
    made._field = Field()  # type: ignore[assignment]
    made._begin_feed()
    assert seen == ["feed", "past", "feed"], "nothing is brought in at the end"


def test_a_demo_is_found_where_it_was_made_after_midnight_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = demo.demo_home()
    monkeypatch.setattr(demo, "SystemClock", lambda: FakeClock(2**41))
    assert demo.demo_home() == home
