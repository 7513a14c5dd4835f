"""Starts the program's parts: verbs, window, recorder, worker or field simulator."""

from __future__ import annotations

import sys
from typing import Any


def main() -> int:
    """Entry point of `lamplighter` and of the frozen program; returns the exit code."""
    if len(sys.argv) > 1 and sys.argv[1] == "worker":
        from lamplighter.runtime.worker_loop import serve

        return serve(sys.argv[2:])
    from lamplighter.cli.app import run
    from lamplighter.cli.starters import Starters

    return run(sys.argv[1:], Starters(field=_field, window=_window))


def _field(arguments: list[str]) -> int:
    from lamplighter.field.app import main as field_main
    from lamplighter.runtime.resources import find_mosquitto, resources

    return field_main(arguments, resources=resources(), mosquitto=find_mosquitto())


def _window(**options: Any) -> dict[str, Any]:
    from lamplighter.runtime.resources import resources
    from lamplighter.ui.app import run_window

    return run_window(resources=resources(), **options)


if __name__ == "__main__":
    sys.exit(main())
