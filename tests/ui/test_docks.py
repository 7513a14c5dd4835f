"""The dock area keeps the window's own look through every change of theme."""

from __future__ import annotations

from typing import Any

from lamplighter.ui.theme import theme
from tests.ui.conftest import Open


def test_tabs_keep_the_theme_after_switching_there_and_back(open_window: Open, qtbot: Any) -> None:
    window, _ = open_window()
    manager = window.furnish().docks.manager
    for name in ("light", "dark"):
        theme().set(name)
        qtbot.wait(50)
        assert manager.styleSheet() == ""
