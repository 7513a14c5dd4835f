"""Whether this machine can draw in 3D without a window."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any


def drawing() -> dict[str, Any]:
    """One check: a tiny picture drawn off screen."""
    try:
        from lamplighter.scene.shot import shot

        with tempfile.TemporaryDirectory() as folder:
            result = shot([], [], out=Path(folder) / "probe.png", size=(64, 64))
        return {"name": "3D", "ok": True, "message": f"draws in {result.seconds:.1f} s"}
    except Exception as error:
        return {"name": "3D", "ok": False, "message": f"{type(error).__name__}: {error}"}
