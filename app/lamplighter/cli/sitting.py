"""One sitting at the window: project, recorder, field simulator, window, report, in order.

The window is only a client. It starts a recorder when none runs; for the demo it starts the field
simulator ten seconds after the first 3D frame, so that the meter has its baseline without feed.
At the end the source stops first, then the recorder, and the report gets its final sums.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from platformdirs import user_config_path

from lamplighter.cli.launch import RecorderProcess, running
from lamplighter.cli.output import counted, say
from lamplighter.cli.starters import Starters
from lamplighter.cli.window_runs import WindowRuns
from lamplighter.client import Session, WireCarrier
from lamplighter.domain import wire
from lamplighter.domain.problems import LamplighterError, fault
from lamplighter.domain.views import MOST_BYTES, read_view
from lamplighter.runtime.demo import demo_home, prepare
from lamplighter.runtime.portfolio import remember
from lamplighter.runtime.project import opened
from lamplighter.runtime.resources import own_command
from lamplighter.runtime.settings import explain, variable

BASELINE_S: Final = 10.5
FIGURES_S: Final = 25.0
"""from the feed's begin until the past of the figures is brought in"""
VIRTUAL_SECONDS: Final = 90.0
READY_S: Final = 30.0
PATIENCE_S: Final = 45.0
CRASHED: Final = (
    "Safe mode, because the window crashed twice within a minute: no plugin's code runs, nothing "
    "is drawn in 3D. Everything else works."
)
SUMS: Final = ("received", "stored", "duplicate", "quarantined", "refused", "waiting")


class Sitting:
    """Everything `run` starts and ends."""

    def __init__(
        self,
        starters: Starters,
        project: Path | None,
        demo: bool,
        seconds: float,
        shot: Path | None,
        report: Path | None,
        safe: bool,
        theme: str,
        view: Path | None = None,
    ) -> None:
        begun = time.monotonic()
        virtual = os.environ.get("LAMPLIGHTER_VIRTUAL_SCREEN") == "1"
        self._starters = starters
        self._project = project
        self._demo = demo
        self.seconds = seconds or (VIRTUAL_SECONDS if virtual else 0.0)
        out = Path("build") / "run"
        self.shot = shot or (out / "window.png" if virtual else None)
        self.report = report or (out / "report.json" if self.seconds else None)
        self._safe = safe
        self._view = view.resolve() if view is not None else None
        self._theme = theme or str(explain("window.theme")["value"])
        os.environ[variable("view.detail")] = str(explain("view.detail")["value"])
        self._started = begun
        self._recorder: RecorderProcess | None = None
        self._field: FieldProcess | None = None
        self._threads: list[threading.Thread] = []
        self._feeding = threading.Lock()
        self._ended = threading.Event()
        self._looks_on = False

    def run(self) -> dict[str, Any]:
        """Open the window and return the report of the run (empty without `--seconds`).

        Without a project it is the page of all projects.
        """
        if self._project is None and not self._demo:
            return self._portfolio()
        if self._view is not None:
            check_view(self._view)
        project = self._demo_project() if self._demo else self._existing()
        self._started = time.monotonic()
        remember(project)
        runs = WindowRuns(project)
        crashed = runs.crash_loop() and not self._safe
        self._safe = self._safe or crashed
        runs.begin(self._safe)
        try:
            if not running(project):
                self._recorder = RecorderProcess(project, safe=self._safe)
            if self._demo and not self._looks_on:
                self._begin(lambda: self._start_field(project))
                self._begin(self._without_3d)
            code = self._starters.window(
                session_factory=lambda deliver: self._session(project, deliver),
                report=self.report,
                shot=self.shot,
                seconds=self.seconds or None,
                started=self._started,
                folder=Path(user_config_path("lamplighter")),
                on_first_frame=self._after_first_frame if self._demo else None,
                theme=self._theme,
                scale=float(explain("window.font_scale")["value"]) / 100.0,
                safe=self._safe,
                view=self._view,
                leave_safe=self._leave_safe,
                safe_why=CRASHED if crashed else "",
            )
        finally:
            runs.end()
            final = self._end()
        if code:
            raise fault("U-805", what=f"the window ended with code {code}")
        return self._merge(final)

    def _portfolio(self) -> dict[str, Any]:
        code = self._starters.portfolio(
            theme=self._theme,
            scale=float(explain("window.font_scale")["value"]) / 100.0,
            seconds=self.seconds or None,
            shot=self.shot,
        )
        if code:
            raise fault("U-805", what=f"the window ended with code {code}")
        return {"shot": str(self.shot) if self.shot else ""}

    def _demo_project(self) -> Path:
        """The demo that is already open somewhere, to look on, else a fresh one."""
        home = demo_home()
        if running(home / "project"):
            say("the demo is open already; this window looks on")
            self._looks_on = True
            return home / "project"
        return prepare(say)

    def _existing(self) -> Path:
        """The named project; raises what opening it for reading raises, before anything starts."""
        assert self._project is not None
        with opened(self._project):
            return self._project.resolve()

    def _session(self, project: Path, deliver: Callable[[Callable[[], None]], None]) -> Session:
        if self._recorder is not None:
            if self._recorder.ended and not self._ended.is_set():
                self._recorder.stop()
                self._recorder = RecorderProcess(project, safe=self._safe)
            self._recorder.wait_ready()
        return Session(WireCarrier(project, wait_s=5.0), deliver, client="window")

    def _leave_safe(self) -> None:
        """The recorder this program started ends; the window finds it gone and starts another."""
        self._safe = False
        if self._recorder is not None:
            self._recorder.ask_to_end()

    # ------------------------------------------------------------------ the demo's field
    def _begin(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _start_field(self, project: Path) -> None:
        """The devices connect and wait; their feed begins when `_after_first_frame` says so."""
        try:
            if self._recorder is not None:
                self._recorder.wait_ready()
            self._field = FieldProcess(demo_home() / "city", project)
            url = self._field.wait_ready(self._ended)
            session = Session(WireCarrier(project, wait_s=5.0))
            reply = session.ask_now(wire.AddFeed(url))
            session.close()
            if isinstance(reply, wire.Refused):
                say(str(reply.problem))
        except LamplighterError as error:
            if not self._ended.is_set():
                say(str(error))

    def _without_3d(self) -> None:
        """A window that cannot draw in 3D gets its feed all the same."""
        if not self._ended.wait(PATIENCE_S):
            self._begin_feed()

    def _after_first_frame(self) -> None:
        def wait() -> None:
            if not self._ended.wait(BASELINE_S):
                self._begin_feed()

        self._begin(wait)

    def _begin_feed(self) -> None:
        """The devices speak; a little later the figures get their past, by the ordinary import."""
        with self._feeding:
            field = self._field
            if field is None or field.begun:
                return
            field.begin()
        if not self._ended.wait(FIGURES_S):
            self._bring_figures()

    def _bring_figures(self) -> None:
        """Without it the demo goes on: its figures are then forecast after three days."""
        project = demo_home() / "project"
        file = project / "cache" / "figures.csv"
        command = [*own_command(), "field", str(demo_home() / "city"), "--figures", str(file)]
        try:
            done = subprocess.run(
                command, capture_output=True, stdin=subprocess.DEVNULL, timeout=READY_S, check=False
            )
            if done.returncode or self._ended.is_set():
                return
            mapping = file.with_suffix(".toml").read_text(encoding="utf-8")
            with closing(Session(WireCarrier(project, wait_s=5.0))) as session:
                session.ask_now(wire.ImportPast((str(file),), mapping, "figures.toml"))
        except (OSError, LamplighterError, subprocess.TimeoutExpired) as error:
            if not self._ended.is_set():
                say(str(error))

    # ------------------------------------------------------------------ the end
    def _end(self) -> dict[str, Any]:
        """Source, then recorder (queue, writer); returns the recorder's final sums."""
        self._ended.set()
        for thread in self._threads:
            thread.join(5.0)
        if self._field is not None:
            self._field.stop()
        return self._recorder.stop() if self._recorder is not None else {}

    def _merge(self, final: dict[str, Any]) -> dict[str, Any]:
        if self.report is None or not self.report.exists():
            return final
        found: dict[str, Any] = json.loads(self.report.read_text(encoding="utf-8"))
        found |= {key: final[key] for key in SUMS if key in final}
        found["gaps"] = final.get("gaps", found.get("gaps"))
        found["shot"] = str(self.shot) if self.shot else ""
        self.report.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        return found

    def summary(self, found: dict[str, Any]) -> list[str]:
        """A few lines for a person after a run that ended by itself."""
        if self._project is None and not self._demo:
            return [f"picture: {self.shot}"] if self.shot else []
        incidents = found.get("incidents") or []
        age = "unknown" if found.get("age_p95_s") is None else f"{found['age_p95_s']} s"
        lines = [
            f"{found.get('datastreams_live')} datastreams live, "
            f"age p95 {age}, " + ", ".join(f"{found.get(k)} {k}" for k in SUMS),
            f"UI gap p99.9 {found.get('ui_gap_p999_ms')} ms, "
            f"max {found.get('ui_gap_max_ms')} ms, "
            f"{100 * float(found.get('ui_gap_over_100ms_share') or 0):.2f} % of the time over "
            f"100 ms (baseline "
            f"{100 * float(found.get('ui_gap_baseline_over_100ms_share') or 0):.2f} %)",
            f"{counted(len(incidents), 'incident')}, "
            f"{counted(len(found.get('prognosis') or []), 'forecast')}",
        ]
        if self.shot is not None:
            lines.append(f"picture: {self.shot}")
        if self.report is not None:
            lines.append(f"report: {self.report}")
        return lines


def check_view(path: Path) -> None:
    """Raises LamplighterError (U-821) before anything starts when the file is no view."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        why = f"it could not be read: {error.strerror}"
        raise fault("U-821", name=path.name, what=why) from None
    read_view(data, path.name)


class FieldProcess:
    """The field simulator as a child; it brings its broker along."""

    def __init__(self, city: Path, project: Path) -> None:
        self.begun = False
        self._ready = project / "cache" / "field.ready"
        self._start = project / "cache" / "field.start"
        for left in (self._ready, self._start):
            left.unlink(missing_ok=True)
        self._log = (project / "cache" / "field.log").open("ab")
        command = [
            *own_command(),
            "field",
            str(city),
            "--ready-file",
            str(self._ready),
            "--start-file",
            str(self._start),
            "--with-parent",
            str(os.getpid()),
            "--trust",
            str(project / "keys" / "console.pub"),
            "--ledger",
            str(project / "cache" / "field-ledger"),
        ]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )

    def begin(self) -> None:
        """Let the feed begin."""
        self.begun = True
        self._start.touch()

    def wait_ready(self, ended: threading.Event) -> str:
        """The broker's address. Raises LamplighterError (U-804) when it does not come."""
        end = time.monotonic() + READY_S
        while time.monotonic() < end and not ended.is_set():
            if self._ready.exists():
                url = self._ready.read_text(encoding="utf-8").strip()
                if url:
                    return url
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise fault("U-804", name="The field simulator", what=f"it did not start; {self._log.name}")

    def stop(self, deadline_s: float = 5.0) -> None:
        """Ask it to end; kill it after the deadline."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(deadline_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()
