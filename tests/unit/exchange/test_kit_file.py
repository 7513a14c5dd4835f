"""A file that is no sound kit is refused with one line, before anything is taken from it."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

import msgspec
import pytest
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.kit.field_town import chunk

from lamplighter.domain.problems import LamplighterError
from lamplighter.exchange import kit_file
from lamplighter.exchange.kit_file import KitFile, KitWriter, Paper
from lamplighter.exchange.kit_points import pack, unpack
from lamplighter.governance.keys import public_hex

KEY = Ed25519PrivateKey.generate()
FOOTER = struct.Struct("<QI32s64s8s")


def paper(**more: object) -> Paper:
    return Paper(kit="ab" * 16, store="s", name="Office", made_ms=1, scope="all", **more)  # type: ignore[arg-type]


def written(file: Path, passphrase: str = "", **more: object) -> Path:
    writer = KitWriter(file, "ab" * 16, passphrase)
    writer.add("facts", "edit", b"a" * 5000)
    writer.add("file", "media/x", b"content")
    writer.finish(paper(**more), bytes.fromhex(public_hex(KEY)), lambda data: KEY.sign(data))
    return file


def forged(file: Path, change: Callable[[Paper], Paper], blob: bytes = b"") -> Path:
    """A kit whose list says something else, signed by somebody who holds a key."""
    with KitFile(written(file)) as kit:
        made, head = change(kit.paper), kit._head_bytes
        body = file.read_bytes()
    at = FOOTER.unpack(body[-FOOTER.size :])[0]
    frames = blob or body[len(head) : at]
    text = zstandard.ZstdCompressor().compress(msgspec.json.encode(made))
    at = len(head) + len(frames)
    digest = blake2b(head + at.to_bytes(8, "big") + text, digest_size=32).digest()
    end = FOOTER.pack(
        at, len(text), bytes.fromhex(public_hex(KEY)), KEY.sign(b"lamplighter kit\n" + digest),
        b"LAMPKEND",
    )  # fmt: skip
    file.write_bytes(head + frames + text + end)
    return file


def refused(file: Path, passphrase: str = "") -> str:
    """The one line; reads everything there is."""
    with pytest.raises(LamplighterError) as found, KitFile(file, passphrase) as kit:
        kit.check()
        for number in range(len(kit.paper.frames)):
            kit.read(number)
    text = str(found.value)
    assert found.value.problem.code == "A-422" and "\n" not in text
    return text


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    for words in ("", "secret"):
        with KitFile(written(tmp_path / "k", words), words) as kit:
            kit.check()
            assert (kit.read(0), kit.read(1)) == (b"a" * 5000, b"content")
            assert kit.key == public_hex(KEY) and kit.paper.name == "Office"


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    body = written(tmp_path / "k").read_bytes()
    for length in [*range(0, len(body), 37), len(body) - 1]:
        (tmp_path / "k").write_bytes(body[:length])
        refused(tmp_path / "k")


def test_any_changed_byte_is_found(tmp_path: Path) -> None:
    body = written(tmp_path / "k").read_bytes()
    for at in range(0, len(body), 11):
        (tmp_path / "k").write_bytes(body[:at] + bytes([body[at] ^ 4]) + body[at + 1 :])
        refused(tmp_path / "k")


def test_a_wrong_passphrase_and_none_are_told(tmp_path: Path) -> None:
    file = written(tmp_path / "k", "right")
    assert "passphrase" in refused(file) and "passphrase" in refused(file, "wrong")


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "media/../../x", "audit.db",
                                  "media/a\\..\\b", "keys/console.key", "media//x"])  # fmt: skip
def test_a_path_that_leads_outside_is_refused(tmp_path: Path, name: str) -> None:
    file = forged(tmp_path / "k", lambda p: msgspec.structs.replace(p, files={name: "0" * 64}))
    assert "outside" in refused(file)


def test_a_frame_that_unpacks_to_more_than_it_says_is_refused(tmp_path: Path) -> None:
    bomb = zstandard.ZstdCompressor().compress(b"\0" * (40 << 20))
    unsized = zstandard.ZstdCompressor(write_content_size=False).compress(b"\0" * (4 << 20))
    for blob, plain in ((bomb, 1000), (unsized, 1000), (bomb, 40 << 20)):
        digest = blake2b(blob, digest_size=16).hexdigest()

        def lie(one: Paper, blob: bytes = blob, plain: int = plain, digest: str = digest) -> Paper:
            frame = msgspec.structs.replace(one.frames[0], size=len(blob), plain=plain, hash=digest)
            return msgspec.structs.replace(one, frames=(frame,))

        refused(forged(tmp_path / "k", lie, blob))


def test_frames_that_are_not_where_the_list_says_are_refused(tmp_path: Path) -> None:
    file = forged(
        tmp_path / "k", lambda p: msgspec.structs.replace(p, frames=(p.frames[1], p.frames[0]))
    )
    refused(file)


@pytest.mark.parametrize(("version", "word"), [(2, "newer"), (0, "older"), ("x", "older")])
def test_another_format_is_told_as_such(tmp_path: Path, version: object, word: str) -> None:
    head = json.dumps({"format": version, "kit": "x", "what": "else"}).encode()
    (tmp_path / "k").write_bytes(kit_file.MAGIC + struct.pack("<I", len(head)) + head + b"\0" * 300)
    assert word in refused(tmp_path / "k")


def test_no_kit_at_all(tmp_path: Path) -> None:
    for body in (b"", b"PK\x03\x04 a zip", b"LAMPKIT\n\xff\xff\xff\xff", b"LAMPKIT\n\x02\0\0\0{}"):
        (tmp_path / "k").write_bytes(body)
        refused(tmp_path / "k")
    refused(tmp_path / "missing")
    refused(tmp_path)


def test_points_whose_indexes_lead_outside_are_refused() -> None:
    good = pack(chunk("s", 1, 0, [("a", 1, 1.0), ("b", 2, 2.0)]))
    assert len(unpack(good).points.value) == 2
    rows = msgspec.msgpack.decode(good)
    for column, text in (("stream", b"\xff" * 8), ("message", b"\x07" * 8), ("value", b"\0")):
        bad = dict(rows, columns=dict(rows["columns"], **{column: text}))
        with pytest.raises(ValueError):
            unpack(msgspec.msgpack.encode(bad))
