"""Starts the program's parts: verbs, window, recorder, worker or field simulator."""

from __future__ import annotations

import sys


def main() -> int:
    """Entry point of `lamplighter` and of the frozen program; returns the exit code."""
    if len(sys.argv) > 1 and sys.argv[1] == "worker":
        from lamplighter.runtime.worker_loop import serve

        return serve(sys.argv[2:])
    from lamplighter.cli.app import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
