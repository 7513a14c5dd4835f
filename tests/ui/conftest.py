"""Qt tests run off screen unless an X server is there; every window is shut before it goes."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from typing import Any

if not os.environ.get("DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_API", "pyside6")
os.environ.setdefault("PYQTGRAPH_QT_LIB", "PySide6")

import pytest

from lamplighter.ui.desk import Desk
from lamplighter.ui.window import MainWindow
from tests.ui.fake_session import FakeSession

Open = Callable[..., tuple[MainWindow, FakeSession]]


@pytest.fixture(autouse=True, scope="module")
def no_stray_collecting(request: pytest.FixtureRequest) -> Iterator[None]:
    """Cyclic garbage of windows is collected on the thread of the tests alone, as in the program:
    the thread that speaks with the other test process must not be the one in which they die.
    """
    if request.module.__name__.endswith("test_collector"):
        yield
        return
    gc.disable()
    yield
    gc.collect()
    gc.enable()


@pytest.fixture(autouse=True)
def collected_here() -> Iterator[None]:
    """The younger garbage, after each test."""
    yield
    gc.collect(1)


def _active() -> tuple[str, float] | None:
    from PySide6.QtWidgets import QApplication

    from lamplighter.ui.theme import theme

    app = QApplication.instance()
    styled = isinstance(app, QApplication) and bool(app.styleSheet())
    return (theme().name, theme().scale) if styled else None


@pytest.fixture
def themed(qapp: Any) -> Iterator[None]:
    """The dark theme at 100 %, and back to it afterwards."""
    from lamplighter.ui.theme import start

    if _active() != ("dark", 1.0):
        start("dark", 1.0)
    yield
    if _active() != ("dark", 1.0):
        start("dark", 1.0)


def directly(work: Callable[[], None]) -> None:
    work()


@pytest.fixture
def desk(qapp: Any, themed: None) -> Iterator[Desk]:
    """A desk with the incident city, everything answered at once."""
    made = Desk()
    made.connect_session(FakeSession(directly, incident=True, buildings=20))
    made.take_newest()
    yield made
    made.deleteLater()


@pytest.fixture
def open_window(qtbot: Any, themed: None, tmp_path: Any) -> Iterator[Open]:
    """Opens the furnished window over a fake city, without 3D."""
    opened: list[MainWindow] = []

    def make(size: tuple[int, int] = (1600, 1000), **city: Any) -> tuple[MainWindow, FakeSession]:
        desk = Desk()
        window = MainWindow(desk, tmp_path)
        opened.append(window)
        qtbot.addWidget(window, before_close_func=lambda w: w.shut())
        window.resize(*size)
        window.show()
        furniture = window.furnish()
        furniture.load_charts()
        furniture.twin.load(None)
        session = FakeSession(directly, **{"buildings": 20, **city})
        desk.connect_session(session)
        window.start()
        qtbot.wait(150)
        return window, session

    yield make
    for window in opened:
        window.shut()
