"""From the start of the process to the first painted window, beside an empty window of Qt."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.kit.program import ROOT, environment, json_of
from tests.perf.row import Row, row

RUNS = 3
OURS = """
import sys, time, psutil
born = psutil.Process().create_time()
import lamplighter.__main__ as program
window = program._window
def timed(**options):
    from lamplighter.ui import app
    painted = app.Runner._painted
    def told(self):
        sys.stderr.write(f"painted {time.time() - born}\\n")
        painted(self)
    app.Runner._painted = told
    return window(**options)
program._window = timed
sys.argv = ["lamplighter", "run", sys.argv[1], "--seconds", "2", "--report", sys.argv[2]]
sys.exit(program.main())
"""
BARE = """
import sys, time, psutil
born = psutil.Process().create_time()
from PySide6.QtWidgets import QApplication, QMainWindow
from PySide6.QtCore import QTimer
class Window(QMainWindow):
    def paintEvent(self, event):
        super().paintEvent(event)
        sys.stderr.write(f"painted {time.time() - born}\\n")
        QTimer.singleShot(0, app.quit)
app = QApplication(["bare"])
window = Window()
window.resize(1280, 800)
window.show()
app.exec()
"""


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        project = Path(name) / "p"
        json_of("new", project)
        ours = statistics.median(
            _painted(OURS, str(project), str(Path(name) / "r.json")) for _ in range(RUNS)
        )
        bare = statistics.median(_painted(BARE) for _ in range(RUNS))
    return [row("process to first window", ours, "s", "an empty QMainWindow", bare)]


def _painted(code: str, *arguments: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    found = [line for line in done.stderr.splitlines() if line.startswith("painted ")]
    assert found, done.stderr[-800:]
    return float(found[0].split()[1])
