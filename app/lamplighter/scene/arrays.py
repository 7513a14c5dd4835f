"""numpy arrays as VTK arrays and back, sharing memory where that is safe."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray


def shared(values: npt.NDArray[Any]) -> Any:
    """A VTK array over the same memory; the numpy array must stay in place."""
    return numpy_to_vtk(values, deep=False)  # type: ignore[no-untyped-call]


def copied(values: npt.NDArray[Any]) -> Any:
    """A VTK array with its own memory."""
    return numpy_to_vtk(np.ascontiguousarray(values), deep=True)  # type: ignore[no-untyped-call]


def as_numpy(array: Any) -> npt.NDArray[Any]:
    """A numpy view of a VTK array."""
    view: npt.NDArray[Any] = vtk_to_numpy(array)  # type: ignore[no-untyped-call]
    return view


def points_of(places: npt.NDArray[np.float32]) -> vtkPoints:
    """vtkPoints that share the array's memory (kept alive by VTK's reference)."""
    points = vtkPoints()
    points.SetData(shared(np.ascontiguousarray(places)))
    return points


def cells_of(corners: npt.NDArray[np.int32]) -> vtkCellArray:
    """Cells of equal size from (m, k) point numbers."""
    cells = vtkCellArray()
    flat = np.ascontiguousarray(corners, np.int64).ravel()
    numbers = numpy_to_vtkIdTypeArray(flat, deep=False)  # type: ignore[no-untyped-call]
    cells.SetData(corners.shape[1], numbers)
    return cells
