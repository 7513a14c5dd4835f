"""Grey until it matters: a quiet city has next to no hue, an incident has."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtGui import QImage

from lamplighter.domain.tile_file import write_tile
from lamplighter.ui.app import make_twin
from lamplighter.ui.desk import Desk
from lamplighter.ui.theme import theme
from lamplighter.ui.window import MainWindow
from tests.kit.colour import chroma_share
from tests.kit.synthetic_district import district
from tests.ui.conftest import directly
from tests.ui.fake_session import FakeSession

_SCREEN = sys.platform != "linux" or bool(os.environ.get("DISPLAY"))
_WRONG = os.environ.get("QT_QPA_PLATFORM", "xcb") not in ("xcb", "wayland", "windows", "cocoa")
pytestmark = [
    pytest.mark.gl,
    pytest.mark.skipif(not _SCREEN or _WRONG, reason="3D needs an X server (run under xvfb-run)"),
]


def picture(qtbot: Any, folder: Path, theme_name: str, *, incident: bool) -> np.ndarray:
    """The whole window over a small city with 3D, as RGB."""
    import msgspec

    theme().set(theme_name)
    desk = Desk()
    window = MainWindow(desk)
    qtbot.addWidget(window, before_close_func=lambda w: w.shut())
    window.resize(1600, 1000)
    window.show()
    furniture = window.furnish()
    furniture.load_charts()
    session = FakeSession(directly, buildings=20, incident=incident)
    tiles = tuple(str(folder / write_tile(t, folder)) for t in district(200, per_tile=100))
    session.city = msgspec.structs.replace(session.city, tiles=tiles)
    desk.connect_session(session)
    furniture.twin.load(make_twin)
    assert furniture.twin.view is not None
    with qtbot.waitSignal(furniture.twin.first_frame, timeout=30_000):
        window.start()
    session.tick()
    qtbot.wait(600)
    window.blink.rest()
    image = window.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    return rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3)


@pytest.mark.parametrize("name", ["dark", "light"])
def test_a_quiet_city_is_grey(qtbot: Any, themed: None, tmp_path: Path, name: str) -> None:
    quiet = picture(qtbot, tmp_path, name, incident=False)
    assert len(np.unique(quiet.reshape(-1, 3), axis=0)) > 100
    assert chroma_share(quiet) < 0.005


def test_an_incident_is_not(qtbot: Any, themed: None, tmp_path: Path) -> None:
    assert chroma_share(picture(qtbot, tmp_path, "dark", incident=True)) > 0.0015
