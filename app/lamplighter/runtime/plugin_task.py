"""Runs a function of a plugin's Python file inside a worker; never imported by the core itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct

from lamplighter.domain.task import Progress
from lamplighter.plugin_api.code import load_module
from lamplighter.plugin_api.modelling import ModelInputs


class PluginCall(Struct, frozen=True):
    """Which function of which file, with plain arguments by name."""

    plugin: str
    """the plugin's id"""
    file: str
    """absolute path of its Python file; must stand among the task's `reads`"""
    function: str
    arguments: dict[str, Any] = {}
    engines: tuple[str, ...] | None = None
    """engines its manifest names; with them the file's imports are checked before it runs"""


def call(payload: PluginCall, progress: Progress) -> Any:
    """The function's value. A parameter called `progress` is handed the task's progress.

    Raises whatever the plugin raises, which the worker's loop words, and LamplighterError (P-605)
    when the file cannot be loaded.
    """
    module = load_module(payload.plugin, Path(payload.file), payload.engines)
    function = getattr(module, payload.function)
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    extra: dict[str, Any] = {"progress": progress} if "progress" in names else {}
    return function(**payload.arguments, **extra)


class ModelCall(Struct, frozen=True):
    """A plugin's model and what it is asked about."""

    plugin: str
    file: str
    """absolute path of its `model.py`; must stand among the task's `reads`"""
    sha256: str
    """of what was checked; other content is not run"""
    engines: tuple[str, ...]
    inputs: ModelInputs


def expected(payload: ModelCall, progress: Progress) -> Any:
    """What the model's `expected` returns; the caller decodes and checks it.

    Raises whatever the plugin raises, and LamplighterError when it cannot be loaded (P-605) or is
    not what was checked (P-602).
    """
    module = load_module(payload.plugin, Path(payload.file), payload.engines, payload.sha256)
    return module.expected(payload.inputs)
