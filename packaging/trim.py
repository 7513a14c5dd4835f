"""What the packaged program can do without, and how that is found out.

Python packages are left out by name. Of VTK only the modules stay that the twin and its 3D widget
load, with the libraries they link (followed through the ELF tables), because VTK alone would be
two thirds of the program. Debug symbols go last, and only from libraries that were linked plainly:
the wheels of numpy and scipy carry patched libraries that do not survive it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

Entry = tuple[str, str, str]
"""destination, source, kind: a row of PyInstaller's tables"""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


STANDARD_LEFT_OUT: Final = frozenset(
    _words(
        "antigravity this idlelib lib2to3 tkinter _tkinter turtle turtledemo test ensurepip venv "
        "pydoc_data msilib winreg winsound _winapi msvcrt nt ntpath _msi _overlapped _scproxy "
        "_wmi nturl2path ossaudiodev spwd nis crypt _crypt __main__"
    )
)
DEVELOPMENT: Final = _words(
    "mypy mypyc mypy_extensions librt pytest _pytest hypothesis setuptools pkg_resources pip "
    "ruff importlinter grimp PyInstaller"
)
"""lies in the environment that builds, and belongs in no program"""
EXCLUDED: Final = _words(
    "PySide6.QtQuick PySide6.QtQuickWidgets PySide6.QtQuickControls2 PySide6.QtQml "
    "PySide6.QtPdf PySide6.QtPdfWidgets PySide6.QtCharts PySide6.QtDataVisualization "
    "PySide6.QtDesigner PySide6.QtHelp PySide6.QtUiTools PySide6.QtSql PySide6.QtTest "
    "PySide6.QtWebEngineCore PySide6.QtWebEngineWidgets PySide6.scripts "
    "PyQt5 PyQt6 PySide2 tkinter _tkinter turtle idlelib lib2to3 ensurepip "
    "pandas ifcopenshell h5py geopandas polars IPython jupyter ipywidgets "
    "pyarrow.flight pyarrow._flight pyarrow._s3fs pyarrow._azurefs pyarrow._gcsfs pyarrow._hdfs "
    "pyarrow.orc pyarrow._orc pyarrow.tests "
    "trame imageio meshio tables numba dask distributed duckdb _duckdb torch sqlalchemy aiosqlite "
    "pyqtgraph.opengl pyqtgraph.examples pyqtgraph.jupyter pyvista.trame pyvista.ext "
    "pyvista.examples docutils ast_serialize  "
    "PIL.ImageTk PIL._imagingtk PIL._avif PIL._webp PIL._imagingft PIL._imagingcms "
    "zstandard.backend_cffi zstandard._cffi matplotlib.backends.backend_tkagg matplotlib.tests "
    "vtkmodules.all vtkmodules.tk vtkmodules.wx vtkmodules.web vtkmodules.gtk vtkmodules.test"
)

VTK_KEPT: Final = _words(
    "vtkChartsCore vtkCommonColor vtkCommonCore vtkCommonDataModel vtkCommonExecutionModel "
    "vtkCommonMath vtkCommonMisc vtkCommonSystem vtkCommonTransforms vtkFiltersCore "
    "vtkFiltersGeneral vtkFiltersGeometry vtkFiltersHybrid vtkFiltersPython vtkFiltersSources "
    "vtkIOCore vtkIOImage vtkImagingCore vtkImagingMath vtkImagingSources vtkInteractionStyle "
    "vtkInteractionWidgets vtkParallelCore vtkPythonContext2D vtkRenderingAnnotation "
    "vtkRenderingContext2D vtkRenderingContextOpenGL2 vtkRenderingCore vtkRenderingFreeType "
    "vtkRenderingHyperTreeGrid vtkRenderingLabel vtkRenderingMatplotlib vtkRenderingOpenGL2 "
    "vtkRenderingUI vtkRenderingVolume vtkRenderingVolumeOpenGL2 vtkViewsContext2D vtkViewsCore "
    "util.numpy_support util.data_array_selection util.data_model util.execution_model "
    "util.pickle_support util.vtkAlgorithm numpy_interface.dataset_adapter"
)
"""what the twin and an opened 3D widget import; a test compares it with a real one"""

_BALLAST: Final = re.compile(
    r"PySide6/Qt/plugins/(platforminputcontexts/libqtvirtualkeyboard|qmltooling|virtualkeyboard|"
    r"platforms/libq(eglfs|linuxfb|vnc|vkkhrdisplay|minimalegl)|platformthemes/libqgtk3|"
    r"sqldrivers|egldeviceintegrations|generic|designer|assetimporters|help|"
    r"wayland-decoration-client/libadwaita)"
    r"|PySide6/Qt/(qml|translations)/"
    r"|PySide6/Qt/lib/libQt6(Quick|VirtualKeyboard|EglFs|Sql|Test|Help|Designer|Pdf|Charts)"
    r"|libgtk-3|libgdk-3|libgdk_pixbuf"
    r"|pyarrow/(include|src)/|pyarrow/.*\.(pxi|pxd|pyx|h|cc)$|libarrow_(flight|s3|gcs|azure)"
    r"|sklearn/datasets/(data|images|descr)/|sklearn/.*\.(pyx|pxd|pxi|h|cpp|c|tp)$"
    r"|matplotlib/mpl-data/sample_data|matplotlib/mpl-data/images/.*\.(pdf|svg)$"
    r"|pyqtgraph/(examples|colors/maps/.*\.lic)|(^|/)tests?/"
)
PATCHED: Final = frozenset(
    _words("numpy scipy sklearn pyogrio pyproj shapely rasterio PIL owa_epanet epanet")
)
"""packages whose libraries were changed after linking"""


def is_test(module: str) -> bool:
    """Whether a module belongs to a package's own tests or examples."""
    return bool({"tests", "test", "examples", "conftest", "trame"} & set(module.split(".")))


def is_ballast(path: str) -> bool:
    """Whether a file of the program is one nobody opens; `path` is relative to it."""
    return _BALLAST.search(path) is not None


def slim(binaries: Iterable[Entry]) -> tuple[list[Entry], list[str]]:
    """The binaries that stay, and the names of those that go."""
    rows = [row for row in binaries if not is_ballast(row[0])]
    wanted = _closure({Path(row[0]).name: row for row in rows}, rows)
    kept, dropped = [], []
    for row in rows:
        if _is_vtk(row[0]) and row[0] not in wanted:
            dropped.append(row[0])
        else:
            kept.append(row)
    return kept, dropped


def _is_vtk(path: str) -> bool:
    return path.startswith("vtkmodules/") or Path(path).name.startswith("libvtk")


def _closure(by_name: dict[str, Entry], rows: list[Entry]) -> set[str]:
    """Paths of the kept VTK modules and of all they link, however far away."""
    keep = {m for m in VTK_KEPT if "." not in m}
    open_ = [r for r in rows if _is_vtk(r[0]) and Path(r[0]).name.split(".")[0] in keep]
    found: set[str] = set()
    while open_:
        row = open_.pop()
        if row[0] in found:
            continue
        found.add(row[0])
        open_ += [by_name[n] for n in _needed(Path(row[1])) if n in by_name]
    return found


def _needed(library: Path) -> list[str]:
    """Names of the libraries an ELF file links."""
    shown = subprocess.run(
        ["objdump", "-p", str(library)], capture_output=True, text=True, check=False
    ).stdout
    return re.findall(r"^\s+NEEDED\s+(\S+)", shown, re.MULTILINE)


def tidy(program: Path) -> None:
    """Take debug symbols out of plainly linked libraries, and links out that lead nowhere."""
    inner = program / "_internal"
    for link in inner.rglob("*.so*"):
        if link.is_symlink() and not link.exists():
            link.unlink()
    for file in inner.rglob("*.so*"):
        if file.is_file() and not file.is_symlink() and _plainly_linked(file.relative_to(inner)):
            subprocess.run(["strip", "--strip-unneeded", str(file)], check=False)


def _plainly_linked(file: Path) -> bool:
    """Not one of a wheel whose libraries were renamed and patched: those lie in `NAME.libs`."""
    top = file.parts[0]
    return top not in PATCHED and not top.endswith(".libs")


if __name__ == "__main__":
    tidy(Path(sys.argv[1]))
