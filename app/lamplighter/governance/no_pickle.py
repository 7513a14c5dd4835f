"""No pickle is ever opened by this program, whoever asks for it.

No module of ours imports one (a test reads the sources). Libraries could still open one behind our
back; the interpreter tells before a pickle names any function or class, and that is where it ends.
"""

from __future__ import annotations

import sys
from typing import Any, Final

EVENT: Final = "pickle.find_class"


class PickleRefused(RuntimeError):
    """Somebody tried to open a pickle that names code."""


def refuse_pickles() -> None:
    """From now on opening a pickle that names code raises PickleRefused; holds for good."""
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event == EVENT:
        name = ".".join(str(part) for part in arguments[:2])
        raise PickleRefused(f"a pickle that names {name} was not opened")
