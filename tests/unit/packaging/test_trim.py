"""What the packaged program leaves out is nothing that it uses."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"build_{name}", ROOT / f"packaging/{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


trim = load("trim")
WIDGET = """
import os, sys
os.environ["QT_API"] = "pyside6"
from PySide6.QtWidgets import QApplication
application = QApplication([])
import lamplighter.scene.city_scene, lamplighter.scene.shot
from pyvistaqt import QtInteractor
widget = QtInteractor()
widget.show()
for _ in range(20):
    application.processEvents()
print(*(m[11:] for m in sys.modules if m.startswith("vtkmodules.vtk")), flush=True)
os._exit(0)
"""


def test_every_vtk_module_the_program_names_is_kept() -> None:
    named = set()
    for file in (ROOT / "app").rglob("*.py"):
        named |= set(re.findall(r"vtkmodules\.(vtk\w+)", file.read_text(encoding="utf-8")))
    assert named
    assert named <= set(trim.VTK_KEPT)


@pytest.mark.gl
def test_every_vtk_module_an_open_3d_widget_loads_is_kept() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WIDGET],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    loaded = set(done.stdout.split())
    assert "vtkRenderingOpenGL2" in loaded, done.stderr
    assert loaded <= set(trim.VTK_KEPT)


def test_what_a_kept_vtk_module_links_is_kept_and_the_rest_goes() -> None:
    folder = Path(importlib.util.find_spec("vtkmodules").submodule_search_locations[0])  # type: ignore[union-attr,index]
    rows = [(f"vtkmodules/{f.name}", str(f), "BINARY") for f in folder.glob("*.so*")]
    if len(rows) < 200:
        pytest.skip("the VTK of this environment is not the wheel's")
    kept, dropped = trim.slim([*rows, ("numpy/core.so", "/nowhere/core.so", "EXTENSION")])
    names = {Path(row[0]).name.split(".")[0] for row in kept}
    assert {m for m in trim.VTK_KEPT if m.startswith("vtk")} <= names
    assert {"libvtkCommonCore", "libvtkRenderingOpenGL2", "libvtkglad", "core"} <= names
    assert len(dropped) > len(rows) / 2
    assert all(path.startswith("vtkmodules/") for path in dropped)


@pytest.mark.parametrize(
    "path",
    [
        "PySide6/Qt/plugins/platforms/libqxcb.so",
        "PySide6/Qt/plugins/platforms/libqwayland.so",
        "PySide6/Qt/plugins/platforms/libqoffscreen.so",
        "PySide6/Qt/plugins/xcbglintegrations/libqxcb-glx-integration.so",
        "PySide6/Qt/plugins/iconengines/libqsvgicon.so",
        "PySide6/Qt/lib/libQt6Qml.so.6",
        "PySide6/Qt/lib/libQt6Svg.so.6",
        "pyproj/proj_dir/share/proj/proj.db",
        "pyogrio/gdal_data/gdalvrt.xsd",
        "resources/themes/tokens.json",
        "plugins/water/rules.toml",
    ],
)
def test_what_the_program_opens_is_no_ballast(path: str) -> None:
    assert not trim.is_ballast(path)


@pytest.mark.parametrize(
    "path",
    [
        "PySide6/Qt/plugins/platforms/libqvnc.so",
        "PySide6/Qt/plugins/platformthemes/libqgtk3.so",
        "PySide6/Qt/translations/qt_de.qm",
        "sklearn/datasets/data/iris.csv",
        "numpy/tests/data.npy",
    ],
)
def test_what_nobody_opens_is_ballast(path: str) -> None:
    assert trim.is_ballast(path)
