"""Merkle trees over batch hashes, as RFC 6962 builds them, and proofs that a leaf is in one.

A root says in 32 bytes which batches a segment holds. Whoever kept the root can check a single
batch offline from its proof, without the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256


def leaf(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over `leaves` (32 bytes); of none it is the hash of nothing."""
    if not leaves:
        return sha256(b"").digest()
    row = [leaf(data) for data in leaves]
    while len(row) > 1:
        paired = [node(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)]
        row = paired + row[len(paired) * 2 :]
    return row[0]


def proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes that lead from leaf `index` to the root, from the bottom up."""
    row, path = [leaf(data) for data in leaves], []
    while len(row) > 1:
        beside = index ^ 1
        if beside < len(row):
            path.append(row[beside])
        paired = [node(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)]
        row = paired + row[len(paired) * 2 :]
        index //= 2
    return path


def proven(data: bytes, index: int, size: int, path: Sequence[bytes], expected: bytes) -> bool:
    """Whether leaf `index` of a tree of `size` leaves is `data` under the root `expected`."""
    if not 0 <= index < size:
        return False
    found, last, left = leaf(data), size - 1, list(path)
    while last > 0:
        if index % 2 or index < last:
            if not left:
                return False
            beside = left.pop(0)
            found = node(beside, found) if index % 2 else node(found, beside)
        index, last = index // 2, last // 2
    return not left and found == expected
