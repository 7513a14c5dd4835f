"""Whether this machine can draw in 3D without a window."""

from __future__ import annotations

from typing import Any


def drawing() -> dict[str, Any]:
    """One check: a tiny picture drawn off screen."""
    try:
        from lamplighter.scene import probe

        return {"name": "3D", "ok": True, "message": probe()}
    except Exception as error:
        return {"name": "3D", "ok": False, "message": f"{type(error).__name__}: {error}"}
