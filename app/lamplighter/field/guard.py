"""The device's own judgement of a command: verify, select, operate once, and say what was done.

Nothing unsigned operates anything. An id that was seen is answered again and never operated
again, also after a restart.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from lamplighter.domain.clock import Clock
from lamplighter.domain.command import Command, Receipt, canonical, open_envelope
from lamplighter.field.ledger import ACTUATIONS, COMMANDS, Ledger

SKEW_MS: Final = 2_000
LONGEST_MS: Final = 12_000
TRUST_FILE: Final = "console.pub"

Operate = Callable[[str, str, float | None], str]
"""(target, action, value) -> the state afterwards; raises ValueError when it cannot be done"""


def read_key(path: Path) -> Ed25519PublicKey | None:
    """A console's public key: 64 hexadecimal characters, 32 raw bytes or PEM; None if absent.

    Raises ValueError when the file holds something else.
    """
    try:
        raw = path.read_bytes()
    except OSError:
        return None
    if b"BEGIN" in raw:
        key = load_pem_public_key(raw)
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError(f"{path.name} is no Ed25519 key")
        return key
    body = raw if len(raw) == 32 else bytes.fromhex(raw.decode("ascii", "replace").strip())
    return Ed25519PublicKey.from_public_bytes(body)


class CommandGuard:
    """Judges and carries out commands for the targets of one device program."""

    def __init__(
        self,
        trust: Path,
        ledger: Ledger,
        clock: Clock,
        state_of: Callable[[str], str | None],
        operate: Operate,
    ) -> None:
        """`state_of` gives the state of a target it can operate, None for any other."""
        self._trust = trust
        self._ledger = ledger
        self._clock = clock
        self._state_of = state_of
        self._operate = operate
        self._seen: dict[str, Receipt] = {}
        self._counters: dict[str, int] = {}
        self.void = 0
        self.operated = 0
        for entry in ledger.entries(COMMANDS):
            self._seen[entry["id"]] = Receipt(
                entry["id"], entry["result"], entry["detail"], entry["time_ms"], entry["measured"]
            )
            issuer, counter = str(entry["issuer"]), int(entry["counter"])
            self._counters[issuer] = max(counter, self._counters.get(issuer, -1))

    def receive(self, source: str, payload: bytes, *, retained: bool) -> Receipt | None:
        """The receipt to publish, or None: what cannot be trusted is void and not answered."""
        command = None if retained else self._verified(payload)
        if command is None:
            self.void += 1
            return None
        if command.id in self._seen:
            return self._seen[command.id]
        fault = self._fault(source, command)
        if fault:
            return self._remember(command, Receipt(command.id, "refused", fault, self._now()))
        # the id is on disk before anything moves: a restart never operates it a second time
        self._remember(
            command, Receipt(command.id, "refused", "interrupted; read the state back", self._now())
        )
        try:
            measured = self._operate(command.target, command.action, command.value)
        except ValueError as error:
            return self._remember(command, Receipt(command.id, "refused", str(error), self._now()))
        self.operated += 1
        receipt = Receipt(command.id, "executed", "", self._now(), measured)
        self._ledger.note(
            ACTUATIONS,
            {
                "id": command.id,
                "source": source,
                "target": command.target,
                "action": command.action,
                "value": command.value,
                "issuer": command.issuer,
                "time_ms": receipt.time_ms,
                "measured": measured,
            },
        )
        return self._remember(command, receipt)

    def _now(self) -> int:
        return self._clock.wall_ms()

    def _verified(self, payload: bytes) -> Command | None:
        try:
            command, signature = open_envelope(payload)
            key = read_key(self._trust)
            if key is None:
                return None
            key.verify(signature, canonical(command))
        except (ValueError, InvalidSignature):
            return None
        return command

    def _fault(self, source: str, command: Command) -> str:
        now = self._now()
        if command.source != source:
            return f"addressed to {command.source}, not to {source}"
        if command.expires_ms - command.not_before_ms > LONGEST_MS:
            return "valid for too long"
        if now < command.not_before_ms - SKEW_MS:
            return "not valid yet"
        if now > command.expires_ms + SKEW_MS:
            return "expired"
        if command.counter <= self._counters.get(command.issuer, -1):
            return "older than a command already seen"
        state = self._state_of(command.target)
        if state is None:
            return f"{command.target} cannot be operated here"
        if command.precondition and command.precondition != state:
            return f"{command.target} is {state}, not {command.precondition}"
        return ""

    def _remember(self, command: Command, receipt: Receipt) -> Receipt:
        self._seen[command.id] = receipt
        known = self._counters.get(command.issuer, -1)
        self._counters[command.issuer] = max(command.counter, known)
        self._ledger.note(
            COMMANDS,
            {
                "id": command.id,
                "issuer": command.issuer,
                "counter": command.counter,
                "result": receipt.result,
                "detail": receipt.detail,
                "time_ms": receipt.time_ms,
                "measured": receipt.measured,
            },
        )
        return receipt
