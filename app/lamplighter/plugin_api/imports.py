"""What a plugin's Python file may import: checked on its syntax tree, without running it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

ALLOWED_ROOMS: Final = ("lamplighter.plugin_api", "lamplighter.domain")
_BARRED: Final = frozenset({"pickle", "marshal", "shelve", "ctypes", "importlib", "imp", "runpy"})
_BARRED_CALLS: Final = frozenset({"__import__", "eval", "exec", "compile"})


def import_faults(file: Path, engines: Iterable[str]) -> list[str]:
    """What the file imports beyond the standard library, its engines and the two open rooms.

    One line per fault, with its line number; empty when there is none. A file that cannot be
    parsed is one fault. This keeps honest plugins honest; what a dishonest one may do is limited
    by the worker it runs in.
    """
    try:
        tree = ast.parse(file.read_bytes(), file.name)
    except (SyntaxError, ValueError, OSError) as error:
        return [f"{file.name}: cannot be read as Python ({error})"]
    known = frozenset(engines)
    faults = []
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        faults += [
            f"{file.name}:{line}: imports {name}"
            for name in _imported(node)
            if not _allowed(name, known)
        ]
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in _BARRED_CALLS
        ):
            faults.append(f"{file.name}:{line}: calls {node.func.id}()")
    return faults


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        if node.level:
            return ["." * node.level + (node.module or "")]
        if node.module == "lamplighter":
            return [f"lamplighter.{alias.name}" for alias in node.names]
        return [node.module or ""]
    return []


def _allowed(name: str, engines: frozenset[str]) -> bool:
    top = name.split(".")[0]
    if top == "lamplighter":
        return any(name == room or name.startswith(room + ".") for room in ALLOWED_ROOMS)
    if top in _BARRED:
        return False
    return top in sys.stdlib_module_names or top in engines
