"""Runs heavy or untrusted work in limited child processes, with progress and cancel.

`WorkerPool` is the parent's end; `frames`, `limits` and `sandbox` are what the child's loop in
`runtime.worker_loop` is made of. A task is a function `task(payload, progress) -> result` of an
allowed room, named `module:function`; it can only ever fail alone.
"""

from __future__ import annotations

from lamplighter.workers.pool import WorkerPool, program

__all__ = ["WorkerPool", "program"]
