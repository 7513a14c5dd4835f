"""The faults a check can name: those of ISO 19107 by number, those of a city by word."""

from __future__ import annotations

from typing import Final

ERROR: Final = "error"
WARNING: Final = "warning"
NOTE: Final = "note"

NAMES: Final[dict[str, str]] = {
    "101": "TOO_FEW_POINTS",
    "102": "CONSECUTIVE_POINTS_SAME",
    "103": "RING_NOT_CLOSED",
    "104": "RING_SELF_INTERSECTION",
    "201": "INTERSECTION_RINGS",
    "202": "DUPLICATED_RINGS",
    "203": "NON_PLANAR_POLYGON_DISTANCE_PLANE",
    "204": "NON_PLANAR_POLYGON_NORMALS_DEVIATION",
    "205": "POLYGON_INTERIOR_DISCONNECTED",
    "206": "INNER_RING_OUTSIDE",
    "207": "INNER_RINGS_NESTED",
    "208": "ORIENTATION_RINGS_SAME",
    "300": "NOT_VALID_2_MANIFOLD",
    "301": "TOO_FEW_POLYGONS",
    "302": "SHELL_NOT_CLOSED",
    "303": "NON_MANIFOLD_CASE",
    "305": "MULTIPLE_CONNECTED_COMPONENTS",
    "306": "SHELL_SELF_INTERSECTION",
    "307": "POLYGON_WRONG_ORIENTATION",
    "401": "INTERSECTION_SHELLS",
    "402": "DUPLICATED_SHELLS",
    "403": "INNER_SHELL_OUTSIDE",
    "404": "SOLID_INTERIOR_DISCONNECTED",
    "405": "WRONG_ORIENTATION_SHELL",
    "501": "INTERSECTION_SOLIDS",
    "502": "DUPLICATED_SOLIDS",
    "503": "DISCONNECTED_SOLIDS",
    "601": "BUILDINGPARTS_OVERLAP",
    "609": "CITYOBJECT_HAS_NO_GEOMETRY",
    "701": "CELLS_OVERLAP",
    "702": "DUAL_VERTEX_OUTSIDE_CELL",
    "703": "PRIMAL_DUAL_XLINKS_ERROR",
    "704": "PRIMAL_DUAL_ADJACENCIES_INCONSISTENT",
    "901": "INVALID_INPUT_FILE",
    "902": "EMPTY_PRIMITIVE",
    "903": "WRONG_INPUT_PARAMETERS",
    "904": "FORMAT_NOT_SUPPORTED",
    "999": "UNKNOWN_ERROR",
}

SEVERITY: Final[dict[str, str]] = {
    "609": NOTE,
    "duplicate-id": ERROR,
    "damaged-object": ERROR,
    "bad-reference": ERROR,
    "bad-structure": ERROR,
    "odd-structure": WARNING,
    "missing-parent": WARNING,
    "missing-child": WARNING,
    "missing-crs": WARNING,
    "bad-crs": ERROR,
    "wrong-place": ERROR,
    "no-place": NOTE,
    "unbound-datastream": WARNING,
    "lost-edge": WARNING,
    "sensor-in-the-air": WARNING,
    "sensor-under-ground": WARNING,
    "roof-faces-down": WARNING,
    "ground-faces-up": WARNING,
    "wall-lies-flat": NOTE,
    "zero-area-face": WARNING,
    "sliver-face": NOTE,
    "duplicate-face": WARNING,
    "no-semantics": NOTE,
    "absurd-height": WARNING,
    "overlapping-buildings": WARNING,
    "mixed-attribute": NOTE,
    "too-many": NOTE,
}
"""severity of what is no plain error; every other code is an error"""


def severity(code: str) -> str:
    """`error`, `warning` or `note`."""
    return SEVERITY.get(code, ERROR)


FIXES: Final[dict[str, str]] = {
    "101": "merge",
    "102": "merge",
    "103": "close",
    "202": "rings",
    "203": "triangulate",
    "204": "triangulate",
    "208": "orient",
    "302": "fill",
    "303": "orient",
    "307": "orient",
    "405": "orient",
    "roof-faces-down": "orient",
    "ground-faces-up": "orient",
    "zero-area-face": "drop",
    "duplicate-face": "drop",
    "duplicate-id": "rename",
    "missing-parent": "parent",
    "missing-crs": "crs",
    "sensor-in-the-air": "ground",
    "sensor-under-ground": "ground",
}
"""code -> the repair that answers it"""
