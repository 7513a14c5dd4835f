"""All texts of the window go through one translation context."""

from __future__ import annotations

import re

from PySide6.QtCore import QCoreApplication


def tr(text: str, **values: object) -> str:
    """The text in the user's language; `{name}` places are filled with `values`."""
    translated = QCoreApplication.translate("Lamplighter", text)
    return translated.format(**values) if values else translated


def plain(name: str) -> str:
    """A type's name as people write it: `TrafficSignal` becomes `Traffic signal`."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^A-Za-z\d]+", name)
    words = [p if p.isupper() and len(p) > 1 else p.lower() for p in parts if p.strip(" _-")]
    joined = " ".join(words)
    return joined[:1].upper() + joined[1:]


_FORMULAS = {
    "no2": "NO₂", "o3": "O₃", "so2": "SO₂", "co": "CO", "co2": "CO₂", "pm25": "PM2.5",
    "pm2_5": "PM2.5", "pm2.5": "PM2.5", "pm10": "PM10",
}  # fmt: skip


def kind_name(kind: str) -> str:
    """A kind of datastream as people write it."""
    return _FORMULAS.get(kind.lower()) or plain(kind)
