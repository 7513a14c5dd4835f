"""Colours are legible, come from one file, and every glyph can be drawn."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QByteArray
from PySide6.QtGui import QFontMetricsF
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

from lamplighter.domain.alarm import AlarmState
from lamplighter.domain.resources import resource
from lamplighter.ui import tokens
from lamplighter.ui.glyphs import glyph_pixmap, icon_pixmap
from lamplighter.ui.theme import theme

UI = Path(__file__).parents[2] / "app" / "lamplighter" / "ui"


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", tokens.THEMES)
def test_text_is_legible_on_every_ground(name: str) -> None:
    colours = tokens.load().themes[name]
    needed = 7.0 if name == "sunlight" else 4.5
    grounds = ("panel", "raised", "inset", "hover", "window")
    for text, ground in ((t, g) for t in ("primary", "secondary", "muted") for g in grounds):
        found = contrast(str(colours["text"][text]), str(colours["bg"][ground]))
        assert found >= needed, f"{text} on {ground}: {found:.2f}"
    assert contrast(str(colours["text"]["onSelected"]), str(colours["bg"]["selected"])) >= needed


@pytest.mark.parametrize("name", tokens.THEMES)
def test_marks_and_borders_are_visible(name: str) -> None:
    colours = tokens.load().themes[name]
    panel = str(colours["bg"]["panel"])
    for role in (("line", "strong"), ("state", "hollow"), ("action", "focus")):
        assert contrast(str(colours[role[0]][role[1]]), panel) >= 3.0, role
    ground = panel if name == "dark" else str(colours["line"]["outlineState"])
    for state in ("critical", "high", "medium", "low"):
        assert contrast(str(colours["state"][state]), ground) >= 3.0, state
        assert contrast(str(colours["text"]["onState"]), str(colours["state"][state])) >= 4.5


def test_states_keep_their_colour_in_every_theme() -> None:
    themes = tokens.load().themes
    for one, two in combinations(tokens.THEMES, 2):
        for state in ("critical", "high", "medium", "low"):
            assert themes[one]["state"][state] == themes[two]["state"][state]


def test_every_glyph_and_icon_can_be_drawn(themed: None) -> None:
    loaded = tokens.load()
    for priority in (1, 2, 3, 4):
        path = loaded.glyph(priority).path
        svg = f'<svg xmlns="http://www.w3.org/2000/svg"><path d="{path}"/></svg>'
        assert QSvgRenderer(QByteArray(svg.encode())).isValid()
        for state in AlarmState:
            assert not glyph_pixmap(priority, state).toImage().isNull()
    for file in resource("icons").glob("*.svg"):
        image = icon_pixmap(file.stem, 16).toImage()
        assert any(image.pixelColor(x, y).alpha() for x in range(16) for y in range(16)), file.stem


def test_no_colour_stands_outside_the_theme() -> None:
    literal = re.compile(
        r"""["']#[0-9A-Fa-f]{3,8}["']|QColor\(\s*["'\d]|Qt\.GlobalColor\.(?!transparent)|GlobalColor\.(?!transparent)"""
    )
    found = [
        f"{file.name}:{number}"
        for file in UI.rglob("*.py")
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if literal.search(line)
    ]
    assert found == []
    template = resource("themes", "lamplighter.qss").read_text(encoding="utf-8")
    assert not re.search(r":\s*#[0-9A-Fa-f]{3,8}", template)


def test_the_style_sheet_has_no_unfilled_place(themed: None) -> None:
    for name in tokens.THEMES:
        theme().set(name)
        assert "@" not in theme().style_sheet()


def test_weights_differ_and_digits_do_not_jitter(themed: None) -> None:
    widths = {}
    for weight in (400, 500, 600):
        metrics = QFontMetricsF(theme().font("body", weight))
        widths[weight] = metrics.horizontalAdvance("Water pressure")
        digits = {round(metrics.horizontalAdvance(d), 2) for d in "0123456789"}
        assert len(digits) == 1
    assert widths[400] < widths[500] < widths[600]


def test_switching_theme_and_scale_restyles_the_application(themed: None, qapp: Any) -> None:
    heard: list[str] = []
    theme().changed.connect(lambda: heard.append(theme().name))
    theme().set("light", 1.5)
    assert heard[-1] == "light"
    window = QApplication.palette().window().color()
    assert window == theme().colour("bg.window")
    assert theme().font("body").pixelSize() == round(13 * 1.5)
