"""One theme for the whole window: colours, fonts, sizes, palette and style sheet."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette, QTransform
from PySide6.QtWidgets import QApplication

from lamplighter.domain.resources import resource
from lamplighter.ui import tokens as token_file

STATE_NAMES: Final = ("", "critical", "high", "medium", "low")
_FALLBACK: Final = ("DejaVu Sans", "Segoe UI", "Helvetica Neue", "sans-serif")


class Theme(QObject):
    """The active theme. `changed` is emitted after palette and style sheet were set."""

    changed = Signal()

    def __init__(self, name: str = "dark", scale: float = 1.0, density: str = "") -> None:
        super().__init__()
        self.tokens = token_file.load()
        self.name = name
        self.scale = scale
        self.density = density or ("touch" if name == "sunlight" else "comfortable")
        self._colours: dict[str, QColor] = {}
        self._fonts: dict[tuple[str, int], QFont] = {}
        self._families = _load_fonts()
        self._images: tempfile.TemporaryDirectory[str] | None = None
        self._fill()

    # ---------------------------------------------------------------- looking up
    def colour(self, role: str) -> QColor:
        """A colour by its token, e.g. `bg.panel`. Raises KeyError for an unknown role."""
        return self._colours[role]

    def state(self, priority: int) -> QColor:
        """The fill of a priority 1..4."""
        return self._colours["state." + STATE_NAMES[priority]]

    def number(self, role: str) -> float:
        """A number among the colours, e.g. `chart.bandAlpha`."""
        group, key = role.split(".")
        return float(self.tokens.themes[self.name][group][key])

    def font(self, role: str = "body", weight: int | None = None) -> QFont:
        """A font by its type role; `mono` is the fixed one at caption size."""
        base = self.tokens.type["caption" if role == "mono" else role]
        wanted = weight or base.weight
        found = self._fonts.get((role, wanted))
        if found is None:
            family = self._families[1] if role == "mono" else self._families[0]
            found = QFont([family, *_FALLBACK])
            bump = 3 if self.density == "touch" and role in {"body", "bodyStrong"} else 0
            found.setPixelSize(max(1, round((base.size + bump) * self.scale)))
            if family == "IBM Plex Sans":
                # the variable font is one style to Qt: its weight axis makes the weights
                found.setVariableAxis(QFont.Tag("wght"), float(wanted))
            else:
                found.setWeight(QFont.Weight(wanted))
            self._fonts[(role, wanted)] = found
        return found

    def px(self, size: float) -> int:
        """A size of type, row or target, scaled."""
        return round(size * self.scale)

    @property
    def row(self) -> int:
        return self.px({"compact": 24, "comfortable": 28, "touch": 48}[self.density])

    @property
    def outline(self) -> float:
        """Width of a glyph's dark outline."""
        return {"dark": 1.0, "light": 1.5, "sunlight": 2.5}[self.name]

    @property
    def dark(self) -> bool:
        return self.name == "dark"

    def stroke(self, name: str) -> float:
        """A line width, with the sunlight theme's heavier ones."""
        if self.name == "sunlight":
            heavier = self.tokens.sunlight_overrides["stroke"].get(_camel(name))
            if heavier is not None:
                return heavier
        return float(getattr(self.tokens.stroke, name))

    # ---------------------------------------------------------------- switching
    def set(self, name: str | None = None, scale: float | None = None) -> None:
        """Switches theme or font scale (0.8-2.0) and restyles the application."""
        if name is not None:
            self.name = name
            self.density = "touch" if name == "sunlight" else "comfortable"
        if scale is not None:
            self.scale = min(2.0, max(0.8, scale))
        self._fill()
        self.apply()
        self.changed.emit()

    def apply(self) -> None:
        """Sets style, palette and style sheet on the application."""
        app = QApplication.instance()
        if not isinstance(app, QApplication):
            return
        scheme = Qt.ColorScheme.Dark if self.dark else Qt.ColorScheme.Light
        QGuiApplication.styleHints().setColorScheme(scheme)
        if app.style().objectName() != "lamplighter":
            from lamplighter.ui.style import LamplighterStyle

            app.setStyle(LamplighterStyle(self))
        app.setPalette(self._palette())
        app.setFont(self.font("body"))
        app.setStyleSheet(self.style_sheet())

    def style_sheet(self) -> str:
        """The template with every `@token@` and `@px:n@` filled in."""
        text = resource("themes", "lamplighter.qss").read_text(encoding="utf-8")
        text = re.sub(r"@px:([\d.]+)@", lambda m: f"{self.px(float(m[1]))}px", text)
        arrows = self._arrows()
        text = re.sub(r"@image:([a-z-]+)@", lambda m: arrows[m[1]], text)
        text = text.replace("@hair@", f"{round(self.stroke('hair'))}px")
        return re.sub(r"@([a-zA-Z.0-9]+)@", lambda m: self.colour(m[1]).name(), text)

    def _arrows(self) -> dict[str, str]:
        """Files of the chevrons of boxes and spin buttons: a style sheet takes images alone."""
        from lamplighter.ui.glyphs import icon_pixmap

        if self._images is None:
            self._images = tempfile.TemporaryDirectory(prefix="lamplighter-look-")
        folder, size, found = Path(self._images.name), self.px(10), {}
        for shade, token in (("", "text.secondary"), ("-faint", "text.disabled")):
            colour = self.colour(token)
            for ratio, mark in ((1.0, ""), (2.0, "@2x")):
                down = icon_pixmap("chevron_down", size, colour, ratio)
                down.setDevicePixelRatio(1.0)
                turned = down.transformed(QTransform().rotate(180))
                for way, image in (("down", down), ("up", turned)):
                    name = f"{self.name}-{size}-{way}{shade}"
                    image.save(str(folder / f"{name}{mark}.png"))
                    found[f"{way}{shade}"] = (folder / f"{name}.png").as_posix()
        return found

    def _fill(self) -> None:
        self._fonts.clear()
        self._colours = {
            f"{group}.{key}": QColor(value)
            for group, values in self.tokens.themes[self.name].items()
            for key, value in values.items()
            if isinstance(value, str)
        }

    def _palette(self) -> QPalette:
        role = QPalette.ColorRole
        pairs = {
            role.Window: "bg.window",
            role.Base: "bg.inset",
            role.AlternateBase: "bg.panel",
            role.Button: "bg.raised",
            role.Text: "text.primary",
            role.WindowText: "text.primary",
            role.ButtonText: "text.primary",
            role.BrightText: "text.primary",
            role.PlaceholderText: "text.muted",
            role.Highlight: "bg.selected",
            role.HighlightedText: "text.onSelected",
            role.ToolTipBase: "scene.plate",
            role.ToolTipText: "text.primary",
            role.Accent: "action.primary",
            role.Link: "text.primary",
            role.Light: "bg.hover",
            role.Midlight: "bg.raised",
            role.Mid: "line.subtle",
            role.Dark: "line.subtle",
            role.Shadow: "bg.window",
        }
        palette = QPalette()
        for key, token in pairs.items():
            palette.setColor(key, self.colour(token))
        for key in (role.Text, role.WindowText, role.ButtonText):
            disabled = self.colour("text.disabled")
            palette.setColor(QPalette.ColorGroup.Disabled, key, disabled)
        return palette


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def _load_fonts() -> tuple[str, str]:
    """Registers the packaged fonts; returns the families for text and for codes."""
    families = []
    for name, fallback in (("IBM Plex Sans", "DejaVu Sans"), ("IBM Plex Mono", "DejaVu Sans Mono")):
        families.append(name if _register(name) else fallback)
    return families[0], families[1]


def _register(family: str) -> bool:
    if family in QFontDatabase.families():
        return True
    try:
        import fontpkg

        files = {str(fontpkg.path(family, weight, nearest=True)) for weight in (400, 500, 600)}
    except Exception:  # a missing font package must never stop the window
        return False
    return all(QFontDatabase.addApplicationFont(file) >= 0 for file in files)


_active: Theme | None = None


def theme() -> Theme:
    """The application's theme, made on first use (a QApplication must exist)."""
    global _active
    if _active is None:
        _active = Theme()
    return _active


def start(name: str = "dark", scale: float = 1.0) -> Theme:
    """Makes the theme the application's and styles it."""
    active = theme()
    active.set(name, scale)
    return active
