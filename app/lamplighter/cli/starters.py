"""Programs that verbs start but may not import: the window and the field simulator.

`__main__`, which stands above all rooms, hands them in.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct


class Starters(Struct, frozen=True):
    """`field(arguments) -> exit code`; `window(**options)` and `portfolio(**options)` likewise."""

    field: Callable[[list[str]], int]
    window: Callable[..., int]
    portfolio: Callable[..., int] = lambda **options: 2
