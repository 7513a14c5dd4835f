"""The window on the live demo: what it reports, and what goes on when it is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from lamplighter.client import Session, WireCarrier
from lamplighter.domain.quality import CLASS_MASK, Quality
from tests.e2e.feeding import balanced, native, publish, stored, wait_until_live
from tests.kit.broker import Broker
from tests.kit.patience import until
from tests.kit.program import COMMAND, Recording, environment, json_of, verb

pytestmark = [pytest.mark.e2e, pytest.mark.gl, pytest.mark.timeout(300)]
REPORT_KEYS = {
    "datastreams_live", "age_p95_s", "received", "stored", "duplicate", "quarantined", "refused",
    "waiting", "ui_gap_p999_ms", "ui_gap_max_ms", "ui_gap_over_100ms_share",
    "ui_gap_baseline_over_100ms_share", "first_window_s", "first_live_value_s", "incidents",
    "prognosis", "rss_mb",
}  # fmt: skip


def _window(*arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*COMMAND, "run", *(str(a) for a in arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(),
        start_new_session=True,
    )


def test_the_demo_runs_live_by_itself_and_reports(tmp_path: Path) -> None:
    report, shot = tmp_path / "report.json", tmp_path / "window.png"
    done = verb("run", "--demo", "--seconds", "70", "--report", report, "--shot", shot,
                timeout=240)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    found: dict[str, Any] = json.loads(report.read_text())
    assert REPORT_KEYS - found.keys() == set()
    assert balanced(found)
    assert found["received"] > 100_000
    assert found["duplicate"] == found["quarantined"] == found["refused"] == 0
    if os.getloadavg()[0] < 2 * (os.cpu_count() or 1):  # else others have the machine
        assert found["datastreams_live"] > 4_000
        assert found["age_p95_s"] < 3.0
    (trip,) = [i for i in found["incidents"] if i["asset"] == "SS-04"]
    assert len(trip["folded"]) >= 10
    assert trip["people_affected"] > 0
    assert shot.read_bytes().startswith(b"\x89PNG")
    assert shot.stat().st_size > 50_000


def test_a_killed_window_ends_no_recording(tmp_path: Path) -> None:
    project = tmp_path / "p"
    json_of("new", project)
    with Broker(tmp_path / "broker") as broker:
        json_of("feed", "add", project, broker.url)
        with Recording(project) as recording:
            recording.ready()
            window = _window(project)
            until(lambda: _clients(project) >= 1, 40)
            wait_until_live(project)
            publish(broker, [native("dev", 0, [["P-1", _now(), 1.0]])])
            until(lambda: stored(project) == 1)
            os.killpg(window.pid, signal.SIGKILL)
            window.wait(10)
            publish(broker, [native("dev", 1, [["P-1", _now(), 2.0]])])
            until(lambda: stored(project) == 2)
            report = recording.end()
    assert balanced(report)
    assert report["gaps"] == 0


def test_without_network_the_last_state_is_there_and_marked_stale(tmp_path: Path) -> None:
    project = tmp_path / "p"
    json_of("new", project)
    with Broker(tmp_path / "broker") as broker:
        json_of("feed", "add", project, broker.url)
        with Recording(project) as recording:
            recording.ready()
            wait_until_live(project)
            publish(broker, [native("dev", 0, [["P-1", _now() - 5_000, 3.25]])])
            until(lambda: stored(project) == 1)
            recording.end()
    with Recording(project) as recording:  # and no broker
        recording.ready()
        session = Session(WireCarrier(project))
        try:
            newest = session.newest()
            assert newest is not None
            assert float(newest.value[0]) == 3.25
            until(lambda: _grade(session) == Quality.STALE)
        finally:
            session.close()
        recording.end()
    found = json_of("query", project, "P-1")
    assert [row[1] for row in found["rows"]] == [3.25]


def _grade(session: Session) -> int:
    newest = session.newest()
    return -1 if newest is None else int(newest.quality[0]) & CLASS_MASK


def _now() -> int:
    return time.time_ns() // 1_000_000


def _clients(project: Path) -> int:
    """Other clients of the project's recorder, seen from its established sockets."""
    import psutil

    pid = json.loads((project / "recorder.json").read_text())["pid"]
    address = json.loads((project / "recorder.json").read_text())["address"]
    sockets = psutil.Process(pid).net_connections("unix")
    return sum(1 for s in sockets if s.laddr == address) - 1
