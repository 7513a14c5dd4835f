"""Kills of the window while a work order is typed: at most ten seconds of typing are lost.

A child opens the window off screen over a city that is none, takes up what the child before it
left, and types on into the form, one character after the other; it says what it typed and when.
It is killed at a random moment. What lies in the drafts afterwards must be a beginning of what was
typed, with everything that was older than ten seconds, and the next child must find it in its form.

Run it: `python -m tests.faults.part_recovery --kills 5`
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.kit.program import environment

from lamplighter.ui.draft_files import DraftFiles

ROOT: Final = Path(__file__).resolve().parents[2]
TIER: Final = "N2"
SHORT: Final = {"window kills": 6}
LONG: Final = {"window kills": 50}
SEED: Final = 20261128
MOST_S: Final = 10.0
KEEP_MS: Final = 5_000
LONGEST_S: Final = 14.0
EACH_MS: Final = 40
ASSET: Final = "P-14"
WORDS: Final = "replace the seal of the second bearing and look at the coupling again; "
Row = dict[str, Any]


@dataclass(slots=True)
class Outcome:
    """What the kills showed."""

    kills: int = 0
    typed: int = 0
    worst_s: float = 0.0
    """age of the oldest character that was lost"""
    too_old: int = 0
    """kills that cost more than they may"""
    wrong: int = 0
    """drafts that were not what was typed"""
    not_offered: int = 0
    """drafts that the next window did not put back"""
    faults: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Every kill cost at most what it may."""
        return not (self.too_old + self.wrong + self.not_offered) and not self.faults


def child(folder: Path, keep_ms: int, *, at_focus: bool) -> None:
    """Type into the form of a work order until killed; `at_focus`: a planted bug, no timer."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from PySide6.QtCore import QTimer
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication
    from tests.ui.fake_session import FakeSession

    from lamplighter.ui.desk import Desk
    from lamplighter.ui.drafts import Drafts
    from lamplighter.ui.theme import start
    from lamplighter.ui.window import MainWindow

    if at_focus:
        Drafts.soon = lambda self: None  # type: ignore[method-assign]
    app = QApplication(["window"])
    start("dark", 1.0)
    desk = Desk()
    desk.drafts.timer.setInterval(keep_ms)
    window = MainWindow(desk, folder)
    window.show()
    furniture = window.furnish()
    desk.connect_session(FakeSession(lambda work: work(), buildings=2))
    if desk.drafts.offered:
        window.recovery.carry_on.click()
    else:
        furniture.new_order(ASSET)
    form = furniture.order_windows.form
    assert form is not None
    note = form._note

    def say(kind: str, text: str) -> None:
        sys.stdout.write(json.dumps([kind, text, time.monotonic()]) + "\n")
        sys.stdout.flush()

    def press() -> None:
        key = WORDS[len(note.text()) % len(WORDS)]
        QTest.keyClick(note, key)
        say("typed", note.text())

    say("ready", note.text())
    timer = QTimer()
    timer.setInterval(EACH_MS)
    timer.timeout.connect(press)
    timer.start()
    app.exec()


def trial(
    folder: Path, wait_s: float, keep_ms: int, at_focus: bool, outcome: Outcome
) -> list[tuple[str, str, float]]:
    """One child, killed so many seconds after its first character; what it said."""
    said: list[tuple[str, str, float]] = []
    with subprocess.Popen(
        [sys.executable, "-m", "tests.faults.part_recovery", "--child", str(folder),
         "--keep-ms", str(keep_ms), *(["--at-focus"] if at_focus else [])],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment(),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            kind, text, at = json.loads(line)
            said.append((kind, text, at))
            if at - said[0][2] >= wait_s:
                break
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()
        said += [tuple(json.loads(line)) for line in rest.splitlines() if line.endswith("]")]
    if not said:
        outcome.faults.append("the window did not open")
    return said


def judge(
    folder: Path, said: list[tuple[str, str, float]], most_s: float, before: str, outcome: Outcome
) -> str:
    """What is left of one trial's text."""
    outcome.kills += 1
    outcome.not_offered += said[0][1] != before
    _, whole, end = said[-1]
    left = DraftFiles(folder / "drafts", "/nowhere").left()
    drafts = [d for d in left if d.kind == "order"]
    kept = drafts[0].fields["note"] if drafts else ""
    outcome.typed += len(whole) - len(before)
    outcome.wrong += len(drafts) > 1 or not (whole + WORDS).startswith(kept)
    lost = [at for _, text, at in said if len(text) > len(kept)]
    age = end - min(lost, default=end)
    outcome.worst_s = max(outcome.worst_s, age)
    outcome.too_old += age > most_s
    return kept


def run(
    kills: int,
    folder: Path,
    *,
    keep_ms: int = KEEP_MS,
    most_s: float = MOST_S,
    longest_s: float = LONGEST_S,
    at_focus: bool = False,
) -> Outcome:
    """A chain of windows, each killed while it goes on with what the one before left."""
    rng = random.Random(SEED)
    outcome = Outcome()
    kept = ""
    for number in range(kills):
        wait_s = longest_s * (number + rng.random()) / kills if kills > 1 else longest_s
        said = trial(folder, wait_s, keep_ms, at_focus, outcome)
        if not said:
            break
        kept = judge(folder, said, most_s, kept, outcome)
    return outcome


def recovery(size: dict[str, int], folder: Path) -> Row:
    """The row of the table."""
    found = run(size["window kills"], folder)
    return {
        "promise": "A crash of the window costs at most ten seconds of typing",
        "trials": f"{found.kills} kills while a work order is typed, up to {LONGEST_S:.0f} s after "
        f"the first key, {found.typed:,} characters",
        "result": f"the oldest lost character was {found.worst_s:.1f} s old; {found.too_old} kills "
        f"cost more than {MOST_S:.0f} s, {found.wrong} drafts wrong, {found.not_offered} not put "
        "back by the next window",
        "not_shown": "one form of five; kill -9 is not power loss",
        "bound": "",
        "passed": found.sound and found.kills == size["window kills"] and found.typed > 0,
        "figures": {
            "kills": found.kills, "typed": found.typed, "worst_s": round(found.worst_s, 2),
            "too_old": found.too_old, "wrong": found.wrong, "not_offered": found.not_offered,
            "faults": found.faults[:5],
        },
    }  # fmt: skip


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {"recovery": recovery}


def main() -> int:
    """One run by hand, or the child of one."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--child", type=Path)
    parser.add_argument("--keep-ms", type=int, default=KEEP_MS)
    parser.add_argument("--at-focus", action="store_true")
    given = parser.parse_args()
    if given.child is not None:
        child(given.child, given.keep_ms, at_focus=given.at_focus)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        row = recovery({"window kills": given.kills}, Path(folder))
    sys.stdout.write(json.dumps(row, indent=1) + "\n")
    return 0 if row["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
