"""Odd machines and odd files at the start: a message each, never a traceback, never a crash.

`python -m tests.faults.starts`. Each case says how the program must end and which words it must
say; the recorder of a case that goes on must also answer a question.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.faults import clocks, full_disk
from tests.kit.broker import free_port
from tests.kit.program import COMMAND, Recording, environment, json_of, verb

BAD_WORDS: Final = ("Traceback", "U-899", "Segmentation", "Aborted")
RECORD_S: Final = "1.5"
SCREENS: Final = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")


@dataclass
class Case:
    """How one odd start must end. `words` must all be said, on either stream."""

    name: str
    code: int = 0
    words: tuple[str, ...] = ()
    arguments: tuple[object, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    unset: tuple[str, ...] = ()
    prepare: Callable[[Path], None] = lambda project: None
    around: str = ""
    """shell words in a mount namespace of its own before the program is started"""


def cases(folder: Path) -> list[Case]:
    """All of them; those this machine cannot make are left out."""
    record = ("record", "PROJECT", "--seconds", RECORD_S, "--json")
    run = ("run", "PROJECT", "--seconds", "2")
    found = [
        Case("no screen", 3, ("U-804", "no screen"), run, unset=SCREENS),
        Case("a screen that is gone", 3, ("U-804",), run, {"DISPLAY": ":4711"},
             SCREENS[1:]),
        Case("no project there", 3, ("A-404",), record, prepare=shutil.rmtree),
        Case("history of 0 bytes", 0, ("A-402", "history.damaged-1"), record,
             prepare=lambda p: (p / "history.db").write_bytes(b"") and None),
        Case("city of noise", 0, ("A-402", "city.damaged-1"), record,
             prepare=lambda p: (p / "city.db").write_bytes(os.urandom(9_000)) and None),
        Case("audit record of noise", 0, ("A-402", "audit.damaged-1"), record,
             prepare=lambda p: (p / "audit.db").write_bytes(os.urandom(9_000)) and None),
        Case("both databases empty", 3, ("A-404",), record, prepare=_empty_both),
        Case("a home that cannot be written", 0, ("recording",), record,
             {"HOME": "/proc/none", "XDG_CONFIG_HOME": "/proc/none", "XDG_CACHE_HOME": "/proc/none",
              "XDG_STATE_HOME": "/proc/none", "XDG_DATA_HOME": "/proc/none"}),
        Case("an unknown locale", 0, ("recording",), record, {"LC_ALL": "xx_YY.bogus"}),
        Case("a name that is no text", 3, ("U-801",), ("new", os.fsdecode(b"PROJECT-\xff\xfe"),
             "--json"), {"LC_ALL": "C.UTF-8"}),
        Case("no broker", 0, ("N-304",), ("record", "PROJECT", "--seconds", "5", "--json"),
             prepare=lambda p: json_of("feed", "add", p, f"mqtt://127.0.0.1:{free_port()}")),
    ]  # fmt: skip
    if full_disk.possible():
        found += [
            Case("no temporary folder", 0, ("recording",), record, around=(
                "for d in /tmp /var/tmp /dev/shm; do mount -t tmpfs -o ro none $d; done; "
                "mount --bind /usr /usr; mount -o remount,ro,bind /usr; cd /usr; ")),
            Case("a full disk at the first start", 3, ("A-401",), record, around=(
                "mount -t tmpfs -o size=24m none FULL; cp -r PROJECT/. FULL; "
                "cat /dev/zero > FULL/filler 2>/dev/null; ")),
            Case("a full disk", 0, ("recording",), record, prepare=_record_once, around=(
                "mount -t tmpfs -o size=40m none FULL; cp -r PROJECT/. FULL; "
                "cat /dev/zero > FULL/filler 2>/dev/null; ")),
        ]  # fmt: skip
    if clocks.possible():
        shim = clocks.Shim(folder)
        shim.set(1_000 - int(time.time() * 1000))
        found.append(
            Case("a clock of 1970", 0, ("recording",), record, environment=shim.environment())
        )
        shim.close()
    return found


def _empty_both(project: Path) -> None:
    for name in ("history.db", "city.db"):
        (project / name).write_bytes(b"")


def _record_once(project: Path) -> None:
    json_of("record", project, "--seconds", "0.5")


def run(folder: Path) -> dict[str, Any]:
    """Every case once, and a second recorder beside a running one."""
    wrong: list[str] = []
    every = cases(folder)
    for number, case in enumerate(every):
        text = _try(case, folder / str(number))
        if text:
            wrong.append(f"{case.name}: {text}")
    text = _second(folder / "second")
    if text:
        wrong.append(f"second recorder: {text}")
    return {"cases": len(every) + 1, "wrong": wrong, "passed": not wrong}


def _try(case: Case, folder: Path) -> str:
    """Empty when it ended as it must, else what was wrong."""
    folder.mkdir()
    # under /usr-free ground: a case may hide the temporary folders
    home = Path(
        tempfile.mkdtemp(prefix="starts-", dir="/opt" if os.access("/opt", os.W_OK) else None)
    )
    try:
        project, full = home / "project", home / "full"
        full.mkdir()
        json_of("new", project)
        case.prepare(project)
        given = [str(a).replace("PROJECT", str(project)) for a in case.arguments]
        env = {**environment(), **case.environment}
        for name in case.unset:
            env.pop(name, None)
        command = [*COMMAND, *given]
        if case.around:
            words = case.around.replace("PROJECT", str(project)).replace("FULL", str(full))
            given = [a.replace(str(project), str(full)) if "FULL" in case.around else a
                     for a in given]  # fmt: skip
            command = ["unshare", "-rm", "sh", "-c", words + 'exec "$@"', "sh", *COMMAND, *given]
        done = subprocess.run(command, env=env, capture_output=True, timeout=120, check=False)
        said = (done.stdout + done.stderr).decode("utf-8", "replace")
        return _judge(case, done.returncode, said)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _judge(case: Case, code: int, said: str) -> str:
    if any(word in said for word in BAD_WORDS):
        return f"said {said[-300:]!r}"
    if code != case.code:
        return f"ended with {code}, not {case.code}: {said[-300:]!r}"
    missing = [word for word in case.words if word not in said]
    return f"did not say {missing}: {said[-300:]!r}" if missing else ""


def _second(folder: Path) -> str:
    folder.mkdir()
    project = folder / "project"
    json_of("new", project)
    with Recording(project) as recording:
        recording.ready()
        done = verb("record", project, "--seconds", RECORD_S)
        found = _judge(Case("", 3, ("A-403", "process")), done.returncode, done.stderr)
        recording.end()
    return found


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder))
    print(found)
    return 0 if found["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
