"""IndoorGML: whether the cells and the graph between them agree (codes 702 to 704)."""

from __future__ import annotations

from typing import Any

import numpy as np

from lamplighter.spatial import gml
from lamplighter.spatial.checking.boundaries import Fault, RawModel

_HREF = "{http://www.w3.org/1999/xlink}href"


def check_graph(root: Any, model: RawModel) -> list[Fault]:
    """Faults of the links between cells (primal) and states (dual)."""
    cells: dict[str, str] = {}
    states: dict[str, tuple[str, Any]] = {}
    for element in root.iter():
        if not isinstance(element.tag, str):
            continue
        name = gml.local(element)
        if name == "CellSpace":
            cells[gml.identity(element)] = _link(element, "duality")
        elif name == "State":
            states[gml.identity(element)] = (_link(element, "duality"), element)
    found: list[Fault] = []
    for cell, state in cells.items():
        if state and (state not in states or states[state][0] not in ("", cell)):
            found.append(Fault("703", cell, f"its state '{state}' does not point back to it"))
    for state, (cell, _) in states.items():
        if cell and (cell not in cells or cells[cell] not in ("", state)):
            found.append(Fault("703", state, f"its cell '{cell}' does not point back to it"))
    for element in root.iter():
        if isinstance(element.tag, str) and gml.local(element) == "Transition":
            for child in element:
                target = (child.get(_HREF) or "").lstrip("#")
                if gml.local(child) == "connects" and target not in states:
                    what = f"it connects the state '{target}', which is not there"
                    found.append(Fault("703", gml.identity(element), what))
    if not found:
        found.extend(_outside(states, model))
    return found


def _link(element: Any, name: str) -> str:
    for child in element.iter():
        if isinstance(child.tag, str) and gml.local(child) == name:
            return (child.get(_HREF) or "").lstrip("#")
    return ""


def _outside(states: dict[str, tuple[str, Any]], model: RawModel) -> list[Fault]:
    """States that lie outside the box of their cell."""
    shapes = model.shapes
    if shapes is None:
        return []
    number = {item.id: place for place, item in enumerate(shapes.objects)}
    owner = np.array([p.object for p in shapes.primitives] or [-1])
    corner_polygon = np.repeat(
        np.repeat(np.arange(shapes.count), np.diff(shapes.rings_of)), np.diff(shapes.starts)
    )
    of = owner[shapes.primitive_of[shapes.solid_of[shapes.shell_of[corner_polygon]]]]
    found: list[Fault] = []
    for state, (cell, element) in states.items():
        spots = gml.spots(element)
        if cell not in number or not spots:
            continue
        mine = shapes.points[shapes.corners[of == number[cell]]]
        spot = np.array(spots[0])
        if len(mine) and ((spot < mine.min(axis=0)) | (spot > mine.max(axis=0))).any():
            found.append(Fault("702", state, f"it lies outside its cell '{cell}'"))
    return found
