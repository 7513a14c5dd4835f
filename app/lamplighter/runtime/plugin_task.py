"""Runs a function of a plugin's Python file inside a worker; never imported by the core itself."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from msgspec import Struct

from lamplighter.domain.task import Progress


class PluginCall(Struct, frozen=True):
    """Which function of which file, with plain arguments by name."""

    plugin: str
    """the plugin's id"""
    file: str
    """absolute path of its Python file; must stand among the task's `reads`"""
    function: str
    arguments: dict[str, Any] = {}


def call(payload: PluginCall, progress: Progress) -> Any:
    """The function's value. A parameter called `progress` is handed the task's progress.

    Raises whatever the plugin raises; the worker's loop words it.
    """
    module = load(payload.plugin, Path(payload.file))
    function = getattr(module, payload.function)
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    extra: dict[str, Any] = {"progress": progress} if "progress" in names else {}
    return function(**payload.arguments, **extra)


def load(plugin: str, file: Path) -> Any:
    """The plugin's file as module `lamplighter_plugins.<id>.<stem>`. Raises ImportError."""
    name = f"lamplighter_plugins.{plugin}.{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file.name} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
