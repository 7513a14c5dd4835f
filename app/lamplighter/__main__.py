"""Starts the program's parts: verbs, window, recorder, worker or field simulator."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def main() -> int:
    """Entry point of `lamplighter` and of the frozen program; returns the exit code."""
    from lamplighter.governance.no_pickle import refuse_pickles

    refuse_pickles()
    if len(sys.argv) > 1 and sys.argv[1] == "worker":
        from lamplighter.runtime.worker_loop import serve

        return serve(sys.argv[2:])
    from lamplighter.cli.app import run
    from lamplighter.cli.starters import Starters

    return run(sys.argv[1:], Starters(field=_field, window=_window, portfolio=_portfolio))


def _field(arguments: list[str]) -> int:
    from lamplighter.field.app import main as field_main
    from lamplighter.runtime.resources import find_mosquitto, resources

    return field_main(arguments, resources=resources(), mosquitto=find_mosquitto())


def _window(
    *,
    session_factory: Any,
    report: Path | None,
    shot: Path | None,
    seconds: float | None,
    started: float,
    folder: Path,
    on_first_frame: Callable[[], None] | None,
    theme: str,
    scale: float,
    safe: bool,
    view: Path | None,
    leave_safe: Callable[[], None],
    safe_why: str,
) -> int:
    from lamplighter.ui.app import run_window
    from lamplighter.ui.report import ReportOptions

    return run_window(
        session_factory,
        report=ReportOptions(report, shot, seconds, started),
        folder=folder,
        on_first_frame=on_first_frame,
        theme_name=theme,
        scale=scale,
        safe=safe,
        view=view,
        projects=_open_projects,
        leave_safe=leave_safe,
        safe_why=safe_why,
    )


def _open_projects() -> str:
    """The page of all projects in a process of its own; a problem line, empty when it started."""
    from lamplighter.runtime.portfolio import start_window

    return start_window([])


def _portfolio(*, theme: str, scale: float, seconds: float | None, shot: Path | None) -> int:
    from lamplighter.runtime.portfolio import LocalPortfolio
    from lamplighter.ui.portfolio import run_portfolio

    return run_portfolio(
        LocalPortfolio(), theme_name=theme, scale=scale, seconds=seconds, shot=shot
    )


if __name__ == "__main__":
    sys.exit(main())
