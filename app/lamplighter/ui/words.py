"""All texts of the window go through one translation context."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication


def tr(text: str, **values: object) -> str:
    """The text in the user's language; `{name}` places are filled with `values`."""
    translated = QCoreApplication.translate("Lamplighter", text)
    return translated.format(**values) if values else translated
