"""What the 3D city costs against one actor per building and against the library's defaults.

All sides draw the same houses at the same size in one process and one run; figures are medians.
`rows()` is what `lamplighter bench scene` prints.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from tests.kit.synthetic_district import district
from tests.perf.row import Row, row

from lamplighter.domain.geometry import TileArrays
from lamplighter.scene import camera as cam
from lamplighter.scene.baking import bake
from lamplighter.scene.shot import OffScreen, off_screen_window
from lamplighter.scene.states import AssetLook, Mark, StateTable
from lamplighter.scene.theme import load_theme

SIZE = (1280, 800)


def _ms(call: Callable[[], object], times: int = 5) -> float:
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        call()
        taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken)


def _row(name: str, figure: float, against: float, what: str) -> Row:
    return row(name, figure, "ms", what, against)


def ours(tiles: list[TileArrays]) -> dict[str, float]:
    """Build, first frame, orbit, moving frame, recolour of 1 % and pick, all in ms."""
    out: dict[str, float] = {}
    count = sum(len(t.assets) for t in tiles)
    with OffScreen(load_theme("dark"), SIZE) as view:
        scene = view.scene
        begun = time.perf_counter()
        baked = [bake(tile) for tile in tiles]
        out["bake"] = (time.perf_counter() - begun) * 1000
        begun = time.perf_counter()
        for tile in baked:
            scene.add_baked(tile)
        out["build"] = (time.perf_counter() - begun) * 1000
        pose = scene.home_pose()
        scene.move(pose)
        out["first"] = _ms(view.window.Render, 1)
        camera = scene.renderer.GetActiveCamera()

        def orbit() -> None:
            camera.Azimuth(0.7)
            scene.renderer.ResetCameraClippingRange()
            view.window.Render()

        out["orbit"] = _ms(orbit, 7)
        view.window.SetSize(SIZE[0] // 2, SIZE[1] // 2)
        scene.set_reduced(True)
        orbit()
        out["moving"] = _ms(orbit, 7)
        view.window.SetSize(*SIZE)
        scene.set_reduced(False)
        scene.move(pose)
        view.window.Render()
        rng = np.random.default_rng(1)
        chosen = rng.choice(count, max(count // 100, 1), replace=False).tolist()
        flip = [StateTable({f"B{n}": AssetLook(Mark.ABNORMAL, 1) for n in chosen}), StateTable()]
        turn = iter(range(100))
        out["recolour"] = _ms(lambda: scene.set_states(flip[next(turn) % 2]), 9)

        def recolour_frame() -> None:
            scene.set_states(flip[next(turn) % 2])
            view.window.Render()

        out["recolour_frame"] = _ms(recolour_frame, 5)
        pixels = np.stack((rng.integers(0, SIZE[0], 200), rng.integers(0, SIZE[1], 200)), axis=1)
        taken = []
        for x, y in pixels.tolist():
            begun = time.perf_counter()
            scene.pick(x, y, *SIZE)
            taken.append((time.perf_counter() - begun) * 1000)
        out["pick"], out["pick_p99"] = statistics.median(taken), sorted(taken)[197]
    return out


def _houses(tiles: list[TileArrays]) -> list[tuple[np.ndarray, np.ndarray]]:
    out = []
    for tile in tiles:
        for owner in range(len(tile.assets)):
            corners = tile.triangles[tile.owner == owner]
            used, local = np.unique(corners, return_inverse=True)
            out.append((tile.points[used], local.reshape(-1, 3)))
    return out


def _aim(renderer: Any, houses: list[tuple[np.ndarray, np.ndarray]]) -> None:
    """The same camera as our own scene's opening view."""
    middles = np.array([(p.min(axis=0) + p.max(axis=0)) / 2 for p, _ in houses])
    low, high = np.percentile(middles, (4, 96), axis=0)
    extent = cam.Extent(tuple(low.tolist()), tuple(high.tolist()))
    cam.apply(cam.home(extent), renderer.GetActiveCamera())
    renderer.ResetCameraClippingRange()


def actor_each(houses: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    """One plain VTK actor per building."""
    from vtkmodules.vtkCommonDataModel import vtkPolyData
    from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkRenderer

    from lamplighter.scene.arrays import cells_of, points_of

    out: dict[str, float] = {}
    begun = time.perf_counter()
    renderer, actors = vtkRenderer(), []
    for points, corners in houses:
        data = vtkPolyData()
        data.SetPoints(points_of(points))
        data.SetPolys(cells_of(corners.astype(np.int32)))
        mapper = vtkPolyDataMapper()
        mapper.SetInputData(data)
        actor = vtkActor()
        actor.SetMapper(mapper)
        renderer.AddActor(actor)
        actors.append(actor)
    out["build"] = (time.perf_counter() - begun) * 1000
    window = off_screen_window(SIZE)
    window.AddRenderer(renderer)
    _aim(renderer, houses)
    out["first"] = _ms(window.Render, 1)

    def orbit() -> None:
        renderer.GetActiveCamera().Azimuth(0.7)
        window.Render()

    def recolour() -> None:
        for actor in actors[:: max(1, len(actors) // max(1, len(actors) // 100))]:
            actor.GetProperty().SetColor(1.0, 0.2, 0.5)
        window.Render()

    out["orbit"] = _ms(orbit, 3)
    out["recolour_frame"] = _ms(recolour, 3)
    window.Finalize()
    return out


def library_defaults(houses: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    """pyvista's `add_mesh` for every building with everything as it comes."""
    import pyvista as pv

    out: dict[str, float] = {}
    plotter = pv.Plotter(off_screen=True, window_size=list(SIZE))
    begun = time.perf_counter()
    for points, corners in houses:
        plotter.add_mesh(pv.PolyData.from_regular_faces(points, corners))
    out["build"] = (time.perf_counter() - begun) * 1000
    begun = time.perf_counter()
    plotter.show(auto_close=False)
    out["first"] = (time.perf_counter() - begun) * 1000
    _aim(plotter.renderer, houses)

    def orbit() -> None:
        plotter.camera.Azimuth(0.7)
        plotter.render()

    out["orbit"] = _ms(orbit, 3)
    plotter.close()
    return out


def hardware_selector(tiles: list[TileArrays]) -> float:
    """One pick with the selector that draws ids, ms."""
    from vtkmodules.vtkRenderingOpenGL2 import vtkOpenGLHardwareSelector

    with OffScreen(load_theme("dark"), SIZE) as view:
        for tile in tiles:
            view.scene.add_baked(bake(tile))
        view.scene.move(view.scene.home_pose())
        view.window.Render()
        selector = vtkOpenGLHardwareSelector()
        selector.SetRenderer(view.scene.renderer)
        selector.SetArea(640, 400, 640, 400)
        return _ms(selector.Select, 3)


def rows(count: int = 3000, small: int = 400) -> list[Row]:
    """All rows; `count` houses for ours, `small` for the sides that do not scale."""
    tiles, few = district(count), district(small)
    big, same = ours(tiles), ours(few)
    houses = _houses(few)
    actors, defaults = actor_each(houses), library_defaults(houses)
    selector = hardware_selector(tiles)
    still = big["orbit"]
    out = [
        _row(f"frame while moving, {count} houses", big["moving"], still, "our frame at rest"),
        _row(f"recolour 1 % of {count} houses", big["recolour"], still, "a frame"),
        _row(f"recolour 1 % and draw, {count} houses", big["recolour_frame"], still, "a frame"),
        _row(f"pick among {count} houses", big["pick"], selector, "hardware selector"),
        _row(f"pick p99 among {count} houses", big["pick_p99"], selector, "hardware selector"),
        _row(f"prepare and build {count} houses", big["bake"] + big["build"], still, "a frame"),
        _row(f"first frame of {count} houses", big["first"], still, "a later frame"),
    ]
    same["build"] += same["bake"]
    for side, name in ((actors, "one actor per building"), (defaults, "pyvista defaults")):
        out += [
            _row(f"{what}, {small} houses", same[what], side[what], name)
            for what in ("build", "first", "orbit", "recolour_frame")
            if what in side
        ]
        out.append(_row(f"moving, {small} houses", same["moving"], side["orbit"], name))
    return out


if __name__ == "__main__":
    json.dump(rows(*(int(v) for v in sys.argv[1:3])), sys.stdout, indent=1)
