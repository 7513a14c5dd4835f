"""What lies inside a model file, looked at before anything is built from it.

A model file is a zip with a description of objects (`schema.json`) and plain arrays. The look is
a list of what may be there: archives of bounded size, names without a path, nodes of a few kinds,
types of the learning library and of numpy. It runs before the library that loads the file, so a
fault of that library's own list does not open the door.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

MOST_ENTRIES: Final = 20_000
MOST_UNPACKED: Final = 600_000_000
MOST_SCHEMA: Final = 64_000_000
SCHEMA: Final = "schema.json"

_PLAIN: Final = frozenset({"DictNode", "ListNode", "TupleNode", "SetNode", "JsonNode", "TypeNode"})
_ARRAYS: Final = frozenset(
    {"NdArrayNode", "DTypeNode", "RandomStateNode", "RandomGeneratorNode", "TypeNode", "JsonNode"}
)
_LEARNT: Final = frozenset({"ObjectNode", "TreeNode", "LossNode", "TypeNode"})
_BUILT_IN: Final = frozenset(
    {"dict", "list", "tuple", "set", "str", "int", "float", "bool", "NoneType", "type"}
)
_RUNS_CODE: Final = frozenset({"FunctionTransformer", "Memory"})
"""types of the learning library that call whatever they were given"""


class NotAllowed(Exception):
    """What the file holds that no model file may hold, in a few words."""


def look_at_model(file: Path) -> None:
    """Raises NotAllowed, or what zipfile and json raise for a broken file."""
    with zipfile.ZipFile(file) as archive:
        _bounds(archive)
        if archive.getinfo(SCHEMA).file_size > MOST_SCHEMA:
            raise NotAllowed("a description larger than any model needs")
        tree = json.loads(archive.read(SCHEMA))
        for kind in nodes(tree):
            _allow(*kind)
        for name in archive.namelist():
            if name.endswith(".npy"):
                with archive.open(name) as opened:
                    _array(opened, archive.getinfo(name).file_size)


def look_at_tables(file: Path) -> None:
    """The same for a file of plain arrays."""
    with zipfile.ZipFile(file) as archive:
        _bounds(archive)
        for info in archive.infolist():
            if not info.filename.endswith(".npy"):
                raise NotAllowed(f"a part {info.filename[:40]!r} that is no array")
            with archive.open(info) as opened:
                _array(opened, info.file_size)


def nodes(tree: Any) -> Iterator[tuple[str, str, str]]:
    """(module, class, loader) of every node, without recursion."""
    left = [tree]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            if "__loader__" in node or "__class__" in node or "__module__" in node:
                yield tuple(  # type: ignore[misc]
                    str(node.get(k, "")) for k in ("__module__", "__class__", "__loader__")
                )
            left += node.values()
        elif isinstance(node, list):
            left += node


def write_same(raw: bytes, out: Path) -> None:
    """Write a model file so that the same model is the same bytes, whenever and wherever made.

    The library names objects by where they lay in memory and stamps its parts with the time; here
    they are numbered in their order, and the time is a fixed one.
    """
    numbers: dict[str, int] = {}

    def number(name: object) -> int:
        return numbers.setdefault(str(name), len(numbers) + 1)

    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        tree = json.loads(archive.read(SCHEMA))
        named: dict[str, str] = {}
        for node in _dicts(tree):
            if "__id__" in node:
                node["__id__"] = number(node["__id__"])
            if isinstance(node.get("file"), str):
                stem, _, ending = node["file"].rpartition(".")
                named[node["file"]] = f"{number(stem)}.{ending}"
                node["file"] = named[node["file"]]
        parts = {SCHEMA: json.dumps(tree).encode()}
        parts |= {named.get(n, n): archive.read(n) for n in archive.namelist() if n != SCHEMA}
    with zipfile.ZipFile(out, "w") as made:
        for name in sorted(parts):
            info = zipfile.ZipInfo(name)  # of 1980, as all are
            info.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(info, parts[name])


def _dicts(tree: Any) -> Iterator[dict[str, Any]]:
    """Every dictionary of a description, in the order in which it stands there."""
    left = [tree]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            yield node
            left += reversed(list(node.values()))
        elif isinstance(node, list):
            left += reversed(node)


def _allow(module: str, name: str, loader: str) -> None:
    room = module.partition(".")[0]
    if loader == "CachedNode" and room in {"builtins", "numpy", "sklearn"}:
        return
    if room == "builtins" and module == "builtins":
        fine = loader in _PLAIN and name in _BUILT_IN
    elif room == "numpy":
        fine = loader in _ARRAYS
    elif room == "sklearn":
        fine = loader in _LEARNT and name not in _RUNS_CODE
    else:
        fine = False
    if not fine:
        raise NotAllowed(f"{module}.{name} ({loader or 'no kind'})"[:120])


def _bounds(archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    if len(entries) > MOST_ENTRIES:
        raise NotAllowed(f"{len(entries):,} parts")
    names = [one.filename for one in entries]
    if len(set(names)) < len(names):
        raise NotAllowed("two parts of one name")
    for name in names:
        if Path(name).name != name or "\\" in name or name.startswith("."):
            raise NotAllowed(f"a part with a path, {name[:40]!r}")
    if sum(one.file_size for one in entries) > MOST_UNPACKED:
        raise NotAllowed("far more than a model when it is unpacked")


def _array(opened: IO[bytes], size: int) -> None:
    """Whether an array is of plain numbers or text, and as large as its part."""
    form = np.lib.format
    version = form.read_magic(opened)
    read = form.read_array_header_1_0 if version == (1, 0) else form.read_array_header_2_0
    shape, _, dtype = read(opened)
    if dtype.hasobject:
        raise NotAllowed("an array of objects")
    count = 1
    for length in shape:
        count *= int(length)
    if count * dtype.itemsize > size:
        raise NotAllowed(f"an array of {count:,} values in {size:,} bytes")
