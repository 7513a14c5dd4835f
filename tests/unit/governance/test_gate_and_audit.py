"""The gate lets through only what every condition allows; the audit record shows any change."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lamplighter.domain.clock import SystemClock
from lamplighter.domain.command import CommandRequest
from lamplighter.domain.problems import Problem
from lamplighter.governance.audit import AuditFile, newest_entries, verify
from lamplighter.governance.gate import Interlock, Mode, Permit, Situation, decide
from lamplighter.governance.keys import signed_by_console, signing_key
from lamplighter.governance.roles import PERMISSIONS, Identity, Permission, Role

WHO = Identity("ann", Role.OPERATOR, "seat-1")
ASK = CommandRequest("V-31", "close", None, "burst main", seen="open")
FINE = Situation(
    mode=Mode.LIVE,
    asset_known=True,
    asset_mode="twin",
    actions=("open", "close"),
    state_now="open",
    device_live=True,
    link_live=True,
    tag="",
    interlocks=(Interlock("close", "hospital main", False),),
    second_person_needed=False,
    recent_commands=0,
    unknown_outcome=False,
)


def test_a_complete_fresh_request_gets_a_permit() -> None:
    assert isinstance(decide(ASK, WHO, FINE), Permit)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"mode": Mode.REPLAY}, "replay"),
        ({"mode": Mode.SCENARIO}, "scenario"),
        ({"asset_known": False}, "no such asset"),
        ({"asset_mode": "shadow"}, "shadow"),
        ({"actions": ("open",)}, "action"),
        ({"tag": "man in pit"}, "man in pit"),
        ({"link_live": False}, "link"),
        ({"device_live": False}, "not live"),
        ({"unknown_outcome": True}, "unknown"),
        ({"state_now": "closed"}, "changed since"),
        ({"interlocks": (Interlock("close", "hospital main", True),)}, "hospital main"),
        ({"second_person_needed": True}, "second person"),
        ({"recent_commands": 10}, "in a minute"),
    ],
)
def test_each_condition_alone_refuses(change: dict[str, object], word: str) -> None:
    verdict = decide(ASK, WHO, msgspec.structs.replace(FINE, **change))
    assert isinstance(verdict, Problem)
    assert verdict.code == "C-701"
    assert word in verdict.text


def test_nobody_approves_their_own_command() -> None:
    ask = msgspec.structs.replace(ASK, second_person="ann")
    situation = msgspec.structs.replace(FINE, second_person_needed=True)
    assert isinstance(decide(ask, WHO, situation), Problem)
    ask = msgspec.structs.replace(ASK, second_person="ben")
    assert isinstance(decide(ask, WHO, situation), Permit)


def test_a_command_needs_a_reason_and_the_right() -> None:
    assert isinstance(decide(msgspec.structs.replace(ASK, reason=" "), WHO, FINE), Problem)
    for role in Role:
        verdict = decide(ASK, Identity("x", role, "h"), FINE)
        assert isinstance(verdict, Permit) == (Permission.COMMAND in PERMISSIONS[role])


@pytest.fixture
def record(tmp_path: Path) -> tuple[Path, Ed25519PrivateKey]:
    key = signing_key(tmp_path / "keys")
    audit = AuditFile(tmp_path / "audit.db", key, SystemClock(), "seat-1")
    for number in range(120):
        audit.record(actor="ann", role="operator", action="ack", object=f"A-{number}")
    audit.close()
    return tmp_path / "audit.db", key


def test_an_untouched_record_verifies_and_the_key_is_private(
    record: tuple[Path, Ed25519PrivateKey],
) -> None:
    file, key = record
    assert verify(file, key).ok
    assert verify(file, key).rows == 120
    assert (file.parent / "keys" / "console.key").stat().st_mode & 0o077 == 0
    again = signing_key(file.parent / "keys")
    assert again.public_key() == key.public_key()


@pytest.mark.parametrize(
    ("tamper", "first_bad"),
    [
        (
            "UPDATE entry SET body = CAST(replace(CAST(body AS TEXT), 'A-41', 'A-99') AS BLOB)"
            " WHERE seq = 42",
            42,
        ),
        ("DELETE FROM entry WHERE seq = 42", 42),
        ("DELETE FROM entry WHERE seq > 110", 111),
        ("UPDATE entry SET hash = zeroblob(32) WHERE seq = 7", 7),
        ("UPDATE head SET signature = zeroblob(64) WHERE seq = 100", 100),
    ],
)
def test_every_change_is_found_and_located(
    record: tuple[Path, Ed25519PrivateKey], tamper: str, first_bad: int
) -> None:
    file, key = record
    with sqlite3.connect(file) as db:
        assert db.execute(tamper).rowcount > 0
    db.close()
    verdict = verify(file, key)
    assert not verdict.ok
    assert verdict.first_bad == first_bad


def test_rebuilding_the_whole_chain_is_caught_by_the_signed_head(
    record: tuple[Path, Ed25519PrivateKey], tmp_path: Path
) -> None:
    _, key = record
    forger = Ed25519PrivateKey.generate()
    forged = AuditFile(tmp_path / "forged.db", forger, SystemClock(), "seat-1")
    for number in range(120):
        forged.record(actor="eve", role="operator", action="ack", object=f"A-{number}")
    forged.close()
    assert not verify(tmp_path / "forged.db", key).ok
    assert verify(tmp_path / "forged.db", forger).ok


def test_a_record_in_a_folder_of_any_name_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "Town #1 50%20?"
    folder.mkdir()
    key = signing_key(folder / "keys")
    audit = AuditFile(folder / "audit.db", key, SystemClock(), "seat-1")
    audit.record(actor="ann", role="operator", action="ack", object="A-1")
    audit.close()
    assert [e.object for e in newest_entries(folder / "audit.db")] == ["A-1"]
    verdict = verify(folder / "audit.db", key)
    assert (verdict.ok, verdict.rows) == (True, 1)


def test_a_key_that_was_cut_while_it_was_made_is_made_anew(tmp_path: Path) -> None:
    """As a power cut leaves it: the file is there and empty, its public half is not."""
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "console.key").touch(0o600)
    key = signing_key(keys)
    assert signing_key(keys).public_key() == key.public_key()
    (keys / "console.pub").unlink()
    signing_key(keys)
    check = signed_by_console(keys)
    assert check is not None and check(b"x", key.sign(b"x"))
