"""A picture of the city without any window or display: for the verb `shot`, reports and tests."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from vtkmodules.vtkIOImage import vtkPNGWriter
from vtkmodules.vtkRenderingCore import vtkRenderWindow, vtkWindowToImageFilter

from lamplighter.domain.city import Asset
from lamplighter.domain.geometry import TileArrays
from lamplighter.domain.problems import fault
from lamplighter.scene.arrays import as_numpy
from lamplighter.scene.baking import bake
from lamplighter.scene.camera import Pose
from lamplighter.scene.city_scene import CityScene
from lamplighter.scene.states import StateTable
from lamplighter.scene.theme import SceneTheme, load_theme


@dataclass(frozen=True, slots=True)
class ShotResult:
    """Where the picture lies, how long it took and how many triangles it shows."""

    out: Path
    seconds: float
    triangles: int


def off_screen_window(size: tuple[int, int]) -> vtkRenderWindow:
    """A render window that needs no display. On Linux through EGL, else the system's own."""
    import vtkmodules.vtkRenderingOpenGL2 as gl

    made: Any = None
    if os.name == "posix" and hasattr(gl, "vtkEGLRenderWindow"):
        made = gl.vtkEGLRenderWindow()
    else:
        made = vtkRenderWindow()
    window: vtkRenderWindow = made
    window.SetMultiSamples(0)
    window.SetOffScreenRendering(1)
    window.SetSize(*size)
    return window


def companion_window(size: tuple[int, int], like: Any = None) -> vtkRenderWindow:
    """A window nobody sees beside the window `like`, by the same way to the graphics driver.

    Two ways in one process disturb each other's textures; so a picture beside a widget's must not
    be made as one without a display is.
    """
    if like is None or not like.IsA("vtkGenericOpenGLRenderWindow"):
        return off_screen_window(size)
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        return off_screen_window(size)
    window = vtkRenderWindow()
    window.SetMultiSamples(0)
    window.SetShowWindow(False)
    window.SetUseOffScreenBuffers(True)
    window.SetSize(*size)
    return window


class OffScreen:
    """A scene with a window nobody sees. Close it when done."""

    def __init__(self, theme: SceneTheme, size: tuple[int, int] = (1600, 1000)) -> None:
        self.size = size
        self.window = off_screen_window(size)
        self.scene = CityScene(theme)
        self.window.AddRenderer(self.scene.renderer)

    def pixels(self) -> npt.NDArray[np.uint8]:
        """The picture now, (height, width, 3), first row at the top."""
        self.window.Render()
        grab = vtkWindowToImageFilter()
        grab.SetInput(self.window)
        grab.ReadFrontBufferOff()
        grab.Update()
        image = grab.GetOutput()
        width, height, _ = image.GetDimensions()
        flat = as_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)
        return np.ascontiguousarray(flat[::-1, :, :3])

    def write(self, out: Path) -> None:
        """Write the picture as PNG."""
        self.window.Render()
        grab = vtkWindowToImageFilter()
        grab.SetInput(self.window)
        grab.ReadFrontBufferOff()
        writer = vtkPNGWriter()
        writer.SetFileName(str(out))
        writer.SetInputConnection(grab.GetOutputPort())
        writer.Write()

    def close(self) -> None:
        """Free the graphics context."""
        self.window.RemoveRenderer(self.scene.renderer)
        self.window.Finalize()

    def __enter__(self) -> OffScreen:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def shot(
    tiles: Iterable[TileArrays],
    assets: Iterable[Asset],
    *,
    out: Path,
    size: tuple[int, int] = (1600, 1000),
    target: str | None = None,
    theme: SceneTheme | None = None,
    states: StateTable | None = None,
    pose: Pose | None = None,
) -> ShotResult:
    """Write a PNG of the city. `target` is an asset to look at and to mark.

    Raises LamplighterError (U-804) for a size that is no picture, for a target that has no place
    and for a file that cannot be written.
    """
    begun = time.perf_counter()
    if not all(16 <= side <= 16_384 for side in size):
        raise fault("U-804", name="The picture", what=f"{size[0]}x{size[1]} is no usable size")
    if not out.parent.is_dir() or out.is_dir():
        raise fault("U-804", name="The picture", what=f"{out} cannot be written")
    with OffScreen(theme or load_theme("dark"), size) as view:
        scene = view.scene
        for tile in tiles:
            scene.add_baked(bake(tile))
        scene.set_assets(assets)
        scene.set_ground(scene.bake_ground())
        if states is not None:
            scene.set_states(states)
        wanted = pose or scene.home_pose()
        if target is not None:
            aimed = scene.asset_pose(target)
            if aimed is None:
                raise fault("U-804", name=target, what="it has no place in the city")
            wanted = aimed if pose is None else pose
            scene.select(target)
        scene.move(wanted)
        view.write(out)
        triangles = scene.triangles
    if not out.is_file():
        raise fault("U-804", name="The picture", what=f"{out} cannot be written")
    return ShotResult(out, time.perf_counter() - begun, triangles)
