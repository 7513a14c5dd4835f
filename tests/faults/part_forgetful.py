"""Recorders that forget something about their alarms when they are killed: each must be found out.

The bugs are planted in the real process, which is really killed (kill -9). What must stand after
the restart is judged as in the test of the sound recorder.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.faults import part_alarms
from tests.kit import program

Row = dict[str, Any]
TIER: Final = "N1"
SHORT: Final[dict[str, int]] = {}
LONG: Final[dict[str, int]] = {}
RUN: Final = """
import sys
import msgspec
from lamplighter.alarms import AlarmEngine
from lamplighter.domain.alarm import AlarmState
made = AlarmEngine.__init__
def after_a_restart(change):
    def init(self, rules, topology, restored=(), *more):
        made(self, rules, topology, [r for r in map(change, restored) if r is not None], *more)
    AlarmEngine.__init__ = init
def deaf_to_returns():
    judged = AlarmEngine._judged
    def init(self, rules, topology, restored=(), *more):
        restored = list(restored)
        self.old = {{r.key for r in restored}}
        made(self, rules, topology, restored, *more)
    def judge(self, row, *rest):
        if row < len(self._rules) and not self._compiled.active[row]:
            rule = self._rules[row]
            if f"{{rule.id}}@{{rule.asset}}" in self.old:
                return []
        return judged(self, row, *rest)
    AlarmEngine.__init__, AlarmEngine._judged = init, judge
{bug}
from lamplighter.__main__ import main
sys.exit(main())
"""
RETURNS: Final = "it does not see what ended while it was down"
BUGS: Final = {
    RETURNS: "deaf_to_returns()",
    "it takes every condition for over": "after_a_restart("
    "lambda r: msgspec.structs.replace(r, active=False))",
    "it knows no alarm any more": "after_a_restart(lambda r: None)",
    "shelving has no end any more": "after_a_restart("
    "lambda r: msgspec.structs.replace(r, shelved_until_ms=1 << 60)"
    " if r.state is AlarmState.SHELVED else r)",
}


class Forgetful(program.Recording):
    """The real program with a bug in it."""

    bug = ""

    def __init__(self, project: Path) -> None:
        sound = program.COMMAND
        program.COMMAND = [sys.executable, "-c", RUN.format(bug=BUGS[self.bug])]
        try:
            super().__init__(project)
        finally:
            program.COMMAND = sound


def with_bug(name: str) -> type[Forgetful]:
    """A recorder with this bug of `BUGS`."""
    return type("Forgetful", (Forgetful,), {"bug": name})


def run(name: str, folder: Path, patience_s: float = 10.0) -> dict[str, Any]:
    """One kill of a recorder with the bug; what it did wrong. Some of what is waited for, at most
    `patience_s`, never comes.
    """
    sound = part_alarms.PATIENCE_S
    part_alarms.PATIENCE_S = patience_s
    try:
        return part_alarms.run_killed(1, folder, tanks=24, recording=with_bug(name))
    finally:
        part_alarms.PATIENCE_S = sound


def forgetful(size: dict[str, int], folder: Path) -> Row:
    """The row of the table."""
    found: dict[str, dict[str, Any]] = {}
    for number, name in enumerate(BUGS):
        place = folder / str(number)
        place.mkdir()
        found[name] = run(name, place)
    missed = [name for name, what in found.items() if part_alarms.kills_hold(what)]
    return {
        "promise": "A recorder that loses a return to normal, an alarm or the end of a shelving "
        "when it is killed is found out",
        "trials": f"{len(BUGS)} bugs planted in the real recorder, one kill each",
        "result": f"{len(BUGS) - len(missed)} of {len(BUGS)} found out"
        + "".join(f"; not: {name}" for name in missed),
        "not_shown": "that these are all the bugs there can be",
        "bound": "",
        "passed": not missed,
        "figures": found,
    }


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {"alarm-kills-planted": forgetful}
