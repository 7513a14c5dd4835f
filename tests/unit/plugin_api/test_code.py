"""A plugin's Python file: what it may import, and that it is loaded by its path."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import py_compile
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lamplighter.domain.problems import LamplighterError
from lamplighter.plugin_api import Simulator, import_faults, load_module


@pytest.fixture(autouse=True)
def _forget_modules() -> Iterator[None]:
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("lamplighter_plugins"):
            del sys.modules[name]


def _file(folder: Path, text: str, name: str = "simulator.py") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    "line",
    [
        "import math, json",
        "from collections import abc",
        "import numpy as np",
        "from lamplighter.domain.city import Asset",
        "from lamplighter.plugin_api import Kind",
        "from lamplighter import domain",
        "from __future__ import annotations",
    ],
)
def test_what_a_plugin_may_import(tmp_path: Path, line: str) -> None:
    assert import_faults(_file(tmp_path, line + "\n"), ["numpy"]) == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("import requests", "imports requests"),
        ("import numpy.linalg, PySide6.QtCore", "imports PySide6.QtCore"),
        ("from lamplighter.store import Store", "imports lamplighter.store"),
        ("from lamplighter import store", "imports lamplighter.store"),
        ("import lamplighter", "imports lamplighter"),
        ("from lamplighter.plugin_apix import y", "imports lamplighter.plugin_apix"),
        ("from . import other", "imports ."),
        ("from .other import x", "imports .other"),
        ("import pickle", "imports pickle"),
        ("import importlib", "imports importlib"),
        ("def f():\n    import ctypes", ":2: imports ctypes"),
        ("m = __import__('os')", "calls __import__()"),
        ("exec('import os')", "calls exec()"),
        ("def broken(:", "cannot be read as Python"),
    ],
)
def test_what_a_plugin_may_not_do(tmp_path: Path, line: str, says: str) -> None:
    (fault,) = import_faults(_file(tmp_path, line + "\n"), ["numpy"])
    assert says in fault and fault.startswith("simulator.py")


def test_a_file_is_loaded_by_its_path_under_the_plugins_own_name(tmp_path: Path) -> None:
    file = _file(tmp_path, "def start(network):\n    pass\ndef step(t, inputs):\n    return {}\n")
    module = load_module("demo", file, [])
    assert module.__name__ == "lamplighter_plugins.demo.simulator"
    assert isinstance(module, Simulator)
    assert str(tmp_path) not in sys.path


def test_two_plugins_with_the_same_file_name_do_not_meet(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one = load_module("a", _file(tmp_path / "a", "NAME = 'a'\n"), [])
    two = load_module("b", _file(tmp_path / "b", "NAME = 'b'\n"), [])
    assert (one.NAME, two.NAME) == ("a", "b")


def test_a_forbidden_import_is_refused_before_the_file_runs(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    file = _file(tmp_path, f"open({str(mark)!r}, 'w').close()\nimport socketserver2\n")
    with pytest.raises(LamplighterError, match="P-605"):
        load_module("demo", file, [])
    assert not mark.exists()


def test_a_file_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    file = _file(tmp_path, "raise RuntimeError('no licence')\n")
    with pytest.raises(LamplighterError, match="RuntimeError: no licence"):
        load_module("broken", file, [])
    assert "lamplighter_plugins.broken.simulator" not in sys.modules


def test_a_compiled_copy_beside_the_file_is_never_run(tmp_path: Path) -> None:
    real = tmp_path / "model.py"
    real.write_text("ANSWER = 'signed'\n")
    stamp = real.stat()
    real.write_text("ANSWER = 'forged'\n")
    os.utime(real, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    copy = py_compile.compile(str(real), importlib.util.cache_from_source(str(real)))
    real.write_text("ANSWER = 'signed'\n")
    os.utime(real, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))

    module = load_module("copied", real)

    assert copy is not None
    assert module.ANSWER == "signed"


def test_only_the_content_that_was_checked_is_run(tmp_path: Path) -> None:
    file = _file(tmp_path, "ANSWER = 'checked'\n")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert load_module("kept", file, [], digest).ANSWER == "checked"

    file.write_text("raise SystemExit('ran')\n")
    with pytest.raises(LamplighterError) as caught:
        load_module("kept", file, [], digest)
    assert caught.value.problem.code == "P-602"
