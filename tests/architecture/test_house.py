"""The rules of the house, readable: where a line belongs and what it may know."""

from __future__ import annotations

import ast
import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
APP = ROOT / "app" / "lamplighter"
ROOMS = {
    "ui", "cli", "field", "scene", "client", "runtime", "spatial", "sources", "pipeline", "store",
    "exchange", "twin", "alarms", "analytics", "scenarios", "governance", "workers",
    "plugin_host", "plugin_api", "domain",
}  # fmt: skip
SOURCES = sorted(APP.rglob("*.py"))


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Every statement at any depth; expressions, which are most of a tree, are left out."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield child
            yield from _statements(child)


@cache
def _imports(file: Path) -> frozenset[str]:
    names: set[str] = set()
    for node in _statements(_tree(file)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
    return frozenset(names)


def test_every_room_has_its_place_and_there_is_no_other() -> None:
    found = {p.name for p in APP.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert found == ROOMS


def test_every_module_says_why_it_exists() -> None:
    silent = [str(f.relative_to(ROOT)) for f in SOURCES if not ast.get_docstring(_tree(f))]
    assert silent == []


PICKLES = {
    "pickle", "cPickle", "pickle5", "joblib", "dill", "cloudpickle", "shelve", "marshal",
    "jsonpickle", "copyreg", "pickletools",
}  # fmt: skip


CALLED = ("pickle", "np.load", "numpy.load", "import_module", "__import__")
"""what stands in the text of every call that `_pickling_calls` finds"""


def _pickling_calls(text: str) -> list[str]:
    """Calls that would open or write a pickle without importing one."""
    if not any(word in text for word in CALLED):
        return []
    tree = ast.parse(text)
    found = []
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        words = {k.arg: k.value for k in call.keywords}
        allowed = words.get("allow_pickle")
        if isinstance(allowed, ast.Constant) and allowed.value is not False:
            found.append(f"{call.lineno}: allow_pickle")
        if name in {"read_pickle", "to_pickle"}:
            found.append(f"{call.lineno}: {name}")
        of = call.func.value if isinstance(call.func, ast.Attribute) else None
        of_numpy = isinstance(of, ast.Name) and of.id in {"np", "numpy"}
        if name == "load" and of_numpy and allowed is None:
            found.append(f"{call.lineno}: np.load without allow_pickle=False")
        if (name == "import_module" or getattr(call.func, "id", "") == "__import__") and call.args:
            given = call.args[0]
            if isinstance(given, ast.Constant) and str(given.value).split(".")[0] in PICKLES:
                found.append(f"{call.lineno}: imports {given.value}")
    return found


@pytest.mark.parametrize(
    "text",
    [
        "np.load(f)", "np.load(f, allow_pickle=True)", "pd.read_pickle(f)",
        "importlib.import_module('pickle')", "__import__('joblib')",
    ],
)  # fmt: skip
def test_a_pickle_by_another_way_is_found(text: str) -> None:
    assert _pickling_calls(text)


def test_opening_a_pickle_ends_the_attempt_and_nothing_else(tmp_path: Path) -> None:
    code = (
        "import io, pickle, pathlib\n"
        "from lamplighter.governance.no_pickle import PickleRefused, refuse_pickles\n"
        "class Canary:\n"
        "    def __reduce__(self): return pathlib.Path.touch, (pathlib.Path('canary'),)\n"
        "body = pickle.dumps(Canary())\n"
        "refuse_pickles()\n"
        "for load in (pickle.loads, pickle._loads):\n"
        "    try: load(body)\n"
        "    except PickleRefused as error: print(error)\n"
        "import numpy as np\n"
        "np.save('a.npy', np.array([Canary()], dtype=object))\n"
        "try: np.load('a.npy', allow_pickle=True)\n"
        "except Exception as error: print(type(error).__name__)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(APP.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )

    assert done.stdout.count("was not opened") == 2, done.stderr
    assert not (tmp_path / "canary").exists()


def test_the_program_refuses_pickles_before_it_does_anything() -> None:
    main = ast.parse((APP / "__main__.py").read_text(encoding="utf-8"))
    body = next(n for n in main.body if isinstance(n, ast.FunctionDef) and n.name == "main").body
    calls = [s for s in body if isinstance(s, ast.Expr) and isinstance(s.value, ast.Call)]
    assert getattr(calls[0].value.func, "id", "") == "refuse_pickles"  # type: ignore[attr-defined]


def test_no_pickle_and_no_pickling_connection() -> None:
    offenders = []
    for file in SOURCES:
        tops = {name.split(".")[0].lstrip("_") for name in _imports(file)}
        if tops & PICKLES or _imports(file) & {"numpy.lib.npyio", "sklearn.externals.joblib"}:
            offenders.append(f"{file.name}: imports a pickling module")
        offenders += [
            f"{file.name}:{line}" for line in _pickling_calls(file.read_text(encoding="utf-8"))
        ]
        if "multiprocessing.connection" in _imports(file):
            offenders += [
                f"{file.name}:{n.lineno}: {n.func.attr}() pickles"
                for n in ast.walk(_tree(file))
                if isinstance(n, ast.Call)
                and isinstance(n.func, ast.Attribute)
                and n.func.attr in {"send", "recv"}
            ]
    assert offenders == []


def test_only_ui_knows_qt_and_only_scene_and_readers_know_vtk() -> None:
    qt = {"PySide6", "PySide6QtAds", "pyqtgraph", "pyvistaqt", "qtpy", "qtawesome"}
    vtk = {"vtkmodules", "pyvista", "vtk"}
    offenders = []
    for file in SOURCES:
        room = file.relative_to(APP).parts[0]
        tops = {name.split(".")[0] for name in _imports(file)}
        if tops & qt and room != "ui":
            offenders.append(f"{file.relative_to(APP)} imports Qt")
        if tops & vtk and room not in {"scene", "spatial", "ui"}:
            offenders.append(f"{file.relative_to(APP)} imports VTK")
    assert offenders == []


@pytest.mark.parametrize("room", ["runtime", "cli"])
def test_importing_the_core_loads_nothing_heavy(room: str) -> None:
    code = f"import lamplighter.{room}, sys, json; print(json.dumps(sorted(sys.modules)))"
    if room == "cli":
        code = "import lamplighter.cli.app, sys, json; print(json.dumps(sorted(sys.modules)))"
    else:
        code = (
            "import lamplighter.runtime.recorder, sys, json; print(json.dumps(sorted(sys.modules)))"
        )
    env = {**os.environ, "PYTHONPATH": str(ROOT / "app")}
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True
    )
    loaded = {name.split(".")[0] for name in json.loads(out.stdout)}
    heavy = {"PySide6", "vtkmodules", "vtk", "pyvista", "sklearn", "scipy", "pandas", "pyproj"}
    assert loaded & heavy == set()


def test_no_reference_codes_and_no_machine_paths_in_what_people_read() -> None:
    import re

    pattern = re.compile(r"\b(G[0-4]\d|G50|row \d{1,3}|D1[0-2])\b|/work/|/root/")
    offenders = []
    for folder in ("app", "plugins", "resources/docs", "packaging", "tests"):
        for file in (ROOT / folder).rglob("*"):
            if file.suffix not in {".py", ".md", ".toml", ".sh"} or "lock" in file.parts:
                continue
            if file == Path(__file__):
                continue
            text = file.read_text(encoding="utf-8")
            if not pattern.search(text):
                continue
            for number, line in enumerate(text.splitlines(), 1):
                if pattern.search(line):
                    offenders.append(f"{file.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert offenders == []


def _set_names(file: Path) -> Iterator[tuple[str, str, str]]:
    """(module, name in it or "", attribute) of what a test sets in the program by assignment."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    known: dict[str, tuple[str, str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lamplighter"):
            known |= {a.asname or a.name: (str(node.module), a.name) for a in node.names}
    for node in ast.walk(tree):
        for target in node.targets if isinstance(node, ast.Assign) else ():
            if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
                module, name = known.get(target.value.id, ("", ""))
                if module:
                    yield module, name, target.attr


def _stands(module: str, name: str, attribute: str) -> bool:
    found = importlib.import_module(module)
    if not hasattr(found, name):
        found = importlib.import_module(f"{module}.{name}")
        return hasattr(found, attribute)
    return hasattr(getattr(found, name), attribute)


def test_what_a_fault_test_sets_in_the_program_is_there() -> None:
    """Setting a name that was moved changes nothing, and the test would be toothless unseen."""
    files = [f for room in ("faults", "kit") for f in sorted((ROOT / "tests" / room).glob("*.py"))]
    some = [f for f in files if re.search(r"^    \w+\.\w+ = ", f.read_text(encoding="utf-8"), re.M)]
    names = [(file.name, *name) for file in some for name in _set_names(file)]
    assert len(names) > 5
    assert [n for n in names if not _stands(*n[1:])] == []
