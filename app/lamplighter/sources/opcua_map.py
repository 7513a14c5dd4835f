"""Which nodes of an OPC UA server are read, under which names, and with which security.

name = "plant"
security = "encrypt"             # encrypt | sign | none; there is no default
policy = "Basic256Sha256"        # or Aes128Sha256RsaOaep, Aes256Sha256RsaPss
publishing_s = 0.5
browse = ["ns=2;s=Plant"]        # every variable below; default without nodes: all objects

[[nodes]]
node = "nsu=http://plant;s=P1.Speed"    # or ns=2;i=7
datastream = "P-1/speed"
unit = "rpm"
sampling_s = 0.1
deadband = 0.5
queue = 100
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import Any, Final

from lamplighter.domain.problems import LamplighterError, fault

SECURITIES: Final = ("encrypt", "sign", "none")
POLICIES: Final = ("Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss")
MOST_NODES: Final = 20_000
QUEUE: Final = 100
_KEYS: Final = {
    "name", "security", "policy", "publishing_s", "browse", "nodes", "properties",
}  # fmt: skip
_NODE: Final = re.compile(r"(?:ns=\d{1,5};|nsu=[^;]+;)?[isgb]=.+", re.S)


@dataclass(frozen=True, slots=True)
class NodeWish:
    """One node to read."""

    node: str
    name: str = ""
    """datastream; empty: the path of its browse names"""
    unit: str = ""
    sampling_s: float | None = None
    deadband: float = 0.0
    queue: int = QUEUE


@dataclass(frozen=True, slots=True)
class NodeMap:
    """A checked map; without nodes everything below `browse` is read."""

    name: str = ""
    security: str = ""
    policy: str = POLICIES[0]
    publishing_s: float = 0.5
    browse: tuple[str, ...] = ()
    nodes: tuple[NodeWish, ...] = ()
    properties: bool = False


def read_node_map(text: str) -> NodeMap:
    """A node map from its text. Raises LamplighterError (U-801) that names what is wrong."""
    try:
        return _map(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValueError, TypeError, KeyError) as error:
        raise _bad(str(error)) from None


def _map(tree: dict[str, Any]) -> NodeMap:
    _only(
        tree,
        {"name", "security", "policy", "publishing_s", "browse", "nodes", "properties"},
        "the node map",
    )
    rows = tree.get("nodes", [])
    if not isinstance(rows, list) or not all(isinstance(r, dict) for r in rows):
        raise ValueError("'nodes' must be tables [[nodes]]")
    if len(rows) > MOST_NODES:
        raise ValueError(f"more than {MOST_NODES:,} nodes")
    browse = tree.get("browse", [])
    browse = [browse] if isinstance(browse, str) else browse
    security = str(tree.get("security", ""))
    if security and security not in SECURITIES:
        raise ValueError(f"security '{security}' is not known ({', '.join(SECURITIES)})")
    return NodeMap(
        str(tree.get("name", "")),
        security,
        policy_of(str(tree.get("policy", POLICIES[0]))),
        _number(tree, "publishing_s", 0.5, 0.01, 3600.0),
        tuple(checked_node(str(b)) for b in browse),
        tuple(_wish(row) for row in rows),
        tree.get("properties", False) is True,
    )


def _wish(row: dict[str, Any]) -> NodeWish:
    known = {"node", "datastream", "unit", "sampling_s", "deadband", "queue"}
    _only(row, known, "[[nodes]]")
    if "node" not in row:
        raise ValueError("'node' is missing in [[nodes]]")
    sampling = row.get("sampling_s")
    return NodeWish(
        checked_node(str(row["node"])),
        str(row.get("datastream", "")),
        str(row.get("unit", "")),
        None if sampling is None else _number(row, "sampling_s", 0.0, 0.0, 3600.0),
        _number(row, "deadband", 0.0, 0.0, 1e12),
        int(_number(row, "queue", QUEUE, 1, 100_000)),
    )


def checked_node(text: str) -> str:
    """The id of a node as it is written. Raises ValueError when it is none."""
    if _NODE.fullmatch(text.strip()) is None:
        raise ValueError(f"'{text}' is no node (ns=2;s=Name, nsu=http://...;i=7)")
    return text.strip()


def policy_of(text: str) -> str:
    """A security policy that is still considered safe. Raises ValueError for any other."""
    if text not in POLICIES:
        raise ValueError(f"policy '{text}' is not known or not safe ({', '.join(POLICIES)})")
    return text


def _number(tree: dict[str, Any], key: str, default: float, low: float, high: float) -> float:
    value = tree.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"'{key}' is {value!r}, possible is {low:g} to {high:g}")
    return float(value)


def _only(tree: dict[str, Any], known: set[str], where: str) -> None:
    odd = sorted(set(tree) - known)
    if odd:
        raise ValueError(f"'{odd[0]}' is unknown in {where}")


def _bad(what: str) -> LamplighterError:
    return fault("U-801", what=f"The node map cannot be used: {what}", name="feed")
