"""Loads a plugin's Python file by its path, and says what such a file offers.

Only workers and the field simulator call `load_module`: the core never runs a plugin's code.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from lamplighter.domain.importing import ImportedNetwork
from lamplighter.domain.problems import fault
from lamplighter.plugin_api.imports import import_faults
from lamplighter.plugin_api.modelling import ExpectedColumns, ModelInputs

PACKAGE: Final = "lamplighter_plugins"
Columns = Mapping[str, npt.NDArray[np.float64]]
"""by quantity, each as long as the network has elements of that sort"""


@runtime_checkable
class Simulator(Protocol):
    """What `simulator.py` offers at module level; one simulation per process."""

    def start(self, network: Any) -> object:
        """Take the network (plain values, or a path for engines that read files)."""
        ...

    def step(self, t: float, inputs: Any) -> Any:
        """Columns at `t` seconds from the start, under these inputs."""
        ...


@runtime_checkable
class Importer(Protocol):
    """What `importer.py` offers at module level."""

    EXTENSIONS: Sequence[str]
    """endings it reads, lower case, with their dot"""

    def read(self, path: Path) -> ImportedNetwork:
        """Raises ValueError with one readable line when the file is none of its own."""
        ...


@runtime_checkable
class Model(Protocol):
    """What `model.py` offers at module level.

    Called in a worker at the start and about halfway through the validity of its last answer,
    with at most `MODEL_SECONDS` to answer. What it answers is checked before it is used; until it
    answers, and whenever it abstains, the core's own expectation holds.
    """

    def expected(self, inputs: ModelInputs) -> ExpectedColumns:
        """Coefficients or physics of what the plugin's own datastreams should read."""
        ...


class _SourceAlone(SourceFileLoader):
    """Runs the given content of a file: compiled copies beside it were never signed."""

    def __init__(self, name: str, file: Path, content: bytes) -> None:
        super().__init__(name, str(file))
        self._content = content

    def path_stats(self, path: str) -> Mapping[str, Any]:
        raise OSError("compiled copies are not used")

    def get_data(self, path: str) -> bytes:
        return self._content


def load_module(
    plugin: str, file: Path, engines: Sequence[str] | None = None, sha256: str = ""
) -> ModuleType:
    """The file as module `lamplighter_plugins.<plugin>.<stem>`; plugin folders are no packages.

    With `engines` given, its imports are checked first; with `sha256`, that its content is what
    was checked before. Raises LamplighterError: P-602 when it is other content, P-605 when it
    imports what it may not, or when running it fails.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise fault("P-605", name=plugin, what=f"{file.name} cannot be read ({error})") from None
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise fault("P-602", name=plugin)
    if engines is not None and (faults := import_faults(file, engines)):
        raise fault("P-605", name=plugin, what="; ".join(faults[:3]))
    name = f"{PACKAGE}.{plugin}.{file.stem}"
    loader = _SourceAlone(name, file, content)
    spec = importlib.util.spec_from_file_location(name, file, loader=loader)
    assert spec is not None and spec.loader is not None
    for package in (PACKAGE, f"{PACKAGE}.{plugin}"):
        if package not in sys.modules:
            holder = ModuleType(package)
            holder.__path__ = []
            sys.modules[package] = holder
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        what = f"{file.name} failed to start ({type(error).__name__}: {error})"
        raise fault("P-605", name=plugin, what=what) from error
    return module
