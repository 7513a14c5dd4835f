"""Proofs of single batches, checked by the script that others are given."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.unit.store.store_kit import Bench, names, simple

from lamplighter.domain.problems import LamplighterError
from lamplighter.governance.keys import public_hex
from lamplighter.store import merkle
from lamplighter.store.sealer import Sealer

SCRIPT = Path(__file__).parents[3] / "resources" / "tools" / "check_proof.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_proof", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_every_leaf_of_every_size_is_proven_and_no_other() -> None:
    for size in range(1, 20):
        leaves = [bytes([n]) * 32 for n in range(size)]
        root = merkle.root(leaves)
        for index in range(size):
            path = merkle.proof(leaves, index)
            assert merkle.proven(leaves[index], index, size, path, root)
            assert not merkle.proven(b"x" * 32, index, size, path, root)
            assert not merkle.proven(leaves[index], (index + 1) % 20, size, path, root) or size == 1


def test_the_root_of_three_leaves_is_built_as_the_standard_says() -> None:
    a, b, c = (merkle.leaf(x) for x in (b"a", b"b", b"c"))
    assert merkle.root([b"a", b"b", b"c"]) == merkle.node(merkle.node(a, b), c)


def test_a_sealed_batch_is_proven_offline_and_any_change_is_seen(
    bench: Bench, script: ModuleType
) -> None:
    for seq in range(140):
        rows = [(k % 3, bench.clock.wall_ms() + k, seq + k / 10) for k in range(9)]
        bench.commit(simple(seq, rows, **(names(3) if not seq else {})))
        bench.clock.advance(60_000)
    key = Ed25519PrivateKey.generate()
    made = Sealer(bench.folder, bench.store.writer, bench.clock, sign=key.sign)
    made.seal()
    made.close()
    for batch in (1, 2, 60, 61, 100):
        proof = json.loads(json.dumps(bench.store.proof(batch)))
        assert script.check(proof, public_hex(key)) == ""
        other = public_hex(Ed25519PrivateKey.generate())
        assert "signature" in script.check(proof, other)
        body = proof["content"]["points"]
        changed = proof | {"content": proof["content"] | {"points": body[:-2] + "00"}}
        assert body.endswith("00") or "bytes" in script.check(changed, public_hex(key))
        moved = proof | {"index": proof["index"] ^ 1}
        assert "lead" in script.check(moved, public_hex(key))
    with pytest.raises(LamplighterError):
        bench.store.proof(140)
