"""A proof that one sealed batch is what was recorded, for somebody who has only the console's key.

It holds the batch as bytes, the path of hashes from it to its segment's Merkle root, and what the
console signed. Nothing of the project is needed to check it: `resources/tools/check_proof.py` does.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import numpy as np

from lamplighter.domain.problems import fault
from lamplighter.store import blob, catalogue, merkle, sealed
from lamplighter.store.replay import RecordedBatch, hash_at, recorded
from lamplighter.store.slices import HeadExtra, Heads
from lamplighter.store.verify_sealed import leaves_of

FORMAT = "lamplighter batch proof 1"


def proof_of(sql: sqlite3.Connection, number: int) -> dict[str, Any]:
    """Plain values; bytes as hexadecimal text. Raises LamplighterError (U-804) for a batch that is
    not sealed, expired or damaged.
    """
    found = catalogue.rows(sql, "state='sealed' AND from_batch<=? AND to_batch>=?", (number,) * 2)
    if not found:
        why = "it is not sealed yet, has expired, or there is none of this number"
        raise fault("U-804", name=f"A proof of batch {number}", what=why)
    about = found[0]
    try:
        segment = sealed.open_segment(sql, about.name)
        heads = Heads.join([segment.heads(row.n) for row in segment.slices()])
        batch = next(iter(recorded(sql, number - 1, number)))
    except (*sealed.DAMAGED, StopIteration):
        raise fault("U-804", name=f"A proof of batch {number}", what="it is damaged") from None
    extra = {e.number: e for e in heads.extras}.get(number)
    owner = (extra.origin_store if extra else None) or ""
    leaves = leaves_of(heads, heads.first, heads.last)[owner]
    owners = {e.number: e.origin_store for e in heads.extras if e.origin_store}
    index = sum(owners.get(n, "") == owner for n in range(heads.first, number))
    return {
        "format": FORMAT,
        "batch": number,
        "hash": heads.hash_of(number).hex(),
        "content": _content(sql, heads, batch, extra),
        "index": index,
        "leaves": len(leaves),
        "path": [step.hex() for step in merkle.proof(leaves, index)],
        "root": merkle.root(leaves).hex(),
        "segment": about.name,
        "signed": catalogue.statement(about).hex(),
        "signature": about.signature.hex(),
    }


def _content(
    sql: sqlite3.Connection, heads: Heads, batch: RecordedBatch, extra: HeadExtra | None
) -> dict[str, Any] | None:
    """The bytes the batch's hash is over; None when they cannot be made again exactly."""
    at = batch.number - heads.first
    first = batch.number == heads.first
    previous = hash_at(sql, batch.number - 1) if first else heads.hash_of(batch.number - 1)
    if previous is None:
        previous = blob.NO_HASH
    columns = (heads.wall_ms, heads.monotonic_ns, heads.count, heads.messages,
               heads.first_ms, heads.last_ms)  # fmt: skip
    head = (batch.number, *(int(c[at]) for c in columns))
    messages = blob.message_bytes([blob.message_row(m) for m in batch.messages])
    body = blob.encode(batch.points) if len(batch.points) else b""
    registry = extra.registry if extra else None
    if blob.chain(previous, head, messages, body, registry) != heads.hash_of(batch.number):
        return None
    return {
        "previous": previous.hex(),
        "head": np.asarray(head, "<i8").tobytes().hex(),
        "messages": messages.hex(),
        "registry": (registry or b"").hex(),
        "points": body.hex(),
    }
