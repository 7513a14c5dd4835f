"""Every test must leave the process as it found it: no thread, timer or window may stay behind."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator

import pytest

# as in the workers: beside a busy core, threads that wait for each other wait for seconds
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
_PATIENCE_S = 3.0
_LASTING = ("pydevd", "asyncio_", "ThreadPoolExecutor", "QtTest")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "leaks_by_design: leaves a third party's thread that cannot be ended"
    )


def _threads() -> set[threading.Thread]:
    return {t for t in threading.enumerate() if t.is_alive() and not t.name.startswith(_LASTING)}


@pytest.fixture(autouse=True)
def no_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test that leaves a thread running, or a Qt timer or window when Qt is loaded.

    Mark a test `leaks_by_design` only where a third party's thread cannot be ended.
    """
    before = _threads()
    widgets = _top_level()
    yield
    if request.node.get_closest_marker("leaks_by_design"):
        return
    deadline = time.monotonic() + _PATIENCE_S
    while (left := _threads() - before) and time.monotonic() < deadline:
        time.sleep(0.01)
    if left:
        names = sorted(t.name for t in left)
        pytest.fail(f"threads were left running: {names}", pytrace=False)
    stayed = [name for key, name in _top_level().items() if key not in widgets]
    if stayed:
        pytest.fail(f"windows or running timers were left: {sorted(stayed)}", pytrace=False)


def _top_level() -> dict[int, str]:
    """Visible top-level widgets and running timers of the application; nothing without Qt."""
    module = sys.modules.get("PySide6.QtWidgets")
    core = sys.modules.get("PySide6.QtCore")
    if module is None or core is None:
        return {}
    app = module.QApplication.instance()
    if app is None:
        return {}
    found = {
        id(w): f"{type(w).__name__} {w.objectName()!r}"
        for w in module.QApplication.topLevelWidgets()
        if w.isVisible()
    }
    for timer in app.findChildren(core.QTimer):
        if timer.isActive():
            found[id(timer)] = f"QTimer {timer.objectName()!r}"
    return found
