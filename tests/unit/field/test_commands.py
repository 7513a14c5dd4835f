"""The device's own judgement: only a signed, fresh and unseen command operates anything."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.kit.clocks import FakeClock

from lamplighter.domain.command import Command, Receipt, canonical, envelope, open_envelope
from lamplighter.field.guard import CommandGuard, read_key
from lamplighter.field.ledger import ACTUATIONS, COMMANDS, Ledger

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
CLOCK = FakeClock()
NOW = CLOCK.wall_ms()


def command(**changes: object) -> Command:
    plain = Command(
        id="a1",
        issuer="ada",
        role="operator",
        zone="demo",
        target="V-118",
        source="gw-1",
        action="close",
        value=None,
        precondition="open",
        not_before_ms=NOW - 1_000,
        expires_ms=NOW + 8_000,
        counter=1,
        reason="leak behind it",
    )
    return msgspec.structs.replace(plain, **changes)


def signed(one: Command, key: Ed25519PrivateKey = KEY) -> bytes:
    return envelope(one, key.sign(canonical(one)))


class Bench:
    """A guard over one valve, with its ledger on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = "open"
        self.done: list[tuple[str, str]] = []
        raw = KEY.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw
        )
        (folder / "console.pub").write_text(raw.hex() + "\n")
        self.ledger = Ledger(folder / "ledger", safe=True)
        self.guard = self.again()

    def again(self) -> CommandGuard:
        """The device after a restart."""
        return CommandGuard(
            self.folder / "console.pub", self.ledger, FakeClock(NOW), self.state_of, self.operate
        )

    def state_of(self, target: str) -> str | None:
        return self.state if target == "V-118" else None

    def operate(self, target: str, action: str, value: float | None) -> str:
        if action not in ("open", "close"):
            raise ValueError(f"{target} cannot {action}")
        self.done.append((target, action))
        self.state = "closed" if action == "close" else "open"
        return self.state

    def give(self, payload: bytes, *, retained: bool = False) -> Receipt | None:
        return self.guard.receive("gw-1", payload, retained=retained)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.ledger.close()


def test_a_signed_command_is_operated_written_down_and_answered(bench: Bench) -> None:
    receipt = bench.give(signed(command()))
    assert receipt is not None
    assert (receipt.id, receipt.result, receipt.measured) == ("a1", "executed", "closed")
    assert bench.done == [("V-118", "close")]
    (entry,) = bench.ledger.entries(ACTUATIONS)
    assert entry["id"] == "a1" and entry["target"] == "V-118" and entry["measured"] == "closed"


def flipped(payload: bytes) -> bytes:
    return payload.replace(b'"close"', b'"open"')


@pytest.mark.parametrize(
    "make",
    [
        lambda: b'{"command": "close V-118"}',
        lambda: canonical(command()),
        lambda: json.dumps({"close": "V-118"}).encode(),
        lambda: b"\xff\x00",
        lambda: b"[" * 5_000,
        lambda: flipped(signed(command())),
        lambda: signed(command(), Ed25519PrivateKey.generate()),
        lambda: envelope(command(), b""),
        lambda: envelope(command(), bytes(64)),
    ],
    ids=[
        "no envelope", "no signature", "other words", "no text", "deep", "changed", "other key",
        "empty", "zeros",
    ],
)  # fmt: skip
def test_what_is_not_signed_by_the_console_is_void(bench: Bench, make: Callable[[], bytes]) -> None:
    assert bench.give(make()) is None
    assert bench.done == [] and bench.guard.void == 1
    assert bench.ledger.entries(COMMANDS) == []


def test_a_retained_command_is_void_even_when_signed(bench: Bench) -> None:
    assert bench.give(signed(command()), retained=True) is None
    assert bench.done == []


def test_without_a_trusted_key_every_command_is_void(bench: Bench) -> None:
    (bench.folder / "console.pub").unlink()
    assert bench.give(signed(command())) is None
    (bench.folder / "console.pub").write_text("not a key")
    assert bench.give(signed(command())) is None
    assert bench.done == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"not_before_ms": NOW - 20_000, "expires_ms": NOW - 12_000}, "expired"),
        ({"not_before_ms": NOW + 5_000, "expires_ms": NOW + 9_000}, "not valid yet"),
        ({"expires_ms": NOW + 3_600_000}, "too long"),
        ({"source": "gw-2"}, "addressed to gw-2"),
        ({"target": "V-999"}, "cannot be operated"),
        ({"precondition": "closed"}, "is open, not closed"),
        ({"action": "explode"}, "cannot explode"),
    ],
)
def test_a_command_that_does_not_fit_is_refused_with_its_reason(
    bench: Bench, changes: dict[str, object], why: str
) -> None:
    receipt = bench.give(signed(command(**changes)))
    assert receipt is not None and receipt.result == "refused"
    assert why in receipt.detail
    assert bench.done == [] and bench.ledger.entries(ACTUATIONS) == []


def test_the_same_command_is_answered_again_and_never_operated_again(bench: Bench) -> None:
    first = bench.give(signed(command()))
    bench.state = "open"
    assert bench.give(signed(command())) == first
    bench.guard = bench.again()
    assert bench.give(signed(command())) == first
    assert len(bench.done) == 1 and len(bench.ledger.entries(ACTUATIONS)) == 1


def test_an_older_counter_of_the_same_issuer_is_refused_also_after_a_restart(bench: Bench) -> None:
    bench.give(signed(command(counter=7)))
    bench.guard = bench.again()
    receipt = bench.give(signed(command(id="b2", counter=7, action="open", precondition="closed")))
    assert receipt is not None and receipt.result == "refused"
    assert "older" in receipt.detail
    other = command(id="c3", counter=1, issuer="bob", action="open", precondition="closed")
    answer = bench.give(signed(other))
    assert answer is not None and answer.result == "executed"


def test_a_command_cut_off_in_the_middle_is_not_operated_after_the_restart(bench: Bench) -> None:
    def dies(target: str, action: str, value: float | None) -> str:
        raise KeyboardInterrupt

    guard = CommandGuard(
        bench.folder / "console.pub", bench.ledger, FakeClock(NOW), bench.state_of, dies
    )
    with pytest.raises(KeyboardInterrupt):
        guard.receive("gw-1", signed(command()), retained=False)
    bench.guard = bench.again()
    receipt = bench.give(signed(command()))
    assert receipt is not None and receipt.result == "refused"
    assert "interrupted" in receipt.detail and bench.done == []


def test_the_canonical_bytes_do_not_depend_on_the_order_of_fields() -> None:
    one, signature = open_envelope(signed(command()))
    assert canonical(one) == canonical(command())
    keys = list(json.loads(canonical(one)))
    assert keys == sorted(keys) and len(keys) == len(Command.__struct_fields__)
    assert b" " not in canonical(command(reason=""))
    KEY.public_key().verify(signature, canonical(one))


def test_a_key_is_read_from_hex_raw_bytes_or_pem(tmp_path: Path) -> None:
    public = KEY.public_key()
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for body in (raw.hex().encode() + b"\n", raw, pem):
        (tmp_path / "key").write_bytes(body)
        assert read_key(tmp_path / "key") == public
    assert read_key(tmp_path / "absent") is None


def test_the_ledger_gives_messages_again_byte_for_byte(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, safe=True)
    bodies = [b'{"epoch":5,"seq":%d,"points":[["a",1,%d]]}' % (k, k) for k in range(20)]
    for seq, body in enumerate(bodies):
        assert ledger.keep("gw-1", 5, body) == seq
        ledger.keep("gw-2", 9, body)
    ledger.flush()
    assert ledger.again("gw-1", 5, 3, 7) == bodies[3:8]
    assert ledger.again("gw-1", 5, 18, 99) == bodies[18:]
    assert ledger.again("gw-1", 6, 0, 9) == []
    lines = (tmp_path / "observations.jsonl").read_bytes().splitlines()
    assert len(lines) == 40
    assert json.loads(lines[2]) == {"source": "gw-1", "epoch": 5, "seq": 1, "points": [["a", 1, 1]]}
    ledger.close()
