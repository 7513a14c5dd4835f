"""Checks a proof made by `lamplighter prove`, without Lamplighter and without the project.

    python check_proof.py PROOF.json CONSOLE.pub

CONSOLE.pub is the public key you were given (64 hexadecimal characters; the project's own lies in
`keys/console.pub`). Needs the package `cryptography` for the signature, nothing else.
"""

import json
import sys
from hashlib import blake2b, sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def batch_hash(content: dict) -> bytes:
    digest = blake2b(bytes.fromhex(content["previous"]), digest_size=32)
    digest.update(bytes.fromhex(content["head"]))
    for name in ("messages", "registry", "points"):
        part = bytes.fromhex(content[name])
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.digest()


def root_of(leaf: bytes, index: int, leaves: int, path: list) -> bytes:
    found, last, left = sha256(b"\0" + leaf).digest(), leaves - 1, [bytes.fromhex(p) for p in path]
    while last > 0:
        if index % 2:
            found = sha256(b"\1" + left.pop(0) + found).digest()
        elif index < last:
            found = sha256(b"\1" + found + left.pop(0)).digest()
        index, last = index // 2, last // 2
    return b"" if left else found


def check(proof: dict, key_hex: str) -> str:
    """What is wrong, or nothing."""
    leaf, signed = bytes.fromhex(proof["hash"]), bytes.fromhex(proof["signed"])
    if proof["content"] is None or batch_hash(proof["content"]) != leaf:
        return "the batch's bytes are not those of its hash"
    root = root_of(leaf, proof["index"], proof["leaves"], proof["path"])
    if len(root) != 32 or root not in signed:
        return "the batch does not lead to what was signed"
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key_hex))
        key.verify(bytes.fromhex(proof["signature"]), signed)
    except (InvalidSignature, ValueError):
        return "the signature is not of this key"
    return ""


if __name__ == "__main__":
    wrong = check(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]).read_text().strip())
    print(f"NOT proven: {wrong}" if wrong else "proven: the batch is what the console recorded")
    sys.exit(bool(wrong))
