"""How fast this machine draws, measured once with a picture nobody sees and kept in the cache.

The figures choose the first budget of moving frames; frames that follow correct it.
"""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from msgspec import Struct
from vtkmodules.vtkCommonDataModel import vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkRenderer, vtkRenderWindow

from lamplighter.scene.arrays import cells_of, points_of

SIZE: Final = (640, 400)
TRIANGLES: Final = (10_000, 110_000)
_LAYOUT: Final = 2


class Machine(Struct, frozen=True):
    """Costs of a frame in milliseconds."""

    key: str
    """what was measured: another graphics driver or computer is another machine"""
    fixed_ms: float
    ktriangle_ms: float
    """a thousand more triangles"""
    mpixel_ms: float
    """a million more pixels"""

    def triangles_within(self, budget_ms: float, pixels: float) -> float:
        """How many triangles fit into a frame of `pixels`; at least ten thousand."""
        left = budget_ms - self.fixed_ms - self.mpixel_ms * pixels / 1e6
        return max(left / max(self.ktriangle_ms, 1e-4), 10.0) * 1000.0


def machine_key() -> str:
    """Names this computer and its way of drawing."""
    import vtkmodules

    driver = os.environ.get("GALLIUM_DRIVER", "") + os.environ.get("LIBGL_ALWAYS_SOFTWARE", "")
    version = getattr(vtkmodules, "__version__", "")
    return f"{_LAYOUT}|{platform.node()}|{os.cpu_count()}|{version}|{driver}"


def known_machine(file: Path, like: vtkRenderWindow | None = None) -> Machine:
    """The figures kept in `file` when they are this machine's, else measured now and kept.

    `like`: the window that is drawn in, if there is one.
    """
    key = machine_key()
    try:
        kept = msgspec.json.decode(file.read_bytes(), type=Machine)
        if kept.key == key:
            return kept
    except (OSError, msgspec.MsgspecError):
        pass  # never measured, or by another version: measure
    found = measure(key, like)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(msgspec.json.encode(found))
    except OSError:
        pass  # measured again the next time
    return found


def measure(key: str = "", like: vtkRenderWindow | None = None) -> Machine:
    """Draw a few frames off screen; takes about a third of a second on a slow machine."""
    from lamplighter.scene.shot import companion_window

    window = companion_window(SIZE, like)
    renderer = vtkRenderer()
    window.AddRenderer(renderer)
    times = []
    for count in TRIANGLES:
        renderer.RemoveAllViewProps()
        renderer.AddActor(_sheet(count))
        renderer.ResetCamera(-1, 1, -1, 1, -0.1, 0.1)
        window.Render()
        times.append(_frame(window))
    window.SetSize(SIZE[0] * 2, SIZE[1] * 2)
    window.Render()
    large = _frame(window)
    window.RemoveRenderer(renderer)
    window.Finalize()
    slope = max(times[1] - times[0], 1e-3) / (TRIANGLES[1] - TRIANGLES[0]) * 1000.0
    pixels = SIZE[0] * SIZE[1] / 1e6
    area = max(large - times[1], 1e-3) / (3.0 * pixels)
    fixed = max(times[0] - slope * TRIANGLES[0] / 1000.0 - area * pixels, 0.0)
    return Machine(key, fixed, slope, area)


def _frame(window: object) -> float:
    taken = []
    for _ in range(3):
        begun = time.perf_counter()
        window.Render()  # type: ignore[attr-defined]
        taken.append((time.perf_counter() - begun) * 1000.0)
    return float(np.median(taken))


def _sheet(count: int) -> vtkActor:
    """A rough sheet of about `count` triangles that fills the picture."""
    side = int((count / 2) ** 0.5) + 1
    x, y = np.meshgrid(np.linspace(-1.2, 1.2, side), np.linspace(-1.2, 1.2, side))
    z = np.random.default_rng(0).random(x.shape) * 0.05
    corner = np.arange(side * side).reshape(side, side)
    a, b, c, d = corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]
    data = vtkPolyData()
    data.SetPoints(points_of(np.stack((x, y, z), axis=-1).reshape(-1, 3).astype(np.float32)))
    data.SetPolys(cells_of(np.stack((a, b, c, a, c, d), axis=-1).reshape(-1, 3).astype(np.int32)))
    mapper = vtkPolyDataMapper()
    mapper.SetInputData(data)
    mapper.SetStatic(True)
    actor = vtkActor()
    actor.SetMapper(mapper)
    actor.GetProperty().SetLighting(False)
    return actor
