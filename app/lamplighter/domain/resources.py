"""The one place that knows where icons, themes, the demo definition and the manual lie."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

VARIABLE: Final = "LAMPLIGHTER_RESOURCES"


def resource(*parts: str) -> Path:
    """A path under the resources folder: environment variable, frozen folder, else checkout.

    Raises FileNotFoundError with all places it looked at when none of them holds the file.
    """
    looked = []
    for root in _roots():
        path = root.joinpath(*parts)
        if path.exists():
            return path
        looked.append(str(root))
    raise FileNotFoundError(f"{'/'.join(parts)} is in none of: {', '.join(looked)}")


def _roots() -> list[Path]:
    roots = []
    if named := os.environ.get(VARIABLE):
        roots.append(Path(named))
    if frozen := getattr(sys, "_MEIPASS", None):
        roots.append(Path(frozen) / "resources")
    roots.append(Path(__file__).resolve().parents[3] / "resources")
    return roots
