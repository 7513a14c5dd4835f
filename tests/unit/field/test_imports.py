"""The field simulator is a device: it knows the shared words and nothing of the console's core."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOM = Path(__file__).parents[3] / "app" / "lamplighter" / "field"
OPEN_ROOMS = ("lamplighter.domain", "lamplighter.plugin_api", "lamplighter.field")
LIBRARIES = {"numpy", "paho", "amqtt", "cryptography", "msgspec"}


def imported(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.name} imports relatively"
            names |= (
                {f"lamplighter.{alias.name}" for alias in node.names}
                if node.module == "lamplighter"
                else {node.module or ""}
            )
    return names


@pytest.mark.parametrize("file", sorted(ROOM.glob("*.py")), ids=lambda f: f.name)
def test_imports_nothing_of_the_core(file: Path) -> None:
    for name in imported(file):
        top = name.partition(".")[0]
        if top == "lamplighter":
            assert any(name == r or name.startswith(r + ".") for r in OPEN_ROOMS), name
        else:
            assert top in sys.stdlib_module_names or top in LIBRARIES, name
