"""How verbs speak: one JSON document on standard output or a readable text; faults as one line.

Exit codes: 0 done, 1 done with refusals, 2 usage, 3 could not do it. A name that nothing in the
project bears (asset, rule, order, datastream ...) is usage; a file or project that is not there
could not be read.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

DONE: Final = 0
REFUSALS: Final = 1
USAGE: Final = 2
FAILED: Final = 3


class Leave(Exception):
    """Ends a verb with this exit code; everything to say has been said."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def plain(value: Any) -> Any:
    """A value of plain JSON types; NaN and infinities become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, msgspec.Struct):
        return plain(msgspec.to_builtins(value))
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return value


def document(value: Any) -> None:
    """Print exactly one JSON document."""
    json.dump(plain(value), sys.stdout, ensure_ascii=False, allow_nan=False)
    sys.stdout.write("\n")
    sys.stdout.flush()


def line(text: str) -> None:
    """One line for a person, on standard output."""
    sys.stdout.write(text + "\n")


def counted(number: int, thing: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def say(text: str) -> None:
    """One line beside the result, on standard error."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns as wide as their content, for a person."""
    cells = [[_cell(c) for c in row] for row in rows]
    widths = [max([len(h), *(len(r[i]) for r in cells)]) for i, h in enumerate(head)]
    for row in [list(head), *cells]:
        line("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    if value is None:
        return "—"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def silence_broken_pipe() -> None:
    """After the reader of a pipe has gone, the interpreter's last flush must not complain."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
